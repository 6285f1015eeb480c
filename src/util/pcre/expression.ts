import { CharacterSet } from './character-set.ts'

/** A regular expression as a tree. What cannot be seen from whether a text matches (captures, greed) is not in it. */
export type Expression =
  | { readonly kind: 'set'; readonly set: CharacterSet }
  | { readonly kind: 'assertion'; readonly what: Assertion }
  | { readonly kind: 'look'; readonly ahead: boolean; readonly negative: boolean; readonly body: Expression }
  | { readonly kind: 'sequence'; readonly parts: readonly Expression[] }
  | { readonly kind: 'choice'; readonly branches: readonly Expression[] }
  | { readonly kind: 'repeat'; readonly body: Expression; readonly min: number; readonly max: number }

/** The start and the end of the text, and whether a word begins or ends here. */
export type Assertion = '^' | '$' | '\\b' | '\\B'

/**
 * Reads what the translator has written (`src/util/pcre.ts`): a valid expression for JavaScript's `v` flag, without captures and
 * backreferences.
 */
export function parseExpression(source: string): Expression {
  return new ExpressionParser(source).parse()
}

const GROUPS = [
  { opening: '(?:', look: null },
  { opening: '(?=', look: { ahead: true, negative: false } },
  { opening: '(?!', look: { ahead: true, negative: true } },
  { opening: '(?<=', look: { ahead: false, negative: false } },
  { opening: '(?<!', look: { ahead: false, negative: true } },
] as const

class ExpressionParser {
  readonly #source: string
  #at = 0

  constructor(source: string) {
    this.#source = source
  }

  /** Up to the end, or the closing bracket of a group. */
  parse(): Expression {
    const branches = [this.#sequence()]
    while (this.#take('|')) branches.push(this.#sequence())
    return branches.length === 1 ? branches[0]! : { kind: 'choice', branches }
  }

  #sequence(): Expression {
    const parts: Expression[] = []
    while (this.#at < this.#source.length && !')|'.includes(this.#source[this.#at]!)) {
      parts.push(this.#repeated(this.#item()))
    }
    return parts.length === 1 ? parts[0]! : { kind: 'sequence', parts }
  }

  #item(): Expression {
    for (const what of ['^', '$', '\\b', '\\B'] as const) if (this.#take(what)) return { kind: 'assertion', what }
    for (const { opening, look } of GROUPS) {
      if (!this.#take(opening)) continue
      const body = this.parse()
      this.#at++
      return look === null ? body : { kind: 'look', ...look, body }
    }
    return { kind: 'set', set: new CharacterSet(this.#atom()) }
  }

  #repeated(body: Expression): Expression {
    const quantifier = /^(?:[*+?]|\{(\d+)(,(\d*))?\})\??/.exec(this.#source.slice(this.#at, this.#at + QUANTIFIER_MAX))
    if (quantifier === null) return body
    this.#at += quantifier[0].length
    const [text, least, comma, most] = quantifier
    if (least === undefined) {
      return { kind: 'repeat', body, min: text.startsWith('+') ? 1 : 0, max: text.startsWith('?') ? 1 : Infinity }
    }
    const min = Number(least)
    const max = comma === undefined ? min : most === '' ? Infinity : Number(most)
    return { kind: 'repeat', body, min, max }
  }

  /** The source of what stands for one character. */
  #atom(): string {
    const start = this.#at
    const char = this.#source[start]!
    if (char === '[') this.#skipClass()
    else if (char === '\\') this.#skipEscape()
    else this.#at += this.#source.codePointAt(start)! > 0xffff ? 2 : 1
    return this.#source.slice(start, this.#at)
  }

  #skipEscape(): void {
    const property = /^\\[pP]\{[^}]*\}/.exec(this.#source.slice(this.#at, this.#at + PROPERTY_MAX))
    this.#at += property?.[0].length ?? 2
  }

  #skipClass(): void {
    let depth = 0
    do {
      const char = this.#source[this.#at]
      if (char === '[') depth++
      else if (char === ']') depth--
      this.#at += char === '\\' ? 2 : 1
    } while (depth > 0)
  }

  #take(text: string): boolean {
    if (!this.#source.startsWith(text, this.#at)) return false
    this.#at += text.length
    return true
  }
}

/** Characters: `{65535,65535}?` is the longest. */
const QUANTIFIER_MAX = 16
/** Characters that are enough for any `\p{Script=…}`. */
const PROPERTY_MAX = 80
