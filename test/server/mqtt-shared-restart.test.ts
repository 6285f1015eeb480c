/** What becomes of shared subscriptions when the broker is killed: those of lasting sessions go on, others leave nothing behind. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MqttWire } from '../support/mqtt-wire.ts'
import { startWarren, temporaryFolder, type WarrenProcess } from '../support/warren-process.ts'

const FLAGS = ['--mqtt-port', '127.0.0.1:0', '--web-mqtt-port', 'none']
const lasting = { clean: false, properties: { sessionExpiryInterval: 3600 } }

async function queueNames(broker: WarrenProcess): Promise<string[]> {
  const headers = { authorization: `Basic ${btoa('guest:guest')}` }
  const answer = await fetch(`${broker.url('HTTP')}/api/queues`, { headers })
  return ((await answer.json()) as { name: string }[]).map(({ name }) => name).toSorted()
}

test('a group without a member left has no queue after a crash, and one that has goes on', async (t) => {
  const folder = temporaryFolder(t)
  const start = (): Promise<WarrenProcess> =>
    startWarren(t, ['--data-dir', folder, ...FLAGS], { env: { WARREN_PROTOCOLS: 'amqp,mqtt' } })
  const first = await start()
  const url = first.url('MQTT')
  const passing = await MqttWire.connect(url, 5, { clientId: 'passing' })
  const staying = await MqttWire.connect(url, 5, { clientId: 'staying', ...lasting })
  await passing.subscribe('$share/passing/a', 1)
  await passing.subscribe('$share/both/b', 1)
  await staying.subscribe('$share/both/b', 1)
  await first.stop('SIGKILL')
  const second = await start()
  const expected = ['mqtt-subscription-$share/both/b', 'mqtt-subscription-stayingqos1']
  assert.deepEqual(await queueNames(second), expected)
  const publisher = await MqttWire.connect(second.url('MQTT'), 5, { clientId: 'publisher' })
  for (const [i, topic] of ['a', 'b'].entries()) {
    await publisher.publish(topic, 'x', { qos: 1, messageId: i + 1 })
    await publisher.expect('puback')
  }
  const back = await MqttWire.connect(second.url('MQTT'), 5, { clientId: 'staying', ...lasting })
  assert.equal((await back.expect('publish')).topic, 'b')
  await second.stop('SIGKILL')
  const third = await start()
  assert.deepEqual(await queueNames(third), expected)
})
