import type { Socket } from 'node:net'
import amqp, {
  type Channel,
  type ChannelModel,
  type ConfirmChannel,
  type ConsumeMessage,
  type GetMessage,
} from 'amqplib'
import { Random } from '../../tools/fuzz/frames.ts'
import type { ChannelBook, ReturnKind } from './channel-book.ts'
import { colourOf, compose, inspect, type Outgoing, type Wishes } from './content.ts'
import type { Copy } from './copy.ts'
import type { Ledger } from './ledger.ts'
import { BARRIER, queuesOf, type Route } from './topology.ts'

/** What the clients of one life of the broker have in common. */
export class Life {
  readonly ledger: Ledger
  readonly port: number
  readonly random: Random
  readonly wires = new Set<Wire>()
  /** Programs are to come to an end. */
  stopping = false
  /** The broker is about to be killed or has been: errors are what is expected. */
  ending = false
  readonly #onEnd: (() => void)[] = []
  #names = 0

  constructor(ledger: Ledger, port: number, random: Random) {
    this.ledger = ledger
    this.port = port
    this.random = random
  }

  /** Unique over all lives. */
  name(kind: string): string {
    return `${this.ledger.incarnation}.${++this.#names}-${kind}`
  }

  stop(): void {
    this.stopping = true
    for (const wire of this.wires) wire.changed()
  }

  /** Call right before the broker is told to go. */
  end(): void {
    this.ending = true
  }

  onEnd(listener: () => void): void {
    this.#onEnd.push(listener)
  }

  /** All clients leave a broker that goes on. */
  async leave(): Promise<void> {
    await Promise.all([...this.wires].map((wire) => wire.leave()))
  }

  /** The broker is gone: waits for what the connections still had to say. */
  async over(): Promise<void> {
    for (const listener of this.#onEnd) listener()
    await Promise.all([...this.wires].map((wire) => wire.closed))
  }
}

/** Thrown into a client's program when its connection has ended. */
export class Ended extends Error {}

/**
 * One connection with one channel, by amqplib, that keeps its books. What is sent on one channel arrives in that order, so that a confirm
 * says something about all that went before.
 */
export class Wire {
  readonly name: string
  readonly book: ChannelBook
  readonly random: Random
  readonly life: Life
  ended = false
  /** Publishes that are not confirmed yet. */
  unconfirmed = 0
  readonly closed: Promise<void>
  readonly #connection: ChannelModel
  readonly #channel: Channel
  readonly #waiting = new Set<() => void>()
  #published = 0
  /** Settled in the open transaction. */
  #settledInTx = new Map<number, Copy>()
  #tags: string[] = []

  private constructor(life: Life, name: string, connection: ChannelModel, channel: Channel) {
    this.life = life
    this.name = name
    this.random = new Random(life.random.below(0x7fff_ffff))
    this.book = life.ledger.openChannel(name)
    this.#connection = connection
    this.#channel = channel
    life.wires.add(this)
    this.closed = new Promise<void>((resolve) => connection.once('close', resolve)).then(() => this.#onClose())
    connection.on('error', (error: Error) => this.#onError(error))
    channel.on('error', (error: Error) => this.#onError(error))
  }

  static async open(life: Life, kind: string, mode: 'confirm' | 'tx' = 'confirm'): Promise<Wire> {
    const connection = await connectTo(life)
    try {
      const channel = mode === 'confirm' ? await connection.createConfirmChannel() : await connection.createChannel()
      const wire = new Wire(life, life.name(kind), connection, channel)
      if (mode === 'tx') {
        await tx.select(channel)
        wire.book.selectTransactions()
      }
      return wire
    } catch (error) {
      if (life.ending) throw new Ended('while opening a channel', { cause: error })
      throw error
    }
  }

  /** Whether a queue of this name is there, by a channel that it costs if not. */
  static async exists(life: Life, queue: string): Promise<boolean> {
    const connection = await connectTo(life)
    const channel = await connection.createChannel()
    channel.on('error', () => {})
    try {
      await channel.checkQueue(queue)
      return true
    } catch (error) {
      if ((error as { code?: unknown }).code !== 404) throw error
      return false
    } finally {
      await connection.close()
    }
  }

  #onError(error: Error): void {
    if (this.life.ending || this.ended) return
    this.life.ledger.complain(`${this.name}: ${error.message}`)
  }

  #onClose(): void {
    this.life.wires.delete(this)
    this.#end(this.life.ending ? 'broker' : 'cut')
  }

  /** What the client itself ends, it ends while the broker still goes on, though that is about to be told to go. */
  #end(how: 'broker' | 'cut' | 'closed'): void {
    this.ended = true
    this.book.lost(how)
    this.#wake()
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
  }

  /** Until the condition holds, looked at whenever something happens here. @throws Ended */
  async until(condition: () => boolean): Promise<void> {
    for (;;) {
      if (this.ended) throw new Ended(this.name)
      if (condition()) return
      await new Promise<void>((resolve) => this.#waiting.add(resolve))
    }
  }

  /** Something that a program waits for has changed. */
  changed(): void {
    this.#wake()
  }

  // ---- publishing ----

  compose(wishes: Wishes = {}): Outgoing {
    return compose(this.name, this.#published++, wishes)
  }

  publish({ exchange, key }: Route, outgoing: Outgoing, then: () => void = () => {}): void {
    if (this.ended) throw new Ended(this.name)
    const { facts, options, body } = outgoing
    const publication = this.book.publish(facts, queuesOf({ exchange, key }, colourOf(outgoing)))
    if (!('waitForConfirms' in this.#channel)) {
      this.#channel.publish(exchange, key, body, options)
      return
    }
    this.unconfirmed++
    const channel = this.#channel as ConfirmChannel
    channel.publish(exchange, key, body, options, (error: Error | null) => {
      this.unconfirmed--
      if (error === null) this.book.confirmed(publication)
      else if (error.message === 'message nacked') this.book.refused(publication)
      then()
      this.#wake()
    })
  }

  /** A confirm for which says that all that was done before is safe. */
  barrier(): void {
    this.publish({ exchange: '', key: BARRIER }, this.compose())
  }

  async allConfirmed(): Promise<void> {
    await this.until(() => this.unconfirmed === 0)
  }

  // ---- consuming ----

  async prefetch(count: number): Promise<void> {
    await this.#call(this.#channel.prefetch(count))
  }

  async consume(queue: string, onDelivery: (tag: number, copy: Copy | null) => void): Promise<void> {
    this.book.consumes(queue)
    const onMessage = (message: ConsumeMessage | null): void => {
      if (message === null) return
      const copy = this.#delivered(queue, message)
      if (!this.ended) onDelivery(message.fields.deliveryTag, copy)
      this.#wake()
    }
    const { consumerTag } = await this.#call(this.#channel.consume(queue, onMessage))
    this.#tags.push(consumerTag)
  }

  /** @returns null when the queue has none */
  async get(queue: string): Promise<number | null> {
    this.book.consumes(queue)
    const message = await this.#call(this.#channel.get(queue))
    if (message === false) return null
    this.#delivered(queue, message)
    return message.fields.deliveryTag
  }

  #delivered(queue: string, { content, fields, properties }: ConsumeMessage | GetMessage): Copy | null {
    const delivery = inspect({ body: content, redelivered: fields.redelivered, properties: { ...properties } })
    return this.book.delivered(queue, fields.deliveryTag, delivery)
  }

  ack(tag: number, multiple = false): void {
    if (this.ended) return
    const copy = this.book.held.get(tag)
    if (copy !== undefined) this.#settledInTx.set(tag, copy)
    this.book.ack(tag, multiple)
    this.#channel.ack(messageWith(tag), multiple)
  }

  requeue(tag: number, kind: ReturnKind, multiple = false): void {
    if (this.ended) return
    this.book.requeue(tag, kind, multiple)
    if (kind === 'nack') this.#channel.nack(messageWith(tag), multiple, true)
    else this.#channel.reject(messageWith(tag), true)
  }

  /** Without requeue. */
  reject(tag: number): void {
    if (this.ended) return
    this.book.reject(tag)
    if (this.random.once(2)) this.#channel.reject(messageWith(tag), false)
    else this.#channel.nack(messageWith(tag), false, false)
  }

  /** All consumers; what was on its way has come when this is over. */
  async cancel(): Promise<void> {
    for (const tag of this.#tags.splice(0)) await this.#call(this.#channel.cancel(tag))
  }

  // ---- transactions ----

  async commit(): Promise<void> {
    this.book.commitSent()
    await this.#call(tx.commit(this.#channel))
    this.book.committed()
    this.#settledInTx = new Map()
  }

  async rollback(): Promise<void> {
    await this.#call(tx.rollback(this.#channel))
    this.book.rolledBack(this.#settledInTx)
    this.#settledInTx = new Map()
  }

  // ---- the rest ----

  async ready(queue: string): Promise<number> {
    const { messageCount } = await this.#call(this.#channel.checkQueue(queue))
    return messageCount
  }

  async deleteQueue(queue: string): Promise<void> {
    await this.#call(this.#channel.deleteQueue(queue))
  }

  async declare(declarations: (channel: Channel) => Promise<void>): Promise<void> {
    await this.#call(declarations(this.#channel))
  }

  async #call<T>(reply: Promise<T>): Promise<T> {
    try {
      return await reply
    } catch (error) {
      if (this.ended || this.life.ending) throw new Ended(this.name, { cause: error })
      throw error
    }
  }

  /** As when the client's machine loses its network. */
  async cut(): Promise<void> {
    if (!this.ended) {
      this.#end('cut')
      streamOf(this.#connection).destroy(new Error('cut by the client'))
    }
    await this.closed
  }

  /** With whatever it holds; what was sent has been looked at when this is over. */
  async leave(): Promise<void> {
    this.ended = true
    await this.#call(this.#connection.close())
    await this.closed
  }

  /** In good order: consumers cancelled, everything answered. */
  async close(): Promise<void> {
    await this.cancel()
    await this.allConfirmed()
    await this.#call(this.#connection.close())
    this.#end('closed')
    await this.closed
  }
}

const messageWith = (deliveryTag: number): ConsumeMessage => ({ fields: { deliveryTag } }) as ConsumeMessage

const streamOf = (connection: ChannelModel): Socket => (connection.connection as unknown as { stream: Socket }).stream

/** Transactions, which amqplib has no calls for: class 90, method numbers, and those of the answers. */
const tx = {
  select: (channel: Channel): Promise<unknown> => callTx(channel, 10),
  commit: (channel: Channel): Promise<unknown> => callTx(channel, 20),
  rollback: (channel: Channel): Promise<unknown> => callTx(channel, 30),
}

function callTx(channel: Channel, method: number): Promise<unknown> {
  const raw = channel as unknown as { rpc(method: number, fields: object, expect: number): Promise<unknown> }
  return raw.rpc((90 << 16) | method, {}, (90 << 16) | (method + 1))
}

async function connectTo(life: Life): Promise<ChannelModel> {
  const address = { protocol: 'amqp', hostname: '127.0.0.1', port: life.port, heartbeat: 0 }
  try {
    const connection = await amqp.connect(address, { noDelay: true })
    // whoever uses it hears of its end in other ways, too
    connection.on('error', () => {})
    return connection
  } catch (error) {
    if (life.ending) throw new Ended('while connecting', { cause: error })
    throw error
  }
}
