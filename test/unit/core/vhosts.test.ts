import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { longstr, signedint, type Table } from '../../../src/core/fields.ts'
import type { MemoryMetadataStore } from '../../../src/store/memory/memory-metadata-store.ts'
import { type Client, CoreBench, tableOf } from '../../support/core-bench.ts'

async function start(): Promise<{ bench: CoreBench; client: Client }> {
  const bench = await new CoreBench().start()
  return { bench, client: bench.client() }
}

const keys = async (metadata: MemoryMetadataStore): Promise<string[]> =>
  [...(await metadata.load())].map(([key]) => key)

const NONE: Table = new Map()

describe('a vhost that is deleted', () => {
  test('takes everything with it: connections, queues, messages, timers, metadata', async () => {
    const bench = await new CoreBench().start()
    const { broker } = bench
    await broker.commitMetadata()
    const before = await keys(bench.metadata)
    broker.putVhost('gone')
    broker.setPermission({ user: 'guest', vhost: 'gone', configure: '.*', write: '.*', read: '.*' })
    broker.setTopicPermission({ user: 'guest', vhost: 'gone', exchange: 'amq.topic', write: '.*', read: '.*' })
    broker.setPolicy('user', 'gone', 'p', { pattern: '.*', definition: { 'max-length': 10 } })
    broker.setPolicy('operator', 'gone', 'o', { pattern: '.*', definition: { 'max-length': 5 } })
    broker.setParameter('gone', 'vhost-limits', 'limits', { 'max-queues': 10 })
    const client = bench.client(bench.connect('gone'))
    client.exchange('a', 'topic')
    client.exchange('b', 'fanout')
    client.exchange('history', 'x-recent-history')
    client.session.topology.bindExchange('b', 'a', 'key', tableOf({ x: 1 }))
    client.session.topology.bindExchange('a', 'b', '', NONE)
    client.declare('q', { 'x-message-ttl': 60_000, 'x-expires': 60_000 })
    client.declare('mine', {}, { exclusive: true, durable: false })
    client.session.topology.bindQueue('q', 'a', '#', NONE)
    client.session.topology.bindQueue('q', 'amq.topic', '#', NONE)
    client.publish('q', 'm')
    client.publish('mine', 'm')
    client.publish('', 'm', { exchange: 'history' })
    client.consume('q', { tag: 'c' })
    client.get('mine')
    await broker.commitMetadata()
    assert.ok((await keys(bench.metadata)).length > before.length + 10)
    broker.deleteVhost('gone')
    assert.equal(client.connection.closed, true)
    assert.deepEqual([bench.store.stats().messages, bench.clock.timers.size, broker.connections.size], [0, 0, 0])
    await broker.commitMetadata()
    assert.deepEqual(await keys(bench.metadata), before)
    const again = await new CoreBench({}, bench.metadata).start()
    assert.deepEqual([...again.broker.vhosts.keys()], ['/'])
  })

  test('says that it is missing afterwards', async () => {
    const { bench } = await start()
    bench.broker.putVhost('gone')
    bench.broker.deleteVhost('gone')
    assert.throws(() => bench.connect('gone'), /vhost gone not found/)
  })
})

test('deleting all that was declared leaves the metadata as it was', async () => {
  const { bench, client } = await start()
  await bench.broker.commitMetadata()
  const before = await keys(bench.metadata)
  client.exchange('a/b %', 'direct')
  client.exchange('c', 'topic')
  client.declare('q/1')
  client.declare('q2', { 'x-max-length': 3 })
  client.session.topology.bindQueue('q/1', 'a/b %', 'k', NONE)
  client.session.topology.bindQueue('q/1', 'a/b %', 'k', new Map([['x', signedint(1)]]))
  client.session.topology.bindQueue('q2', 'c', '#', NONE)
  client.session.topology.bindExchange('c', 'a/b %', 'k', NONE)
  await bench.broker.commitMetadata()
  assert.equal((await keys(bench.metadata)).length, before.length + 8)
  client.session.topology.unbindQueue('q/1', 'a/b %', 'k', new Map([['x', signedint(1)]]))
  client.session.topology.deleteQueue('q/1', false, false)
  client.session.topology.deleteQueue('q2', false, false)
  client.session.topology.deleteExchange('c', false)
  client.session.topology.deleteExchange('a/b %', false)
  await bench.broker.commitMetadata()
  assert.deepEqual(await keys(bench.metadata), before)
})

describe('auto-delete exchanges', () => {
  test('go with the last binding that leads from them, down the line', async () => {
    const { bench, client } = await start()
    const rest = { durable: true, autoDelete: true, internal: false, passive: false, arguments: NONE }
    for (const name of ['a', 'b']) client.session.topology.declareExchange({ name, type: 'fanout', ...rest })
    client.declare('q')
    client.session.topology.bindExchange('b', 'a', '', NONE)
    client.session.topology.bindQueue('q', 'b', '', NONE)
    client.session.topology.deleteQueue('q', false, false)
    assert.deepEqual([bench.vhost.exchanges.has('a'), bench.vhost.exchanges.has('b')], [false, false])
  })
})

describe('policies', () => {
  test('apply to what is there, and cease to when they go', async () => {
    const { bench, client } = await start()
    const queue = client.declare('q')
    for (let i = 0; i < 10; i++) client.publish('q', String(i))
    bench.broker.setPolicy('user', '/', 'p', { pattern: '^q$', definition: { 'max-length': 4, 'message-ttl': 1000 } })
    assert.deepEqual([queue.readyCount, queue.settings.maxLength, queue.policy?.name], [4, 4, 'p'])
    bench.broker.setPolicy('operator', '/', 'o', { pattern: '.*', definition: { 'max-length': 2 } })
    assert.deepEqual([queue.readyCount, queue.policy?.operatorName], [2, 'o'])
    client.publish('q', 'new')
    bench.broker.deletePolicy('user', '/', 'p')
    bench.broker.deletePolicy('operator', '/', 'o')
    assert.deepEqual([queue.settings.maxLength, queue.policy], [-1, null])
    // what was queued under the policy keeps its time, the rest has none
    bench.advance(1000)
    assert.equal(client.get('q', true)!.body, '9')
  })

  test('give a queue its time, counted from then', async () => {
    const { bench, client } = await start()
    client.declare('q')
    bench.advance(60_000)
    bench.broker.setPolicy('user', '/', 'p', { pattern: '.*', definition: { expires: 1000 } })
    bench.advance(999)
    assert.equal(bench.vhost.queues.has('q'), true)
    bench.advance(1)
    assert.equal(bench.vhost.queues.has('q'), false)
  })

  test('of alternate exchanges change routes that are remembered; an argument wins', async () => {
    const { bench, client } = await start()
    client.exchange('x', 'direct')
    client.exchange('own', 'direct', { 'alternate-exchange': 'mine' })
    client.exchange('mine', 'fanout')
    for (const queue of ['theirs', 'own']) client.declare(queue)
    client.session.topology.bindQueue('theirs', 'amq.fanout', '', NONE)
    client.session.topology.bindQueue('own', 'mine', '', NONE)
    const publish = (): void => {
      for (const exchange of ['x', 'own']) client.publish('key', exchange, { exchange, mandatory: true })
    }
    publish()
    bench.broker.setPolicy('user', '/', 'p', {
      pattern: '.*',
      'apply-to': 'exchanges',
      definition: { 'alternate-exchange': 'amq.fanout' },
    })
    publish()
    bench.broker.deletePolicy('user', '/', 'p')
    publish()
    assert.deepEqual(client.told, [
      { what: 'returned', body: 'x' },
      { what: 'returned', body: 'x' },
    ])
    assert.deepEqual([bench.queue('theirs').readyCount, bench.queue('own').readyCount], [1, 3])
  })
})

describe('routes that a session remembers', () => {
  test('follow every change of the topology', async () => {
    const { bench, client } = await start()
    client.declare('a')
    client.declare('b')
    client.exchange('x', 'topic')
    const reached = (): string[] => {
      client.publish('k.1', 'm', { exchange: 'x' })
      return ['a', 'b'].filter((name) => (bench.vhost.queues.get(name)?.purge() ?? 0) > 0)
    }
    assert.deepEqual(reached(), [])
    client.session.topology.bindQueue('a', 'x', 'k.*', NONE)
    assert.deepEqual(reached(), ['a'])
    client.session.topology.bindQueue('b', 'x', '#', NONE)
    assert.deepEqual(reached(), ['a', 'b'])
    client.session.topology.unbindQueue('a', 'x', 'k.*', NONE)
    assert.deepEqual(reached(), ['b'])
    client.session.topology.deleteQueue('b', false, false)
    assert.deepEqual(reached(), [])
    client.session.topology.deleteExchange('x', false)
    assert.throws(reached, /no exchange 'x'/)
  })

  test('end with the permission', async () => {
    const { bench, client } = await start()
    client.declare('q')
    client.publish('q', 'm')
    bench.broker.setPermission({ user: 'guest', vhost: '/', configure: '.*', write: '^q$', read: '.*' })
    assert.throws(() => client.publish('q', 'm'), /write access to exchange 'amq.default'/)
  })

  test('are bounded', async () => {
    const { client } = await start()
    client.exchange('x', 'topic')
    client.declare('q')
    client.session.topology.bindQueue('q', 'x', '#', NONE)
    const access = client.session.publishing.access('x')
    for (let i = 0; i < 10_000; i++) client.publish(`key.${i}`, '', { exchange: 'x' })
    assert.equal(client.session.publishing.access('x'), access)
    assert.ok(access.routes.size <= 4096)
  })
})

test('arguments survive the metadata store whatever their type', async () => {
  const { bench, client } = await start()
  const args: Table = new Map([
    ['text', longstr('é')],
    ['bytes', { type: 'longstr', value: Buffer.from([0xff, 0]) }],
    ['binary', { type: 'binary', value: Buffer.from([1, 2]) }],
    ['big', { type: 'long', value: 2n ** 62n }],
    ['infinite', { type: 'double', value: -Infinity }],
    ['none', { type: 'float', value: NaN }],
    ['half', { type: 'double', value: 0.5 }],
    ['void', { type: 'void', value: null }],
    ['decimal', { type: 'decimal', value: { scale: 2, unscaled: 314 } }],
    ['nested', { type: 'table', value: new Map([['list', { type: 'array', value: [signedint(1), longstr('x')] }]]) }],
    ['__proto__', signedint(1)],
  ])
  const rest = { durable: true, autoDelete: false, internal: false, passive: false }
  client.session.topology.declareExchange({ name: 'x', type: 'direct', ...rest, arguments: args })
  await bench.broker.commitMetadata()
  const again = await new CoreBench({}, bench.metadata).start()
  assert.deepEqual(again.vhost.findExchange('x').arguments, args)
})
