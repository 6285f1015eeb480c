import type { Expression } from './expression.ts'
import { ACCEPT, ASSERTION, ASSERTIONS, JUMP, LOOK, Machine, SET, SPLIT } from './machine.ts'

// A regular expression as a nondeterministic automaton (Thompson's construction; R. Cox, "Regular Expression Matching Can Be Simple And
// Fast", 2007). All ways are followed at once, a character at a time, so that a text takes its length times the size of the automaton,
// whatever the expression is.
//
// What looks ahead or behind has an automaton of its own. It runs over the text first and says for each place whether it holds there:
// one that looks ahead runs from the end to the beginning, over its expression turned round.

/** The automaton would have more steps than are allowed. */
export class TooLargeError extends Error {}

export class Automaton {
  readonly #machine: Machine
  readonly #looks: readonly Look[]

  /** @throws TooLargeError for more than `stepsMax` steps */
  constructor(expression: Expression, stepsMax: number) {
    const builder = new Builder(stepsMax)
    this.#machine = builder.build(expression, false)
    this.#looks = builder.looks
  }

  /** Whether it matches a part of the text. */
  test(text: string): boolean {
    const characters = charactersOf(text)
    const holds: Uint8Array[] = []
    for (const { machine, negative } of this.#looks) {
      const places = new Uint8Array(characters.length + 1)
      machine.run(characters, holds, places)
      if (negative) for (let i = 0; i < places.length; i++) places[i] = 1 - places[i]!
      holds.push(places)
    }
    return this.#machine.run(characters, holds, null)
  }
}

interface Look {
  readonly machine: Machine
  readonly negative: boolean
}

class Builder {
  /** Those inside of others come first. */
  readonly looks: Look[] = []
  readonly #indexes = new Map<Expression, number>()
  readonly #stepsMax: number
  #steps = 0

  constructor(stepsMax: number) {
    this.#stepsMax = stepsMax
  }

  build(expression: Expression, backwards: boolean): Machine {
    const machine = new Machine(backwards)
    this.#emit(machine, expression)
    this.#step(machine, ACCEPT)
    return machine
  }

  #step(machine: Machine, op: number, operand = 0): number {
    if (++this.#steps > this.#stepsMax) throw new TooLargeError()
    return machine.add(op, operand)
  }

  #emit(machine: Machine, expression: Expression): void {
    switch (expression.kind) {
      case 'set':
        this.#step(machine, SET, machine.indexOf(expression.set))
        return
      case 'assertion':
        this.#step(machine, ASSERTION, ASSERTIONS.indexOf(expression.what))
        return
      case 'look':
        this.#step(machine, LOOK, this.#lookOf(expression))
        return
      case 'sequence':
        for (const part of machine.backwards ? expression.parts.toReversed() : expression.parts) {
          this.#emit(machine, part)
        }
        return
      case 'choice':
        return this.#choice(machine, expression.branches)
      case 'repeat':
        return this.#repeat(machine, expression)
    }
  }

  #choice(machine: Machine, branches: readonly Expression[]): void {
    const ends: number[] = []
    for (const branch of branches.slice(0, -1)) {
      const split = this.#step(machine, SPLIT)
      this.#emit(machine, branch)
      ends.push(this.#step(machine, JUMP))
      machine.leadTo(split, machine.size)
    }
    this.#emit(machine, branches.at(-1)!)
    for (const end of ends) machine.leadTo(end, machine.size)
  }

  #repeat(machine: Machine, { body, min, max }: Extract<Expression, { kind: 'repeat' }>): void {
    for (let i = 0; i < min; i++) this.#emit(machine, body)
    if (max === Infinity) {
      const split = this.#step(machine, SPLIT)
      this.#emit(machine, body)
      machine.leadTo(this.#step(machine, JUMP), split)
      machine.leadTo(split, machine.size)
      return
    }
    const splits: number[] = []
    for (let i = min; i < max; i++) {
      splits.push(this.#step(machine, SPLIT))
      this.#emit(machine, body)
    }
    for (const split of splits) machine.leadTo(split, machine.size)
  }

  /** One that is repeated is looked at once. */
  #lookOf(look: Extract<Expression, { kind: 'look' }>): number {
    const known = this.#indexes.get(look)
    if (known !== undefined) return known
    const machine = this.build(look.body, look.ahead)
    const index = this.looks.push({ machine, negative: look.negative }) - 1
    this.#indexes.set(look, index)
    return index
  }
}

function charactersOf(text: string): Int32Array {
  const characters = new Int32Array(text.length)
  let size = 0
  for (let at = 0; at < text.length; size++) {
    const codePoint = text.codePointAt(at)!
    characters[size] = codePoint
    at += codePoint > 0xffff ? 2 : 1
  }
  return size === text.length ? characters : characters.slice(0, size)
}
