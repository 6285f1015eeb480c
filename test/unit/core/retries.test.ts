import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Field, Table } from '../../../src/core/fields.ts'
import { backOffMs, type RetrySettings } from '../../../src/core/queues/retry-settings.ts'
import { type Client, CoreBench, type Delivery } from '../../support/core-bench.ts'
import { PagingStore } from '../../support/paging-store.ts'

type Args = Readonly<Record<string, string | number | boolean>>

const TO_DEAD = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' }
const RETRY = { 'x-retry-max-attempts': 4, 'x-retry-initial-delay': 1000 }
const TYPES = ['classic', 'quorum'] as const

async function start(args: Args = {}, store?: PagingStore): Promise<{ bench: CoreBench; client: Client }> {
  const bench = await new CoreBench({}, undefined, store).start()
  const client = bench.client()
  client.declare('dead')
  client.declare('q', { ...TO_DEAD, ...args })
  return { bench, client }
}

/** What an entry of a dead letter's `x-death` says, newest first. */
function deathsOf({ headers }: Delivery): Record<string, unknown>[] {
  const deaths = headers.get('x-death')!.value as Field[]
  return deaths.map((death) => Object.fromEntries([...(death.value as Table)].map(([key, { value }]) => [key, value])))
}

const counts = (bench: CoreBench): number[] => {
  const { readyCount, unackedCount, heldCount } = bench.queue('q')
  return [readyCount, unackedCount, heldCount]
}

const nack = (client: Client, queue = 'q'): void => client.nack(client.get(queue)!.tag, false, true)

describe('back-off', () => {
  const settings: RetrySettings = {
    maxAttempts: -1,
    initialDelayMs: 100,
    multiplier: 2,
    maxDelayMs: 1000,
    jitter: 0,
  }
  const never = (): number => assert.fail('nothing is random here')

  test('grows by the multiplier up to the maximum', () => {
    const rests = [1, 2, 3, 4, 5, 6, 65_535].map((failures) => backOffMs(settings, failures, never))
    assert.deepEqual(rests, [100, 200, 400, 800, 1000, 1000, 1000])
    const slow = { ...settings, multiplier: 1.5 }
    assert.deepEqual(
      [1, 2, 3].map((failures) => backOffMs(slow, failures, never)),
      [100, 150, 225],
    )
    assert.equal(backOffMs({ ...settings, multiplier: 1 }, 99, never), 100)
  })

  test('of nothing is nothing, however often', () => {
    assert.equal(backOffMs({ ...settings, initialDelayMs: 0 }, 65_535, never), 0)
  })

  test('is at most the maximum, the first one too', () => {
    assert.equal(backOffMs({ ...settings, maxDelayMs: 50 }, 1, never), 50)
    assert.equal(backOffMs({ ...settings, maxDelayMs: 0 }, 1, never), 0)
  })

  test('loses up to the random share', () => {
    const jittered = { ...settings, jitter: 0.5 }
    assert.deepEqual(
      [0, 0.5, 0.999].map((random) => backOffMs(jittered, 2, () => random)),
      [200, 150, 100],
    )
    assert.equal(
      backOffMs({ ...settings, jitter: 1 }, 1, () => 0.999),
      0,
    )
  })
})

for (const type of TYPES) {
  describe(`${type}: a message that failed`, () => {
    const args = { 'x-queue-type': type, ...RETRY }

    test('comes back after pauses that grow, and dies after its last attempt', async () => {
      const { bench, client } = await start(args)
      client.publish('q', 'm')
      for (const rest of [1000, 2000, 4000]) {
        nack(client)
        assert.deepEqual(counts(bench), [0, 0, 1])
        bench.advance(rest - 1)
        assert.equal(client.get('q'), null)
        bench.advance(1)
        assert.deepEqual(counts(bench), [1, 0, 0])
      }
      const at = bench.clock.now()
      nack(client)
      assert.deepEqual(counts(bench), [0, 0, 0])
      const dead = client.get('dead')!
      const [{ time, exchange, 'routing-keys': _, ...death } = {}, ...others] = deathsOf(dead)
      assert.deepEqual(death, {
        count: 1,
        reason: 'delivery_limit',
        queue: 'q',
        'retry-count': 4,
        'last-retry-reason': 'returned',
        'last-retry-time': Math.floor(at / 1000),
      })
      assert.deepEqual([time, exchange, others.length], [Math.floor(at / 1000), '', 0])
      assert.equal(dead.headers.get('x-first-death-reason')!.value, 'delivery_limit')
      assert.equal(bench.broker.counters.deadLettered.delivery_limit, 1)
    })

    test('tells how often, why and since when', async () => {
      const { bench, client } = await start({ ...args, 'x-retry-max-attempts': 9, 'x-consumer-timeout': 60_000 })
      client.publish('q', 'm')
      const first = client.get('q')!
      assert.deepEqual([first.retry, first.redelivered], [null, false])
      const due = (rest: number): number => Math.floor((bench.clock.now() + rest) / 1000)
      const ways: [reason: string, rest: number, back: (tag: number) => void][] = [
        ['rejected', 1000, (tag) => client.session.reject(tag, true)],
        ['returned', 2000, (tag) => client.nack(tag, false, true)],
        ['returned', 4000, () => client.session.recover()],
      ]
      let { tag } = first
      let count = 0
      for (const [reason, rest, back] of ways) {
        const time = due(rest)
        back(tag)
        bench.advance(rest + 5000)
        const got = client.get('q')!
        assert.deepEqual([got.retry, got.redelivered], [{ count: ++count, reason, time }, true])
        tag = got.tag
      }
      client.session.close()
      bench.advance(8000)
      const other = bench.client()
      const lost = other.get('q')!
      assert.deepEqual([lost.retry?.reason, lost.deliveryCount], ['lost', type === 'classic' ? 4 : 2])
      const time = due(60_000 + 16_000)
      bench.advance(76_000)
      assert.deepEqual(bench.client().get('q')!.retry, { count: 5, reason: 'timed_out', time })
    })

    test('blocks nobody, and finds its place', async () => {
      const { bench, client } = await start(args)
      for (const body of ['a', 'b', 'c', 'd']) client.publish('q', body)
      client.consume('q', { prefetch: 1 })
      bench.settle()
      client.nack(1, false, true)
      bench.settle()
      client.ack(2)
      bench.settle()
      assert.deepEqual(client.take(), ['a', 'b', 'c'])
      bench.advance(1000)
      client.ack(3)
      bench.settle()
      assert.deepEqual(client.take(), ['a'])
      client.ack(4)
      bench.settle()
      assert.deepEqual(client.take(), ['d'])
    })

    test('is dead at once when it is given back for nobody', async () => {
      const { bench, client } = await start(args)
      client.publish('q', 'm')
      nack(client)
      bench.advance(1000)
      client.nack(client.get('q')!.tag, false, false)
      const [death] = deathsOf(client.get('dead')!)
      assert.deepEqual(
        [death!['reason'], death!['retry-count'], death!['last-retry-reason']],
        ['rejected', 1, 'returned'],
      )
    })

    test('without a dead letter exchange is dropped', async () => {
      const bench = await new CoreBench().start()
      const client = bench.client()
      client.declare('q', { 'x-queue-type': type, 'x-retry-max-attempts': 1 })
      client.publish('q', 'm')
      nack(client)
      assert.deepEqual(counts(bench), [0, 0, 0])
      assert.deepEqual([bench.queue('q').counters.dropped, bench.store.stats().messages], [1, 0])
    })

    test('expires during its pause, and at that moment', async () => {
      const { bench, client } = await start({ ...args, 'x-retry-initial-delay': 60_000 })
      client.publish('q', 'm', { ttlMs: 5000 })
      nack(client)
      bench.advance(4999)
      assert.deepEqual(counts(bench), [0, 0, 1])
      bench.advance(1)
      assert.deepEqual(counts(bench), [0, 0, 0])
      assert.deepEqual(
        deathsOf(client.get('dead')!).map(({ reason, 'retry-count': count }) => [reason, count]),
        [['expired', 1]],
      )
    })

    test('counts towards length limits while it waits, and is not dropped for them', async () => {
      const { bench, client } = await start({ ...args, 'x-max-length': 2 })
      client.publish('q', 'a')
      nack(client)
      for (const body of ['b', 'c']) client.publish('q', body)
      assert.deepEqual(counts(bench), [1, 0, 1])
      assert.equal(client.get('dead')!.body, 'b')
      bench.advance(1000)
      assert.deepEqual(counts(bench), [2, 0, 0])
    })

    test('and full queues that reject count it, too', async () => {
      const { bench, client } = await start({ ...args, 'x-max-length': 1, 'x-overflow': 'reject-publish' })
      client.session.publishing.selectConfirms()
      client.publish('q', 'a')
      bench.settle()
      nack(client)
      client.publish('q', 'b')
      bench.settle()
      assert.deepEqual(client.told.at(-1), { what: 'rejected', sequence: 2 })
      bench.advance(1000)
      assert.deepEqual(counts(bench), [1, 0, 0])
    })

    test('is not purged while it waits, and goes with its queue', async () => {
      const { bench, client } = await start(args)
      for (const body of ['a', 'b']) client.publish('q', body)
      nack(client)
      assert.equal(bench.queue('q').purge(), 1)
      bench.settle()
      assert.deepEqual(counts(bench), [0, 0, 1])
      client.session.topology.deleteQueue('q', false, false)
      client.session.close()
      bench.settle()
      assert.deepEqual([bench.store.stats().messages, bench.clock.timers.size], [0, 0])
    })

    test('goes to whoever is active', async () => {
      const { bench, client } = await start({ ...args, 'x-single-active-consumer': true })
      const other = bench.client()
      for (const body of ['a', 'b']) client.publish('q', body)
      client.consume('q', { prefetch: 1 })
      other.consume('q', { prefetch: 1 })
      bench.settle()
      client.session.reject(1, true)
      bench.settle()
      assert.deepEqual([client.take(), other.take()], [['a', 'b'], []])
      client.session.close()
      bench.advance(1000)
      other.ack(0, true)
      bench.settle()
      assert.deepEqual(other.take(), ['a', 'b'])
    })

    test('keeps its priority', async () => {
      const levels: Args = type === 'classic' ? { 'x-max-priority': 9 } : {}
      const { bench, client } = await start({ ...args, ...levels })
      for (const priority of [5, 9, 1]) client.publish('q', `p${priority}`, { priority })
      const [nine, five] = [client.get('q')!, client.get('q')!]
      client.nack(five.tag, false, true)
      client.nack(nine.tag, false, true)
      bench.advance(1000)
      const bodies = Array.from({ length: 3 }, () => client.get('q', true)!.body)
      assert.deepEqual(bodies, type === 'classic' ? ['p9', 'p5', 'p1'] : ['p5', 'p9', 'p1'])
    })

    test('follows a changed policy from its next failure on', async () => {
      const { bench, client } = await start({ 'x-queue-type': type })
      const setPolicy = (definition: Record<string, number>): void =>
        bench.broker.setPolicy('user', '/', 'p', { pattern: '^q$', definition })
      client.publish('q', 'm')
      setPolicy({ 'retry-initial-delay': 1000, 'retry-multiplier': 10 })
      nack(client)
      setPolicy({ 'retry-initial-delay': 5, 'retry-multiplier': 1 })
      bench.advance(999)
      assert.deepEqual(counts(bench), [0, 0, 1])
      bench.advance(1)
      nack(client)
      bench.advance(5)
      assert.equal(bench.queue('q').readyCount, 1)
      bench.broker.deletePolicy('user', '/', 'p')
      nack(client)
      const got = client.get('q')!
      assert.deepEqual([got.retry?.count, got.retry?.reason], [3, 'returned'])
      setPolicy({ 'retry-max-attempts': 2 })
      assert.equal(bench.queue('q').unackedCount, 1)
      client.nack(got.tag, false, true)
      assert.equal(client.get('dead')!.body, 'm')
    })

    test('rests as long as luck has it', async () => {
      const { bench, client } = await start({ ...args, 'x-retry-jitter': 1 })
      bench.random = () => 0.25
      client.publish('q', 'm')
      nack(client)
      bench.advance(749)
      assert.deepEqual(counts(bench), [0, 0, 1])
      bench.advance(1)
      assert.deepEqual(counts(bench), [1, 0, 0])
    })

    test('waits for its dead letter exchange where that is to be safe', async () => {
      const atLeastOnce = { 'x-dead-letter-strategy': 'at-least-once', 'x-overflow': 'reject-publish' }
      const { bench, client } = await start({ ...args, ...atLeastOnce, 'x-retry-max-attempts': 1 })
      client.session.topology.deleteQueue('dead', false, false)
      client.publish('q', 'm')
      client.session.reject(client.get('q')!.tag, true)
      assert.deepEqual(counts(bench), [0, 0, 1])
      client.declare('dead')
      bench.advance(5000)
      const [death] = deathsOf(client.get('dead')!)
      assert.deepEqual([death!['retry-count'], death!['last-retry-reason']], [1, 'rejected'])
      assert.equal('last-retry-time' in death!, false)
    })

    test('dies again in its next round, and its death tells of the last one', async () => {
      const { bench, client } = await start({ ...args, 'x-retry-max-attempts': 2 })
      client.publish('q', 'm')
      for (const reason of ['returned', 'rejected']) {
        nack(client)
        bench.advance(1000)
        const { tag } = client.get('q')!
        if (reason === 'rejected') client.session.reject(tag, true)
        else client.nack(tag, false, true)
        const dead = client.get('dead')!
        const [death, ...others] = deathsOf(dead)
        assert.deepEqual([death!['retry-count'], death!['last-retry-reason'], others.length], [2, reason, 0])
        if (reason === 'rejected') assert.equal(death!['count'], 2)
        else {
          // back to where it was, as an operator would move it, with its history
          const queue = client.session.vhost.findQueue('q')
          const entry = client.session.deliveries.unacked.get(dead.tag)!
          queue.publish(entry.message)
          client.ack(dead.tag)
        }
      }
    })
  })
}

describe('beside the settings of RabbitMQ', () => {
  const delayed = { 'x-delayed-retry-type': 'all', 'x-delayed-retry-min': 300, 'x-delayed-retry-max': 600 }

  /** The rests of a message until it dies. */
  async function rests(args: Args, back = nack): Promise<number[]> {
    const { bench, client } = await start(args)
    client.publish('q', 'm')
    const found: number[] = []
    for (let i = 0; i < 60; i++) {
      back(client)
      if (client.get('dead', true) !== null) return found
      const before = bench.clock.now()
      while (bench.queue('q').readyCount === 0) bench.advance(1)
      found.push(bench.clock.now() - before)
    }
    return found
  }
  const reject = (client: Client): void => client.session.reject(client.get('q')!.tag, true)

  test('the back-off wins over delayed retry, also when it is none', async () => {
    for (const type of TYPES) {
      const args = { 'x-queue-type': type, ...delayed, 'x-retry-max-attempts': 4 }
      assert.deepEqual(await rests({ ...args, 'x-retry-initial-delay': 10 }), [10, 20, 40])
      assert.deepEqual(await rests({ ...args, 'x-retry-initial-delay': 0 }), [0, 0, 0])
    }
  })

  test('attempts alone leave the rests to delayed retry', async () => {
    const args = { ...delayed, 'x-retry-max-attempts': 4 }
    assert.deepEqual(await rests(args, reject), [300, 600, 600])
    assert.deepEqual(await rests({ ...args, 'x-queue-type': 'quorum' }, reject), [300, 600, 600])
    assert.deepEqual(await rests({ 'x-retry-max-attempts': 3 }), [0, 0])
  })

  test('of both limits the one that is reached first counts', async () => {
    for (const type of TYPES) {
      const args = { 'x-queue-type': type, 'x-retry-initial-delay': 1, 'x-retry-max-delay': 1 }
      const deaths = async (attempts: number, limit: number): Promise<number> =>
        (await rests({ ...args, 'x-retry-max-attempts': attempts, 'x-delivery-limit': limit }, reject)).length
      assert.equal(await deaths(3, 9), 2)
      assert.equal(await deaths(9, 3), 3)
      assert.equal(await deaths(4, 3), 3)
    }
  })

  test('a quorum queue does not count nacks for its limit, and all returns for attempts', async () => {
    const args = { 'x-queue-type': 'quorum', 'x-delivery-limit': 1 }
    assert.equal((await rests({ ...args, 'x-retry-max-attempts': 5 })).length, 4)
  })

  test('the 20 that a quorum queue has unless told otherwise hold only where nobody says how many attempts', async () => {
    const args = { 'x-queue-type': 'quorum', 'x-retry-initial-delay': 0 }
    assert.equal((await rests(args, reject)).length, 20)
    assert.equal((await rests({ ...args, 'x-retry-max-attempts': 40 }, reject)).length, 39)
  })
})

describe('after a crash', () => {
  interface Setup {
    readonly bench: CoreBench
    readonly store: PagingStore
    readonly client: Client
  }

  async function setUp(args: Args): Promise<Setup> {
    const store = new PagingStore()
    return { ...(await start(args, store)), store }
  }

  async function crash({ bench }: Setup): Promise<Setup> {
    bench.settle()
    await bench.broker.commitMetadata()
    bench.clock.timers.clear()
    const store = (bench.store as PagingStore).crash()
    const other = await new CoreBench({}, bench.metadata, store, bench.clock).start()
    other.advance(0)
    return { bench: other, store, client: other.client() }
  }

  for (const type of TYPES) {
    const args = { 'x-queue-type': type, ...RETRY }

    test(`${type}: the rest of the pause, the counts and the reason are there`, async () => {
      let setup = await setUp(args)
      setup.client.publish('q', 'm', { persistent: true })
      const due = setup.bench.clock.now() + 1000
      setup.client.session.reject(setup.client.get('q')!.tag, true)
      setup.bench.advance(600)
      setup = await crash(setup)
      setup.bench.advance(399)
      assert.deepEqual(counts(setup.bench), [0, 0, 1])
      setup.bench.advance(1)
      assert.deepEqual(counts(setup.bench), [1, 0, 0])
      // ready now, and once more over a restart
      setup = await crash(setup)
      const got = setup.client.get('q')!
      assert.deepEqual(got.retry, { count: 1, reason: 'rejected', time: Math.floor(due / 1000) })
      // a delivery that was out has not failed
      setup = await crash(setup)
      const again = setup.client.get('q')!
      assert.deepEqual([again.retry?.count, again.redelivered], [1, true])
      setup.client.nack(again.tag, false, true)
      setup.bench.advance(1999)
      assert.deepEqual(counts(setup.bench), [0, 0, 1])
      setup.bench.advance(1)
      nack(setup.client)
      setup = await crash(setup)
      setup.bench.advance(4000)
      nack(setup.client)
      const [death] = deathsOf(setup.client.get('dead')!)
      assert.deepEqual([death!['retry-count'], death!['last-retry-reason']], [4, 'returned'])
    })

    test(`${type}: what came due meanwhile is ready`, async () => {
      const setup = await setUp(args)
      setup.client.publish('q', 'm', { persistent: true })
      nack(setup.client)
      setup.bench.settle()
      setup.bench.clock.lag(5000)
      const { bench } = await crash(setup)
      assert.deepEqual(counts(bench), [1, 0, 0])
    })

    test(`${type}: a dead letter on its way still tells of its retries`, async () => {
      const atLeastOnce = { 'x-dead-letter-strategy': 'at-least-once', 'x-overflow': 'reject-publish' }
      const setup = await setUp({ ...args, ...atLeastOnce, 'x-retry-max-attempts': 2 })
      setup.client.session.topology.deleteQueue('dead', false, false)
      setup.client.publish('q', 'm', { persistent: true })
      nack(setup.client)
      setup.bench.advance(1000)
      const due = setup.bench.clock.now()
      setup.client.session.close()
      setup.bench.client().get('q')
      for (const session of setup.bench.broker.connections) session.close()
      assert.deepEqual(counts(setup.bench), [0, 0, 1])
      const { bench, client } = await crash(setup)
      client.declare('dead')
      bench.advance(5000)
      const [death] = deathsOf(client.get('dead')!)
      assert.equal(death!['reason'], 'delivery_limit')
      assert.equal(death!['last-retry-reason'], 'lost')
      assert.deepEqual([death!['retry-count'], death!['last-retry-time']], [2, Math.floor(due / 1000)])
    })
  }

  test('a dead letter that is on disk has all of its story', async () => {
    let setup = await setUp({ ...RETRY, 'x-retry-max-attempts': 1 })
    setup.client.publish('q', 'm', { persistent: true })
    nack(setup.client)
    setup = await crash(setup)
    const dead = setup.client.get('dead')!
    assert.equal(deathsOf(dead)[0]!['retry-count'], 1)
    setup.client.declare('q2', { ...TO_DEAD, 'x-dead-letter-routing-key': 'q' })
    setup.client.session.vhost.findQueue('q2').publish(setup.client.session.deliveries.unacked.get(dead.tag)!.message)
    setup = await crash(setup)
    setup.client.nack(setup.client.get('q2')!.tag, false, false)
    const [last, first] = deathsOf(setup.client.get('q')!)
    assert.deepEqual([last!['queue'], 'retry-count' in last!, first!['retry-count']], ['q2', false, 1])
  })
})

test('what has left memory comes back with its story, persistent or not', async () => {
  for (const persistent of [true, false]) {
    const bench = await new CoreBench({ messageMemoryBytes: 0 }, undefined, new PagingStore()).start()
    const client = bench.client()
    client.declare('q', RETRY)
    for (const body of ['a', 'b', 'c']) client.publish('q', body, { persistent })
    // before the store knows of them, as of transient ones it mostly does not
    for (const queue of ['q', 'q']) nack(client, queue)
    const due = bench.clock.now() + 1000
    bench.advance(1000)
    assert.ok(bench.queue('q').readyInStore > 0, 'it is on disk')
    const got = client.get('q')!
    assert.deepEqual([got.body, got.retry], ['a', { count: 1, reason: 'returned', time: Math.floor(due / 1000) }])
  }
})
