/** QoS 2 is exactly once through a crash at the worst of moments: between what is said and what is on disk. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PacketIds } from '../../../src/protocols/mqtt/packet-ids.ts'
import { messageOf, tableOf } from '../../support/core-bench.ts'
import { MqttLife, type MqttLifeClient } from '../../support/mqtt-life.ts'

/** A client whose session is there, and on disk. */
async function connected(life: MqttLife, clientId: string, receiveMaximum?: number): Promise<MqttLifeClient> {
  const client = life.connect(clientId, receiveMaximum)
  assert.equal(await client.next(), 'connack')
  return client
}

async function subscribed(life: MqttLife, receiveMaximum?: number): Promise<MqttLifeClient> {
  const client = await connected(life, 'subscriber', receiveMaximum)
  client.subscribe('a', 2)
  assert.equal(await client.next(), 'suback id 99')
  life.settleDisk()
  return client
}

describe('a message of QoS 2', () => {
  test('comes once when it was not on disk before a crash, and its publisher sends it again', async () => {
    const first = await MqttLife.begin()
    const subscriber = await subscribed(first)
    const publisher = await connected(first, 'publisher')
    publisher.publish('one', 1)
    assert.deepEqual(await publisher.ping(), [])
    assert.deepEqual(await subscriber.ping(), [], 'nobody is told of what may be lost')
    const second = await first.crash()
    const again = await connected(second, 'subscriber')
    const sender = await connected(second, 'publisher')
    sender.publish('one', 1, { dup: true })
    await sender.ping()
    second.settleDisk()
    assert.equal(await sender.next(), 'pubrec id 1')
    assert.match(await again.next(), /^publish one id \d+ QoS 2$/)
    assert.deepEqual(await again.ping(), [])
  })

  test('has the same packet id after a crash, whatever was lost', async () => {
    const first = await MqttLife.begin()
    const subscriber = await subscribed(first)
    const publisher = await connected(first, 'publisher')
    publisher.publish('one', 1)
    await publisher.ping()
    first.settleDisk()
    assert.equal(await subscriber.next(), 'publish one id 1 QoS 2')
    publisher.publish('two', 2)
    await publisher.ping()
    subscriber.answer('pubrec', 1)
    assert.deepEqual(await subscriber.ping(), [], 'PUBREL waits for the disk')
    const second = await first.crash()
    const again = await connected(second, 'subscriber')
    await again.ping()
    second.settleDisk()
    assert.equal(await again.next(), 'publish one id 1 QoS 2 dup')
    again.answer('pubrec', 1)
    await again.ping()
    second.settleDisk()
    assert.equal(await again.next(), 'pubrel id 1')
    const third = await second.crash()
    const last = await connected(third, 'subscriber')
    assert.equal(await last.next(), 'pubrel id 1')
    third.settleDisk()
    assert.deepEqual(await last.ping(), [])
  })

  test('is held back in order, and holds nobody else back', async () => {
    const life = await MqttLife.begin()
    const subscriber = await subscribed(life)
    const publisher = await connected(life, 'publisher')
    publisher.publish('one', 1)
    publisher.publish('two', 2)
    publisher.publish('less', 3, { qos: 1 })
    await publisher.ping()
    assert.deepEqual(await subscriber.ping(), ['publish less id 3 QoS 1'])
    life.settleDisk()
    assert.deepEqual(await subscriber.ping(), ['publish one id 1 QoS 2', 'publish two id 2 QoS 2'])
  })

  test('that is held back when its client goes comes to the next connection', async () => {
    const life = await MqttLife.begin()
    const subscriber = await subscribed(life)
    life.bench.queue('mqtt-subscription-subscriberqos1').publish(qos2('one'))
    assert.deepEqual(await subscriber.ping(), [])
    await subscriber.cut()
    const again = await connected(life, 'subscriber')
    assert.deepEqual(await again.ping(), [])
    life.settleDisk()
    assert.deepEqual(await again.ping(), ['publish one id 1 QoS 2 dup'])
  })

  test('whose id another one has waits for it', async () => {
    const life = await MqttLife.begin()
    const subscriber = await subscribed(life, 2)
    const queue = life.bench.queue('mqtt-subscription-subscriberqos1')
    queue.publish(qos2('one'))
    queue.publish(qos2('two'))
    life.settleDisk()
    assert.deepEqual(await subscriber.ping(), ['publish one id 1 QoS 2', 'publish two id 2 QoS 2'])
    // ids are numbers in the queue, and begin again after so many
    for (let number = 3; number < 32_768; number++) queue.publish(qos2('between'))
    life.bench.client().session.topology.purgeQueue(queue.name)
    queue.publish(qos2('far'))
    subscriber.answer('pubrec', 2)
    await subscriber.ping()
    life.settleDisk()
    assert.equal(await subscriber.next(), 'pubrel id 2')
    subscriber.answer('pubcomp', 2)
    await subscriber.ping()
    life.settleDisk()
    assert.deepEqual(await subscriber.ping(), [])
    subscriber.answer('pubrec', 1)
    await subscriber.ping()
    life.settleDisk()
    assert.deepEqual(await subscriber.ping(), ['pubrel id 1'])
    subscriber.answer('pubcomp', 1)
    assert.deepEqual(await subscriber.ping(), [], 'after a crash PUBREL would come again')
    life.settleDisk()
    assert.deepEqual(await subscriber.ping(), ['publish far id 1 QoS 2'])
  })
})

describe('what a client asks again on another connection', () => {
  test('is answered when the disk has what it is told: PUBREC', async () => {
    const life = await MqttLife.begin()
    const publisher = await connected(life, 'publisher')
    publisher.publish('one', 1)
    assert.deepEqual(await publisher.ping(), [])
    await publisher.cut()
    const again = await connected(life, 'publisher')
    again.publish('one', 1, { dup: true })
    assert.deepEqual(await again.ping(), [])
    life.settleDisk()
    assert.deepEqual(await again.ping(), ['pubrec id 1'])
  })

  test('PUBCOMP', async () => {
    const life = await MqttLife.begin()
    const publisher = await connected(life, 'publisher')
    publisher.publish('one', 1)
    await publisher.ping()
    life.settleDisk()
    assert.equal(await publisher.next(), 'pubrec id 1')
    publisher.answer('pubrel', 1)
    assert.deepEqual(await publisher.ping(), [])
    await publisher.cut()
    const again = await connected(life, 'publisher')
    again.answer('pubrel', 1)
    assert.deepEqual(await again.ping(), [])
    life.settleDisk()
    assert.deepEqual(await again.ping(), ['pubcomp id 1'])
  })

  test('PUBREL', async () => {
    const life = await MqttLife.begin()
    const subscriber = await subscribed(life)
    life.bench.queue('mqtt-subscription-subscriberqos1').publish(qos2('one'))
    life.settleDisk()
    assert.deepEqual(await subscriber.ping(), ['publish one id 1 QoS 2'])
    subscriber.answer('pubrec', 1)
    assert.deepEqual(await subscriber.ping(), [])
    await subscriber.cut()
    const again = await connected(life, 'subscriber')
    assert.deepEqual(await again.ping(), [])
    life.settleDisk()
    assert.deepEqual(await again.ping(), ['pubrel id 1'])
  })
})

test('a packet id that is completed is free when that is on disk', () => {
  const ids = new PacketIds()
  assert.ok(ids.isFree(1, 0))
  ids.completed(1, 5)
  ids.completed(2, 6)
  ids.completed(1, 7)
  assert.deepEqual([ids.isFree(1, 6), ids.isFree(2, 6), ids.isEmpty(6)], [false, true, false])
  assert.deepEqual([ids.isFree(1, 7), ids.isEmpty(7)], [true, true])
})

function qos2(body: string) {
  return messageOf('amq.topic', 'a', body, { persistent: true, headers: tableOf({ 'x-mqtt-publish-qos': 2 }) })
}
