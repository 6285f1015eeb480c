/**
 * What a hostile or broken client may send, from a seed: mostly sound methods about few names, so that they meet one another's effects;
 * some of them damaged, and some that are no more than octets.
 */
import type { Field, Table } from '../../src/core/fields.ts'
import { Properties } from '../../src/core/message.ts'
import { encodeMethodFrame } from '../../src/protocols/amqp091/wire/frames.ts'
import * as m from '../../src/protocols/amqp091/wire/methods.gen.ts'
import { amqpPropertyFormat } from '../../src/protocols/amqp091/wire/properties.ts'

const FRAME_HEADER = 2
const FRAME_BODY = 3
const FRAME_HEARTBEAT = 8
const FRAME_END = 0xce
export const CHANNELS = 4

/** Mulberry32: small, seeded, the same everywhere. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed | 0
  }

  /** Less than `limit`. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % limit
  }

  /** True once in so many times. */
  once(times: number): boolean {
    return this.below(times) === 0
  }

  of<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.alloc(length)
    for (let i = 0; i < length; i++) bytes[i] = this.once(3) ? this.below(16) : this.below(256)
    return bytes
  }
}

/** Names that exist most of the time, and names that make trouble. */
interface Names {
  readonly usual: readonly string[]
  readonly odd: readonly string[]
}

const QUEUES: Names = {
  usual: ['q0', 'q1', 'q2', 'q3', 'priority', 'short', 'quorum', 'dying'],
  odd: ['', 'amq.rabbitmq.reply-to', 'amq.x', 'none'],
}
const EXCHANGES: Names = {
  usual: ['amq.direct', 'amq.fanout', 'amq.topic', 'amq.headers'],
  odd: ['', 'none', 'amq.rabbitmq.trace'],
}
/** Exchanges of the clients' own, each of one type most of the time. */
const OWN: readonly (readonly [name: string, type: string])[] = [
  ['x0', 'topic'],
  ['x1', 'headers'],
  ['x2', 'x-consistent-hash'],
  ['x3', 'x-recent-history'],
  ['x4', 'x-random'],
]
const TYPES = ['direct', 'fanout', 'topic', 'headers', 'x-consistent-hash', 'x-random', 'x-recent-history', 'zip']
const KEYS: Names = {
  usual: QUEUES.usual,
  odd: ['', 'a.b.c', 'a.*', '#', '#.b.#', '1', 'amq.rabbitmq.reply-to'],
}
/** Fewer publishes go to exchanges than to queues, whose names are keys of the default exchange. */
const DEFAULT_EXCHANGE = ''

const oneOf = (random: Random, { usual, odd }: Names): string => random.of(random.once(40) ? odd : usual)
const exchangeFor = (random: Random): string => (random.once(2) ? random.of(OWN)[0] : oneOf(random, EXCHANGES))
const keyFor = (random: Random): string => random.of(random.once(4) ? KEYS.odd : KEYS.usual)

/** Octets of which some are changed, added or lost, or that end too early. */
export function changedOctets(random: Random, bytes: Buffer): Buffer {
  const at = random.below(bytes.length)
  switch (random.below(4)) {
    case 0:
      return Buffer.concat([bytes.subarray(0, at), random.bytes(1), bytes.subarray(at + 1)])
    case 1:
      return Buffer.concat([bytes.subarray(0, at), random.bytes(1 + random.below(4)), bytes.subarray(at)])
    case 2:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)])
    default:
      return bytes.subarray(0, at)
  }
}

/** What the client knows of one of its channels. */
export class ChannelView {
  /** Deliveries that are not settled. */
  tags: number[] = []
  transactional = false
}
const TAGS = ['', 'a', 'b', 'c']

const int = (value: number): Field => ({ type: 'signedint', value })
const text = (value: string): Field => ({ type: 'longstr', value })

function arguments_(random: Random): Table {
  const table: Table = new Map()
  if (!random.once(3)) return table
  const known: readonly (() => [string, Field])[] = [
    () => ['x-message-ttl', int(random.of([0, 1, 5, 1000, -1]))],
    () => ['x-expires', int(random.of([1, 20, 60_000, 0]))],
    () => ['x-max-length', int(random.of([0, 1, 5, 100]))],
    () => ['x-max-length-bytes', int(random.of([0, 10, 5000]))],
    () => ['x-overflow', text(random.of(['drop-head', 'reject-publish', 'reject-publish-dlx', 'odd']))],
    () => ['x-dead-letter-exchange', text(exchangeFor(random))],
    () => ['x-dead-letter-routing-key', text(keyFor(random))],
    () => ['x-max-priority', int(random.of([1, 5, 255, 300]))],
    () => ['x-queue-type', text(random.of(['classic', 'quorum', 'stream', 'odd']))],
    () => ['x-single-active-consumer', { type: 'bool', value: true }],
    () => ['x-delivery-limit', int(random.of([0, 1, 3]))],
    () => ['x-priority', int(random.below(5))],
    () => ['x-match', text(random.of(['all', 'any', 'all-with-x', 'odd']))],
    () => ['alternate-exchange', text(exchangeFor(random))],
    () => ['x-recent-history-length', int(random.below(5))],
    () => ['h', random.once(2) ? text('v') : int(1)],
    () => ['nested', { type: 'array', value: [text('x'), { type: 'table', value: new Map([['k', int(1)]]) }] }],
  ]
  for (let left = random.below(4); left >= 0; left--) table.set(...random.of(known)())
  return table
}

function declareExchange(random: Random): m.Method {
  const [name, type] = random.of(OWN)
  if (!random.once(20)) return new m.ExchangeDeclare(name, type, false, true)
  const odd = random.once(4) ? `y${random.below(4)}` : name
  return new m.ExchangeDeclare(
    odd,
    random.of(TYPES),
    random.once(4),
    random.once(2),
    random.once(3),
    random.once(3),
    false,
    arguments_(random),
  )
}

/** Most declarations are what the names say, so that queues exist, and redeclarations agree. */
function declareQueue(random: Random): m.Method {
  const queue = oneOf(random, QUEUES)
  if (random.once(3)) {
    return new m.QueueDeclare('', false, false, random.once(2), true, random.once(3), arguments_(random))
  }
  if (random.once(40)) {
    const durable = random.once(2)
    return new m.QueueDeclare(queue, random.once(2), durable, random.once(2), random.once(2), false, arguments_(random))
  }
  return usualQueue(queue, random.once(3))
}

function usualQueue(queue: string, noWait: boolean): m.Method {
  const usual = new Map<string, Field>()
  if (queue === 'priority') usual.set('x-max-priority', int(5))
  if (queue === 'short') usual.set('x-max-length', int(3)).set('x-overflow', text('reject-publish'))
  if (queue === 'quorum') usual.set('x-queue-type', text('quorum')).set('x-delivery-limit', int(3))
  if (queue === 'dying') {
    usual
      .set('x-message-ttl', int(5))
      .set('x-dead-letter-exchange', text(''))
      .set('x-dead-letter-routing-key', text('q0'))
  }
  return new m.QueueDeclare(queue, false, queue === 'quorum', false, false, noWait, usual)
}

/** What a session starts with, so that it finds what it asks for. */
export const preparations = (): m.Method[] => [
  ...QUEUES.usual.map((queue) => usualQueue(queue, true)),
  ...OWN.map(([name, type]) => new m.ExchangeDeclare(name, type, false, true, false, false, true)),
]

/** One of the tags that are open, which it closes with `multiple` for all before it; sometimes one that is not. */
function takeTag(random: Random, view: ChannelView, multiple: boolean): number {
  if (view.tags.length === 0 || random.once(60)) return random.below(1000)
  const at = random.below(view.tags.length)
  const tag = view.tags[at]!
  view.tags = multiple ? view.tags.slice(at + 1) : view.tags.toSpliced(at, 1)
  return tag
}

function settle(random: Random, view: ChannelView): m.Method {
  const kind = random.below(4)
  if (kind === 3) return new m.BasicReject(takeTag(random, view, false), random.once(2))
  const multiple = random.once(4)
  const tag = takeTag(random, view, multiple)
  return kind === 2 ? new m.BasicNack(tag, multiple, random.once(2)) : new m.BasicAck(tag, multiple)
}

function transact(random: Random, view: ChannelView): m.Method {
  if (!view.transactional) {
    view.transactional = true
    return new m.TxSelect()
  }
  return random.once(3) ? new m.TxRollback() : new m.TxCommit()
}

/** Sound methods that a client may send, by how often it does. */
const METHODS: readonly (readonly [number, (random: Random) => m.Method])[] = [
  [14, declareQueue],
  [5, declareExchange],
  [8, (r) => new m.QueueBind(oneOf(r, QUEUES), exchangeFor(r), keyFor(r), r.once(5), arguments_(r))],
  [3, (r) => new m.QueueUnbind(oneOf(r, QUEUES), exchangeFor(r), keyFor(r), arguments_(r))],
  [3, (r) => new m.ExchangeBind(exchangeFor(r), exchangeFor(r), keyFor(r), r.once(5), arguments_(r))],
  [2, (r) => new m.ExchangeUnbind(exchangeFor(r), exchangeFor(r), keyFor(r), r.once(5), arguments_(r))],
  [2, (r) => new m.QueuePurge(oneOf(r, QUEUES), r.once(5))],
  [1, (r) => new m.QueueDelete(oneOf(r, QUEUES), r.once(9), r.once(9), r.once(5))],
  [1, (r) => new m.ExchangeDelete(r.of(OWN)[0], r.once(9), r.once(5))],
  [
    10,
    (r) =>
      new m.BasicConsume(
        oneOf(r, QUEUES),
        r.once(30) ? r.of(TAGS) : '',
        r.once(9),
        r.once(3),
        r.once(12),
        r.once(5),
        arguments_(r),
      ),
  ],
  [5, (r) => new m.BasicCancel(r.of(TAGS), r.once(4))],
  [10, (r) => new m.BasicGet(oneOf(r, QUEUES), r.once(2))],
  [4, (r) => new m.BasicQos(r.once(500) ? 1 : 0, r.below(5), r.once(3))],
  [2, (r) => new m.BasicRecover(!r.once(100))],
  [1, () => new m.BasicRecoverAsync(true)],
  [2, (r) => new m.ConfirmSelect(r.once(4))],
  [1, () => new m.ChannelFlow(true)],
  [1, () => new m.ChannelClose(200, 'bye', 0, 0)],
  [1, () => new m.AccessRequest()],
]
const WEIGHT = METHODS.reduce((sum, [weight]) => sum + weight, 0)

function soundMethod(random: Random): m.Method {
  let left = random.below(WEIGHT)
  for (const [weight, create] of METHODS) {
    left -= weight
    if (left < 0) return create(random)
  }
  throw new Error('the weights do not add up')
}

export function frame(type: number, channel: number, payload: Buffer): Buffer {
  const bytes = Buffer.alloc(payload.length + 8)
  bytes.writeUInt8(type)
  bytes.writeUInt16BE(channel, 1)
  bytes.writeUInt32BE(payload.length, 3)
  payload.copy(bytes, 7)
  bytes.writeUInt8(FRAME_END, bytes.length - 1)
  return bytes
}

function properties(random: Random): Buffer {
  const given = new Properties()
  if (random.once(2)) given.deliveryMode = 1 + random.below(2)
  if (random.once(4)) given.priority = random.below(10)
  if (random.once(6)) given.expiration = random.once(20) ? 'abc' : random.of(['0', '1', '1000'])
  if (random.once(6)) given.replyTo = keyFor(random)
  if (random.once(8)) given.correlationId = random.bytes(4).toString('latin1')
  if (random.once(20)) given.userId = random.once(20) ? 'bob' : 'guest'
  if (random.once(3)) {
    given.headers = arguments_(random)
    if (random.once(3)) given.headers.set('CC', { type: 'array', value: [text(keyFor(random)), int(1)] })
    if (random.once(3))
      given.headers.set('BCC', random.once(40) ? int(1) : { type: 'array', value: [text(keyFor(random))] })
    if (random.once(6)) given.headers.set('x-death', { type: 'array', value: [{ type: 'table', value: new Map() }] })
  }
  return amqpPropertyFormat.encode(given)
}

/** basic.publish with its header and body frames. */
function publish(random: Random, channel: number): Buffer[] {
  const body = random.once(50) ? random.below(200_000) : random.below(300)
  const header = Buffer.alloc(12)
  header.writeUInt16BE(60)
  header.writeBigUInt64BE(BigInt(body), 4)
  const frames = [
    encodeMethodFrame(
      channel,
      new m.BasicPublish(
        random.once(3) ? exchangeFor(random) : DEFAULT_EXCHANGE,
        keyFor(random),
        random.once(3),
        random.once(500),
      ),
    ),
    frame(FRAME_HEADER, channel, Buffer.concat([header, properties(random)])),
  ]
  const most = random.once(3) ? 1 + random.below(4000) : 4088
  for (let sent = 0; sent < body;) {
    const part = Math.min(most, body - sent)
    frames.push(frame(FRAME_BODY, channel, Buffer.alloc(part, sent)))
    sent += part
  }
  return frames
}

/** Frames that belong together, all of them sound. */
export function soundFrames(random: Random, channel: number, view: ChannelView): Buffer[] {
  if (random.once(3)) return publish(random, channel)
  if (random.once(40)) return [frame(FRAME_HEARTBEAT, 0, Buffer.alloc(0))]
  if (random.once(view.transactional ? 8 : 400)) return [encodeMethodFrame(channel, transact(random, view))]
  const settles = view.tags.length > 0 ? random.once(2) : random.once(500)
  return [encodeMethodFrame(channel, settles ? settle(random, view) : soundMethod(random))]
}

/** Changes octets, cuts them off or puts others in; the head is spared most of the time, so that the frame stays one. */
export function damage(random: Random, given: Buffer): Buffer {
  const bytes = Buffer.from(given)
  const from = random.once(4) ? 0 : Math.min(7, bytes.length - 1)
  for (let edits = random.below(4); edits >= 0; edits--) {
    const at = from + random.below(bytes.length - from)
    const kind = random.below(4)
    if (kind === 0) bytes[at] = random.below(256)
    else if (kind === 1) bytes[at] = random.below(8)
    else if (kind === 2) bytes[at] = bytes[at]! ^ (1 << random.below(8))
    else bytes[at] = random.of([0, 1, 0x7f, 0x80, 0xff, FRAME_END])
  }
  if (random.once(12)) return bytes.subarray(0, random.below(bytes.length))
  if (random.once(12))
    return Buffer.concat([bytes.subarray(0, from), random.bytes(1 + random.below(4)), bytes.subarray(from)])
  // damage within the payload only: the frame itself ends where it should
  if (from > 0) bytes[bytes.length - 1] = FRAME_END
  return bytes
}

/** A frame of nothing in particular, or a method that only a server sends. */
export function strangeFrame(random: Random): Buffer {
  const channel = random.once(3) ? 0 : random.below(CHANNELS + 2)
  if (random.once(2)) {
    const id = random.of([...m.METHOD_NAMES.keys()])
    const head = Buffer.alloc(4)
    head.writeUInt32BE(id)
    return frame(1, channel, Buffer.concat([head, random.bytes(random.below(20))]))
  }
  return frame(random.once(4) ? random.below(256) : 1 + random.below(3), channel, random.bytes(random.below(40)))
}
