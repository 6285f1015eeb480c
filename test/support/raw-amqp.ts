import { EventEmitter, once } from 'node:events'
import { connect, type NetConnectOpts } from 'node:net'
import type { Duplex } from 'node:stream'
import { bool, longstr, table, type Field, type Table } from '../../src/core/fields.ts'
import {
  encodeMethodFrame,
  FRAME_BODY,
  FRAME_END,
  FRAME_HEAD_BYTES,
  FRAME_HEADER,
  FRAME_HEARTBEAT,
  FRAME_METHOD,
  FRAME_OVERHEAD,
} from '../../src/protocols/amqp091/wire/frames.ts'
import * as m from '../../src/protocols/amqp091/wire/methods.gen.ts'
import { Reader } from '../../src/protocols/amqp091/wire/reader.ts'

const GREETING = Buffer.from('AMQP\x00\x00\x09\x01', 'latin1')

/** What clients usually say they understand. */
export const USUAL_CAPABILITIES = ['authentication_failure_close', 'connection.blocked', 'consumer_cancel_notify']

export interface LoginOptions {
  readonly user?: string
  readonly password?: string
  readonly mechanism?: string
  /** Instead of what PLAIN sends for user and password. */
  readonly response?: Buffer
  readonly vhost?: string
  readonly capabilities?: readonly string[]
  /** Instead of what the server proposes. */
  readonly heartbeatSec?: number
  readonly frameMax?: number
  readonly connectionName?: string
}

/** The connection ended while something was awaited. */
export class Ended extends Error {}

/** An AMQP client that does nothing by itself, for what client libraries hide: each method as it comes. */
export class RawAmqp {
  readonly socket: Duplex
  /** Bytes of message bodies that have come. */
  bodyBytes = 0
  start: m.ConnectionStart | null = null
  tune: m.ConnectionTune | null = null
  ended = false
  readonly #methods: m.Method[] = []
  readonly #events = new EventEmitter()
  #received: Buffer = Buffer.alloc(0)

  constructor(socket: Duplex) {
    this.socket = socket
    socket.on('data', (chunk: Buffer) => this.#onData(chunk))
    socket.on('error', () => {})
    socket.on('close', () => {
      this.ended = true
      this.#events.emit('change')
    })
  }

  #onData(chunk: Buffer): void {
    const bytes = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk])
    let at = 0
    while (bytes.length - at >= FRAME_OVERHEAD) {
      const size = bytes.readUInt32BE(at + 3)
      if (bytes.length - at < FRAME_OVERHEAD + size) break
      this.#onFrame(bytes.readUInt8(at), bytes.subarray(at + FRAME_HEAD_BYTES, at + FRAME_HEAD_BYTES + size))
      at += FRAME_OVERHEAD + size
    }
    this.#received = bytes.subarray(at)
  }

  #onFrame(type: number, payload: Buffer): void {
    if (type === FRAME_BODY) this.bodyBytes += payload.length
    else if (type === FRAME_HEARTBEAT) this.#events.emit('heartbeat')
    else if (type === FRAME_METHOD) {
      const reader = new Reader()
      reader.reset(Buffer.from(payload), 0, payload.length)
      this.#methods.push(m.decodeMethod(reader))
      this.#events.emit('change')
    }
  }

  /** A connection to a local port that has sent nothing yet. */
  static async tcp(port: number, options: Partial<NetConnectOpts> = {}): Promise<RawAmqp> {
    const socket = connect({ port, host: 'localhost', noDelay: true, ...options } as NetConnectOpts)
    await once(socket, 'connect')
    return new RawAmqp(socket)
  }

  static async open(port: number, options: LoginOptions = {}): Promise<RawAmqp> {
    const client = await RawAmqp.tcp(port)
    return client.login(options)
  }

  /** From the greeting to connection.open-ok. */
  async login(options: LoginOptions = {}): Promise<this> {
    await this.greet(options)
    this.tune = await this.expect(m.ConnectionTune)
    const { heartbeatSec = 0, frameMax = this.tune.frameMax } = options
    this.send(0, new m.ConnectionTuneOk(this.tune.channelMax, frameMax, heartbeatSec))
    this.send(0, new m.ConnectionOpen(options.vhost ?? '/'))
    await this.expect(m.ConnectionOpenOk)
    return this
  }

  /** From the greeting to connection.start-ok; what follows is the server's verdict. */
  async greet(options: LoginOptions = {}): Promise<void> {
    const { user = 'guest', password = 'guest', mechanism = 'PLAIN', capabilities = USUAL_CAPABILITIES } = options
    this.socket.write(GREETING)
    this.start = await this.expect(m.ConnectionStart)
    const properties = new Map<string, Field>([
      ['capabilities', table(new Map(capabilities.map((name) => [name, bool(true)])))],
      ['connection_name', longstr(options.connectionName ?? 'raw client')],
    ])
    const response = options.response ?? Buffer.from(`\0${user}\0${password}`)
    this.send(0, new m.ConnectionStartOk(properties, mechanism, response, 'en_US'))
  }

  async openChannel(channel = 1): Promise<void> {
    this.send(channel, new m.ChannelOpen())
    await this.expect(m.ChannelOpenOk)
  }

  send(channel: number, method: m.Method): void {
    this.socket.write(encodeMethodFrame(channel, method))
  }

  /** A message without properties; false when the socket wants no more for now. */
  publish(channel: number, exchange: string, routingKey: string, body: Buffer): boolean {
    const header = Buffer.alloc(14)
    header.writeUInt16BE(m.BasicPublish.id >>> 16, 0)
    header.writeBigUInt64BE(BigInt(body.length), 4)
    const frames = [encodeMethodFrame(channel, new m.BasicPublish(exchange, routingKey, false, false))]
    frames.push(encodeFrame(FRAME_HEADER, channel, header))
    if (body.length > 0) frames.push(encodeFrame(FRAME_BODY, channel, body))
    return this.socket.write(Buffer.concat(frames))
  }

  /** The next method of the server, whatever it is. @throws Ended */
  async next(): Promise<m.Method> {
    while (this.#methods.length === 0) {
      if (this.ended) throw new Ended('the connection has ended')
      await once(this.#events, 'change')
    }
    return this.#methods.shift()!
  }

  /** The next method, which has to be of this type. */
  async expect<M extends m.Method>(type: { readonly id: number; new (...args: never[]): M }): Promise<M> {
    const method = await this.next()
    if (method.id !== type.id) throw new Error(`expected ${type.name}, got ${JSON.stringify(method)}`)
    return method as M
  }

  /** All methods until the connection ends. */
  async rest(): Promise<m.Method[]> {
    while (!this.ended) await once(this.#events, 'change')
    return this.#methods.splice(0)
  }

  /** Methods that have come and were not asked for yet. */
  get waiting(): number {
    return this.#methods.length
  }

  async heartbeat(): Promise<void> {
    await once(this.#events, 'heartbeat')
  }

  /** A round trip: whatever was sent before has been handled. */
  async sync(channel: number): Promise<void> {
    this.send(channel, new m.BasicQos(0, 0, false))
    await this.expect(m.BasicQosOk)
  }

  destroy(): void {
    this.socket.destroy()
  }
}

export function encodeFrame(type: number, channel: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(7)
  head.writeUInt8(type, 0)
  head.writeUInt16BE(channel, 1)
  head.writeUInt32BE(payload.length, 3)
  return Buffer.concat([head, payload, Buffer.of(FRAME_END)])
}

export const NO_ARGUMENTS: Table = new Map()

/** queue.declare as clients write it. */
export const declareQueue = (name: string, { durable = false, passive = false } = {}): m.QueueDeclare =>
  new m.QueueDeclare(name, passive, durable, false, false, false, NO_ARGUMENTS)
