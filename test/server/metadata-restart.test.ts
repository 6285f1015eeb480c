import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import amqp, { type Channel } from 'amqplib'
import type { Broker } from '../../src/core/broker.ts'
import type { Queue } from '../../src/core/queues/queue.ts'
import { startTestBroker, type TestBroker } from '../support/with-broker.ts'

async function dataDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'restart-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** A broker on the directory, as long as `use` takes. */
async function during<T>(dataDir: string, use: (broker: TestBroker) => Promise<T> | T): Promise<T> {
  const broker = await startTestBroker({ dataDir })
  try {
    return await use(broker)
  } finally {
    await broker.server.stop('test')
  }
}

async function withChannel(url: string, use: (channel: Channel) => Promise<void>): Promise<void> {
  const connection = await amqp.connect(url)
  try {
    await use(await connection.createChannel())
  } finally {
    await connection.close()
  }
}

/** All that is durable, in an order of its own where order means nothing. */
function snapshot(broker: Broker): unknown {
  const sorted = <T>(items: Iterable<T>): T[] =>
    [...items].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
  return {
    users: sorted(broker.users.list()),
    permissions: sorted(broker.permissions.list()),
    topicPermissions: sorted(broker.permissions.listTopics()),
    parameters: sorted(broker.parameters.list()),
    globals: sorted(broker.parameters.listGlobal()),
    policies: [...broker.policies.list('user'), ...broker.policies.list('operator')].map((policy) => ({
      ...policy,
      definition: Object.fromEntries(policy.definition),
    })),
    vhosts: sorted(
      [...broker.vhosts.values()].map((vhost) => ({
        name: vhost.name,
        metadata: vhost.metadata,
        exchanges: sorted(
          [...vhost.exchanges.values()].map((exchange) => ({
            name: exchange.name,
            type: exchange.type,
            durable: exchange.durable,
            autoDelete: exchange.autoDelete,
            internal: exchange.internal,
            arguments: [...exchange.arguments],
            policy: exchange.policy?.name,
            bindings: [...exchange.bindings.values()].map(({ destination, key, arguments: args }) => [
              destination.kind,
              destination.name,
              key,
              [...args],
            ]),
          })),
        ),
        queues: sorted([...vhost.queues.values()].map(queueFacts)),
      })),
    ),
  }
}

const queueFacts = (queue: Queue): unknown => ({
  id: queue.id,
  name: queue.name,
  type: queue.type,
  autoDelete: queue.autoDelete,
  arguments: [...queue.arguments],
  settings: Object.entries(queue.settings),
  policy: queue.policy?.name,
})

function configure(broker: Broker): void {
  broker.putVhost('two', { description: 'second', tags: ['a', 'b'], defaultQueueType: 'quorum' })
  broker.users.put(broker.users.parse({ name: 'ann', password: 'secret', tags: 'monitoring' }))
  broker.users.put({ ...broker.users.get('ann')!, limits: { maxConnections: 3, maxChannels: 9 } })
  broker.users.put(broker.users.parse({ name: 'gone', password: 'x' }))
  broker.setPermission({ user: 'ann', vhost: 'two', configure: '^a', write: '.*', read: '' })
  broker.setPermission({ user: 'gone', vhost: 'two', configure: '', write: '', read: '' })
  broker.setTopicPermission({ user: 'ann', vhost: 'two', exchange: 'amq.topic', write: '^{username}', read: '.*' })
  broker.users.delete('gone')
  broker.setPolicy('user', '/', 'limits', { pattern: '^limited', definition: { 'max-length': 7 }, priority: 2 })
  broker.setPolicy('user', '/', 'not for long', { pattern: '.*', definition: { 'max-length': 1 } })
  broker.setPolicy('operator', '/', 'cap', { pattern: '.*', definition: { 'message-ttl': 60_000 } })
  broker.deletePolicy('user', '/', 'not for long')
  broker.setParameter('two', 'vhost-limits', 'limits', { 'max-queues': 4 })
  broker.setGlobalParameter('cluster_tags', { region: 'eu' })
  broker.setGlobalParameter('gone', 1)
  broker.deleteGlobalParameter('gone')
}

async function declare(channel: Channel): Promise<void> {
  await channel.assertExchange('hash', 'x-consistent-hash', { durable: true })
  await channel.assertExchange('by topic', 'topic', { alternateExchange: 'hash', autoDelete: true })
  await channel.assertExchange('inner/ö%', 'headers', { internal: true })
  await channel.assertExchange('passing', 'fanout', { durable: false })
  await channel.assertQueue('limited', { maxPriority: 4, arguments: { 'x-big': { '!': 'int64', value: 2 ** 40 } } })
  await channel.assertQueue('q/ö%', { arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 3 } })
  await channel.assertQueue('passing', { durable: false })
  await channel.assertQueue('mine', { exclusive: true })
  await channel.assertQueue('deleted')
  for (let i = 0; i < 12; i++) await channel.assertQueue(`shard ${i}`)
  // neither the order of names nor that of declaration
  for (const i of [7, 2, 11, 0, 5, 9]) await channel.bindQueue(`shard ${i}`, 'hash', String(1 + (i % 3)))
  await channel.unbindQueue('shard 11', 'hash', '3')
  await channel.bindQueue('shard 11', 'hash', '3')
  await channel.bindQueue('limited', 'by topic', 'a.#', { extra: true })
  await channel.bindQueue('deleted', 'by topic', '#')
  await channel.bindQueue('passing', 'by topic', '#')
  await channel.bindQueue('limited', 'passing', '')
  await channel.bindExchange('inner/ö%', 'by topic', '#')
  await channel.bindQueue('q/ö%', 'inner/ö%', '', { 'x-match': 'any', n: 1.5, list: ['x', { y: null }] })
  await channel.deleteQueue('deleted')
}

describe('a broker with a data directory', () => {
  test('has after a restart all that is durable, and nothing else', async (t) => {
    const dataDir = await dataDirectory(t)
    const before = await during(dataDir, async ({ server, url }) => {
      configure(server.broker)
      await withChannel(url, declare)
      const { exchanges, queues } = server.broker.findVhost('/')
      assert.deepEqual([exchanges.has('passing'), queues.has('passing'), queues.has('mine')], [true, true, false])
      server.broker.findVhost('/').removeExchange(exchanges.get('passing')!)
      server.broker.findVhost('/').removeQueue(queues.get('passing')!)
      const facts = snapshot(server.broker)
      // and again what is not durable, to see it gone
      await withChannel(url, async (channel) => {
        await channel.assertExchange('passing', 'fanout', { durable: false })
        await channel.assertQueue('passing', { durable: false })
        await channel.bindQueue('passing', 'by topic', '#')
        await channel.bindQueue('limited', 'passing', '')
      })
      return facts
    })
    for (let restart = 0; restart < 2; restart++) {
      await during(dataDir, ({ server }) => assert.deepEqual(snapshot(server.broker), before))
    }
  })

  test('lets known users log in, and numbers new queues and bindings after the old ones', async (t) => {
    const dataDir = await dataDirectory(t)
    await during(dataDir, async ({ server, url }) => {
      configure(server.broker)
      await withChannel(url, declare)
    })
    await during(dataDir, async ({ server, port }) => {
      const connection = await amqp.connect(`amqp://ann:secret@localhost:${port}/two`)
      await connection.close()
      await assert.rejects(amqp.connect(`amqp://ann:wrong@localhost:${port}/two`), /ACCESS_REFUSED/)
      await withChannel(`amqp://guest:guest@localhost:${port}`, async (channel) => {
        const { queues } = server.broker.findVhost('/')
        const known = new Set([...queues.values()].map(({ id }) => id))
        await channel.assertQueue('new')
        assert.equal(known.has(queues.get('new')!.id), false)
        await channel.bindQueue('new', 'hash', '1')
      })
    })
    await during(dataDir, ({ server }) => {
      const { bindings } = server.broker.findVhost('/').findExchange('hash')
      const order = [...bindings.values()].map(({ destination }) => destination.name)
      assert.deepEqual(order, ['shard 7', 'shard 2', 'shard 0', 'shard 5', 'shard 9', 'shard 11', 'new'])
    })
  })

  test('sends the same keys to the same queues after a restart', async (t) => {
    const dataDir = await dataDirectory(t)
    const places = async ({ server, url }: TestBroker): Promise<Map<string, number>> => {
      await withChannel(url, async (channel) => {
        for (let i = 0; i < 200; i++) channel.publish('hash', `key ${i}`, Buffer.from(''))
        await channel.checkExchange('hash')
      })
      const { queues } = server.broker.findVhost('/')
      return new Map([...queues.values()].map(({ name, readyCount }) => [name, readyCount]))
    }
    const before = await during(dataDir, async (broker) => {
      await withChannel(broker.url, declare)
      return places(broker)
    })
    before.delete('passing')
    assert.deepEqual(await during(dataDir, places), before)
  })

  test('keeps nothing of what was deleted', async (t) => {
    const dataDir = await dataDirectory(t)
    await during(dataDir, async ({ server, url }) => {
      configure(server.broker)
      await withChannel(url, declare)
      server.broker.deleteVhost('/')
      server.broker.deleteVhost('two')
      for (const { name } of server.broker.users.list()) server.broker.users.delete(name)
      server.broker.deleteGlobalParameter('cluster_tags')
      await server.broker.commitMetadata()
      assert.deepEqual([...(await server.broker.metadata.load())], [])
    })
  })

  test('applies policies to predeclared exchanges, too', async (t) => {
    const dataDir = await dataDirectory(t)
    const alternate = ({ server }: TestBroker): string | null =>
      server.broker.findVhost('/').findExchange('amq.direct').alternate
    await during(dataDir, (broker) => {
      const definition = { 'alternate-exchange': 'amq.fanout' }
      broker.server.broker.setPolicy('user', '/', 'p', { pattern: '^amq.direct$', definition })
      assert.equal(alternate(broker), 'amq.fanout')
    })
    await during(dataDir, (broker) => assert.equal(alternate(broker), 'amq.fanout'))
  })
})
