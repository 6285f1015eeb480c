import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connect, type GetMessage } from 'amqplib'
import { virtualClock } from '../../src/util/virtual-clock.ts'
import { startTestBroker } from '../support/with-broker.ts'

const NOW_MS = Date.UTC(2026, 0, 2, 3, 4, 5, 678)

async function publishThrough(flags: string[], options: object): Promise<GetMessage> {
  const { server, url } = await startTestBroker({
    flags: [...flags, '--node-name', 'rabbit@here'],
    clock: virtualClock(NOW_MS),
  })
  try {
    const connection = await connect(`${url}?heartbeat=0`)
    const channel = await connection.createConfirmChannel()
    await channel.assertQueue('q')
    channel.sendToQueue('q', Buffer.from('body'), options)
    await channel.waitForConfirms()
    const message = await channel.get('q', { noAck: true })
    await connection.close()
    return message as GetMessage
  } finally {
    await server.stop('test')
  }
}

test('the timestamp interceptor says when a message came (12.6)', async () => {
  const flags = ['--set-header-timestamp', 'true', '--set-header-routing-node', 'true']
  const { properties, content } = await publishThrough(flags, {
    headers: { mine: 1, timestamp_in_ms: 7 },
    timestamp: 7,
  })
  assert.equal(content.toString(), 'body')
  assert.equal(properties.timestamp, Math.floor(NOW_MS / 1000))
  assert.deepEqual({ ...properties.headers }, { mine: 1, timestamp_in_ms: NOW_MS, 'x-routed-by': 'rabbit@here' })
})

test('without overwrite, an interceptor leaves what the publisher said', async () => {
  const { properties } = await publishThrough(['--set-header-timestamp', 'false'], { timestamp: 7 })
  assert.equal(properties.timestamp, 7)
  assert.deepEqual({ ...properties.headers }, { timestamp_in_ms: NOW_MS })
})
