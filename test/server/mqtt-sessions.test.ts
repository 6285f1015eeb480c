/** Sessions of MQTT clients: what outlasts a connection and a restart, for how long, and who has it. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { IPublishPacket } from 'mqtt-packet'
import { startBroker } from '../../src/testkit/start-broker.ts'
import { virtualClock } from '../../src/util/virtual-clock.ts'
import { MqttWire, type Version } from '../support/mqtt-wire.ts'
import { eventually } from '../support/with-broker.ts'

type Broker = Awaited<ReturnType<typeof startBroker>>

async function withMqtt(
  options: Parameters<typeof startBroker>[0],
  use: (broker: Broker, url: string) => Promise<void>,
): Promise<void> {
  const broker = await startBroker({ ...options, protocols: ['mqtt'] })
  try {
    await use(broker, broker.urls.mqtt!)
  } finally {
    await broker.stop()
  }
}

const lasting = (version: Version, expirySec = 3600) => ({
  clean: false,
  ...(version === 5 ? { properties: { sessionExpiryInterval: expirySec } } : {}),
})

/** Connects, and gives what CONNACK said. */
async function connected(url: string, version: Version, options: Parameters<MqttWire['sendConnect']>[0] = {}) {
  const client = await MqttWire.open(url, version)
  await client.sendConnect(options)
  return { client, connack: await client.connack() }
}

const text = ({ topic, payload }: IPublishPacket): string => `${topic}=${payload.toString()}`

for (const version of [4, 5] as Version[]) {
  describe(`sessions of version ${version}`, () => {
    test('keep what comes while the client is away, and send again what it has not acknowledged', () =>
      withMqtt({}, async (_broker, url) => {
        const first = await connected(url, version, lasting(version))
        assert.equal(first.connack.sessionPresent, false)
        assert.deepEqual(await first.client.subscribe('news/+', 1), [1])
        const other = await MqttWire.connect(url, version, { clientId: 'other' })
        await other.publish('news/1', 'a', { qos: 1 })
        const before = await first.client.expect('publish')
        assert.equal(before.dup, false)
        first.client.cut()
        await other.publish('news/2', 'b', { qos: 1, messageId: 2 })
        const again = await connected(url, version, lasting(version))
        assert.equal(again.connack.sessionPresent, true)
        const a = await again.client.expect('publish')
        const b = await again.client.expect('publish')
        assert.deepEqual([a, b].map(text), ['news/1=a', 'news/2=b'])
        assert.deepEqual([a.dup, a.messageId], [true, before.messageId])
        for (const { messageId } of [a, b])
          await again.client.send({ cmd: 'puback', messageId: messageId!, reasonCode: 0 })
        await again.client.ping()
        await again.client.disconnect()
        const last = await connected(url, version, lasting(version))
        assert.deepEqual(await last.client.ping(), [])
      }))

    test('that are clean begin anew, and end with their connection', () =>
      withMqtt({}, async (broker, url) => {
        const first = await connected(url, version, lasting(version))
        await first.client.subscribe('a', 1)
        await first.client.disconnect()
        const clean = await connected(url, version)
        assert.equal(clean.connack.sessionPresent, false)
        await clean.client.subscribe('b', 1)
        assert.deepEqual(
          broker.queues().map(({ name }) => name),
          ['mqtt-subscription-cqos1'],
        )
        await clean.client.disconnect()
        await eventually(() => broker.queues().length === 0)
      }))

    test('are taken over by another connection', () =>
      withMqtt({}, async (_broker, url) => {
        const first = await connected(url, version, lasting(version))
        await first.client.subscribe('a', 1)
        const second = await connected(url, version, lasting(version))
        assert.equal(second.connack.sessionPresent, true)
        const goodbye = await first.client.next()
        if (version === 5) assert.equal((goodbye as { reasonCode?: number }).reasonCode, 0x8e)
        else assert.equal(goodbye, null)
        await second.client.publish('a', 'x', { qos: 0 })
        assert.equal(text(await second.client.expect('publish')), 'a=x')
      }))

    test('survive a restart, with QoS 2 where it was', async () => {
      const dataDir = mkdtempSync(join(tmpdir(), 'warren-mqtt-'))
      try {
        let released = 0
        let unreceived = 0
        await withMqtt({ dataDir }, async (_broker, url) => {
          const { client } = await connected(url, version, lasting(version))
          await client.subscribe('a', 2)
          await client.publish('a', 'one', { qos: 2, messageId: 7 })
          const packets = [await client.next(), await client.next()]
          const [delivery] = packets.filter((packet) => packet?.cmd === 'publish') as [IPublishPacket]
          released = delivery.messageId!
          await client.send({ cmd: 'pubrec', messageId: released, reasonCode: 0 })
          assert.equal((await client.expect('pubrel')).messageId, released)
          const other = await MqttWire.connect(url, version, { clientId: 'other' })
          await other.publish('a', 'two', { qos: 2, messageId: 1 })
          await other.expect('pubrec')
          unreceived = (await client.expect('publish')).messageId!
        })
        await withMqtt({ dataDir }, async (_broker, url) => {
          const { client, connack } = await connected(url, version, lasting(version))
          assert.equal(connack.sessionPresent, true)
          assert.equal((await client.expect('pubrel')).messageId, released)
          const again = await client.expect('publish')
          assert.deepEqual([text(again), again.messageId, again.dup, again.qos], ['a=two', unreceived, true, 2])
          await client.send({ cmd: 'pubcomp', messageId: released, reasonCode: 0 })
          // received before the restart: not published once more
          await client.publish('a', 'one', { qos: 2, messageId: 7, dup: true })
          assert.equal((await client.expect('pubrec')).messageId, 7)
          assert.deepEqual(await client.ping(), [])
          await client.send({ cmd: 'pubrel', messageId: 7, reasonCode: 0 })
          assert.equal((await client.expect('pubcomp')).messageId, 7)
          await client.publish('a', 'three', { qos: 2, messageId: 7 })
          const kinds = [await client.next(), await client.next()].map((packet) => packet?.cmd)
          assert.ok(kinds.includes('publish'), 'the id is free again')
        })
      } finally {
        rmSync(dataDir, { recursive: true })
      }
    })
  })
}

for (const type of ['classic', 'quorum'])
  test(`a client is never sent more than its receive maximum from all of its queues, be they ${type}`, () =>
    withMqtt({ config: { 'mqtt.durable_queue_type': type } }, async (_broker, url) => {
      const properties = { sessionExpiryInterval: 100, receiveMaximum: 2 }
      const { client } = await connected(url, 5, { clean: false, properties })
      for (const filter of ['a', '$share/g/b', '$share/h/b']) await client.subscribe(filter, 1)
      const other = await MqttWire.connect(url, 5, { clientId: 'other' })
      for (let i = 1; i <= 6; i++) await other.publish(i % 2 === 0 ? 'a' : 'b', String(i), { qos: 1, messageId: i })
      for (let i = 1; i <= 6; i++) await other.expect('puback')
      for (let left = 9; left > 0; left -= 2) {
        const came: IPublishPacket[] = []
        while (came.length < Math.min(2, left)) came.push(await client.expect('publish'))
        assert.deepEqual(await client.ping(), [])
        for (const { messageId } of came) await client.send({ cmd: 'puback', messageId: messageId!, reasonCode: 0 })
      }
    }))

describe('time', () => {
  const withClock = (
    use: (clock: ReturnType<typeof virtualClock>, url: string, broker: Broker) => Promise<void>,
    config = {},
  ): Promise<void> => {
    const clock = virtualClock()
    return withMqtt({ clock, heartbeat: 60, config }, (broker, url) => use(clock, url, broker))
  }

  test('ends sessions whose clients stay away', () =>
    withClock(async (clock, url) => {
      const { client } = await connected(url, 5, lasting(5, 60))
      await client.subscribe('a', 1)
      await client.disconnect()
      await clock.advance('59s')
      const back = await connected(url, 5, lasting(5, 10))
      assert.equal(back.connack.sessionPresent, true)
      await clock.advance('5m')
      await back.client.disconnect()
      await clock.advance('11s')
      const late = await connected(url, 5, lasting(5, 10))
      assert.equal(late.connack.sessionPresent, false)
    }))

  test('to come back runs from the disconnect, for who only publishes too', () =>
    withClock(async (clock, url) => {
      const watcher = await MqttWire.connect(url, 5, { clientId: 'watcher' })
      await watcher.subscribe('a', 0)
      const { client } = await connected(url, 5, lasting(5, 2))
      await client.publish('a', 'once', { qos: 2, messageId: 7 })
      await client.expect('pubrec')
      await clock.advance('1h')
      assert.deepEqual(await client.subscribe('b', 1), [1])
      client.cut()
      await client.wire.untilClosed()
      const again = await connected(url, 5, lasting(5, 2))
      assert.equal(again.connack.sessionPresent, true)
      await again.client.publish('a', 'once', { qos: 2, messageId: 7, dup: true })
      await again.client.expect('pubrec')
      assert.deepEqual(
        (await watcher.ping()).map((packet) => packet.cmd),
        ['publish'],
      )
    }))

  test('of a session is limited, and the client told', () =>
    withClock(
      async (_clock, url) => {
        const { connack } = await connected(url, 5, lasting(5, 0xffffffff))
        assert.equal(connack.properties!.sessionExpiryInterval, 100)
      },
      { 'mqtt.max_session_expiry_interval_seconds': 100 },
    ))

  test('a client may change its mind when it leaves', () =>
    withClock(async (clock, url) => {
      const { client } = await connected(url, 5, lasting(5, 60))
      await client.subscribe('a', 1)
      await client.send({ cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 0 } })
      await client.wire.untilClosed()
      assert.equal((await connected(url, 5, lasting(5, 60))).connack.sessionPresent, false)
      await clock.advance(1)
    }))

  test('expires messages, and what is left of it is told', () =>
    withClock(async (clock, url) => {
      const { client } = await connected(url, 5, lasting(5))
      await client.subscribe('a', 1)
      await client.disconnect()
      const other = await MqttWire.connect(url, 5, { clientId: 'other' })
      for (const [payload, messageExpiryInterval] of [
        ['short', 10],
        ['long', 100],
      ] as const) {
        await other.publish('a', payload, { qos: 1, properties: { messageExpiryInterval } })
        await other.expect('puback')
      }
      await clock.advance('30s')
      const back = await connected(url, 5, lasting(5))
      const packet = await back.client.expect('publish')
      assert.deepEqual([text(packet), packet.properties!.messageExpiryInterval], ['a=long', 70])
    }))

  test('without a word from a client ends its connection at one and a half keep alives', () =>
    withClock(async (clock, url) => {
      const { client } = await connected(url, 5, { keepalive: 10 })
      await clock.advance('14s')
      await client.ping()
      await clock.advance('14s')
      await client.ping()
      await clock.advance('15s')
      assert.equal((await client.expect('disconnect')).reasonCode, 0x8d)
    }))

  test('of a keep alive may be the broker’s', () =>
    withClock(
      async (_clock, url) => {
        const { connack } = await connected(url, 5, { keepalive: 0 })
        assert.equal(connack.properties!.serverKeepAlive, 20)
      },
      { 'warren.mqtt.max_keep_alive': 20 },
    ))

  test('to log in is limited', () =>
    withClock(async (clock, url) => {
      const client = await MqttWire.open(url, 4)
      await client.sendHex('10')
      await eventually(async () => {
        await clock.advance('31s')
        return client.wire.closed
      })
    }))
})

describe('wills', () => {
  const will = (payload: string, delay?: number, retain = false) => ({
    topic: 'gone',
    payload: Buffer.from(payload),
    qos: 1 as const,
    retain,
    ...(delay === undefined ? {} : { properties: { willDelayInterval: delay } }),
  })

  test('are published when a client goes without a word, and not when it says goodbye', () =>
    withMqtt({}, async (_broker, url) => {
      const watcher = await MqttWire.connect(url, 5, { clientId: 'watcher' })
      await watcher.subscribe('gone', 1)
      const polite = await MqttWire.connect(url, 4, { will: will('polite') })
      await polite.disconnect()
      const asking = await MqttWire.connect(url, 5, { will: will('asking') })
      await asking.send({ cmd: 'disconnect', reasonCode: 4 })
      assert.equal(text(await watcher.expect('publish')), 'gone=asking')
      const failing = await MqttWire.connect(url, 5, { will: will('failing') })
      await failing.send({ cmd: 'disconnect', reasonCode: 0x80 })
      assert.equal(text(await watcher.expect('publish')), 'gone=failing')
      const rude = await MqttWire.connect(url, 4, { will: will('rude', undefined, true) })
      rude.cut()
      assert.equal(text(await watcher.expect('publish')), 'gone=rude')
      await watcher.subscribe('gone', 0, { rh: 0 })
      const retained = await watcher.expect('publish')
      assert.deepEqual([text(retained), retained.retain], ['gone=rude', true])
    }))

  test('wait for their delay, and are forgotten when the session is resumed', async () => {
    const clock = virtualClock()
    await withMqtt({ clock }, async (_broker, url) => {
      const watcher = await MqttWire.connect(url, 5, { clientId: 'watcher' })
      await watcher.subscribe('gone', 0)
      const options = { ...lasting(5, 100), will: will('delayed', 30) }
      const first = await connected(url, 5, options)
      await first.client.subscribe('a', 1)
      first.client.cut()
      await first.client.wire.untilClosed()
      await clock.advance('29s')
      assert.deepEqual(await watcher.ping(), [])
      const second = await connected(url, 5, options)
      second.client.cut()
      await second.client.wire.untilClosed()
      await clock.advance('29s')
      assert.deepEqual(await watcher.ping(), [])
      await clock.advance('2s')
      assert.equal(text(await watcher.expect('publish')), 'gone=delayed')
    })
  })

  test('come with the end of the session, if that is sooner', async () => {
    const clock = virtualClock()
    await withMqtt({ clock }, async (_broker, url) => {
      const watcher = await MqttWire.connect(url, 5, { clientId: 'watcher' })
      await watcher.subscribe('gone', 0)
      const first = await connected(url, 5, { ...lasting(5, 1000), will: will('cleaned', 500) })
      first.client.cut()
      await first.client.wire.untilClosed()
      await clock.advance(1)
      await connected(url, 5, { clean: true })
      assert.equal(text(await watcher.expect('publish')), 'gone=cleaned')
      const short = await connected(url, 5, { clientId: 'short', ...lasting(5, 10), will: will('ended', 500) })
      short.client.cut()
      await short.client.wire.untilClosed()
      await clock.advance('11s')
      assert.equal(text(await watcher.expect('publish')), 'gone=ended')
    })
  })
})
