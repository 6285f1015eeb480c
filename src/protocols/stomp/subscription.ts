import type { RingDeque } from '../../util/ring-deque.ts'
import { invalidHeader, StompError } from './errors.ts'
import type { Frame } from './frame.ts'

export const ACK_MODES = ['auto', 'client', 'client-individual'] as const
export type AckMode = (typeof ACK_MODES)[number]

const TEMP_QUEUE_PREFIX = '/temp-queue/'

/** What a frame calls a subscription. */
export interface SubscriptionName {
  /** What the broker calls its consumer, as in RabbitMQ; also the first part of messages' ids. */
  readonly tag: string
  /** Null where the client gave none, which STOMP 1.0 allows. */
  readonly id: string | null
  /** What the client knows it by: its id, or the destination. */
  readonly givenName: string
  /** For errors. */
  readonly description: string
}

export interface Subscription extends SubscriptionName {
  readonly ack: AckMode
  readonly queue: string
  /** Whether the queue is the subscription's own: to a topic or an exchange. */
  readonly bound: boolean
  /** Delivery tags that an acknowledgement may stand for, oldest first; some may be settled in other ways. Of mode `client` alone. */
  readonly unsettled: RingDeque<number>
}

/** Whom a SUBSCRIBE or UNSUBSCRIBE means: by its id, or else by its destination. @throws StompError */
export function nameOf(frame: Frame): SubscriptionName {
  const { command } = frame
  const id = frame.get('id')
  if (id !== null) {
    if (id.startsWith(TEMP_QUEUE_PREFIX))
      throw new StompError('Invalid id', `${command} 'id' may not start with ${TEMP_QUEUE_PREFIX}\n`)
    return named(id)
  }
  const destination = frame.get('destination')
  if (destination === null)
    throw new StompError('Missing destination or id', `${command} must include a 'destination' or 'id' header`)
  return { tag: `Q_${destination}`, id: null, givenName: destination, description: `destination='${destination}'` }
}

const named = (id: string): SubscriptionName => ({ tag: `T_${id}`, id, givenName: id, description: `id='${id}'` })

/** The subscription to a temporary queue, which the client did not ask for by itself. */
export const temporaryName = (queue: string): SubscriptionName => named(TEMP_QUEUE_PREFIX + queue)

/** @throws StompError */
export function requireDurableId(frame: Frame): void {
  if (frame.durable === true && frame.get('id') === null)
    throw new StompError('Missing Header', "Header 'id' is required for durable subscriptions")
}

/** @throws StompError */
export function ackModeOf(frame: Frame): AckMode {
  const given = frame.get('ack') ?? 'auto'
  const mode = ACK_MODES.find((known) => known === given)
  if (mode === undefined) throw invalidHeader(`'ack' must be auto, client or client-individual, and is '${given}'\n`)
  return mode
}
