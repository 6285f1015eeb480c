// With `"type": "module"` in package.json, or named .mts: node --test node-test.test.ts
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import amqp, { type ChannelModel } from 'amqplib'
import { startBroker, virtualClock, type WarrenBroker } from 'warrenmq'
import { startOrderService } from './order-service.ts'

describe('the order service', () => {
  const clock = virtualClock()
  let broker: WarrenBroker<typeof clock>
  let connection: ChannelModel

  before(async () => {
    broker = await startBroker({ clock })
    connection = await amqp.connect(broker.url, { noDelay: true })
  })

  after(async () => {
    await connection.close()
    await broker.stop()
  })

  afterEach(() => broker.reset())

  test('sends an invoice for an order', async () => {
    await startOrderService(connection, async () => 5)
    await broker.sendToQueue('orders', { id: 1, sku: 'tea', quantity: 3 })
    await broker.assertMessage('invoices', {
      body: { order: 1, total: 15 },
      properties: { contentType: 'application/json' },
    })
    await broker.assertEmpty('orders')
  })

  test('tries an order again after half an hour', async () => {
    let attempts = 0
    await startOrderService(connection, async () => {
      attempts++
      if (attempts === 1) throw new Error('the price list is out')
      return 5
    })
    await broker.sendToQueue('orders', { id: 2, sku: 'tea', quantity: 1 })
    await broker.waitForMessages('orders.retry')

    await clock.advance('29m59s')
    assert.equal(attempts, 1)
    await clock.advance('1s')
    await broker.assertMessage('invoices', { body: { order: 2, total: 5 } })
    assert.equal(attempts, 2)
  })
})
