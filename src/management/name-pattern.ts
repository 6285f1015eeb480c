import { createContext, Script } from 'node:vm'
import { PatternError, compilePcre } from '../util/pcre.ts'
import { badRequest } from './api-error.ts'

/** Patterns can be written that take longer than the universe lasts, and meanwhile the broker would do nothing else. */
const TIME_MAX_MS = 250

const search = new Script('names.map((name) => pattern.test(name))')

/**
 * Which of the names a pattern (PCRE, unanchored, either case) is found in.
 * @throws ApiError 400 for a pattern that is none, or takes too long
 */
export function matchNames(text: string, names: readonly string[]): boolean[] {
  const context = createContext({ names, pattern: compile(text) })
  try {
    return search.runInContext(context, { timeout: TIME_MAX_MS }) as boolean[]
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error
    throw badRequest(`the pattern takes more than ${TIME_MAX_MS} ms: make it simpler`)
  }
}

function compile(text: string): RegExp {
  try {
    return compilePcre(`(?i)${text}`)
  } catch (error) {
    if (error instanceof PatternError) throw badRequest(`the pattern is invalid: ${error.message}`)
    throw error
  }
}
