import { ApiError } from '../api/http.ts'
import { CliError } from '../errors.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'

/** Why it was not done, as rabbitmqctl says it. */
export function failure(reason: string, code: ExitCode = EXIT.unavailable): CliError {
  return new CliError(code, `Error:\n${reason}`)
}

export const noSuchVhost = (vhost: string): CliError =>
  new CliError(EXIT.data, `Virtual host '${vhost}' does not exist`)

export const noSuchUser = (user: string, code: ExitCode = EXIT.noUser): CliError =>
  failure(`User "${user}" does not exist`, code)

type Known = (error: ApiError) => CliError | undefined

/**
 * Waits for an answer of the node, and turns a refusal into what the command says about it.
 *
 * @param known refusals that have their own words; the rest is told as the node gives it
 */
export async function refusedAs<T>(answer: Promise<T>, known: Known = () => undefined): Promise<T> {
  try {
    return await answer
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    throw known(error) ?? failure(error.message, error.code)
  }
}

export const whenMissing =
  (missing: CliError): Known =>
  ({ status }) =>
    status === 404 ? missing : undefined
