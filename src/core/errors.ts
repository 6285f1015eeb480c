/**
 * What can go wrong in an operation, in words that no protocol owns. Each protocol maps a kind to its own reply code and
 * scope in one table (see `protocols/amqp091/errors.ts`); the text follows RabbitMQ's wording, since clients match on it.
 */
export type BrokerErrorKind =
  | 'notFound'
  | 'accessRefused'
  | 'preconditionFailed'
  | 'resourceLocked'
  | 'notAllowed'
  | 'notImplemented'
  | 'resourceError'
  | 'internalError'

/** A refusal that the client is told about. Never used for programmer errors: those are asserts. */
export class BrokerError extends Error {
  readonly kind: BrokerErrorKind

  constructor(kind: BrokerErrorKind, text: string) {
    super(text)
    this.name = 'BrokerError'
    this.kind = kind
  }
}

export const notFound = (text: string): BrokerError => new BrokerError('notFound', text)
export const accessRefused = (text: string): BrokerError => new BrokerError('accessRefused', text)
export const preconditionFailed = (text: string): BrokerError => new BrokerError('preconditionFailed', text)
export const resourceLocked = (text: string): BrokerError => new BrokerError('resourceLocked', text)
export const notAllowed = (text: string): BrokerError => new BrokerError('notAllowed', text)
export const notImplemented = (text: string): BrokerError => new BrokerError('notImplemented', text)

/** How every text names a queue or an exchange: `queue 'q' in vhost '/'`. */
export const describeResource = (kind: 'queue' | 'exchange', name: string, vhost: string): string =>
  `${kind} '${name}' in vhost '${vhost}'`
