/** One broker for a test that speaks all protocols, and one clock for all of them. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { startBroker, virtualClock, type VirtualClock, type WarrenBroker } from '../../src/index.ts'
import { MqttWire } from '../support/mqtt-wire.ts'
import { StompWire } from '../support/stomp-wire.ts'

const MINUTE_MS = 60_000

async function start(t: TestContext, heartbeat?: number): Promise<WarrenBroker<VirtualClock>> {
  const protocols = ['amqp', 'mqtt', 'stomp'] as const
  const broker = await startBroker({ protocols, clock: virtualClock(), ...(heartbeat !== undefined && { heartbeat }) })
  t.after(() => broker.stop())
  return broker
}

async function stompOf(t: TestContext, { urls }: WarrenBroker, heartBeat: string): Promise<StompWire> {
  const client = await StompWire.connect(urls.stomp!, { 'heart-beat': heartBeat })
  t.after(() => client.cut())
  return client
}

async function mqttOf(t: TestContext, { urls }: WarrenBroker, keepalive: number): Promise<MqttWire> {
  const client = await MqttWire.connect(urls.mqtt!, 5, { keepalive })
  t.after(() => client.cut())
  return client
}

test('the clock moves heart-beats and keep alives of all protocols, where the test asks for it', async (t) => {
  const broker = await start(t, 60)
  const stomp = await stompOf(t, broker, '10000,0')
  const mqtt = await mqttOf(t, broker, 10)
  await broker.clock.advance(9_000)
  await Promise.all([stomp.sync(), mqtt.ping()])
  await broker.clock.advance(9_000)
  await Promise.all([stomp.sync(), mqtt.ping()])
  await broker.clock.advance(MINUTE_MS)
  assert.equal((await stomp.expect('ERROR')).headers['message'], 'Heart-beat timeout')
  assert.equal((await mqtt.expect('disconnect')).reasonCode, 0x8d)
})

test('but an hour of virtual time is no hour of silence where it does not', async (t) => {
  const broker = await start(t)
  const stomp = await stompOf(t, broker, '10000,10000')
  const mqtt = await mqttOf(t, broker, 10)
  await broker.clock.advance('1h')
  assert.deepEqual(await stomp.sync(), [])
  assert.deepEqual(await mqtt.ping(), [])
})

test('what STOMP and MQTT clients send expires by the clock', async (t) => {
  const broker = await start(t)
  await broker.declareQueue('kept')
  await broker.bind('kept', 'amq.topic', 'a.b')
  const stomp = await stompOf(t, broker, '0,0')
  await stomp.sendSafely('SEND', { destination: '/topic/a.b', expiration: 2 * MINUTE_MS }, 'by STOMP')
  const mqtt = await mqttOf(t, broker, 0)
  await mqtt.publish('a/b', 'by MQTT', { properties: { messageExpiryInterval: 60 } })
  await mqtt.ping()
  const texts = (): string[] => broker.messages('kept').map((message) => message.text())
  await broker.clock.advance(MINUTE_MS - 1)
  assert.deepEqual(texts(), ['by STOMP', 'by MQTT'])
  await broker.clock.advance(1)
  assert.deepEqual(texts(), ['by STOMP'])
  await broker.clock.advance(MINUTE_MS - 1)
  assert.deepEqual(texts(), ['by STOMP'])
  await broker.clock.advance(1)
  assert.deepEqual(texts(), [])
})

test('a durable subscription whose client stays away expires by the clock', async (t) => {
  const broker = await start(t)
  const stomp = await stompOf(t, broker, '0,0')
  const durable = { id: 'd', durable: true, 'auto-delete': false, 'x-queue-name': 'mine', 'x-expires': MINUTE_MS }
  await stomp.sendSafely('SUBSCRIBE', { ...durable, destination: '/topic/a.b' })
  await stomp.disconnect()
  await broker.publish('amq.topic', 'a.b', 'while it is away')
  await broker.clock.advance(MINUTE_MS - 1)
  assert.equal(broker.queue('mine').ready, 1)
  await broker.clock.advance(1)
  assert.throws(() => broker.queue('mine'), /mine/)
})
