import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { BrokerEvent } from '../../../src/core/events.ts'
import { MemoryMetadataStore } from '../../../src/store/memory/memory-metadata-store.ts'
import { CoreBench } from '../../support/core-bench.ts'
import { PagingStore } from '../../support/paging-store.ts'

for (const type of ['classic', 'quorum']) {
  describe(`a paused ${type} queue`, () => {
    test('takes messages and delivers none, until it is resumed', async () => {
      const bench = await new CoreBench().start()
      const client = bench.client()
      const queue = client.declare('q', { 'x-queue-type': type })
      client.consume('q', { tag: 'c', prefetch: 2 })
      client.publish('q', 'm1')
      bench.settle()
      bench.vhost.pauseQueue(queue, true)
      for (const body of ['m2', 'm3', 'm4']) client.publish('q', body)
      client.ack(1)
      bench.settle()
      assert.deepEqual([client.take(), queue.readyCount, queue.unackedCount], [['m1'], 3, 0])
      assert.equal(client.get('q'), null)
      // who comes and goes meanwhile is known when it is over
      client.consume('q', { tag: 'late', prefetch: 1 })
      client.session.cancel('c')
      bench.settle()
      assert.deepEqual(client.take(), [])
      bench.vhost.pauseQueue(queue, false)
      bench.settle()
      assert.deepEqual(
        client.deliveries.splice(0).map(({ body, consumer }) => [body, consumer]),
        [['m2', 'late']],
      )
    })

    test('lets messages expire, and keeps to its length', async () => {
      const bench = await new CoreBench().start()
      const client = bench.client()
      const queue = client.declare('q', { 'x-queue-type': type, 'x-max-length': 2 })
      client.consume('q', { tag: 'c', prefetch: 1 })
      bench.vhost.pauseQueue(queue, true)
      for (const body of ['m1', 'm2', 'm3']) client.publish('q', body, body === 'm3' ? { ttlMs: 10 } : {})
      bench.settle()
      assert.equal(queue.readyCount, 2)
      bench.advance(10)
      assert.equal(queue.readyCount, 1)
      bench.vhost.pauseQueue(queue, false)
      bench.settle()
      assert.deepEqual(client.take(), ['m2'])
    })

    test('with a single active consumer goes on with it', async () => {
      const bench = await new CoreBench().start()
      const client = bench.client()
      const queue = client.declare('q', { 'x-queue-type': type, 'x-single-active-consumer': true })
      client.consume('q', { tag: 'first' })
      client.consume('q', { tag: 'second' })
      bench.vhost.pauseQueue(queue, true)
      client.publish('q', 'm1')
      client.session.cancel('first')
      bench.settle()
      assert.deepEqual([client.take(), queue.dispatcher.active?.tag], [[], 'second'])
      bench.vhost.pauseQueue(queue, false)
      bench.settle()
      assert.deepEqual(client.take(), ['m1'])
    })

    test('takes no more in a transaction than it has room for', async () => {
      const bench = await new CoreBench().start()
      const client = bench.client()
      const queue = client.declare('q', { 'x-queue-type': type, 'x-max-length': 1, 'x-overflow': 'reject-publish' })
      bench.client().consume('q', { tag: 'c' })
      bench.vhost.pauseQueue(queue, true)
      client.session.selectTransactions()
      for (const body of ['m1', 'm2']) client.publish('q', body)
      assert.throws(() => client.session.commit(), /partial tx completion/)
    })

    test('is paused after a restart as well', async () => {
      const metadata = new MemoryMetadataStore()
      const store = new PagingStore()
      const bench = await new CoreBench({}, metadata, store).start()
      const client = bench.client()
      client.declare('other', { 'x-queue-type': type })
      const queue = client.declare('q', { 'x-queue-type': type })
      client.publish('q', 'm1', { persistent: true })
      bench.settle()
      bench.vhost.pauseQueue(queue, true)
      await metadata.commit()
      const again = await new CoreBench({}, metadata, store.crash(), bench.clock).start()
      assert.deepEqual([again.queue('q').paused, again.queue('other').paused], [true, false])
      const after = again.client()
      after.consume('q', { tag: 'c' })
      again.settle()
      assert.deepEqual(after.take(), [])
      again.vhost.pauseQueue(again.queue('q'), false)
      again.settle()
      assert.deepEqual(after.take(), ['m1'])
      await metadata.commit()
      const third = await new CoreBench({}, metadata, store.crash(), bench.clock).start()
      assert.equal(third.queue('q').paused, false)
    })
  })
}

test('who pauses a queue has to be allowed to, and events tell', async () => {
  const bench = await new CoreBench().start()
  const client = bench.client()
  client.declare('q')
  const events: BrokerEvent[] = []
  bench.broker.events.listen((event) => events.push(event))
  for (const paused of [true, true, false, false]) client.session.topology.pauseQueue('q', paused)
  assert.deepEqual(
    events.map(({ name, actor, facts }) => [name, actor, facts['name']]),
    [
      ['queue.paused', 'guest', 'q'],
      ['queue.resumed', 'guest', 'q'],
    ],
  )
  assert.throws(() => client.session.topology.pauseQueue('none', true), /no queue 'none'/)
  bench.broker.setPermission({ user: 'guest', vhost: '/', configure: '^other', write: '.*', read: '.*' })
  assert.throws(() => client.session.topology.pauseQueue('q', true), /configure access to queue 'q'/)
})
