import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Client, CoreBench } from '../../support/core-bench.ts'

async function start(): Promise<{ bench: CoreBench; client: Client }> {
  const bench = await new CoreBench().start()
  return { bench, client: bench.client() }
}

const fetchAll = (client: Client, queue: string): string[] => {
  const bodies: string[] = []
  for (let got = client.get(queue, true); got !== null; got = client.get(queue, true)) bodies.push(got.body)
  return bodies
}

describe('what comes back', () => {
  test('takes its old place in a classic queue, within its priority', async () => {
    const { client } = await start()
    client.declare('q', { 'x-max-priority': 5 })
    for (const [body, priority] of [
      ['low 1', 1],
      ['high 1', 5],
      ['high 2', 5],
      ['low 2', 1],
    ] as const) {
      client.publish('q', body, { priority })
    }
    const tags = Array.from({ length: 3 }, () => client.get('q')!.tag)
    client.publish('q', 'high 3', { priority: 5 })
    for (const tag of tags.reverse()) client.nack(tag, false, true)
    assert.deepEqual(fetchAll(client, 'q'), ['high 1', 'high 2', 'high 3', 'low 1', 'low 2'])
  })

  test('goes before all else in a quorum queue, in the order of its return', async () => {
    const { client } = await start()
    client.declare('q', { 'x-queue-type': 'quorum' })
    for (const body of ['a', 'b', 'c']) client.publish('q', body)
    const [a, b] = [client.get('q')!, client.get('q')!]
    client.publish('q', 'urgent', { priority: 31 })
    client.nack(b.tag, false, true)
    client.nack(a.tag, false, true)
    assert.deepEqual(fetchAll(client, 'q'), ['b', 'a', 'urgent', 'c'])
  })

  test('comes in the order of delivery when a session ends, gets included', async () => {
    const { bench, client } = await start()
    client.declare('q')
    for (const body of ['a', 'b', 'c', 'd']) client.publish('q', body)
    client.consume('q', { prefetch: 2 })
    bench.settle()
    client.get('q')
    client.session.close()
    const other = bench.client()
    const bodies = Array.from({ length: 4 }, () => other.get('q')!).map(({ body, redelivered }) => [body, redelivered])
    assert.deepEqual(bodies, [
      ['a', true],
      ['b', true],
      ['c', true],
      ['d', false],
    ])
  })

  test('by a rolled back acknowledgement is still the client\u2019s to settle', async () => {
    const { bench, client } = await start()
    client.declare('q')
    client.session.selectTransactions()
    client.publish('q', 'm')
    client.session.commit()
    const { tag } = client.get('q')!
    client.ack(tag)
    assert.throws(() => client.ack(tag), /unknown delivery tag 1/)
    client.session.rollback()
    assert.equal(bench.queue('q').unackedCount, 1)
    client.ack(tag)
    client.session.close()
    assert.deepEqual([bench.queue('q').unackedCount, bench.queue('q').readyCount], [0, 1])
  })

  test('is fetched again by recover, on the same session', async () => {
    const { bench, client } = await start()
    client.declare('q')
    client.publish('q', 'm')
    client.consume('q', { tag: 'c' })
    bench.settle()
    client.session.recover()
    bench.settle()
    assert.deepEqual(
      client.deliveries.map(({ tag, redelivered }) => [tag, redelivered]),
      [
        [1, false],
        [2, true],
      ],
    )
  })
})

describe('the delivery limit', () => {
  const counts = async (type: string, back: (client: Client, tag: number) => void): Promise<number[]> => {
    const { client } = await start()
    client.declare('q', { 'x-queue-type': type, 'x-delivery-limit': 2 })
    client.publish('q', 'm')
    const seen: number[] = []
    for (let got = client.get('q'); got !== null && seen.length < 6; got = client.get('q')) {
      seen.push(got.deliveryCount)
      back(client, got.tag)
    }
    return seen
  }

  test('of a quorum queue counts failures, not what is merely given back', async () => {
    assert.deepEqual(await counts('quorum', (client, tag) => client.session.reject(tag, true)), [0, 1, 2])
    assert.deepEqual(await counts('quorum', (client, tag) => client.nack(tag, false, true)), [0, 0, 0, 0, 0, 0])
  })

  test('of a classic queue counts every return', async () => {
    assert.deepEqual(await counts('classic', (client, tag) => client.nack(tag, false, true)), [0, 1, 2])
  })

  test('counts the loss of a session', async () => {
    const { bench, client } = await start()
    client.declare('q', { 'x-queue-type': 'quorum', 'x-delivery-limit': 1 })
    client.publish('q', 'm')
    for (let i = 0; i < 2; i++) {
      const other = bench.client()
      other.get('q')
      other.session.close()
    }
    assert.equal(bench.store.stats().messages, 0)
  })

  test('is 20 for quorum queues, and none for classic ones', async () => {
    for (const [type, most] of [
      ['quorum', 21],
      ['classic', 50],
    ] as const) {
      const { client } = await start()
      client.declare('q', { 'x-queue-type': type })
      client.publish('q', 'm')
      let deliveries = 0
      for (let got = client.get('q'); got !== null && deliveries < 50; got = client.get('q')) {
        deliveries++
        client.session.reject(got.tag, true)
      }
      assert.equal(deliveries, most, type)
    }
  })
})

describe('delayed retry', () => {
  const args = {
    'x-queue-type': 'quorum',
    'x-delayed-retry-type': 'failed',
    'x-delayed-retry-min': 100,
    'x-delayed-retry-max': 250,
  }

  test('rests longer with each failure, up to the most', async () => {
    const { bench, client } = await start()
    const queue = client.declare('q', args)
    client.publish('q', 'm')
    for (const rest of [100, 200, 250, 250]) {
      client.session.reject(client.get('q')!.tag, true)
      assert.deepEqual([queue.heldCount, queue.readyCount], [1, 0])
      bench.advance(rest - 1)
      assert.equal(client.get('q'), null)
      bench.advance(1)
      assert.deepEqual([queue.heldCount, queue.readyCount], [0, 1])
    }
  })

  test('does not concern what is given back where only failures rest', async () => {
    const { bench, client } = await start()
    client.declare('q', args)
    client.publish('q', 'm')
    client.nack(client.get('q')!.tag, false, true)
    assert.equal(bench.queue('q').readyCount, 1)
  })

  test('wakes a consumer when the time has come', async () => {
    const { bench, client } = await start()
    client.declare('q', args)
    client.consume('q')
    client.publish('q', 'm')
    client.session.reject(1, true)
    bench.advance(99)
    assert.equal(client.deliveries.length, 1)
    bench.advance(1)
    assert.equal(client.deliveries.length, 2)
  })

  test('ends in expiry for a message whose time is over by then', async () => {
    const { bench, client } = await start()
    client.declare('dead')
    client.declare('q', { ...args, 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' })
    client.publish('q', 'm', { ttlMs: 50 })
    client.session.reject(client.get('q')!.tag, true)
    bench.advance(100)
    assert.deepEqual([bench.queue('q').readyCount, bench.queue('q').heldCount], [0, 0])
    assert.equal(client.get('dead')!.headers.get('x-first-death-reason')!.value, 'expired')
  })
})

describe('the time to acknowledge', () => {
  const LIMIT = 60_000

  test('ends the consumer, and its late deliveries go back; others keep theirs', async () => {
    const { bench, client } = await start()
    client.declare('q', { 'x-queue-type': 'quorum', 'x-consumer-timeout': LIMIT })
    client.consume('q', { tag: 'slow' })
    client.publish('q', 'a')
    bench.advance(LIMIT - 1)
    client.publish('q', 'b')
    client.publish('q', 'c')
    client.ack(3)
    bench.advance(1)
    assert.deepEqual(client.told.at(-1), { what: 'cancelled', consumer: 'slow' })
    assert.deepEqual([bench.queue('q').readyCount, bench.queue('q').unackedCount], [1, 1])
    assert.equal(bench.queue('q').consumerCount, 0)
    client.ack(2)
    assert.throws(() => client.ack(1), /unknown delivery tag 1/)
  })

  test('ends the session of a client that cannot be told otherwise', async () => {
    const { bench, client } = await start()
    client.hearsCancels = false
    client.declare('q', { 'x-queue-type': 'quorum', 'x-consumer-timeout': LIMIT })
    client.consume('q')
    client.publish('q', 'a')
    client.publish('q', 'b')
    bench.advance(LIMIT)
    assert.deepEqual(client.told.at(-1), { what: 'timedOut', timeoutMs: LIMIT })
    assert.deepEqual([bench.queue('q').readyCount, bench.queue('q').unackedCount], [2, 0])
    assert.equal(bench.clock.timers.size, 0)
  })

  test('is the consumer\u2019s own, else the queue\u2019s, else the node\u2019s for quorum queues alone', async () => {
    const { bench, client } = await start()
    const quorum = client.declare('quorum', { 'x-queue-type': 'quorum' })
    const limited = client.declare('limited', { 'x-queue-type': 'quorum', 'x-consumer-timeout': LIMIT })
    const classic = client.declare('classic')
    client.consume('limited', { tag: 'own', timeoutMs: 5000 })
    client.consume('limited', { tag: 'usual' })
    const { consumers } = client.session
    assert.equal(limited.ackTimeoutOf(consumers.get('own')!), 5000)
    assert.equal(limited.ackTimeoutOf(consumers.get('usual')!), LIMIT)
    assert.equal(quorum.ackTimeoutOf(null), bench.broker.options.consumerTimeoutMs)
    assert.equal(classic.ackTimeoutOf(null), 0)
  })

  test('holds for what was fetched, too', async () => {
    const { bench, client } = await start()
    client.declare('q', { 'x-queue-type': 'quorum' })
    client.publish('q', 'a')
    client.get('q')
    bench.advance(1_800_000)
    assert.deepEqual(client.told.at(-1), { what: 'timedOut', timeoutMs: 1_800_000 })
    assert.equal(bench.queue('q').readyCount, 1)
  })

  test('does not end a new consumer for what an older one of that tag held', async () => {
    const { bench, client } = await start()
    client.declare('q', { 'x-queue-type': 'quorum', 'x-consumer-timeout': LIMIT })
    client.consume('q', { tag: 'c', prefetch: 1 })
    client.publish('q', 'a')
    client.session.cancel('c')
    client.consume('q', { tag: 'c', prefetch: 1 })
    bench.advance(LIMIT)
    assert.equal(bench.queue('q').consumerCount, 1)
    assert.deepEqual(
      client.deliveries.map(({ body, redelivered }) => [body, redelivered]),
      [
        ['a', false],
        ['a', true],
      ],
    )
  })
})
