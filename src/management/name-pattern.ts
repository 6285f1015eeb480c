import { PatternError, compilePcre, type Pattern } from '../util/pcre.ts'
import { badRequest } from './api-error.ts'
import { monotonicClock } from '../util/real-time.ts'

/** No pattern takes long for one name, but there may be very many of them. */
const TIME_MAX_MS = 250

/**
 * Which of the names a pattern (PCRE, unanchored, either case) is found in.
 * @throws ApiError 400 for a pattern that is none, or takes too long
 */
export function matchNames(text: string, names: readonly string[]): boolean[] {
  const pattern = compile(text)
  const limit = monotonicClock() + TIME_MAX_MS
  return names.map((name) => {
    if (monotonicClock() > limit) throw badRequest(`the pattern takes more than ${TIME_MAX_MS} ms: make it simpler`)
    return pattern.test(name)
  })
}

function compile(text: string): Pattern {
  try {
    return compilePcre(`(?i)${text}`)
  } catch (error) {
    if (error instanceof PatternError) throw badRequest(`the pattern is invalid: ${error.message}`)
    throw error
  }
}
