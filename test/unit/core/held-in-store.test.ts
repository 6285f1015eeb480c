import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Client, CoreBench } from '../../support/core-bench.ts'
import { PagingStore } from '../../support/paging-store.ts'

// What waits for a retry leaves memory where that is short, and comes back when its time has come.

const MINUTE = 60_000
const MESSAGES = 300

interface Setup {
  readonly bench: CoreBench
  readonly store: PagingStore
  readonly client: Client
}

async function start(
  args: Readonly<Record<string, string | number>> = {},
  options: {
    messageMemoryBytes?: number
    persistent?: boolean
    ttlMs?: number
    losesFirst?: boolean
    messages?: number
  } = {},
): Promise<Setup> {
  const { messageMemoryBytes = 0, persistent = true, ttlMs, messages = MESSAGES } = options
  const store = new PagingStore()
  if (options.losesFirst === true) loseFirst(store)
  const bench = await new CoreBench({ messageMemoryBytes }, undefined, store).start()
  const client = bench.client()
  client.declare('dead')
  client.declare('q', {
    'x-retry-initial-delay': MINUTE,
    'x-dead-letter-exchange': '',
    'x-dead-letter-routing-key': 'dead',
    ...args,
  })
  for (let i = 0; i < messages; i++) {
    client.publish('q', `m${i}`, { persistent, ...(ttlMs === undefined ? {} : { ttlMs }) })
  }
  bench.settle()
  return { bench, store, client }
}

/** The first message of each load is not found. */
function loseFirst(store: PagingStore): void {
  const open = store.queue.bind(store)
  store.queue = (id) => {
    const log = open(id)
    const load = log.loadNumbers.bind(log)
    log.loadNumbers = (numbers, bytesMax, visitor) => load(numbers.slice(1), bytesMax, visitor)
    return log
  }
}

/** Each message is delivered, and comes back. */
function failAll({ bench, client }: Setup, messages = MESSAGES): void {
  client.consume('q', { tag: 'c' })
  bench.settle()
  const { deliveries } = client
  assert.equal(deliveries.length, messages)
  client.nack(deliveries.at(-1)!.tag, true, true)
  client.session.cancel('c')
  client.take()
  bench.settle()
}

const bodies = (from = 0, to = MESSAGES): string[] => Array.from({ length: to - from }, (_, i) => `m${from + i}`)

function drain(client: Client, queue = 'q'): string[] {
  const found: string[] = []
  for (let got = client.get(queue, true); got !== null; got = client.get(queue, true)) found.push(got.body)
  return found
}

/** What is in memory after something new has come, so that somebody looks. */
function entriesInMemory({ bench }: Setup): number {
  bench.broker.memory.look()
  bench.settle()
  return bench.broker.memory.entries
}

async function crash({ bench }: Setup): Promise<Setup> {
  bench.settle()
  await bench.broker.commitMetadata()
  bench.clock.timers.clear()
  const store = (bench.store as PagingStore).crash()
  const { messageMemoryBytes } = bench.broker.options
  const other = await new CoreBench({ messageMemoryBytes }, bench.metadata, store, bench.clock).start()
  other.advance(0)
  return { bench: other, store, client: other.client() }
}

for (const type of ['classic', 'quorum']) {
  describe(`${type}: with little memory`, () => {
    const args = { 'x-queue-type': type }

    test('what rests costs none, and comes back in its order and with its story', async () => {
      const setup = await start(args)
      failAll(setup)
      const { bench, client } = setup
      assert.equal(entriesInMemory(setup), 0)
      const queue = bench.queue('q')
      assert.deepEqual([queue.readyCount, queue.heldCount, queue.heldInStore.count], [0, MESSAGES, MESSAGES])
      const bytes = bodies().join('').length
      assert.deepEqual([queue.heldBytes, queue.heldInStore.bytes], [bytes, bytes])
      const { alpha, beta, bytesInMemory, bytesPagedOut } = queue.residency()
      assert.deepEqual([alpha, beta, bytesInMemory, bytesPagedOut], [0, MESSAGES, 0, bytes])
      bench.advance(MINUTE - 1)
      assert.equal(queue.heldCount, MESSAGES)
      bench.advance(1)
      assert.deepEqual([queue.heldCount, queue.heldBytes, queue.readyCount], [0, 0, MESSAGES])
      const first = client.get('q')!
      assert.deepEqual([first.body, first.retry?.count, first.retry?.reason], ['m0', 1, 'returned'])
      client.ack(first.tag)
      assert.deepEqual(drain(client), bodies(1))
      bench.settle()
      assert.deepEqual([bench.broker.memory.entries, bench.store.stats().messages], [0, 0])
      assert.deepEqual(bench.failures, [])
    })

    test('rests on in the store after a crash', async () => {
      let setup = await start(args)
      failAll(setup)
      setup.bench.advance(MINUTE / 2)
      setup = await crash(setup)
      const { bench, client } = setup
      assert.deepEqual([bench.queue('q').heldCount, bench.queue('q').heldInStore.count], [MESSAGES, MESSAGES])
      assert.equal(bench.broker.memory.entries, 0)
      client.publish('q', 'fresh', { persistent: true })
      bench.advance(MINUTE / 2)
      assert.deepEqual(drain(client), [...bodies(), 'fresh'])
    })

    test('goes with its queue, also while it is being read', async () => {
      for (const reading of [false, true]) {
        const setup = await start(args)
        failAll(setup)
        const { bench, client } = setup
        assert.equal(entriesInMemory(setup), 0)
        if (reading) bench.clock.advance(MINUTE, () => {})
        client.session.topology.deleteQueue('q', false, false)
        bench.settle()
        assert.deepEqual([bench.broker.memory.entries, bench.store.stats().messages], [0, 0])
        assert.deepEqual(bench.failures, [])
      }
    })

    test('is dead when its time to live ends meanwhile', async () => {
      const setup = await start(args, { ttlMs: MINUTE / 2 })
      failAll(setup)
      const { bench, client } = setup
      assert.equal(entriesInMemory(setup), 0)
      bench.advance(MINUTE / 2 - 1)
      assert.equal(bench.queue('q').heldCount, MESSAGES)
      bench.advance(1)
      assert.equal(bench.queue('q').heldCount, 0)
      assert.deepEqual(drain(client, 'dead').sort(), bodies().sort())
    })
  })
}

test('what is due all at once comes as it is consumed', async () => {
  const setup = await start({}, { messages: 5000 })
  failAll(setup, 5000)
  const { bench, client } = setup
  assert.equal(entriesInMemory(setup), 0)
  bench.advance(MINUTE)
  const queue = bench.queue('q')
  assert.ok(queue.readyInMemory >= 2048 && queue.readyInMemory < 2048 + 256, `${queue.readyInMemory} in memory`)
  assert.equal(queue.heldCount, 5000 - queue.readyCount)
  const found: string[] = []
  for (let i = 0; i < 10; i++) {
    found.push(...drain(client))
    bench.advance(100)
  }
  assert.deepEqual(found, bodies(0, 5000))
})

test('delayed retry does the same', async () => {
  const setup = await start({
    'x-delayed-retry-type': 'all',
    'x-delayed-retry-min': 5000,
    'x-retry-initial-delay': 5000,
  })
  failAll(setup)
  assert.equal(entriesInMemory(setup), 0)
  setup.bench.advance(5000)
  assert.deepEqual(drain(setup.client), bodies())
})

test('what is due within a second stays', async () => {
  const setup = await start({ 'x-retry-initial-delay': 900 })
  failAll(setup)
  assert.equal(entriesInMemory(setup), MESSAGES)
})

test('what is on no disk stays until it is', async () => {
  const setup = await start({}, { messageMemoryBytes: Infinity, persistent: false })
  failAll(setup)
  const { bench, client } = setup
  assert.equal(bench.queue('q').heldInStore.count, 0)
  bench.advance(MINUTE)
  assert.deepEqual(drain(client), bodies())
})

test('with memory to spare nothing leaves', async () => {
  const setup = await start({}, { messageMemoryBytes: 64 * 1024 * 1024 })
  failAll(setup)
  assert.equal(entriesInMemory(setup), MESSAGES)
})

test('a message that cannot be read is missed, and holds nothing up', async () => {
  const setup = await start({}, { losesFirst: true })
  failAll(setup)
  const { bench, client } = setup
  assert.equal(entriesInMemory(setup), 0)
  bench.advance(MINUTE)
  const queue = bench.queue('q')
  assert.deepEqual([queue.heldCount, queue.heldBytes, queue.counters.dropped], [0, 0, 2])
  assert.equal(drain(client).length, MESSAGES - 2)
})
