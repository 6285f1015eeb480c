import type { Duplex } from 'node:stream'
import type { ClientConnection, Traffic } from '../../core/client-connection.ts'
import { BrokerError, notAllowed } from '../../core/errors.ts'
import type { Peer } from '../../net/listener.ts'
import {
  PAUSED_BY_ALARM,
  PAUSED_BY_ANSWER,
  PAUSED_BY_STORE,
  Transport,
  type TransportHandler,
} from '../../net/transport.ts'
import type { LogFacts } from '../../telemetry/log.ts'
import type { Timer } from '../../util/clock.ts'
import { AssertionError } from '../../util/assert.ts'
import type { Interner } from '../../util/interner.ts'
import { trafficOf } from '../traffic.ts'
import { Channel } from './channel.ts'
import { ProtocolError, replyOf, replyText } from './errors.ts'
import { type Capabilities, Handshake, type HandshakeHost, type Tuned } from './handshake.ts'
import { otherGreeting } from './other-greetings.ts'
import { HEADER_FIXED_BYTES, IDLE, unexpectedFrame } from './publish-assembler.ts'
import type { AmqpSettings } from './settings.ts'
import { FrameError, MalformedTextError, MalformedValueError, UnknownMethodError, WireError } from './wire/errors.ts'
import { FrameParser, type FrameHandler } from './wire/frame-parser.ts'
import { FRAME_BODY, FRAME_HEADER, FRAME_HEARTBEAT, FRAME_METHOD, viewMethodFrame } from './wire/frames.ts'
import { Heartbeat } from './wire/heartbeat.ts'
import * as m from './wire/methods.gen.ts'
import { printArguments, printPayload } from './wire/print-payload.ts'
import { Reader } from './wire/reader.ts'

const HEADER_BYTES = 8
const AMQP_0_9_1 = Buffer.from('AMQP\x00\x00\x09\x01', 'latin1')
/** What AMQP 0-9 clients send; they are spoken to as 0-9-1. */
const AMQP_0_9 = Buffer.from('AMQP\x01\x01\x00\x09', 'latin1')
/** How long a client may take to answer connection.close, and to end its socket once it has closed the connection. */
const CLOSE_TIMEOUT_MS = 30_000
/** How long a client may take to read connection.close where its answer could not be understood. */
const FRAMING_LOST_MS = 3_000
/** Where 0, no limit, was negotiated. */
const FRAME_MAX_UNLIMITED = 1024 * 1024

const AWAIT_HEADER = 0
const HANDSHAKE = 1
const RUNNING = 2
/** connection.close has been sent: only the answer counts. */
const CLOSING = 3
/** The client's connection.close has been answered: the client ends the socket. */
const ANSWERED = 4
const CLOSED = 5

/**
 *     AWAIT_HEADER ─▶ HANDSHAKE ─▶ RUNNING ─┬▶ CLOSING ──┬▶ CLOSED
 *                                           └▶ ANSWERED ─┘
 *
 * One AMQP connection: frames to channels, methods to frames, errors to close methods.
 */
export class Connection implements TransportHandler, FrameHandler, HandshakeHost {
  readonly transport: Transport
  readonly reader = new Reader()
  /** Largest frame that may be sent, head and end included. */
  frameMax: number
  capabilities: Capabilities = {
    authenticationFailureClose: false,
    consumerCancelNotify: false,
    connectionBlocked: false,
  }
  readonly #settings: AmqpSettings
  readonly #peer: Peer
  readonly #parser: FrameParser
  readonly #interner: Interner
  readonly #onEnd: () => void
  readonly #channels = new Map<number, Channel>()
  #lastChannel: Channel | null = null
  #state = AWAIT_HEADER
  #greeting: Buffer = Buffer.alloc(0)
  #handshake: Handshake | null = null
  #client: ClientConnection | null = null
  #heartbeat: Heartbeat | null = null
  #channelMax: number
  #closeTimer: Timer | null = null
  #acceptTimer: Timer | null
  #ended: (() => void) | null = null
  /** Channels that wait for an answer of their own: nothing is read until none does. */
  #awaiting = 0

  constructor(socket: Duplex, peer: Peer, settings: AmqpSettings, interner: Interner, onEnd: () => void) {
    const { broker } = settings
    this.#settings = settings
    this.#peer = peer
    this.#interner = interner
    this.#onEnd = onEnd
    this.frameMax = settings.initialFrameMax
    this.#channelMax = settings.channelMax
    this.#parser = new FrameParser(this, settings.initialFrameMax)
    this.transport = new Transport(socket, broker.turn, settings.pool, this)
    this.#acceptTimer = settings.clock.schedule(settings.handshakeTimeoutMs, { onTimer: () => this.drop() })
    this.transport.start()
  }

  // ---- bytes in ----

  onData(chunk: Buffer): void {
    this.#heartbeat?.received()
    if (this.#state === CLOSED) return
    try {
      if (this.#state === AWAIT_HEADER) this.#onGreeting(chunk)
      else this.#parser.push(chunk)
    } catch (error) {
      this.#onError(error, 0)
      if (error instanceof FrameError) this.#onFramingLost()
    }
    this.#settings.broker.turn.dispatch()
  }

  #onGreeting(chunk: Buffer): void {
    const bytes = this.#greeting.length === 0 ? chunk : Buffer.concat([this.#greeting, chunk])
    if (bytes.length < HEADER_BYTES) {
      this.#greeting = bytes
      return
    }
    this.#greeting = Buffer.alloc(0)
    this.#acceptTimer?.cancel()
    this.#acceptTimer = null
    const header = bytes.subarray(0, HEADER_BYTES)
    if (!header.equals(AMQP_0_9_1) && !header.equals(AMQP_0_9)) {
      const guess = otherGreeting(header)
      const reason = guess === null ? {} : { reason: guess }
      this.#warn('header', 'refused a protocol header', { header: header.toString('hex'), ...reason })
      this.transport.write(AMQP_0_9_1)
      this.#finish()
      return
    }
    this.#state = HANDSHAKE
    this.#handshake = new Handshake(this, this.#settings, this.#peer)
    this.#handshake.begin()
    if (bytes.length > HEADER_BYTES) this.#parser.push(bytes.subarray(HEADER_BYTES))
  }

  onMethod(number: number, buffer: Buffer, start: number, end: number): void {
    if (end - start < 4) {
      this.onUnknown(FRAME_METHOD, buffer, start, end)
      return
    }
    const id = (buffer[start]! << 24) | (buffer[start + 1]! << 16) | (buffer[start + 2]! << 8) | buffer[start + 3]! | 0
    try {
      if (number === 0) this.#onConnectionMethod(this.decode(buffer, start, end))
      else this.#channelFor(number, id, buffer, start, end)?.onMethod(id, buffer, start, end)
    } catch (error) {
      const garbled = error instanceof MalformedValueError && !(error instanceof MalformedTextError)
      const text = garbled ? printArguments(buffer, start + 4, end) : ''
      this.#onChannelError(number, garbled ? new ProtocolError('frameError', text) : error, id)
    }
  }

  onHeader(number: number, buffer: Buffer, start: number, end: number, kept: boolean): void {
    if (end - start < HEADER_FIXED_BYTES) {
      this.onUnknown(FRAME_HEADER, buffer, start, end)
      return
    }
    try {
      this.#contentChannel(number, FRAME_HEADER, buffer, start, end)?.onHeader(buffer, start, end, kept)
    } catch (error) {
      this.#onChannelError(number, error, m.BasicPublish.id)
    }
  }

  onBody(number: number, buffer: Buffer, start: number, end: number, first: boolean, frameBytes: number): void {
    try {
      const channel = this.#contentChannel(number, FRAME_BODY, buffer, start, end)
      channel?.onBody(buffer, start, end, first, frameBytes)
    } catch (error) {
      this.#onChannelError(number, error, m.BasicPublish.id)
    }
  }

  onHeartbeat(number: number, buffer: Buffer, start: number, end: number): void {
    if (end > start) this.onUnknown(FRAME_HEARTBEAT, buffer, start, end)
    else if (number !== 0) this.fail(unexpected(FRAME_HEARTBEAT, buffer, start, end), 0)
  }

  /** A sound frame that nothing can be made of. */
  onUnknown(type: number, buffer: Buffer, start: number, end: number): void {
    this.fail(new ProtocolError('frameError', `${printPayload(type, buffer, start, end)}: unknown_frame`), 0)
  }

  /** A channel's message is complete: once more, since it has been asked whether it may be published. */
  publishAgain(channel: Channel): void {
    try {
      channel.publish()
    } catch (error) {
      this.#onChannelError(channel.number, error, m.BasicPublish.id)
    }
  }

  /** The channel for a method: null when it is to be ignored. */
  #channelFor(number: number, id: number, buffer: Buffer, start: number, end: number): Channel | null {
    if (this.#state === RUNNING) {
      const last = this.#lastChannel
      if (last !== null && last.number === number && !last.closing) return last
      return this.#findChannel(number, id)
    }
    if (this.#state === HANDSHAKE) throw unexpected(FRAME_METHOD, buffer, start, end)
    return null
  }

  #findChannel(number: number, id: number): Channel | null {
    const channel = this.#channels.get(number)
    if (channel === undefined) {
      if (id !== m.ChannelOpen.id) throw new ProtocolError('channelError', "expected 'channel.open'")
      this.#openChannel(number)
      return null
    }
    if (channel.closing) {
      this.#onClosingChannel(channel, id)
      return null
    }
    if (id >>> 16 === 10) throw new ProtocolError('commandInvalid', 'unimplemented method')
    this.#lastChannel = channel
    return channel
  }

  /** After channel.close only the answer to it matters, or a channel.close that crossed it. */
  #onClosingChannel(channel: Channel, id: number): void {
    if (id === m.ChannelClose.id) this.send(channel.number, new m.ChannelCloseOk())
    else if (id === m.ChannelCloseOk.id) this.forgetChannel(channel)
  }

  #openChannel(number: number): void {
    try {
      this.#requireChannelRoom()
    } catch (error) {
      // RabbitMQ blames no method for it
      this.#onError(error, 0)
      return
    }
    const channel = new Channel(this, this.#client!, number)
    this.#channels.set(number, channel)
    this.#lastChannel = channel
    this.send(number, new m.ChannelOpenOk())
  }

  /** @throws BrokerError */
  #requireChannelRoom(): void {
    const max = this.#channelMax
    if (max !== 0 && this.#channels.size >= max) {
      throw notAllowed(
        `number of channels opened (${this.#channels.size}) has reached the negotiated channel_max (${max})`,
      )
    }
    this.#settings.broker.requireSessionRoom(this.#client!)
  }

  #contentChannel(number: number, type: number, buffer: Buffer, start: number, end: number): Channel | null {
    if (this.#state !== RUNNING) {
      if (this.#state === HANDSHAKE) throw unexpected(type, buffer, start, end)
      return null
    }
    const last = this.#lastChannel
    const channel = last !== null && last.number === number ? last : this.#channels.get(number)
    if (number === 0) throw unexpected(type, buffer, start, end)
    if (channel === undefined) throw unexpectedFrame(IDLE)
    return channel.closing ? null : channel
  }

  /** @throws MalformedValueError, UnknownMethodError */
  decode(buffer: Buffer, start: number, end: number): m.Method {
    this.reader.reset(buffer, start, end)
    return m.decodeMethod(this.reader)
  }

  /** A short string that is likely to come again. */
  shortstr(reader: Reader): string {
    const { buffer, offset } = reader
    const length = buffer[offset]!
    if (offset < reader.end && offset + 1 + length <= reader.end) {
      const known = this.#interner.find(buffer, offset + 1, length)
      if (known !== null) {
        reader.offset = offset + 1 + length
        return known
      }
    }
    const text = reader.shortstr()
    this.#interner.remember(buffer, offset + 1, length, text)
    return text
  }

  // ---- channel 0 ----

  #onConnectionMethod(method: m.Method): void {
    if (this.#state === HANDSHAKE) {
      this.#handshake!.onMethod(method)
      return
    }
    switch (method.id) {
      case m.ConnectionClose.id:
        this.#onClientClose()
        return
      case m.ConnectionCloseOk.id:
        if (this.#state === CLOSING || this.#state === ANSWERED) this.#finish()
        else throw new ProtocolError('channelError', 'unexpected method in connection state running')
        return
      case m.ConnectionUpdateSecret.id:
        if (this.#state === RUNNING) this.#updateSecret(method)
        return
      default:
        if (this.#state !== CLOSING && this.#state !== ANSWERED)
          throw new ProtocolError('channelError', 'unexpected method in connection state running')
    }
  }

  #updateSecret({ newSecret, reason }: m.ConnectionUpdateSecret): void {
    const client = this.#client!
    // the secret is a view of what was read
    void client.renew(newSecret.toString('utf8')).then((renewal) => {
      if (this.#state !== RUNNING) return
      const facts = { connection: client.facts.name, user: client.user.name, reason }
      if (renewal.outcome === 'ok') {
        this.#settings.broker.limitedLog.info(`secret ${this.#peer.address}`, 'secret updated', facts)
        this.send(0, new m.ConnectionUpdateSecretOk())
        return
      }
      this.#warn('secret', `a new secret was not taken: ${renewal.reason}`, facts)
      const refused = renewal.outcome === 'refused'
      const text = refused ? 'New secret was refused by one of the backends' : 'Secret update failed'
      this.fail(notAllowed(text), m.ConnectionUpdateSecret.id)
    })
  }

  /**
   * The client ends the socket, as with RabbitMQ: one that ended here at once would be an error to a client that has not
   * come to the answer yet, or that closes from two threads.
   */
  #onClientClose(): void {
    this.#endClient()
    this.commitThenSend(0, new m.ConnectionCloseOk())
    if (this.#state === RUNNING) this.#awaitEnd(ANSWERED)
  }

  onTuned({ channelMax, frameMax, heartbeatSec }: Tuned): void {
    this.#channelMax = channelMax
    this.frameMax = frameMax === 0 ? FRAME_MAX_UNLIMITED : frameMax
    this.#parser.payloadMax = this.frameMax
    if (heartbeatSec > 0) {
      this.#heartbeat = new Heartbeat(this.#settings.clock, this.transport, heartbeatSec, () => {
        this.#warn('heartbeat', 'missed heartbeats from a client', { heartbeatSec })
        this.drop()
      })
    }
  }

  onOpen(client: ClientConnection, capabilities: Capabilities): void {
    this.#client = client
    this.capabilities = capabilities
    this.#handshake = null
    this.#state = RUNNING
    this.#logLife('opened', client)
    this.send(0, new m.ConnectionOpenOk())
  }

  #logLife(what: 'opened' | 'closed', { facts, user, vhost }: ClientConnection): void {
    const given = facts.givenName
    const who = {
      connection: facts.name,
      user: user.name,
      vhost: vhost.name,
      ...(given === null ? {} : { name: given }),
    }
    this.#settings.broker.limitedLog.info(`${what} ${facts.peerAddress}`, `connection ${what}`, who)
  }

  // ---- frames out ----

  send(channel: number, method: m.Method): void {
    if (this.#state !== CLOSED) this.transport.write(viewMethodFrame(channel, method))
  }

  /** Durable changes made so far are on their way to disk: nothing is sent until they are there. */
  commit(): void {
    const committed = this.#settings.broker.commitMetadata()
    if (committed !== null) this.transport.hold(committed)
  }

  commitThenSend(channel: number, method: m.Method): void {
    this.commit()
    this.send(channel, method)
  }

  // ---- errors ----

  /** One client's mistakes must not fill the log. */
  #warn(kind: string, text: string, facts: LogFacts = {}): void {
    const peer = this.#peer.address
    this.#settings.broker.limitedLog.warn(`${kind} ${peer}`, text, { peer, ...facts })
  }

  attempt(action: () => void): void {
    try {
      action()
    } catch (error) {
      this.#onError(error, 0)
    }
  }

  #onChannelError(number: number, error: unknown, methodId: number): void {
    const channel = this.#channels.get(number)
    const soft = error instanceof BrokerError && replyOf(error).closes === 'channel'
    if (soft && channel !== undefined) this.failChannel(channel, error, methodId)
    else this.#onError(error, methodId)
  }

  failChannel(channel: Channel, error: BrokerError, methodId: number): void {
    this.#warn('channel', `channel error: ${error.message}`, { channel: channel.number })
    channel.fail(error, methodId)
    if (this.#lastChannel === channel) this.#lastChannel = null
  }

  #onError(error: unknown, methodId: number): void {
    if (error instanceof BrokerError || error instanceof ProtocolError) this.fail(error, methodId)
    else if (error instanceof MalformedTextError) this.fail(new ProtocolError('frameError', error.message), 0)
    else if (error instanceof WireError) this.fail(new ProtocolError('frameError', error.message), methodId)
    else if (error instanceof UnknownMethodError) {
      // RabbitMQ's connection process dies here: the socket closes without a word
      this.#warn('connection', error.message)
      this.drop()
    } else if (error instanceof AssertionError) throw error
    else this.#onOwnFault(error)
  }

  /** A mistake of ours that a client has found costs that client its connection, and nobody else anything. */
  #onOwnFault(error: unknown): void {
    this.#settings.broker.log.error('internal error', { peer: this.#peer.address, err: error })
    if (this.#state >= CLOSING) return
    this.#parser.stop()
    this.#closeWith(new m.ConnectionClose(541, 'INTERNAL_ERROR', 0, 0))
  }

  fail(error: BrokerError | ProtocolError, methodId: number): void {
    if (this.#state >= CLOSING) return
    this.#warn('connection', `connection error: ${error.message}`)
    const reply = replyOf(error)
    const id = error instanceof ProtocolError ? (error.methodId ?? methodId) : methodId
    this.#closeWith(new m.ConnectionClose(reply.code, replyText(reply, error.message), id >>> 16, id & 0xffff))
  }

  get isInProcess(): boolean {
    return this.#settings.inProcess !== undefined
  }

  /** The broker ends the connection (ConnectionSink). */
  close(text: string): void {
    if (this.#state === CLOSING || this.#state === CLOSED) return
    if (this.#state === ANSWERED) {
      this.#finish()
      return
    }
    if (this.#state !== RUNNING) {
      this.drop()
      return
    }
    const reply = replyOf(new ProtocolError('connectionForced', text))
    this.#closeWith(new m.ConnectionClose(reply.code, replyText(reply, text), 0, 0))
  }

  #closeWith(method: m.ConnectionClose): void {
    this.#handshake?.close()
    this.#endClient()
    this.commitThenSend(0, method)
    this.#awaitEnd(CLOSING)
  }

  #awaitEnd(state: typeof CLOSING | typeof ANSWERED): void {
    this.#state = state
    for (const reason of [PAUSED_BY_ALARM, PAUSED_BY_STORE, PAUSED_BY_ANSWER]) this.transport.resume(reason)
    this.#dropIn(this.#heartbeat === null ? CLOSE_TIMEOUT_MS : Math.min(CLOSE_TIMEOUT_MS, this.#heartbeat.intervalMs))
  }

  /** What follows a broken frame cannot be understood, nor can an answer to connection.close be found in it. */
  #onFramingLost(): void {
    this.#parser.stop()
    this.#dropIn(FRAMING_LOST_MS)
  }

  #dropIn(ms: number): void {
    this.#closeTimer?.cancel()
    this.#closeTimer = this.#settings.clock.schedule(ms, { onTimer: () => this.drop() })
  }

  /** A channel has to give an answer before it can go on. */
  awaitAnswer(): void {
    if (this.#awaiting++ === 0) this.transport.pause(PAUSED_BY_ANSWER)
  }

  answered(): void {
    if (--this.#awaiting === 0) this.transport.resume(PAUSED_BY_ANSWER)
  }

  // ---- alarms and pressure ----

  block(reason: string): void {
    this.transport.pause(PAUSED_BY_ALARM)
    if (this.capabilities.connectionBlocked) this.send(0, new m.ConnectionBlocked(reason))
  }

  unblock(): void {
    this.transport.resume(PAUSED_BY_ALARM)
    if (this.capabilities.connectionBlocked) this.send(0, new m.ConnectionUnblocked())
  }

  /** Publishers do not wait for long: RabbitMQ's flow control says nothing either. */
  hold(): void {
    this.transport.pause(PAUSED_BY_STORE)
  }

  release(): void {
    this.transport.resume(PAUSED_BY_STORE)
  }

  traffic(): Traffic {
    return trafficOf(this.transport)
  }

  onPressure(choked: boolean): void {
    if (this.#client === null) return
    this.#client.full = true
    this.#client.choked = choked
  }

  onRelief(): void {
    this.#client?.writable()
  }

  // ---- end ----

  forgetChannel(channel: Channel): void {
    channel.session.close()
    this.#channels.delete(channel.number)
    if (this.#lastChannel === channel) this.#lastChannel = null
  }

  /** Sessions and exclusive queues end before the client hears that the connection has. */
  #endClient(): void {
    if (this.#client?.closed === false) this.#logLife('closed', this.#client)
    for (const channel of this.#channels.values()) channel.abandon()
    this.#client?.close()
    this.#channels.clear()
    this.#lastChannel = null
  }

  /** The client has to close its half too: one that does not would keep its socket for ever. */
  #finish(): void {
    this.#state = CLOSED
    this.transport.end()
    this.#dropIn(CLOSE_TIMEOUT_MS)
  }

  /** What comes from now on is not looked at. */
  deafen(): void {
    this.#parser.stop()
  }

  drop(): void {
    this.#parser.stop()
    this.transport.destroy()
  }

  onClosed(): void {
    this.#state = CLOSED
    this.#acceptTimer?.cancel()
    this.#handshake?.close()
    this.#heartbeat?.close()
    this.#closeTimer?.cancel()
    this.#endClient()
    const committed = this.#settings.broker.commitMetadata()
    committed?.catch(() => {})
    this.#onEnd()
    this.#ended?.()
  }

  /** Resolves when the socket is gone. */
  ended(): Promise<void> {
    if (this.transport.closed) return Promise.resolve()
    return new Promise((resolve) => (this.#ended = resolve))
  }
}

const unexpected = (type: number, buffer: Buffer, start: number, end: number): ProtocolError =>
  new ProtocolError('unexpectedFrame', printPayload(type, buffer, start, end), 0)
