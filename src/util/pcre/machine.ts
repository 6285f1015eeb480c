import type { CharacterSet } from './character-set.ts'
import type { Assertion } from './expression.ts'

// Steps: on a character of a set, two ways on, on elsewhere, on where something holds, and the end.
export const SET = 0
export const SPLIT = 1
export const JUMP = 2
export const ASSERTION = 3
export const LOOK = 4
export const ACCEPT = 5

export const ASSERTIONS: readonly Assertion[] = ['^', '$', '\\b', '\\B']

/** What a machine needs while it runs. One does at a time, and there may be many of them. */
class Scratch {
  /** Steps that the last character led to. */
  readonly reached: Int32Array
  /** Steps that wait for a character at this place. */
  readonly waiting: Int32Array
  readonly pending: Int32Array
  /** For each step when it was taken up last: it is once at a place. */
  readonly takenUp: Float64Array
  readonly size: number
  now = 0

  constructor(size: number) {
    this.size = size
    this.reached = new Int32Array(size)
    this.waiting = new Int32Array(size)
    this.pending = new Int32Array(size)
    this.takenUp = new Float64Array(size)
  }
}

let scratch = new Scratch(64)

/** The steps of one automaton, and what is needed while it runs. */
export class Machine {
  readonly backwards: boolean
  readonly #ops: number[] = []
  /** A set, an assertion or a look by its index, or where a jump or the second way of a split leads. */
  readonly #operands: number[] = []
  readonly #sets: CharacterSet[] = []
  #reachedSize = 0
  #waitingSize = 0
  #pendingSize = 0

  constructor(backwards: boolean) {
    this.backwards = backwards
  }

  get size(): number {
    return this.#ops.length
  }

  /** @returns its index */
  add(op: number, operand: number): number {
    this.#operands.push(operand)
    return this.#ops.push(op) - 1
  }

  leadTo(step: number, target: number): void {
    this.#operands[step] = target
  }

  indexOf(set: CharacterSet): number {
    const known = this.#sets.indexOf(set)
    return known === -1 ? this.#sets.push(set) - 1 : known
  }

  /**
   * @param holds of each look, one for each place where it holds
   * @param ends set to one wherever a match ends; null to stop at the first one
   * @returns whether there is a match
   */
  run(characters: Int32Array, holds: readonly Uint8Array[], ends: Uint8Array | null): boolean {
    const { length } = characters
    if (scratch.size < this.size) scratch = new Scratch(this.size * 2)
    this.#reachedSize = 0
    let matches = false
    for (let i = 0; i <= length; i++) {
      const place = this.backwards ? length - i : i
      if (this.#arrive(place, characters, holds)) {
        matches = true
        if (ends === null) return true
        ends[place] = 1
      }
      if (i < length) this.#read(characters[this.backwards ? place - 1 : place]!)
    }
    return matches
  }

  /** Goes from what was reached, and from the start since a match may begin anywhere. @returns whether one ends here */
  #arrive(place: number, characters: Int32Array, holds: readonly Uint8Array[]): boolean {
    const { reached, waiting, pending } = scratch
    scratch.now++
    this.#waitingSize = 0
    this.#takeUp(0)
    for (let i = 0; i < this.#reachedSize; i++) this.#takeUp(reached[i]!)
    let ends = false
    while (this.#pendingSize > 0) {
      const step = pending[--this.#pendingSize]!
      const operand = this.#operands[step]!
      switch (this.#ops[step]!) {
        case SET:
          waiting[this.#waitingSize++] = step
          break
        case SPLIT:
          this.#takeUp(operand)
          this.#takeUp(step + 1)
          break
        case JUMP:
          this.#takeUp(operand)
          break
        case ASSERTION:
          if (holdsAt(ASSERTIONS[operand]!, place, characters)) this.#takeUp(step + 1)
          break
        case LOOK:
          if (holds[operand]![place] === 1) this.#takeUp(step + 1)
          break
        case ACCEPT:
          ends = true
      }
    }
    return ends
  }

  #takeUp(step: number): void {
    if (scratch.takenUp[step] === scratch.now) return
    scratch.takenUp[step] = scratch.now
    scratch.pending[this.#pendingSize++] = step
  }

  #read(character: number): void {
    const { reached, waiting } = scratch
    this.#reachedSize = 0
    for (let i = 0; i < this.#waitingSize; i++) {
      const step = waiting[i]!
      if (this.#sets[this.#operands[step]!]!.has(character)) reached[this.#reachedSize++] = step + 1
    }
  }
}

function holdsAt(what: Assertion, place: number, characters: Int32Array): boolean {
  switch (what) {
    case '^':
      return place === 0
    case '$':
      return place === characters.length
    case '\\b':
      return isInWord(characters[place - 1]) !== isInWord(characters[place])
    case '\\B':
      return isInWord(characters[place - 1]) === isInWord(characters[place])
  }
}

const isInWord = (character: number | undefined): boolean =>
  character !== undefined && /\w/.test(String.fromCodePoint(character))
