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
  | { readonly kind: 'publish'; readonly priority: number | null; readonly persistent: boolean; readonly count: number }
  | { readonly kind: 'get' }
  | { readonly kind: 'settle'; readonly pick: number; readonly acks: boolean }
  | { readonly kind: 'change'; readonly to: number }
  | { readonly kind: 'changeAndCrash'; readonly to: number; readonly after: number }
  | { readonly kind: 'crash' }
  | { readonly kind: 'turn' }

const TO: readonly Wanted[] = [
  { type: 'classic', arguments: { 'x-max-priority': null } },
  { type: 'classic', arguments: { 'x-max-priority': 3 } },
  { type: 'classic', arguments: { 'x-max-priority': 9 } },
  { type: 'quorum', arguments: { 'x-max-priority': null, 'x-delivery-limit': -1 } },
  { type: 'quorum', arguments: { 'x-max-priority': null, 'x-delivery-limit': -1, 'x-single-active-consumer': true } },
]

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
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: kind('get') }) },
  { weight: 4, arbitrary: fc.record({ kind: kind('settle'), pick: fc.nat(9), acks: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ kind: kind('change'), to }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('changeAndCrash'), to, after: fc.nat(8) }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('crash') }) },
  { weight: 3, arbitrary: fc.record({ kind: kind('turn') }) },
)

interface Sent {
  readonly body: string
  readonly number: number
  readonly priority: number | null
  /** Whether it has to be there after a crash. */
  survives: boolean
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
        for (let i = 0; i < one.count; i++) this.#publish(one.priority, one.persistent)
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
          client.nack(tag!, false, true)
          this.#isOrderly = false
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
    }
  }

  #publish(priority: number | null, persistent: boolean): void {
    const number = ++this.#count
    const body = `m${number}`
    const survives = persistent || this.#setup.bench.queue('q').type === 'quorum'
    this.#sent.set(body, { body, number, priority, survives })
    this.#setup.client.publish('q', body, { persistent, ...(priority === null ? {} : { priority }) })
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
    const found = drain(this.#setup)
    assert.equal(new Set(found).size, found.length, 'each message is there once')
    for (const body of found) assert.ok(this.#sent.has(body), `${body} was not settled`)
    const there = new Set(found)
    for (const { body, survives } of this.#sent.values()) assert.ok(!survives || there.has(body), `${body} survives`)
    this.#sent.clear()
    this.#isOrderly = true
  }

  end(): void {
    const queue = this.#setup.bench.queue('q')
    // what came back while its place was being read is put there a little later
    this.#setup.bench.advance(100)
    const left = [...this.#sent.values()].filter(({ body }) => !this.#out.has(body))
    assert.equal(queue.readyCount, left.length)
    const found = drain(this.#setup)
    assert.equal(new Set(found).size, found.length, 'each message comes once')
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
