/** Retained messages on the real store. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Broker } from '../../src/core/broker.ts'
import { composeMessage, type Message } from '../../src/core/message.ts'
import { toProperties } from '../../src/protocols/mqtt/message-mapping.ts'
import { RetainedMessages } from '../../src/protocols/mqtt/retained/retained-messages.ts'
import { topicToKey } from '../../src/protocols/mqtt/topics.ts'
import { collect } from '../support/pump.ts'
import { temporaryFolder } from '../support/warren-process.ts'
import { eventually, withBroker } from '../support/with-broker.ts'

const PLAIN = { sparkplug: false }
const LIMITS = { messagesMax: -1, bytesMax: -1 }

function messageOf(broker: Broker, topic: string, body: string): Message {
  const properties = toProperties(topic, 1, { userProperties: [['of', topic]] }, PLAIN)
  return composeMessage('amq.topic', topicToKey(topic), properties, Buffer.from(body), broker.propertyFormat)
}

const put = (broker: Broker, retained: RetainedMessages, topic: string, body: string | null): number =>
  retained.put(broker.findVhost('/'), topic, body === null ? null : messageOf(broker, topic, body))

const untilSafe = ({ store }: Broker, position: number): Promise<unknown> =>
  eventually(() => store.committed >= position)

test('retained messages are there after a restart, whatever their size, and do not stay in memory', async (t) => {
  const dataDir = temporaryFolder(t)
  const expected = new Map<string, string>()
  await withBroker({ dataDir }, async ({ server: { broker } }) => {
    const retained = await RetainedMessages.open(broker, LIMITS, PLAIN)
    const before = broker.memory.entries
    let position = 0
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 1000; i++) {
        const topic = `site/${i % 10}/device.${i}`
        const body = i % 3 === round ? null : `${round} ${i} ${'x'.repeat(i % 100 === 1 ? 100_000 : 20)}`
        if (body === null) expected.delete(topic)
        else expected.set(topic, body)
        position = put(broker, retained, topic, body)
      }
    }
    await untilSafe(broker, position)
    await eventually(() => broker.memory.entries === before)
    retained.close()
  })
  await withBroker({ dataDir }, async ({ server: { broker } }) => {
    const retained = await RetainedMessages.open(broker, LIMITS, PLAIN)
    assert.equal(retained.count, expected.size)
    const found = await collect(retained.matching(broker.findVhost('/'), 'site/#'))
    assert.deepEqual(new Map(found.map(({ topic, message }) => [topic, message.body().toString()])), expected)
    const { headers } = found[0]!.message.properties()
    assert.equal(headers?.get('of')?.value, found[0]!.topic)
    retained.close()
  })
})

test('a virtual host that is deleted leaves none', async (t) => {
  const dataDir = temporaryFolder(t)
  await withBroker({ dataDir }, async ({ server: { broker } }) => {
    const retained = await RetainedMessages.open(broker, LIMITS, PLAIN)
    const vhost = broker.putVhost('other')
    await untilSafe(broker, retained.put(vhost, 'a', messageOf(broker, 'a', 'x')))
    broker.deleteVhost('other')
    broker.putVhost('other')
    await broker.commitMetadata()
    retained.close()
  })
  await withBroker({ dataDir }, async ({ server: { broker } }) => {
    const retained = await RetainedMessages.open(broker, LIMITS, PLAIN)
    assert.deepEqual(await collect(retained.matching(broker.findVhost('other'), '#')), [])
    retained.close()
  })
})
