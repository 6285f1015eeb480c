import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { BrokerOptions } from '../../../src/core/broker.ts'
import { NO_TRAFFIC } from '../../../src/core/client-connection.ts'
import type { LoadVisitor } from '../../../src/store/message-store.ts'
import { type Client, CoreBench, lookAtReady } from '../../support/core-bench.ts'
import { PagingStore } from '../../support/paging-store.ts'

// Queues whose messages leave memory and come back. The store does nothing until it is told to (`io`, or `settle` for all there is).

interface Setup {
  readonly bench: CoreBench
  readonly store: PagingStore
  readonly client: Client
}

async function start(
  budget = 0,
  options: Partial<BrokerOptions> = {},
  disk: { readonly gathers?: boolean; readonly readsEarly?: boolean } = {},
): Promise<Setup> {
  const { gathers = false, readsEarly = false } = disk
  const store = new PagingStore({ gathers: () => gathers, readsEarly })
  const bench = await new CoreBench({ messageMemoryBytes: budget, ...options }, undefined, store).start()
  return { bench, store, client: bench.client() }
}

const named = (from: number, to: number): string[] => Array.from({ length: to - from + 1 }, (_, i) => `m${from + i}`)

function publish(client: Client, from: number, to: number, properties: Parameters<Client['publish']>[2] = {}): void {
  for (const body of named(from, to)) client.publish('q', body, { persistent: true, ...properties })
}

function drain(client: Client, queue = 'q'): string[] {
  const bodies: string[] = []
  for (let got = client.get(queue, true); got !== null; got = client.get(queue, true)) bodies.push(got.body)
  return bodies
}

/** Everything is gone, from memory and from the store. */
function assertNothingLeft({ bench, store }: Setup): void {
  bench.settle()
  assert.deepEqual([store.stats().messages, store.stats().contentBytes], [0, 0])
  assert.deepEqual([bench.broker.memory.entries, store.stored], [0, 0])
}

describe('a long queue', () => {
  for (const persistent of [true, false]) {
    test(`of ${persistent ? 'persistent' : 'transient'} messages keeps to the budget, and its order`, async () => {
      const setup = await start(100_000)
      const { bench, client } = setup
      client.declare('q')
      for (let i = 0; i < 100; i++) {
        publish(client, i * 50 + 1, i * 50 + 50, { persistent })
        bench.settle()
        assert.ok(bench.broker.memory.used <= 100_000, `${bench.broker.memory.used} bytes`)
      }
      const queue = bench.queue('q')
      assert.deepEqual([queue.readyCount, queue.readyBytes], [5000, named(1, 5000).join('').length])
      assert.ok(queue.readyInStore > 4000)
      client.consume('q', { prefetch: 10 })
      const seen: string[] = []
      while (seen.length < 5000) {
        bench.settle()
        assert.ok(bench.broker.memory.used <= 100_000)
        for (const { tag, body } of client.deliveries.splice(0)) {
          seen.push(body)
          client.ack(tag)
        }
      }
      assert.deepEqual(seen, named(1, 5000))
      assertNothingLeft(setup)
    })
  }

  test('stays in memory where there is room', async () => {
    const { bench, store, client } = await start(Infinity)
    client.declare('q')
    publish(client, 1, 5000)
    bench.settle()
    assert.equal(bench.queue('q').readyInStore, 0)
    assert.equal(store.stats().messages, 5000)
  })

  test('keeps its head in memory when others have more to give', async () => {
    const { bench, client } = await start(400_000)
    client.declare('q')
    client.declare('short')
    for (let i = 0; i < 20; i++) client.publish('short', 'x', { persistent: false })
    publish(client, 1, 3000, { persistent: false })
    bench.settle()
    assert.deepEqual([bench.queue('short').readyInStore, bench.queue('q').readyInStore > 2000], [0, true])
    // at once, without the store
    assert.equal(
      client.session.get(
        'short',
        true,
        () => {},
        () => {},
      ),
      true,
    )
    assert.equal(
      client.session.get(
        'q',
        true,
        () => {},
        () => {},
      ),
      true,
    )
  })

  test('with priorities serves the higher ones first, also from the store', async () => {
    const setup = await start()
    const { bench, client } = setup
    client.declare('q', { 'x-max-priority': 2 })
    publish(client, 1, 10, { priority: 0 })
    publish(client, 11, 20, { priority: 2 })
    publish(client, 21, 25, { priority: 1, persistent: false })
    bench.settle()
    assert.equal(bench.queue('q').readyInStore, 25)
    assert.deepEqual(drain(client), [...named(11, 20), ...named(21, 25), ...named(1, 10)])
    assertNothingLeft(setup)
  })

  test('mixes what is written already with what is not', async () => {
    const setup = await start()
    const { bench, client } = setup
    client.declare('q')
    for (let i = 1; i <= 300; i++) publish(client, i, i, { persistent: i % 3 === 0 })
    bench.settle()
    publish(client, 301, 400, { persistent: false })
    bench.settle()
    assert.equal(bench.queue('q').readyInStore, 400)
    assert.deepEqual(drain(client), named(1, 400))
    assertNothingLeft(setup)
  })

  test('waits for records that have to be brought together', async () => {
    const { bench, store, client } = await start(0, {}, { gathers: true })
    client.declare('q')
    publish(client, 1, 100)
    store.commit()
    bench.turn.end()
    bench.turn.end()
    assert.deepEqual([store.calls['gather'], bench.queue('q').readyInStore], [1, 0])
    bench.settle()
    assert.deepEqual([store.calls['gather'], bench.queue('q').readyInStore], [1, 100])
    assert.deepEqual(drain(client), named(1, 100))
  })

  test('takes back what a consumer had, and lets go of it, counts and all', async () => {
    const setup = await start()
    const { bench, client } = setup
    client.declare('q')
    publish(client, 1, 1000)
    const other = bench.client()
    other.consume('q')
    bench.settle()
    assert.equal(bench.queue('q').unackedCount, 1000)
    other.session.close()
    bench.settle()
    assert.equal(bench.queue('q').readyInStore, 1000)
    publish(client, 1001, 1010)
    bench.settle()
    const got = client.get('q')!
    assert.deepEqual([got.body, got.redelivered, got.deliveryCount], ['m1', true, 1])
    client.nack(got.tag, false, true)
    assert.deepEqual(drain(client), named(1, 1010))
    assertNothingLeft(setup)
  })

  test('may run empty while it is about to leave memory, and what was handed out then come back', async () => {
    const setup = await start(10_000)
    const { bench, client } = setup
    const queue = client.declare('q', { 'x-queue-mode': 'lazy', 'x-max-priority': 1 })
    publish(client, 1, 1, { persistent: false, priority: 1 })
    bench.turn.end() // it is being written
    client.consume('q', { tag: 'c', prefetch: 5 })
    bench.turn.end()
    publish(client, 2, 4, { persistent: false, priority: 1, ttlMs: 50 })
    assert.deepEqual(client.take(), named(1, 4))
    client.session.cancel('c')
    client.session.recover()
    assert.equal(queue.readyCount, 4)
    bench.clock.advance(50, () => {})
    assert.equal(queue.readyCount, 1)
    publish(client, 5, 40, { persistent: false, priority: 1 })
    bench.settle()
    assert.deepEqual(drain(client), ['m1', ...named(5, 40)])
    assertNothingLeft(setup)
  })
})

describe('while messages are read from the store', () => {
  async function loading(): Promise<Setup> {
    const setup = await start(0, {}, { readsEarly: true })
    setup.client.declare('q')
    publish(setup.client, 1, 100)
    setup.bench.settle()
    setup.client.consume('q', { tag: 'c', prefetch: 1 })
    while (setup.bench.turn.end());
    assert.equal(setup.store.calls['load'], 1)
    return setup
  }

  test('the queue may be purged, and what is read come all the same', async () => {
    const setup = await loading()
    const { bench, client } = setup
    assert.equal(bench.queue('q').purge(), 100)
    publish(client, 101, 103)
    bench.settle()
    client.ack(1)
    bench.settle()
    client.ack(2)
    bench.settle()
    assert.deepEqual(client.take(), named(101, 103))
    client.ack(3)
    assertNothingLeft(setup)
  })

  test('the queue may be deleted', async () => {
    const setup = await loading()
    assert.equal(setup.client.session.topology.deleteQueue('q', false, false), 100)
    assertNothingLeft(setup)
    assert.equal(setup.store.calls['settle'] ?? 0, 0, 'nothing is settled one by one')
  })

  test('the consumer may go, and another come', async () => {
    const setup = await loading()
    const { bench, client } = setup
    client.session.cancel('c')
    bench.settle()
    client.consume('q', { prefetch: 0 })
    bench.settle()
    assert.deepEqual(client.take(), named(1, 100))
    client.ack(0, true)
    assertNothingLeft(setup)
  })

  test('what cannot be read is counted as dropped, and does not stop the rest', async () => {
    const { bench, client, store } = await start()
    const queue = client.declare('q')
    publish(client, 1, 20)
    bench.settle()
    const log = [...store.logs].at(-1)!
    const load = log.load.bind(log)
    log.load = (range, messagesMax, bytesMax, visitor): void =>
      load(range, messagesMax, bytesMax, new Losing(visitor, [3, 4]))
    assert.deepEqual(drain(client), [...named(1, 2), ...named(5, 20)])
    assert.deepEqual([queue.counters.dropped, queue.readyCount, queue.readyBytes], [2, 0, 0])
  })

  test('a range in which nothing is found is given up', async () => {
    const { bench, client, store } = await start()
    const queue = client.declare('q')
    publish(client, 1, 20)
    bench.settle()
    const log = [...store.logs].at(-1)!
    log.load = (_range, _messagesMax, _bytesMax, visitor): void => store.later(() => visitor.onLoadEnd())
    assert.deepEqual(drain(client), [])
    assert.deepEqual([queue.counters.dropped, queue.readyCount, queue.readyBytes], [20, 0, 0])
  })
})

/** Says that some messages are lost. */
class Losing implements LoadVisitor {
  readonly #visitor: LoadVisitor
  readonly #numbers: readonly number[]

  constructor(visitor: LoadVisitor, numbers: readonly number[]) {
    this.#visitor = visitor
    this.#numbers = numbers
  }

  onLoaded(message: Parameters<LoadVisitor['onLoaded']>[0]): ReturnType<LoadVisitor['onLoaded']> {
    if (!this.#numbers.includes(message.number)) return this.#visitor.onLoaded(message)
    this.#visitor.onLost(message.number, message.level, message.bodyLength)
    return null
  }

  onLost(number: number, level: number, bodyLength: number): void {
    this.#visitor.onLost(number, level, bodyLength)
  }

  onLoadEnd(): void {
    this.#visitor.onLoadEnd()
  }
}

describe('what is in the store', () => {
  test('expires wherever it is', async () => {
    const setup = await start()
    const { bench, client } = setup
    client.declare('dead')
    client.declare('q', { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' })
    for (let i = 1; i <= 3000; i++) publish(client, i, i, i % 2 === 0 ? { ttlMs: 50 } : {})
    bench.settle()
    assert.equal(bench.queue('q').readyInStore, 3000)
    bench.advance(49)
    assert.equal(bench.queue('q').readyCount, 3000)
    bench.advance(1)
    assert.deepEqual([bench.queue('q').readyCount, bench.queue('dead').readyCount], [1500, 1500])
    assert.equal(drain(client).length, 1500)
    assert.equal(drain(client, 'dead').length, 1500)
    assertNothingLeft(setup)
  })

  test('is dropped from the head of a queue that is too long', async () => {
    const setup = await start()
    const { bench, client } = setup
    client.declare('q')
    publish(client, 1, 5000)
    bench.settle()
    bench.broker.setPolicy('user', '/', 'p', { pattern: '^q$', definition: { 'max-length': 10 } })
    bench.settle()
    assert.deepEqual([bench.queue('q').readyCount, bench.queue('q').counters.dropped], [10, 4990])
    publish(client, 5001, 5003)
    bench.settle()
    assert.deepEqual(drain(client), named(4994, 5003))
    assertNothingLeft(setup)
  })

  test('counts where a full queue rejects', async () => {
    const { bench, client } = await start()
    client.declare('q', { 'x-max-length': 100, 'x-overflow': 'reject-publish' })
    client.session.publishing.selectConfirms()
    publish(client, 1, 100)
    bench.settle()
    publish(client, 101, 101)
    bench.settle()
    assert.deepEqual(client.told.at(-1), { what: 'rejected', sequence: 101 })
  })

  test('can be looked at, and stays', async () => {
    const { bench, client } = await start(20_000)
    const queue = client.declare('q', { 'x-max-priority': 1 })
    publish(client, 1, 3000, { priority: 0 })
    publish(client, 3001, 3010, { priority: 1, persistent: false })
    bench.settle()
    const seen: string[] = []
    let done = false
    const looking = (async (): Promise<void> => {
      await lookAtReady(queue, ({ message }) => seen.push(message.body().toString()))
      done = true
    })()
    while (!done) {
      bench.settle()
      await new Promise((resolve) => setImmediate(resolve))
    }
    await looking
    assert.deepEqual(seen, [...named(3001, 3010), ...named(1, 3000)])
    assert.deepEqual(drain(client), seen)
  })

  test('is shown by where it is', async () => {
    const { bench, client } = await start(20_000)
    const queue = client.declare('q')
    publish(client, 1, 500)
    bench.settle()
    client.get('q')
    const { alpha, beta, gamma, delta, bytesInMemory, bytesPagedOut } = queue.residency()
    assert.equal(alpha + beta + gamma + delta, 500)
    assert.equal(beta, queue.readyInStore)
    assert.equal(bytesInMemory + bytesPagedOut, named(1, 500).join('').length)
  })
})

describe('a lazy queue', () => {
  test('keeps nothing in memory that nobody wants', async () => {
    const setup = await start(Infinity)
    const { bench, store, client } = setup
    const queue = client.declare('q', { 'x-queue-mode': 'lazy' })
    for (let i = 0; i < 20; i++) {
      publish(client, i * 10 + 1, i * 10 + 10, { persistent: i % 2 === 0 })
      bench.settle()
      assert.deepEqual([queue.readyInStore, store.stats().messages], [i * 10 + 10, 0])
    }
    assert.deepEqual(drain(client), named(1, 200))
    assertNothingLeft(setup)
  })

  test('reads once for many gets', async () => {
    const { bench, store, client } = await start(Infinity)
    client.declare('q', { 'x-queue-mode': 'lazy' })
    publish(client, 1, 200)
    bench.settle()
    for (let i = 0; i < 50; i++) client.get('q', true)
    assert.equal(store.calls['load'], 1)
  })

  test('does not read back at once what it has let go of, while its consumer is busy', async () => {
    const { bench, store, client } = await start(Infinity, {}, { gathers: true })
    const queue = client.declare('q', { 'x-queue-mode': 'lazy', 'x-max-priority': 1 })
    client.consume('q', { prefetch: 1 })
    const loads: number[] = []
    for (let i = 0; i < 60; i++) {
      publish(client, i * 10 + 1, i * 10 + 10, { priority: i % 2 })
      bench.settle()
      loads.push(store.calls['load'] ?? 0)
    }
    assert.equal(loads.at(-1), loads[20], 'enough is at hand: what comes goes')
    assert.ok(queue.readyInMemory >= 64 && queue.readyInMemory < 200, `${queue.readyInMemory} at hand`)
  })

  test('becomes one by a policy', async () => {
    const { bench, client } = await start(Infinity)
    const queue = client.declare('q')
    publish(client, 1, 200)
    bench.settle()
    assert.equal(queue.readyInStore, 0)
    bench.broker.setPolicy('user', '/', 'p', { pattern: '^q$', definition: { 'queue-mode': 'lazy' } })
    bench.settle()
    assert.equal(queue.readyInStore, 200)
    assert.deepEqual(drain(client), named(1, 200))
  })
})

describe('a single get', () => {
  interface Answer {
    readonly who: string
    readonly body: string | null
  }

  /** Asks, and writes down the answer when it comes. */
  function ask(client: Client, who: string, answers: Answer[]): boolean {
    return client.session.get(
      'q',
      false,
      (_tag, entry) => answers.push({ who, body: entry.message.body().toString() }),
      () => answers.push({ who, body: null }),
    )
  }

  async function waiting(): Promise<Setup & { readonly other: Client; readonly answers: Answer[] }> {
    const setup = await start()
    setup.client.declare('q')
    publish(setup.client, 1, 3)
    setup.bench.settle()
    return { ...setup, other: setup.bench.client(), answers: [] }
  }

  test('waits for what is in the store, each in its turn', async () => {
    const { bench, client, other, answers } = await waiting()
    assert.equal(ask(client, 'one', answers), false)
    assert.equal(ask(other, 'two', answers), false)
    assert.equal(ask(client, 'one', answers), false)
    assert.equal(ask(other, 'two', answers), false)
    assert.deepEqual(answers, [])
    bench.settle()
    assert.deepEqual(answers, [
      { who: 'one', body: 'm1' },
      { who: 'two', body: 'm2' },
      { who: 'one', body: 'm3' },
      { who: 'two', body: null },
    ])
  })

  test('finds nothing when the queue is purged meanwhile, or deleted', async () => {
    const { bench, client, other, answers } = await waiting()
    ask(client, 'one', answers)
    bench.queue('q').purge()
    bench.settle()
    assert.deepEqual(answers.splice(0), [{ who: 'one', body: null }])
    publish(client, 4, 4)
    bench.settle()
    ask(client, 'one', answers)
    other.session.topology.deleteQueue('q', false, false)
    bench.settle()
    assert.deepEqual(answers, [{ who: 'one', body: null }])
  })

  test('is forgotten with its session', async () => {
    const { bench, client, other, answers } = await waiting()
    ask(client, 'one', answers)
    ask(other, 'two', answers)
    client.session.close()
    bench.settle()
    assert.deepEqual(answers, [{ who: 'two', body: 'm1' }])
  })
})

describe('publishers', () => {
  interface Held extends Setup {
    readonly told: string[]
    readonly publisher: Client
  }

  async function watched(budget: number): Promise<Held> {
    const setup = await start(budget)
    const { broker } = setup.bench
    const told: string[] = []
    const sink = {
      close() {},
      drop() {},
      block: () => void told.push('blocked'),
      unblock: () => void told.push('unblocked'),
      hold: () => void told.push('held'),
      release: () => void told.push('released'),
      traffic: () => NO_TRAFFIC,
    }
    const facts = {
      name: 'p',
      protocol: 'test',
      peerAddress: '',
      peerPort: 1,
      clientProperties: new Map(),
      givenName: null,
      network: null,
      loopback: true,
    }
    const connection = broker.openConnection(broker.identityOf(broker.users.get('guest')!), '/', facts, sink)
    return { ...setup, told, publisher: setup.bench.client(connection) }
  }

  test('are held while the store is congested, when they publish', async () => {
    const { store, told, publisher, bench } = await watched(Infinity)
    publisher.declare('q')
    store.setCongested(true)
    assert.deepEqual(told, [])
    publish(publisher, 1, 3)
    assert.deepEqual(told, ['held'])
    store.setCongested(false)
    assert.deepEqual(told, ['held', 'released'])
    publish(publisher, 4, 4)
    bench.settle()
    assert.deepEqual(told, ['held', 'released'])
  })

  test('are held while messages come faster than they can leave memory', async () => {
    const { bench, store, told, publisher } = await watched(40_000)
    publisher.declare('q')
    for (let i = 0; i < 400; i++) {
      publish(publisher, i + 1, i + 1, { persistent: false })
      bench.turn.end()
    }
    assert.deepEqual(told, ['held'])
    while (bench.turn.end() || store.io());
    assert.deepEqual(told, ['held', 'released'])
  })

  test('are no longer held when they are gone', async () => {
    const { bench, store, told, publisher } = await watched(Infinity)
    publisher.declare('q')
    store.setCongested(true)
    publish(publisher, 1, 1)
    publisher.connection.close()
    store.setCongested(false)
    assert.deepEqual([told, bench.broker.heldConnections.size], [['held'], 0])
  })
})
