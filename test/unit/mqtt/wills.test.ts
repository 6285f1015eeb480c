import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { amqpPropertyFormat } from '../../../src/protocols/amqp091/wire/properties.ts'
import { Composer } from '../../../src/protocols/mqtt/compose.ts'
import { fromProperties } from '../../../src/protocols/mqtt/message-mapping.ts'
import { RetainedMessages } from '../../../src/protocols/mqtt/retained/retained-messages.ts'
import { Wills } from '../../../src/protocols/mqtt/wills.ts'
import type { WillPacket } from '../../../src/protocols/mqtt/wire/packets.ts'
import { MemoryMetadataStore } from '../../../src/store/memory/memory-metadata-store.ts'
import { type Client, CoreBench, StepClock } from '../../support/core-bench.ts'
import { PagingStore } from '../../support/paging-store.ts'
import { collect, pump } from '../../support/pump.ts'

const PLAIN = { sparkplug: false }
const EXCHANGE = 'amq.topic'

/** A broker with the durable queue `q`, which gets all wills. */
class Life {
  readonly bench: CoreBench
  readonly wills: Wills
  readonly retained: RetainedMessages
  readonly client: Client
  readonly #store: PagingStore
  readonly #metadata: MemoryMetadataStore

  private constructor(
    parts: Pick<Life, 'bench' | 'wills' | 'retained'>,
    store: PagingStore,
    data: MemoryMetadataStore,
  ) {
    this.bench = parts.bench
    this.wills = parts.wills
    this.retained = parts.retained
    this.#store = store
    this.#metadata = data
    this.client = parts.bench.client()
  }

  static async begin(
    store = new PagingStore(),
    metadata = new MemoryMetadataStore(),
    clock = new StepClock(),
  ): Promise<Life> {
    const bench = await new CoreBench({}, metadata, store, clock).start()
    const { broker } = bench
    const composer = new Composer(broker, EXCHANGE, PLAIN)
    const limits = { messagesMax: -1, bytesMax: -1 }
    const retained = await pump(bench, RetainedMessages.open(broker, limits, PLAIN))
    const parts = { broker, composer, retained, exchange: EXCHANGE, mapping: PLAIN }
    const life = new Life({ bench, retained, wills: await pump(bench, Wills.open(parts)) }, store, metadata)
    life.client.declare('q')
    life.client.session.topology.bindQueue('q', EXCHANGE, 'gone.#', new Map())
    bench.settle()
    return life
  }

  leave(clientId: string, delaySec: number, more: Partial<WillPacket> = {}, user = 'guest'): void {
    const { broker } = this.bench
    const packet = { topic: `gone/${clientId}`, qos: 1, retain: false, properties: null, ...more } as const
    const identity = { ...broker.identityOf(broker.users.get('guest')!), name: user }
    const { facts } = this.client.connection
    this.wills.left(
      { packet: { payload: Buffer.from('x'), ...packet }, vhost: '/', clientId, identity, facts },
      delaySec,
    )
  }

  /** Messages and metadata are on disk. */
  async written(): Promise<void> {
    await pump(this.bench, this.bench.broker.commitMetadata() ?? Promise.resolve())
    this.bench.settle()
  }

  /** Another life, with what was on disk. */
  async crash(lastsSec: number): Promise<Life> {
    this.bench.clock.timers.clear()
    this.bench.clock.advance(lastsSec * 1000, () => {})
    return Life.begin(this.#store.crash(), this.#metadata, this.bench.clock)
  }

  advance(seconds: number): void {
    this.bench.advance(seconds * 1000)
  }

  /** Which have been published, by their routing keys. */
  published(): string[] {
    const keys: string[] = []
    for (let got = this.client.get('q', true); got !== null; got = this.client.get('q', true)) keys.push(got.body)
    this.bench.settle()
    return keys
  }
}

const body = (text: string): Partial<WillPacket> => ({ payload: Buffer.from(text) })

describe('delayed wills through a crash', () => {
  test('come when they are due, and once', async () => {
    const first = await Life.begin()
    first.leave('soon', 10, body('soon'))
    first.leave('late', 100, { ...body('late'), qos: 0 })
    await first.written()
    const second = await first.crash(5)
    assert.deepEqual(second.published(), [])
    second.advance(5)
    assert.deepEqual(second.published(), ['soon'])
    const third = await second.crash(200)
    third.advance(0)
    assert.deepEqual(third.published(), ['late'])
    const last = await third.crash(1)
    last.advance(1000)
    assert.deepEqual(last.published(), [])
  })

  test('do not come when the session was resumed, before it or after', async () => {
    const first = await Life.begin()
    for (const clientId of ['before', 'after', 'ended']) first.leave(clientId, 10, body(clientId))
    await first.written()
    first.wills.sessionResumed('/', 'before')
    await first.written()
    const second = await first.crash(1)
    second.wills.sessionResumed('/', 'after')
    second.wills.sessionEnded('/', 'ended')
    second.advance(0)
    assert.deepEqual(second.published(), ['ended'])
    second.advance(20)
    assert.deepEqual(second.published(), [])
    const third = await second.crash(1)
    third.advance(20)
    assert.deepEqual(third.published(), [])
  })

  test('are as they were left, and are retained', async () => {
    const first = await Life.begin()
    const userProperties: [string, string][] = [['k', 'v']]
    const properties = { contentType: 'text/plain', messageExpiryInterval: 60, userProperties }
    first.leave('all', 10, { ...body('all'), qos: 2, retain: true, properties })
    await first.written()
    const second = await first.crash(10)
    second.advance(0)
    const [kept] = await pump(second.bench, collect(second.retained.matching(second.bench.vhost, 'gone/all')))
    const { message } = kept!
    const shown = fromProperties(message.properties(), 60_000, PLAIN)!
    assert.deepEqual(shown, properties)
    assert.equal(message.properties().headers!.has('x-mqtt-will'), false)
    assert.deepEqual([message.ttlMs, message.format], [60_000, amqpPropertyFormat])
    second.advance(61)
    assert.deepEqual(second.published(), [])
  })

  test('of users who may not publish any more are dropped', async () => {
    const first = await Life.begin()
    first.leave('stranger', 10, {}, 'nobody')
    await first.written()
    const second = await first.crash(10)
    second.advance(0)
    assert.deepEqual(second.published(), [])
    await second.written()
    const third = await second.crash(1)
    third.bench.broker.users.put({ ...third.bench.broker.users.get('guest')!, name: 'nobody' })
    third.bench.broker.setPermission({ user: 'nobody', vhost: '/', configure: '.*', write: '.*', read: '.*' })
    third.advance(20)
    assert.deepEqual(third.published(), [])
  })

  test('stay where the broker stops, and go with their virtual host', async () => {
    const first = await Life.begin()
    first.leave('stays', 10, body('stays'))
    await first.written()
    first.wills.close()
    first.bench.settle()
    assert.deepEqual(first.published(), [])
    const second = await first.crash(20)
    second.bench.broker.deleteVhost('/')
    second.bench.broker.putVhost('/')
    second.bench.broker.setPermission({ user: 'guest', vhost: '/', configure: '.*', write: '.*', read: '.*' })
    const client = second.bench.client()
    client.declare('q')
    client.session.topology.bindQueue('q', EXCHANGE, 'gone.#', new Map())
    second.advance(20)
    assert.equal(client.get('q'), null)
  })
})
