const ASCII_END = 128

/** The characters that one item of an expression stands for. */
export class CharacterSet {
  readonly #source: string
  /** The one character that it is; -1 for a class. */
  readonly #single: number
  /** Made when it is asked for the first time: most expressions never need it. */
  #members: Members | null = null

  /** @param source a character, an escape or a class, in the notation of JavaScript's `v` flag */
  constructor(source: string) {
    this.#source = source
    this.#single = singleOf(source)
  }

  has(codePoint: number): boolean {
    if (this.#single >= 0) return codePoint === this.#single
    this.#members ??= new Members(this.#source)
    return this.#members.has(codePoint)
  }
}

/** A character as it is, or punctuation behind a backslash. */
function singleOf(source: string): number {
  const match = /^(?:[^[\\]|\\[^A-Za-z0-9])$/u.exec(source)
  return match === null ? -1 : source.codePointAt(source.startsWith('\\') ? 1 : 0)!
}

class Members {
  readonly #regexp: RegExp
  /** One for each ASCII character that is in the set. */
  readonly #ascii = new Uint8Array(ASCII_END)

  constructor(source: string) {
    this.#regexp = new RegExp(`^${source}$`, 'v')
    for (let code = 0; code < ASCII_END; code++) {
      this.#ascii[code] = this.#regexp.test(String.fromCharCode(code)) ? 1 : 0
    }
  }

  has(codePoint: number): boolean {
    return codePoint < ASCII_END ? this.#ascii[codePoint] === 1 : this.#regexp.test(String.fromCodePoint(codePoint))
  }
}
