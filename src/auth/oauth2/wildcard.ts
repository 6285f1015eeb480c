/**
 * Patterns of scopes: `*` stands for any text, everything else for itself, percent-encoded where it has to be (`%2F` is the vhost `/`).
 * A pattern that cannot be decoded matches nothing.
 */
export class Wildcard {
  /** What has to come in this order, the first at the beginning and the last at the end; null: matches nothing. */
  readonly #parts: readonly string[] | null

  constructor(pattern: string) {
    this.#parts = decode(pattern)
  }

  matches(subject: string): boolean {
    const parts = this.#parts
    if (parts === null) return false
    const first = parts[0]!
    if (parts.length === 1) return subject === first
    const last = parts.at(-1)!
    if (subject.length < first.length + last.length) return false
    if (!subject.startsWith(first) || !subject.endsWith(last)) return false
    let from = first.length
    const end = subject.length - last.length
    for (const part of parts.slice(1, -1)) {
      const at = subject.indexOf(part, from)
      if (at < 0 || at + part.length > end) return false
      from = at + part.length
    }
    return true
  }
}

function decode(pattern: string): string[] | null {
  try {
    return pattern.split('*').map((part) => decodeURIComponent(part.replaceAll('+', ' ')))
  } catch {
    return null
  }
}

/** So that a text stands for itself in a pattern. */
export const escapeWildcard = (text: string): string => encodeURIComponent(text).replaceAll('*', '%2A')
