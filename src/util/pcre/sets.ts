/** Sets of characters as PCRE names them, in the notation of JavaScript's `v` flag, where sets nest. */

const SPACE = '\\t-\\r '
const HORIZONTAL = '\\t \\xa0\\u1680\\u180e\\u2000-\\u200a\\u202f\\u205f\\u3000'
const VERTICAL = '\\n-\\r\\x85\\u2028\\u2029'

/** Escapes by letter: `\d` means the same in both, but JavaScript's `\s` knows more spaces. */
export const classEscapes: ReadonlyMap<string, string> = new Map([
  ['d', '\\d'],
  ['D', '\\D'],
  ['w', '\\w'],
  ['W', '\\W'],
  ['s', `[${SPACE}]`],
  ['S', `[^${SPACE}]`],
  ['h', `[${HORIZONTAL}]`],
  ['H', `[^${HORIZONTAL}]`],
  ['v', `[${VERTICAL}]`],
  ['V', `[^${VERTICAL}]`],
  ['N', '[^\\n]'],
])

const POSIX_CLASSES: ReadonlyMap<string, string> = new Map([
  ['alpha', 'A-Za-z'],
  ['digit', '0-9'],
  ['alnum', 'A-Za-z0-9'],
  ['upper', 'A-Z'],
  ['lower', 'a-z'],
  ['space', SPACE],
  ['blank', '\\t '],
  ['punct', '\\x21-\\x2f\\x3a-\\x40\\x5b-\\x60\\x7b-\\x7e'],
  ['print', '\\x20-\\x7e'],
  ['graph', '\\x21-\\x7e'],
  ['cntrl', '\\x00-\\x1f\\x7f'],
  ['xdigit', '0-9A-Fa-f'],
  ['word', '\\w'],
  ['ascii', '\\x00-\\x7f'],
])

/** `[:name:]`; null when there is no such class. */
export function posixClass(name: string, negated: boolean, ignoreCase: boolean): string | null {
  const cased = name === 'upper' || name === 'lower'
  const set = POSIX_CLASSES.get(cased && ignoreCase ? 'alpha' : name)
  return set === undefined ? null : `[${negated ? '^' : ''}${set}]`
}

/** One character in a set. All of ASCII but letters and digits may mean something there, alone or doubled. */
export function inSet(codePoint: number): string {
  const char = String.fromCodePoint(codePoint)
  return codePoint >= 0x80 || /[A-Za-z0-9]/.test(char) ? char : `\\x${codePoint.toString(16).padStart(2, '0')}`
}

const UPPER_TO_LOWER = 32

/** A range in a set, and its ASCII letters in the other case too. */
export function eitherCase(from: number, to: number): string {
  let out = `${inSet(from)}-${inSet(to)}`
  for (const [first, last, shift] of [
    [65, 90, UPPER_TO_LOWER],
    [97, 122, -UPPER_TO_LOWER],
  ] as const) {
    const low = Math.max(from, first)
    const high = Math.min(to, last)
    if (low <= high) out += `${inSet(low + shift)}-${inSet(high + shift)}`
  }
  return out
}

/** `\p{name}`: a general category or a script; null when there is no such property. */
export function propertyClass(name: string, negated: boolean): string | null {
  const letter = negated ? 'P' : 'p'
  const category = name === 'L&' ? 'LC' : name
  for (const property of [category, `Script=${name}`]) {
    // Other binary properties of JavaScript (`Alphabetic`) are longer than a category and unknown to PCRE 8.
    if (property === name && name.length > 2 && name !== 'Any') continue
    try {
      const set = `\\${letter}{${property}}`
      new RegExp(set, 'v').test('')
      return set
    } catch {
      // not a property of this kind
    }
  }
  return null
}
