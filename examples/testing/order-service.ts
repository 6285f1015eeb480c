import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib'

/** How long an order that could not be handled waits for its next try. */
const RETRY_AFTER_MS = 30 * 60_000

/**
 * What the tests in this folder are about: takes orders, sends invoices. An order that fails is tried again after half an hour: it waits in
 * a queue that nobody reads, and comes back from there when its time to live is over.
 */
export async function startOrderService(
  connection: ChannelModel,
  priceOf: (sku: string) => Promise<number>,
): Promise<Channel> {
  const channel = await connection.createConfirmChannel()
  await channel.assertQueue('invoices')
  await channel.assertQueue('orders', { deadLetterExchange: '', deadLetterRoutingKey: 'orders.retry' })
  await channel.assertQueue('orders.retry', {
    messageTtl: RETRY_AFTER_MS,
    deadLetterExchange: '',
    deadLetterRoutingKey: 'orders',
  })
  const handle = async (message: ConsumeMessage): Promise<void> => {
    try {
      const order = JSON.parse(message.content.toString()) as { id: number; sku: string; quantity: number }
      const invoice = { order: order.id, total: order.quantity * (await priceOf(order.sku)) }
      channel.sendToQueue('invoices', Buffer.from(JSON.stringify(invoice)), { contentType: 'application/json' })
      await channel.waitForConfirms()
      channel.ack(message)
    } catch {
      channel.nack(message, false, false)
    }
  }
  await channel.consume('orders', (message) => void (message !== null && handle(message)))
  return channel
}
