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

/** Calls an operation until all that it asks has been answered. Rejects with whatever else it throws. */
export async function whenDecided<T>(operation: () => T): Promise<T> {
  for (;;) {
    try {
      return operation()
    } catch (error) {
      if (!(error instanceof UndecidedError)) throw error
      await error.answered
    }
  }
}
