/** MQTT where logins and permissions are asked of a service outside: what a client sends meanwhile waits, in order. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { LoginService, type Question } from '../support/login-service.ts'
import { MqttWire } from '../support/mqtt-wire.ts'
import { startTestBroker } from '../support/with-broker.ts'

const ANN = { username: 'ann', password: Buffer.from('secret'), clientId: 'ann-1' }

async function start(t: TestContext, ...more: string[]): Promise<{ service: LoginService; url: string }> {
  const service = await LoginService.start()
  const protocols = ['--protocols', 'amqp,mqtt', '--mqtt-port', '0', '--web-mqtt-port', 'none']
  const { server } = await startTestBroker({ flags: [...protocols, ...service.flags(...more)] })
  t.after(async () => {
    await server.stop('test')
    await service.stop()
  })
  return { service, url: server.urls.mqtt[0]! }
}

test('packets are answered in order while each of them is asked about', async (t) => {
  const { service, url } = await start(t)
  const client = await MqttWire.open(url, 5)
  const subscriptions = [
    { topic: 'a', qos: 1 as const },
    { topic: 'b', qos: 0 as const },
  ]
  // all at once: what follows has to wait for the answers about what came before
  await client.sendConnect(ANN)
  await client.send({ cmd: 'subscribe', messageId: 1, subscriptions })
  for (const [i, topic] of ['a', 'b', 'a'].entries())
    await client.publish(topic, String(i), { qos: 2, messageId: i + 1 })
  await client.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['a'] })
  await client.send({ cmd: 'pingreq' })
  const got: string[] = []
  for (;;) {
    const packet = (await client.next())!
    if (packet.cmd !== 'publish') got.push(packet.cmd)
    else got.push(`${packet.topic}=${packet.payload.toString()}`)
    if (packet.cmd === 'pingresp') break
  }
  assert.deepEqual(
    got.filter((what) => !what.includes('=')),
    ['connack', 'suback', 'pubrec', 'pubrec', 'pubrec', 'unsuback', 'pingresp'],
  )
  assert.deepEqual(
    got.filter((what) => what.includes('=')),
    ['a=0', 'b=1', 'a=2'],
  )
  const topics = service.questions.filter(({ path }) => path === 'topic')
  assert.ok(topics.length > 0)
  assert.ok(topics.every((question) => question['variable_map.client_id'] === 'ann-1'))
})

test('refusals are told as others are', async (t) => {
  const { service, url } = await start(t)
  service.replies['topic'] = (question: Question) => (question['routing_key'] === 'secret' ? 'deny' : 'allow')
  const client = await MqttWire.connect(url, 5, ANN)
  assert.deepEqual(await client.subscribe('secret', 1), [0x87])
  assert.equal((await client.expect('disconnect')).reasonCode, 0x87)
  service.replies['vhost'] = () => 'deny'
  await assert.rejects(MqttWire.connect(url, 5, ANN), /refused: 135/)
  service.replies['user'] = () => 'deny'
  await assert.rejects(MqttWire.connect(url, 5, ANN), /refused: 134/)
})

test('answers about one client are not used for another', async (t) => {
  const { service, url } = await start(t, '--auth-backends', 'cache', '--auth-cache-cached-backend', 'http')
  service.replies['topic'] = (question: Question) => (question['variable_map.client_id'] === 'ann-1' ? 'allow' : 'deny')
  const first = await MqttWire.connect(url, 5, ANN)
  assert.deepEqual(await first.subscribe('a', 1), [1])
  const second = await MqttWire.connect(url, 5, { ...ANN, clientId: 'ann-2' })
  assert.deepEqual(await second.subscribe('a', 1), [0x87])
})
