import { SelectorError } from './selector.ts'

export type TokenKind = 'identifier' | 'keyword' | 'string' | 'number' | 'symbol' | 'end'

export interface Token {
  readonly kind: TokenKind
  /** A keyword in capitals, a string without its quotes, else the text. */
  readonly text: string
  /** Where it starts, for error texts. */
  readonly offset: number
}

const KEYWORDS: ReadonlySet<string> = new Set([
  'AND',
  'BETWEEN',
  'ESCAPE',
  'FALSE',
  'IN',
  'IS',
  'LIKE',
  'NOT',
  'NULL',
  'OR',
  'TRUE',
])

// Sticky, and none can match the same text in two ways: the time is linear in the text.
const SPACE = /\s+/uy
const WORD = /[\p{L}\p{Nl}_$][\p{L}\p{Nl}\p{Nd}_$.]*/uy
const NUMBER =
  /(?:0[xX][0-9a-fA-F]+[lL]?|(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[lLfFdD]?)(?![\p{L}\p{Nd}_$.])/uy
const SYMBOL = /<>|<=|>=|[=<>+\-*/(),]/y

/**
 * Splits a selector into tokens, the last one of kind `end`. Identifiers may contain dots, as the RabbitMQ JMS client
 * allows.
 * @throws SelectorError
 */
export function tokensOf(text: string): Token[] {
  const tokens: Token[] = []
  let offset = 0
  const take = (pattern: RegExp): string | null => {
    pattern.lastIndex = offset
    return pattern.exec(text)?.[0] ?? null
  }
  for (;;) {
    offset += take(SPACE)?.length ?? 0
    if (offset === text.length) break
    if (text[offset] === "'") {
      const end = endOfString(text, offset)
      tokens.push({ kind: 'string', text: text.slice(offset + 1, end - 1).replaceAll("''", "'"), offset })
      offset = end
      continue
    }
    const word = take(WORD)
    const matched = word ?? take(NUMBER) ?? take(SYMBOL)
    if (matched === null) throw new SelectorError(`unexpected character at offset ${offset}`)
    if (word !== null) tokens.push(wordToken(word, offset))
    else tokens.push({ kind: /^\.?[0-9]/.test(matched) ? 'number' : 'symbol', text: matched, offset })
    offset += matched.length
  }
  tokens.push({ kind: 'end', text: 'end of selector', offset })
  return tokens
}

function wordToken(word: string, offset: number): Token {
  const upper = word.toUpperCase()
  return KEYWORDS.has(upper) ? { kind: 'keyword', text: upper, offset } : { kind: 'identifier', text: word, offset }
}

/** Behind the closing quote. A quote in a string is doubled. */
function endOfString(text: string, start: number): number {
  for (let from = start + 1; ;) {
    const quote = text.indexOf("'", from)
    if (quote === -1) throw new SelectorError(`unterminated string at offset ${start}`)
    if (text[quote + 1] !== "'") return quote + 1
    from = quote + 2
  }
}

/**
 * A number as Java writes it: decimal or hexadecimal, with or without point, exponent and type letter.
 * @throws SelectorError when it does not fit 64 bits
 */
export function numberOf(text: string): number | bigint {
  const hex = /^0x/i.test(text)
  if (!hex && /[.eEfFdD]/.test(text)) {
    const value = Number(text.replace(/[lLfFdD]$/, ''))
    if (!Number.isFinite(value)) throw outOfRange(text)
    return value
  }
  const value = BigInt(text.replace(/[lL]$/, ''))
  // The sign is not part of the number, and the lowest integer has no positive twin.
  if (value > 0x8000_0000_0000_0000n) throw outOfRange(text)
  return value <= Number.MAX_SAFE_INTEGER ? Number(value) : value
}

const outOfRange = (text: string): SelectorError => new SelectorError(`number out of range: ${text}`)
