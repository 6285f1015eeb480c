import { EXIT, type ExitCode } from './exit-codes.ts'

/** Why a command did not do what it was asked for: the text is printed as it is, without a stack. */
export class CliError extends Error {
  readonly code: ExitCode
  /** What is printed in place of the text where JSON was asked for; undefined where the text serves. */
  readonly json: unknown

  constructor(code: ExitCode, message: string, options: { json?: unknown; cause?: unknown } = {}) {
    super(message, { cause: options.cause })
    this.code = code
    this.json = options.json
  }
}

/** A mistake in the command line itself: the text comes with how the command is used. */
export class UsageError extends CliError {
  constructor(message: string, code: ExitCode = EXIT.usage) {
    super(code, message)
  }
}
