import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Queue } from '../../src/core/queues/queue.ts'
import { type Client, CoreBench, type Delivery } from '../support/core-bench.ts'
import { PagingStore } from '../support/paging-store.ts'
import {
  bytesOf,
  hasCredit,
  type ModelConsumer,
  ModelQueue,
  type ModelSession,
  type ModelSettings,
} from './queue-model.ts'

// Random operations on a queue, and on a model of it. Whatever a consumer is given must be what the model would give next; after each
// operation the counts must agree, and no consumer with credit may wait while there is a message. With a store that takes messages out
// of memory the broker may also crash at any time, and start again with what was safe.

const SESSIONS = 2

type Operation =
  | {
      readonly kind: 'publish'
      readonly bytes: number
      readonly priority: number | null
      readonly ttlMs: number
      readonly persistent: boolean
      readonly count: number
    }
  | { readonly kind: 'consume'; readonly session: number; readonly prefetch: number; readonly noAck: boolean }
  | { readonly kind: 'cancel'; readonly pick: number }
  | { readonly kind: 'get'; readonly session: number; readonly noAck: boolean }
  | {
      readonly kind: 'settle'
      readonly session: number
      readonly pick: number
      readonly multiple: boolean
      readonly how: 'ack' | 'discard' | 'returned' | 'rejected'
    }
  | { readonly kind: 'recover'; readonly session: number }
  | { readonly kind: 'close'; readonly session: number }
  | { readonly kind: 'advance'; readonly ms: number }
  | { readonly kind: 'purge' }
  | { readonly kind: 'crash' }

const session = fc.nat(SESSIONS - 1)
const often = <T>(usual: T, other: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ weight: 6, arbitrary: fc.constant(usual) }, { weight: 4, arbitrary: other })
const kind = <K extends string>(name: K): fc.Arbitrary<K> => fc.constant(name)

const operations: fc.WeightedArbitrary<Operation>[] = [
  {
    weight: 20,
    arbitrary: fc.record({
      kind: kind('publish'),
      bytes: fc.nat(9),
      priority: often<number | null>(null, fc.nat(40)),
      ttlMs: often(-1, fc.constantFrom(0, 1, 5, 10, 50)),
      persistent: fc.boolean(),
      count: often(1, fc.integer({ min: 2, max: 20 })),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: kind('consume'),
      session,
      prefetch: fc.nat(3),
      noAck: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: kind('cancel'), pick: fc.nat() }) },
  { weight: 4, arbitrary: fc.record({ kind: kind('get'), session, noAck: fc.boolean() }) },
  {
    weight: 12,
    arbitrary: fc.record({
      kind: kind('settle'),
      session,
      pick: fc.nat(),
      multiple: fc.boolean(),
      how: fc.constantFrom('ack', 'discard', 'returned', 'rejected'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: kind('recover'), session }) },
  { weight: 2, arbitrary: fc.record({ kind: kind('close'), session }) },
  { weight: 6, arbitrary: fc.record({ kind: kind('advance'), ms: fc.constantFrom(1, 4, 7, 60) }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('purge') }) },
]

const settings: fc.Arbitrary<ModelSettings> = fc.record({
  type: fc.constantFrom('classic', 'quorum'),
  maxLength: often(-1, fc.nat(4)),
  maxLengthBytes: often(-1, fc.nat(30)),
  ttlMs: often(-1, fc.constantFrom(0, 3, 20)),
  deliveryLimit: often(-1, fc.nat(2)),
  maxPriority: often(0, fc.constantFrom(1, 5)),
  overflow: fc.constantFrom('drop-head', 'reject-publish', 'reject-publish-dlx'),
  lazy: fc.boolean(),
})

/** The argument that a quorum queue would not take is dropped; what it means to the model is dropped with it. */
const settingsOfType = settings.map((given): ModelSettings => {
  if (given.type === 'classic') return given
  return {
    ...given,
    lazy: false,
    maxPriority: 0,
    overflow: given.overflow === 'drop-head' ? 'drop-head' : 'reject-publish',
  }
})

function argumentsOf(given: ModelSettings): Record<string, string | number> {
  const args: Record<string, string | number> = {
    'x-queue-type': given.type,
    'x-dead-letter-exchange': '',
    'x-dead-letter-routing-key': 'dead',
    'x-overflow': given.overflow,
    'x-delivery-limit': given.deliveryLimit,
  }
  if (given.maxLength >= 0) args['x-max-length'] = given.maxLength
  if (given.maxLengthBytes >= 0) args['x-max-length-bytes'] = given.maxLengthBytes
  if (given.ttlMs >= 0) args['x-message-ttl'] = given.ttlMs
  if (given.lazy) args['x-queue-mode'] = 'lazy'
  if (given.maxPriority > 0) args['x-max-priority'] = given.maxPriority
  return args
}

/** Which store, and how much memory there is for messages. */
interface Surroundings {
  readonly paging: { readonly gathers: boolean; readonly readsEarly: boolean } | null
  readonly budget: number
}

/** The queue and its model, and who uses both. */
class Pair {
  readonly model: ModelQueue
  bench!: CoreBench
  queue!: Queue
  dead!: Queue
  publisher!: Client
  clients: Client[] = []
  readonly #settings: ModelSettings
  readonly #surroundings: Surroundings
  /** Deliveries since they were last judged, in the order in which they came. */
  readonly #deliveries: { readonly session: number; readonly delivery: Delivery }[] = []
  #published = 0
  #expected: ('confirmed' | 'rejected')[] = []
  #lastConsumer = 0

  constructor(given: ModelSettings, surroundings: Surroundings) {
    this.#settings = given
    this.#surroundings = surroundings
    this.model = new ModelQueue(given, SESSIONS)
  }

  async start(): Promise<this> {
    const { paging, budget } = this.#surroundings
    const store = paging === null ? undefined : new PagingStore({ ...paging, gathers: () => paging.gathers })
    this.bench = await new CoreBench({ messageMemoryBytes: budget }, undefined, store).start()
    this.model.now = this.bench.clock.now()
    this.#enter()
    await this.bench.broker.commitMetadata()
    return this
  }

  #enter(): void {
    const { bench } = this
    this.publisher = bench.client()
    this.publisher.session.publishing.selectConfirms()
    this.queue = this.publisher.declare('q', argumentsOf(this.#settings))
    this.dead = this.publisher.declare('dead')
    this.clients = Array.from({ length: SESSIONS }, (_, at) => this.#open(at))
  }

  #open(at: number): Client {
    const client = this.bench.client()
    client.onDelivery = (delivery) => this.#deliveries.push({ session: at, delivery })
    return client
  }

  async run(operation: Operation): Promise<void> {
    if (!this.#isExact(operation)) return
    if (operation.kind === 'crash') await this.#crash()
    else this.#apply(operation)
    this.bench.settle()
    for (const { session: at, delivery } of this.#deliveries.splice(0)) this.#judge(this.model.sessions[at]!, delivery)
    this.#compare()
  }

  /**
   * Whether the model knows what comes of it: a head that is too much, and has to be read from the store first, is dropped when more than
   * one message has come back.
   */
  #isExact(operation: Operation): boolean {
    const { maxLength, maxLengthBytes, overflow } = this.#settings
    if (this.#surroundings.paging === null || overflow !== 'drop-head' || Math.max(maxLength, maxLengthBytes) < 0)
      return true
    if (operation.kind === 'settle') return !operation.multiple || operation.how === 'ack'
    if (operation.kind !== 'recover' && operation.kind !== 'close') return true
    return this.model.sessions[operation.session]!.outstanding.size <= 1
  }

  async #crash(): Promise<void> {
    const { bench } = this
    this.#compareConfirms()
    this.#expected = []
    const { clock, metadata } = bench
    clock.timers.clear()
    const store = (bench.store as PagingStore).crash()
    const options = { messageMemoryBytes: this.#surroundings.budget }
    this.bench = await new CoreBench(options, metadata, store, clock).start()
    this.#enter()
    this.model.crash()
    // what expired while nobody looked
    this.bench.advance(0)
  }

  #apply(operation: Exclude<Operation, { kind: 'crash' }>): void {
    const { model, queue, bench } = this
    switch (operation.kind) {
      case 'publish':
        this.#publish(operation)
        return
      case 'consume':
        this.#consume(operation)
        return
      case 'cancel':
        this.#cancel(operation.pick)
        return
      case 'get':
        this.#get(operation)
        return
      case 'settle':
        this.#settle(operation)
        return
      case 'recover': {
        const own = model.sessions[operation.session]!
        this.clients[operation.session]!.session.recover()
        model.settle(own, [...own.outstanding.keys()], 'returned')
        return
      }
      case 'close': {
        const own = model.sessions[operation.session]!
        this.clients[operation.session]!.session.close()
        own.consumers.length = 0
        model.settle(own, [...own.outstanding.keys()], 'lost')
        own.lastTag = 0
        this.clients[operation.session] = this.#open(operation.session)
        return
      }
      case 'advance':
        bench.advance(operation.ms)
        model.advance(operation.ms)
        return
      case 'purge':
        assert.equal(queue.purge(), model.purge())
    }
  }

  #publish({ bytes, priority, ttlMs, persistent, count }: Operation & { kind: 'publish' }): void {
    for (let i = 0; i < count; i++) {
      const body = String(++this.#published).padEnd(bytes, '.')
      this.#expected.push(this.model.publish(body, priority, ttlMs, persistent) ? 'confirmed' : 'rejected')
      this.publisher.publish('q', body, {
        persistent,
        ...(priority === null ? {} : { priority }),
        ...(ttlMs < 0 ? {} : { ttlMs }),
      })
      this.bench.settle()
      for (const { session: at, delivery } of this.#deliveries.splice(0)) {
        this.#judge(this.model.sessions[at]!, delivery)
      }
    }
  }

  #consume({ session: at, prefetch, noAck }: Operation & { kind: 'consume' }): void {
    const own = this.model.sessions[at]!
    const consumer: ModelConsumer = { tag: `c${++this.#lastConsumer}`, session: own, prefetch, noAck, unacked: 0 }
    own.consumers.push(consumer)
    this.clients[at]!.consume('q', consumer)
  }

  #cancel(pick: number): void {
    const { consumers } = this.model
    if (consumers.length === 0) return
    const { tag, session: own } = consumers[pick % consumers.length]!
    this.clients[this.model.sessions.indexOf(own)]!.session.cancel(tag)
    own.consumers.splice(
      own.consumers.findIndex((consumer) => consumer.tag === tag),
      1,
    )
  }

  #get({ session: at, noAck }: Operation & { kind: 'get' }): void {
    const own = this.model.sessions[at]!
    const got = this.clients[at]!.get('q', noAck)
    const expected = this.model.got(own, got?.tag ?? 0, noAck)
    assert.equal(got?.body, expected?.body)
    if (expected?.uncertain !== true || expected.redelivered) assert.equal(got?.redelivered, expected?.redelivered)
  }

  #settle({ session: at, pick, multiple, how }: Operation & { kind: 'settle' }): void {
    const own = this.model.sessions[at]!
    const tags = [...own.outstanding.keys()].sort((a, b) => a - b)
    const tag = tags[pick % tags.length]
    if (tag === undefined) return
    const client = this.clients[at]!
    const whole = multiple && how !== 'rejected'
    if (how === 'ack') client.ack(tag, whole)
    else if (how === 'rejected') client.session.reject(tag, true)
    else client.nack(tag, whole, how === 'returned')
    this.model.settle(own, whole ? tags.filter((other) => other <= tag) : [tag], how)
  }

  #judge(own: ModelSession, { tag, consumer, body, redelivered, deliveryCount }: Delivery): void {
    const to = own.consumers.find((other) => other.tag === consumer)
    assert.ok(to !== undefined, `${body} was delivered to ${consumer}, who is no more`)
    const expected = this.model.delivered(to, tag, body)
    if (!expected.uncertain || expected.redelivered) assert.equal(redelivered, expected.redelivered)
    assert.equal(deliveryCount, expected.deliveryCount)
  }

  #compare(): void {
    const { model, queue, dead, bench } = this
    const { ready, unacked } = model
    if (ready.length > 0) assert.ok(!model.consumers.some(hasCredit), `${ready[0]!.body} waits although it need not`)
    assert.equal(queue.readyCount, ready.length)
    assert.equal(queue.readyBytes, bytesOf(ready))
    assert.equal(queue.unackedCount, unacked.length)
    assert.equal(queue.unackedBytes, bytesOf(unacked))
    assert.equal(queue.consumerCount, model.consumers.length)
    assert.equal(dead.readyCount, model.dead.length)
    const held = ready.length + unacked.length + model.dead.length
    const { messages } = bench.store.stats()
    if (this.#surroundings.paging === null) assert.equal(messages, held)
    else assert.ok(messages <= held && messages >= unacked.length, `${messages} in memory`)
  }

  /** The dead letters are those of the model; and when all is consumed, nothing is left behind. */
  finish(): void {
    const { publisher, model, bench } = this
    const dead: string[] = []
    for (let got = publisher.get('dead', true); got !== null; got = publisher.get('dead', true)) {
      const reason = got.headers.get('x-first-death-reason')!.value as string
      assert.equal(got.headers.get('x-first-death-queue')!.value, 'q')
      dead.push(`${reason} ${got.body}`)
    }
    assert.deepEqual(dead.sort(), model.dead.map(({ text }) => text).sort())
    this.#compareConfirms()
    for (const client of this.clients) client.session.close()
    this.queue.purge()
    for (let got = publisher.get('dead', true); got !== null;) got = publisher.get('dead', true)
    bench.settle()
    assert.deepEqual([this.queue.readyCount, this.queue.unackedCount, this.queue.consumerCount], [0, 0, 0])
    assert.deepEqual([bench.store.stats().messages, bench.store.stats().contentBytes], [0, 0])
    assert.deepEqual(bench.failures, [])
  }

  #compareConfirms(): void {
    let answered = 0
    for (const told of this.publisher.told) {
      if (told.what !== 'confirmed' && told.what !== 'rejected') continue
      assert.ok(told.what === 'confirmed' || told.sequence === answered + 1, 'a rejection stands for itself')
      for (; answered < told.sequence; answered++) assert.equal(this.#expected[answered], told.what)
    }
    assert.equal(answered, this.#expected.length)
  }
}

const RUNS = 1000

async function check(possible: fc.Arbitrary<Operation>, surroundings: fc.Arbitrary<Surroundings>): Promise<void> {
  const steps = fc.array(possible, { minLength: 1, maxLength: 80, size: 'max' })
  await fc.assert(
    fc.asyncProperty(settingsOfType, surroundings, steps, async (given, around, operationsToDo) => {
      const pair = await new Pair(given, around).start()
      for (const each of operationsToDo) await pair.run(each)
      pair.finish()
    }),
    { numRuns: RUNS },
  )
}

test('a queue does what its model does', async () => {
  await check(fc.oneof(...operations), fc.constant({ paging: null, budget: Infinity }))
})

test('a queue does what its model does when hardly anything stays in memory, and over crashes', async () => {
  const crash: Operation = { kind: 'crash' }
  await check(
    fc.oneof(...operations, { weight: 2, arbitrary: fc.constant(crash) }),
    fc.record({
      paging: fc.record({ gathers: fc.boolean(), readsEarly: fc.boolean() }),
      budget: fc.constantFrom(0, 1000, 4000, 40_000, Infinity),
    }),
  )
})
