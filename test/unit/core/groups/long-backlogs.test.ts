import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { longstr } from '../../../../src/core/fields.ts'
import { type Client, CoreBench } from '../../../support/core-bench.ts'
import { PagingStore } from '../../../support/paging-store.ts'

// Groups that do not find room in memory.

interface Setup {
  readonly bench: CoreBench
  readonly store: PagingStore
  readonly client: Client
}

async function start(budget: number, args: Readonly<Record<string, string | number>> = {}): Promise<Setup> {
  const store = new PagingStore()
  const bench = await new CoreBench({ messageMemoryBytes: budget }, undefined, store).start()
  const client = bench.client()
  client.declare('q', { 'x-message-groups': true, ...args })
  return { bench, store, client }
}

const publish = (
  client: Client,
  group: string,
  body: string,
  options: { ttlMs?: number; persistent?: boolean } = {},
): void =>
  client.publish('q', body, { persistent: true, headers: new Map([['x-message-group', longstr(group)]]), ...options })

/** What has come, and is acknowledged. */
function takeAndAck(bench: CoreBench, client: Client): string[] {
  bench.settle()
  return client.deliveries.splice(0).map(({ tag, body }) => {
    client.ack(tag)
    return body
  })
}

describe('a long backlog', () => {
  for (const persistent of [true, false]) {
    test(`of a stuck group (${persistent ? 'persistent' : 'transient'}) leaves memory, and others behind it flow`, async () => {
      const { bench, store, client } = await start(100_000)
      const holder = bench.client()
      holder.consume('q', { prefetch: 1 })
      for (let i = 1; i <= 10_000; i++) {
        publish(client, 'stuck', `stuck ${i}`, { persistent })
        if (i % 100 === 0) bench.settle()
      }
      assert.deepEqual(holder.take(), ['stuck 1'])
      assert.ok(bench.broker.memory.used <= 100_000, `${bench.broker.memory.used} bytes`)
      const loads = (): number => (store.calls['load'] ?? 0) + (store.calls['loadNumbers'] ?? 0)
      const consumer = bench.client()
      consumer.consume('q', { prefetch: 2 })
      bench.settle()
      const before = loads()
      for (let i = 1; i <= 500; i++) {
        publish(client, `g${i % 50}`, `other ${i}`, { persistent })
        assert.deepEqual(takeAndAck(bench, consumer), [`other ${i}`])
        assert.ok(bench.broker.memory.used <= 100_000)
      }
      assert.equal(loads(), before, 'nothing of the backlog is looked at again')
      const queue = bench.queue('q')
      assert.deepEqual([queue.readyCount, queue.groupCount], [9999, 1])
      assert.ok(queue.readyInStore > 9000)
      holder.session.close()
      const all: string[] = []
      for (let got = takeAndAck(bench, consumer); got.length > 0; got = takeAndAck(bench, consumer)) {
        assert.equal(got.length, 1)
        all.push(...got)
        assert.ok(bench.broker.memory.used <= 100_000)
      }
      assert.deepEqual(
        all,
        Array.from({ length: 10_000 }, (_, i) => `stuck ${i + 1}`),
      )
      assert.deepEqual([queue.readyCount, queue.groupCount, store.stored, bench.broker.memory.entries], [0, 0, 0, 0])
    })
  }

  test('is looked through a part each turn', async () => {
    const { bench, client } = await start(Infinity)
    for (let i = 1; i <= 50_000; i++) publish(client, 'stuck', `${i}`)
    publish(client, 'other', 'other')
    const consumer = bench.client()
    consumer.consume('q')
    const turns = bench.settle()
    assert.ok(turns >= 25, `${turns} turns`)
    assert.deepEqual(consumer.take(), ['1', 'other'])
  })

  test('of thousands of groups at once comes back in order', async () => {
    const { bench, client } = await start(100_000)
    const consumer = bench.client()
    consumer.consume('q', { tag: 'c', prefetch: 0 })
    for (let i = 1; i <= 4; i++) for (let group = 0; group < 1500; group++) publish(client, `${group}`, `${group} ${i}`)
    bench.settle()
    assert.equal(consumer.deliveries.length, 1500)
    const all = new Map<string, string[]>()
    for (let got = takeAndAck(bench, consumer); got.length > 0; got = takeAndAck(bench, consumer)) {
      for (const body of got) {
        const [group, place] = body.split(' ')
        all.set(group!, [...(all.get(group!) ?? []), place!])
      }
    }
    assert.equal(all.size, 1500)
    for (const places of all.values()) assert.deepEqual(places, ['1', '2', '3', '4'])
    assert.deepEqual([bench.queue('q').groupCount, bench.broker.memory.entries], [0, 0])
  })

  test('that expires does so in time, in the store, too', async () => {
    const { bench, store, client } = await start(0, {
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': 'dead',
    })
    client.declare('dead')
    const consumer = bench.client()
    consumer.consume('q', { prefetch: 1 })
    publish(client, 'a', 'first')
    for (let i = 1; i <= 3000; i++) publish(client, 'a', `${i}`, i % 3 === 0 ? {} : { ttlMs: i })
    bench.settle()
    assert.ok(bench.queue('q').readyInStore > 2900)
    bench.advance(1500)
    assert.deepEqual([bench.queue('q').readyCount, bench.queue('dead').readyCount], [2000, 1000])
    bench.advance(1500)
    assert.deepEqual([bench.queue('q').readyCount, bench.queue('dead').readyCount], [1000, 2000])
    assert.deepEqual(takeAndAck(bench, consumer), ['first'])
    const rest: string[] = []
    for (let got = takeAndAck(bench, consumer); got.length > 0; got = takeAndAck(bench, consumer)) rest.push(...got)
    assert.deepEqual(
      rest,
      Array.from({ length: 1000 }, (_, i) => `${3 * i + 3}`),
    )
    client.session.topology.purgeQueue('dead')
    bench.settle()
    assert.equal(store.stored, 0)
  })

  test('that is too long loses its oldest messages, in the store, too', async () => {
    const { bench, client } = await start(0, { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' })
    client.declare('dead')
    const consumer = bench.client()
    consumer.consume('q', { prefetch: 1 })
    for (let i = 0; i <= 1000; i++) publish(client, i % 2 === 0 ? 'a' : 'b', `${i}`)
    bench.settle()
    bench.broker.setPolicy('user', '/', 'p', {
      pattern: '^q$',
      definition: { 'max-length': 100 },
      'apply-to': 'queues',
    })
    bench.settle()
    assert.deepEqual([bench.queue('q').readyCount, bench.queue('dead').readyCount], [100, 900])
    const dead: number[] = []
    for (let got = client.get('dead', true); got !== null; got = client.get('dead', true)) dead.push(Number(got.body))
    assert.deepEqual(
      dead.sort((a, b) => a - b),
      Array.from({ length: 900 }, (_, i) => i + 1),
    )
    for (let i = 1001; i <= 1050; i++) {
      publish(client, 'a', `${i}`)
      bench.settle()
      assert.equal(bench.queue('q').readyCount, 100)
    }
    assert.equal(client.get('dead', true)?.body, '901')
  })

  test('of a stuck group is passed in few reads, however little memory there is', async () => {
    const { bench, store, client } = await start(0)
    for (let i = 1; i <= 5000; i++) publish(client, 'stuck', `${i}`)
    publish(client, 'other', 'other')
    bench.settle()
    const consumer = bench.client()
    consumer.consume('q', { prefetch: 2 })
    bench.settle()
    assert.deepEqual(consumer.take(), ['1', 'other'])
    assert.ok(store.calls['load']! < 40, `${store.calls['load']!} loads`)
  })

  test('is purged a part each turn', async () => {
    const { bench, store, client } = await start(0)
    const consumer = bench.client()
    consumer.consume('q', { prefetch: 1 })
    for (let i = 1; i <= 25_000; i++) {
      publish(client, 'a', `${i}`)
      if (i % 1000 === 0) bench.settle()
    }
    assert.equal(bench.queue('q').purge(), 24_999)
    assert.equal(bench.queue('q').readyCount, 0)
    assert.ok(bench.settle() >= 3)
    assert.equal(store.stored, 1)
    publish(client, 'a', 'next')
    assert.deepEqual(takeAndAck(bench, consumer), ['1'])
    assert.deepEqual(takeAndAck(bench, consumer), ['next'])
  })
})

describe('a message that rests in the store only', () => {
  const MINUTE = 60_000

  /** `a1` to `c1` have failed, and rest; `a2` to `c2` wait for them. */
  async function atRest(): Promise<Setup & { readonly consumer: Client }> {
    const setup = await start(0, { 'x-retry-initial-delay': MINUTE })
    const { bench, client } = setup
    const consumer = bench.client()
    consumer.consume('q')
    for (const place of [1, 2]) for (const group of ['a', 'b', 'c']) publish(client, group, `${group}${place}`)
    bench.settle()
    assert.deepEqual(consumer.take(), ['a1', 'b1', 'c1'])
    consumer.nack(0, true, true)
    publish(client, 'd', 'd1')
    assert.deepEqual(takeAndAck(bench, consumer), ['d1'])
    assert.deepEqual([bench.queue('q').heldInStore.count, bench.queue('q').readyCount], [3, 3])
    return { ...setup, consumer }
  }

  test('holds its group up until it has been processed', async () => {
    const { bench, consumer } = await atRest()
    assert.equal(bench.queue('q').groupCount, 3)
    bench.advance(MINUTE)
    assert.deepEqual(takeAndAck(bench, consumer).sort(), ['a1', 'b1', 'c1'])
    assert.deepEqual(takeAndAck(bench, consumer).sort(), ['a2', 'b2', 'c2'])
    bench.settle()
    assert.equal(bench.queue('q').groupCount, 0)
  })

  test('does so over a restart, and a purge', async () => {
    const { bench, store } = await atRest()
    await bench.broker.commitMetadata()
    bench.settle()
    bench.clock.timers.clear()
    const next = await new CoreBench({ messageMemoryBytes: 0 }, bench.metadata, store.crash(), bench.clock).start()
    const consumer = next.client()
    consumer.consume('q')
    assert.deepEqual(takeAndAck(next, consumer), [])
    assert.deepEqual([next.queue('q').heldInStore.count, next.queue('q').groupCount], [3, 3])
    assert.equal(next.queue('q').purge(), 3)
    publish(consumer, 'a', 'a3')
    assert.deepEqual(takeAndAck(next, consumer), [])
    next.advance(MINUTE)
    assert.deepEqual(takeAndAck(next, consumer).sort(), ['a1', 'b1', 'c1'])
    assert.deepEqual(takeAndAck(next, consumer), ['a3'])
  })

  test('holds up nobody when groups are not kept any more', async () => {
    const { bench, client } = await start(0)
    client.session.topology.deleteQueue('q', false, false)
    client.declare('q', { 'x-retry-initial-delay': MINUTE })
    const switchGroups = (on: boolean): void =>
      bench.broker.setPolicy('user', '/', 'p', { pattern: '^q$', definition: { 'message-groups': on } })
    switchGroups(true)
    const consumer = bench.client()
    consumer.consume('q')
    publish(client, 'a', 'a1')
    publish(client, 'a', 'a2')
    bench.settle()
    consumer.nack(0, true, true)
    publish(client, 'b', 'b1')
    bench.settle()
    assert.equal(bench.queue('q').heldInStore.count, 1)
    switchGroups(false)
    bench.settle()
    assert.deepEqual(consumer.take(), ['a1', 'b1', 'a2'])
    bench.advance(MINUTE)
    assert.deepEqual(consumer.take(), ['a1'])
  })

  test('does not hold its group up for ever when it cannot be read', async () => {
    const { bench, store, consumer } = await atRest()
    loseFrom(store, 'a1')
    bench.advance(MINUTE)
    assert.deepEqual(takeAndAck(bench, consumer).sort(), ['a2', 'b1', 'c1'])
    assert.deepEqual(takeAndAck(bench, consumer).sort(), ['b2', 'c2'])
    bench.settle()
    assert.deepEqual([bench.queue('q').groupCount, bench.queue('q').counters.dropped], [0, 1])
  })
})

describe('a message that cannot be read', () => {
  test('does not hold up those behind it', async () => {
    const { bench, store, client } = await start(0)
    const consumer = bench.client()
    consumer.consume('q', { prefetch: 1 })
    for (let i = 1; i <= 200; i++) publish(client, 'a', `a${i}`)
    bench.settle()
    assert.ok(bench.queue('q').readyInStore > 190)
    for (const lost of ['a2', 'a50', 'a51', 'a200']) loseFrom(store, lost)
    const all: string[] = []
    for (let got = takeAndAck(bench, consumer); got.length > 0; got = takeAndAck(bench, consumer)) all.push(...got)
    const numbers = Array.from({ length: 200 }, (_, i) => i + 1).filter((i) => ![2, 50, 51, 200].includes(i))
    assert.deepEqual(
      all,
      numbers.map((i) => `a${i}`),
    )
    const { readyCount, readyBytes, groupCount, counters } = bench.queue('q')
    assert.deepEqual([readyCount, readyBytes, groupCount, counters.dropped], [0, 0, 0, 4])
  })
})

/** The message with this body is not found any more. */
function loseFrom(store: PagingStore, body: string): void {
  for (const log of store.logs) {
    const load = log.loadNumbers.bind(log)
    log.loadNumbers = (numbers, bytesMax, visitor) =>
      load(numbers, bytesMax, {
        onLoaded: (message) => {
          const { buffer, bodyOffset, bodyLength, number, level } = message
          if (buffer.toString('utf8', bodyOffset, bodyOffset + bodyLength) !== body) return visitor.onLoaded(message)
          visitor.onLost(number, level, bodyLength)
          return null
        },
        onLost: (number, level, bytes) => visitor.onLost(number, level, bytes),
        onLoadEnd: () => visitor.onLoadEnd(),
      })
  }
}
