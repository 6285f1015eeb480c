import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PagingStore } from '../support/paging-store.ts'
import {
  change,
  crash,
  drain,
  levelsSettled,
  requestOf,
  type Setup,
  start,
  type Wanted,
} from '../unit/core/changes/bench.ts'

// A queue is changed again and again while messages come, go out, come back and leave memory, and while the broker ends without a word:
// whatever happens, each message is there once, and in the end they come in the order that the last declaration asks for.

type Step =
  | {
      readonly kind: 'publish'
      readonly priority: number | null
      readonly persistent: boolean
      readonly count: number
      readonly ttlMs: number | null
    }
  | { readonly kind: 'get' }
  | { readonly kind: 'settle'; readonly pick: number; readonly acks: boolean }
  | { readonly kind: 'change'; readonly to: number }
  | { readonly kind: 'changeAndCrash'; readonly to: number; readonly after: number }
  | { readonly kind: 'crash' }
  | { readonly kind: 'turn' }
  | { readonly kind: 'purge' }
  | { readonly kind: 'advance'; readonly ms: number }

const TO: readonly Wanted[] = [
  { type: 'classic', arguments: { 'x-max-priority': null } },
  { type: 'classic', arguments: { 'x-max-priority': 3 } },
  { type: 'classic', arguments: { 'x-max-priority': 9 } },
  { type: 'quorum', arguments: { 'x-max-priority': null, 'x-delivery-limit': -1 } },
  { type: 'quorum', arguments: { 'x-max-priority': null, 'x-delivery-limit': -1, 'x-single-active-consumer': true } },
  { arguments: { 'x-retry-initial-delay': 30 } },
  { arguments: { 'x-retry-initial-delay': null } },
]
/** Longer than messages rest. */
const LONG_MS = 300_000

const to = fc.nat(TO.length - 1)
const kind = <K extends string>(name: K): fc.Arbitrary<K> => fc.constant(name)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: kind('publish'),
      priority: fc.option(fc.nat(12)),
      persistent: fc.boolean(),
      count: fc.constantFrom(1, 1, 1, 7, 40),
      ttlMs: fc.option(fc.constantFrom(1, 50, 500), { freq: 4 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: kind('get') }) },
  { weight: 4, arbitrary: fc.record({ kind: kind('settle'), pick: fc.nat(9), acks: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ kind: kind('change'), to }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('changeAndCrash'), to, after: fc.nat(8) }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('crash') }) },
  { weight: 3, arbitrary: fc.record({ kind: kind('turn') }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('purge') }) },
  { weight: 2, arbitrary: fc.record({ kind: kind('advance'), ms: fc.constantFrom(1, 20, 200) }) },
)

interface Sent {
  readonly body: string
  readonly number: number
  readonly priority: number | null
  /** When it is gone, if nobody has it then; or Infinity. */
  readonly expiresAt: number
  /** Whether it has to be there after a crash. */
  survives: boolean
  /** It came back, and rests perhaps: who purges, or looks for what has expired, may miss it. */
  mayRest: boolean
  /** It may be gone. */
  mayBeGone: boolean
}

/** What there has to be, and how it has to come. */
class Run {
  readonly #budget: number
  readonly #sent = new Map<string, Sent>()
  readonly #out = new Map<string, number>()
  #setup: Setup
  #count = 0
  /** Nothing has come back, and no change was cut short: the order of the rest is certain. */
  #isOrderly = true

  constructor(setup: Setup, budget: number) {
    this.#setup = setup
    this.#budget = budget
  }

  async do(one: Step): Promise<void> {
    const { bench, client } = this.#setup
    switch (one.kind) {
      case 'publish':
        for (let i = 0; i < one.count; i++) this.#publish(one.priority, one.persistent, one.ttlMs)
        return
      case 'get':
        this.#get()
        return
      case 'settle': {
        const [body, tag] = [...this.#out][one.pick % Math.max(1, this.#out.size)] ?? []
        if (body === undefined) return
        this.#out.delete(body)
        if (one.acks) {
          client.ack(tag!)
          this.#sent.delete(body)
        } else {
          this.#sent.get(body)!.mayRest ||= bench.queue('q').settings.retry !== null
          client.nack(tag!, false, true)
          this.#isOrderly = false
          this.#expire()
        }
        return
      }
      case 'change':
        await change(this.#setup, TO[one.to]!)
        if (TO[one.to]!.type === 'quorum') for (const sent of this.#sent.values()) sent.survives = true
        return
      case 'changeAndCrash': {
        bench.settle()
        // its end is that of the process
        client.session.topology.changeQueue('q', requestOf(TO[one.to]!), true).catch(() => {})
        for (let i = 0; i < one.after; i++) {
          await new Promise((resolve) => setImmediate(resolve))
          if (i % 2 === 0) bench.turn.end()
          else this.#setup.store.io()
        }
        await this.#crash()
        return
      }
      case 'crash':
        bench.settle()
        await this.#crash()
        return
      case 'turn':
        bench.settle()
        return
      case 'purge':
        client.session.topology.purgeQueue('q')
        for (const sent of [...this.#sent.values()]) this.#end(sent)
        return
      case 'advance':
        bench.advance(one.ms)
        this.#expire()
    }
  }

  /** What nobody has is gone when its time is up; what somebody has, when it comes back. */
  #expire(): void {
    const now = this.#setup.bench.clock.now()
    for (const sent of [...this.#sent.values()]) if (sent.expiresAt <= now) this.#end(sent)
  }

  #end(sent: Sent): void {
    if (this.#out.has(sent.body)) return
    if (sent.mayRest) sent.mayBeGone = true
    else this.#sent.delete(sent.body)
  }

  #publish(priority: number | null, persistent: boolean, ttlMs: number | null): void {
    const number = ++this.#count
    const body = `m${number}`
    const survives = persistent || this.#setup.bench.queue('q').type === 'quorum'
    const expiresAt = ttlMs === null ? Infinity : this.#setup.bench.clock.now() + ttlMs
    this.#sent.set(body, { body, number, priority, expiresAt, survives, mayRest: false, mayBeGone: false })
    const ttl = ttlMs === null ? {} : { ttlMs }
    this.#setup.client.publish('q', body, { persistent, ...ttl, ...(priority === null ? {} : { priority }) })
  }

  #get(): void {
    const { bench, client } = this.#setup
    if (bench.queue('q').settings.singleActiveConsumer) return
    const got = client.get('q')
    if (got === null) return
    assert.ok(this.#sent.has(got.body), `${got.body} is there`)
    assert.ok(!this.#out.has(got.body), `${got.body} is out once`)
    this.#out.set(got.body, got.tag)
  }

  /** What was out is there again; what need not survive may be. */
  async #crash(): Promise<void> {
    this.#setup = await crash(this.#setup, this.#budget)
    if (this.#out.size > 0) this.#isOrderly = false
    this.#out.clear()
    this.#isOrderly = false
    await levelsSettled(this.#setup)
    this.#setup.bench.advance(LONG_MS)
    this.#expire()
    const found = drain(this.#setup)
    assert.equal(new Set(found).size, found.length, 'each message is there once')
    for (const body of found) assert.ok(this.#sent.has(body), `${body} was not settled`)
    const there = new Set(found)
    for (const { body, survives, mayBeGone } of this.#sent.values())
      assert.ok(!survives || mayBeGone || there.has(body), `${body} survives`)
    this.#sent.clear()
    this.#isOrderly = true
  }

  end(): void {
    const queue = this.#setup.bench.queue('q')
    this.#setup.bench.advance(LONG_MS)
    this.#expire()
    const ready = queue.readyCount
    const found = drain(this.#setup)
    assert.equal(ready, found.length)
    assert.equal(new Set(found).size, found.length, 'each message comes once')
    const there = new Set(found)
    const left = [...this.#sent.values()].filter(
      ({ body, mayBeGone }) => !this.#out.has(body) && (!mayBeGone || there.has(body)),
    )
    assert.deepEqual(found.toSorted(), left.map(({ body }) => body).toSorted())
    if (this.#isOrderly) assert.deepEqual(found, this.#expected(left))
    for (const tag of this.#out.values()) this.#setup.client.ack(tag)
    this.#setup.bench.settle()
    assert.deepEqual([queue.readyCount, queue.readyBytes, queue.unackedCount, queue.readyInStore], [0, 0, 0, 0])
    assert.equal(this.#setup.bench.store.stats().messages, 0)
    assert.equal(this.#setup.store.stored, 0)
  }

  #expected(left: readonly Sent[]): string[] {
    const { rules, settings } = this.#setup.bench.queue('q')
    const levelOf = ({ priority }: Sent): number =>
      priority === null ? settings.defaultPriority : Math.min(priority, rules.levels(settings) - 1)
    return left.toSorted((a, b) => levelOf(b) - levelOf(a) || a.number - b.number).map(({ body }) => body)
  }
}

async function check(budget: number): Promise<void> {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), fc.boolean(), async (steps, readsEarly) => {
      const setup = await start(budget, new PagingStore({ readsEarly }))
      setup.client.declare('q')
      await setup.bench.broker.commitMetadata()
      const run = new Run(setup, budget)
      for (const one of steps) await run.do(one)
      run.end()
    }),
    { numRuns: 150, endOnFailure: true },
  )
}

test('messages survive every change of their queue, in memory', () => check(Infinity))
test('messages survive every change of their queue when hardly anything stays in memory', () => check(0))
test('messages survive every change of their queue with a part of them in memory', () => check(4000))
