/** A value, or several that follow each other for some seconds each, over and over: `100:60,1000:10`. */
export class Schedule {
  readonly #steps: readonly Step[]
  readonly #cycleSec: number

  constructor(steps: readonly Step[]) {
    this.#steps = steps
    this.#cycleSec = steps.reduce((sum, step) => sum + step.seconds, 0)
  }

  static constant(value: number): Schedule {
    return new Schedule([{ value, seconds: Infinity }])
  }

  /** @param elapsedSec since the start */
  at(elapsedSec: number): number {
    let rest = this.#cycleSec === Infinity ? elapsedSec : elapsedSec % this.#cycleSec
    for (const { value, seconds } of this.#steps) {
      if (rest < seconds) return value
      rest -= seconds
    }
    return this.#steps.at(-1)!.value
  }

  get isConstant(): boolean {
    return this.#steps.length === 1
  }

  get steps(): readonly Step[] {
    return this.#steps
  }
}

export interface Step {
  readonly value: number
  readonly seconds: number
}

/** @throws Error where the text is none */
export function parseSteps(texts: readonly string[]): readonly Step[] {
  return texts
    .flatMap((text) => text.split(','))
    .map((text) => {
      const [, value, seconds] = /^(\d+(?:\.\d+)?):(\d+)$/.exec(text.trim()) ?? []
      if (value === undefined || Number(seconds) < 1) throw new Error(`'${text}' is not VALUE:SECONDS`)
      return { value: Number(value), seconds: Number(seconds) }
    })
}
