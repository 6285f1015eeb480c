import type { ClientConnection } from '../../core/client-connection.ts'
import type { Consumer } from '../../core/consumer.ts'
import { BrokerError } from '../../core/errors.ts'
import type { Message } from '../../core/message.ts'
import type { Entry } from '../../core/queues/entry.ts'
import type { Session, SessionSink } from '../../core/session.ts'
import type { Transport } from '../../net/transport.ts'
import { Answers } from './answers.ts'
import type { MqttContext } from './context.ts'
import { type DeliveryLimits, OutgoingDeliveries, OWN_IDS } from './deliveries.ts'
import { MqttError, protocolError, reasonOf } from './errors.ts'
import { IncomingPublishes } from './publishes.ts'
import {
  ADMINISTRATIVE_ACTION,
  FILTER_INVALID,
  NO_SUBSCRIPTION_EXISTED,
  NOT_AUTHORIZED,
  PACKET_TOO_LARGE,
  QUOTA_EXCEEDED,
  UNSPECIFIED_ERROR,
} from './reason-codes.ts'
import { RetainedReplay } from './retained-replay.ts'
import { SessionState } from './session-state.ts'
import { Subscriptions, sharedProblem } from './subscriptions.ts'
import { SysSubscriptions } from './sys-subscriptions.ts'
import { isSysTopic } from './sys-topics.ts'
import { filterProblem, parseShared } from './topics.ts'
import { encodeAck, encodeSuback, encodeUnsuback, withReasonString, writeAck } from './wire/encode.ts'
import * as p from './wire/packets.ts'

/** What a client does with its connection. */
export interface ClientHost {
  readonly transport: Transport
  /** Writes an answer to something that may have changed durable metadata: it waits until that is on disk. */
  commitThenWrite(bytes: Buffer): void
  /** The broker ends the connection. */
  fail(error: MqttError): void
}

export interface ClientOptions extends DeliveryLimits {
  readonly clientId: string
  readonly clean: boolean
  /** Seconds for which the session outlasts the connection. */
  readonly expirySec: number
  readonly receiveMaximum: number
  /** Whether refusals are explained in words (MQTT 5.0, 3.1.2.11.7). */
  readonly wantsReasons: boolean
}

/** A SUBSCRIBE or UNSUBSCRIBE, as far as it is done: what it asks for may have to be asked for elsewhere first. */
interface Progress {
  readonly packetId: number
  readonly codes: number[]
  /** Why those that failed did. */
  readonly reasons: string[]
  /** What the client is sent once it knows that it has subscribed. */
  readonly sequel: (() => void)[]
}

/** A client that is connected: its packets become calls of its session, and what the session says packets. */
export class Client implements SessionSink {
  readonly connection: ClientConnection
  readonly state: SessionState
  readonly subscriptions: Subscriptions
  readonly publishes: IncomingPublishes
  readonly #session: Session
  readonly #context: MqttContext
  readonly #host: ClientHost
  readonly #options: ClientOptions
  readonly #answers: Answers
  readonly #deliveries: OutgoingDeliveries
  readonly #replay: RetainedReplay
  readonly #sys: SysSubscriptions
  #progress: Progress | null = null

  /** @throws BrokerError; UndecidedError */
  constructor(connection: ClientConnection, context: MqttContext, host: ClientHost, options: ClientOptions) {
    this.connection = connection
    this.#context = context
    this.#host = host
    this.#options = options
    const session = connection.openSession(this)
    this.#session = session
    try {
      this.state = new SessionState(session, context, options.clientId, options)
    } catch (error) {
      session.close()
      throw error
    }
    const { state } = this
    const { version } = options
    const { transport } = host
    const subscriptions = new Subscriptions(session, context, state)
    this.subscriptions = subscriptions
    context.counters.subscriptions += subscriptions.size
    const answers = new Answers(connection.broker.commits, (type, packetId, reason, text) => {
      context.counters.packetsSent++
      if ((type === p.PUBACK || type === p.PUBREC) && reason < 0x80) session.counters.confirmed++
      if (version < 5 || text === '') writeAck(transport, type, packetId, version, reason)
      else transport.write(this.#explain(text, (properties) => encodeAck(type, packetId, reason, properties)))
    })
    this.#answers = answers
    this.publishes = new IncomingPublishes({ session, context, state, subscriptions, answers, version })
    this.#deliveries = new OutgoingDeliveries({
      session,
      context,
      state,
      subscriptions,
      answers,
      transport,
      limits: options,
    })
    this.#sys = new SysSubscriptions(context, this.#deliveries, connection)
    this.#replay = new RetainedReplay({ session, context, state, deliveries: this.#deliveries })
  }

  /** A packet with the reason in words, where the client wants them. */
  #explain(text: string, encode: (properties: p.PacketProperties | null) => Buffer): Buffer {
    const { wantsReasons, packetBytesMax } = this.#options
    return withReasonString(wantsReasons ? text : '', packetBytesMax, encode)
  }

  /** Answers what may have changed durable metadata. @returns whether the client takes the answer: else its connection ends */
  #answer(reasons: readonly string[], encode: (properties: p.PacketProperties | null) => Buffer): boolean {
    const bytes = this.#explain(reasons.join('; '), encode)
    const fits = bytes.length <= this.#options.packetBytesMax
    if (fits) this.#host.commitThenWrite(bytes)
    else this.#host.fail(new MqttError(PACKET_TOO_LARGE, 'an answer is larger than the client takes'))
    return fits
  }

  /** The client knows that it is connected: goes on with its session. @throws BrokerError; UndecidedError */
  begin(): void {
    const limit = Math.min(this.#context.settings.prefetch, this.#options.receiveMaximum, OWN_IDS)
    this.#session.limitDeliveries(limit)
    this.subscriptions.resume()
    this.#deliveries.resume()
    for (const subscription of this.subscriptions.all())
      if (isSysTopic(subscription.filter)) this.#sys.add(subscription)
  }

  // ---- packets ----

  /** PUBACK, PUBREC, PUBREL or PUBCOMP. */
  onAck(type: number, packet: p.AckPacket): void {
    switch (type) {
      case p.PUBACK:
        this.#deliveries.acknowledged(packet)
        return
      case p.PUBREC:
        this.#deliveries.received(packet)
        return
      case p.PUBCOMP:
        this.#deliveries.completed(packet)
        return
      default:
        this.publishes.released(packet)
    }
  }

  /** May be called again where it throws an UndecidedError. @throws MqttError; UndecidedError */
  subscribe({ packetId, requests, properties }: p.SubscribePacket): void {
    const identifier = properties?.subscriptionIdentifiers?.[0] ?? 0
    const progress = (this.#progress ??= { packetId, codes: [], reasons: [], sequel: [] })
    const { codes, reasons, sequel } = progress
    while (codes.length < requests.length) codes.push(this.#subscribe(requests[codes.length]!, identifier, progress))
    this.#progress = null
    const { version } = this.#options
    // MQTT 3 has one code for all that has failed
    const told = version === 5 ? codes : codes.map((code) => (code < 0x80 ? code : 0x80))
    if (!this.#answer(reasons, (why) => encodeSuback(version, packetId, told, why))) return
    for (const begin of sequel) begin()
    this.#leaveIfUnauthorized(codes)
  }

  #subscribe(request: p.SubscriptionRequest, identifier: number, progress: Progress): number {
    const { reasons, sequel } = progress
    const { filter, retainHandling } = request
    const shared = parseShared(filter)
    if (shared !== null && request.noLocal) throw protocolError('a shared subscription without its own messages')
    const problem = filterProblem(filter) ?? (shared === null ? null : sharedProblem(shared))
    if (problem !== null) {
      reasons.push(`the filter ${problem}`)
      return FILTER_INVALID
    }
    // what is shared may come to one member after it came to another
    const qos = shared === null ? request.qos : (Math.min(request.qos, 1) as 0 | 1)
    const isNew = this.subscriptions.get(filter) === undefined
    try {
      const added = this.subscriptions.subscribe(filter, { ...request, qos, identifier })
      const replays = retainHandling === 0 || (retainHandling === 1 && isNew)
      if (shared === null && replays) sequel.push(() => this.#replay.add(added))
      if (isSysTopic(filter)) sequel.push(() => this.#sys.add(added))
      return qos
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error
      this.#warn('a subscription was refused', { filter, reason: error.message })
      reasons.push(error.message)
      return error.kind === 'preconditionFailed' ? QUOTA_EXCEEDED : reasonOf(error)
    }
  }

  #leaveIfUnauthorized(codes: readonly number[]): void {
    if (!this.#context.settings.disconnectOnUnauthorized || !codes.includes(NOT_AUTHORIZED)) return
    this.#host.fail(new MqttError(NOT_AUTHORIZED, 'a subscription was not authorized'))
  }

  /** May be called again where it throws an UndecidedError. @throws UndecidedError */
  unsubscribe({ packetId, filters }: p.UnsubscribePacket): void {
    const progress = (this.#progress ??= { packetId, codes: [], reasons: [], sequel: [] })
    const { codes, reasons } = progress
    while (codes.length < filters.length) codes.push(this.#unsubscribe(filters[codes.length]!, reasons))
    this.#progress = null
    const { version } = this.#options
    this.#answer(reasons, (why) => encodeUnsuback(version, packetId, codes, why))
  }

  #unsubscribe(filter: string, reasons: string[]): number {
    const problem = filterProblem(filter)
    if (problem !== null) {
      reasons.push(`the filter ${problem}`)
      return FILTER_INVALID
    }
    try {
      this.#sys.remove(filter)
      return this.subscriptions.unsubscribe(filter) ? 0 : NO_SUBSCRIPTION_EXISTED
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error
      this.#warn('an unsubscription was refused', { filter, reason: error.message })
      reasons.push(error.message)
      return reasonOf(error)
    }
  }

  #warn(text: string, facts: Record<string, string>): void {
    const { clientId } = this.#options
    this.connection.broker.limitedLog.warn(`${text} ${clientId}`, text, { clientId, ...facts })
  }

  // ---- what the session says ----

  deliver(consumer: Consumer, tag: number, message: Message, redelivered: boolean, entry: Entry | null): void {
    this.#deliveries.deliver(consumer, tag, message, redelivered, entry)
  }

  returned(): void {
    this.publishes.returned()
  }

  /** A queue of the session is gone: the client has to begin anew. */
  cancelled(): boolean {
    this.#host.fail(new MqttError(ADMINISTRATIVE_ACTION, 'a queue of the session was deleted'))
    return true
  }

  committed(): void {}

  timedOut(): void {
    this.#host.fail(new MqttError(UNSPECIFIED_ERROR, 'a message was not acknowledged in time'))
  }

  confirmed(): void {}

  rejected(): void {}

  // ---- end ----

  /** The client reads again. */
  writable(): void {
    this.connection.writable()
    this.#replay.wake()
  }

  close(): void {
    if (this.connection.closed) return
    this.#answers.close()
    this.#deliveries.close()
    this.#sys.close()
    this.#context.counters.subscriptions -= this.subscriptions.size
    this.subscriptions.connectionEnded()
    this.connection.close()
    this.state.connectionEnded()
    this.#replay.wake()
  }
}
