// JSON as it is written. JSON.parse keeps less: of whole numbers beyond 2^53 the last digits go, of 1.0 the fraction, of two
// keys of one name the first, and keys that look like numbers change places.

/** Strings, punctuation, and what stands between: numbers, true, false, null. White space is left out. */
const TOKENS = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/gs
const STEP = '  '

const tokensOf = (json: string): readonly string[] => json.match(TOKENS) ?? []

/** The same tokens, a line for each item. Null for what is not an object or a list in JSON. */
export function indentJson(text: string): string | null {
  if (!/^\s*[[{]/.test(text) || !isJson(text)) return null
  const tokens = tokensOf(text)
  let out = ''
  let indent = '\n'
  for (const [i, token] of tokens.entries()) {
    if (token === '{' || token === '[') {
      indent += STEP
      out += isEnd(tokens[i + 1]) ? token : token + indent
    } else if (isEnd(token)) {
      indent = indent.slice(0, -STEP.length)
      out += isStart(tokens[i - 1]) ? token : indent + token
    } else if (token === ',') out += token + indent
    else if (token === ':') out += ': '
    else out += token
  }
  return out
}

const isStart = (token: string | undefined): boolean => token === '{' || token === '['
const isEnd = (token: string | undefined): boolean => token === '}' || token === ']'

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** A whole number with more digits than a number of JavaScript holds: read and written again it may be another. */
const isInexact = (token: string): boolean => {
  const value = Number(token)
  return Number.isInteger(value) ? !Number.isSafeInteger(value) : !Number.isFinite(value) && /^-?\d/.test(token)
}

/** The first number of a text in JSON that would not be sent as it is written; null where there is none. */
export const inexactNumber = (json: string): string | null => tokensOf(json).find(isInexact) ?? null
