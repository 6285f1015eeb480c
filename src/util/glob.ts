/**
 * Whether a text is as a pattern says, in which `*` stands for any text, also none, and everything else for itself. Takes at most
 * (length of the text) × (length of the pattern) steps.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  let at = 0
  let from = 0
  /** The place behind the last `*`, and where what comes after it was tried last. */
  let star = -1
  let tried = 0
  while (from < text.length) {
    if (pattern[at] === '*') {
      star = ++at
      tried = from
    } else if (at < pattern.length && pattern[at] === text[from]) {
      at++
      from++
    } else if (star >= 0) {
      at = star
      from = ++tried
    } else return false
  }
  while (pattern[at] === '*') at++
  return at === pattern.length
}
