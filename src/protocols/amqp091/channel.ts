import type { ClientConnection } from '../../core/client-connection.ts'
import type { Consumer } from '../../core/consumer.ts'
import { type BrokerError, notImplemented, preconditionFailed } from '../../core/errors.ts'
import type { Message } from '../../core/message.ts'
import type { ExchangeAccess } from '../../core/publishing.ts'
import type { Entry } from '../../core/queues/entry.ts'
import { applyHeaders, applyReplyTo, parseExpiration } from '../../core/publish-properties.ts'
import type { Session, SessionSink } from '../../core/session.ts'
import { UndecidedError } from '../../core/undecided.ts'
import { joinU64 } from '../../util/uint64.ts'
import { PHASE_DISPATCH, type TurnTask } from '../../util/turn.ts'
import type { Connection } from './connection.ts'
import { DeferredFrames } from './deferred-frames.ts'
import { deliveredProperties } from './delivered-properties.ts'
import { ProtocolError, replyOf, replyText } from './errors.ts'
import { IDLE, PublishAssembler, unexpectedFrame } from './publish-assembler.ts'
import { DeliverTemplate, writeConfirm, writeContent, writeDeliver } from './wire/hot.ts'
import * as m from './wire/methods.gen.ts'

const BASIC_PUBLISH = m.BasicPublish.id
const BASIC_ACK = m.BasicAck.id
/** Reserved short, exchange, routing key, bits. */
const LAST_PUBLISH_BYTES = 2 + 256 + 256 + 1
const NO_BYTES = Buffer.alloc(0)
const DIRECT_REPLY = 'amq.rabbitmq.reply-to'
/** The high half of 2^53 - 1. No delivery has a tag beyond, and numbers cannot tell such tags apart. */
const TAG_HIGH_MAX = 0x1f_ffff

/** What may wait on a channel while a back end is asked, in bytes: beyond it, nothing is read from the client any more. */
const DEFERRED_MAX = 64 * 1024

/** What of a basic.publish holds for the next one that has the same bytes. */
class LastPublish {
  exchange = ''
  routingKey = ''
  mandatory = false
  immediate = false
  /** The method's bytes; a channel that never publishes needs no room for them. */
  #bytes = NO_BYTES
  #length = -1

  matches(buffer: Buffer, start: number, end: number): boolean {
    if (this.#length !== end - start) return false
    const bytes = this.#bytes
    for (let i = this.#length - 1; i >= 0; i--) if (bytes[i] !== buffer[start + i]) return false
    return true
  }

  remember(buffer: Buffer, start: number, end: number): void {
    this.#length = end - start
    if (this.#bytes.length === 0) this.#bytes = Buffer.alloc(LAST_PUBLISH_BYTES)
    buffer.copy(this.#bytes, 0, start, end)
  }
}

/** One AMQP channel: turns methods and content into calls of its session, and what the session says into frames. */
export class Channel implements SessionSink {
  readonly number: number
  readonly session: Session
  /** channel.close has been sent: everything but the answer to it is ignored. */
  closing = false
  readonly #connection: Connection
  readonly #assembler: PublishAssembler
  readonly #last = new LastPublish()
  /** An answer has to be given before anything else on this channel. */
  #awaiting = false
  /** Nothing is read from the client for so long. */
  #pauses = false
  /** What is to be tried again, since a back end was asked first: a method's bytes, or the message that lies in the assembler. */
  #undecided: Buffer | 'message' | null = null
  /** What has come meanwhile; null where that has never happened. */
  #deferred: DeferredFrames | null = null
  #replayer: TurnTask | null = null

  constructor(connection: Connection, client: ClientConnection, number: number) {
    this.#connection = connection
    this.number = number
    this.session = client.openSession(this, number)
    this.#assembler = new PublishAssembler(client.broker.store)
  }

  // ---- frames in ----

  /** @throws BrokerError, ProtocolError, WireError */
  onMethod(id: number, buffer: Buffer, start: number, end: number): void {
    if (this.#awaiting) {
      this.#deferred!.method(buffer, start, end)
      this.#limitDeferred()
      return
    }
    if (this.#assembler.state !== IDLE) throw unexpectedFrame(this.#assembler.state)
    if (id === BASIC_PUBLISH) {
      this.#beginPublish(buffer, start + 4, end)
      return
    }
    if (id === BASIC_ACK && end - start === 13) {
      const high = buffer.readUInt32BE(start + 4)
      if (high > TAG_HIGH_MAX) throw unknownTag(buffer, start + 4)
      const tag = joinU64(high, buffer.readUInt32BE(start + 8))
      this.session.acknowledge(tag, (buffer[start + 12]! & 1) === 1)
      return
    }
    if ((id === m.BasicReject.id || id === m.BasicNack.id) && end - start >= 12) {
      if (buffer.readUInt32BE(start + 4) > TAG_HIGH_MAX) throw unknownTag(buffer, start + 4)
    }
    if (this.session.committing) {
      throw new ProtocolError('channelError', "unexpected command while processing 'tx.commit'")
    }
    try {
      this.#handle(this.#connection.decode(buffer, start, end))
    } catch (error) {
      if (!(error instanceof UndecidedError)) throw error
      this.#ask(Buffer.from(buffer.subarray(start, end)), error)
    }
  }

  onHeader(buffer: Buffer, start: number, end: number, kept: boolean): void {
    if (this.#awaiting) {
      this.#deferred!.header(buffer, start, end)
      this.#limitDeferred()
      return
    }
    const keepMax = this.session.broker.options.messageBytesMax
    if (this.#assembler.header(buffer, start, end, kept, keepMax)) this.publish()
  }

  onBody(buffer: Buffer, start: number, end: number, first: boolean, frameBytes: number): void {
    if (this.#awaiting) {
      this.#deferred!.body(buffer, start, end, first, frameBytes)
      this.#limitDeferred()
      return
    }
    if (this.#assembler.body(buffer, start, end, first, frameBytes)) this.publish()
  }

  #beginPublish(buffer: Buffer, start: number, end: number): void {
    const last = this.#last
    if (!last.matches(buffer, start, end)) {
      const reader = this.#connection.reader
      reader.reset(buffer, start + 2, end)
      last.exchange = this.#connection.shortstr(reader)
      last.routingKey = this.#connection.shortstr(reader)
      const bits = reader.u8()
      reader.expectEnd()
      last.mandatory = (bits & 1) !== 0
      last.immediate = (bits & 2) !== 0
      last.remember(buffer, start, end)
    }
    this.#assembler.begin()
  }

  /** The message is complete. @throws BrokerError */
  publish(): void {
    try {
      this.#publish()
    } catch (error) {
      if (!(error instanceof UndecidedError)) throw error
      this.#ask('message', error)
    }
  }

  /** The order of the checks is RabbitMQ's. */
  #publish(): void {
    const last = this.#last
    const assembler = this.#assembler
    if (last.immediate) throw notImplemented('immediate=true')
    const max = this.session.broker.options.messageBytesMax
    if (assembler.bodyBytes > max) {
      const limit = max >= 512 * 1024 * 1024 ? 'max size' : 'configured max size'
      throw preconditionFailed(`message size ${assembler.bodyBytes} is larger than ${limit} ${max}`)
    }
    const { publishing } = this.session
    const access = publishing.access(last.exchange)
    const message = assembler.message(last.exchange, last.routingKey)
    const { scan } = assembler
    if (scan.headersOffset >= 0 || scan.expirationOffset >= 0 || scan.replyToOffset >= 0 || scan.userIdOffset >= 0) {
      this.#publishWithProperties(access, message, last.mandatory)
    } else {
      publishing.publish(access, message, last.mandatory)
    }
  }

  #publishWithProperties(access: ExchangeAccess, given: Message, mandatory: boolean): void {
    const { scan } = this.#assembler
    let message = given
    if (scan.replyToOffset >= 0 && this.#assembler.text(scan.replyToOffset, scan.replyToLength) === DIRECT_REPLY) {
      message = applyReplyTo(message, this.session.replyName())
    }
    if (scan.expirationOffset >= 0) {
      message.ttlMs = parseExpiration(this.#assembler.text(scan.expirationOffset, scan.expirationLength))
    }
    if (this.#assembler.hasHeader(CC) || this.#assembler.hasHeader(BCC)) message = applyHeaders(message)
    if (scan.userIdOffset >= 0) {
      this.session.publishing.requireUserId(this.#assembler.text(scan.userIdOffset, scan.userIdLength))
    }
    this.session.publishing.publish(access, message, mandatory)
  }

  // ---- methods ----

  #handle(method: m.Method): void {
    switch (method.id >>> 16) {
      case 20:
        this.#handleChannel(method)
        return
      case 40:
        this.#handleExchange(method)
        return
      case 50:
        this.#handleQueue(method)
        return
      case 60:
        this.#handleBasic(method)
        return
      default:
        this.#handleOther(method)
    }
  }

  #handleChannel(method: m.Method): void {
    switch (method.id) {
      case m.ChannelOpen.id:
        throw new ProtocolError('channelError', "second 'channel.open' seen")
      case m.ChannelFlow.id:
        if (!method.active) throw notImplemented('active=false')
        this.#send(new m.ChannelFlowOk(true))
        return
      case m.ChannelClose.id:
        this.#connection.forgetChannel(this)
        this.#connection.commitThenSend(this.number, new m.ChannelCloseOk())
        return
      default:
        throw new ProtocolError('commandInvalid', 'unimplemented method')
    }
  }

  #handleExchange(method: m.Method): void {
    const { session } = this
    switch (method.id) {
      case m.ExchangeDeclare.id: {
        const { exchange: name, noWait, ...rest } = method
        session.topology.declareExchange({ ...rest, name })
        this.#answer(noWait, new m.ExchangeDeclareOk())
        return
      }
      case m.ExchangeDelete.id:
        session.topology.deleteExchange(method.exchange, method.ifUnused)
        this.#answer(method.noWait, new m.ExchangeDeleteOk())
        return
      case m.ExchangeBind.id:
        session.topology.bindExchange(method.destination, method.source, method.routingKey, method.arguments)
        this.#answer(method.noWait, new m.ExchangeBindOk())
        return
      case m.ExchangeUnbind.id:
        session.topology.unbindExchange(method.destination, method.source, method.routingKey, method.arguments)
        this.#answer(method.noWait, new m.ExchangeUnbindOk())
        return
      default:
        throw new ProtocolError('commandInvalid', 'unimplemented method')
    }
  }

  #handleQueue(method: m.Method): void {
    const { session } = this
    switch (method.id) {
      case m.QueueDeclare.id: {
        const { queue: given, noWait, ...rest } = method
        const { name, messages, consumers } = session.topology.declareQueue({ ...rest, name: given })
        this.#answer(noWait, new m.QueueDeclareOk(name, messages, consumers))
        return
      }
      case m.QueueBind.id:
        session.topology.bindQueue(method.queue, method.exchange, method.routingKey, method.arguments)
        this.#answer(method.noWait, new m.QueueBindOk())
        return
      case m.QueueUnbind.id:
        session.topology.unbindQueue(method.queue, method.exchange, method.routingKey, method.arguments)
        this.#answer(false, new m.QueueUnbindOk())
        return
      case m.QueuePurge.id:
        this.#answer(method.noWait, new m.QueuePurgeOk(session.topology.purgeQueue(method.queue)))
        return
      case m.QueueDelete.id:
        this.#deleteQueue(method)
        return
      default:
        throw new ProtocolError('commandInvalid', 'unimplemented method')
    }
  }

  /** delete-ok comes before the cancellation of this channel's own consumers. */
  #deleteQueue(method: m.QueueDelete): void {
    const cancelled: Consumer[] = []
    this.#deferredCancels = cancelled
    let messages: number
    try {
      messages = this.session.topology.deleteQueue(method.queue, method.ifUnused, method.ifEmpty)
    } finally {
      this.#deferredCancels = null
    }
    this.#answer(method.noWait, new m.QueueDeleteOk(messages))
    for (const consumer of cancelled) this.cancelled(consumer)
  }

  #deferredCancels: Consumer[] | null = null

  #handleBasic(method: m.Method): void {
    const { session } = this
    switch (method.id) {
      case m.BasicQos.id:
        if (method.prefetchSize !== 0) throw notImplemented(`prefetch_size!=0 (${method.prefetchSize})`)
        session.setPrefetch(method.prefetchCount, method.global)
        this.#send(new m.BasicQosOk())
        return
      case m.BasicConsume.id: {
        const { consumerTag: tag, noWait, queue, noAck, exclusive } = method
        session.consume({ queue, tag, noAck, exclusive, arguments: method.arguments }, (given) =>
          this.#answer(noWait, new m.BasicConsumeOk(given)),
        )
        return
      }
      case m.BasicCancel.id:
        session.cancel(method.consumerTag)
        this.#answer(method.noWait, new m.BasicCancelOk(method.consumerTag))
        return
      case m.BasicCancelOk.id:
        return
      case m.BasicGet.id:
        this.#get(method)
        return
      case m.BasicAck.id:
        session.acknowledge(method.deliveryTag, method.multiple)
        return
      case m.BasicReject.id:
        session.reject(method.deliveryTag, method.requeue)
        return
      case m.BasicNack.id:
        session.release(method.deliveryTag, method.multiple, method.requeue)
        return
      case m.BasicRecover.id:
      case m.BasicRecoverAsync.id:
        if (!method.requeue) throw notImplemented('requeue=false')
        session.recover()
        if (method.id === m.BasicRecover.id) this.#send(new m.BasicRecoverOk())
        return
      default:
        throw new ProtocolError('commandInvalid', 'unimplemented method')
    }
  }

  #get(method: m.BasicGet): void {
    const { transport, frameMax } = this.#connection
    const take = (tag: number, entry: Entry, remaining: number): void => {
      const { message, redelivered } = entry
      this.#send(new m.BasicGetOk(tag, redelivered, message.exchange, message.routingKey, remaining))
      writeContent(transport, this.number, message, deliveredProperties(message, entry), frameMax, this.session.vhost)
      this.#goOn()
    }
    const empty = (): void => {
      this.#send(new m.BasicGetEmpty())
      this.#goOn()
    }
    if (!this.session.get(method.queue, method.noAck, take, empty)) this.#await(true)
  }

  // ---- answers that come later ----

  /** What comes on this channel waits. @param pauses whether at once nothing is read from the client any more, on no channel */
  #await(pauses: boolean): void {
    this.#awaiting = true
    this.#deferred ??= new DeferredFrames()
    if (pauses) this.#pause()
  }

  #pause(): void {
    this.#pauses = true
    this.#connection.awaitAnswer()
  }

  /** A back end outside may take long to answer: the client's other channels go on. */
  #limitDeferred(): void {
    if (!this.#pauses && this.#deferred!.bytes > DEFERRED_MAX) this.#pause()
  }

  /** @param what to be tried again with the answer */
  #ask(what: Buffer | 'message', { answered }: UndecidedError): void {
    this.#undecided = what
    this.#await(false)
    void answered.then(() => this.#goOn())
  }

  /** The answer has been given: what came since is taken up, when whoever gave it has finished. */
  #goOn(): void {
    if (!this.#awaiting) return
    this.#replayer ??= { scheduled: false, runAtTurnEnd: () => this.#replay() }
    this.session.broker.turn.schedule(PHASE_DISPATCH, this.#replayer)
  }

  #replay(): void {
    if (!this.#awaiting) return
    this.#stopAwaiting()
    const undecided = this.#undecided
    this.#undecided = null
    if (undecided === 'message') this.#connection.publishAgain(this)
    else if (undecided !== null) this.#connection.onMethod(this.number, undecided, 0, undecided.length)
    const deferred = this.#deferred!
    while (!this.#awaiting && !deferred.empty) deferred.replay(this.#connection, this.number)
  }

  #stopAwaiting(): void {
    if (!this.#awaiting) return
    this.#awaiting = false
    if (!this.#pauses) return
    this.#pauses = false
    this.#connection.answered()
  }

  #handleOther(method: m.Method): void {
    const { session } = this
    switch (method.id) {
      case m.ConfirmSelect.id:
        session.publishing.selectConfirms()
        this.#answer(method.noWait, new m.ConfirmSelectOk())
        return
      case m.TxSelect.id:
        session.selectTransactions()
        this.#send(new m.TxSelectOk())
        return
      case m.TxCommit.id:
        session.commit()
        return
      case m.TxRollback.id:
        session.rollback()
        this.#send(new m.TxRollbackOk())
        return
      case m.AccessRequest.id:
        this.#send(new m.AccessRequestOk(1))
        return
      default:
        throw new ProtocolError('commandInvalid', 'unimplemented method')
    }
  }

  #send(method: m.Method): void {
    this.#connection.send(this.number, method)
  }

  /** An answer to something that may have changed durable metadata: it waits until that is on disk. */
  #answer(noWait: boolean, method: m.Method): void {
    if (noWait) this.#connection.commit()
    else this.#connection.commitThenSend(this.number, method)
  }

  // ---- what the session says ----

  deliver(consumer: Consumer, tag: number, message: Message, redelivered: boolean, entry: Entry | null): void {
    const template = (consumer.protocolState ??= new DeliverTemplate(this.number, consumer.tag)) as DeliverTemplate
    const properties = entry === null ? null : deliveredProperties(message, entry)
    const { transport, frameMax } = this.#connection
    writeDeliver(transport, template, this.number, tag, redelivered, message, properties, frameMax, this.session.vhost)
  }

  returned(message: Message): void {
    const { transport, frameMax } = this.#connection
    this.#send(new m.BasicReturn(312, 'NO_ROUTE', message.exchange, message.routingKey))
    writeContent(transport, this.number, message, null, frameMax, this.session.vhost)
  }

  confirmed(sequence: number, multiple: boolean): void {
    if (!this.closing) writeConfirm(this.#connection.transport, this.number, sequence, multiple, true)
  }

  rejected(sequence: number): void {
    if (!this.closing) writeConfirm(this.#connection.transport, this.number, sequence, false, false)
  }

  cancelled(consumer: Consumer): boolean {
    if (!this.#connection.capabilities.consumerCancelNotify) return false
    if (this.#deferredCancels !== null) this.#deferredCancels.push(consumer)
    else this.#send(new m.BasicCancel(consumer.tag, true))
    return true
  }

  committed(): void {
    this.#send(new m.TxCommitOk())
  }

  timedOut(timeoutMs: number): void {
    const error = preconditionFailed(
      `delivery acknowledgement on channel ${this.number} timed out. Timeout value used: ${timeoutMs} ms. ` +
        'This timeout value can be configured, see consumers doc guide to learn more',
    )
    this.#connection.failChannel(this, error, 0)
  }

  // ---- end ----

  /** The connection is over: it ends the session. */
  abandon(): void {
    this.closing = true
    this.#undecided = null
    this.#deferred?.clear()
    this.#stopAwaiting()
  }

  shed(): void {
    this.#assembler.reset()
  }

  /** The broker closes the channel: the session ends now, the number is free when the client has answered. */
  fail(error: BrokerError, methodId: number): void {
    this.closing = true
    this.#undecided = null
    this.#assembler.reset()
    this.session.close()
    this.#goOn()
    const reply = replyOf(error)
    this.#connection.commitThenSend(
      this.number,
      new m.ChannelClose(reply.code, replyText(reply, error.message), methodId >>> 16, methodId & 0xffff),
    )
  }
}

const unknownTag = (buffer: Buffer, at: number): BrokerError =>
  preconditionFailed(`unknown delivery tag ${buffer.readBigUInt64BE(at)}`)

const CC = Buffer.from('CC')
const BCC = Buffer.from('BCC')
