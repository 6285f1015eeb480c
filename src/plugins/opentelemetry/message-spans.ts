import { randomBytes } from 'node:crypto'
import type { DeathReason, Message } from '../../core/message.ts'
import { type Entry, UNACKED } from '../../core/queues/entry.ts'
import type { Confirms } from '../../core/confirms.ts'
import type { Queue } from '../../core/queues/queue.ts'
import type { Target } from '../../core/router.ts'
import type { Session } from '../../core/session.ts'
import { type Delivered, MessageObserver, type Settled } from '../../core/tracing/message-observer.ts'
import type { Clock } from '../../util/clock.ts'
import { type ConfirmOutcome, ConfirmSpans } from './confirm-spans.ts'
import type { AttributeValue, Span } from './span.ts'
import { isWithin, sampledContext, type TraceContext } from './trace-context.ts'

/** Deliveries that are followed until they are settled, and publishes until they are confirmed; of those beyond there is no span. */
const OPEN_MAX = 10_000
/** Queues that one span names. */
const QUEUES_MAX = 20
const DEFAULT_EXCHANGE = 'amq.default'

/** How a delivery ended, where that is a failure. Who puts a message back may just not be the one who is to have it. */
const FAILURES: ReadonlySet<Settled> = new Set(['discarded', 'lost', 'timedOut'])

/** What is followed at the moment, in all virtual hosts. */
export class Followed {
  count = 0
}

export interface SpanParts {
  readonly clock: Clock
  /** Share of the traces to take part in, 0 to 1. */
  readonly ratio: number
  readonly sink: SpanSink
  readonly followed: Followed
}

/** Where spans go. */
export interface SpanSink {
  /** A span that is over, or will be before this turn is. */
  add(span: Span): void
  /** One that there is no room for. */
  drop(): void
}

/**
 * Makes spans of what becomes of messages whose publishers recorded theirs: one for the publish, and one for each delivery until it is
 * settled; one more where a queue dead-letters or drops it. The message's own context is the parent of all of them, and goes on unchanged:
 * so the broker's spans stand beside those of the consumer, whose parent it is as well, and nothing has to be remembered of a message while
 * it is in a queue. In confirm mode the span of the publish has a child, until the publisher is answered.
 *
 * Names are those of OpenTelemetry's conventions for messaging (https://opentelemetry.io/docs/specs/semconv/messaging/), and
 * `warrenmq.*` what these have not.
 */
export class MessageSpans extends MessageObserver {
  readonly #vhost: string
  readonly #clock: Clock
  readonly #ratio: number
  readonly #sink: SpanSink
  readonly #followed: Followed
  readonly #open = new Map<Entry, Span>()
  /** The last publish that there is a span for: what goes wrong with it is told right after it. */
  #published: { readonly message: Message; readonly span: Span } | null = null

  /** Follows the messages of one virtual host. */
  constructor(vhost: string, { clock, ratio, sink, followed }: SpanParts) {
    super()
    this.#vhost = vhost
    this.#clock = clock
    this.#ratio = ratio
    this.#sink = sink
    this.#followed = followed
  }

  override published(session: Session, message: Message, targets: readonly Target[]): void {
    this.#published = null
    const context = this.#contextOf(message)
    if (context === null) return
    const exchange = message.exchange === '' ? DEFAULT_EXCHANGE : message.exchange
    const span = this.#start(context, 'producer', `publish ${exchange}`, {
      ...attributesOf(this.#vhost, message),
      ...clientOf(session),
      'messaging.operation.name': 'publish',
      'messaging.operation.type': 'send',
      'messaging.destination.name': destination(message.exchange, message.routingKey),
      'warrenmq.queues': queueNames(targets),
    })
    this.#published = { message, span }
    this.#sink.add(span)
    if (session.publishing.confirms !== null) this.#awaitConfirm(session.publishing.confirms, exchange, span)
  }

  #awaitConfirm(confirms: Confirms, exchange: string, { traceId, spanId, traceState }: Span): void {
    if (this.#followed.count >= OPEN_MAX) return this.#sink.drop()
    const span = this.#start({ traceId, spanId, traceState }, 'internal', `confirm ${exchange}`, {
      'messaging.system': 'rabbitmq',
      'messaging.operation.name': 'confirm',
    })
    if (confirms.watcher === null) confirms.watcher = new ConfirmSpans((...facts) => this.#confirmed(...facts))
    if (!(confirms.watcher instanceof ConfirmSpans)) return
    this.#followed.count++
    // it is counted right after this
    confirms.watcher.wait(confirms.sequence + 1, span)
  }

  #confirmed(span: Span, outcome: ConfirmOutcome): void {
    this.#followed.count--
    if (outcome !== 'confirmed') fail(span, outcome)
    this.#finish(span, outcome)
  }

  override died(queue: Queue, message: Message, reason: DeathReason, deadLetters: boolean): void {
    // what a consumer has rejected is told by the span of its delivery
    if (deadLetters || reason === 'rejected') return
    const context = this.#contextOf(message)
    if (context === null) return
    const span = this.#start(context, 'internal', `drop ${queue.name}`, {
      ...attributesOf(this.#vhost, message),
      'messaging.operation.name': 'drop',
      'messaging.destination.name': destination(message.exchange, message.routingKey, queue.name),
      'warrenmq.queue': queue.name,
    })
    fail(span, reason)
    this.#sink.add(span)
  }

  override deadLettered(queue: Queue, message: Message, dead: Message, targets: readonly Target[]): void {
    const context = this.#contextOf(message)
    if (context === null) return
    const exchange = dead.exchange === '' ? DEFAULT_EXCHANGE : dead.exchange
    const span = this.#start(context, 'producer', `dead-letter ${exchange}`, {
      ...attributesOf(this.#vhost, dead),
      'messaging.operation.name': 'dead-letter',
      'messaging.operation.type': 'send',
      'messaging.destination.name': destination(dead.exchange, dead.routingKey),
      'warrenmq.queue': queue.name,
      'warrenmq.reason': dead.deaths![0]!.reason,
      'warrenmq.queues': queueNames(targets),
    })
    if (targets.length === 0) fail(span, 'unroutable')
    this.#sink.add(span)
  }

  override unroutable(_session: Session, message: Message, returned: boolean): void {
    this.#publishFailed(message, returned ? 'returned' : 'unroutable')
  }

  override refused(_queue: Queue, message: Message): void {
    this.#publishFailed(message, 'refused')
  }

  #publishFailed(message: Message, error: string): void {
    if (this.#published?.message === message) fail(this.#published.span, error)
  }

  override delivered(session: Session, { queue, message, redelivered, entry, consumer }: Delivered): void {
    const context = this.#contextOf(message)
    if (context === null) return
    const isOpen = entry !== null && entry.state === UNACKED && consumer?.noAck !== true
    if (isOpen && this.#followed.count >= OPEN_MAX) return this.#sink.drop()
    const operation = consumer === null ? 'get' : 'deliver'
    const span = this.#start(context, 'consumer', `${operation} ${queue}`, {
      ...attributesOf(this.#vhost, message),
      ...clientOf(session),
      'messaging.operation.name': operation,
      'messaging.operation.type': isOpen ? 'process' : 'receive',
      'messaging.destination.name': destination(message.exchange, message.routingKey, queue),
      'warrenmq.queue': queue,
      'warrenmq.redelivered': redelivered,
      ...(consumer === null ? {} : { 'warrenmq.consumer_tag': consumer.tag }),
    })
    if (!isOpen) return this.#finish(span, 'sent')
    this.#open.set(entry, span)
    this.#followed.count++
  }

  override settled(_session: Session, entry: Entry, how: Settled): void {
    const span = this.#open.get(entry)
    if (span === undefined) return
    this.#open.delete(entry)
    this.#followed.count--
    if (FAILURES.has(how)) fail(span, OUTCOMES[how])
    this.#finish(span, OUTCOMES[how])
  }

  #contextOf(message: Message): TraceContext | null {
    const context = sampledContext(message)
    return context === null || !isWithin(this.#ratio, context.traceId) ? null : context
  }

  #start(
    { traceId, spanId: parentId, traceState }: TraceContext,
    kind: Span['kind'],
    name: string,
    attributes: Span['attributes'],
  ): Span {
    const now = this.#clock.now()
    const spanId = randomBytes(8).toString('hex')
    return { traceId, spanId, parentId, traceState, name, kind, startedAt: now, endedAt: now, attributes, error: null }
  }

  #finish(span: Span, outcome: string): void {
    span.endedAt = Math.max(span.startedAt, this.#clock.now())
    span.attributes['warrenmq.outcome'] = outcome
    this.#sink.add(span)
  }
}

const OUTCOMES: Readonly<Record<Settled, string>> = {
  acknowledged: 'acknowledged',
  discarded: 'discarded',
  rejected: 'rejected',
  returned: 'returned',
  lost: 'lost',
  timedOut: 'timed_out',
}

function fail(span: Span, error: string): void {
  span.error = error
  span.attributes['error.type'] = error
}

/** As the conventions for RabbitMQ put it together: what is known, and nothing twice. */
function destination(exchange: string, key: string, queue: string | null = null): string {
  const parts = [exchange, key, queue === key ? '' : queue].filter((part) => part !== null && part !== '')
  return parts.length === 0 ? DEFAULT_EXCHANGE : parts.join(':')
}

const queueNames = (targets: readonly Target[]): string[] =>
  targets
    .filter(({ kind }) => kind === 'queue')
    .slice(0, QUEUES_MAX)
    .map((target) => (target as Queue).name)

function attributesOf(vhost: string, message: Message): Record<string, AttributeValue> {
  // decoded for this once: what a message decodes itself stays with it for as long as it is in a queue
  const { buffer, propertiesOffset, propertiesLength } = message
  const { messageId, correlationId } = message.format.decode(buffer, propertiesOffset, propertiesLength)
  return {
    'messaging.system': 'rabbitmq',
    ...(message.routingKey === '' ? {} : { 'messaging.rabbitmq.destination.routing_key': message.routingKey }),
    ...(messageId === null ? {} : { 'messaging.message.id': messageId }),
    ...(correlationId === null ? {} : { 'messaging.message.conversation_id': correlationId }),
    'messaging.message.body.size': message.bodyLength,
    'warrenmq.vhost': vhost,
  }
}

function clientOf({ connection }: Session): Record<string, AttributeValue> {
  const { facts, user } = connection
  return {
    ...(facts.givenName === null ? {} : { 'messaging.client.id': facts.givenName }),
    ...(facts.peerAddress === '' ? {} : { 'client.address': facts.peerAddress, 'client.port': facts.peerPort }),
    'user.name': user.name,
  }
}
