const ANY_CHARACTER = -1
const ANY_TEXT = -2

/**
 * A LIKE pattern: `%` is any text, also none, `_` any one character, and the character after the escape character is
 * itself. Matched by hand instead of by a regular expression: two patterns deep in `%` must not cost exponential time.
 * Characters are Unicode code points.
 */
export class LikePattern {
  /** Code points, and the two wildcards as negative numbers. */
  readonly #parts: readonly number[]

  /** `escape` is one character, or null. A pattern that ends with the escape character ends with that character. */
  constructor(pattern: string, escape: string | null) {
    const characters = [...pattern]
    const parts: number[] = []
    for (let i = 0; i < characters.length; i++) {
      const character = characters[i]!
      if (character === escape && i + 1 < characters.length) parts.push(characters[++i]!.codePointAt(0)!)
      else if (character === '%') parts.push(ANY_TEXT)
      else if (character === '_') parts.push(ANY_CHARACTER)
      else parts.push(character.codePointAt(0)!)
    }
    this.#parts = parts
  }

  /**
   * Takes at most text length times pattern length steps: on a mismatch only the last `%` is given one character more.
   */
  matches(text: string): boolean {
    const parts = this.#parts
    let at = 0
    let part = 0
    let retryPart = -1
    let retryAt = 0
    while (at < text.length) {
      const codePoint = text.codePointAt(at)!
      const wanted = part < parts.length ? parts[part]! : null
      if (wanted === ANY_TEXT) {
        retryPart = ++part
        retryAt = at
      } else if (wanted === codePoint || wanted === ANY_CHARACTER) {
        part++
        at += widthOf(codePoint)
      } else if (retryPart !== -1) {
        retryAt += widthOf(text.codePointAt(retryAt)!)
        at = retryAt
        part = retryPart
      } else {
        return false
      }
    }
    while (part < parts.length && parts[part] === ANY_TEXT) part++
    return part === parts.length
  }
}

/** UTF-16 units. */
const widthOf = (codePoint: number): number => (codePoint > 0xffff ? 2 : 1)
