import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { longstr, type Table } from '../../../src/core/fields.ts'
import type { Entry } from '../../../src/core/queues/entry.ts'
import type { Queue } from '../../../src/core/queues/queue.ts'
import { dropHeld, hastenHeld, takeNumbers, takeReady } from '../../../src/core/queues/take.ts'
import { MemoryMetadataStore } from '../../../src/store/memory/memory-metadata-store.ts'
import { type Client, CoreBench, lookAtReady } from '../../support/core-bench.ts'
import { PagingStore } from '../../support/paging-store.ts'

const named = (from: number, to: number): string[] => Array.from({ length: to - from + 1 }, (_, i) => `m${from + i}`)
const isEven = (entry: Entry): boolean => Number(entry.message.body().toString().slice(1)) % 2 === 0
const yes = (): boolean => true

/** Lets everything happen that an operation waits for. */
async function done<T>(bench: CoreBench, operation: Promise<T>): Promise<T> {
  let isDone = false
  const watched = operation.finally(() => (isDone = true))
  while (!isDone) {
    bench.settle()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return watched
}

async function ready(bench: CoreBench, queue: Queue): Promise<{ body: string; number: number }[]> {
  const found: { body: string; number: number }[] = []
  const look = lookAtReady(queue, ({ message, entry }) => {
    found.push({ body: message.body().toString(), number: entry!.number })
  })
  await done(bench, look)
  return found
}

const bodies = async (bench: CoreBench, queue: Queue): Promise<string[]> =>
  (await ready(bench, queue)).map(({ body }) => body)

function drain(bench: CoreBench, client: Client): string[] {
  const found: string[] = []
  for (let got = client.get('q', true); got !== null; got = client.get('q', true)) found.push(got.body)
  bench.settle()
  return found
}

function publish(client: Client, all: readonly string[], headers?: Table): void {
  for (const body of all) client.publish('q', body, { persistent: true, ...(headers === undefined ? {} : { headers }) })
}

const RESTS = { 'x-retry-max-attempts': 9, 'x-retry-initial-delay': 60_000, 'x-retry-jitter': 0 }

for (const place of ['memory', 'store'] as const) {
  const open = (): MemoryMetadataStore => new MemoryMetadataStore()
  const start = async (): Promise<{ bench: CoreBench; client: Client; crash: () => Promise<CoreBench> }> => {
    const metadata = open()
    const store = place === 'store' ? new PagingStore() : undefined
    const bench = await new CoreBench({ messageMemoryBytes: 0 }, metadata, store).start()
    const crash = async (): Promise<CoreBench> => {
      await metadata.commit()
      return new CoreBench({ messageMemoryBytes: 0 }, metadata, store?.crash(), bench.clock).start()
    }
    return { bench, client: bench.client(), crash }
  }

  describe(`messages taken out of a queue, in the ${place}`, () => {
    test('are those that were chosen; the others stay in their order', async () => {
      const { bench, client, crash } = await start()
      const queue = client.declare('q')
      publish(client, named(1, 3000))
      bench.settle()
      const numbers = (await ready(bench, queue)).map(({ number }) => number)
      const asked: string[] = []
      const taken = await done(
        bench,
        takeNumbers(queue, numbers.slice(500, 2500), (entry) => {
          asked.push(entry.message.body().toString())
          return isEven(entry)
        }),
      )
      assert.equal(taken, 1000)
      assert.deepEqual(asked.sort(), named(501, 2500).sort())
      const left = named(1, 3000).filter((body, i) => i < 500 || i >= 2500 || Number(body.slice(1)) % 2 === 1)
      assert.deepEqual([queue.readyCount, (await bodies(bench, queue)).length], [2000, 2000])
      assert.deepEqual(await bodies(bench, queue), left)
      if (place === 'store') {
        const again = await crash()
        assert.deepEqual(await bodies(again, again.queue('q')), left)
      }
      assert.deepEqual(drain(bench, client), left)
      assert.deepEqual([queue.readyCount, queue.readyBytes, bench.store.stats().messages], [0, 0, 0])
    })

    test('go once, however often they are asked for, and not where a consumer has them', async () => {
      const { bench, client } = await start()
      const queue = client.declare('q')
      publish(client, named(1, 700))
      bench.settle()
      const numbers = (await ready(bench, queue)).map(({ number }) => number)
      const got = client.get('q')
      const taken = await done(bench, Promise.all([takeNumbers(queue, numbers, yes), takeNumbers(queue, numbers, yes)]))
      assert.equal(taken[0] + taken[1], 699)
      client.nack(got!.tag, false, true)
      bench.settle()
      assert.deepEqual(drain(bench, client), ['m1'])
    })

    test('are found among those that came back, and with priorities', async () => {
      const { bench, client } = await start()
      const queue = client.declare('q', { 'x-queue-type': 'quorum' })
      for (const body of named(1, 20))
        client.publish('q', body, { priority: Number(body.slice(1)) % 3, persistent: true })
      for (let i = 0; i < 6; i++) client.get('q')
      client.nack(0, true, true)
      bench.settle()
      const all = await ready(bench, queue)
      assert.equal(all.length, 20)
      assert.equal(
        await done(
          bench,
          takeNumbers(
            queue,
            all.map(({ number }) => number),
            isEven,
          ),
        ),
        10,
      )
      const left = all.filter(({ body }) => Number(body.slice(1)) % 2 === 1).map(({ body }) => body)
      assert.deepEqual(drain(bench, client), left)
      assert.deepEqual([queue.readyCount, queue.readyBytes], [0, 0])
    })

    test('are found behind a busy group, whose order stays', async () => {
      const { bench, client } = await start()
      const queue = client.declare('q', { 'x-message-groups': true, 'x-message-groups-header': 'g' })
      publish(client, named(1, 900), new Map([['g', longstr('one')]]))
      client.consume('q', { prefetch: 1, tag: 'c' })
      bench.settle()
      const all = await ready(bench, queue)
      assert.equal(all.length, 899)
      const numbers = all.map(({ number }) => number)
      assert.equal(await done(bench, takeNumbers(queue, numbers, isEven)), 450)
      assert.equal(queue.readyCount, 449)
      client.take()
      const delivered: string[] = []
      client.onDelivery = ({ body, tag }) => {
        delivered.push(body)
        client.ack(tag)
      }
      client.ack(1)
      bench.settle()
      assert.deepEqual(
        delivered,
        named(2, 900).filter((body) => Number(body.slice(1)) % 2 === 1),
      )
      assert.deepEqual([queue.readyCount, queue.readyBytes, queue.groupCount], [0, 0, 0])
      assert.equal(bench.store.stats().messages, 0)
    })

    test('go in one piece with what is done besides', async () => {
      const { bench, client, crash } = await start()
      const queue = client.declare('q')
      client.declare('other')
      publish(client, ['m1'])
      bench.settle()
      const [first] = await ready(bench, queue)
      await done(
        bench,
        takeNumbers(queue, [first!.number], ({ message }) => {
          client.publish('other', message.body().toString(), { persistent: true })
          return true
        }),
      )
      assert.deepEqual([queue.readyCount, bench.queue('other').readyCount], [0, 1])
      if (place === 'memory') return
      const again = await crash()
      assert.deepEqual([again.queue('q').readyCount, again.queue('other').readyCount], [0, 1])
    })

    test('stay where what is done besides makes them go', async () => {
      const { bench, client } = await start()
      const queue = client.declare('q', { 'x-max-length': 1 })
      publish(client, ['m1'])
      const parts = queue.parts()
      const entry = parts.ready.peek()!
      const taken = takeReady(queue, entry, () => {
        publish(client, ['m2'])
        return true
      })
      assert.equal(taken, false)
      bench.settle()
      assert.deepEqual([drain(bench, client), queue.counters.dropped], [['m2'], 1])
    })

    test('may wait for their next attempt: they are dropped, or tried sooner', async () => {
      const { bench, client, crash } = await start()
      const queue = client.declare('q', RESTS)
      publish(client, named(1, 6))
      for (let i = 0; i < 6; i++) client.get('q')
      client.nack(0, true, true)
      bench.settle()
      assert.equal(queue.heldCount, 6)
      assert.equal(await done(bench, dropHeld(queue, new Set([1, 2]))), 2)
      assert.equal(await done(bench, hastenHeld(queue, new Set([3]), 0)), 1)
      assert.equal(await done(bench, hastenHeld(queue, new Set([4]), bench.clock.now() + 10_000)), 1)
      assert.equal(await done(bench, dropHeld(queue, new Set([77]))), 0)
      assert.deepEqual([drain(bench, client), queue.heldCount], [['m3'], 3])
      if (place === 'store') {
        const again = await crash()
        again.advance(10_000)
        assert.deepEqual([await bodies(again, again.queue('q')), again.queue('q').heldCount], [['m4'], 2])
      } else {
        bench.advance(10_000)
        assert.deepEqual([drain(bench, client), queue.heldCount], [['m4'], 2])
        bench.advance(50_000)
        assert.deepEqual([drain(bench, client), queue.heldCount, queue.heldBytes], [['m5', 'm6'], 0, 0])
      }
    })
  })
}

test('what waits for a dead-letter target is offered to it again', async () => {
  const bench = await new CoreBench().start()
  const client = bench.client()
  const strict = {
    'x-dead-letter-exchange': 'dead',
    'x-dead-letter-strategy': 'at-least-once',
    'x-overflow': 'reject-publish',
  }
  const queue = client.declare('q', strict)
  publish(client, ['m1', 'm2'])
  for (let i = 0; i < 2; i++) client.get('q')
  client.nack(0, true, false)
  bench.settle()
  assert.equal(queue.heldCount, 2)
  client.exchange('dead', 'fanout')
  client.declare('graves')
  client.session.topology.bindQueue('graves', 'dead', '', new Map())
  assert.equal(await done(bench, hastenHeld(queue, new Set([1]), 0)), 1)
  assert.equal(await done(bench, dropHeld(queue, new Set([2]))), 1)
  assert.deepEqual([queue.heldCount, bench.queue('graves').readyCount], [0, 1])
  assert.deepEqual(drain(bench, client), [])
})
