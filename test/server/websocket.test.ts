import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AMQPWebSocketClient } from '@cloudamqp/amqp-client'
import amqp from 'amqplib'
import { startWarren } from '../support/warren-process.ts'
import { eventually } from '../support/with-broker.ts'

test('a browser client publishes and consumes over WebSocket, with clients over TCP', async (t) => {
  const warren = await startWarren(t)
  const client = new AMQPWebSocketClient({ url: warren.url('WebSocket'), username: 'guest', password: 'guest' })
  const connection = await client.connect()
  const channel = await connection.channel()
  await channel.confirmSelect()
  const { name } = await channel.queueDeclare('', { exclusive: false, autoDelete: false })
  const large = Buffer.alloc(1_000_000, 'ab')
  await channel.basicPublish('', name, large)
  await channel.basicPublish('', name, 'small', { messageId: 'm-1' })

  const other = await amqp.connect(warren.url('AMQP').replace('//', '//guest:guest@'))
  const reading = await other.createChannel()
  const first = await reading.get(name, { noAck: true })
  assert.ok(first !== false && first.content.equals(large))
  reading.sendToQueue(name, large)

  const got: { bytes: number; id: string | undefined }[] = []
  await channel.basicConsume(name, { noAck: true }, (message) => {
    got.push({ bytes: message.bodySize, id: message.properties.messageId })
  })
  await eventually(() => got.length === 2)
  assert.deepEqual(got, [
    { bytes: 5, id: 'm-1' },
    { bytes: 1_000_000, id: undefined },
  ])
  await other.close()
  await connection.close()
  await eventually(() => /connection closed .*127\.0\.0\.1|connection closed .*\[::1\]/.test(warren.stderr))
})

test('the path is configurable, and WebSocket can be off', async (t) => {
  const warren = await startWarren(t, ['--web-amqp-path', '/broker'])
  const url = warren.url('WebSocket')
  assert.match(url, /^ws:\/\/localhost:\d+\/broker$/)
  const client = new AMQPWebSocketClient({ url, username: 'guest', password: 'guest' })
  await client.connect().then((connection) => connection.close())
  const elsewhere = new AMQPWebSocketClient({ url: url.replace('/broker', '/ws/amqp') })
  await assert.rejects(elsewhere.connect())
  const off = await startWarren(t, ['--no-web-amqp-enabled'])
  assert.doesNotMatch(off.stdout, /WebSocket/)
})

test('the addresses of other protocols over WebSocket are announced in columns', async (t) => {
  const ports = ['mqtt', 'stomp'].flatMap((name) => [`--${name}-port`, '0', `--web-${name}-port`, '0'])
  const warren = await startWarren(t, ['--protocols', 'amqp,mqtt,stomp', ...ports])
  for (const label of ['MQTT over WebSocket', 'STOMP over WebSocket']) {
    assert.match(warren.url(label), /^ws:\/\/localhost:\d+\/ws$/)
  }
})

test('wrong credentials are refused over WebSocket as well', async (t) => {
  const warren = await startWarren(t)
  const client = new AMQPWebSocketClient({ url: warren.url('WebSocket'), username: 'guest', password: 'wrong' })
  await assert.rejects(client.connect(), /ACCESS_REFUSED|403/)
})

test('WebSocket clients are told when the broker stops', async (t) => {
  const warren = await startWarren(t)
  const client = new AMQPWebSocketClient({ url: warren.url('WebSocket'), username: 'guest', password: 'guest' })
  const connection = await client.connect()
  const told = new Promise<string>((resolve) => (connection.onerror = ({ message }) => resolve(message)))
  assert.deepEqual(await warren.stop(), { code: 0, signal: null })
  assert.match(await told, /broker forced connection closure with reason 'shutdown'/)
})
