import { preconditionFailed } from '../../core/errors.ts'
import type { Session } from '../../core/session.ts'
import { invalidHeader, StompError } from './errors.ts'
import type { Frame, Version } from './frame.ts'
import type { Subscription } from './subscription.ts'
import type { Subscriptions } from './subscriptions.ts'

const SEPARATOR = '@@'

/** What an ACK or NACK asks for. */
export interface Settlement {
  /** Of the delivery that it names. */
  readonly tag: number
  /** Null where the delivery is settled already. */
  readonly subscription: Subscription | null
  readonly how: 'ack' | 'requeue' | 'discard'
}

/** How the messages of one client are called, and what their acknowledgements settle. */
export class Acknowledgements {
  readonly #session: Session
  readonly #subscriptions: Subscriptions
  /** Of this connection: no id of another one is taken for one of ours. */
  readonly #sessionId: string
  readonly #header: 'id' | 'message-id'
  readonly #nackRequeues: boolean

  constructor(
    session: Session,
    subscriptions: Subscriptions,
    { sessionId, version, nackRequeues }: { sessionId: string; version: Version; nackRequeues: boolean },
  ) {
    this.#session = session
    this.#subscriptions = subscriptions
    this.#sessionId = sessionId
    this.#header = version === '1.2' ? 'id' : 'message-id'
    this.#nackRequeues = nackRequeues
  }

  messageId(consumerTag: string, tag: number): string {
    return `${consumerTag}${SEPARATOR}${this.#sessionId}${SEPARATOR}${tag}`
  }

  /** Reads an ACK or NACK. @throws StompError */
  read(frame: Frame): Settlement {
    const { command } = frame
    const id = frame.get(this.#header)
    if (id === null) throw new StompError('Missing header', `"${command}" must include the "${this.#header}" header\n`)
    const [, consumerTag, sessionId, digits] = /^(.*)@@(.*)@@(\d{1,15})$/s.exec(id) ?? []
    if (consumerTag === undefined) throw invalidHeader(`"${command}" must include a valid "${this.#header}" header\n`)
    const tag = Number(digits)
    const consumer = this.#session.deliveries.unacked.get(tag)?.consumer ?? null
    const isOurs = sessionId === this.#sessionId
    const isKnown =
      consumer === null ? this.#subscriptions.get(consumerTag) !== undefined : consumer.tag === consumerTag
    if (!isOurs || !isKnown)
      throw new StompError('Subscription not found', `Message with id "${id}" has no subscription`)
    const subscription = (consumer?.protocolState ?? null) as Subscription | null
    const requeues = frame.flag('requeue') ?? this.#nackRequeues
    return { tag, subscription, how: command === 'ACK' ? 'ack' : requeues ? 'requeue' : 'discard' }
  }

  /** @throws BrokerError preconditionFailed where the delivery has been settled */
  requireOpen({ tag }: Settlement): void {
    if (!this.#session.deliveries.unacked.has(tag)) throw preconditionFailed(`unknown delivery tag ${tag}`)
  }

  /** In mode `client` also what was delivered before, of that subscription. What is settled already stays so. */
  settle({ tag, subscription, how }: Settlement): void {
    if (subscription?.ack !== 'client') {
      this.#settle(tag, how)
      return
    }
    const { unsettled } = subscription
    for (let next = unsettled.peek(); next !== undefined && next <= tag; next = unsettled.peek()) {
      unsettled.shift()
      this.#settle(next, how)
    }
  }

  #settle(tag: number, how: Settlement['how']): void {
    if (!this.#session.deliveries.unacked.has(tag)) return
    if (how === 'ack') this.#session.acknowledge(tag, false)
    else this.#session.release(tag, false, how === 'requeue')
  }
}
