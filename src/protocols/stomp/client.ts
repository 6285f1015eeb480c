import type { ClientConnection } from '../../core/client-connection.ts'
import type { Consumer } from '../../core/consumer.ts'
import type { Message } from '../../core/message.ts'
import type { Entry } from '../../core/queues/entry.ts'
import type { Session, SessionSink } from '../../core/session.ts'
import type { Transport } from '../../net/transport.ts'
import { Acknowledgements } from './acknowledgements.ts'
import { formatDestination } from './destinations.ts'
import { type Refusal, StompError } from './errors.ts'
import type { Frame, Version } from './frame.ts'
import { endOfFrames, headOf, writeMessage } from './frame-writer.ts'
import type { FramesOut } from './frames-out.ts'
import { headersOf } from './message-mapping.ts'
import { NamedQueues } from './named-queues.ts'
import { LATER, Sends } from './sends.ts'
import type { StompSettings } from './settings.ts'
import type { Subscription } from './subscription.ts'
import { Subscriptions } from './subscriptions.ts'
import { Transactions } from './transactions.ts'

/** What a client does with its connection. */
export interface ClientHost {
  readonly transport: Transport
  readonly out: FramesOut
  /** Over WebSocket each write is a message. */
  readonly writesWhole: boolean
  /** ERROR, and the end. */
  fail(error: Refusal): void
}

const SESSION_NUMBER = 1

/** A client that is connected: its frames become calls of its sessions, and what those say frames. */
export class Client implements SessionSink {
  readonly connection: ClientConnection
  readonly #session: Session
  readonly #host: ClientHost
  readonly #settings: StompSettings
  readonly #version: Version
  readonly #subscriptions: Subscriptions
  readonly #acknowledgements: Acknowledgements
  readonly #transactions: Transactions
  readonly #sends: Sends
  readonly #endOfFrames: Buffer

  constructor(
    connection: ClientConnection,
    host: ClientHost,
    settings: StompSettings,
    { sessionId, version }: { sessionId: string; version: Version },
  ) {
    const { topicExchange, nackRequeues } = settings
    this.#endOfFrames = endOfFrames(settings.trailingLineFeed)
    this.connection = connection
    this.#host = host
    this.#settings = settings
    this.#version = version
    const session = connection.openSession(this, SESSION_NUMBER)
    this.#session = session
    const queues = new NamedQueues(session)
    const subscriptions = new Subscriptions(session, queues, topicExchange)
    this.#subscriptions = subscriptions
    this.#acknowledgements = new Acknowledgements(session, subscriptions, { sessionId, version, nackRequeues })
    this.#transactions = new Transactions(connection, this.#acknowledgements, SESSION_NUMBER)
    this.#sends = new Sends({ session, subscriptions, transactions: this.#transactions, topicExchange, queues })
  }

  logLife(what: 'opened' | 'closed'): void {
    const { facts, user, vhost, broker } = this.connection
    const who = { connection: facts.name, user: user.name, vhost: vhost.name }
    broker.limitedLog.info(`${what} ${facts.peerAddress}`, `connection ${what}`, who)
  }

  // ---- frames ----

  /**
   * Reads a frame.
   * @returns what does what it asks for: to be called again where it throws an UndecidedError; gives the receipt, too
   * @throws StompError, BrokerError
   */
  read(frame: Frame): () => void {
    const act = this.#read(frame)
    const receipt = frame.get('receipt')
    return () => {
      const position = act()
      if (receipt !== null && position !== LATER) this.#host.out.receipt(position, receipt)
    }
  }

  /** @returns an action that tells up to where the log has to be safe for the receipt, or LATER */
  #read(frame: Frame): () => number {
    switch (frame.command) {
      case 'SEND':
        return this.#sends.send(frame)
      case 'SUBSCRIBE':
        return atOnce(this.#subscriptions.subscribe(frame))
      case 'UNSUBSCRIBE':
        return atOnce(this.#subscriptions.unsubscribe(frame))
      case 'ACK':
      case 'NACK':
        return atOnce(() => this.#settle(frame))
      case 'BEGIN':
        return atOnce(() => this.#transactions.begin(frame))
      case 'ABORT':
        return atOnce(() => this.#transactions.abort(frame))
      case 'COMMIT':
        return () => this.#commit(frame)
      case 'CONNECT':
      case 'STOMP':
        throw new StompError('Illegal command', 'You are connected already\n', true)
      default:
        throw new StompError('Bad command', `Could not interpret command "${frame.command}"\n`)
    }
  }

  #settle(frame: Frame): void {
    const settlement = this.#acknowledgements.read(frame)
    const transaction = this.#transactions.of(frame)
    if (transaction !== null) {
      this.#transactions.acknowledge(transaction, settlement)
      return
    }
    this.#acknowledgements.requireOpen(settlement)
    this.#acknowledgements.settle(settlement)
  }

  #commit(frame: Frame): number {
    const { position, receipts } = this.#transactions.commit(frame)
    for (const receipt of receipts) this.#host.out.receipt(position, receipt)
    return position
  }

  // ---- what the session says ----

  deliver(
    { tag: consumerTag }: Consumer,
    tag: number,
    message: Message,
    redelivered: boolean,
    entry: Entry | null,
  ): void {
    const subscription = this.#subscriptions.get(consumerTag)
    if (subscription === undefined) return
    if (subscription.ack === 'client') subscription.unsettled.push(tag)
    const { topicExchange } = this.#settings
    const messageId = this.#acknowledgements.messageId(consumerTag, tag)
    const headers: [string, string][] = subscription.id === null ? [] : [['subscription', subscription.id]]
    headers.push(
      ['destination', formatDestination(message.exchange, message.routingKey, topicExchange)],
      ['message-id', messageId],
      ['redelivered', String(redelivered)],
    )
    if (this.#version === '1.2' && subscription.ack !== 'auto') headers.push(['ack', messageId])
    for (const header of headersOf(message, entry)) headers.push(header)
    const head = headOf('MESSAGE', headers, message.bodyLength, this.#version)
    const { transport, writesWhole } = this.#host
    writeMessage(transport, head, message, this.#session.vhost, this.#endOfFrames, writesWhole)
  }

  cancelled({ tag }: Consumer): boolean {
    const subscription = this.#subscriptions.get(tag)
    this.#subscriptions.ended(tag)
    if (subscription !== undefined) this.#tellEnd(subscription)
    return true
  }

  #tellEnd({ givenName, description }: Subscription): void {
    const detail = `The server has canceled a subscription.\nNo more messages will be delivered for "${description}".\n`
    const error = new StompError('Server cancelled subscription', detail)
    this.#host.out.error(error, [['subscription', givenName]])
  }

  timedOut(timeoutMs: number): void {
    const detail = `PRECONDITION_FAILED - delivery acknowledgement timed out. Timeout value used: ${timeoutMs} ms`
    this.#host.fail(new StompError('precondition_failed', detail, true))
  }

  /** Its sessions end, and what they have is given back. */
  close(): void {
    if (this.connection.closed) return
    this.logLife('closed')
    this.#subscriptions.close()
    this.connection.close()
  }

  returned(): void {}

  committed(): void {}

  confirmed(): void {}

  rejected(): void {}
}

/** An action whose receipt has nothing to wait for. */
const atOnce =
  (act: () => void): (() => number) =>
  () => {
    act()
    return 0
  }
