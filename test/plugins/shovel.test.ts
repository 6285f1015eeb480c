import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { type Channel, Properties } from '../../src/amqp-client/index.ts'
import { array, longstr, signedint, stringOf, table } from '../../src/core/fields.ts'
import type { BrokerEvent } from '../../src/core/events.ts'
import type { ShovelStatus } from '../../src/core/links.ts'
import type { RunningServer } from '../../src/server.ts'
import { virtualClock } from '../../src/util/virtual-clock.ts'
import { systemClock } from '../../src/util/system-clock.ts'
import { startCutProxy } from '../clients/cut-proxy.ts'
import { startWarren, temporaryFolder } from '../support/warren-process.ts'
import {
  clientOf,
  declareQueue,
  eventually,
  messagesIn,
  numbered,
  publishAll,
  readyIn,
  startBrokerFor,
  takeAll,
  textsOf,
} from './support.ts'

function setShovel(server: RunningServer, name: string, value: Record<string, unknown>, vhost = '/'): void {
  server.broker.setParameter(vhost, 'shovel', name, value)
}

const statusOf = (server: RunningServer, name: string): ShovelStatus | undefined =>
  server.links.shovels.list().find((status) => status.name === name)

const running = (server: RunningServer, name: string): Promise<ShovelStatus> =>
  eventually(() => {
    const status = statusOf(server, name)
    return status?.state === 'running' ? status : undefined
  })

/** Two brokers, the first of which has the shovels, with a client at each. */
async function twoBrokers(t: TestContext): Promise<{
  here: RunningServer
  there: RunningServer
  thereUrl: string
  hereUrl: string
  local: Channel
  remote: Channel
}> {
  const [here, there] = await Promise.all([startBrokerFor(t), startBrokerFor(t)])
  const [local, remote] = await Promise.all([clientOf(t, here.url), clientOf(t, there.url)])
  return {
    here: here.server,
    there: there.server,
    hereUrl: here.url,
    thereUrl: there.url,
    local: local.channel,
    remote: remote.channel,
  }
}

describe('shovels between two brokers', () => {
  for (const ackMode of ['on-confirm', 'on-publish', 'no-ack']) {
    test(`move what is there and what comes, ${ackMode}`, async (t) => {
      const { here, there, hereUrl, thereUrl, local, remote } = await twoBrokers(t)
      await local.declareQueue('from', { durable: true })
      await publishAll(hereUrl, 'from', numbered(500))
      setShovel(here, 's', {
        'src-uri': 'amqp://',
        'src-queue': 'from',
        'src-prefetch-count': 50,
        'dest-uri': thereUrl,
        'dest-queue': 'to',
        'ack-mode': ackMode,
      })
      await running(here, 's')
      await publishAll(hereUrl, 'from', numbered(500, 'n'))
      await eventually(() => readyIn(there.broker, 'to') === 1000)
      await eventually(() => messagesIn(here.broker, 'from') === 0)
      assert.deepEqual(textsOf(await takeAll(remote, 'to')), [...numbered(500), ...numbered(500, 'n')])
      const status = statusOf(here, 's')!
      assert.deepEqual(
        [status.forwarded, status.pending, status.remaining, status.blocked_status],
        [1000, 0, 'unlimited', 'running'],
      )
    })
  }

  test('pull from another broker, to an exchange and by a key', async (t) => {
    const { here, there, thereUrl, local, remote } = await twoBrokers(t)
    await remote.declareExchange('x', 'topic')
    const { queue } = await local.declareQueue('', { exclusive: true })
    await local.bindQueue(queue, 'amq.topic', 'changed')
    setShovel(here, 's', {
      'src-uri': thereUrl,
      'src-exchange': 'x',
      'src-exchange-key': 'a.*',
      'dest-uri': 'amqp:///%2F',
      'dest-exchange': 'amq.topic',
      'dest-exchange-key': 'changed',
    })
    await running(here, 's')
    for (const key of ['a.b', 'b', 'a.c']) remote.publish('x', key, null, Buffer.from(key))
    await eventually(() => readyIn(here.broker, queue) === 2)
    const got = await takeAll(local, queue)
    assert.deepEqual(
      got.map(({ exchange, routingKey, body }) => [exchange, routingKey, body.toString()]),
      [
        ['amq.topic', 'changed', 'a.b'],
        ['amq.topic', 'changed', 'a.c'],
      ],
    )
    const [source] = [...there.broker.findVhost('/').queues.values()].filter(({ owner }) => owner !== null)
    assert.equal(source!.owner!.facts.givenName, 'Shovel s')
  })

  test('messages keep their exchange, key, properties and body where nothing says otherwise', async (t) => {
    const { here, thereUrl, local, remote } = await twoBrokers(t)
    await local.declareQueue('from', {})
    const { queue } = await remote.declareQueue('', { exclusive: true })
    await remote.bindQueue(queue, 'amq.direct', 'key')
    await local.bindQueue('from', 'amq.direct', 'key')
    setShovel(here, 's', { 'src-uri': 'amqp://', 'src-queue': 'from', 'dest-uri': thereUrl })
    await running(here, 's')
    const properties = Object.assign(new Properties(), {
      contentType: 'text/plain',
      headers: new Map([['n', signedint(7)]]),
      correlationId: 'c',
      expiration: '100000',
      timestamp: 1_700_000_000,
    })
    const body = Buffer.alloc(300_000, 'xyz')
    local.publish('amq.direct', 'key', properties, body)
    const got = await eventually(() => remote.get(queue, true))
    assert.deepEqual([got.exchange, got.routingKey, got.properties], ['amq.direct', 'key', properties])
    assert.ok(got.body.equals(body))
  })

  test('write down the way of a message, and set its properties', async (t) => {
    const { here, hereUrl, thereUrl, local, remote } = await twoBrokers(t)
    await local.declareQueue('from', { durable: true })
    await remote.declareQueue('to', { durable: true })
    const secret = thereUrl.replace('guest:guest', 'guest:guest')
    setShovel(here, 's', {
      'src-uri': `${hereUrl}/%2F?heartbeat=20`,
      'src-queue': 'from',
      'dest-uri': [secret],
      'dest-exchange': '',
      'dest-exchange-key': 'to',
      'dest-add-forward-headers': true,
      'dest-add-timestamp-header': true,
      'dest-publish-properties': { delivery_mode: 1, app_id: 'shovelled', priority: 3 },
    })
    await running(here, 's')
    const before = table(new Map([['shovel-name', longstr('earlier')]]))
    const properties = Object.assign(new Properties(), {
      deliveryMode: 2,
      messageId: 'm',
      headers: new Map([
        ['x-shovelled', array([before])],
        ['own', longstr('kept')],
      ]),
    })
    local.publish('', 'from', properties, Buffer.from('x'))
    const { properties: got } = await eventually(() => remote.get('to', true))
    assert.deepEqual([got.deliveryMode, got.appId, got.priority, got.messageId], [1, 'shovelled', 3, 'm'])
    assert.equal(stringOf(got.headers!.get('own')), 'kept')
    const time = got.headers!.get('x-shovelled-timestamp')!
    assert.equal(time.type, 'long')
    assert.ok(Math.abs(Number(time.value) - Date.now() / 1000) < 100)
    const way = got.headers!.get('x-shovelled')!
    assert.ok(way.type === 'array')
    assert.deepEqual(way.value[1], before)
    const [first] = way.value
    assert.ok(first!.type === 'table')
    const shown = (url: string): string => url.replace('guest:guest@', '')
    assert.deepEqual(
      [...first.value].map(([key, field]) => [key, stringOf(field)]),
      [
        ['shovelled-by', here.broker.options.nodeName],
        ['shovel-type', 'dynamic'],
        ['shovel-name', 's'],
        ['shovel-vhost', '/'],
        ['src-uri', `${shown(hereUrl)}/%2F`],
        ['dest-uri', shown(thereUrl)],
        ['src-queue', 'from'],
        ['dest-exchange', ''],
        ['dest-exchange-key', 'to'],
      ],
    )
  })

  test('a header of the wrong type is put aside', async (t) => {
    const { here, thereUrl, local, remote } = await twoBrokers(t)
    setShovel(here, 's', {
      'src-uri': 'amqp://',
      'src-queue': 'from',
      'dest-uri': thereUrl,
      'dest-queue': 'to',
      'add-forward-headers': true,
    })
    await running(here, 's')
    const headers = new Map([['x-shovelled', longstr('odd')]])
    local.publish('', 'from', Object.assign(new Properties(), { headers }), Buffer.from('x'))
    const { properties } = await eventually(() => remote.get('to', true))
    const invalid = properties.headers!.get('x-invalid-headers')!
    assert.deepEqual(invalid, table(new Map([['x-shovelled', array([longstr('odd')])]])))
    assert.equal(properties.headers!.get('x-shovelled')!.type, 'array')
  })

  test('queues are declared only where they are missing', async (t) => {
    const { here, there, thereUrl, remote } = await twoBrokers(t)
    await remote.declareQueue('short', { arguments: new Map([['x-max-length', signedint(5)]]) })
    setShovel(here, 'a', {
      'src-uri': 'amqp://',
      'src-queue': 'from',
      'src-queue-args': { 'x-max-priority': 5 },
      'dest-uri': thereUrl,
      'dest-queue': 'short',
      'dest-queue-args': { 'x-queue-type': 'quorum' },
    })
    await running(here, 'a')
    const from = here.broker.findVhost('/').findQueue('from')
    assert.deepEqual([from.durable, from.arguments.get('x-max-priority')?.value], [true, 5])
    assert.equal(there.broker.findVhost('/').findQueue('short').type, 'classic')
    setShovel(here, 'b', {
      'src-uri': 'amqp://',
      'src-queue': 'missing',
      'src-predeclared': true,
      'dest-uri': thereUrl,
      'dest-queue': 'short',
    })
    const failed = await eventually(() => {
      const status = statusOf(here, 'b')
      return status?.state === 'terminated' ? status : undefined
    })
    assert.match(failed.reason!, /404 NOT_FOUND - no queue 'missing' in vhost '\/'/)
  })
})

describe('shovels that end by themselves', () => {
  const cases: readonly (readonly [title: string, value: Record<string, unknown>, moved: number])[] = [
    ['after a number of messages', { 'src-delete-after': 7 }, 7],
    ['after a number of messages, by the old name', { 'delete-after': 3, 'ack-mode': 'on-publish' }, 3],
    ['after no message', { 'src-delete-after': 0 }, 0],
    ['after what was in the queue', { 'src-delete-after': 'queue-length' }, 20],
    [
      'after what was in the queue, without acknowledgements',
      { 'src-delete-after': 'queue-length', 'ack-mode': 'no-ack' },
      20,
    ],
  ]
  for (const [title, value, moved] of cases) {
    test(title, async (t) => {
      const { here, there, hereUrl, thereUrl } = await twoBrokers(t)
      declareQueue(here, 'from')
      declareQueue(there, 'to')
      await publishAll(hereUrl, 'from', numbered(20))
      const events: string[] = []
      here.broker.events.listen(({ name, actor }: BrokerEvent) => {
        if (/^(shovel|parameter)/.test(name)) events.push(`${name} by ${actor}`)
      })
      setShovel(here, 's', {
        'src-uri': 'amqp://',
        'src-queue': 'from',
        'dest-uri': thereUrl,
        'dest-queue': 'to',
        ...value,
      })
      await eventually(() => here.broker.parameters.get('/', 'shovel', 's') === null)
      assert.deepEqual(here.links.shovels.list(), [])
      await eventually(() => readyIn(here.broker, 'from') === 20 - moved)
      assert.equal(readyIn(there.broker, 'to'), moved)
      assert.ok(events.includes('parameter.cleared by rmq-shovel'))
      assert.ok(events.includes('shovel.worker.removed by rmq-shovel'))
    })
  }

  test('what comes after the count is left, even while it is under way', async (t) => {
    const { here, there, hereUrl, thereUrl, remote } = await twoBrokers(t)
    declareQueue(here, 'from')
    await publishAll(hereUrl, 'from', numbered(2000))
    setShovel(here, 's', {
      'src-uri': 'amqp://',
      'src-queue': 'from',
      'dest-uri': thereUrl,
      'dest-queue': 'to',
      'src-delete-after': 1500,
    })
    await eventually(() => here.broker.parameters.get('/', 'shovel', 's') === null)
    await eventually(() => readyIn(here.broker, 'from') === 500)
    assert.deepEqual(textsOf(await takeAll(remote, 'to')), numbered(1500))
    assert.equal(readyIn(there.broker, 'to'), 0)
  })
})

describe('shovels through trouble', () => {
  test('nothing is lost, and little is doubled, when the network is cut again and again', async (t) => {
    const { here, there, hereUrl, thereUrl, remote } = await twoBrokers(t)
    const proxy = await startCutProxy(thereUrl)
    t.after(() => proxy.close())
    declareQueue(here, 'from')
    declareQueue(there, 'to')
    setShovel(here, 's', {
      'src-uri': 'amqp://',
      'src-queue': 'from',
      'src-prefetch-count': 100,
      'dest-uri': proxy.url,
      'dest-queue': 'to',
      'reconnect-delay': 0.01,
    })
    const to = there.broker.findVhost('/').findQueue('to')
    for (let round = 1; round <= 10; round++) {
      await publishAll(hereUrl, 'from', numbered(500, `${round}.`))
      const before = to.counters.published
      await eventually(() => to.counters.published > before + 100)
      proxy.cut()
    }
    await eventually(() => messagesIn(here.broker, 'from') === 0)
    const got = textsOf(await takeAll(remote, 'to'))
    const wanted = Array.from({ length: 10 }, (_, i) => numbered(500, `${i + 1}.`)).flat()
    assert.deepEqual([...new Set(got)].toSorted(), wanted.toSorted())
    assert.ok(got.length <= wanted.length + 10 * 100, 'no more doubles than were under way')
  })

  test('nothing is lost when the destination is killed in the middle', async (t) => {
    const here = await startBrokerFor(t)
    const dataDir = temporaryFolder(t)
    const first = await startWarren(t, ['--data-dir', dataDir])
    const port = first.port()
    declareQueue(here.server, 'from')
    setShovel(here.server, 's', {
      'src-uri': 'amqp://',
      'src-queue': 'from',
      'src-prefetch-count': 20,
      'dest-uri': `amqp://guest:guest@127.0.0.1:${port}`,
      'dest-queue': 'to',
      'reconnect-delay': 0.1,
    })
    await publishAll(here.url, 'from', numbered(5000))
    await eventually(() => (statusOf(here.server, 's')!.forwarded ?? 0) > 500)
    await first.stop('SIGKILL')
    await eventually(() => statusOf(here.server, 's')!.state !== 'running')
    assert.ok(messagesIn(here.server.broker, 'from') > 0, 'it was in the middle')
    const second = await startWarren(t, ['--data-dir', dataDir, '--port', String(port)])
    await eventually(() => messagesIn(here.server.broker, 'from') === 0)
    const { channel } = await clientOf(t, `amqp://guest:guest@127.0.0.1:${second.port()}`)
    assert.deepEqual([...new Set(textsOf(await takeAll(channel, 'to')))].toSorted(), numbered(5000).toSorted())
  })

  test('an alarm at the destination holds the source back, and is shown', async (t) => {
    const { here, there, hereUrl, thereUrl } = await twoBrokers(t)
    declareQueue(here, 'from')
    setShovel(here, 's', { 'src-uri': 'amqp://', 'src-queue': 'from', 'dest-uri': thereUrl, 'dest-queue': 'to' })
    await running(here, 's')
    there.broker.alarms.set('memory', true)
    await publishAll(hereUrl, 'from', numbered(1))
    await eventually(() => statusOf(here, 's')!.blocked_status === 'blocked')
    await publishAll(hereUrl, 'from', numbered(5000))
    // the one that told it of the alarm has been taken
    assert.deepEqual([messagesIn(here.broker, 'from'), readyIn(there.broker, 'to')], [5000, 1])
    assert.equal(here.links.shovels.restart('/', 's'), true)
    await eventually(() => statusOf(here, 's')!.blocked_status === 'blocked')
    there.broker.alarms.set('memory', false)
    await eventually(() => readyIn(there.broker, 'to') === 5001)
    assert.equal(statusOf(here, 's')!.blocked_status, 'running')
  })

  test('what the destination refuses comes back, and is tried again', async (t) => {
    const { here, there, hereUrl, thereUrl, remote } = await twoBrokers(t)
    declareQueue(here, 'from')
    const full = new Map([
      ['x-max-length', signedint(3)],
      ['x-overflow', longstr('reject-publish')],
    ])
    await remote.declareQueue('to', { durable: true, arguments: full })
    await publishAll(hereUrl, 'from', numbered(5))
    setShovel(here, 's', {
      'src-uri': 'amqp://',
      'src-queue': 'from',
      'dest-uri': thereUrl,
      'dest-queue': 'to',
      'src-delete-after': 5,
    })
    await eventually(() => readyIn(there.broker, 'to') === 3)
    const texts = textsOf(await takeAll(remote, 'to'))
    await eventually(() => readyIn(there.broker, 'to') === 2)
    texts.push(...textsOf(await takeAll(remote, 'to')))
    assert.deepEqual(texts.toSorted(), numbered(5))
    await eventually(() => here.broker.parameters.get('/', 'shovel', 's') === null)
    assert.equal(readyIn(here.broker, 'from'), 0)
  })

  test('it is tried again after the delay, and says why it is not running', async (t) => {
    const clock = virtualClock()
    const networkClock = systemClock()
    t.after(() => networkClock.close())
    const { server: here } = await startBrokerFor(t, { clock, networkClock })
    const there = await startBrokerFor(t)
    const proxy = await startCutProxy(there.url)
    const { url } = proxy
    const gone = url.replace('guest:guest', 'guest:s3cret')
    setShovel(here, 's', {
      'src-uri': 'amqp://',
      'src-queue': 'from',
      'dest-uri': gone,
      'dest-queue': 'to',
      'reconnect-delay': 30,
    })
    const failed = await eventually(() => {
      const status = statusOf(here, 's')
      return status?.state === 'terminated' ? status : undefined
    })
    assert.match(failed.reason!, /^the destination cannot be reached: 403 ACCESS_REFUSED/)
    assert.doesNotMatch(JSON.stringify(failed), /s3cret/)
    there.server.broker.users.put(there.server.broker.users.parse({ name: 'guest', password: 's3cret', tags: [] }))
    await clock.advance('29s')
    assert.equal(statusOf(here, 's')!.state, 'terminated')
    await clock.advance('1s')
    await running(here, 's')
    await proxy.close()
    const lost = await eventually(() => {
      const status = statusOf(here, 's')
      return status?.state === 'terminated' ? status : undefined
    })
    assert.match(lost.reason!, /connection was lost/)
  })

  test('of several addresses one that works is taken', async (t) => {
    const { here, thereUrl } = await twoBrokers(t)
    const proxy = await startCutProxy(thereUrl)
    await proxy.close()
    setShovel(here, 's', {
      'src-uri': 'amqp://',
      'src-queue': 'from',
      'dest-uri': [proxy.url, proxy.url, thereUrl],
      'dest-queue': 'to',
    })
    const status = await running(here, 's')
    assert.equal(status.dest_uri, thereUrl.replace('guest:guest@', ''))
  })

  test('a source queue that is deleted ends the shovel, which declares it again', async (t) => {
    const { here, thereUrl } = await twoBrokers(t)
    const states: string[] = []
    here.broker.events.listen(({ name, facts }) => {
      if (name === 'shovel.worker.status')
        states.push(`${String(facts['status'])} ${String(facts['reason'] ?? '')}`.trim())
    })
    setShovel(here, 's', {
      'src-uri': 'amqp://',
      'src-queue': 'from',
      'dest-uri': thereUrl,
      'dest-queue': 'to',
      'reconnect-delay': 0.01,
    })
    await running(here, 's')
    const vhost = here.broker.findVhost('/')
    vhost.removeQueue(vhost.findQueue('from'))
    await eventually(() => states.length === 5)
    assert.deepEqual(states, [
      'starting',
      'running',
      "terminated the source has ended the consumer: queue 'from' is gone",
      'starting',
      'running',
    ])
    assert.ok(vhost.queues.has('from'))
  })

  test('without a delay there is one attempt only', async (t) => {
    const { here, thereUrl } = await twoBrokers(t)
    setShovel(here, 's', {
      'src-uri': 'amqp://',
      'src-queue': 'from',
      'src-predeclared': true,
      'dest-uri': thereUrl,
      'dest-queue': 'to',
      'reconnect-delay': 0,
    })
    await eventually(() => statusOf(here, 's')?.state === 'terminated')
    declareQueue(here, 'from')
    assert.equal(here.links.shovels.restart('/', 's'), true)
    await running(here, 's')
  })
})

describe('shovels of one broker', () => {
  test('both ends are the broker itself', async (t) => {
    const { server, url } = await startBrokerFor(t)
    server.broker.putVhost('other')
    setShovel(server, 's', {
      'src-uri': 'amqp://',
      'src-queue': 'from',
      'dest-uri': 'amqp:///other',
      'dest-queue': 'to',
    })
    const status = await running(server, 's')
    assert.deepEqual([status.src_uri, status.dest_uri], ['amqp://', 'amqp:///other'])
    await publishAll(url, 'from', numbered(3000))
    await eventually(() => readyIn(server.broker, 'to', 'other') === 3000)
    assert.deepEqual(
      [...server.broker.connections].map(({ facts }) => facts.protocol),
      [],
    )
  })

  test('the protocol local needs no address, and stands for the vhost of the shovel', async (t) => {
    const { server } = await startBrokerFor(t)
    server.broker.putVhost('a/b')
    setShovel(
      server,
      's',
      { 'src-protocol': 'local', 'src-queue': 'from', 'dest-protocol': 'local', 'dest-queue': 'to' },
      'a/b',
    )
    const { src_protocol: from, dest_protocol: to } = await running(server, 's')
    assert.deepEqual([from, to], ['local', 'local'])
    assert.ok(server.broker.findVhost('a/b').queues.has('from'))
  })

  test('a user in the address is acted for, with its permissions', async (t) => {
    const { server } = await startBrokerFor(t)
    const { broker } = server
    broker.users.put(broker.users.parse({ name: 'ann', password: 'x', tags: [] }))
    broker.setPermission({ user: 'ann', vhost: '/', configure: '^mine', write: '^mine', read: '^mine' })
    const common = { 'src-uri': 'amqp://ann@/', 'dest-uri': 'amqp://' }
    setShovel(server, 'good', { ...common, 'src-queue': 'mine', 'dest-queue': 'to' })
    setShovel(server, 'bad', { ...common, 'src-queue': 'yours', 'dest-queue': 'to' })
    setShovel(server, 'wrong', { ...common, 'src-uri': 'amqp://ann:wrong@/', 'src-queue': 'mine', 'dest-queue': 'to' })
    setShovel(server, 'nobody', { ...common, 'src-uri': 'amqp://bob@/', 'src-queue': 'mine', 'dest-queue': 'to' })
    setShovel(server, 'nowhere', { ...common, 'src-uri': 'amqp:///nowhere', 'src-queue': 'mine', 'dest-queue': 'to' })
    await running(server, 'good')
    const reason = (name: string): Promise<string> => eventually(() => statusOf(server, name)!.reason)
    assert.match(await reason('bad'), /403 ACCESS_REFUSED.*'yours'/)
    assert.match(await reason('wrong'), /403 ACCESS_REFUSED - Login was refused/)
    // not of the mechanism by which it was tried
    assert.match(await reason('nobody'), /cannot be reached: this broker lets no user 'bob' in without a password$/)
    assert.match(await reason('nowhere'), /530 NOT_ALLOWED - vhost nowhere not found/)
  })

  test('a changed parameter replaces the shovel; a deleted one, or its vhost, ends it', async (t) => {
    const { server, url } = await startBrokerFor(t)
    server.broker.putVhost('v')
    const set = (queue: string): void =>
      setShovel(
        server,
        's',
        { 'src-uri': 'amqp:///v', 'src-queue': queue, 'dest-uri': 'amqp://', 'dest-queue': 'to' },
        'v',
      )
    set('a')
    await running(server, 's')
    const vhost = server.broker.findVhost('v')
    const consumersOf = (queue: string): number => vhost.queues.get(queue)?.consumerCount ?? 0
    set('b')
    set('c')
    await eventually(() => statusOf(server, 's')!.state === 'running' && consumersOf('c') === 1)
    await eventually(() => consumersOf('a') === 0)
    assert.equal(consumersOf('b'), 0)
    assert.equal(server.links.shovels.list('v').length, 1)
    assert.deepEqual(server.links.shovels.list('/'), [])
    server.broker.deleteParameter('v', 'shovel', 's')
    assert.deepEqual(server.links.shovels.list(), [])
    await eventually(() => consumersOf('c') === 0)
    assert.equal(server.links.shovels.restart('v', 's'), false)
    set('d')
    await running(server, 's')
    server.broker.deleteVhost('v')
    assert.deepEqual(server.links.shovels.list(), [])
    await publishAll(url, 'to', ['still here'])
  })

  test('a restart moves nothing twice', async (t) => {
    const { server, url } = await startBrokerFor(t)
    declareQueue(server, 'from')
    declareQueue(server, 'to')
    setShovel(server, 's', { 'src-uri': 'amqp://', 'src-queue': 'from', 'dest-uri': 'amqp://', 'dest-queue': 'to' })
    await running(server, 's')
    const to = server.broker.findVhost('/').findQueue('to')
    for (let round = 1; round <= 5; round++) {
      await publishAll(url, 'from', numbered(2000))
      await eventually(() => to.counters.published > (round - 1) * 2000 + 100)
      assert.equal(server.links.shovels.restart('/', 's'), true)
    }
    await eventually(() => to.counters.published >= 10_000 && readyIn(server.broker, 'from') === 0)
    assert.equal(to.counters.published, 10_000)
  })

  test('is there again after a restart of the broker', async (t) => {
    const dataDir = temporaryFolder(t)
    const first = await startBrokerFor(t, { dataDir })
    setShovel(first.server, 's', {
      'src-uri': 'amqp://',
      'src-queue': 'from',
      'dest-uri': 'amqp://',
      'dest-queue': 'to',
    })
    await running(first.server, 's')
    await publishAll(first.url, 'from', numbered(10))
    await eventually(() => readyIn(first.server.broker, 'to') === 10)
    await first.server.stop('test')
    const second = await startBrokerFor(t, { dataDir })
    await running(second.server, 's')
    assert.equal(readyIn(second.server.broker, 'to'), 10)
  })
})
