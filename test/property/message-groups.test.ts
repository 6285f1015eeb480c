import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { longstr } from '../../src/core/fields.ts'
import type { Queue } from '../../src/core/queues/queue.ts'
import {
  type Client,
  CoreBench,
  type Delivery,
  describe as describeDelivery,
  lookAtReady,
} from '../support/core-bench.ts'
import { PagingStore } from '../support/paging-store.ts'

// Random operations on a queue with message groups. What is delivered must be the first of its group that is left, with no other of the group
// out; whoever has credit must not wait while there is a message of a free group; counts must be right, and nothing may be lost or doubled:
// while messages leave memory and come back, consumers and the broker die, and also while everything that the store does comes late.

const SESSIONS = 2
/** What rests so long may leave memory. */
const LONG_REST_MS = 2000
const RUNS = Number(process.env['GROUP_RUNS'] ?? 500)

type Settlement = 'ack' | 'discard' | 'returned' | 'rejected'
type Step =
  | {
      readonly kind: 'publish'
      readonly groups: readonly number[]
      readonly persistent: boolean
      readonly priority: number | null
      readonly ttlMs: number
    }
  | { readonly kind: 'consume'; readonly session: number; readonly prefetch: number; readonly noAck: boolean }
  | { readonly kind: 'cancel'; readonly session: number }
  | { readonly kind: 'get'; readonly session: number; readonly noAck: boolean }
  | { readonly kind: 'settle'; readonly session: number; readonly pick: number; readonly how: Settlement }
  | { readonly kind: 'settleAll'; readonly session: number; readonly how: 'ack' | 'returned' }
  | { readonly kind: 'close'; readonly session: number }
  | { readonly kind: 'advance'; readonly ms: number }
  | { readonly kind: 'purge' }
  | { readonly kind: 'limit'; readonly maxLength: number }
  | { readonly kind: 'crash' }
  | { readonly kind: 'switch'; readonly on: boolean }
  | { readonly kind: 'turn' }
  | { readonly kind: 'commit' }
  | { readonly kind: 'io'; readonly count: number }

const kind = <K extends string>(name: K): fc.Arbitrary<K> => fc.constant(name)
const often = <T>(usual: T, other: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ weight: 6, arbitrary: fc.constant(usual) }, { weight: 2, arbitrary: other })
const session = fc.nat(SESSIONS - 1)

const steps: fc.WeightedArbitrary<Step>[] = [
  {
    weight: 16,
    arbitrary: fc.record({
      kind: kind('publish'),
      // mostly of one group; 0 is none
      groups: fc.array(
        fc.nat(9).map((n) => Math.max(0, n - 4)),
        { minLength: 1, maxLength: 20 },
      ),
      persistent: fc.boolean(),
      priority: often<number | null>(null, fc.nat(9)),
      ttlMs: often(-1, fc.integer({ min: 1, max: 40 })),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: kind('consume'),
      session,
      prefetch: fc.nat(4),
      noAck: fc.nat(5).map((n) => n === 0),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: kind('cancel'), session }) },
  { weight: 3, arbitrary: fc.record({ kind: kind('get'), session, noAck: fc.boolean() }) },
  {
    weight: 16,
    arbitrary: fc.record({
      kind: kind('settle'),
      session,
      pick: fc.nat(),
      how: fc.constantFrom<Settlement>('ack', 'ack', 'ack', 'discard', 'returned', 'rejected'),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: kind('settleAll'), session, how: fc.constantFrom('ack', 'returned') }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('close'), session }) },
  { weight: 5, arbitrary: fc.record({ kind: kind('advance'), ms: fc.constantFrom(1, 4, 5, 30, LONG_REST_MS) }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('purge') }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('limit'), maxLength: fc.constantFrom(-1, 4, 15) }) },
]
const crash: fc.WeightedArbitrary<Step> = { weight: 1, arbitrary: fc.record({ kind: kind('crash') }) }
const late: fc.WeightedArbitrary<Step>[] = [
  { weight: 14, arbitrary: fc.record({ kind: kind('turn') }) },
  { weight: 5, arbitrary: fc.record({ kind: kind('commit') }) },
  { weight: 14, arbitrary: fc.record({ kind: kind('io'), count: fc.integer({ min: 1, max: 3 }) }) },
]

interface Around {
  readonly type: 'classic' | 'quorum'
  readonly maxPriority: number
  /** How long what comes back rests, in ms; 0 for not at all. */
  readonly restMs: number
  readonly deliveryLimit: number
  readonly singleActive: boolean
  /** Groups are switched on and off while the queue works. */
  readonly byPolicy: boolean
  readonly budget: number
  readonly gathers: boolean
  readonly readsEarly: boolean
}

const around: fc.Arbitrary<Around> = fc.record({
  type: fc.constantFrom('classic', 'quorum'),
  maxPriority: often(0, fc.constant(5)),
  restMs: fc.constantFrom(0, 0, 0, 5, LONG_REST_MS),
  deliveryLimit: often(-1, fc.nat(2)),
  singleActive: fc.nat(5).map((n) => n === 0),
  byPolicy: fc.constant(false),
  budget: fc.constantFrom(0, 1000, 4000, 40_000),
  gathers: fc.boolean(),
  readsEarly: fc.boolean(),
})

function argumentsOf({
  type,
  maxPriority,
  restMs,
  deliveryLimit,
  singleActive,
  byPolicy,
}: Around): Record<string, string | number | boolean> {
  return {
    'x-queue-type': type,
    ...(byPolicy ? {} : { 'x-message-groups': true }),
    'x-dead-letter-exchange': '',
    'x-dead-letter-routing-key': 'dead',
    'x-delivery-limit': deliveryLimit,
    ...(type === 'classic' && maxPriority > 0 ? { 'x-max-priority': maxPriority } : {}),
    ...(restMs > 0
      ? { 'x-delayed-retry-type': 'all', 'x-delayed-retry-min': restMs, 'x-delayed-retry-max': restMs }
      : {}),
    ...(singleActive ? { 'x-single-active-consumer': true } : {}),
  }
}

interface Item {
  readonly body: string
  /** 0 for none. */
  readonly group: number
  readonly sequence: number
  readonly persistent: boolean
  /** Infinity for never. */
  readonly expiresAt: number
  /** A session has it. */
  out: boolean
  /** It rests until then. */
  restsUntil: number
}

class Run {
  readonly around: Around
  readonly calm: boolean
  bench!: CoreBench
  queue!: Queue
  publisher!: Client
  clients: Client[] = []
  /** What is there, in the order of publishing. */
  readonly live = new Map<string, Item>()
  readonly out: Map<number, Item>[] = Array.from({ length: SESSIONS }, () => new Map<number, Item>())
  /** Passed over by a delivery: they must be found among the dead. */
  #passedOver: Item[] = []
  #published = 0
  #consumers = 0
  /** Gets of each session that have no answer yet. */
  readonly #gets = new Array<number>(SESSIONS).fill(0)
  #purged = 0
  #maxLength = -1
  /** Groups are kept all the time. */
  readonly #strict: boolean
  /** There was a length limit at some time. */
  #limited = false

  constructor(given: Around, calm: boolean) {
    this.around = given
    this.calm = calm
    this.#strict = !given.byPolicy
  }

  async start(paging: boolean): Promise<this> {
    const store = paging ? new PagingStore({ ...this.around, gathers: () => this.around.gathers }) : undefined
    const options = paging ? { messageMemoryBytes: this.around.budget } : {}
    this.bench = await new CoreBench(options, undefined, store).start()
    this.#enter()
    await this.bench.broker.commitMetadata()
    return this
  }

  #enter(): void {
    this.publisher = this.bench.client()
    this.publisher.declare('dead', { 'x-queue-type': 'quorum' })
    this.queue = this.publisher.declare('q', argumentsOf(this.around))
    this.clients = Array.from({ length: SESSIONS }, (_, at) => this.#open(at))
  }

  #open(at: number): Client {
    const client = this.bench.client()
    client.onDelivery = (delivery) => this.#onDelivery(at, delivery, delivery.consumer.startsWith('auto'))
    return client
  }

  #onDelivery(at: number, { tag, body }: Delivery, noAck: boolean): void {
    const item = this.live.get(body)
    assert.ok(item !== undefined, `${body} was delivered, and is no more`)
    assert.ok(!item.out, `${body} was delivered twice`)
    assert.ok(item.restsUntil <= this.bench.clock.now(), `${body} was delivered while it rests`)
    if (item.group > 0 && this.#strict) {
      for (const other of this.live.values()) {
        if (other.group !== item.group || other === item) continue
        assert.ok(!other.out, `${body} was delivered while ${other.body} of its group is out`)
        if (other.sequence < item.sequence) this.#passedOver.push(other)
      }
    }
    if (noAck) this.live.delete(body)
    else {
      item.out = true
      this.out[at]!.set(tag, item)
    }
  }

  /** By policy, instead of by argument. */
  switchGroups(on: boolean): void {
    const rest = { pattern: '^q$', 'apply-to': 'queues', priority: 1 }
    const definition = { 'message-groups': on, 'max-length': 1_000_000 }
    this.bench.broker.setPolicy('user', '/', 'groups', { ...rest, definition })
  }

  async run(step: Step): Promise<void> {
    if (step.kind === 'crash') await this.#crash()
    else this.#apply(step)
    if (step.kind === 'limit') await this.bench.broker.commitMetadata()
    if (!this.calm) return
    this.bench.settle()
    this.#buryDead()
    this.bench.settle()
    this.#compare(step)
  }

  #apply(step: Exclude<Step, { kind: 'crash' }>): void {
    const { bench } = this
    switch (step.kind) {
      case 'publish':
        for (const group of step.groups) this.#publish(group, step)
        return
      case 'consume': {
        const tag = `${step.noAck ? 'auto' : 'c'}${++this.#consumers}`
        this.clients[step.session]!.consume('q', { tag, prefetch: step.prefetch, noAck: step.noAck })
        return
      }
      case 'cancel': {
        const { session: own } = this.clients[step.session]!
        const [tag] = own.consumers.keys()
        if (tag !== undefined) own.cancel(tag)
        return
      }
      case 'get':
        if (!(this.around.singleActive && this.around.type === 'quorum')) this.#get(step.session, step.noAck)
        return
      case 'settle': {
        const tags = [...this.out[step.session]!.keys()]
        if (tags.length > 0) this.#settle(step.session, [tags[step.pick % tags.length]!], step.how)
        return
      }
      case 'settleAll':
        this.#settle(step.session, [...this.out[step.session]!.keys()], step.how)
        return
      case 'close': {
        const own = this.out[step.session]!
        for (const item of own.values()) this.#comesBack(item)
        own.clear()
        this.#gets[step.session] = 0
        const client = this.clients[step.session]!
        this.clients[step.session] = this.#open(step.session)
        client.session.close()
        return
      }
      case 'advance':
        if (this.calm) bench.advance(step.ms)
        else bench.clock.advance(step.ms, () => {})
        return
      case 'purge':
        this.#purge()
        return
      case 'limit':
        this.#limit(step.maxLength)
        return
      case 'switch':
        this.switchGroups(step.on)
        return
      case 'turn':
        bench.turn.end()
        return
      case 'commit':
        ;(bench.store as PagingStore).commit()
        return
      case 'io':
        for (let i = 0; i < step.count; i++) (bench.store as PagingStore).ioOne()
    }
  }

  #publish(group: number, { persistent, priority, ttlMs }: Step & { kind: 'publish' }): void {
    const sequence = ++this.#published
    const body = `m${sequence} of ${group}`
    const expiresAt = ttlMs < 0 ? Infinity : this.bench.clock.now() + ttlMs
    const kept = persistent || this.around.type === 'quorum'
    this.live.set(body, { body, group, sequence, persistent: kept, expiresAt, out: false, restsUntil: 0 })
    this.publisher.publish('q', body, {
      persistent,
      ...(priority === null ? {} : { priority }),
      ...(ttlMs < 0 ? {} : { ttlMs }),
      ...(group === 0 ? {} : { headers: new Map([['x-message-group', longstr(`g${group}`)]]) }),
    })
  }

  #get(at: number, noAck: boolean): void {
    this.#gets[at]!++
    const client = this.clients[at]!
    let answered = false
    client.session.get(
      'q',
      noAck,
      (tag, entry) => {
        answered = true
        this.#gets[at]!--
        this.#onDelivery(at, describeDelivery('', tag, entry.message, entry.redelivered, entry), noAck)
      },
      () => {
        answered = true
        this.#gets[at]!--
        if (!this.calm) return
        this.#buryDead()
        assert.deepEqual(this.#deliverable(), [], 'none came, although there is one')
      },
    )
    if (!this.calm || answered) return
    this.bench.settle()
    assert.ok(answered, 'every get is answered')
  }

  #settle(at: number, tags: readonly number[], how: Settlement): void {
    const own = this.out[at]!
    const client = this.clients[at]!
    for (const tag of tags) {
      const item = own.get(tag)!
      own.delete(tag)
      if (how === 'ack') this.live.delete(item.body)
      else if (how !== 'discard') this.#comesBack(item)
      else item.out = false
      if (how === 'ack') client.ack(tag)
      else if (how === 'rejected') client.session.reject(tag, true)
      else client.nack(tag, false, how === 'returned')
    }
  }

  #comesBack(item: Item): void {
    item.out = false
    if (this.around.restMs > 0) item.restsUntil = this.bench.clock.now() + this.around.restMs
  }

  #purge(): void {
    const count = this.queue.purge()
    if (!this.calm) {
      this.#purged += count
      return
    }
    const ready = this.#ready()
    assert.equal(count, ready.length)
    for (const { body } of ready) this.live.delete(body)
  }

  #limit(maxLength: number): void {
    this.#maxLength = maxLength
    if (maxLength >= 0) this.#limited = true
    const definition = { 'max-length': maxLength < 0 ? 1_000_000 : maxLength }
    this.bench.broker.setPolicy('user', '/', 'p', { pattern: '^q$', definition, 'apply-to': 'queues' })
  }

  async #crash(): Promise<void> {
    const { clock, metadata, store } = this.bench
    clock.timers.clear()
    const options = { messageMemoryBytes: this.around.budget }
    this.bench = await new CoreBench(options, metadata, (store as PagingStore).crash(), clock).start()
    for (const own of this.out) own.clear()
    for (const item of this.live.values()) {
      item.out = false
      if (!item.persistent) this.live.delete(item.body)
    }
    this.#enter()
    this.bench.advance(0)
  }

  /** Messages that could be had: neither out nor at rest. */
  #ready(): Item[] {
    const now = this.bench.clock.now()
    return [...this.live.values()].filter(({ out, restsUntil }) => !out && restsUntil <= now)
  }

  /** Of these, those whose turn it is. */
  #deliverable(): string[] {
    const now = this.bench.clock.now()
    const busy = new Set<number>()
    for (const { group, out, restsUntil } of this.live.values()) if (out || restsUntil > now) busy.add(group)
    return this.#ready()
      .filter(({ group }) => group === 0 || !busy.has(group))
      .map(({ body }) => body)
  }

  /** Looks at what died. */
  #buryDead(): void {
    const now = this.bench.clock.now()
    for (let got = this.publisher.get('dead', true); got !== null; got = this.publisher.get('dead', true)) {
      const item = this.live.get(got.body)
      assert.ok(item !== undefined && !item.out, `${got.body} died, and was not there`)
      const reason = got.headers.get('x-first-death-reason')!.value as string
      if (reason === 'expired') assert.ok(item.expiresAt <= now, `${got.body} expired too early`)
      if (reason === 'maxlen') assert.ok(this.#limited)
      this.live.delete(got.body)
    }
    const passedOver = this.#passedOver.splice(0)
    if (this.#purged === 0)
      for (const { body } of passedOver) assert.ok(!this.live.has(body), `${body} was passed over`)
  }

  #compare(step: Step): void {
    const { queue, bench } = this
    const ready = this.#ready()
    const outNow = [...this.live.values()].filter(({ out }) => out)
    const now = bench.clock.now()
    const resting = [...this.live.values()].filter(({ restsUntil }) => restsUntil > now)
    assert.equal(queue.readyCount, ready.length)
    assert.equal(queue.readyBytes, bytesOf(ready))
    assert.equal(queue.unackedCount, outNow.length)
    assert.equal(queue.heldCount, resting.length)
    for (const { body, expiresAt } of ready) assert.ok(expiresAt > now, `${body} should have expired`)
    // what begins to rest makes room for nobody, but drops nobody either
    if (this.#maxLength >= 0 && (step.kind === 'publish' || step.kind === 'limit')) {
      assert.ok(ready.length + resting.length <= this.#maxLength || ready.length === 0)
    }
    const { consumers } = queue.dispatcher
    const { active } = queue.dispatcher
    const hasCredit = consumers.some((consumer) => consumer.canTake() && (active === null || active === consumer))
    if (hasCredit) assert.deepEqual(this.#deliverable(), [], 'nobody waits while there is a message for him')
    const groups = new Set([...this.live.values()].filter(({ group }) => group > 0).map(({ group }) => group))
    assert.ok(queue.groupCount <= groups.size, `${queue.groupCount} groups are known, of ${groups.size}`)
  }

  /** All is browsed once, then consumed: in order, and nothing is missing. */
  async finish(): Promise<void> {
    const { bench, queue } = this
    bench.settle()
    assert.deepEqual(this.#gets, new Array<number>(SESSIONS).fill(0), 'every get was answered')
    for (const client of this.clients) client.session.close()
    for (const own of this.out) {
      for (const item of own.values()) item.out = false
      own.clear()
    }
    // a rest that begins now was not counted
    for (const item of this.live.values()) item.restsUntil = 0
    bench.advance(LONG_REST_MS)
    // what came back while its place was being read has to wait a moment
    for (let i = 0; i < 100 && queue.heldCount > 0; i++) bench.advance(10)
    this.#buryDead()
    const browsed: string[] = []
    const browsing = (async () => {
      await lookAtReady(queue, ({ message }) => browsed.push(message.body().toString()))
    })()
    let done = false
    void browsing.then(() => (done = true))
    while (!done) {
      bench.settle()
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.equal(browsed.length, queue.readyCount)
    assert.equal(new Set(browsed).size, browsed.length, 'each once')
    for (const body of browsed) assert.ok(this.live.has(body))
    assert.equal(this.live.size - browsed.length, this.#purged, 'only what was purged is missing')
    const left = new Map(this.live)
    this.clients = [this.#open(0)]
    const [client] = this.clients
    client!.consume('q', { tag: 'last', prefetch: 3 })
    for (bench.settle(); this.out[0]!.size > 0; bench.settle()) this.#settle(0, [...this.out[0]!.keys()], 'ack')
    const consumed = [...left.keys()].filter((body) => !this.live.has(body))
    assert.deepEqual(consumed.sort(), browsed.sort())
    this.#buryDead()
    assert.deepEqual([queue.readyCount, queue.readyBytes, queue.unackedCount, queue.groupCount], [0, 0, 0, 0])
    assert.deepEqual([bench.store.stats().messages, bench.store.stats().contentBytes], [0, 0])
    assert.equal(bench.broker.memory.entries, 0)
    if (bench.store instanceof PagingStore) assert.equal(bench.store.stored, 0)
    assert.deepEqual(bench.failures, [])
  }
}

const bytesOf = (items: readonly Item[]): number => items.reduce((sum, { body }) => sum + body.length, 0)

async function check(
  possible: fc.WeightedArbitrary<Step>[],
  paging: boolean,
  calm: boolean,
  byPolicy = false,
): Promise<void> {
  const many = fc.array(fc.oneof(...possible), { minLength: 1, maxLength: calm ? 80 : 200, size: 'max' })
  await fc.assert(
    fc.asyncProperty(around, many, async (given, toDo) => {
      const run = await new Run({ ...given, byPolicy }, calm).start(paging)
      for (const step of toDo) await run.run(step)
      await run.finish()
    }),
    { numRuns: RUNS },
  )
}

test('groups are kept, with everything in memory', async () => {
  await check(steps, false, true)
})

test('groups are kept when hardly anything stays in memory, and over crashes', async () => {
  await check([...steps, crash], true, true)
})

test('groups are kept however late the store is', async () => {
  await check([...steps, ...late], true, false)
})

test('nothing is lost when groups are switched on and off', async () => {
  const switched: fc.WeightedArbitrary<Step> = {
    weight: 3,
    arbitrary: fc.record({ kind: kind('switch'), on: fc.boolean() }),
  }
  await check([...steps, ...late, switched], true, false, true)
})
