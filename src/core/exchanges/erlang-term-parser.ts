import { SelectorError } from './selector.ts'

/** The terms that selectors are made of. */
export type ErlangTerm =
  | { readonly type: 'atom' | 'binary'; readonly value: string }
  | { readonly type: 'number'; readonly value: number | bigint }
  | { readonly type: 'tuple' | 'list'; readonly items: readonly ErlangTerm[] }

/** A chain of n conditions nests n deep. RabbitMQ stops at 16. */
const NESTING_MAX = 256
const DIGITS_MAX = 100

const SPACE = /[ \t\r\n]+/y
const BARE_ATOM = /[a-z][a-zA-Z0-9_@]*/y
const NUMBER = /[+-]?[ \t\r\n]*([0-9]+)(?:\.([0-9]+)(?:[eE][+-]?([0-9]+))?)?/y

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' }

/**
 * Reads the text of one Erlang term, with or without the final dot. Binaries and strings are text; anything that
 * selectors have no use for (maps, funs, variables, binaries of numbers) is refused.
 * @throws SelectorError
 */
export function parseErlangTerm(text: string): ErlangTerm {
  return new TermParser(text).parse()
}

class TermParser {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  parse(): ErlangTerm {
    const term = this.#term(0)
    this.#take('.')
    this.#skipSpace()
    if (this.#at < this.#text.length) throw this.#unexpected()
    return term
  }

  #term(depth: number): ErlangTerm {
    if (depth > NESTING_MAX) throw new SelectorError(`nested deeper than ${NESTING_MAX}`)
    if (this.#take('{')) return { type: 'tuple', items: this.#items('}', depth) }
    if (this.#take('[')) return { type: 'list', items: this.#items(']', depth) }
    if (this.#take('<<')) return { type: 'binary', value: this.#binary() }
    if (this.#take("'")) return { type: 'atom', value: this.#quoted("'") }
    const atom = this.#match(BARE_ATOM)
    if (atom !== null) return { type: 'atom', value: atom[0] }
    return { type: 'number', value: this.#number() }
  }

  #items(close: '}' | ']', depth: number): ErlangTerm[] {
    const items: ErlangTerm[] = []
    if (this.#take(close)) return items
    do items.push(this.#term(depth + 1))
    while (this.#take(','))
    if (!this.#take(close)) throw this.#unexpected()
    return items
  }

  #binary(): string {
    if (this.#take('>>')) return ''
    if (!this.#take('"')) throw this.#unexpected()
    const value = this.#quoted('"')
    this.#take('/utf8')
    if (!this.#take('>>')) throw this.#unexpected()
    return value
  }

  /** Up to and with the closing quote. */
  #quoted(quote: string): string {
    const text = this.#text
    let value = ''
    let from = this.#at
    for (let at = from; at < text.length; at++) {
      if (text[at] === quote) {
        this.#at = at + 1
        return value + text.slice(from, at)
      }
      if (text[at] !== '\\' || at + 1 === text.length) continue
      const escaped = text[at + 1]!
      value += text.slice(from, at) + (ESCAPES[escaped] ?? escaped)
      from = at + 2
      at++
    }
    throw new SelectorError(`unterminated ${quote} before offset ${text.length}`)
  }

  #number(): number | bigint {
    const match = this.#match(NUMBER)
    if (match === null) throw this.#unexpected()
    const [text, integer, fraction, exponent] = match
    for (const digits of [integer, fraction, exponent]) {
      if (digits !== undefined && digits.length > DIGITS_MAX) throw new SelectorError('number too long')
    }
    const compact = text.replace(/[ \t\r\n+]/g, '')
    if (fraction !== undefined) {
      const float = Number(compact)
      if (!Number.isFinite(float)) throw new SelectorError('number out of range')
      return float
    }
    const value = BigInt(compact)
    const asNumber = Number(value)
    return Number.isSafeInteger(asNumber) ? asNumber : value
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    this.#skipSpace()
    pattern.lastIndex = this.#at
    const match = pattern.exec(this.#text)
    if (match !== null) this.#at += match[0].length
    return match
  }

  #take(symbol: string): boolean {
    this.#skipSpace()
    if (!this.#text.startsWith(symbol, this.#at)) return false
    this.#at += symbol.length
    return true
  }

  #skipSpace(): void {
    SPACE.lastIndex = this.#at
    if (SPACE.test(this.#text)) this.#at = SPACE.lastIndex
  }

  #unexpected(): SelectorError {
    if (this.#at >= this.#text.length) return new SelectorError('unexpected end of selector')
    return new SelectorError(`unexpected character at offset ${this.#at}`)
  }
}
