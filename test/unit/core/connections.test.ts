import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type ConnectionSink, NO_TRAFFIC } from '../../../src/core/client-connection.ts'
import { CoreBench } from '../../support/core-bench.ts'

const FACTS = {
  name: 'c',
  protocol: 'test',
  peerAddress: '127.0.0.1',
  peerPort: 1,
  clientProperties: new Map(),
  givenName: null,
  network: null,
  loopback: true,
}

describe('a connection', () => {
  test('takes with it what is its own, once, and is counted', async () => {
    const bench = await new CoreBench().start()
    const { counters } = bench.broker
    const connection = bench.connect()
    const [one, two] = [bench.client(connection), bench.client(connection)]
    one.declare('mine', {}, { exclusive: true, durable: false })
    one.declare('shared')
    for (const body of ['a', 'b', 'c']) two.publish('shared', body)
    one.get('shared')
    two.get('shared')
    connection.close()
    connection.close()
    assert.deepEqual([...bench.vhost.queues.keys()], ['shared'])
    assert.deepEqual([bench.queue('shared').readyCount, bench.queue('shared').unackedCount], [3, 0])
    assert.deepEqual([bench.broker.connections.size, bench.vhost.connections], [0, 0])
    assert.deepEqual([counters.connectionsOpened, counters.connectionsClosed, counters.sessionsOpened], [1, 1, 2])
    const next = bench.client()
    assert.deepEqual(
      Array.from({ length: 3 }, () => next.get('shared')!.body),
      ['a', 'b', 'c'],
    )
  })

  test('leaves the name of its exclusive queue to the next one', async () => {
    const bench = await new CoreBench().start()
    const first = bench.client()
    first.declare('q', {}, { exclusive: true, durable: false })
    const second = bench.client()
    assert.throws(() => second.declare('q', {}, { exclusive: true, durable: false }), /exclusive access to locked/)
    assert.throws(() => second.get('q'), /exclusive access to locked/)
    first.connection.close()
    second.declare('q', {}, { exclusive: true, durable: false })
    assert.equal(bench.queue('q').owner, second.connection)
  })

  test('does not take an exclusive queue that another has declared by its name since', async () => {
    const bench = await new CoreBench().start()
    const first = bench.client()
    first.declare('q', {}, { exclusive: true, durable: false })
    first.session.topology.deleteQueue('q', false, false)
    const second = bench.client()
    second.declare('q', {}, { exclusive: true, durable: false })
    first.connection.close()
    assert.equal(bench.queue('q').owner, second.connection)
  })

  test('ends with its user', async () => {
    const bench = await new CoreBench().start()
    const client = bench.client()
    bench.broker.users.delete('guest')
    assert.equal(client.connection.closed, true)
  })

  test('is held by an alarm once it publishes, told once, and let go when all alarms clear', async () => {
    const bench = await new CoreBench().start()
    const told: string[] = []
    const sink: ConnectionSink = {
      close: () => told.push('close'),
      drop: () => told.push('drop'),
      block: (reason) => told.push(reason),
      unblock: () => told.push('unblocked'),
      hold: () => told.push('held'),
      release: () => told.push('released'),
      traffic: () => NO_TRAFFIC,
    }
    const { broker } = bench
    const client = bench.client(broker.openConnection(broker.identityOf(broker.users.get('guest')!), '/', FACTS, sink))
    client.declare('q')
    broker.alarms.set('memory', true)
    client.get('q')
    assert.deepEqual(told, [])
    client.publish('q', 'a')
    client.publish('q', 'b')
    broker.alarms.set('disk', true)
    broker.alarms.set('memory', false)
    assert.deepEqual(told, ['low on memory'])
    broker.alarms.set('disk', false)
    assert.deepEqual(told, ['low on memory', 'unblocked'])
  })
})

describe('limits', () => {
  test('of connections: the node\u2019s, the vhost\u2019s, the user\u2019s', async () => {
    const node = await new CoreBench({ connectionsMax: 1 }).start()
    node.connect()
    assert.throws(() => node.connect(), /connection refused: node connection limit \(1\) is reached/)
    const { broker } = node
    for (const connection of broker.connections) connection.close()
    broker.setParameter('/', 'vhost-limits', 'limits', { 'max-connections': 0 })
    const refused = /access to vhost '\/' refused for user 'guest': connection limit \(0\) is reached/
    assert.throws(() => node.connect(), refused)
    broker.deleteParameter('/', 'vhost-limits', 'limits')
    broker.users.put({ ...broker.users.get('guest')!, limits: { maxConnections: 0 } })
    assert.throws(() => node.connect(), /connection refused for user 'guest': user connection limit \(0\) is reached/)
  })

  test('of sessions count those that are open', async () => {
    const bench = await new CoreBench({ channelsMax: 2 }).start()
    const connection = bench.connect()
    const first = bench.client(connection)
    bench.broker.requireSessionRoom(connection)
    bench.client(bench.connect())
    const refused = /number of channels opened on node 'warren@test' has reached the maximum allowed limit of 2/
    assert.throws(() => bench.broker.requireSessionRoom(connection), refused)
    first.session.close()
    bench.broker.requireSessionRoom(connection)
  })

  test('of queues and consumers', async () => {
    const bench = await new CoreBench({ queuesMax: 2, consumersPerSessionMax: 1 }).start()
    const client = bench.client()
    client.declare('a')
    bench.broker.setParameter('/', 'vhost-limits', 'limits', { 'max-queues': 1 })
    assert.throws(() => client.declare('b'), /queue limit in vhost '\/' \(1\) is reached/)
    bench.broker.deleteParameter('/', 'vhost-limits', 'limits')
    client.declare('b')
    assert.throws(() => client.declare('c'), /queue limit in cluster \(2\) is reached/)
    client.declare('a')
    client.consume('a', { tag: 'c' })
    assert.throws(() => client.consume('b'), /reached maximum \(1\) of consumers per channel/)
    client.session.cancel('c')
    client.consume('b')
  })
})
