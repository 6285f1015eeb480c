/** What MQTT subscribers get: by filter, option, group and limit, from MQTT and from AMQP. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { IPublishPacket } from 'mqtt-packet'
import { startBroker, type WarrenBroker } from '../../src/testkit/start-broker.ts'
import { channelOf, connectAs } from '../support/login-clients.ts'
import { MqttWire } from '../support/mqtt-wire.ts'
import { eventually } from '../support/with-broker.ts'

let broker: WarrenBroker
let url: string
before(async () => {
  const users = [
    {
      name: 'some',
      password: 'some',
      permissions: {
        '/': { configure: '^mqtt-subscription-', write: '^(mqtt-subscription-|amq\\.topic)', read: '.*' },
      },
    },
  ]
  const pattern = '^{client_id}\\.'
  const topics = { user: 'some', vhost: '/', exchange: 'amq.topic', write: pattern, read: pattern }
  broker = await startBroker({
    protocols: ['mqtt'],
    users,
    vhosts: ['other'],
    definitions: { users: [{ name: 'some', password: 'some', tags: '' }], topic_permissions: [topics] },
  })
  url = broker.urls.mqtt!
})
after(() => broker.stop())

const text = ({ topic, payload }: IPublishPacket): string => `${topic}=${payload.toString()}`
const publishes = (packets: readonly { cmd: string }[]): IPublishPacket[] =>
  packets.filter((packet): packet is IPublishPacket => packet.cmd === 'publish')

describe('subscriptions', () => {
  test('that overlap bring a message once, with all identifiers, at the highest QoS', async () => {
    const client = await MqttWire.connect(url, 5, { clientId: 'overlap' })
    await client.subscribe('o/#', 0, { id: 1 })
    await client.subscribe('o/+', 2, { id: 2 })
    await client.subscribe('o/x', 1, { id: 3 })
    await client.publish('o/x', 'm', { qos: 2 })
    const [packet, ...more] = publishes(await client.ping())
    assert.deepEqual(more, [])
    assert.equal(packet!.qos, 2)
    assert.deepEqual(
      [packet!.properties!.subscriptionIdentifier].flat().sort((a, b) => a! - b!),
      [1, 2, 3],
    )
    await client.disconnect()
  })

  test('may leave out what the client publishes itself', async () => {
    const client = await MqttWire.connect(url, 5, { clientId: 'local' })
    const other = await MqttWire.connect(url, 5, { clientId: 'local-2' })
    await client.subscribe('l/#', 1, { nl: true })
    await client.publish('l/1', 'own', { qos: 1 })
    await other.publish('l/1', 'other', { qos: 1 })
    await other.expect('puback')
    assert.deepEqual(publishes(await client.ping()).map(text), ['l/1=other'])
    await client.disconnect()
  })

  test('may leave out what the client had retained before, be it as its will', async () => {
    const options = {
      clientId: 'local-retain',
      will: { topic: 'lr/will', payload: Buffer.from('x'), qos: 0, retain: true },
    }
    const gone = await MqttWire.connect(url, 5, options as Parameters<MqttWire['sendConnect']>[0])
    await gone.publish('lr/early', 'x', { qos: 1, retain: true })
    await gone.expect('puback')
    gone.cut()
    const other = await MqttWire.connect(url, 5, { clientId: 'local-retain-2' })
    for (const topic of ['lr/will', 'lr/early']) {
      await other.subscribe(topic, 0)
      assert.equal(text(await other.expect('publish')), `${topic}=x`)
    }
    await other.publish('lr/other', 'x', { qos: 1, retain: true })
    await other.expect('puback')
    const client = await MqttWire.connect(url, 5, { clientId: 'local-retain' })
    for (const qos of [0, 1] as const) {
      await client.subscribe('lr/+', qos, { nl: true })
      assert.equal(text(await client.expect('publish')), 'lr/other=x')
      assert.deepEqual(await client.ping(), [])
    }
    await client.disconnect()
    await other.disconnect()
  })

  test('tell of the retain flag as it was published, where that is asked for', async () => {
    const client = await MqttWire.connect(url, 5, { clientId: 'rap' })
    await client.subscribe('r/1', 0, { rap: true })
    await client.subscribe('r/2', 0)
    for (const topic of ['r/1', 'r/2']) await client.publish(topic, 'x', { retain: true })
    const flags = publishes(await client.ping()).map(({ topic, retain }) => [topic, retain])
    assert.deepEqual(flags, [
      ['r/1', true],
      ['r/2', false],
    ])
    await client.disconnect()
  })

  test('are each sent what is retained for them alone, with their own identifier', async () => {
    const other = await MqttWire.connect(url, 5, { clientId: 'replay-2' })
    await other.publish('rr/a', 'x', { qos: 1, retain: true })
    await other.expect('puback')
    const client = await MqttWire.connect(url, 5, { clientId: 'replay' })
    const replays = async (filters: string[], qos: 0 | 1 | 2, subscriptionIdentifier: number) => {
      const subscriptions = filters.map((topic) => ({ topic, qos }))
      await client.send({ cmd: 'subscribe', messageId: 1, subscriptions, properties: { subscriptionIdentifier } })
      await client.expect('suback')
      const came: unknown[] = []
      for (const _ of filters) {
        const packet = await client.expect('publish')
        came.push([packet.qos, packet.retain, packet.properties!.subscriptionIdentifier])
        if (packet.qos > 0) await client.send({ cmd: 'puback', messageId: packet.messageId!, reasonCode: 0 })
      }
      return came
    }
    assert.deepEqual(await replays(['rr/a'], 0, 1), [[0, true, 1]])
    assert.deepEqual(await replays(['rr/+', 'rr/#'], 1, 2), [
      [1, true, 2],
      [1, true, 2],
    ])
    assert.deepEqual(await replays(['rr/a'], 0, 3), [[0, true, 3]])
    await other.publish('rr/a', 'y')
    const [{ properties, retain }] = publishes([await client.expect('publish')]) as [IPublishPacket]
    assert.deepEqual([new Set([properties!.subscriptionIdentifier].flat()), retain], [new Set([2, 3]), false])
    await client.disconnect()
  })

  test('get what is retained as their retain handling says', async () => {
    const client = await MqttWire.connect(url, 5, { clientId: 'handling' })
    await client.publish('h', 'kept', { retain: true, qos: 1 })
    await client.expect('puback')
    const got: number[] = []
    for (const [rh, again] of [
      [2, false],
      [1, false],
      [0, true],
    ] as const) {
      await client.subscribe('h', 1, { rh })
      if (again) got.push((await client.expect('publish')).qos)
      else assert.deepEqual(publishes(await client.ping()), [])
    }
    assert.deepEqual(got, [1])
    await client.send({ cmd: 'unsubscribe', messageId: 1, unsubscriptions: ['h', 'never'] })
    assert.deepEqual((await client.expect('unsuback')).granted, [0, 0x11])
    await client.subscribe('h', 0, { rh: 1 })
    const retained = await client.expect('publish')
    assert.deepEqual([text(retained), retained.retain, retained.qos], ['h=kept', true, 0])
    await client.disconnect()
  })

  test('change their QoS without losing or doubling messages', async () => {
    const client = await MqttWire.connect(url, 4, { clientId: 'change' })
    const other = await MqttWire.connect(url, 4, { clientId: 'change-2' })
    for (const [i, qos] of ([0, 1, 2, 0] as const).entries()) {
      assert.deepEqual(await client.subscribe('change', qos), [qos])
      await other.publish('change', 'x', { qos: 2, messageId: i + 1 })
      await other.expect('pubrec')
      assert.equal((await client.expect('publish')).qos, qos)
      assert.deepEqual(await client.ping(), [])
    }
    await client.disconnect()
  })

  for (const qos of [0, 1] as const) {
    test(`QoS ${qos}: to many topics get each message by its own, be it a new one or the one before`, async () => {
      const client = await MqttWire.connect(url, 4, { clientId: `many-${qos}` })
      await client.subscribe('many/#', qos)
      const publisher = await MqttWire.connect(url, 4, { clientId: `many-topics-${qos}` })
      const topics = ['a', 'b', 'b', 'b', 'c/d', 'a', 'ä/ö', 'ä/ö', 'e f', 'g.h', 'a'].map((topic) => `many/${topic}`)
      for (const topic of topics) await publisher.publish(topic, topic)
      const came: { topic: string; payload: string }[] = []
      for (const _ of topics) {
        const { topic, payload } = await client.expect('publish')
        came.push({ topic, payload: payload.toString() })
      }
      assert.deepEqual(
        came,
        topics.map((topic) => ({ topic, payload: topic })),
      )
      await publisher.disconnect()
      await client.disconnect()
    })
  }

  test('do not match the broker’s own topics by a wildcard at their start', async () => {
    const client = await MqttWire.connect(url, 4, { clientId: 'sys' })
    await client.subscribe('#', 0)
    const topics = publishes(await client.ping()).map(({ topic }) => topic)
    assert.deepEqual(
      topics.filter((topic) => topic.startsWith('$')),
      [],
    )
    await client.subscribe('$SYS/broker/version', 0)
    const version = await client.expect('publish')
    assert.deepEqual([version.topic, version.retain], ['$SYS/broker/version', true])
    await client.disconnect()
  })
})

describe('shared subscriptions', () => {
  test('give each message to one of the group, and go with the last', async () => {
    const members = await Promise.all(['m1', 'm2'].map((clientId) => MqttWire.connect(url, 5, { clientId })))
    for (const member of members) assert.deepEqual(await member.subscribe('$share/g/s/#', 2), [1])
    const publisher = await MqttWire.connect(url, 5, { clientId: 'm3' })
    for (let i = 0; i < 10; i++) await publisher.publish('s/1', String(i), { qos: 1, messageId: i + 1 })
    await publisher.ping()
    const got = await Promise.all(members.map((member) => member.ping()))
    const payloads = got.flatMap(publishes).map(({ payload }) => Number(payload.toString()))
    assert.deepEqual(
      payloads.sort((a, b) => a - b),
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    )
    assert.ok(got.every((packets) => publishes(packets).length > 0))
    for (const member of members) await member.disconnect()
    await eventually(() => broker.queues().every(({ name }) => !name.includes('$share/g/')))
  })

  for (const prefix of ['', '$share/match/']) {
    test(`bring only what the filter matches, whatever the binding does (${prefix === '' ? 'one’s own' : 'shared'})`, async () => {
      const publisher = await MqttWire.connect(url, 5, { clientId: 'match-1' })
      for (const [i, [filter, others, own]] of (
        [
          ['#', ['$foo/bar'], 'foo/bar'],
          ['+/bar', ['$foo/bar'], 'foo/bar'],
          ['star/*/x', ['star/a/x', 'star/b.c/x'], 'star/*/x'],
          ['dot/a.b', ['dot/a.c', 'dot/a/c'], 'dot/a.b'],
          ['dot.a/#', ['dot/a/b.c'], 'dot.a/b'],
          ['dot/+/b', ['dot/a.b'], 'dot/a/b'],
          ['$foo/+', ['$foo/a.b'], '$foo/bar'],
        ] as const
      ).entries()) {
        for (const qos of [0, 1] as const) {
          const member = await MqttWire.connect(url, 5, { clientId: `match-${i}-${qos}` })
          await member.subscribe(`${prefix}${filter}`, qos, { rh: 2 })
          for (const topic of [...others, own]) await publisher.publish(topic, 'x', { qos: 1 })
          assert.equal(text(await member.expect('publish')), `${own}=x`)
          await member.disconnect()
        }
      }
      await publisher.disconnect()
    })
  }

  test('to the broker’s own topics are refused', async () => {
    for (const version of [4, 5] as const) {
      const client = await MqttWire.connect(url, version, { clientId: 'share-sys' })
      assert.deepEqual(await client.subscribe('$share/g/$SYS/#', 0), [version === 5 ? 0x8f : 0x80])
      await client.disconnect()
    }
  })

  test('of a lasting session are there when it comes back', async () => {
    const properties = { sessionExpiryInterval: 100 }
    const member = await MqttWire.connect(url, 5, { clientId: 'stays', clean: false, properties })
    await member.subscribe('$share/stay/t', 1)
    await member.disconnect()
    const publisher = await MqttWire.connect(url, 5, { clientId: 'stays-2' })
    await publisher.publish('t', 'x', { qos: 1 })
    await publisher.expect('puback')
    const back = await MqttWire.connect(url, 5, { clientId: 'stays', clean: false, properties })
    const packet = await back.expect('publish')
    assert.deepEqual([text(packet), packet.dup], ['t=x', false])
    await back.send({ cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 0 } })
    await eventually(() => broker.queues().every(({ name }) => !name.includes('$share/stay/')))
  })

  test('of a lasting session go on when the queue was deleted meanwhile', async (t) => {
    const options = { clientId: 'goes-on', clean: false, properties: { sessionExpiryInterval: 100 } }
    const member = await MqttWire.connect(url, 5, options)
    await member.subscribe('$share/goes-on/t', 1, { id: 3 })
    await member.disconnect()
    const connection = await connectAs(t, broker.port, { user: 'guest', password: 'guest' })
    await (await channelOf(connection)).deleteQueue('mqtt-subscription-$share/goes-on/t')
    const back = await MqttWire.connect(url, 5, options)
    await back.ping()
    await back.publish('t', 'x', { qos: 1 })
    const [ack, packet] = [await back.next(), await back.next()].toSorted((a, b) => a!.cmd.localeCompare(b!.cmd))
    assert.equal(ack!.cmd, 'puback')
    assert.equal(text(packet as IPublishPacket), 't=x')
    await back.send({ cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 0 } })
    await eventually(() => broker.queues().every(({ name }) => !name.includes('$share/goes-on/')))
  })
})

describe('limits', () => {
  test('of a client hold back what it has not acknowledged', async () => {
    const client = await MqttWire.connect(url, 5, { clientId: 'few', properties: { receiveMaximum: 2 } })
    await client.subscribe('few', 2)
    const other = await MqttWire.connect(url, 5, { clientId: 'few-2' })
    for (let i = 0; i < 4; i++) await other.publish('few', String(i), { qos: 2, messageId: i + 1 })
    await other.ping()
    const first = publishes(await client.ping())
    assert.equal(first.length, 2)
    await client.send({ cmd: 'pubrec', messageId: first[0]!.messageId!, reasonCode: 0 })
    await client.expect('pubrel')
    assert.deepEqual(await client.ping(), [], 'what is not complete counts')
    await client.send({ cmd: 'pubcomp', messageId: first[0]!.messageId!, reasonCode: 0 })
    assert.equal((await client.expect('publish')).payload.toString(), '2')
    await client.disconnect()
  })

  test('of packets leave out what is too large for a client', async () => {
    const client = await MqttWire.connect(url, 5, { clientId: 'small', properties: { maximumPacketSize: 100 } })
    await client.subscribe('small', 1)
    const other = await MqttWire.connect(url, 5, { clientId: 'small-2' })
    await other.publish('small', 'x'.repeat(200), { qos: 1 })
    await other.publish('small', 'fits', { qos: 1, messageId: 2 })
    assert.equal(text(await client.expect('publish')), 'small=fits')
    await client.disconnect()
  })

  test('of packets leave out nothing that fits, be it only without an alias', async () => {
    for (const topicAliasMaximum of [0, 1]) {
      const properties = { maximumPacketSize: 30, topicAliasMaximum }
      const client = await MqttWire.connect(url, 5, { clientId: 'tight', properties })
      await client.subscribe('k', 0)
      const largest = 'x'.repeat(24)
      for (const payload of [largest, 'small', largest, `${largest}x`, 'end']) await client.publish('k', payload)
      const got = publishes(await client.ping()).map(({ payload }) => payload.toString())
      assert.deepEqual(got, [largest, 'small', largest, 'end'])
      await client.disconnect()
    }
  })

  test('topic aliases stand for topics, both ways', async () => {
    const client = await MqttWire.connect(url, 5, { clientId: 'alias', properties: { topicAliasMaximum: 1 } })
    await client.subscribe('alias/#', 0)
    await client.publish('alias/1', 'a', { properties: { topicAlias: 3 } })
    await client.publish('', 'b', { properties: { topicAlias: 3 } })
    await client.publish('alias/2', 'c')
    const got = publishes(await client.ping()).map((packet) => [text(packet), packet.properties?.topicAlias])
    assert.deepEqual(got, [
      ['alias/1=a', 1],
      ['=b', 1],
      ['alias/2=c', undefined],
    ])
    await client.disconnect()
  })

  test('a queue that is full refuses: version 5 is told, and version 3 gets no answer', async () => {
    const properties = { sessionExpiryInterval: 100 }
    const client = await MqttWire.connect(url, 5, { clientId: 'full', clean: false, properties })
    await client.subscribe('full', 1)
    await client.disconnect()
    const definition = { 'max-length': 0, overflow: 'reject-publish' }
    await broker.vhost('/').setPolicy('full', { pattern: '^mqtt-subscription-full', definition })
    for (const version of [5, 4] as const) {
      const other = await MqttWire.connect(url, version, { clientId: 'full-2' })
      await other.publish('full', 'x', { qos: 1 })
      if (version === 5) assert.equal((await other.expect('puback')).reasonCode, 0x97)
      assert.deepEqual(await other.ping(), [])
      await other.disconnect()
    }
  })
})

describe('permissions', () => {
  const login = { username: 'some', password: Buffer.from('some') }

  test('topic permissions may name the client', async () => {
    const client = await MqttWire.connect(url, 5, { clientId: 'me', ...login })
    assert.deepEqual(await client.subscribe('me/#', 1), [1])
    await client.publish('me/1', 'x', { qos: 0 })
    assert.equal(text(await client.expect('publish')), 'me/1=x')
    await client.publish('you/1', 'x', { qos: 1 })
    assert.equal((await client.expect('disconnect')).reasonCode, 0x87)
  })

  test('refuse a subscription with its code, and then the client', async () => {
    const client = await MqttWire.connect(url, 5, { clientId: 'me', ...login })
    assert.deepEqual(await client.subscribe('you/#', 1), [0x87])
    assert.equal((await client.expect('disconnect')).reasonCode, 0x87)
  })

  test('a virtual host is named before the user', async () => {
    const client = await MqttWire.connect(url, 4, { clientId: 'else', username: 'other:guest' })
    await client.subscribe('a', 1)
    assert.deepEqual(
      broker
        .vhost('other')
        .queues()
        .map(({ name }) => name),
      ['mqtt-subscription-elseqos1'],
    )
    await client.disconnect()
  })
})

describe('beside AMQP', () => {
  test('messages go both ways with their properties', async (t) => {
    const connection = await connectAs(t, broker.port, { user: 'guest', password: 'guest' })
    const channel = await channelOf(connection)
    const { queue } = await channel.assertQueue('', { exclusive: true })
    await channel.bindQueue(queue, 'amq.topic', 'cross.#')
    const client = await MqttWire.connect(url, 5, { clientId: 'cross' })
    await client.subscribe('cross/#', 1)
    const properties = {
      contentType: 'text/plain',
      correlationData: Buffer.from('id-1'),
      responseTopic: 'answers/1',
      userProperties: { a: 'b' },
      messageExpiryInterval: 60,
    }
    await client.publish('cross/1', 'from mqtt', { qos: 1, properties })
    const fromMqtt = await eventually(async () => (await channel.get(queue, { noAck: true })) || null)
    assert.equal(fromMqtt.content.toString(), 'from mqtt')
    const { contentType, correlationId, replyTo, expiration, deliveryMode, headers } = fromMqtt.properties
    assert.deepEqual(
      [contentType, correlationId, replyTo, expiration, deliveryMode, headers!['a'], fromMqtt.fields.routingKey],
      ['text/plain', 'id-1', 'answers.1', '60000', 2, 'b', 'cross.1'],
    )
    const echoed = publishes([...(await client.ping())])
    assert.equal(text(echoed[0] ?? (await client.expect('publish'))), 'cross/1=from mqtt')
    channel.publish('amq.topic', 'cross.2', Buffer.from('from amqp'), {
      persistent: true,
      contentType: 'application/json',
      headers: { n: 5 },
    })
    const fromAmqp = await client.expect('publish')
    assert.deepEqual([text(fromAmqp), fromAmqp.qos], ['cross/2=from amqp', 1])
    assert.equal(fromAmqp.properties!.contentType, 'application/json')
    assert.deepEqual({ ...fromAmqp.properties!.userProperties }, { n: '5' })
    await client.disconnect()
  })

  test('who subscribes to a topic with dots has what is published with its key', async (t) => {
    const channel = await channelOf(await connectAs(t, broker.port, { user: 'guest', password: 'guest' }))
    for (const [i, filter] of ['devices/10.0.0.1/cmd', '$share/g/devices/10.0.0.1/+'].entries()) {
      const client = await MqttWire.connect(url, 5, { clientId: `dots-${i}` })
      await client.subscribe(filter, 1)
      for (const headers of [{}, { n: 1 }]) {
        channel.publish('amq.topic', 'devices.10.0.0.1.cmd', Buffer.from('x'), { persistent: true, headers })
        assert.equal(text(await client.expect('publish')), 'devices/10/0/0/1/cmd=x')
      }
      await client.disconnect()
    }
  })

  test('what comes over an exchange that is bound to the one of MQTT is for the subscriptions that it matches', async (t) => {
    const channel = await channelOf(await connectAs(t, broker.port, { user: 'guest', password: 'guest' }))
    await channel.assertExchange('ahead', 'fanout')
    await channel.bindExchange('amq.topic', 'ahead', '')
    const client = await MqttWire.connect(url, 5, { clientId: 'ahead' })
    for (const [filter, qos, id] of [
      ['ahead/0/#', 0, 7],
      ['ahead/1/#', 1, 8],
      ['ahead/+/both', 0, 9],
    ] as const) {
      await client.subscribe(filter, qos, { id })
    }
    for (const key of ['ahead.0.x', 'ahead.1.x', 'ahead.1.both'])
      channel.publish('ahead', key, Buffer.from('x'), { persistent: true })
    const got = [await client.expect('publish'), await client.expect('publish'), await client.expect('publish')]
    assert.deepEqual(
      got
        .map(({ topic, qos, properties }) => `${topic} ${qos} ${String(properties!.subscriptionIdentifier)}`)
        .toSorted(),
      ['ahead/0/x 0 7', 'ahead/1/both 1 8,9', 'ahead/1/x 1 8'],
    )
    assert.deepEqual(await client.ping(), [])
    await client.disconnect()
  })

  test('what somebody else has bound to the queues of a session comes to its client', async (t) => {
    const channel = await channelOf(await connectAs(t, broker.port, { user: 'guest', password: 'guest' }))
    const properties = { sessionExpiryInterval: 100 }
    const client = await MqttWire.connect(url, 5, { clientId: 'foreign', clean: false, properties })
    // more than one, and not alike: no message is taken for one of them unseen
    await client.subscribe('foreign/own/1', 1, { id: 1 })
    await client.subscribe('foreign/own/2', 1, { id: 2 })
    await client.subscribe('foreign/own/0', 0, { id: 3 })
    await channel.bindQueue('mqtt-subscription-foreignqos1', 'amq.topic', 'foreign.#.one')
    await channel.bindQueue('mqtt-subscription-foreignqos0', 'amq.topic', 'foreign.none')
    for (const key of ['foreign.a.one', 'foreign.none', 'foreign.other', 'foreign.own.1'])
      channel.publish('amq.topic', key, Buffer.from('x'), { persistent: true })
    const got = [await client.expect('publish'), await client.expect('publish'), await client.expect('publish')]
    assert.deepEqual(got.map(({ topic, qos }) => `${topic} ${qos}`).toSorted(), [
      'foreign/a/one 1',
      'foreign/none 0',
      'foreign/own/1 1',
    ])
    await channel.unbindQueue('mqtt-subscription-foreignqos1', 'amq.topic', 'foreign.#.one')
    channel.publish('amq.topic', 'foreign.b.one', Buffer.from('x'))
    channel.publish('amq.topic', 'foreign.own.1', Buffer.from('last'))
    assert.equal(text(await client.expect('publish')), 'foreign/own/1=last')
    await client.send({ cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 0 } })
  })

  test('a carbon copy comes on the topic that it was sent to', async (t) => {
    const channel = await channelOf(await connectAs(t, broker.port, { user: 'guest', password: 'guest' }))
    for (const [i, [filter, qos]] of (
      [
        ['copied/+', 0],
        ['copied/to', 1],
        ['$share/g/copied/#', 1],
      ] as const
    ).entries()) {
      const client = await MqttWire.connect(url, 5, { clientId: `copied-${i}` })
      await client.subscribe(filter, qos)
      for (const header of ['CC', 'BCC']) {
        const headers = { [header]: ['elsewhere', 'copied.to'] }
        channel.publish('amq.topic', 'first', Buffer.from(header), { persistent: true, headers })
        const packet = await client.expect('publish')
        assert.deepEqual([text(packet), packet.qos], [`copied/to=${header}`, qos])
      }
      channel.publish('amq.topic', 'copied.first', Buffer.from('x'), { headers: { CC: ['copied.to'] } })
      // by its topic, where the client has subscribed to that
      const first = qos === 1 && i === 1 ? 'copied/to=x' : 'copied/first=x'
      assert.equal(text(await client.expect('publish')), first)
      assert.deepEqual(await client.ping(), [])
      await client.disconnect()
    }
  })

  test('a routing key that stands for no topic is sent to nobody, and holds nothing up', async (t) => {
    const channel = await channelOf(await connectAs(t, broker.port, { user: 'guest', password: 'guest' }))
    const members: MqttWire[] = []
    for (const [version, filter, qos] of [
      [4, 'key/#', 0],
      [5, '#', 1],
      [4, '$share/keys/#', 1],
      [5, '$share/keys-0/#', 0],
    ] as const) {
      const member = await MqttWire.connect(url, version, { clientId: `keys-${members.length}` })
      await member.subscribe(filter, qos, { rh: 2 })
      members.push(member)
    }
    for (const persistent of [false, true]) {
      for (const headers of [{}, { 'x-mqtt-topic': 'a/+' }])
        for (const key of ['', '*', '#', 'key.*', 'key.a+b', 'key.#', 'key.a\0b'])
          channel.publish('amq.topic', key, Buffer.from('bad'), { persistent, headers })
      channel.publish('amq.topic', 'key.good', Buffer.from('good'), { persistent })
    }
    for (const member of members) {
      assert.deepEqual(
        [text(await member.expect('publish')), text(await member.expect('publish'))],
        ['key/good=good', 'key/good=good'],
      )
      await member.disconnect()
    }
  })

  test('an alarm holds who publishes, and nobody else', async () => {
    const subscriber = await MqttWire.connect(url, 5, { clientId: 'alarm-1' })
    await subscriber.subscribe('alarm', 1)
    const publisher = await MqttWire.connect(url, 5, { clientId: 'alarm-2' })
    broker.setAlarm('memory', true)
    await publisher.publish('alarm', 'first', { qos: 1 })
    await publisher.publish('alarm', 'second', { qos: 1, messageId: 2 })
    await eventually(() => broker.connections().some(({ blocked }) => blocked))
    await subscriber.ping()
    broker.setAlarm('memory', false)
    assert.deepEqual(
      [(await publisher.expect('puback')).messageId, (await publisher.expect('puback')).messageId],
      [1, 2],
    )
    await subscriber.disconnect()
  })

  test('an operator’s goodbye is told', async () => {
    const client = await MqttWire.connect(url, 5, { clientId: 'closed' })
    broker.closeConnections()
    assert.equal((await client.expect('disconnect')).reasonCode, 0x98)
  })
})
