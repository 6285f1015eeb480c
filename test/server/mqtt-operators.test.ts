/** MQTT clients as operators see them: HTTP API, metrics, command line, events; and what operators do to them. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { runCtl } from '../../src/cli/ctl/run.ts'
import { startBroker, type WarrenBroker } from '../../src/testkit/start-broker.ts'
import { bufferTerminal } from '../cli/support/buffer-terminal.ts'
import { MqttWire } from '../support/mqtt-wire.ts'
import { eventually } from '../support/with-broker.ts'

type Row = Record<string, unknown>

let broker: WarrenBroker
let url: string
before(async () => {
  broker = await startBroker({ protocols: ['mqtt'], managementPort: 0, vhosts: ['other'] })
  url = broker.urls.mqtt!
})
after(() => broker.stop())

const headers = {
  authorization: `Basic ${Buffer.from('guest:guest').toString('base64')}`,
  'content-type': 'application/json',
}

async function api(method: string, path: string, body?: unknown): Promise<{ status: number; body: string }> {
  const sent = body === undefined ? {} : { body: JSON.stringify(body) }
  const response = await fetch(`${broker.managementUrl}/api/${path}`, { method, headers, ...sent })
  return { status: response.status, body: await response.text() }
}

const list = async (path: string): Promise<Row[]> => JSON.parse((await api('GET', path)).body) as Row[]

const lasting = { clean: false, properties: { sessionExpiryInterval: 60 } }

test('connections are listed as RabbitMQ lists them, and have no channels', async () => {
  const client = await MqttWire.connect(url, 5, { clientId: 'listed', keepalive: 30 })
  await client.subscribe('listed/#', 1)
  const [row] = (await list('connections')).filter(({ user_provided_name: name }) => name === 'listed')
  assert.deepEqual(
    [row!['protocol'], row!['timeout'], row!['channels'], row!['channel_max'], row!['vhost'], row!['user']],
    ['MQTT 5-0', 30, 0, 0, '/', 'guest'],
  )
  assert.deepEqual(await list('channels'), [])
  assert.deepEqual(await list(`connections/${encodeURIComponent(String(row!['name']))}/channels`), [])
  const overview = JSON.parse((await api('GET', 'overview')).body) as {
    object_totals: Row
    listeners: { protocol: string }[]
  }
  assert.deepEqual([overview.object_totals['connections'], overview.object_totals['channels']], [1, 0])
  assert.deepEqual(
    overview.listeners.map(({ protocol }) => protocol).filter((name) => name.includes('mqtt')),
    ['mqtt', 'http/web-mqtt'],
  )
  const consumers = await list('consumers')
  assert.deepEqual(
    consumers.map(({ queue, ack_required: acks }) => [(queue as Row)['name'], acks]),
    [['mqtt-subscription-listedqos1', true]],
  )
  await client.disconnect()
})

test('what each version does is counted apart, also when its connections are gone', async () => {
  const counted = async (name: string): Promise<Record<string, number>> => {
    const text = await (await fetch(`${broker.managementUrl}/metrics`, { headers })).text()
    const rows = text.matchAll(new RegExp(`^rabbitmq_global_${name}\\{protocol="(\\w+)"\\} (\\d+)$`, 'gm'))
    return Object.fromEntries([...rows].map(([, protocol, value]) => [protocol!, Number(value)]))
  }
  const before = await counted('messages_received_total')
  const subscriber = await MqttWire.connect(url, 4, { clientId: 'counted-4' })
  await subscriber.subscribe('counted', 1)
  const publisher = await MqttWire.connect(url, 5, { clientId: 'counted-5' })
  await publisher.publish('counted', 'a', { qos: 1 })
  assert.equal((await publisher.expect('puback')).messageId, 1)
  await publisher.publish('nobody', 'b', { qos: 1, messageId: 2 })
  assert.equal((await publisher.expect('puback')).reasonCode, 0x10)
  await publisher.publish('nobody', 'c', { qos: 0 })
  await publisher.ping()
  assert.equal((await counted('consumers'))['mqtt311'], 1)
  assert.equal((await counted('publishers'))['mqtt50'], 1)
  await publisher.disconnect()
  await subscriber.disconnect()
  const received = await counted('messages_received_total')
  assert.equal(received['mqtt50']! - (before['mqtt50'] ?? 0), 3)
  assert.equal(received['amqp091'], before['amqp091'])
  assert.equal((await counted('messages_received_confirm_total'))['mqtt50'], 2)
  assert.equal((await counted('messages_confirmed_total'))['mqtt50'], 2)
  assert.equal((await counted('messages_routed_total'))['mqtt50'], 1)
  assert.equal((await counted('messages_unroutable_returned_total'))['mqtt50'], 1)
  assert.equal((await counted('messages_unroutable_dropped_total'))['mqtt50'], 1)
})

test('the command line lists them', async () => {
  const client = await MqttWire.connect(url, 4, { clientId: 'on the line', keepalive: 7 })
  const ctl = async (...args: string[]): Promise<string> => {
    const terminal = bufferTerminal()
    const host = { version: '0.0.0', describeNode: () => assert.fail('the address was given'), commands: () => [] }
    assert.equal(await runCtl('ctl', ['--url', broker.managementUrl!, '-s', ...args], host, terminal), 0)
    return terminal.stdout
  }
  const columns = ['client_id', 'protocol', 'keepalive', 'connection_state']
  assert.equal(await ctl('list_mqtt_connections', ...columns), 'on the line\tMQTT 3-1-1\t7\trunning\n')
  assert.equal(await ctl('list_connections', 'protocol', 'channels'), 'MQTT 3-1-1\t0\n')
  assert.equal(await ctl('list_mqtt_connections', 'connection'), await ctl('list_connections', 'pid'))
  await client.disconnect()
})

test('events tell of connections and queues, and of no channels', async () => {
  await broker.declareQueue('events')
  await broker.bind('events', 'amq.rabbitmq.event', '#')
  const client = await MqttWire.connect(url, 4, { clientId: 'told of' })
  await client.subscribe('told', 0)
  await client.disconnect()
  const told = (): string[] => broker.messages('events').map(({ routingKey }) => routingKey)
  await eventually(() => told().includes('connection.closed') && told().includes('queue.deleted'))
  assert.deepEqual([...new Set(told().filter((key) => /^(connection|channel|consumer)\./.test(key)))].sort(), [
    'connection.closed',
    'connection.created',
    'consumer.created',
    'consumer.deleted',
  ])
  await broker.vhost('/').deleteQueue('events')
})

test('queues that keep nothing are left out of definitions, and cannot be changed', async () => {
  const client = await MqttWire.connect(url, 5, { clientId: 'kept', ...lasting })
  await client.subscribe('kept/0', 0)
  await client.subscribe('kept/1', 1)
  const { body } = await api('GET', 'definitions')
  const { queues, bindings } = JSON.parse(body) as { queues: Row[]; bindings: Row[] }
  assert.deepEqual(
    queues.map(({ name }) => name),
    ['mqtt-subscription-keptqos1'],
  )
  assert.deepEqual(
    bindings.map(({ routing_key: key }) => key),
    ['kept.1'],
  )
  assert.equal((await api('POST', 'definitions', JSON.parse(body))).status, 204)
  const refused = await api('POST', 'queues/%2F/mqtt-subscription-keptqos0/change', { type: 'classic' })
  assert.equal(refused.status, 400)
  assert.match(refused.body, /a queue of the type 'MQTT QoS 0' is a protocol's own/)
  const also = await api('POST', 'queues/%2F/mqtt-subscription-keptqos1/change', { type: 'MQTT QoS 0' })
  assert.match(also.body, /a queue of the type 'MQTT QoS 0' is a protocol's own/)
  await client.disconnect()
})

test('a session goes on when its queue has become a quorum queue, and its client stays', async () => {
  const first = await MqttWire.connect(url, 5, { clientId: 'changed', ...lasting })
  await first.subscribe('changed', 1)
  const { status, body } = await api('POST', 'queues/%2F/mqtt-subscription-changedqos1/change', { type: 'quorum' })
  assert.equal(status, 200, body)
  const other = await MqttWire.connect(url, 5, { clientId: 'changing' })
  await other.publish('changed', 'x', { qos: 1 })
  await other.expect('puback')
  assert.equal((await first.expect('publish')).payload.toString(), 'x')
  await first.disconnect()
  const back = await MqttWire.connect(url, 5, { clientId: 'changed', ...lasting })
  const message = await back.expect('publish')
  assert.deepEqual([message.payload.toString(), message.qos], ['x', 1])
  await other.disconnect()
  await back.disconnect()
})

test('a client whose virtual host is deleted is told to go', async () => {
  const client = await MqttWire.connect(url, 5, { clientId: 'homeless', username: 'other:guest' })
  assert.equal((await api('DELETE', 'vhosts/other')).status, 204)
  assert.equal((await client.expect('disconnect')).reasonCode, 0x98)
})

test('permissions that are taken away hold from the next message on, and a user who is deleted goes', async () => {
  assert.equal((await api('PUT', 'users/passing', { password: 'x', tags: '' })).status, 201)
  const all = { configure: '.*', write: '.*', read: '.*' }
  assert.equal((await api('PUT', 'permissions/%2F/passing', all)).status, 201)
  const login = { username: 'passing', password: Buffer.from('x') }
  const writer = await MqttWire.connect(url, 5, { clientId: 'passing-1', ...login })
  const other = await MqttWire.connect(url, 5, { clientId: 'passing-2', ...login })
  await writer.publish('passing', 'x', { qos: 1 })
  await writer.expect('puback')
  assert.equal((await api('PUT', 'permissions/%2F/passing', { ...all, write: '' })).status, 204)
  await writer.publish('passing', 'x', { qos: 1 })
  assert.equal((await writer.expect('disconnect')).reasonCode, 0x87)
  assert.equal((await api('DELETE', 'users/passing')).status, 204)
  assert.equal((await other.expect('disconnect')).reasonCode, 0x98)
  await eventually(() => broker.connections().length === 0)
})
