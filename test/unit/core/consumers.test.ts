import assert from 'node:assert/strict'
import { describe, mock, test } from 'node:test'
import { Consumer } from '../../../src/core/consumer.ts'
import { RingDeque } from '../../../src/util/ring-deque.ts'
import { type Client, CoreBench } from '../../support/core-bench.ts'

async function start(): Promise<{ bench: CoreBench; client: Client }> {
  const bench = await new CoreBench().start()
  return { bench, client: bench.client() }
}

const servedBy = (client: Client): string[] => client.deliveries.splice(0).map(({ consumer }) => consumer)

describe('consumers', () => {
  test('of equal priority take turns, one message at a time', async () => {
    const { bench, client } = await start()
    client.declare('q')
    for (let i = 0; i < 6; i++) client.publish('q', String(i))
    for (const tag of ['a', 'b', 'c']) client.consume('q', { tag })
    bench.settle()
    assert.deepEqual(servedBy(client), ['a', 'b', 'c', 'a', 'b', 'c'])
    for (let i = 0; i < 4; i++) client.publish('q', String(i))
    assert.deepEqual(servedBy(client), ['a', 'b', 'c', 'a'])
  })

  test('of higher priority go first while they have room', async () => {
    const { bench, client } = await start()
    client.declare('q')
    client.consume('q', { tag: 'low', priority: -1 })
    client.consume('q', { tag: 'usual' })
    client.consume('q', { tag: 'high', priority: 5, prefetch: 2 })
    for (let i = 0; i < 4; i++) client.publish('q', String(i))
    assert.deepEqual(servedBy(client), ['high', 'high', 'usual', 'usual'])
    client.ack(1)
    client.publish('q', 'again')
    assert.deepEqual(servedBy(client), ['high'])
    client.session.cancel('usual')
    client.session.cancel('high')
    client.publish('q', 'last')
    bench.settle()
    assert.deepEqual(servedBy(client), ['low'])
  })

  test('share a prefetch limit of their session', async () => {
    const { bench, client } = await start()
    client.declare('a')
    client.declare('b')
    client.session.setPrefetch(2, true)
    client.consume('a', { tag: 'on a' })
    client.consume('b', { tag: 'on b' })
    for (const queue of ['a', 'b', 'a', 'b']) client.publish(queue, queue)
    bench.settle()
    assert.deepEqual(servedBy(client), ['on a', 'on b'])
    client.ack(1)
    bench.settle()
    client.ack(2)
    bench.settle()
    assert.equal(servedBy(client).length, 2)
    client.publish('a', 'more')
    client.session.setPrefetch(0, true)
    bench.settle()
    assert.deepEqual(servedBy(client), ['on a'])
  })

  test('get nothing after they are cancelled, even within a delivery', async () => {
    const { bench, client } = await start()
    client.declare('q')
    for (const body of ['a', 'b', 'c']) client.publish('q', body)
    client.onDelivery = ({ consumer }) => client.session.cancel(consumer)
    client.consume('q', { tag: 'one' })
    client.consume('q', { tag: 'two' })
    bench.settle()
    assert.deepEqual(servedBy(client), ['one', 'two'])
    assert.deepEqual([bench.queue('q').readyCount, bench.queue('q').unackedCount], [1, 2])
    client.ack(1)
    assert.equal(bench.queue('q').unackedCount, 1)
  })

  test('may end their session within a delivery: the message is for the next one', async () => {
    const { bench, client } = await start()
    const other = bench.client()
    client.declare('q')
    client.publish('q', 'a')
    client.publish('q', 'b')
    client.onDelivery = () => client.connection.close()
    client.consume('q', { tag: 'leaves' })
    other.consume('q', { tag: 'stays' })
    bench.settle()
    assert.deepEqual(
      other.deliveries.map(({ body, redelivered }) => [body, redelivered]),
      [
        ['a', true],
        ['b', false],
      ],
    )
    assert.deepEqual([bench.queue('q').readyCount, bench.queue('q').unackedCount], [0, 2])
  })

  test('may delete their queue within a delivery', async () => {
    const { bench, client } = await start()
    client.declare('q')
    for (const body of ['a', 'b', 'c']) client.publish('q', body)
    client.onDelivery = () => client.session.topology.deleteQueue('q', false, false)
    client.consume('q', { tag: 'c' })
    bench.settle()
    assert.deepEqual(client.told, [
      { what: 'deliver', consumer: 'c', tag: 1, body: 'a' },
      { what: 'cancelled', consumer: 'c' },
    ])
    assert.equal(bench.store.stats().messages, 1)
    client.ack(1)
    assert.equal(bench.store.stats().messages, 0)
  })

  test('whose client does not read are passed over, and served when it does', async () => {
    const { bench, client } = await start()
    const slow = bench.client()
    client.declare('q')
    slow.consume('q', { tag: 'slow' })
    slow.connection.full = true
    client.publish('q', 'a')
    client.publish('q', 'b')
    bench.settle()
    assert.deepEqual([slow.deliveries.length, bench.queue('q').readyCount], [0, 2])
    slow.connection.writable()
    bench.settle()
    assert.deepEqual(slow.take(), ['a', 'b'])
  })

  test('are told in the order of what happened when the queue goes', async () => {
    const { bench, client } = await start()
    client.declare('q')
    client.consume('q', { tag: 'a' })
    client.consume('q', { tag: 'b' })
    bench.client().session.topology.deleteQueue('q', false, false)
    assert.deepEqual(client.told, [
      { what: 'cancelled', consumer: 'a' },
      { what: 'cancelled', consumer: 'b' },
    ])
    assert.equal(client.session.consumers.size, 0)
    client.session.cancel('a')
    client.session.close()
  })
})

describe('an auto-delete queue', () => {
  test('goes with its last consumer, and with what comes back from it', async () => {
    const { bench, client } = await start()
    client.declare('q', {}, { autoDelete: true })
    client.consume('q', { tag: 'a' })
    client.consume('q', { tag: 'b' })
    for (const body of ['x', 'y', 'z']) client.publish('q', body)
    client.session.cancel('a')
    assert.equal(bench.vhost.queues.has('q'), true)
    client.session.close()
    assert.equal(bench.vhost.queues.has('q'), false)
    assert.equal(bench.store.stats().messages, 0)
    assert.deepEqual(client.told.at(-1)!.what, 'deliver', 'who ends himself is not told so')
  })

  test('stays as long as nobody consumed from it', async () => {
    const { bench, client } = await start()
    client.declare('q', {}, { autoDelete: true })
    client.publish('q', 'a')
    client.get('q', true)
    client.session.close()
    assert.equal(bench.vhost.queues.has('q'), true)
  })

  test('is gone from the metadata, too, without any client asking for it', async () => {
    const { bench, client } = await start()
    client.declare('gone', { 'x-expires': 1000 })
    await bench.broker.commitMetadata()
    assert.ok([...(await bench.metadata.load())].some(([key]) => key.startsWith('queue/')))
    bench.advance(1000)
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(bench.metadata.dirty, false)
    assert.ok([...(await bench.metadata.load())].every(([key]) => !key.startsWith('queue/')))
  })
})

describe('a queue that expires', () => {
  test('does so when nobody consumes, declares or fetches', async () => {
    const { bench, client } = await start()
    client.declare('q', { 'x-expires': 1000 })
    const exists = (): boolean => bench.vhost.queues.has('q')
    bench.advance(999)
    client.declare('q', { 'x-expires': 1000 })
    bench.advance(999)
    client.get('q')
    bench.advance(999)
    client.consume('q', { tag: 'c' })
    bench.advance(10_000)
    client.session.cancel('c')
    bench.advance(999)
    assert.equal(exists(), true)
    client.publish('q', 'does not count')
    bench.advance(1)
    assert.equal(exists(), false)
    assert.deepEqual([bench.store.stats().messages, bench.clock.timers.size], [0, 0])
  })
})

describe('a single active consumer', () => {
  const active = (bench: CoreBench): string => bench.queue('q').dispatcher.active?.tag ?? 'none'

  test('is followed by the one of the highest priority, the oldest among equals', async () => {
    const { bench, client } = await start()
    client.declare('q', { 'x-single-active-consumer': true })
    client.consume('q', { tag: 'first', priority: 1 })
    client.consume('q', { tag: 'a', priority: 5 })
    client.consume('q', { tag: 'b', priority: 5 })
    client.consume('q', { tag: 'c' })
    const order = [active(bench)]
    for (const tag of ['first', 'a', 'b', 'c']) {
      client.session.cancel(tag)
      order.push(active(bench))
    }
    assert.deepEqual(order, ['first', 'a', 'b', 'c', 'none'])
  })

  test('hands over with what waits, and gets nothing more', async () => {
    const { bench, client } = await start()
    client.declare('q', { 'x-single-active-consumer': true })
    client.consume('q', { tag: 'a', prefetch: 1 })
    client.consume('q', { tag: 'b', prefetch: 5 })
    for (const body of ['x', 'y', 'z']) client.publish('q', body)
    bench.settle()
    assert.deepEqual(servedBy(client), ['a'])
    client.session.cancel('a')
    bench.settle()
    assert.deepEqual(servedBy(client), ['b', 'b'])
    client.nack(1, false, true)
    bench.settle()
    assert.deepEqual(servedBy(client), ['b'])
  })

  test('of a quorum queue gives way to a higher priority once it has settled what it holds', async () => {
    const { bench, client } = await start()
    client.declare('q', { 'x-single-active-consumer': true, 'x-queue-type': 'quorum' })
    client.consume('q', { tag: 'low' })
    client.publish('q', 'a')
    client.publish('q', 'b')
    client.consume('q', { tag: 'high', priority: 1 })
    client.publish('q', 'c')
    client.publish('q', 'd')
    bench.settle()
    assert.deepEqual([servedBy(client), active(bench)], [['low', 'low'], 'low'])
    client.ack(1)
    bench.settle()
    assert.equal(active(bench), 'low')
    client.ack(2)
    bench.settle()
    assert.deepEqual([servedBy(client), active(bench)], [['high', 'high'], 'high'])
  })

  test('of a quorum queue goes on when the higher priority leaves before', async () => {
    const { bench, client } = await start()
    client.declare('q', { 'x-single-active-consumer': true, 'x-queue-type': 'quorum' })
    client.consume('q', { tag: 'low' })
    client.publish('q', 'a')
    client.consume('q', { tag: 'high', priority: 1 })
    client.session.cancel('high')
    client.publish('q', 'b')
    bench.settle()
    assert.deepEqual([servedBy(client), active(bench)], [['low', 'low'], 'low'])
  })

  test('of a classic queue stays whatever comes', async () => {
    const { bench, client } = await start()
    client.declare('q', { 'x-single-active-consumer': true })
    client.consume('q', { tag: 'low' })
    client.consume('q', { tag: 'high', priority: 10 })
    client.publish('q', 'a')
    client.ack(1)
    client.publish('q', 'b')
    bench.settle()
    assert.deepEqual([servedBy(client), active(bench)], [['low', 'low'], 'low'])
  })
})

describe('work', () => {
  /** How often consumers are asked whether they can take a message. */
  const asked = (work: () => void): number => {
    const counted = mock.method(Consumer.prototype, 'canTake')
    work()
    counted.mock.restore()
    return counted.mock.callCount()
  }

  for (const [kind, args] of [
    ['a fair queue', {}],
    ['a queue with a single active consumer', { 'x-single-active-consumer': true, 'x-queue-type': 'quorum' }],
  ] as const) {
    test(`of ${kind} does not grow with the consumers that are busy`, async () => {
      const { bench, client } = await start()
      client.declare('q', args)
      for (let i = 0; i < 1000; i++) client.consume('q', { tag: `c${i}`, prefetch: 1 })
      for (let i = 0; i < 3000; i++) client.publish('q', String(i))
      bench.settle()
      let next = 1
      const perAck = 20
      const asks = asked(() => {
        for (; next <= 500 && next <= client.deliveries.length; next++) {
          client.ack(next)
          bench.settle()
        }
      })
      assert.ok(next > 1)
      assert.ok(asks <= perAck * (next - 1), `${asks} for ${next - 1} acknowledgements`)
    })
  }

  test('of consumers that end does not grow with their number', async () => {
    const { bench, client } = await start()
    client.declare('q')
    for (let i = 0; i < 2000; i++) client.consume('q', { tag: `c${i}` })
    const sweeps = mock.method(RingDeque.prototype, 'filter')
    for (let i = 0; i < 1999; i++) client.session.cancel(`c${i}`)
    sweeps.mock.restore()
    assert.ok(sweeps.mock.callCount() < 20, `${sweeps.mock.callCount()} sweeps`)
    client.publish('q', 'last')
    bench.settle()
    assert.deepEqual(servedBy(client), ['c1999'])
  })

  test('of the next message does not grow with consumers that came and went', async () => {
    const { client } = await start()
    client.declare('q')
    client.consume('q', { tag: 'stays' })
    for (let i = 0; i < 5000; i++) {
      client.consume('q', { tag: 'goes' })
      client.session.cancel('goes')
    }
    const asks = asked(() => {
      client.publish('q', 'm')
      client.publish('q', 'm')
    })
    assert.deepEqual(servedBy(client), ['stays', 'stays'])
    assert.ok(asks < 30, `${asks} asked`)
  })

  test('of an acknowledgement for many is done at the end of the turn, once', async () => {
    const { bench, client } = await start()
    client.declare('q')
    client.consume('q', { prefetch: 500 })
    for (let i = 0; i < 1000; i++) client.publish('q', String(i))
    bench.settle()
    assert.equal(client.deliveries.length, 500)
    const asks = asked(() => client.ack(500, true))
    assert.equal(asks, 0)
    bench.settle()
    assert.equal(client.deliveries.length, 1000)
  })
})
