import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Client, CoreBench } from '../support/core-bench.ts'
import { PagingStore } from '../support/paging-store.ts'

// What holds for every type of queue. What a type does otherwise is tested beside it.

const types: readonly string[] = ['classic', 'quorum']

/** In memory, and in a store that gets all messages, as far as it can. */
const benches: Readonly<Record<string, () => CoreBench>> = {
  memory: () => new CoreBench(),
  'a store': () => new CoreBench({ messageMemoryBytes: 0 }, undefined, new PagingStore()),
}
const combinations = types.flatMap((type) => Object.entries(benches).map(([where, open]) => ({ type, where, open })))

for (const { type, where, open } of combinations) {
  describe(`queue type: ${type}, with messages in ${where}`, () => {
    const start = async (
      args: Readonly<Record<string, string | number | boolean>> = {},
    ): Promise<{ bench: CoreBench; client: Client }> => {
      const bench = await open().start()
      const client = bench.client()
      client.declare('dead')
      client.declare('q', {
        'x-queue-type': type,
        'x-dead-letter-exchange': '',
        'x-dead-letter-routing-key': 'dead',
        ...args,
      })
      return { bench, client }
    }
    const publishAll = (client: Client, ...bodies: string[]): void => {
      for (const body of bodies) client.publish('q', body)
    }
    const drain = (client: Client, queue: string): string[] => {
      const bodies: string[] = []
      for (let got = client.get(queue, true); got !== null; got = client.get(queue, true)) bodies.push(got.body)
      return bodies
    }
    const counts = (bench: CoreBench): number[] => {
      const { readyCount, readyBytes, unackedCount, unackedBytes } = bench.queue('q')
      return [readyCount, readyBytes, unackedCount, unackedBytes]
    }

    test('first in, first out', async () => {
      const { client } = await start()
      publishAll(client, 'a', 'b', 'c')
      assert.deepEqual(drain(client, 'q'), ['a', 'b', 'c'])
      assert.equal(client.get('q'), null)
    })

    test('keeps the order when consumers come and go while messages arrive', async () => {
      const { bench, client } = await start()
      client.consume('q', { tag: 'c', prefetch: 2 })
      publishAll(client, 'a', 'b', 'c')
      client.ack(1)
      publishAll(client, 'd')
      bench.settle()
      client.session.cancel('c')
      publishAll(client, 'e')
      client.consume('q', { tag: 'c', prefetch: 10 })
      bench.settle()
      assert.deepEqual(client.take(), ['a', 'b', 'c', 'd', 'e'])
    })

    test('counts messages and bytes by their state', async () => {
      const { bench, client } = await start()
      publishAll(client, 'a', 'bb', 'ccc')
      assert.deepEqual(counts(bench), [3, 6, 0, 0])
      client.get('q')
      const { tag } = client.get('q')!
      assert.deepEqual(counts(bench), [1, 3, 2, 3])
      client.nack(tag, false, true)
      assert.deepEqual(counts(bench), [2, 5, 1, 1])
      client.ack(0, true)
      assert.deepEqual(counts(bench), [2, 5, 0, 0])
      assert.equal(client.session.topology.purgeQueue('q'), 2)
      assert.deepEqual(counts(bench), [0, 0, 0, 0])
    })

    test('marks what was handed out before', async () => {
      const { bench, client } = await start()
      publishAll(client, 'a')
      const first = client.get('q')!
      client.nack(first.tag, false, true)
      const second = client.get('q')!
      assert.deepEqual([first.redelivered, second.redelivered], [false, true])
      client.nack(second.tag, false, true)
      client.consume('q')
      bench.settle()
      client.session.recover()
      client.session.close()
      bench.client().get('q', true)
      const { got, gotNoAck, delivered, redelivered, acknowledged } = bench.queue('q').counters
      assert.deepEqual([got, gotNoAck, delivered, redelivered, acknowledged], [2, 1, 1, 3, 0])
    })

    test('refuses tags that are not outstanding, and settles nothing then', async () => {
      const { bench, client } = await start()
      publishAll(client, 'a', 'b')
      client.get('q')
      client.get('q', true)
      for (const attempt of [
        (): void => client.ack(0),
        (): void => client.ack(2),
        (): void => client.ack(3, true),
        (): void => client.nack(2, true, false),
      ]) {
        assert.throws(attempt, /unknown delivery tag \d/)
      }
      assert.equal(bench.queue('q').unackedCount, 1)
      client.ack(1)
      assert.throws(() => client.ack(1), /unknown delivery tag 1/)
      client.ack(0, true)
    })

    test('keeps to the prefetch of each consumer, and counts fetched messages apart', async () => {
      const { bench, client } = await start()
      publishAll(client, 'a', 'b', 'c', 'd', 'e')
      client.get('q')
      client.consume('q', { prefetch: 2 })
      bench.settle()
      assert.deepEqual(client.take(), ['b', 'c'])
      client.ack(1)
      bench.settle()
      assert.deepEqual(client.take(), [])
      client.ack(3, true)
      bench.settle()
      assert.deepEqual(client.take(), ['d', 'e'])
    })

    test('delivers to a consumer that does not acknowledge, and forgets', async () => {
      const { bench, client } = await start()
      publishAll(client, 'a')
      client.consume('q', { noAck: true })
      publishAll(client, 'b')
      bench.settle()
      publishAll(client, 'c')
      assert.deepEqual(client.take(), ['a', 'b', 'c'])
      assert.deepEqual(counts(bench), [0, 0, 0, 0])
      assert.throws(() => client.ack(1), /unknown delivery tag 1/)
    })

    test('drops from its head what is too much, and dead-letters it', async () => {
      const { bench, client } = await start({ 'x-max-length': 2, 'x-max-length-bytes': 5 })
      publishAll(client, 'a', 'b', 'c')
      assert.deepEqual(counts(bench), [2, 2, 0, 0])
      publishAll(client, 'dddd')
      assert.deepEqual(drain(client, 'q'), ['c', 'dddd'])
      publishAll(client, 'too long')
      assert.deepEqual([drain(client, 'q'), drain(client, 'dead')], [[], ['a', 'b', 'too long']])
    })

    test('refuses what is too much, and only what is ready counts', async () => {
      const { bench, client } = await start({ 'x-max-length': 1, 'x-overflow': 'reject-publish' })
      client.session.publishing.selectConfirms()
      publishAll(client, 'a', 'refused')
      client.get('q')
      publishAll(client, 'b', 'refused')
      client.nack(1, false, true)
      bench.settle()
      assert.deepEqual(
        client.told.map((told) => [told.what, 'sequence' in told && told.sequence]),
        [
          ['confirmed', 1],
          ['rejected', 2],
          ['confirmed', 3],
          ['rejected', 4],
        ],
      )
      assert.equal(bench.queue('q').readyCount, 2)
    })

    test('lets messages expire by the shorter of both times', async () => {
      const { bench, client } = await start({ 'x-message-ttl': 100 })
      client.publish('q', 'own', { ttlMs: 50 })
      client.publish('q', 'shared', { ttlMs: 500 })
      bench.advance(50)
      assert.deepEqual(drain(client, 'dead'), ['own'])
      bench.advance(50)
      assert.deepEqual(drain(client, 'dead'), ['shared'])
    })

    test('delivers what has no time only if somebody waits for it', async () => {
      const { bench, client } = await start({ 'x-message-ttl': 0 })
      publishAll(client, 'nobody')
      client.consume('q', { prefetch: 1 })
      publishAll(client, 'somebody', 'busy')
      bench.advance(1)
      assert.deepEqual([client.take(), drain(client, 'dead')], [['somebody'], ['nobody', 'busy']])
    })

    test('serves one consumer alone when told to', async () => {
      const { bench, client } = await start({ 'x-single-active-consumer': true })
      client.consume('q', { tag: 'a', prefetch: 1 })
      client.consume('q', { tag: 'b', prefetch: 1 })
      publishAll(client, 'x', 'y')
      bench.settle()
      assert.deepEqual(client.take(), ['x'])
      client.session.cancel('a')
      bench.settle()
      assert.deepEqual(
        client.deliveries.map(({ consumer, body }) => `${consumer} ${body}`),
        ['b y'],
      )
    })

    test('takes a transaction whole or not at all', async () => {
      const { bench, client } = await start({ 'x-max-length': 2, 'x-overflow': 'reject-publish' })
      publishAll(client, 'a')
      const { tag } = client.get('q')!
      client.session.selectTransactions()
      publishAll(client, 'b', 'c')
      client.ack(tag)
      assert.deepEqual(counts(bench), [0, 0, 1, 1])
      client.session.commit()
      bench.settle()
      assert.deepEqual([counts(bench), client.told], [[2, 2, 0, 0], [{ what: 'committed' }]])
      publishAll(client, 'd')
      assert.throws(() => client.session.commit(), /partial tx completion/)
      assert.deepEqual(counts(bench), [2, 2, 0, 0])
    })

    test('leaves nothing behind when it is deleted in the middle of work', async () => {
      const { bench, client } = await start({ 'x-message-ttl': 1000, 'x-expires': 5000 })
      publishAll(client, 'a', 'b', 'c')
      client.consume('q', { tag: 'c', prefetch: 1 })
      bench.settle()
      client.get('q')
      assert.equal(client.session.topology.deleteQueue('q', false, false), 1)
      assert.deepEqual(client.told.at(-1), { what: 'cancelled', consumer: 'c' })
      client.ack(0, true)
      client.session.close()
      assert.deepEqual([bench.store.stats().messages, bench.clock.timers.size], [0, 0])
      const other = bench.client()
      assert.deepEqual(drain(other, 'dead'), [])
      publishAll(other, 'nowhere')
      assert.equal(bench.store.stats().messages, 0)
    })
  })
}
