// With `"type": "module"`, `"jest": { "transform": {}, "testMatch": ["**/*.test.mjs"] }` in package.json:
// node --experimental-vm-modules node_modules/jest/bin/jest.js
import amqp from 'amqplib'
import { startBroker, virtualClock } from 'warrenmq'

describe('a queue with a time to live', () => {
  const clock = virtualClock()
  let broker
  let connection

  beforeAll(async () => {
    broker = await startBroker({ clock })
    connection = await amqp.connect(broker.url, { noDelay: true })
  })

  afterAll(async () => {
    await connection.close()
    await broker.stop()
  })

  afterEach(() => broker.reset())

  test('dead-letters what nobody wanted for half an hour', async () => {
    const channel = await connection.createConfirmChannel()
    await channel.assertQueue('expired')
    await channel.assertQueue('offers', {
      messageTtl: 30 * 60_000,
      deadLetterExchange: '',
      deadLetterRoutingKey: 'expired',
    })
    channel.sendToQueue('offers', Buffer.from('{"price":5}'))
    await channel.waitForConfirms()

    await clock.advance('29m59s')
    expect(broker.queue('offers').ready).toBe(1)
    await clock.advance('1s')
    const message = await broker.assertMessage('expired', { headers: { 'x-first-death-reason': 'expired' } })
    expect(message.json()).toEqual({ price: 5 })
  })
})
