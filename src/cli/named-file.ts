import { readFileSync } from 'node:fs'
import { CliError } from './errors.ts'
import { EXIT } from './exit-codes.ts'

/** Of a file that was named on the command line, and cannot be read. */
export const unreadable = (path: string, cause: unknown): CliError =>
  new CliError(EXIT.data, `${path} cannot be read: ${(cause as Error).message}`, { cause })

/** @throws CliError when it cannot be read */
export function readNamedFile(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    throw unreadable(path, error)
  }
}
