import { DIRECT_REPLY } from '../../core/direct-reply.ts'
import { preconditionFailed } from '../../core/errors.ts'
import { composeMessage, type Message } from '../../core/message.ts'
import { applyHeaders, parseExpiration } from '../../core/publish-properties.ts'
import type { Session } from '../../core/session.ts'
import { type Destination, requiredDestination, routeOf } from './destinations.ts'
import { invalidHeader, StompError } from './errors.ts'
import type { Frame } from './frame.ts'
import { propertiesOf } from './message-mapping.ts'
import type { NamedQueues } from './named-queues.ts'
import type { Subscriptions } from './subscriptions.ts'
import type { Transactions } from './transactions.ts'

const TEMP_QUEUE = '/temp-queue/'

/** The receipt of a frame goes out later than with the frame: in a transaction, with the commit. */
export const LATER = -1

export interface SendParts {
  readonly session: Session
  readonly subscriptions: Subscriptions
  readonly transactions: Transactions
  readonly topicExchange: string
  readonly queues: NamedQueues
}

/** What one client sends. */
export class Sends {
  readonly #session: Session
  readonly #subscriptions: Subscriptions
  readonly #transactions: Transactions
  readonly #topicExchange: string
  readonly #queues: NamedQueues

  constructor(parts: SendParts) {
    this.#session = parts.session
    this.#subscriptions = parts.subscriptions
    this.#transactions = parts.transactions
    this.#topicExchange = parts.topicExchange
    this.#queues = parts.queues
  }

  /**
   * Reads a SEND.
   * @returns what does it: to be called again where it throws an UndecidedError; tells up to where the log has to be safe for the receipt
   * @throws StompError
   */
  send(frame: Frame): () => number {
    if (frame.get('message-id') !== null) throw invalidHeader("'message-id' is not allowed on 'SEND'.\n")
    const destination = requiredDestination(frame)
    const max = this.#session.broker.options.messageBytesMax
    if (frame.body.length > max)
      throw preconditionFailed(`message size ${frame.body.length} is larger than configured max size ${max}`)
    return () => {
      // `persistent` is about the message here
      if (destination.type === 'queue') this.#queues.declare(frame, destination.name, frame.flag('durable'))
      return this.#publish(frame, this.#compose(frame, destination))
    }
  }

  #compose(frame: Frame, destination: Destination): Message {
    const { exchange, key } = routeOf(destination, this.#topicExchange)
    const properties = propertiesOf(frame, this.#replyTo(frame))
    const { expiration, userId, headers } = properties
    if (properties.replyTo === DIRECT_REPLY) properties.replyTo = this.#session.replyName()
    const message = composeMessage(exchange, key, properties, frame.body, this.#session.broker.propertyFormat)
    if (expiration !== null) message.ttlMs = parseExpiration(expiration)
    if (userId !== null) this.#session.publishing.requireUserId(userId)
    return headers?.has('CC') === true || headers?.has('BCC') === true ? applyHeaders(message) : message
  }

  /** What takes the place of a `/temp-queue` in `reply-to`. */
  #replyTo(frame: Frame): string | null {
    const given = frame.get('reply-to')
    if (given === null || !given.startsWith(TEMP_QUEUE)) return null
    const name = given.slice(TEMP_QUEUE.length)
    if (name === '' || name.includes('/'))
      throw new StompError('Invalid destination', `'${given}' is not a valid destination for 'reply-to'\n`)
    return `/reply-queue/${this.#subscriptions.temporaryQueue(name)}`
  }

  #publish(frame: Frame, message: Message): number {
    const receipt = frame.get('receipt')
    const transaction = this.#transactions.of(frame)
    if (transaction !== null) {
      this.#transactions.publish(transaction, message)
      if (receipt !== null) transaction.receipts.push(receipt)
      return LATER
    }
    const { publishing, broker } = this.#session
    const access = publishing.access(message.exchange)
    if (receipt === null) {
      publishing.publish(access, message, false)
      return 0
    }
    let recorded = 0
    let isRejected = false
    broker.store.begin()
    try {
      isRejected = publishing.publish(access, message, false)
    } finally {
      recorded = broker.store.end()
    }
    if (isRejected)
      throw new StompError('Message rejected', 'A queue that it goes to is full, and takes no more messages\n')
    return Math.max(recorded, publishing.position)
  }
}
