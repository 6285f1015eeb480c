import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Delivery, Properties } from '../../src/amqp-client/index.ts'
import { longstr } from '../../src/core/fields.ts'
import { tableToJson } from '../../src/core/fields-json.ts'
import type { BrokerEvent } from '../../src/core/events.ts'
import { systemClock } from '../../src/util/system-clock.ts'
import { virtualClock } from '../../src/util/virtual-clock.ts'
import { startCutProxy } from '../clients/cut-proxy.ts'
import { temporaryFolder } from '../support/warren-process.ts'
import { federate, linked, linksOf, namesOf, propagated, startNode, wayOf } from './federation-support.ts'
import { eventually, numbered, publishAll, readyIn, takeAll, textsOf } from './support.ts'

const body = (text: string): Buffer => Buffer.from(text)

describe('federated exchanges', () => {
  for (const ackMode of ['on-confirm', 'on-publish', 'no-ack']) {
    test(`get what is published upstream and wanted here, ${ackMode}`, async (t) => {
      const [up, down] = [await startNode(t, 'up'), await startNode(t, 'down')]
      await down.channel.declareExchange('fed.x', 'topic', { durable: true })
      await down.channel.declareQueue('q')
      await down.channel.bindQueue('q', 'fed.x', 'a.*')
      federate(down, up, { 'ack-mode': ackMode, 'prefetch-count': 20 })
      await linked(down)
      for (let i = 0; i < 200; i++) {
        up.channel.publish('fed.x', `a.${i}`, null, body(`${i}`))
        up.channel.publish('fed.x', `b.${i}`, null, body('not wanted'))
      }
      down.channel.publish('fed.x', 'a.here', null, body('from here'))
      await eventually(() => readyIn(down.broker, 'q') === 201)
      const got = await takeAll(down.channel, 'q')
      const fromThere = got.filter(({ properties }) => properties.headers !== null)
      assert.deepEqual(
        textsOf(fromThere),
        Array.from({ length: 200 }, (_, i) => `${i}`),
      )
      assert.deepEqual([fromThere[7]!.exchange, fromThere[7]!.routingKey], ['fed.x', 'a.7'])
      assert.deepEqual(wayOf(fromThere[0]!.properties.headers), [
        {
          uri: up.url.replace('guest:guest@', ''),
          exchange: 'fed.x',
          redelivered: false,
          'cluster-name': 'up',
          vhost: '/',
        },
      ])
      await eventually(() => readyIn(up.broker, 'federation: fed.x -> down') === 0)
    })
  }

  test('make upstream what RabbitMQ makes there', async (t) => {
    const [up, down] = [await startNode(t, 'up'), await startNode(t, 'down')]
    await down.channel.declareExchange('fed.x', 'direct', { durable: true, autoDelete: false })
    await down.channel.declareQueue('q')
    await down.channel.bindQueue('q', 'fed.x', 'k', new Map([['own', longstr('argument')]]))
    federate(down, up, { expires: 60_000, 'message-ttl': 30_000, 'queue-type': 'quorum', 'max-hops': 2 })
    await linked(down)
    const vhost = up.broker.findVhost('/')
    const queue = vhost.findQueue('federation: fed.x -> down')
    assert.deepEqual(
      [queue.type, queue.durable, tableToJson(queue.arguments)],
      [
        'quorum',
        true,
        {
          'x-expires': 60_000,
          'x-message-ttl': 30_000,
          'x-internal-purpose': 'federation',
          'x-queue-type': 'quorum',
        },
      ],
    )
    const internal = vhost.findExchange('federation: fed.x -> down B')
    assert.deepEqual(
      [internal.type, internal.durable, internal.autoDelete, internal.internal, tableToJson(internal.arguments)],
      [
        'x-federation-upstream',
        true,
        true,
        true,
        { 'x-max-hops': 2, 'x-downstream-name': 'down', 'x-downstream-vhost': '/', 'x-internal-purpose': 'federation' },
      ],
    )
    const exchange = vhost.findExchange('fed.x')
    assert.deepEqual([exchange.type, exchange.durable], ['direct', true])
    const [binding] = [...exchange.bindings.values()]
    assert.deepEqual(tableToJson(binding!.arguments), {
      own: 'argument',
      'x-bound-from': [{ 'cluster-name': 'down', vhost: '/', exchange: '/:fed.x B', hops: 2 }],
    })
    const consumer = [...queue.dispatcher.consumers][0]!
    assert.equal(consumer.connection.facts.givenName, 'Federation link (upstream: up, policy: fed)')
    assert.equal(consumer.prefetch, 1000)
  })

  test('names upstream tell vhosts and other names', async (t) => {
    const [up, down] = [await startNode(t, 'up'), await startNode(t, 'down')]
    up.broker.putVhost('v')
    up.broker.setPermission({ user: 'guest', vhost: 'v', configure: '.*', write: '.*', read: '.*' })
    await down.channel.declareExchange('fed.x', 'fanout')
    down.broker.setParameter('/', 'federation-upstream', 'a', { uri: `${up.url}/v`, exchange: 'other' })
    down.broker.setParameter('/', 'federation-upstream', 'b', { uri: up.url, exchange: 'other' })
    down.broker.setPolicy('user', '/', 'fed', { pattern: '^fed', definition: { 'federation-upstream-set': 'all' } })
    await linked(down, 2)
    assert.deepEqual(namesOf(up.broker.findVhost('v').queues.keys()), ['federation: other -> down:/:fed.x'])
    assert.deepEqual(namesOf(up.broker.findVhost('/').queues.keys()), ['federation: other -> down:fed.x'])
    assert.deepEqual(
      linksOf(down).map(({ upstream_exchange, exchange }) => [exchange, upstream_exchange]),
      [
        ['fed.x', 'other'],
        ['fed.x', 'other'],
      ],
    )
  })

  test('bindings that come and go here, come and go upstream', async (t) => {
    const [up, down] = [await startNode(t, 'up'), await startNode(t, 'down')]
    const { channel } = down
    await channel.declareExchange('fed.x', 'topic')
    await channel.declareExchange('next', 'fanout')
    await channel.declareQueue('q1')
    await channel.declareQueue('q2')
    await channel.bindQueue('q1', 'fed.x', 'early')
    federate(down, up)
    await linked(down)
    assert.deepEqual(propagated(up, 'fed.x'), ['early'])
    await channel.bindQueue('q1', 'fed.x', 'a')
    await channel.bindQueue('q2', 'fed.x', 'a')
    await channel.bindExchange('next', 'fed.x', 'b')
    await eventually(() => propagated(up, 'fed.x').join() === 'a,b,early')
    await channel.unbindQueue('q1', 'fed.x', 'a')
    await channel.unbindQueue('q1', 'fed.x', 'early')
    await eventually(() => propagated(up, 'fed.x').join() === 'a,b')
    await channel.deleteQueue('q2')
    await channel.deleteExchange('next')
    await eventually(() => propagated(up, 'fed.x').length === 0)
  })

  test('a message goes as many brokers far as max-hops says, and bindings as far back', async (t) => {
    const [a, b, c] = [await startNode(t, 'a'), await startNode(t, 'b'), await startNode(t, 'c')]
    for (const node of [a, b, c]) {
      await node.channel.declareExchange('fed.x', 'topic')
      await node.channel.declareQueue('q')
      await node.channel.bindQueue('q', 'fed.x', `${node.name}.#`)
    }
    federate(b, a, { 'max-hops': 2 })
    federate(c, b, { 'max-hops': 2 })
    await linked(b)
    await linked(c)
    await c.channel.bindQueue('q', 'fed.x', 'all')
    await eventually(() => propagated(a, 'fed.x').join() === 'all,b.#,c.#')
    a.channel.publish('fed.x', 'all', null, body('far'))
    a.channel.publish('fed.x', 'b.1', null, body('near'))
    const far = await eventually(() => c.channel.get('q', true))
    const near = await eventually(() => b.channel.get('q', true))
    assert.deepEqual([far.body.toString(), near.body.toString()], ['far', 'near'])
    const way = wayOf(far.properties.headers) as { 'cluster-name': string }[]
    assert.deepEqual(
      way.map((hop) => hop['cluster-name']),
      ['b', 'a'],
    )
    // one hop less, and neither gets that far
    federate(c, b, { 'max-hops': 1 })
    await eventually(() => propagated(a, 'fed.x').join() === 'b.#')
    await linked(c)
    a.channel.publish('fed.x', 'all', null, body('too far'))
    b.channel.publish('fed.x', 'all', null, body('marker'))
    const next = await eventually(() => c.channel.get('q', true))
    assert.equal(next.body.toString(), 'marker')
  })

  test('brokers that are upstreams of each other send nothing back', async (t) => {
    const nodes = [await startNode(t, 'a'), await startNode(t, 'b'), await startNode(t, 'c')]
    for (const node of nodes) {
      await node.channel.declareExchange('fed.x', 'fanout')
      await node.channel.declareQueue('q')
      await node.channel.bindQueue('q', 'fed.x', '')
    }
    for (const node of nodes) {
      for (const other of nodes) {
        if (other === node) continue
        node.broker.setParameter('/', 'federation-upstream', other.name, { uri: other.url, 'max-hops': 5 })
      }
      node.broker.setPolicy('user', '/', 'fed', { pattern: '^fed', definition: { 'federation-upstream-set': 'all' } })
    }
    for (const node of nodes) await linked(node, 2)
    for (const node of nodes) {
      await eventually(() => propagated(node, 'fed.x').length >= 2)
      node.channel.publish('fed.x', '', null, body(`from ${node.name}`))
    }
    for (const node of nodes) {
      const seen = new Set<string>()
      await node.channel.consume('q', (delivery: Delivery) => void seen.add(delivery.body.toString()), { noAck: true })
      await eventually(() => seen.size === 3)
    }
    // nothing goes round any more
    await eventually(() => nodes.every((node) => allEmpty(node.broker.findVhost('/').queues.values())))
  })

  test('a user id is only believed where the upstream is trusted', async (t) => {
    const [up, down] = [await startNode(t, 'up'), await startNode(t, 'down')]
    await down.channel.declareExchange('fed.x', 'fanout')
    await down.channel.declareQueue('q')
    await down.channel.bindQueue('q', 'fed.x', '')
    federate(down, up)
    await linked(down)
    const properties = Object.assign(new Properties(), {
      userId: 'guest',
      headers: new Map([['own', longstr('kept')]]),
    })
    up.channel.publish('fed.x', '', properties, body('x'))
    const first = await eventually(() => down.channel.get('q', true))
    assert.equal(first.properties.userId, null)
    assert.equal(first.properties.headers!.get('own')?.value, 'kept')
    federate(down, up, { 'trust-user-id': true })
    // the link ends and begins anew, perhaps faster than one can look: what comes through the one before is as before
    const second = await eventually(async () => {
      up.channel.publish('fed.x', '', properties, body('x'))
      const got = await down.channel.get('q', true)
      return got?.properties.userId === 'guest' ? got : undefined
    })
    assert.equal(second.properties.headers!.get('own')?.value, 'kept')
  })

  test('an upstream that knows nothing of federation gets a fanout exchange instead', async (t) => {
    const [up, down] = [await startNode(t, 'up'), await startNode(t, 'down')]
    up.broker.exchangeTypes.unregister('x-federation-upstream')
    await down.channel.declareExchange('fed.x', 'fanout')
    await down.channel.declareQueue('q')
    await down.channel.bindQueue('q', 'fed.x', '')
    federate(down, up)
    await linked(down)
    assert.equal(up.broker.findVhost('/').findExchange('federation: fed.x -> down B').type, 'fanout')
    up.channel.publish('fed.x', '', null, body('x'))
    await eventually(() => readyIn(down.broker, 'q') === 1)
  })

  test('a queue, an internal exchange and the default exchange are no federated exchanges', async (t) => {
    const [up, down] = [await startNode(t, 'up'), await startNode(t, 'down')]
    await down.channel.declareExchange('fed.internal', 'fanout', { internal: true })
    await down.channel.declareExchange('fed.x', 'fanout')
    down.broker.setParameter('/', 'federation-upstream', 'up', { uri: up.url })
    const definition = { 'federation-upstream-pattern': '^u' }
    down.broker.setPolicy('user', '/', 'all', { pattern: '^(fed.*|)$', 'apply-to': 'exchanges', definition })
    const links = await linked(down)
    assert.equal(links[0]!.exchange, 'fed.x')
  })
})

describe('federated exchanges through trouble', () => {
  test('what is published while the link is down comes when it is up again, once', async (t) => {
    const [up, down] = [await startNode(t, 'up'), await startNode(t, 'down')]
    const proxy = await startCutProxy(up.url)
    t.after(() => proxy.close())
    await down.channel.declareExchange('fed.x', 'direct', { durable: true })
    await down.channel.declareQueue('q', { durable: true })
    await down.channel.bindQueue('q', 'fed.x', 'k')
    federate(down, { name: 'up', url: proxy.url })
    await linked(down)
    const seen: string[] = []
    await down.channel.consume('q', (delivery) => void seen.push(delivery.body.toString()), { noAck: true })
    const suffixes = new Set<string>()
    const { exchanges } = up.broker.findVhost('/')
    for (let round = 0; round < 6; round++) {
      for (const text of numbered(200, `${round}.`)) up.channel.publish('fed.x', 'k', null, body(text))
      await eventually(() => seen.some((text) => text.startsWith(`${round}.`)))
      proxy.cut()
      await linked(down)
      for (const name of namesOf(exchanges.keys())) suffixes.add(name)
    }
    await eventually(() => new Set(seen).size === 1200)
    assert.deepEqual([...suffixes].toSorted(), ['federation: fed.x -> down A', 'federation: fed.x -> down B'])
    await eventually(() => namesOf(exchanges.keys()).length === 1)
    assert.deepEqual(propagated(up, 'fed.x'), ['k'])
  })

  test('a restart of this broker misses nothing', async (t) => {
    const dataDir = temporaryFolder(t)
    const up = await startNode(t, 'up')
    const first = await startNode(t, 'down', { dataDir })
    await first.channel.declareExchange('fed.x', 'direct', { durable: true })
    await first.channel.declareQueue('q', { durable: true })
    await first.channel.bindQueue('q', 'fed.x', 'k')
    federate(first, up)
    await linked(first)
    await first.server.stop('test')
    up.channel.publish('fed.x', 'k', null, body('meanwhile'))
    await eventually(() => readyIn(up.broker, 'federation: fed.x -> down') === 1)
    const second = await startNode(t, 'down', { dataDir })
    await linked(second)
    const got = await eventually(() => second.channel.get('q', true))
    assert.equal(got.body.toString(), 'meanwhile')
    assert.deepEqual(namesOf(up.broker.findVhost('/').exchanges.keys()), ['federation: fed.x -> down A'])
  })

  test('an upstream that is not there is told, and found when it is', async (t) => {
    const [up, down] = [await startNode(t, 'up'), await startNode(t, 'down')]
    const secret = up.url.replace('guest:guest', 'guest:s3cret')
    await down.channel.declareExchange('fed.x', 'fanout')
    const events: BrokerEvent[] = []
    down.broker.events.listen((event) => {
      if (event.name.startsWith('federation')) events.push(event)
    })
    federate(down, { name: 'up', url: `${secret}?password=s3cret` })
    const failed = await eventually(() => linksOf(down).find(({ status }) => status === 'error'))
    assert.match(failed.error!, /403 ACCESS_REFUSED/)
    assert.equal(failed.uri, up.url.replace('guest:guest@', ''))
    up.broker.users.put(up.broker.users.parse({ name: 'guest', password: 's3cret', tags: [] }))
    const [running] = await linked(down)
    assert.equal(running!.id, failed.id)
    assert.match(running!.id, /^[0-9a-f]{8}$/)
    assert.match(running!.local_connection!, /^<rabbit@.*\.\d+>$/)
    assert.deepEqual([...new Set(events.map(({ facts }) => String(facts['status'])))].toSorted(), [
      'error',
      'running',
      'starting',
    ])
    assert.doesNotMatch(JSON.stringify([events.map(({ facts }) => facts), linksOf(down)]), /s3cret/)
  })

  test('an exchange that is deleted upstream is made again, when that is noticed', async (t) => {
    const clock = virtualClock()
    const networkClock = systemClock()
    t.after(() => networkClock.close())
    const [up, down] = [await startNode(t, 'up'), await startNode(t, 'down', { clock, networkClock })]
    await down.channel.declareExchange('fed.x', 'fanout')
    await down.channel.declareQueue('q')
    await down.channel.bindQueue('q', 'fed.x', '')
    federate(down, up)
    await linked(down)
    await up.channel.deleteExchange('fed.x')
    await clock.advance('89s')
    assert.equal(linksOf(down)[0]!.status, 'running')
    await clock.advance('1s')
    const failed = await eventually(() => linksOf(down).find(({ status }) => status === 'error'))
    assert.match(failed.error!, /the exchange 'fed.x' is gone from the upstream/)
    await clock.advance('1s')
    await linked(down)
    up.channel.publish('fed.x', '', null, body('again'))
    await eventually(() => readyIn(down.broker, 'q') === 1)
  })

  test('an upstream that refuses what is needed is told, with the reason', async (t) => {
    const [up, down] = [await startNode(t, 'up'), await startNode(t, 'down')]
    up.broker.users.put(up.broker.users.parse({ name: 'poor', password: 'x', tags: [] }))
    up.broker.setPermission({ user: 'poor', vhost: '/', configure: '', write: '', read: '' })
    await down.channel.declareExchange('fed.x', 'fanout')
    federate(down, { name: 'up', url: up.url.replace('guest:guest', 'poor:x') })
    const failed = await eventually(() => linksOf(down).find(({ status }) => status === 'error'))
    assert.match(failed.error!, /403 ACCESS_REFUSED - configure access to queue 'federation: fed.x -> down'/)
  })
})

describe('links of federated exchanges', () => {
  test('come and go with policies, upstreams, sets and exchanges, and leave nothing behind', async (t) => {
    const [up, down] = [await startNode(t, 'up'), await startNode(t, 'down')]
    const { broker } = down
    const left = (): string[] => {
      const { queues, exchanges } = up.broker.findVhost('/')
      return [...namesOf(queues.keys()), ...namesOf(exchanges.keys())]
    }
    const gone = (): Promise<boolean> => eventually(() => linksOf(down).length === 0 && left().length === 0)
    await down.channel.declareExchange('fed.x', 'fanout')
    federate(down, up)
    await linked(down)
    assert.equal(left().length, 2)
    broker.deletePolicy('user', '/', 'fed')
    await gone()
    federate(down, up)
    await linked(down)
    broker.deleteParameter('/', 'federation-upstream', 'up')
    await gone()
    broker.setParameter('/', 'federation-upstream-set', 's', [
      { upstream: 'up', exchange: 'set.x' },
      { upstream: 'up', exchange: 'other.x' },
      { upstream: 'missing' },
    ])
    federate(down, up, {}, { 'federation-upstream-set': 's' })
    await linked(down, 2)
    broker.deleteParameter('/', 'federation-upstream-set', 's')
    await gone()
    federate(down, up, {}, { 'federation-upstream-pattern': '^u.$' })
    await linked(down)
    await down.channel.deleteExchange('fed.x')
    await gone()
    await down.channel.declareExchange('fed.y', 'fanout')
    await linked(down)
    const removed: BrokerEvent[] = []
    broker.events.listen((event) => {
      if (event.name === 'federation.link.removed') removed.push(event)
    })
    broker.deleteVhost('/')
    await gone()
    assert.deepEqual(
      removed.map(({ facts }) => facts['exchange']),
      ['fed.y'],
    )
  })

  test('what it has made upstream stays where it is told to', async (t) => {
    const [up, down] = [await startNode(t, 'up'), await startNode(t, 'down')]
    await down.channel.declareExchange('fed.x', 'fanout')
    federate(down, up, { 'resource-cleanup-mode': 'never' })
    await linked(down)
    down.broker.deletePolicy('user', '/', 'fed')
    const queue = up.broker.findVhost('/').findQueue('federation: fed.x -> down')
    await eventually(() => queue.consumerCount === 0)
    assert.equal(queue.deleted, false)
  })

  test('a restart keeps what has gathered upstream', async (t) => {
    const [up, down] = [await startNode(t, 'up'), await startNode(t, 'down')]
    await down.channel.declareExchange('fed.x', 'fanout')
    await down.channel.declareQueue('q')
    await down.channel.bindQueue('q', 'fed.x', '')
    federate(down, up, { 'bind-nowait': true, 'channel-use-mode': 'single' })
    const [{ id } = { id: '' }] = await linked(down)
    const seen: string[] = []
    await down.channel.consume('q', (delivery) => void seen.push(delivery.body.toString()), { noAck: true })
    await eventually(() => propagated(up, 'fed.x').length === 1)
    for (let round = 0; round < 3; round++) {
      for (const text of numbered(500, `${round}.`)) up.channel.publish('fed.x', '', null, body(text))
      assert.equal(down.server.links.federation.restart('/', id), true)
      await linked(down)
    }
    await eventually(() => new Set(seen).size === 1500)
    assert.equal(seen.length, 1500)
    assert.equal(down.server.links.federation.restart('/', 'nosuchid'), false)
    assert.equal(down.server.links.federation.restart('other', id), false)
  })

  test('the broker may be its own upstream', async (t) => {
    const node = await startNode(t, 'one')
    node.broker.putVhost('v')
    await node.channel.declareExchange('fed.x', 'fanout')
    await node.channel.declareQueue('q')
    await node.channel.bindQueue('q', 'fed.x', '')
    federate(node, { name: 'v', url: 'amqp:///v' })
    await linked(node)
    const exchange = node.broker.findVhost('v').findExchange('fed.x')
    assert.equal(exchange.bindings.size, 1)
    await publishAll(node.url, 'q', ['x'])
  })
})

function allEmpty(queues: Iterable<{ readonly readyCount: number; readonly unackedCount: number }>): boolean {
  for (const { readyCount, unackedCount } of queues) if (readyCount + unackedCount > 0) return false
  return true
}
