import amqplib from 'amqplib'

// What the console's tests and pictures show: a shop that sells on, with a queue that nobody serves, dead letters, a
// blocked-looking backlog, long names and a few clients. Made through the public protocols, so that any broker will do.

export interface Scene {
  readonly vhost: string
  /** Publishes a round of orders, and waits until the broker has confirmed them. */
  readonly publish: (orders: number) => Promise<void>
  /** Closes the clients. What was declared goes with the virtual host. */
  readonly stop: () => Promise<void>
}

export interface SceneOptions {
  /** `amqp://guest:guest@localhost:PORT` */
  readonly amqpUrl: string
  /** Ends in `/api`. */
  readonly apiUrl: string
  readonly vhost: string
}

const LONG = 'shop.europe.warehouse-2.replenishment-requests.from-the-nightly-import.v2'

const json = { 'content-type': 'application/json', authorization: `Basic ${btoa('guest:guest')}` }

/** Asks the API as guest. @throws Error with the answer for any status that is no success */
export async function ask(apiUrl: string, method: string, path: string, body?: unknown): Promise<unknown> {
  const init = body === undefined ? {} : { body: JSON.stringify(body) }
  const response = await fetch(`${apiUrl}/${path}`, { method, headers: json, ...init })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
  return text === '' ? undefined : JSON.parse(text)
}

export async function openScene({ amqpUrl, apiUrl, vhost }: SceneOptions): Promise<Scene> {
  const encoded = encodeURIComponent(vhost)
  await ask(apiUrl, 'PUT', `vhosts/${encoded}`, {})
  await ask(apiUrl, 'PUT', `permissions/${encoded}/guest`, { configure: '.*', write: '.*', read: '.*' })
  await ask(apiUrl, 'PUT', `policies/${encoded}/bounded`, {
    pattern: '^audit',
    'apply-to': 'queues',
    definition: { 'max-length': 10_000, overflow: 'drop-head' },
  })
  const connect = (name: string): ReturnType<typeof amqplib.connect> =>
    amqplib.connect(`${amqpUrl}/${encoded}`, { clientProperties: { connection_name: name } })
  const [shop, billing, shipping] = await Promise.all([
    connect('shop'),
    connect('billing'),
    connect('shipping worker 1'),
  ])
  const channel = await shop.createConfirmChannel()
  await declare(channel)
  await consume(billing, 'orders.billing', 20, 'billing-1')
  await consume(shipping, 'orders.shipping', 5, 'shipping-1')
  return {
    vhost,
    publish: async (orders) => {
      for (let i = 0; i < orders; i++) channel.publish('orders', keyOf(i), bodyOf(i), propertiesOf(i))
      await channel.waitForConfirms()
    },
    stop: async () => {
      // some of them a test may have had the broker close
      await Promise.allSettled([shop.close(), billing.close(), shipping.close()])
      await ask(apiUrl, 'DELETE', `vhosts/${encoded}`)
    },
  }
}

const keyOf = (i: number): string =>
  ['order.placed.eu', 'order.paid.eu', 'order.placed.us', 'order.cancelled.us'][i % 4]!
const bodyOf = (i: number): Buffer => Buffer.from(JSON.stringify({ order: 4711 + i, total: 19.9, currency: 'EUR' }))
const propertiesOf = (i: number): amqplib.Options.Publish => ({
  persistent: true,
  contentType: 'application/json',
  messageId: `order-${4711 + i}`,
  headers: { 'x-tenant': i % 2 === 0 ? 'north' : 'south', attempt: 1 },
})

async function declare(channel: amqplib.Channel): Promise<void> {
  await channel.assertExchange('orders', 'topic', { alternateExchange: 'unrouted' })
  await channel.assertExchange('events', 'fanout')
  await channel.assertExchange('unrouted', 'fanout')
  await channel.assertExchange('dead-letters', 'direct')
  await channel.assertQueue('orders.billing', {
    arguments: { 'x-queue-type': 'quorum', 'x-dead-letter-exchange': 'dead-letters', 'x-delivery-limit': 5 },
  })
  await channel.assertQueue('orders.shipping', { maxPriority: 5, deadLetterExchange: 'dead-letters' })
  await channel.assertQueue('orders.mail', { messageTtl: 86_400_000, maxLength: 100_000 })
  await channel.assertQueue('audit.trail', { arguments: { 'x-queue-mode': 'lazy' } })
  await channel.assertQueue('dead-letters')
  await channel.assertQueue('订单.通知')
  await channel.assertQueue(LONG, { durable: false, autoDelete: true, expires: 3_600_000 })
  await channel.bindExchange('events', 'orders', 'order.#')
  await channel.bindQueue('orders.billing', 'orders', 'order.paid.*')
  await channel.bindQueue('orders.shipping', 'orders', 'order.paid.*')
  await channel.bindQueue('orders.mail', 'orders', 'order.#', { 'x-note': 'mails for everything that happens' })
  await channel.bindQueue('audit.trail', 'events', '')
  await channel.bindQueue('订单.通知', 'events', '')
  await channel.bindQueue('dead-letters', 'dead-letters', 'order.#')
  await channel.bindQueue(LONG, 'unrouted', '')
}

async function consume(connection: amqplib.ChannelModel, queue: string, prefetch: number, tag: string): Promise<void> {
  const channel = await connection.createChannel()
  await channel.prefetch(prefetch)
  const onMessage = (message: amqplib.ConsumeMessage | null): void => {
    if (message !== null) channel.ack(message)
  }
  await channel.consume(queue, onMessage, { consumerTag: tag, priority: 1 })
}
