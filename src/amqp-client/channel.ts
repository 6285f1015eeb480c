import type { Table } from '../core/fields.ts'
import { Properties } from '../core/message.ts'
import * as m from '../protocols/amqp091/wire/methods.gen.ts'
import { amqpPropertyFormat } from '../protocols/amqp091/wire/properties.ts'
import { RingDeque } from '../util/ring-deque.ts'
import type { AmqpConnection } from './connection.ts'
import { ContentAssembler } from './content-assembler.ts'
import { AmqpClientError, AmqpClosedError, AmqpNetworkError, AmqpReplyError } from './errors.ts'
import {
  MULTIPLE,
  NACK_REQUEUE,
  PublishTemplate,
  REJECT_REQUEUE,
  writePublish,
  writeSettlement,
} from './publish-frames.ts'
import { Delivery, type ReceivedMessage, Returned } from './received.ts'

/** What a channel tells its owner. All are called while bytes are read: they must not throw. */
export interface ChannelHandlers {
  /**
   * The broker has taken (`positive`) or refused what was published with the number `tag`, and with `multiple` everything before it that
   * is still open.
   */
  readonly onConfirmed?: (tag: number, multiple: boolean, positive: boolean) => void
  readonly onReturned?: (message: Returned) => void
  /** The channel is over, and not by `close()` here. */
  readonly onClosed?: (error: AmqpClientError) => void
}

export interface ConsumeOptions {
  /** The broker makes one up where it is left out. */
  readonly consumerTag?: string
  readonly noAck?: boolean
  readonly exclusive?: boolean
  readonly arguments?: Table
  /** The broker ends the consumer: its queue is gone, for instance. */
  readonly onCancelled?: () => void
}

export interface QueueOptions {
  readonly durable?: boolean
  readonly exclusive?: boolean
  readonly autoDelete?: boolean
  readonly arguments?: Table
}

export interface QueueFacts {
  readonly queue: string
  /** Ready ones. */
  readonly messageCount: number
  readonly consumerCount: number
}

export interface ExchangeOptions {
  readonly durable?: boolean
  readonly autoDelete?: boolean
  readonly internal?: boolean
  readonly arguments?: Table
}

/** Passed on as it is where it is bytes: see `Received.propertyBytes` and `encodeProperties`. */
export type PublishProperties = Uint8Array | Properties

interface Consumer {
  readonly noAck: boolean
  readonly onDelivery: (delivery: Delivery) => void
  readonly onCancelled: () => void
}

/** A request that waits for its answer. */
interface Call {
  /** Called while the answer is read, before anything that follows it. */
  readonly onAnswer: (answer: m.Method) => void
  readonly reject: (error: Error) => void
}

const NO_ARGUMENTS: Table = new Map()
const NO_PROPERTIES = amqpPropertyFormat.encode(new Properties())
const NOTHING = (): void => {}

/**
 * One channel. Requests (declare, bind, consume …) give promises; publishing, settling, deliveries and confirms are plain calls.
 * Requests reject with AmqpReplyError when the broker refuses them, which also ends the channel; with AmqpClosedError when it was closed
 * before; with AmqpNetworkError when the connection broke. RangeError is for names that do not fit (255 bytes).
 */
export class Channel {
  readonly connection: AmqpConnection
  readonly number: number
  /** Messages published in confirm mode: also the number that the last one will be confirmed by. */
  published = 0
  confirming = false
  readonly #handlers: ChannelHandlers
  readonly #calls = new RingDeque<Call>(4)
  readonly #consumers = new Map<string, Consumer>()
  readonly #content = new ContentAssembler()
  readonly #template: PublishTemplate
  /** Who waits for the content that follows basic.get-ok. */
  #got: { resolve: (delivery: Delivery) => void; reject: (error: Error) => void } | null = null
  #closed: AmqpClientError | null = null
  #closing = false
  /** False after channel.flow: RabbitMQ never sends it, others may. */
  #flowing = true

  /** Use `AmqpConnection.openChannel`. */
  constructor(connection: AmqpConnection, number: number, handlers: ChannelHandlers) {
    this.connection = connection
    this.number = number
    this.#handlers = handlers
    this.#template = new PublishTemplate(number)
  }

  get isOpen(): boolean {
    return this.#closed === null && !this.#closing
  }

  /** As `AmqpConnection.writable`. */
  get writable(): boolean {
    return this.#flowing && this.isOpen && this.connection.writable
  }

  // ---- exchanges, queues, bindings ----

  async declareExchange(name: string, type: string, options: ExchangeOptions = {}): Promise<void> {
    const { durable = false, autoDelete = false, internal = false } = options
    const args = options.arguments ?? NO_ARGUMENTS
    await this.#call(new m.ExchangeDeclare(name, type, false, durable, autoDelete, internal, false, args))
  }

  /** Rejects where there is no such exchange. */
  async checkExchange(name: string): Promise<void> {
    await this.#call(new m.ExchangeDeclare(name, 'direct', true))
  }

  async deleteExchange(name: string, { ifUnused = false } = {}): Promise<void> {
    await this.#call(new m.ExchangeDelete(name, ifUnused))
  }

  /** @param name empty: the broker makes one up, which is in the answer */
  async declareQueue(name: string, options: QueueOptions = {}): Promise<QueueFacts> {
    const { durable = false, exclusive = false, autoDelete = false } = options
    const args = options.arguments ?? NO_ARGUMENTS
    return this.#declareQueue(new m.QueueDeclare(name, false, durable, exclusive, autoDelete, false, args))
  }

  /** Rejects where there is no such queue. */
  async checkQueue(name: string): Promise<QueueFacts> {
    return this.#declareQueue(new m.QueueDeclare(name, true))
  }

  async #declareQueue(method: m.QueueDeclare): Promise<QueueFacts> {
    const { queue, messageCount, consumerCount } = (await this.#call(method)) as m.QueueDeclareOk
    return { queue, messageCount, consumerCount }
  }

  /** @returns messages that went with it */
  async deleteQueue(name: string, { ifUnused = false, ifEmpty = false } = {}): Promise<number> {
    return ((await this.#call(new m.QueueDelete(name, ifUnused, ifEmpty))) as m.QueueDeleteOk).messageCount
  }

  /** @returns messages that were dropped */
  async purgeQueue(name: string): Promise<number> {
    return ((await this.#call(new m.QueuePurge(name))) as m.QueuePurgeOk).messageCount
  }

  async bindQueue(queue: string, exchange: string, routingKey: string, args = NO_ARGUMENTS): Promise<void> {
    await this.#call(new m.QueueBind(queue, exchange, routingKey, false, args))
  }

  async unbindQueue(queue: string, exchange: string, routingKey: string, args = NO_ARGUMENTS): Promise<void> {
    await this.#call(new m.QueueUnbind(queue, exchange, routingKey, args))
  }

  async bindExchange(destination: string, source: string, routingKey: string, args = NO_ARGUMENTS): Promise<void> {
    await this.#call(new m.ExchangeBind(destination, source, routingKey, false, args))
  }

  async unbindExchange(destination: string, source: string, routingKey: string, args = NO_ARGUMENTS): Promise<void> {
    await this.#call(new m.ExchangeUnbind(destination, source, routingKey, false, args))
  }

  // ---- publishing ----

  /** From now on what is published is numbered, from 1 on, and `onConfirmed` hears of it. */
  async confirmSelect(): Promise<void> {
    await this.#call(new m.ConfirmSelect())
    this.confirming = true
  }

  /**
   * Bodies from 32 KiB on are not copied: they must not change until the broker has confirmed them, or the connection is `writable` again.
   * @param mandatory the broker returns what reaches no queue
   * @returns the number that it will be confirmed by; 0 without confirms
   * @throws AmqpClientError where the channel is closed; RangeError where names do not fit
   */
  publish(
    exchange: string,
    routingKey: string,
    properties: PublishProperties | null,
    body: Uint8Array,
    mandatory = false,
  ): number {
    if (!this.isOpen) throw this.#closedError()
    const { transport, frameMax } = this.connection
    const method = this.#template.bytesFor(exchange, routingKey, mandatory)
    writePublish(transport, this.number, method, encodeProperties(properties), body, frameMax)
    return this.confirming ? ++this.published : 0
  }

  // ---- transactions ----

  async txSelect(): Promise<void> {
    await this.#call(new m.TxSelect())
  }

  async txCommit(): Promise<void> {
    await this.#call(new m.TxCommit())
  }

  async txRollback(): Promise<void> {
    await this.#call(new m.TxRollback())
  }

  // ---- consuming ----

  /** Deliveries that may be unsettled at once for each consumer that starts after it (`global`: for all of the channel together). */
  async prefetch(count: number, global = false): Promise<void> {
    await this.#call(new m.BasicQos(0, count, global))
  }

  /**
   * @param onDelivery called for each message while bytes are read; must not throw
   * @returns the consumer tag
   */
  async consume(
    queue: string,
    onDelivery: (delivery: Delivery) => void,
    options: ConsumeOptions = {},
  ): Promise<string> {
    const { consumerTag = '', noAck = false, exclusive = false, onCancelled = NOTHING } = options
    const args = options.arguments ?? NO_ARGUMENTS
    const method = new m.BasicConsume(queue, consumerTag, false, noAck, exclusive, false, args)
    let tag = ''
    await this.#call(method, (answer) => {
      // at once, since deliveries may follow in the same read
      tag = (answer as m.BasicConsumeOk).consumerTag
      this.#consumers.set(tag, { noAck, onDelivery, onCancelled })
    })
    return tag
  }

  /** Deliveries that are under way still come until the promise resolves. */
  async cancel(consumerTag: string): Promise<void> {
    await this.#call(new m.BasicCancel(consumerTag), () => this.#consumers.delete(consumerTag))
  }

  /** One message, or null where none is ready. */
  async get(queue: string, noAck = false): Promise<Delivery | null> {
    const { promise, resolve, reject } = Promise.withResolvers<Delivery | null>()
    this.#request(new m.BasicGet(queue, noAck), {
      onAnswer: (answer) => {
        if (answer.id !== m.BasicGetOk.id) {
          resolve(null)
          return
        }
        const { deliveryTag, redelivered, exchange, routingKey, messageCount } = answer
        this.#got = { resolve, reject }
        this.#content.begin(new Delivery('', deliveryTag, redelivered, exchange, routingKey, messageCount))
      },
      reject,
    })
    return promise
  }

  /** On a channel that is closed, settling does nothing: the broker has taken the messages back. */
  ack(deliveryTag: number, multiple = false): void {
    this.#settle(m.BasicAck, deliveryTag, multiple ? MULTIPLE : 0)
  }

  nack(deliveryTag: number, { multiple = false, requeue = true } = {}): void {
    this.#settle(m.BasicNack, deliveryTag, (multiple ? MULTIPLE : 0) | (requeue ? NACK_REQUEUE : 0))
  }

  reject(deliveryTag: number, requeue = true): void {
    this.#settle(m.BasicReject, deliveryTag, requeue ? REJECT_REQUEUE : 0)
  }

  #settle(method: typeof m.BasicAck | typeof m.BasicNack | typeof m.BasicReject, tag: number, bits: number): void {
    if (this.isOpen) writeSettlement(this.connection.transport, this.number, method, tag, bits)
  }

  // ---- opening and closing ----

  /** @internal */
  async open(): Promise<void> {
    await this.#call(new m.ChannelOpen())
  }

  /** Closes the channel alone; unsettled deliveries go back to their queues. Does nothing where it is closed already. */
  async close(code = 200, text = 'Goodbye'): Promise<void> {
    if (!this.isOpen) return
    const closed = this.#call(new m.ChannelClose(code, text, 0, 0))
    this.#closing = true
    try {
      await closed
    } catch (error) {
      if (!(error instanceof AmqpClientError)) throw error // it is closed, however it came about
    }
  }

  /** @internal The channel is over. */
  end(error: AmqpClientError): void {
    if (this.#closed !== null) return
    const byUs = this.#closing || error instanceof AmqpClosedError
    this.#closed = error
    this.#content.reset()
    this.#consumers.clear()
    this.connection.forgetChannel(this)
    this.#got?.reject(error)
    this.#got = null
    for (let call = this.#calls.shift(); call !== undefined; call = this.#calls.shift()) call.reject(error)
    if (!byUs) this.#handlers.onClosed?.(error)
  }

  #closedError(): AmqpClientError {
    return this.#closed ?? new AmqpClosedError('the channel has been closed')
  }

  // ---- requests ----

  #call(method: m.Method, onAnswer: (answer: m.Method) => void = NOTHING): Promise<m.Method> {
    const { promise, resolve, reject } = Promise.withResolvers<m.Method>()
    this.#request(method, {
      onAnswer: (answer) => {
        onAnswer(answer)
        resolve(answer)
      },
      reject,
    })
    return promise
  }

  #request(method: m.Method, call: Call): void {
    if (!this.isOpen) {
      call.reject(this.#closedError())
      return
    }
    try {
      this.connection.send(this.number, method)
      this.#calls.push(call)
    } catch (error) {
      call.reject(error as Error)
    }
  }

  // ---- frames in; what is thrown ends the connection ----

  /** @internal */
  onMethod(buffer: Buffer, start: number): void {
    const { connection } = this
    const { reader } = connection
    const id = (buffer[start]! << 24) | (buffer[start + 1]! << 16) | (buffer[start + 2]! << 8) | buffer[start + 3]!
    if (id === m.BasicDeliver.id) {
      reader.skip(4)
      const consumerTag = connection.shortstr(reader)
      const deliveryTag = reader.u64()
      const redelivered = reader.u8() !== 0
      const exchange = connection.shortstr(reader)
      const routingKey = connection.shortstr(reader)
      this.#content.begin(new Delivery(consumerTag, deliveryTag, redelivered, exchange, routingKey, -1))
    } else if (id === m.BasicAck.id || id === m.BasicNack.id) {
      reader.skip(4)
      const tag = reader.u64()
      this.#handlers.onConfirmed?.(tag, (reader.u8() & MULTIPLE) !== 0, id === m.BasicAck.id)
    } else {
      this.#onRareMethod(m.decodeMethod(reader))
    }
  }

  #onRareMethod(method: m.Method): void {
    switch (method.id) {
      case m.BasicReturn.id: {
        const { replyCode, replyText, exchange, routingKey } = method
        this.#content.begin(new Returned(replyCode, replyText, exchange, routingKey))
        return
      }
      case m.BasicCancel.id:
        this.#onCancel(method)
        return
      case m.ChannelFlow.id:
        this.#flowing = method.active
        this.connection.send(this.number, new m.ChannelFlowOk(method.active))
        if (this.writable) this.connection.emit('writable')
        return
      case m.ChannelClose.id: {
        const { replyCode, replyText, classId, methodId } = method
        this.connection.send(this.number, new m.ChannelCloseOk())
        this.end(new AmqpReplyError('channel', replyCode, replyText, classId, methodId))
        return
      }
      case m.ChannelCloseOk.id:
        this.#answer(method)
        this.end(new AmqpClosedError('the channel has been closed'))
        return
      default:
        this.#answer(method)
    }
  }

  #onCancel({ consumerTag, noWait }: m.BasicCancel): void {
    const consumer = this.#consumers.get(consumerTag)
    this.#consumers.delete(consumerTag)
    if (!noWait) this.connection.send(this.number, new m.BasicCancelOk(consumerTag))
    consumer?.onCancelled()
  }

  #answer(method: m.Method): void {
    const call = this.#calls.shift()
    if (call === undefined) throw new AmqpNetworkError(`the broker sent ${m.METHOD_NAMES.get(method.id)} unasked`)
    call.onAnswer(method)
  }

  /** @internal */
  onHeader(buffer: Buffer, start: number, end: number, kept: boolean): void {
    const message = this.#content.header(buffer, start, end, kept)
    if (message !== null) this.#onMessage(message)
  }

  /** @internal */
  onBody(buffer: Buffer, start: number, end: number): void {
    const message = this.#content.body(buffer, start, end)
    if (message !== null) this.#onMessage(message)
  }

  #onMessage(message: ReceivedMessage): void {
    if (message instanceof Returned) {
      this.#handlers.onReturned?.(message)
    } else if (this.#got !== null) {
      const { resolve } = this.#got
      this.#got = null
      resolve(message)
    } else if (!this.#closing) {
      this.#consumers.get(message.consumerTag)?.onDelivery(message)
    }
  }
}

/** Property bytes for `Channel.publish`, to be encoded once for many messages. @throws RangeError for what does not fit */
export function encodeProperties(properties: PublishProperties | null): Uint8Array {
  if (properties === null) return NO_PROPERTIES
  return properties instanceof Properties ? amqpPropertyFormat.encode(properties) : properties
}
