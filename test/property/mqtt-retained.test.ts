/** Retained messages against a plain Map, with messages that expire and brokers that crash. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { composeMessage } from '../../src/core/message.ts'
import { amqpPropertyFormat } from '../../src/protocols/amqp091/wire/properties.ts'
import { toProperties } from '../../src/protocols/mqtt/message-mapping.ts'
import { RetainedMessages } from '../../src/protocols/mqtt/retained/retained-messages.ts'
import { matches, topicToKey } from '../../src/protocols/mqtt/topics.ts'
import { MemoryMetadataStore } from '../../src/store/memory/memory-metadata-store.ts'
import { CoreBench } from '../support/core-bench.ts'
import { PagingStore } from '../support/paging-store.ts'
import { collect, pump } from '../support/pump.ts'

const PLAIN = { sparkplug: false }
const UNLIMITED = { messagesMax: -1, bytesMax: -1 }
const TOPICS = ['a', 'a/b', 'a/c', 'a.b', 'b/c', '/', '$x/y']
const FILTERS = ['#', 'a/#', '+', '+/+', 'a/b', '$x/#']

interface Value {
  readonly body: string
  /** ms since the epoch, or Infinity */
  readonly until: number
}

/** The broker, and what it should have. */
class Model {
  readonly metadata = new MemoryMetadataStore()
  store = new PagingStore()
  bench = new CoreBench({}, this.metadata, this.store)
  retained: RetainedMessages | null = null
  now = new Map<string, Value>()
  /** What a crash leaves. */
  safe = new Map<string, Value>()
  #count = 0

  async start(): Promise<void> {
    await this.bench.start()
    this.retained = await pump(this.bench, RetainedMessages.open(this.bench.broker, UNLIMITED, PLAIN))
  }

  put(topic: string, ttlMs: number | null): void {
    const body = `body ${++this.#count}`
    const message = composeMessage(
      'amq.topic',
      topicToKey(topic),
      toProperties(topic, 0, null, PLAIN),
      Buffer.from(body),
      amqpPropertyFormat,
    )
    message.ttlMs = ttlMs ?? -1
    this.retained!.put(this.bench.vhost, topic, message)
    this.now.set(topic, { body, until: ttlMs === null ? Infinity : this.bench.clock.now() + ttlMs })
  }

  clear(topic: string): void {
    this.retained!.put(this.bench.vhost, topic, null)
    this.now.delete(topic)
  }

  async settle(): Promise<void> {
    await pump(this.bench, Promise.resolve(this.bench.broker.commitMetadata()))
    this.#committed()
  }

  advance(ms: number): void {
    this.bench.advance(ms)
    this.#committed()
  }

  /** Whatever has been recorded gets to the disk. */
  #committed(): void {
    this.bench.settle()
    this.safe = new Map(this.now)
  }

  async crash(): Promise<void> {
    await this.metadata.commit()
    this.retained!.close()
    this.store = this.store.crash()
    this.bench = new CoreBench({}, this.metadata, this.store, this.bench.clock)
    this.now = new Map(this.safe)
    await this.start()
  }

  async check(filter: string): Promise<void> {
    const found = await pump(this.bench, collect(this.retained!.matching(this.bench.vhost, filter)))
    this.#committed()
    const now = this.bench.clock.now()
    const expected = [...this.now].filter(([topic, { until }]) => until > now && matches(filter, topic))
    assert.deepEqual(
      new Map(found.map(({ topic, message }) => [topic, message.body().toString()])),
      new Map(expected.map(([topic, { body }]) => [topic, body])),
    )
    for (const { topic, remainingMs } of found) {
      const { until } = this.now.get(topic)!
      assert.equal(remainingMs, until === Infinity ? -1 : until - now)
    }
  }
}

const topic = fc.constantFrom(...TOPICS)
const step: fc.Arbitrary<(model: Model) => unknown> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.tuple(topic, fc.option(fc.integer({ min: 1, max: 50 }))).map(
      ([t, ttl]) =>
        (m: Model) =>
          m.put(t, ttl),
    ),
  },
  { weight: 2, arbitrary: topic.map((t) => (m: Model) => m.clear(t)) },
  { weight: 2, arbitrary: fc.constantFrom(...FILTERS).map((filter) => (m: Model) => m.check(filter)) },
  { weight: 1, arbitrary: fc.nat(30).map((ms) => (m: Model) => m.advance(ms)) },
  { weight: 1, arbitrary: fc.constant((m: Model) => m.settle()) },
  { weight: 1, arbitrary: fc.constant((m: Model) => m.crash()) },
)

test('retained messages are those that a Map would have', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const model = new Model()
      await model.start()
      for (const act of steps) await act(model)
      await model.settle()
      await model.crash()
      await model.check('#')
      await model.check('$x/#')
      const now = model.bench.clock.now()
      assert.equal(model.retained!.count, [...model.now.values()].filter(({ until }) => until > now).length)
    }),
    { numRuns: 150 },
  )
})
