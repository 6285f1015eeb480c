import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Queue } from '../../src/core/queues/queue.ts'
import { type Client, CoreBench, type Delivery, describe as describeDelivery } from '../support/core-bench.ts'
import { PagingStore } from '../support/paging-store.ts'

// Random operations on a queue whose messages hardly find room in memory, with what the store has to do coming late and piecemeal: loads,
// writes and commits are under way while messages come, go, come back, expire and are purged. Whatever happens, no message may
// be lost, none may be there twice, and those of one priority must come in order the first time.

type Step =
  | {
      readonly kind: 'publish'
      readonly count: number
      readonly persistent: boolean
      readonly priority: number
      readonly ttlMs: number
    }
  | { readonly kind: 'consume'; readonly prefetch: number; readonly noAck: boolean }
  | { readonly kind: 'cancel' }
  | { readonly kind: 'get' }
  | { readonly kind: 'settle'; readonly pick: number; readonly how: 'ack' | 'requeue' | 'discard' }
  | { readonly kind: 'recover' }
  | { readonly kind: 'purge' }
  | { readonly kind: 'advance'; readonly ms: number }
  | { readonly kind: 'turn' }
  | { readonly kind: 'commit' }
  | { readonly kind: 'io'; readonly count: number }
  | { readonly kind: 'limit'; readonly maxLength: number }
  | { readonly kind: 'lazy'; readonly on: boolean }

const kind = <K extends string>(name: K): fc.Arbitrary<K> => fc.constant(name)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: kind('publish'),
      count: fc.integer({ min: 1, max: 12 }),
      persistent: fc.boolean(),
      priority: fc.nat(2),
      ttlMs: fc.oneof(
        { weight: 4, arbitrary: fc.constant(-1) },
        { weight: 1, arbitrary: fc.integer({ min: 1, max: 40 }) },
      ),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: kind('consume'), prefetch: fc.nat(4), noAck: fc.nat(4).map((n) => n === 0) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: kind('cancel') }) },
  { weight: 4, arbitrary: fc.record({ kind: kind('get') }) },
  {
    weight: 12,
    arbitrary: fc.record({
      kind: kind('settle'),
      pick: fc.nat(),
      how: fc.constantFrom('ack', 'ack', 'requeue', 'discard'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: kind('recover') }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('purge') }) },
  { weight: 3, arbitrary: fc.record({ kind: kind('advance'), ms: fc.nat(20) }) },
  { weight: 14, arbitrary: fc.record({ kind: kind('turn') }) },
  { weight: 6, arbitrary: fc.record({ kind: kind('commit') }) },
  { weight: 12, arbitrary: fc.record({ kind: kind('io'), count: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('limit'), maxLength: fc.constantFrom(-1, 5, 30) }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('lazy'), on: fc.boolean() }) },
)

const surroundings = fc.record({
  type: fc.constantFrom('classic', 'quorum'),
  budget: fc.constantFrom(0, 1000, 4000, 40_000),
  gathers: fc.boolean(),
  readsEarly: fc.boolean(),
})

class Chaos {
  readonly bench: CoreBench
  readonly store: PagingStore
  readonly client: Client
  readonly publisher: Client
  readonly #type: string
  #published = 0
  #confirmed = 0
  #consumers = 0
  /** By body: what was published and may still be somewhere. */
  readonly live = new Map<string, { readonly sequence: number; readonly persistent: boolean }>()
  readonly outstanding = new Map<number, string>()
  /** Highest first delivery of each priority. */
  readonly #delivered = new Map<string, number>()
  #purged = 0
  #gets = 0

  private constructor(bench: CoreBench, store: PagingStore, type: string) {
    this.bench = bench
    this.store = store
    this.#type = type
    this.client = bench.client()
    this.publisher = bench.client()
    this.publisher.session.publishing.selectConfirms()
    this.publisher.declare('dead', { 'x-queue-type': 'quorum' })
    this.publisher.declare('q', {
      'x-queue-type': type,
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': 'dead',
      ...(type === 'classic' ? { 'x-max-priority': 2 } : { 'x-delivery-limit': -1 }),
    })
    this.client.onDelivery = (delivery) => this.#onDelivery(delivery, delivery.consumer.startsWith('auto'))
  }

  static async start(around: { type: string; budget: number; gathers: boolean; readsEarly: boolean }): Promise<Chaos> {
    const store = new PagingStore({ ...around, gathers: () => around.gathers })
    const bench = await new CoreBench({ messageMemoryBytes: around.budget }, undefined, store).start()
    const chaos = new Chaos(bench, store, around.type)
    await bench.broker.commitMetadata()
    return chaos
  }

  get queue(): Queue {
    return this.bench.queue('q')
  }

  #onDelivery({ tag, body, redelivered, priority }: Delivery, noAck: boolean): void {
    const known = this.live.get(body)
    assert.ok(known !== undefined, `${body} was delivered, and is no more`)
    assert.ok(![...this.outstanding.values()].includes(body), `${body} was delivered twice`)
    if (!redelivered) {
      const level = String(priority)
      assert.ok((this.#delivered.get(level) ?? 0) < known.sequence, `${body} came late`)
      this.#delivered.set(level, known.sequence)
    }
    if (noAck) this.live.delete(body)
    else this.outstanding.set(tag, body)
  }

  run(step: Step): void {
    const { bench, client, store } = this
    switch (step.kind) {
      case 'publish':
        for (let i = 0; i < step.count; i++) this.#publish(step)
        break
      case 'consume': {
        const tag = `${step.noAck ? 'auto' : 'c'}${++this.#consumers}`
        client.consume('q', { tag, prefetch: step.prefetch, noAck: step.noAck })
        break
      }
      case 'cancel': {
        const [tag] = client.session.consumers.keys()
        if (tag !== undefined) client.session.cancel(tag)
        break
      }
      case 'get':
        this.#get()
        break
      case 'settle':
        this.#settle(step)
        break
      case 'recover':
        this.outstanding.clear()
        client.session.recover()
        break
      case 'purge':
        this.#purged += this.queue.purge()
        break
      case 'advance':
        bench.clock.advance(step.ms, () => {})
        break
      case 'turn':
        bench.turn.end()
        break
      case 'commit':
        store.commit()
        break
      case 'io':
        for (let i = 0; i < step.count; i++) store.ioOne()
        break
      case 'limit':
        this.#policy({ 'max-length': step.maxLength < 0 ? 1_000_000 : step.maxLength })
        break
      case 'lazy':
        if (this.#type === 'classic') this.#policy({ 'queue-mode': step.on ? 'lazy' : 'default' })
    }
    this.#readConfirms()
  }

  #policy(definition: Record<string, unknown>): void {
    this.bench.broker.setPolicy('user', '/', 'p', { pattern: '^q$', definition, 'apply-to': 'queues' })
  }

  #publish({ persistent, priority, ttlMs }: Step & { kind: 'publish' }): void {
    const sequence = ++this.#published
    const body = `m${sequence}`
    this.live.set(body, { sequence, persistent: persistent || this.#type === 'quorum' })
    this.publisher.publish('q', body, { persistent, priority, ...(ttlMs < 0 ? {} : { ttlMs }) })
  }

  #get(): void {
    this.#gets++
    const answered = (): void => void this.#gets--
    this.client.session.get(
      'q',
      false,
      (tag, entry) => {
        answered()
        this.#onDelivery(describeDelivery('', tag, entry.message, entry.redelivered, entry), false)
      },
      answered,
    )
  }

  #settle({ pick, how }: Step & { kind: 'settle' }): void {
    const tags = [...this.outstanding.keys()]
    const tag = tags[pick % tags.length]
    if (tag === undefined) return
    const body = this.outstanding.get(tag)!
    this.outstanding.delete(tag)
    if (how === 'ack') {
      this.live.delete(body)
      this.client.ack(tag)
    } else {
      this.client.nack(tag, false, how === 'requeue')
    }
  }

  #readConfirms(): void {
    for (const told of this.publisher.told.splice(0)) if (told.what === 'confirmed') this.#confirmed = told.sequence
  }

  /** What is left in both queues, each once. */
  drain(): Set<string> {
    const left = new Set<string>()
    const client = this.bench.client()
    for (const queue of ['q', 'dead']) {
      for (let got = client.get(queue, true); got !== null; got = client.get(queue, true)) {
        assert.ok(!left.has(got.body), `${got.body} is there twice`)
        left.add(got.body)
      }
      const { readyCount, readyBytes } = this.bench.queue(queue)
      assert.deepEqual([readyCount, readyBytes], [0, 0])
    }
    return left
  }

  /** Everything comes to rest: what was published is somewhere, once. */
  finish(): void {
    const { bench, client } = this
    bench.settle()
    assert.equal(this.#gets, 0, 'every get was answered')
    for (const tag of [...client.session.consumers.keys()]) client.session.cancel(tag)
    this.outstanding.clear()
    client.session.recover()
    bench.settle()
    const left = this.drain()
    for (const body of left) assert.ok(this.live.has(body), `${body} came back`)
    assert.equal(this.live.size - left.size, this.#purged, 'only what was purged is missing')
    bench.settle()
    assert.deepEqual([bench.store.stats().messages, bench.store.stats().contentBytes], [0, 0])
    assert.deepEqual([bench.broker.memory.entries, this.store.stored], [0, 0])
    assert.deepEqual(bench.failures, [])
  }

  /** The process ends in the middle of it: what was confirmed is there, once. */
  async crash(): Promise<void> {
    this.#readConfirms()
    const { bench } = this
    bench.clock.timers.clear()
    const settled = this.#purged > 0
    const metadata = bench.metadata
    const next = await new CoreBench({}, metadata, this.store.crash(), bench.clock).start()
    Object.assign(this, { bench: next })
    const left = this.drain()
    if (settled) return
    for (const [body, { sequence, persistent }] of this.live) {
      if (persistent && sequence <= this.#confirmed) assert.ok(left.has(body), `${body} was confirmed, and is lost`)
    }
  }
}

test('nothing is lost, nothing doubles, nothing overtakes, however late the store is', async () => {
  await fc.assert(
    fc.asyncProperty(surroundings, fc.array(step, { maxLength: 200, size: 'max' }), async (around, steps) => {
      const chaos = await Chaos.start(around)
      for (const each of steps) chaos.run(each)
      chaos.finish()
    }),
    { numRuns: 500 },
  )
})

test('what was confirmed is there after a crash, whatever was under way', async () => {
  await fc.assert(
    fc.asyncProperty(surroundings, fc.array(step, { maxLength: 150, size: 'max' }), async (around, steps) => {
      const chaos = await Chaos.start(around)
      for (const each of steps) chaos.run(each)
      await chaos.crash()
    }),
    { numRuns: 500 },
  )
})
