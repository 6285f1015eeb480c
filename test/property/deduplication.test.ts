import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { QueueDeduplication } from '../../src/core/deduplication/queue-deduplication.ts'
import { long, longstr, type Table } from '../../src/core/fields.ts'
import type { Queue } from '../../src/core/queues/queue.ts'
import { type Client, CoreBench } from '../support/core-bench.ts'
import { PagingStore } from '../support/paging-store.ts'

// Random messages to an exchange and a queue that keep duplicates out, and to a model of what they remember. The broker may crash at any
// time: what it remembers then has to be what goes with the messages that are safe.

interface Publish {
  readonly kind: 'publish'
  readonly value: number | null
  readonly ttlMs: number | null
  readonly publisher: number | null
  readonly id: number
  readonly persistent: boolean
}

type Operation =
  | Publish
  | { readonly kind: 'get' }
  | { readonly kind: 'settle'; readonly pick: number; readonly how: 'ack' | 'requeue' | 'discard' }
  | { readonly kind: 'advance'; readonly ms: number }
  | { readonly kind: 'purge' }
  | { readonly kind: 'commit' }
  | { readonly kind: 'crash' }

const kind = <K extends string>(name: K): fc.Arbitrary<K> => fc.constant(name)

const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 24,
    arbitrary: fc.record({
      kind: kind('publish'),
      value: fc.option(fc.nat(5)),
      ttlMs: fc.option(fc.constantFrom(3, 30), { freq: 3 }),
      publisher: fc.option(fc.nat(1)),
      id: fc.nat(12),
      persistent: fc.oneof({ weight: 3, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: kind('get') }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: kind('settle'),
      pick: fc.nat(),
      how: fc.constantFrom('ack', 'requeue', 'discard'),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: kind('advance'), ms: fc.constantFrom(1, 5, 12) }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('purge') }) },
  { weight: 5, arbitrary: fc.record({ kind: kind('commit') }) },
  { weight: 2, arbitrary: fc.record({ kind: kind('crash') }) },
)

interface Settings {
  readonly where: 'exchange' | 'queue'
  readonly type: 'classic' | 'quorum'
  /** -1 for the values of messages that are in the queue. */
  readonly cacheSize: number
  readonly cacheTtlMs: number
  readonly publishers: boolean
  readonly maxLength: number
  readonly overflow: 'drop-head' | 'reject-publish'
  readonly memory: boolean
}

const settings: fc.Arbitrary<Settings> = fc.record({
  where: fc.constantFrom('exchange', 'queue'),
  type: fc.constantFrom('classic', 'quorum'),
  cacheSize: fc.constantFrom(-1, -1, 1, 2, 4),
  cacheTtlMs: fc.constantFrom(-1, 10),
  publishers: fc.boolean(),
  maxLength: fc.constantFrom(-1, 1, 3),
  overflow: fc.constantFrom('drop-head', 'reject-publish'),
  memory: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
})

/** Without a cache, an exchange and a time to live make one. */
const isWindow = ({ where, cacheSize, cacheTtlMs }: Settings): boolean =>
  where === 'exchange' || cacheSize > 0 || cacheTtlMs > 0

interface Value {
  readonly value: number
  readonly endsAt: number
  readonly logged: boolean
}

interface Publisher {
  highest: number
  refused: Set<number>
}

/** What is remembered, and what of it is on disk. */
class Model {
  values: Value[] = []
  publishers = new Map<number, Publisher>()
  /** As they were with the last message of each that is logged. */
  logged = new Map<number, Publisher>()
  /** Messages in the queue whose values a purge has forgotten with all others. */
  forgotten = new Set<string>()
  #safe = { values: this.values, logged: this.logged, forgotten: this.forgotten }
  readonly #size: number

  constructor(size: number) {
    this.#size = size
  }

  has(value: number, now: number): boolean {
    return this.values.some((known) => known.value === value && known.endsAt > now)
  }

  isOld(publisher: number, id: number): boolean {
    const known = this.publishers.get(publisher)
    return known !== undefined && id <= known.highest && !known.refused.has(id)
  }

  add(value: Value, now: number): void {
    this.forget(value.value)
    this.values.push(value)
    while (this.values.length > 0 && this.values[0]!.endsAt <= now) this.values.shift()
    while (this.values.length > this.#size) this.values.shift()
  }

  forget(value: number): void {
    this.values = this.values.filter((known) => known.value !== value)
  }

  accept(name: number, id: number, logged: boolean): void {
    const publisher = this.#publisher(name)
    publisher.refused.delete(id)
    publisher.highest = Math.max(publisher.highest, id)
    if (logged) this.logged.set(name, copyOf(publisher))
  }

  refuse(name: number, id: number): void {
    this.#publisher(name).refused.add(id)
  }

  #publisher(name: number): Publisher {
    const publisher = this.publishers.get(name) ?? { highest: -1, refused: new Set() }
    this.publishers.set(name, publisher)
    return publisher
  }

  commit(): void {
    const values = this.values.filter(({ logged }) => logged)
    this.#safe = { values, logged: copyOfAll(this.logged), forgotten: new Set(this.forgotten) }
  }

  crash(now: number, memory: boolean): void {
    this.values = memory ? [] : this.#safe.values.filter(({ endsAt }) => endsAt > now)
    this.publishers = memory ? new Map() : copyOfAll(this.#safe.logged)
    this.logged = copyOfAll(this.publishers)
    this.forgotten = new Set(this.#safe.forgotten)
    this.commit()
  }
}

const copyOf = ({ highest, refused }: Publisher): Publisher => ({ highest, refused: new Set(refused) })
const copyOfAll = (all: ReadonlyMap<number, Publisher>): Map<number, Publisher> =>
  new Map([...all].map(([name, publisher]) => [name, copyOf(publisher)]))

/** The broker and its model. */
class Pair {
  readonly #settings: Settings
  readonly #model: Model
  #store = new PagingStore()
  #bench!: CoreBench
  #client!: Client
  #queue!: Queue
  /** Tags and bodies of what is unacknowledged. */
  #out: { tag: number; body: string }[] = []
  #published = 0
  readonly #valueOf = new Map<string, number | null>()

  constructor(given: Settings) {
    this.#settings = given
    this.#model = new Model(given.cacheSize > 0 ? given.cacheSize : 128)
  }

  async start(): Promise<this> {
    this.#bench = await new CoreBench({}, undefined, this.#store).start()
    this.#open()
    const { where, cacheSize, cacheTtlMs, publishers, type, maxLength, overflow, memory } = this.#settings
    const args: Record<string, string | number | boolean> = { 'x-message-deduplication': true }
    if (cacheSize > 0) args['x-cache-size'] = cacheSize
    if (cacheTtlMs > 0) args['x-cache-ttl'] = cacheTtlMs
    if (publishers) args['x-publisher-deduplication'] = true
    if (memory) args['x-cache-persistence'] = 'memory'
    const limits: Record<string, string | number> = { 'x-queue-type': type, 'x-overflow': overflow }
    if (maxLength > 0) limits['x-max-length'] = maxLength
    this.#client.declare('q', where === 'queue' ? { ...limits, ...args } : limits)
    this.#client.exchange('x', 'fanout', where === 'exchange' ? args : {})
    this.#client.session.topology.bindQueue('q', 'x', '', new Map())
    this.#queue = this.#bench.queue('q')
    this.#commit()
    return this
  }

  #open(): void {
    this.#client = this.#bench.client()
    this.#client.session.publishing.selectConfirms()
    this.#out = []
  }

  async run(operation_: Operation): Promise<void> {
    switch (operation_.kind) {
      case 'publish':
        this.#publish(operation_)
        break
      case 'get':
        this.#get()
        break
      case 'settle':
        this.#settleOne(operation_.pick, operation_.how)
        break
      case 'advance':
        this.#bench.clock.advance(operation_.ms, () => {})
        break
      case 'purge':
        this.#queue.purge()
        for (const { body } of this.#out) this.#model.forgotten.add(body)
        if (this.#settings.where === 'queue') this.#model.values = []
        break
      case 'commit':
        this.#commit()
        break
      case 'crash':
        await this.#crash()
        break
    }
    while (this.#bench.turn.end());
    this.#compare()
  }

  /** Bodies of all that is in the queue. */
  #present(): string[] {
    const ready = [...this.#queue.browseMemory()].map(({ message }) => message.body().toString())
    return [...ready, ...this.#out.map(({ body }) => body)]
  }

  #publish({ value, ttlMs, publisher, id, persistent }: Publish): void {
    const now = this.#bench.clock.now()
    const { where, type, publishers, maxLength, overflow, cacheTtlMs } = this.#settings
    const knows = value !== null && this.#knows(value, now)
    const isOld = publishers && publisher !== null && this.#model.isOld(publisher, id)
    const isFull = overflow === 'reject-publish' && maxLength > 0 && this.#queue.readyCount + 1 > maxLength
    const expected = knows || isOld ? 'duplicate' : isFull ? 'refused' : 'accepted'
    const body = `${++this.#published}`
    this.#valueOf.set(body, value)
    assert.equal(this.#send(body, { value, ttlMs, publisher, id, persistent }), expected, `message ${body}`)
    const logged = persistent || type === 'quorum'
    if (expected === 'accepted') {
      const lasts = ttlMs ?? cacheTtlMs
      const endsAt = lasts > 0 ? now + lasts : Infinity
      if (value !== null && isWindow(this.#settings)) this.#model.add({ value, endsAt, logged }, now)
      if (publishers && publisher !== null) this.#model.accept(publisher, id, logged)
    } else if (expected === 'refused') {
      if (value !== null && where === 'queue') this.#model.forget(value)
      if (publishers && publisher !== null) this.#model.refuse(publisher, id)
    }
  }

  #knows(value: number, now: number): boolean {
    if (isWindow(this.#settings)) return this.#model.has(value, now)
    return this.#valuesPresent().has(value)
  }

  #valuesPresent(): Set<number> {
    const bodies = this.#present().filter((body) => !this.#model.forgotten.has(body))
    return new Set(bodies.map((body) => this.#valueOf.get(body)!).filter((value) => value !== null))
  }

  #send(body: string, { value, ttlMs, publisher, id, persistent }: Omit<Publish, 'kind'>): string {
    const headers: Table = new Map()
    if (value !== null) headers.set('x-deduplication-header', longstr(`value ${value}`))
    if (ttlMs !== null) headers.set('x-cache-ttl', long(ttlMs))
    if (publisher !== null)
      headers.set('x-publisher-name', longstr(`publisher ${publisher}`)).set('x-publishing-id', long(id))
    const { counters } = this.#queue
    const { published, deduplicated } = counters
    const before = { published, deduplicated, exchange: this.#exchange().deduplicated }
    this.#client.publish('', body, { exchange: 'x', headers, persistent })
    if (counters.published > before.published) return 'accepted'
    const left = counters.deduplicated + this.#exchange().deduplicated - before.deduplicated - before.exchange
    return left > 0 ? 'duplicate' : 'refused'
  }

  #exchange(): { readonly deduplicated: number } {
    return this.#bench.vhost.findExchange('x')
  }

  #get(): void {
    // it may have to wait for that anyway
    this.#commit()
    const got = this.#client.get('q')
    if (got !== null) this.#out.push({ tag: got.tag, body: got.body })
  }

  #settleOne(pick: number, how: 'ack' | 'requeue' | 'discard'): void {
    if (this.#out.length === 0) return
    const [{ tag }] = this.#out.splice(pick % this.#out.length, 1) as [{ tag: number; body: string }]
    if (how === 'ack') this.#client.ack(tag)
    else this.#client.nack(tag, false, how === 'requeue')
  }

  #commit(): void {
    this.#bench.settle()
    this.#model.commit()
  }

  async #crash(): Promise<void> {
    const { clock, metadata } = this.#bench
    await this.#bench.broker.commitMetadata()
    clock.timers.clear()
    this.#store = this.#store.crash()
    this.#bench = await new CoreBench({}, metadata, this.#store, clock).start()
    this.#bench.settle()
    this.#model.crash(clock.now(), this.#settings.memory)
    this.#queue = this.#bench.queue('q')
    this.#open()
    // what is known of messages that are in the queue is compared with what is in memory
    this.#load()
  }

  #load(): void {
    const taken: number[] = []
    for (let got = this.#client.get('q'); got !== null; got = this.#client.get('q')) taken.push(got.tag)
    for (const tag of taken) this.#client.nack(tag, false, true)
    this.#bench.settle()
    this.#model.commit()
  }

  #compare(): void {
    const owner = this.#settings.where === 'queue' ? this.#queue : this.#bench.vhost.findExchange('x')
    const { size } = (owner.deduplication as Pick<QueueDeduplication, 'seen'>).seen
    if (isWindow(this.#settings)) {
      assert.equal(size.values, this.#model.values.length, 'values')
      return
    }
    assert.equal(size.values, this.#valuesPresent().size, 'values of messages')
  }
}

test('what is left out is what the model would leave out, crashes included', async () => {
  await fc.assert(
    fc.asyncProperty(settings, fc.array(operation, { minLength: 20, maxLength: 80 }), async (given, operations) => {
      // what is in the queue is not known after a crash if that was not to survive: the model does not follow it there
      fc.pre(!(given.memory && !isWindow(given) && operations.some(({ kind: name }) => name === 'crash')))
      const pair = await new Pair(given).start()
      for (const one of operations) await pair.run(one)
    }),
    { numRuns: 400 },
  )
})
