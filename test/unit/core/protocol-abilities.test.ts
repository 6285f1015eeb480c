/** What protocols may ask of the core besides what AMQP does. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { classic } from '../../../src/core/queues/classic.ts'
import type { Queue } from '../../../src/core/queues/queue.ts'
import { type Client, CoreBench, tableOf } from '../../support/core-bench.ts'

const TYPE = 'keeps nothing'

async function benchWithType(): Promise<CoreBench> {
  const bench = new CoreBench()
  bench.broker.queueTypes.set(TYPE, { ...classic, name: TYPE, keepsNothing: true })
  return bench.start()
}

function declare({ session }: Client, name: string): Queue {
  const facts = { name, passive: false, durable: true, exclusive: false, autoDelete: false }
  session.topology.declareQueue({ ...facts, arguments: tableOf({ 'x-expires': 1000 }), type: TYPE })
  return session.vhost.findQueue(name)
}

describe('a queue that keeps nothing', () => {
  test('delivers at once, and drops and counts what it cannot deliver', async () => {
    const bench = await benchWithType()
    const client = bench.client()
    const queue = declare(client, 'q')
    client.publish('q', 'nobody is there')
    client.consume('q', { noAck: true })
    client.publish('q', 'somebody is')
    client.connection.full = true
    client.publish('q', 'somebody is slow')
    client.connection.writable()
    bench.settle()
    assert.deepEqual(client.take(), ['somebody is'])
    assert.deepEqual([queue.readyCount, queue.counters.dropped], [0, 2])
    assert.equal(bench.store.stats().messages, 0)
  })

  test('has no consumers that acknowledge', async () => {
    const bench = await benchWithType()
    const client = bench.client()
    declare(client, 'q')
    assert.throws(() => client.consume('q'), /keeps nothing that could be acknowledged/)
  })

  test('may be declared again, is what it was after a restart, and cannot be asked for by an argument', async () => {
    const bench = await benchWithType()
    const client = bench.client()
    assert.equal(declare(client, 'q'), declare(client, 'q'))
    assert.throws(() => client.declare('other', { 'x-queue-type': TYPE }), /unsupported queue type/)
    await bench.broker.commitMetadata()
    const again = new CoreBench({}, bench.metadata)
    again.broker.queueTypes.set(TYPE, { ...classic, name: TYPE, keepsNothing: true })
    await again.start()
    assert.equal(again.queue('q').type, TYPE)
  })
})

test('topic permissions know the variables of a connection', async () => {
  const bench = await new CoreBench().start()
  const pattern = '^{client_id}$'
  bench.broker.setTopicPermission({ user: 'guest', vhost: '/', exchange: 'amq.topic', write: pattern, read: pattern })
  const connection = bench.connect()
  Object.assign(connection.facts, { topicVariables: { client_id: 'me' } })
  const client = bench.client(connection)
  client.publish('me', 'mine', { exchange: 'amq.topic' })
  assert.throws(() => client.publish('you', 'yours', { exchange: 'amq.topic' }), /write access to topic 'you'/)
})

test('other arguments of a queue take effect at once, and are there after a restart', async () => {
  const bench = await new CoreBench().start()
  const client = bench.client()
  const queue = client.declare('q', { 'x-expires': 60_000 })
  client.publish('q', 'kept')
  bench.vhost.changeArguments(queue, tableOf({ 'x-queue-type': 'classic', 'x-expires': 1000 }))
  await bench.broker.commitMetadata()
  const again = await new CoreBench({}, bench.metadata).start()
  assert.equal(again.queue('q').settings.expiresMs, 1000)
  assert.equal(queue.readyCount, 1)
  bench.advance(1001)
  assert.equal(bench.vhost.queues.has('q'), false)
})

test('what a protocol withholds counts against a prefetch that is shared', async () => {
  const bench = await new CoreBench().start()
  const client = bench.client()
  client.declare('q')
  client.session.setPrefetch(2, true)
  client.session.deliveries.withheld = 1
  client.consume('q')
  for (const body of ['1', '2', '3']) client.publish('q', body)
  bench.settle()
  assert.deepEqual(client.take(), ['1'])
  client.session.deliveries.withheld = 0
  client.session.wakeConsumers()
  bench.settle()
  assert.deepEqual(client.take(), ['2'])
})
