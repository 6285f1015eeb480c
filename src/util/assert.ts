/** A programmer error: the state after it is unknown. Kept in production. */
export class AssertionError extends Error {
  constructor(text: string) {
    super(text)
    this.name = 'AssertionError'
  }
}

export function assert(condition: boolean, text: string): asserts condition {
  if (!condition) throw new AssertionError(text)
}
