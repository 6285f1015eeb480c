import assert from 'node:assert/strict'
import { after, before, describe, test, type TestContext } from 'node:test'
import { longstr } from '../../src/core/fields.ts'
import type { ShovelStatus } from '../../src/core/links.ts'
import { type RabbitMq, startRabbitmq, withoutRabbitmq } from '../support/rabbitmq.ts'
import type { TestBroker } from '../support/with-broker.ts'
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

describe('shovels and RabbitMQ', { skip: withoutRabbitmq }, () => {
  let rabbitmq: RabbitMq
  before(async () => {
    rabbitmq = await startRabbitmq(['rabbitmq_shovel', 'rabbitmq_shovel_management'])
  })
  after(() => rabbitmq?.stop())

  /** Names that no other test has. */
  let tests = 0
  const unique = (name: string): string => `${name}${++tests}`

  async function declareThere(t: TestContext, ...names: string[]) {
    const { channel } = await clientOf(t, rabbitmq.url)
    for (const name of names) await channel.declareQueue(name, { durable: true })
    return channel
  }

  const set = ({ server }: TestBroker, name: string, value: Record<string, unknown>): void =>
    server.broker.setParameter('/', 'shovel', name, value)

  for (const ackMode of ['on-confirm', 'on-publish', 'no-ack']) {
    test(`ours, to it and back, ${ackMode}`, async (t) => {
      const here = await startBrokerFor(t)
      const [from, there, back] = [unique('from'), unique('there'), unique('back')]
      await declareThere(t, there)
      declareQueue(here.server, from)
      set(here, 'to', {
        'src-uri': 'amqp://',
        'src-queue': from,
        'dest-uri': rabbitmq.url,
        'dest-queue': there,
        'ack-mode': ackMode,
      })
      set(here, 'back', {
        'src-uri': rabbitmq.url,
        'src-queue': there,
        'dest-uri': 'amqp://',
        'dest-queue': back,
        'ack-mode': ackMode,
      })
      await publishAll(here.url, from, numbered(1000))
      await eventually(
        () => here.server.broker.findVhost('/').queues.has(back) && readyIn(here.server.broker, back) === 1000,
      )
      const { channel } = await clientOf(t, here.url)
      assert.deepEqual(textsOf(await takeAll(channel, back)), numbered(1000))
    })
  }

  test('its own, from us and to us', async (t) => {
    const here = await startBrokerFor(t)
    const [from, there, back] = [unique('from'), unique('there'), unique('back')]
    declareQueue(here.server, from)
    declareQueue(here.server, back)
    const common = { 'dest-add-forward-headers': true }
    const pull = { 'src-uri': here.url, 'src-queue': from, 'dest-uri': 'amqp:///%2F', 'dest-queue': there, ...common }
    const push = { 'src-uri': 'amqp:///%2F', 'src-queue': there, 'dest-uri': here.url, 'dest-queue': back, ...common }
    await rabbitmq.api('PUT', `parameters/shovel/%2F/${there}-pull`, { value: pull })
    await rabbitmq.api('PUT', `parameters/shovel/%2F/${there}-push`, { value: push })
    await publishAll(here.url, from, numbered(1000))
    await eventually(() => readyIn(here.server.broker, back) === 1000, 30_000)
    const { channel } = await clientOf(t, here.url)
    const got = await takeAll(channel, back)
    assert.deepEqual(textsOf(got), numbered(1000))
    const way = got[0]!.properties.headers!.get('x-shovelled')!
    assert.ok(way.type === 'array' && way.value.length === 2)
    for (const end of ['pull', 'push']) await rabbitmq.api('DELETE', `parameters/shovel/%2F/${there}-${end}`)
  })

  test('the header of ours is that of its own', async (t) => {
    const here = await startBrokerFor(t)
    const [from, ours, theirs] = [unique('from'), unique('ours'), unique('theirs')]
    const channel = await declareThere(t, from, ours, theirs)
    const value = {
      'src-queue': from,
      'dest-exchange': 'amq.direct',
      'dest-exchange-key': 'k',
      'dest-add-forward-headers': true,
      'src-delete-after': 1,
    }
    await channel.bindQueue(ours, 'amq.direct', 'k')
    channel.publish('', from, null, Buffer.from('x'))
    set(here, 's', { ...value, 'src-uri': rabbitmq.url, 'dest-uri': rabbitmq.url })
    const own = await eventually(() => channel.get(ours, true))
    channel.publish('', from, null, Buffer.from('x'))
    await rabbitmq.api('PUT', 'parameters/shovel/%2F/s', {
      value: { ...value, 'src-uri': rabbitmq.url, 'dest-uri': rabbitmq.url },
    })
    const other = await eventually(() => channel.get(ours, true))
    const shape = (delivery: typeof own): unknown => {
      const way = delivery.properties.headers!.get('x-shovelled')!
      assert.ok(way.type === 'array')
      return way.value.map((entry) => {
        assert.ok(entry.type === 'table')
        return [...entry.value].filter(([key]) => key !== 'shovelled-by')
      })
    }
    assert.deepEqual(shape(own), shape(other))
  })

  test('a message that cannot be read is rejected, and the next one goes on', async (t) => {
    const here = await startBrokerFor(t)
    const [from, dead] = [unique('from'), unique('dead')]
    const { channel } = await clientOf(t, rabbitmq.url)
    await channel.declareQueue(dead, { durable: true })
    const deadLetters = new Map([
      ['x-dead-letter-exchange', longstr('')],
      ['x-dead-letter-routing-key', longstr(dead)],
    ])
    await channel.declareQueue(from, { durable: true, arguments: deadLetters })
    set(here, 's', {
      'src-uri': rabbitmq.url,
      'src-queue': from,
      'dest-uri': 'amqp://',
      'dest-queue': 'to',
      'dest-add-timestamp-header': true,
    })
    await eventually(() => here.server.links.shovels.list()[0]!.state === 'running')
    // headers of one entry, whose key is no UTF-8: the broker does not look at them
    const broken = Buffer.from([0x20, 0x00, 0, 0, 0, 4, 1, 0xff, 0x74, 1])
    channel.publish('', from, broken, Buffer.from('bad'))
    channel.publish('', from, null, Buffer.from('good'))
    await eventually(() => readyIn(here.server.broker, 'to') === 1)
    const rejected = await eventually(() => channel.get(dead, true))
    assert.equal(rejected.body.toString(), 'bad')
    assert.equal(messagesIn(here.server.broker, 'to'), 1)
  })

  test('the status of ours has all that its own has', async (t) => {
    const here = await startBrokerFor(t)
    const [a, b] = [unique('a'), unique('b')]
    const uris = { 'src-uri': rabbitmq.url, 'dest-uri': rabbitmq.url }
    const shovels = {
      queues: { ...uris, 'src-queue': a, 'dest-queue': b },
      exchanges: {
        ...uris,
        'src-exchange': 'amq.fanout',
        'src-exchange-key': '',
        'dest-exchange': 'amq.topic',
        'dest-exchange-key': 'k',
      },
    }
    for (const [name, value] of Object.entries(shovels)) {
      set(here, name, value)
      await rabbitmq.api('PUT', `parameters/shovel/%2F/${name}`, { value })
    }
    const theirs = await eventually(async () => {
      const all = (await rabbitmq.api('GET', 'shovels/%2F')) as ShovelStatus[]
      const mine = all.filter(({ name }) => name in shovels)
      return mine.length === 2 && mine.every(({ state }) => state === 'running') ? mine : undefined
    }, 30_000)
    const ours = await eventually(() => {
      const all = here.server.links.shovels.list('/')
      return all.every(({ state }) => state === 'running') ? all : undefined
    })
    const constant = ({ node: _node, timestamp: _timestamp, ...rest }: ShovelStatus): object => rest
    for (const status of theirs) {
      const own = ours.find(({ name }) => name === status.name)!
      assert.deepEqual({ ...constant(own), ...constant(status) }, constant(own))
      assert.match(own.timestamp, /^\d{4}-\d\d-\d\d \d{1,2}:\d\d:\d\d$/)
      assert.match(status.timestamp, /^\d{4}-\d\d-\d\d \d{1,2}:\d\d:\d\d$/)
    }
    for (const name of Object.keys(shovels)) await rabbitmq.api('DELETE', `parameters/shovel/%2F/${name}`)
  })

  test('nothing is lost when it is killed in the middle, at either end', async (t) => {
    const here = await startBrokerFor(t)
    const [from, there, back] = [unique('from'), unique('there'), unique('back')]
    await declareThere(t, there)
    declareQueue(here.server, from)
    declareQueue(here.server, back)
    const delay = { 'reconnect-delay': 0.1, 'src-prefetch-count': 50 }
    set(here, 'to', {
      'src-uri': 'amqp://',
      'src-queue': from,
      'dest-uri': rabbitmq.url,
      'dest-queue': there,
      ...delay,
    })
    set(here, 'back', {
      'src-uri': rabbitmq.url,
      'src-queue': there,
      'dest-uri': 'amqp://',
      'dest-queue': back,
      ...delay,
    })
    const { broker } = here.server
    await publishAll(here.url, from, numbered(10_000))
    await eventually(() => readyIn(broker, back) > 1000)
    await rabbitmq.kill()
    await eventually(() => here.server.links.shovels.list().every(({ state }) => state !== 'running'))
    assert.ok(messagesIn(broker, from) > 0, 'it was in the middle')
    await publishAll(here.url, from, numbered(1000, 'late'))
    await rabbitmq.restart()
    const all = [...numbered(10_000), ...numbered(1000, 'late')]
    const { channel } = await clientOf(t, here.url)
    const seen = new Set<string>()
    await channel.consume(back, ({ body }) => seen.add(body.toString()), { noAck: true })
    await eventually(() => seen.size === all.length, 60_000)
    assert.deepEqual([...seen].toSorted(), all.toSorted())
  })
})
