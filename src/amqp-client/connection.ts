import { EventEmitter } from 'node:events'
import type { Duplex } from 'node:stream'
import type { Table } from '../core/fields.ts'
import { PAUSED_BY_OWNER, PAUSED_BY_PRESSURE, Transport } from '../net/transport.ts'
import { UnknownMethodError, WireError } from '../protocols/amqp091/wire/errors.ts'
import { type FrameHandler, FrameParser } from '../protocols/amqp091/wire/frame-parser.ts'
import { viewMethodFrame } from '../protocols/amqp091/wire/frames.ts'
import { Heartbeat } from '../protocols/amqp091/wire/heartbeat.ts'
import * as m from '../protocols/amqp091/wire/methods.gen.ts'
import { Reader } from '../protocols/amqp091/wire/reader.ts'
import type { Timer } from '../util/clock.ts'
import { Channel, type ChannelHandlers } from './channel.ts'
import type { ClientContext } from './context.ts'
import { AmqpClientError, AmqpClosedError, AmqpNetworkError, AmqpReplyError } from './errors.ts'
import { Handshake, type HandshakeSettings, type Tuned } from './handshake.ts'

const PROTOCOL_HEADER = Buffer.from('AMQP\0\0\x09\x01', 'latin1')
/** Before tuning; servers send larger frames only afterwards. */
const INITIAL_FRAME_MAX = 128 * 1024
const FRAME_MAX_UNLIMITED = 0x7fff_ffff
const CHANNEL_MAX = 0xffff
/** How long the answer to connection.close is waited for. */
const CLOSE_TIMEOUT_MS = 5_000

const HANDSHAKE = 0
const OPEN = 1
const CLOSING = 2
const CLOSED = 3

interface ConnectionEvents {
  /** The broker stops reading what this connection publishes (connection.blocked), with its reason. */
  blocked: [reason: string]
  unblocked: []
  /** There is room again, after `writable` was false for any reason. */
  writable: []
  /** The connection is over. Null where this side closed it. Comes once, after the channels' own `onClosed`. */
  closed: [error: AmqpClientError | null]
}

/**
 * One connection to a broker. It never comes back by itself: who wants another opens another. Errors of the network and of the broker
 * arrive as `closed`, and as rejections of what is waited for.
 */
export class AmqpConnection extends EventEmitter<ConnectionEvents> implements FrameHandler {
  readonly context: ClientContext
  /** @internal For channels. */
  readonly transport: Transport
  /** @internal For channels: to be reset before each use. */
  readonly reader = new Reader()
  serverProperties: Table = new Map()
  channelMax = CHANNEL_MAX
  /** Bytes. */
  frameMax = INITIAL_FRAME_MAX
  heartbeatSec = 0
  /** Why the broker does not read from this connection; null while it does. */
  blocked: string | null = null
  #state = HANDSHAKE
  /** More is written than the network takes. */
  #full = false
  readonly #parser: FrameParser
  readonly #handshake: Handshake
  #heartbeat: Heartbeat | null = null
  readonly #channels = new Map<number, Channel>()
  #lastChannel: Channel | null = null
  #nextNumber = 1
  #error: AmqpClientError | null = null
  #timer: Timer | null = null
  #opened: ((error: AmqpClientError | null) => void) | null
  readonly #ended = Promise.withResolvers<void>()

  /**
   * Use `connect`.
   * @param socket connected and paused
   * @param onOpened called once, when the handshake is over or has failed
   */
  constructor(
    socket: Duplex,
    settings: HandshakeSettings,
    context: ClientContext,
    onOpened: (error: AmqpClientError | null) => void,
  ) {
    super()
    this.context = context
    this.#opened = onOpened
    this.#parser = new FrameParser(this, INITIAL_FRAME_MAX)
    this.#handshake = new Handshake(
      {
        send: (method) => this.send(0, method),
        onTuned: (tuned) => this.#onTuned(tuned),
        onOpen: (serverProperties) => this.#onOpen(serverProperties),
      },
      settings,
    )
    this.transport = new Transport(socket, context.turn, context.pool, {
      onData: (chunk) => this.#onData(chunk),
      onPressure: () => this.#onPressure(),
      onRelief: () => {
        this.#full = false
        this.#offerRoom()
      },
      onClosed: (error) => this.#onSocketClosed(error),
    })
    this.transport.write(PROTOCOL_HEADER)
    this.transport.start()
  }

  get open(): boolean {
    return this.#state === OPEN
  }

  /**
   * Whether more may be published: the network takes it, and the broker has not said that it is blocked. Publishing anyway loses nothing,
   * but is kept in memory until there is room.
   */
  get writable(): boolean {
    return this.#state === OPEN && !this.#full && this.blocked === null
  }

  /** Channels that are open. */
  get channelCount(): number {
    return this.#channels.size
  }

  /** @throws AmqpClosedError, AmqpReplyError, AmqpNetworkError */
  async openChannel(handlers: ChannelHandlers = {}): Promise<Channel> {
    if (this.#state !== OPEN) throw this.#closedError()
    const channel = new Channel(this, this.#freeNumber(), handlers)
    this.#channels.set(channel.number, channel)
    await channel.open()
    return channel
  }

  #freeNumber(): number {
    const max = this.channelMax === 0 ? CHANNEL_MAX : this.channelMax
    for (let tried = 0; tried < max; tried++) {
      const number = this.#nextNumber
      this.#nextNumber = number >= max ? 1 : number + 1
      if (!this.#channels.has(number)) return number
    }
    throw new AmqpClientError(`all ${max} channels of the connection are open`)
  }

  /**
   * Stops reading: no deliveries, no confirms, no answers, and no notice of the network's end, until `resume`. A little of what has been read
   * already may still come.
   */
  pause(): void {
    this.transport.pause(PAUSED_BY_OWNER)
  }

  resume(): void {
    this.transport.resume(PAUSED_BY_OWNER)
  }

  /** Says goodbye and waits for the answer, for 5 seconds at most. What was written before still goes out. */
  async close(code = 200, text = 'Goodbye'): Promise<void> {
    if (this.#state === OPEN) {
      this.send(0, new m.ConnectionClose(code, text, 0, 0))
      this.#state = CLOSING
      this.resume() // the answer has to be read
      this.#timer = this.context.clock.schedule(CLOSE_TIMEOUT_MS, { onTimer: () => this.destroy() })
      this.#endChannels(new AmqpClosedError('the connection has been closed'))
    }
    await this.#ended.promise
  }

  /** Ends without a word. What was written and has not gone out is lost. */
  destroy(): void {
    if (this.#state === HANDSHAKE) this.#error ??= new AmqpNetworkError('connecting was given up')
    this.#parser.stop()
    this.transport.destroy()
  }

  // ---- for channels ----

  /** @internal @throws RangeError where a value does not fit its field */
  send(channel: number, method: m.Method): void {
    if (!this.transport.closed) this.transport.write(viewMethodFrame(channel, method))
  }

  /** @internal */
  forgetChannel(channel: Channel): void {
    if (this.#channels.get(channel.number) === channel) this.#channels.delete(channel.number)
    if (this.#lastChannel === channel) this.#lastChannel = null
  }

  /** @internal A short string that is likely to come again. */
  shortstr(reader: Reader): string {
    const { interner } = this.context
    const { buffer, offset } = reader
    const length = buffer[offset]!
    if (offset < reader.end && offset + 1 + length <= reader.end) {
      const known = interner.find(buffer, offset + 1, length)
      if (known !== null) {
        reader.offset = offset + 1 + length
        return known
      }
    }
    const text = reader.shortstr()
    interner.remember(buffer, offset + 1, length, text)
    return text
  }

  // ---- frames in ----

  #onData(chunk: Buffer): void {
    this.#heartbeat?.received()
    try {
      this.#parser.push(chunk)
    } catch (error) {
      this.#fail(error)
    }
  }

  /** @internal */
  onMethod(number: number, buffer: Buffer, start: number, end: number): void {
    this.reader.reset(buffer, start, end)
    if (number === 0) {
      this.#onConnectionMethod(m.decodeMethod(this.reader))
      return
    }
    this.#channel(number)?.onMethod(buffer, start)
  }

  /** @internal */
  onHeader(number: number, buffer: Buffer, start: number, end: number, kept: boolean): void {
    this.#channel(number)?.onHeader(buffer, start, end, kept)
  }

  /** @internal */
  onBody(number: number, buffer: Buffer, start: number, end: number): void {
    this.#channel(number)?.onBody(buffer, start, end)
  }

  /** @internal */
  onHeartbeat(): void {}

  /** @internal */
  onUnknown(type: number): void {
    throw new AmqpNetworkError(`the broker sent a frame of type ${type}`)
  }

  /** Null for what is under way to a channel that is gone, and while the connection closes. */
  #channel(number: number): Channel | null {
    const last = this.#lastChannel
    if (last !== null && last.number === number) return last
    if (this.#state !== OPEN) return null
    const channel = this.#channels.get(number) ?? null
    this.#lastChannel = channel
    return channel
  }

  #onConnectionMethod(method: m.Method): void {
    switch (method.id) {
      case m.ConnectionClose.id: {
        const { replyCode, replyText, classId, methodId } = method
        this.#error ??= new AmqpReplyError('connection', replyCode, replyText, classId, methodId)
        this.send(0, new m.ConnectionCloseOk())
        this.#finish()
        return
      }
      case m.ConnectionCloseOk.id:
        if (this.#state === CLOSING) this.#finish()
        return
      case m.ConnectionBlocked.id:
        this.blocked = method.reason
        this.emit('blocked', method.reason)
        return
      case m.ConnectionUnblocked.id:
        this.blocked = null
        this.emit('unblocked')
        this.#offerRoom()
        return
      default:
        if (this.#state === HANDSHAKE) this.#handshake.onMethod(method)
        else if (this.#state === OPEN) throw new AmqpNetworkError(`the broker sent ${m.METHOD_NAMES.get(method.id)}`)
    }
  }

  #onTuned({ channelMax, frameMax, heartbeatSec }: Tuned): void {
    this.channelMax = channelMax
    this.frameMax = frameMax === 0 ? FRAME_MAX_UNLIMITED : frameMax
    this.heartbeatSec = heartbeatSec
    this.#parser.payloadMax = this.frameMax
    if (heartbeatSec === 0) return
    this.#heartbeat = new Heartbeat(this.context.clock, this.transport, heartbeatSec, () =>
      this.#fail(new AmqpNetworkError(`nothing was heard from the broker for two heartbeats (of ${heartbeatSec} s)`)),
    )
  }

  #onOpen(serverProperties: Table): void {
    this.serverProperties = serverProperties
    this.#state = OPEN
    this.#tellOpened(null)
  }

  #tellOpened(error: AmqpClientError | null): void {
    this.#opened?.(error)
    this.#opened = null
  }

  // ---- pressure ----

  #onPressure(): void {
    this.#full = true
    // A transport that is choked stops reading. A client must go on: the broker may wait for it to read before it reads on itself.
    this.transport.resume(PAUSED_BY_PRESSURE)
  }

  #offerRoom(): void {
    if (this.writable) this.emit('writable')
  }

  // ---- the end ----

  /** @internal What the broker said cannot be understood, or it fell silent. */
  #fail(error: unknown): void {
    const known =
      error instanceof WireError || error instanceof UnknownMethodError
        ? new AmqpNetworkError(`the broker sent what cannot be understood: ${error.message}`, error)
        : error
    if (!(known instanceof AmqpClientError)) throw error
    this.#error ??= known
    this.#parser.stop()
    this.transport.destroy()
  }

  #closedError(): AmqpClientError {
    return this.#error ?? new AmqpClosedError('the connection is closed')
  }

  #endChannels(error: AmqpClientError): void {
    for (const channel of [...this.#channels.values()]) channel.end(error)
    this.#channels.clear()
    this.#lastChannel = null
  }

  /** Both sides have said that it is over: the socket may go. */
  #finish(): void {
    this.#state = CLOSED
    this.transport.end()
    this.#timer?.cancel()
    this.#timer = this.context.clock.schedule(CLOSE_TIMEOUT_MS, { onTimer: () => this.transport.destroy() })
  }

  #onSocketClosed(cause: Error | null): void {
    const before = this.#state
    const byUs = before === CLOSING || (before === CLOSED && this.#error === null)
    if (!byUs) this.#error ??= networkLoss(before, cause)
    this.#state = CLOSED
    this.#heartbeat?.close()
    this.#timer?.cancel()
    this.#endChannels(this.#closedError())
    this.#tellOpened(this.#error)
    this.emit('closed', this.#error)
    this.#ended.resolve()
  }
}

function networkLoss(state: number, cause: Error | null): AmqpNetworkError {
  const text = state === HANDSHAKE ? 'the broker closed the connection during the handshake' : 'the connection was lost'
  return cause === null ? new AmqpNetworkError(text) : new AmqpNetworkError(`${text}: ${cause.message}`, cause)
}
