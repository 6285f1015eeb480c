import { classEscapes, propertyClass } from './sets.ts'

/** The message has the form of Erlang's compile errors, `{"missing )",1}`, which clients and people know. */
export class PatternError extends Error {
  readonly pattern: string
  readonly reason: string
  /** Bytes from the start of the pattern. */
  readonly offset: number

  constructor(pattern: string, reason: string, offset: number) {
    super(`{${JSON.stringify(reason)},${offset}}`)
    this.name = 'PatternError'
    this.pattern = pattern
    this.reason = reason
    this.offset = offset
  }
}

const CONTROL_ESCAPES: Readonly<Record<string, number>> = { a: 7, e: 27, f: 12, n: 10, r: 13, t: 9 }

/** Reads a pattern from left to right, and what inside and outside of character classes means the same. */
export class PcreReader {
  readonly pattern: string
  at = 0
  /** Whether `at` is between \Q and \E. */
  quoted = false

  constructor(pattern: string) {
    this.pattern = pattern
  }

  get ended(): boolean {
    return this.at >= this.pattern.length
  }

  /** The character at hand, or '' at the end. */
  get char(): string {
    return this.pattern[this.at] ?? ''
  }

  get rest(): string {
    return this.pattern.slice(this.at)
  }

  /** Reads one character of the pattern. */
  next(): number {
    const code = this.pattern.codePointAt(this.at)!
    this.at += code > 0xffff ? 2 : 1
    return code
  }

  skipQuoteMark(): boolean {
    const mark = this.quoted ? '\\E' : '\\Q'
    const stray = !this.quoted && this.pattern.startsWith('\\E', this.at)
    if (!stray && !this.pattern.startsWith(mark, this.at)) return false
    if (!stray) this.quoted = !this.quoted
    this.at += 2
    return true
  }

  /** Reads an escape that stands for one character, in a class or out of it. */
  characterEscape(): number {
    this.at++
    const letter = this.pattern[this.at] ?? this.fail('\\ at end of pattern')
    const control = CONTROL_ESCAPES[letter]
    if (control !== undefined) {
      this.at++
      return control
    }
    if (/[0-7]/.test(letter)) return this.#octal()
    if (letter === 'x' || letter === 'o') return this.#numeric(letter)
    if (letter === 'c') {
      const char = this.pattern[this.at + 1] ?? this.fail('\\c at end of pattern')
      this.at += 2
      return char.toUpperCase().charCodeAt(0) ^ 0x40
    }
    if (/[LlUu]/.test(letter) || letter === 'N') {
      this.fail('PCRE does not support \\L, \\l, \\N{name}, \\U, or \\u', this.at)
    }
    return this.next() // punctuation, and letters that mean nothing
  }

  #octal(): number {
    const digits = /^[0-7]{1,3}/.exec(this.rest)![0]
    this.at += digits.length
    const code = Number.parseInt(digits, 8)
    if (code > 0xff) this.fail('octal value is greater than \\377 in 8-bit non-UTF-8 mode', this.at - 1)
    return code
  }

  /** `\xh`, `\xhh`, `\x{h…}` and `\o{o…}`. */
  #numeric(letter: 'x' | 'o'): number {
    const rest = this.pattern.slice(++this.at)
    if (letter === 'x' && !rest.startsWith('{')) {
      const digits = /^[0-9A-Fa-f]{0,2}/.exec(rest)![0]
      this.at += digits.length
      return Number.parseInt(`0${digits}`, 16)
    }
    const match = (letter === 'x' ? /^\{([0-9A-Fa-f]+)\}/ : /^\{([0-7]+)\}/).exec(rest)
    if (match === null) {
      const kind = letter === 'x' ? 'non-hex' : 'non-octal'
      this.fail(`${kind} character in \\${letter}{} (closing brace missing?)`, this.at + 1)
    }
    this.at += match[0].length
    const code = Number.parseInt(match[1]!, letter === 'x' ? 16 : 8)
    if (code > 0x10ffff) this.fail('character value in \\x{} or \\o{} is too large', this.at - 1)
    return code
  }

  /** Reads an escape that stands for a set of characters; null, and nothing read, when the one at hand does not. */
  classEscape(letter: string): string | null {
    if (letter === 'p' || letter === 'P') {
      const match = /^\\[pP](?:\{(\^?)([\w&]+)\}|([A-Za-z]))/.exec(this.rest)
      if (match === null) this.fail('malformed \\P or \\p sequence', this.at + 2)
      this.at += match[0].length
      const negated = (letter === 'P') !== (match[1] === '^')
      return (
        propertyClass(match[2] ?? match[3]!, negated) ??
        this.fail('unknown property name after \\P or \\p', this.at - 1)
      )
    }
    const set = classEscapes.get(letter)
    if (set === undefined) return null
    if (letter === 'N' && /^\{(?!\d+(?:,\d*)?\})/.test(this.pattern.slice(this.at + 2))) return null
    this.at += 2
    return set
  }

  refuse(what: string, at: number = this.at): never {
    this.fail(`${what} not supported`, at)
  }

  fail(reason: string, at: number = this.pattern.length): never {
    throw new PatternError(this.pattern, reason, Buffer.byteLength(this.pattern.slice(0, at)))
  }
}
