/**
 * Whether something is allowed has to be asked outside, and the answer is on its way. Thrown before anything is changed, so the
 * operation may be called again when `answered` has resolved; it finds the answer then, or asks the next question.
 */
export class UndecidedError extends Error {
  /** Never rejects: no answer is an answer, too. */
  readonly answered: Promise<void>

  constructor(answered: Promise<void>) {
    super('whether this is allowed is still being asked')
    this.name = 'UndecidedError'
    this.answered = answered
  }
}

/** Calls an operation until all that it asks has been answered. Rejects with whatever else it throws or rejects with. */
export async function whenDecided<T>(operation: () => T | Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await operation()
    } catch (error) {
      if (!(error instanceof UndecidedError)) throw error
      await error.answered
    }
  }
}

/** Keeps what is allowed; all that has to be asked for it is asked at once. @throws UndecidedError, and whatever `isAllowed` does */
export function filterDecided<T>(items: Iterable<T>, isAllowed: (item: T) => boolean): T[] {
  const allowed: T[] = []
  const asked: Promise<void>[] = []
  for (const item of items) {
    try {
      if (isAllowed(item)) allowed.push(item)
    } catch (error) {
      if (!(error instanceof UndecidedError)) throw error
      asked.push(error.answered)
    }
  }
  if (asked.length > 0) throw new UndecidedError(Promise.all(asked).then(() => {}))
  return allowed
}
