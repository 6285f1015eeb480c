import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { DelayLine } from '../../src/core/delays/delay-line.ts'
import { long } from '../../src/core/fields.ts'
import { composeMessage, Properties } from '../../src/core/message.ts'
import { amqpPropertyFormat } from '../../src/protocols/amqp091/wire/properties.ts'
import { MemoryMetadataStore } from '../../src/store/memory/memory-metadata-store.ts'
import { type Client, CoreBench } from '../support/core-bench.ts'
import { PagingStore } from '../support/paging-store.ts'

// Delays against a list that is sorted by due time: everything that clients and time can do to a delaying exchange, its store
// included, in memory and on disk, over restarts.

const YEAR = 365 * 86_400_000
const RUNS = 150

type Step =
  | { readonly what: 'publish'; readonly delayMs: number; readonly persistent: boolean }
  | { readonly what: 'pass'; readonly ms: number }
  | { readonly what: 'cancel' | 'hasten'; readonly pick: number; readonly ms: number }
  | { readonly what: 'io' }
  | { readonly what: 'restart' }

/** Around the window in which a message is near, and far beyond it. */
const times = fc.oneof(fc.nat(20), fc.nat(100_000), fc.nat(YEAR))

const steps = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: fc.record({ what: fc.constant('publish'), delayMs: times, persistent: fc.boolean() }) },
    { weight: 4, arbitrary: fc.record({ what: fc.constant('pass'), ms: times }) },
    {
      weight: 2,
      arbitrary: fc.record({ what: fc.constantFrom('cancel', 'hasten'), pick: fc.nat(), ms: times }),
    },
    { weight: 2, arbitrary: fc.record({ what: fc.constant('io') }) },
    { weight: 1, arbitrary: fc.record({ what: fc.constant('restart') }) },
  ) as fc.Arbitrary<Step>,
  { maxLength: 60, size: 'max' },
)

interface Waiting {
  readonly id: string
  readonly persistent: boolean
  readonly dueAt: number
  /** The later, the higher. */
  readonly order: number
}

class Run {
  bench!: CoreBench
  client!: Client
  readonly #metadata = new MemoryMetadataStore()
  readonly #budget: number
  waiting: Waiting[] = []
  #order = 0

  constructor(budget: number) {
    this.#budget = budget
  }

  async start(store: PagingStore | undefined, clock?: CoreBench['clock']): Promise<void> {
    this.bench = new CoreBench({ messageMemoryBytes: this.#budget }, this.#metadata, store, clock)
    await this.bench.start()
    this.client = this.bench.client()
    this.client.exchange('late', 'x-delayed-message', { 'x-delayed-type': 'fanout' })
    this.client.declare('q')
    this.client.session.topology.bindQueue('q', 'late', '', new Map())
    this.client.consume('q', { noAck: true })
  }

  get line(): DelayLine {
    return this.bench.vhost.findExchange('late').delays!
  }

  publish(delayMs: number, persistent: boolean): void {
    const id = `m${this.#order}`
    const properties = new Properties()
    properties.messageId = id
    properties.deliveryMode = persistent ? 2 : 1
    properties.headers = new Map([['x-delay', long(delayMs)]])
    const { publishing } = this.client.session
    const message = composeMessage('late', '', properties, Buffer.from(id), amqpPropertyFormat)
    publishing.publish(publishing.access('late'), message, false)
    this.#add({ id, persistent, dueAt: this.bench.clock.now() + delayMs })
    if (delayMs === 0) this.expectDue()
  }

  #add(message: Omit<Waiting, 'order'>): void {
    this.waiting.push({ ...message, order: this.#order++ })
    this.waiting.sort((a, b) => a.dueAt - b.dueAt || a.order - b.order)
  }

  /** What is due by now has come, in this order, and nothing else. */
  expectDue(): void {
    this.bench.advance(0)
    const now = this.bench.clock.now()
    const due = this.waiting.filter(({ dueAt }) => dueAt <= now)
    this.waiting = this.waiting.filter(({ dueAt }) => dueAt > now)
    assert.deepEqual(
      this.client.take(),
      due.map(({ id }) => id),
    )
    assert.equal(this.line.count, this.waiting.length)
  }

  async command(what: 'cancel' | 'hasten', pick: number, ms: number): Promise<void> {
    const picked = this.waiting[pick % Math.max(1, this.waiting.length)]
    if (picked === undefined) return
    const { commands } = this.line
    const { id, persistent } = picked
    const dueAt = this.bench.clock.now() + ms
    const found = what === 'cancel' ? commands.cancel(id) : commands.reschedule(id, dueAt)
    assert.equal(await this.#done(found), 1)
    this.waiting.splice(this.waiting.indexOf(picked), 1)
    if (what === 'hasten') this.#add({ id, persistent, dueAt })
    this.expectDue()
  }

  async #done<T>(command: Promise<T>): Promise<T> {
    let isOver = false
    const over = command.finally(() => (isOver = true))
    while (!isOver) {
      this.bench.settle()
      await new Promise((resolve) => setImmediate(resolve))
    }
    return over
  }

  async restart(): Promise<void> {
    if (!(this.bench.store instanceof PagingStore)) return
    this.bench.settle()
    await this.#metadata.commit()
    const { clock } = this.bench
    const store = this.bench.store.crash()
    clock.close()
    this.waiting = this.waiting.filter(({ persistent }) => persistent)
    await this.start(store, clock)
    this.expectDue()
  }

  async step(step: Step): Promise<void> {
    switch (step.what) {
      case 'publish':
        return this.publish(step.delayMs, step.persistent)
      case 'pass':
        this.bench.advance(step.ms)
        return this.expectDue()
      case 'io':
        this.bench.settle()
        return
      case 'restart':
        return this.restart()
      default:
        return this.command(step.what, step.pick, step.ms)
    }
  }

  /** Everything comes in the end, and nothing is left. */
  end(): void {
    this.bench.advance(2 * YEAR)
    this.expectDue()
    this.bench.settle()
    assert.deepEqual([this.bench.broker.memory.entries, this.bench.store.stats().messages], [0, 0])
    if (this.bench.store instanceof PagingStore) assert.equal(this.bench.store.stored, 0)
  }
}

for (const [where, makeStore, budget] of [
  ['in memory', () => undefined, -1],
  ['on disk', () => new PagingStore(), Infinity],
  ['on disk, with no memory to spare', () => new PagingStore(), 0],
] as const) {
  test(`delays are as they are meant to be, ${where}`, async () => {
    const property = fc.asyncProperty(steps, async (all) => {
      const run = new Run(budget)
      await run.start(makeStore())
      for (const step of all) await run.step(step)
      run.end()
    })
    await fc.assert(property, { numRuns: RUNS })
  })
}
