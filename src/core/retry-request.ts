import { preconditionFailed } from './errors.ts'
import type { Exchange } from './exchange.ts'
import { integerOf, isInteger, type Table } from './fields.ts'
import type { Message } from './message.ts'
import { TTL_MAX_MS } from './argument-checks.ts'
import { type Entry, UNACKED } from './queues/entry.ts'
import { ACCEPTED } from './queues/queue.ts'
import { Retries } from './queues/retries.ts'
import type { Target } from './router.ts'
import type { Unacked } from './unacked.ts'

/** The pseudo queue by which a consumer says how long a delivery is to rest that it is about to give back. */
const RETRY_QUEUE = 'amq.retry'
const TAG = 'x-delivery-tag'
const DELAY = 'x-retry-delay'

/** Whether a message published to an exchange is such a request, and goes nowhere. */
export const isRetryRequest = (exchange: Exchange, message: Message): boolean =>
  message.routingKey === RETRY_QUEUE && exchange.name === ''

/** A request that has been understood; to publish to it is to make it. */
export class RetryRequest implements Target {
  readonly kind = 'retry'
  mark = 0
  readonly #entry: Entry
  readonly #delayMs: number
  /** How often the message had come back when this was asked. */
  readonly #returns: number

  /**
   * @param unacked the deliveries that the session has to settle
   * @throws BrokerError preconditionFailed
   */
  constructor(message: Message, unacked: Unacked) {
    const { headers } = message.properties()
    if (message.extraKeys !== null) throw refused('CC and BCC are not allowed')
    const tag = integerHeader(headers, TAG)
    this.#delayMs = integerHeader(headers, DELAY)
    if (this.#delayMs < 0) throw refused(`header '${DELAY}' must not be negative, got ${this.#delayMs}`)
    if (this.#delayMs > TTL_MAX_MS)
      throw refused(`header '${DELAY}' must be at most ${TTL_MAX_MS}, got ${this.#delayMs}`)
    const entry = unacked.get(tag)
    if (entry === null) throw preconditionFailed(`unknown delivery tag ${tag}`)
    this.#entry = entry
    this.#returns = entry.acquiredCount
  }

  publish(): number {
    const entry = this.#entry
    // until a transaction is committed, the delivery may have been taken from the session, and even be somebody else's
    if (entry.state !== UNACKED || entry.acquiredCount !== this.#returns) return ACCEPTED
    entry.retries ??= new Retries()
    entry.retries.askedMs = this.#delayMs
    return ACCEPTED
  }

  /** Nothing of it is kept. */
  logs(): boolean {
    return false
  }
}

function integerHeader(headers: Table | null, name: string): number {
  const field = headers?.get(name)
  if (field === undefined) throw refused(`header '${name}' is missing`)
  if (!isInteger(field)) throw refused(`header '${name}' must be an integer, got ${field.type}`)
  return integerOf(field)!
}

const refused = (reason: string): Error => preconditionFailed(`invalid message to '${RETRY_QUEUE}': ${reason}`)
