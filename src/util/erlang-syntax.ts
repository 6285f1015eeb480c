/**
 * Terms as they are written in Erlang's configuration files: atoms, numbers, strings, binaries, tuples, lists and maps, with comments.
 *
 *     {in_group, "cn=${vhost}-users,ou=groups,dc=example,dc=com", "uniqueMember"}   % a comment
 *
 * A string stays apart from a list, although Erlang has but one of them, and a binary is text.
 */
export type ErlangTerm =
  | { readonly type: 'atom'; readonly name: string }
  | { readonly type: 'number'; readonly value: number }
  | { readonly type: 'string'; readonly text: string }
  | { readonly type: 'binary'; readonly text: string }
  | { readonly type: 'tuple'; readonly items: readonly ErlangTerm[] }
  | { readonly type: 'list'; readonly items: readonly ErlangTerm[] }
  | { readonly type: 'map'; readonly entries: readonly (readonly [ErlangTerm, ErlangTerm])[] }

/** The message tells line and column, counted from 1. */
export class ErlangSyntaxError extends Error {
  constructor(text: string, source: string, offset: number) {
    const before = source.slice(0, offset).split('\n')
    super(`line ${before.length}, column ${before.at(-1)!.length + 1}: ${text}`)
    this.name = 'ErlangSyntaxError'
  }
}

/** One term; a full stop after it may be there or not. @throws ErlangSyntaxError */
export function parseErlangTerm(source: string): ErlangTerm {
  return new Parser(source).only()
}

const DEPTH_MAX = 100
const ESCAPES: Readonly<Record<string, string>> = {
  b: '\b',
  d: '\u007f',
  e: '\u001b',
  f: '\f',
  n: '\n',
  r: '\r',
  s: ' ',
  t: '\t',
  v: '\v',
}

class Parser {
  readonly #source: string
  #at = 0
  #depth = 0

  constructor(source: string) {
    this.#source = source
  }

  only(): ErlangTerm {
    const term = this.#term()
    this.#skip()
    if (this.#source[this.#at] === '.') this.#at++
    this.#skip()
    if (this.#at < this.#source.length) throw this.#error('there is something after the term')
    return term
  }

  #error(text: string): ErlangSyntaxError {
    return new ErlangSyntaxError(text, this.#source, this.#at)
  }

  /** White space and comments. */
  #skip(): void {
    this.#match(/(?:\s+|%[^\n]*)*/y)
  }

  #match(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#source)?.[0] ?? null
    if (found !== null) this.#at += found.length
    return found
  }

  #take(text: string): boolean {
    this.#skip()
    if (!this.#source.startsWith(text, this.#at)) return false
    this.#at += text.length
    return true
  }

  #expect(text: string): void {
    if (!this.#take(text)) throw this.#error(`expected '${text}'`)
  }

  #term(): ErlangTerm {
    this.#skip()
    if (++this.#depth > DEPTH_MAX) throw this.#error('nested too deeply')
    const term = this.#bareTerm()
    this.#depth--
    return term
  }

  #bareTerm(): ErlangTerm {
    if (this.#take('{')) return { type: 'tuple', items: this.#items('}', () => this.#term()) }
    if (this.#take('[')) return { type: 'list', items: this.#items(']', () => this.#term()) }
    if (this.#take('#{')) return { type: 'map', entries: this.#items('}', () => this.#entry()) }
    if (this.#take('<<')) return { type: 'binary', text: this.#binary() }
    const first = this.#source[this.#at]
    if (first === '"') return { type: 'string', text: this.#strings() }
    if (first === "'") return { type: 'atom', name: this.#quoted("'") }
    const atom = this.#match(/[a-z][\w@]*/y)
    if (atom !== null) return { type: 'atom', name: atom }
    const value = this.#number()
    if (value !== null) return { type: 'number', value }
    throw this.#error('expected a term')
  }

  #items<T>(end: string, item: () => T): T[] {
    const items: T[] = []
    if (this.#take(end)) return items
    do items.push(item())
    while (this.#take(','))
    this.#expect(end)
    return items
  }

  #entry(): readonly [ErlangTerm, ErlangTerm] {
    const key = this.#term()
    this.#expect('=>')
    return [key, this.#term()]
  }

  /** Strings that follow each other are one. */
  #strings(): string {
    let text = ''
    while (this.#source[this.#at] === '"') {
      text += this.#quoted('"')
      this.#skip()
    }
    return text
  }

  #quoted(quote: string): string {
    this.#at++
    let text = ''
    for (;;) {
      const char = this.#source[this.#at]
      if (char === undefined) throw this.#error(`the ${quote} is not closed`)
      this.#at++
      if (char === quote) return text
      text += char === '\\' ? this.#escape() : char
    }
  }

  #escape(): string {
    const octal = this.#match(/[0-7]{1,3}/y)
    if (octal !== null) return String.fromCharCode(Number.parseInt(octal, 8))
    const hex = this.#match(/x(?:[0-9a-fA-F]{2}|\{[0-9a-fA-F]{1,6}\})/y)
    if (hex !== null) return this.#character(Number.parseInt(hex.replace(/[x{}]/g, ''), 16))
    const char = this.#source[this.#at] ?? ''
    this.#at++
    return ESCAPES[char] ?? char
  }

  #character(code: number): string {
    if (code > 0x10ffff) throw this.#error('is not a character')
    return String.fromCodePoint(code)
  }

  /** After `<<`: texts, and numbers of bytes. */
  #binary(): string {
    const parts = this.#items('>>', () => {
      this.#skip()
      if (this.#source[this.#at] === '"') {
        const text = this.#strings()
        this.#take('/utf8')
        return Buffer.from(text)
      }
      const byte = this.#number()
      if (byte === null || byte < 0 || byte > 255) throw this.#error('expected a text or a byte')
      return Buffer.from([byte])
    })
    return Buffer.concat(parts).toString()
  }

  #number(): number | null {
    const char = this.#match(/\$(?:\\[\s\S]|[\s\S])/y)
    if (char !== null) return char.length === 2 ? char.charCodeAt(1) : (ESCAPES[char[2]!] ?? char[2]!).charCodeAt(0)
    const based = this.#match(/-?\d{1,2}#[0-9a-zA-Z]+/y)
    if (based !== null) return this.#based(based)
    const written = this.#match(/-?\d[\d_]*(?:\.\d+(?:[eE][-+]?\d+)?)?/y)
    return written === null ? null : Number(written.replaceAll('_', ''))
  }

  #based(written: string): number {
    const [base, digits] = written.replace('-', '').split('#')
    const value = Number.parseInt(digits!, Number(base))
    if (Number.isNaN(value)) throw this.#error('is not a number')
    return written.startsWith('-') ? -value : value
  }
}

/** In one line, as Erlang would read it. */
export function printErlangTerm(term: ErlangTerm): string {
  switch (term.type) {
    case 'atom':
      return /^[a-z][\w@]*$/.test(term.name) ? term.name : `'${escape(term.name, "'")}'`
    case 'number':
      return String(term.value)
    case 'string':
      return `"${escape(term.text, '"')}"`
    case 'binary':
      return `<<"${escape(term.text, '"')}"/utf8>>`
    case 'tuple':
      return `{${term.items.map(printErlangTerm).join(',')}}`
    case 'list':
      return `[${term.items.map(printErlangTerm).join(',')}]`
    case 'map':
      return `#{${term.entries.map(([key, value]) => `${printErlangTerm(key)} => ${printErlangTerm(value)}`).join(',')}}`
  }
}

const escape = (text: string, quote: string): string =>
  text.replace(/[\\'"\n\r]/g, (char) => {
    if (char === '\n') return '\\n'
    if (char === '\r') return '\\r'
    return char === '\\' || char === quote ? `\\${char}` : char
  })
