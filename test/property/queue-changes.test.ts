import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { chooseBySeed } from '../support/simulated-inode.ts'
import type { Wanted } from '../unit/core/changes/bench.ts'
import { JournalWorld, PagingWorld, type World } from './change-worlds.ts'

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
  | { readonly kind: 'tidy' }
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
  { weight: 2, arbitrary: fc.record({ kind: kind('tidy') }) },
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
  readonly #sent = new Map<string, Sent>()
  readonly #out = new Map<string, number>()
  #world: World
  #count = 0
  /** Nothing has come back, and no change was cut short: the order of the rest is certain. */
  #isOrderly = true

  constructor(world: World) {
    this.#world = world
  }

  async do(one: Step): Promise<void> {
    const { bench, client } = this.#world
    switch (one.kind) {
      case 'publish':
        for (let i = 0; i < one.count; i++) this.#publish(one.priority, one.persistent, one.ttlMs)
        return
      case 'get':
        await this.#get()
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
        await this.#world.change(TO[one.to]!)
        if (TO[one.to]!.type === 'quorum') for (const sent of this.#sent.values()) sent.survives = true
        return
      case 'changeAndCrash':
        await this.#world.settle()
        await this.#crashed(await this.#world.changeAndCrash(TO[one.to]!, one.after))
        return
      case 'crash':
        await this.#world.settle()
        await this.#crashed(await this.#world.crash())
        return
      case 'turn':
        await this.#world.settle()
        return
      case 'tidy':
        this.#world.tidy()
        return
      case 'purge':
        client.session.topology.purgeQueue('q')
        for (const sent of [...this.#sent.values()]) this.#end(sent)
        return
      case 'advance':
        await this.#world.advance(one.ms)
        this.#expire()
    }
  }

  /** What nobody has is gone when its time is up; what somebody has, when it comes back. */
  #expire(): void {
    const now = this.#world.bench.clock.now()
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
    const survives = persistent || this.#world.bench.queue('q').type === 'quorum'
    const expiresAt = ttlMs === null ? Infinity : this.#world.bench.clock.now() + ttlMs
    this.#sent.set(body, { body, number, priority, expiresAt, survives, mayRest: false, mayBeGone: false })
    const ttl = ttlMs === null ? {} : { ttlMs }
    this.#world.client.publish('q', body, { persistent, ...ttl, ...(priority === null ? {} : { priority }) })
  }

  async #get(): Promise<void> {
    const { bench } = this.#world
    if (bench.queue('q').settings.singleActiveConsumer) return
    const got = await this.#world.get()
    if (got === null) return
    assert.ok(this.#sent.has(got.body), `${got.body} is there`)
    assert.ok(!this.#out.has(got.body), `${got.body} is out once`)
    this.#out.set(got.body, got.tag)
  }

  /** What was out is there again; what need not survive may be. */
  async #crashed(next: World): Promise<void> {
    this.#world = next
    this.#out.clear()
    await next.advance(LONG_MS)
    this.#expire()
    const ready = next.bench.queue('q').readyCount
    const found = await next.drain()
    assert.equal(ready, found.length, 'what expires does so in time')
    assert.equal(new Set(found).size, found.length, 'each message is there once')
    for (const body of found) assert.ok(this.#sent.has(body), `${body} was not settled`)
    const there = new Set(found)
    for (const { body, survives, mayBeGone } of this.#sent.values())
      assert.ok(!survives || mayBeGone || there.has(body), `${body} survives`)
    this.#sent.clear()
    this.#isOrderly = true
  }

  async end(): Promise<void> {
    const world = this.#world
    const queue = world.bench.queue('q')
    await world.advance(LONG_MS)
    this.#expire()
    const ready = queue.readyCount
    const found = await world.drain()
    assert.equal(ready, found.length)
    assert.equal(new Set(found).size, found.length, 'each message comes once')
    const there = new Set(found)
    const left = [...this.#sent.values()].filter(
      ({ body, mayBeGone }) => !this.#out.has(body) && (!mayBeGone || there.has(body)),
    )
    assert.deepEqual(found.toSorted(), left.map(({ body }) => body).toSorted())
    if (this.#isOrderly) assert.deepEqual(found, this.#expected(left))
    for (const tag of this.#out.values()) world.client.ack(tag)
    await world.settle()
    assert.deepEqual([queue.readyCount, queue.readyBytes, queue.unackedCount, queue.readyInStore], [0, 0, 0, 0])
    assert.equal(world.bench.store.stats().messages, 0)
    assert.equal(queue.parts().log.counts().messages, 0)
    await world.close()
  }

  #expected(left: readonly Sent[]): string[] {
    const { rules, settings } = this.#world.bench.queue('q')
    const levelOf = ({ priority }: Sent): number =>
      priority === null ? settings.defaultPriority : Math.min(priority, rules.levels(settings) - 1)
    return left.toSorted((a, b) => levelOf(b) - levelOf(a) || a.number - b.number).map(({ body }) => body)
  }
}

async function run(world: World, steps: readonly Step[]): Promise<void> {
  world.client.declare('q')
  await world.bench.broker.commitMetadata()
  const one = new Run(world)
  for (const step of steps) await one.do(step)
  await one.end()
}

const someSteps = fc.array(step, { maxLength: 60, size: 'max' })

async function check(budget: number): Promise<void> {
  await fc.assert(
    fc.asyncProperty(someSteps, fc.boolean(), async (steps, readsEarly) => {
      await run(await PagingWorld.start(budget, readsEarly), steps)
    }),
    { numRuns: 150, endOnFailure: true },
  )
}

async function checkJournal(budget: number): Promise<void> {
  await fc.assert(
    fc.asyncProperty(someSteps, fc.nat(), async (steps, seed) => {
      await run(await JournalWorld.start(budget, chooseBySeed(seed)), steps)
    }),
    { numRuns: 30, endOnFailure: true },
  )
}

test('messages survive every change of their queue, in memory', () => check(Infinity))
test('messages survive every change of their queue when hardly anything stays in memory', () => check(0))
test('messages survive every change of their queue with a part of them in memory', () => check(4000))
test('messages in the journal survive every change of their queue', () => checkJournal(Infinity))
test('messages in the journal survive every change of their queue when hardly anything stays in memory', () =>
  checkJournal(0))
test('messages in the journal survive every change of their queue with a part of them in memory', () =>
  checkJournal(4000))
