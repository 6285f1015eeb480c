import { badRequest } from './api-error.ts'

/** Names travel as short strings. */
const NAME_BYTES_MAX = 255

/** Checks a name before something gets it, with RabbitMQ's text. @throws ApiError 400 */
export function requireName(kind: 'queue' | 'exchange' | 'vhost' | 'user' | 'routing key', name: string): string {
  const bytes = Buffer.byteLength(name)
  if (bytes <= NAME_BYTES_MAX) return name
  throw badRequest(`${kind} should be less than ${NAME_BYTES_MAX} bytes, actually was ${bytes}\n`)
}

/** The default exchange has no name that an address could have. */
export const exchangeOf = (parameter: string): string => (parameter === 'amq.default' ? '' : parameter)
