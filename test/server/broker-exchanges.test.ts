import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { connect, type ConsumeMessage } from 'amqplib'
import { MqttWire } from '../support/mqtt-wire.ts'
import { StompWire } from '../support/stomp-wire.ts'
import { startBroker, type StartBrokerOptions, virtualClock, type WarrenBroker } from '../../src/index.ts'

const NOW_MS = Date.UTC(2026, 0, 2, 3, 4, 5, 678)

/** Everything that comes to an exchange of the broker's own, one by one. */
class Listener {
  readonly #waiting: ((message: ConsumeMessage) => void)[] = []
  readonly #come: ConsumeMessage[] = []
  readonly #close: () => Promise<void>

  private constructor(close: () => Promise<void>) {
    this.#close = close
  }

  static async to(broker: WarrenBroker, exchange: string, key = '#'): Promise<Listener> {
    const connection = await connect(`${broker.url}?heartbeat=0`)
    const channel = await connection.createChannel()
    const { queue } = await channel.assertQueue('', { exclusive: true })
    const listener = new Listener(() => connection.close())
    await channel.bindQueue(queue, exchange, key)
    await channel.consume(queue, (message) => listener.#push(message!), { noAck: true })
    return listener
  }

  #push(message: ConsumeMessage): void {
    const waiting = this.#waiting.shift()
    if (waiting === undefined) this.#come.push(message)
    else waiting(message)
  }

  /** The next one whose key this is. */
  async next(key: string): Promise<ConsumeMessage> {
    for (;;) {
      const message =
        this.#come.shift() ?? (await new Promise<ConsumeMessage>((resolve) => this.#waiting.push(resolve)))
      if (message.fields.routingKey === key) return message
    }
  }

  close(): Promise<void> {
    return this.#close()
  }
}

async function withBroker(options: StartBrokerOptions, use: (broker: WarrenBroker) => Promise<void>): Promise<void> {
  const broker = await startBroker(options)
  try {
    await use(broker)
  } finally {
    await broker.stop()
  }
}

async function isMissing(broker: WarrenBroker, exchange: string): Promise<void> {
  await broker.declareQueue('q')
  await assert.rejects(broker.bind('q', exchange), { message: `no exchange '${exchange}' in vhost '/'` })
}

describe('the event exchange (12.2)', () => {
  test('tells what happens, by its name and with all else in headers', async () => {
    await withBroker({ clock: virtualClock(NOW_MS) }, async (broker) => {
      const events = await Listener.to(broker, 'amq.rabbitmq.event')
      const client = await connect(`${broker.url}?heartbeat=0`, { clientProperties: { connection_name: 'shop' } })
      const connected = await events.next('connection.created')
      assert.equal(connected.properties.headers!['user_provided_name'], 'shop')
      const channel = await client.createChannel()
      await channel.assertQueue('q', { arguments: { 'x-max-length': 4 } })
      const { content, properties } = await events.next('queue.created')
      assert.equal(content.length, 0)
      assert.deepEqual([properties.deliveryMode, properties.timestamp], [2, Math.floor(NOW_MS / 1000)])
      const { arguments: args, ...headers } = properties.headers!
      assert.deepEqual({ ...(args as object) }, { 'x-max-length': 4, 'x-queue-type': 'classic' })
      assert.deepEqual(headers, {
        name: 'q',
        vhost: '/',
        type: 'classic',
        durable: true,
        auto_delete: false,
        exclusive: false,
        timestamp_in_ms: NOW_MS,
        user_who_performed_action: 'guest',
      })
      await client.close()
      assert.equal((await events.next('connection.closed')).properties.headers!['user_provided_name'], 'shop')
      await events.close()
    })
  })

  test('tells who has logged in, and who has not', async () => {
    await withBroker({ protocols: ['amqp', 'mqtt', 'stomp'] }, async (broker) => {
      const events = await Listener.to(broker, 'amq.rabbitmq.event', 'user.authentication.*')
      const next = async (outcome: string): Promise<Record<string, unknown>> =>
        (await events.next(`user.authentication.${outcome}`)).properties.headers!
      const local = { connection_type: 'network', peer_host: '127.0.0.1', host: '127.0.0.1', ssl: false }

      const client = await connect(broker.url)
      const { connection_name: name, peer_port: port, ...rest } = await next('success')
      assert.equal(name, `127.0.0.1:${String(port)} -> 127.0.0.1:${broker.port}`)
      const common = { user_who_performed_action: 'rmq-internal', timestamp_in_ms: rest['timestamp_in_ms'] }
      assert.deepEqual(rest, { name: 'guest', protocol: 'AMQP 0-9-1', auth_mechanism: 'PLAIN', ...local, ...common })
      await client.close()

      const wrong = new URL(broker.url)
      wrong.password = 'wrong'
      await assert.rejects(connect(wrong.href))
      const failure = await next('failure')
      assert.deepEqual([failure['name'], failure['error']], ['guest', "user 'guest' - invalid credentials"])

      const device = await MqttWire.open(broker.urls.mqtt!, 5)
      await device.sendConnect({ username: 'thief' })
      const stolen = await next('failure')
      assert.deepEqual([stolen['name'], stolen['protocol']], ['thief', 'MQTT 5-0'])
      device.cut()

      const subscriber = await StompWire.connect(broker.urls.stomp!)
      assert.equal((await next('success'))['protocol'], 'STOMP 1.2')
      subscriber.cut()
      await events.close()
    })
  })

  test('tells what limits have been set to', async () => {
    await withBroker({ users: [{ name: 'ann', password: 'p' }], managementPort: 0 }, async (broker) => {
      const events = await Listener.to(broker, 'amq.rabbitmq.event', '*.limits.*')
      const set = async (path: string, value: number): Promise<void> => {
        const headers = { authorization: `Basic ${btoa('guest:guest')}`, 'content-type': 'application/json' }
        const options = { method: 'PUT', headers, body: JSON.stringify({ value }) }
        assert.equal((await fetch(`${broker.managementUrl}/api/${path}`, options)).status, 204)
      }
      await set('vhost-limits/%2F/max-queues', 1000)
      const ofVhost = (await events.next('vhost.limits.set')).properties.headers!
      assert.deepEqual([ofVhost['name'], ofVhost['vhost'], ofVhost['max-queues']], ['limits', '/', 1000])
      await set('user-limits/ann/max-connections', 5)
      const ofUser = (await events.next('user.limits.set')).properties.headers!
      assert.deepEqual([ofUser['name'], ofUser['username'], ofUser['max-connections']], ['limits', 'ann', 5])
      await events.close()
    })
  })

  test('can be elsewhere, and off', async () => {
    const elsewhere = { vhosts: ['audit'], config: { 'event_exchange.vhost': 'audit' } }
    await withBroker(elsewhere, async (broker) => {
      await broker.vhost('audit').declareQueue('q')
      await broker.vhost('audit').bind('q', 'amq.rabbitmq.event')
      await isMissing(broker, 'amq.rabbitmq.event')
    })
    await withBroker({ config: { 'event_exchange.enabled': false } }, async (broker) => {
      await isMissing(broker, 'amq.rabbitmq.event')
    })
  })

  test('is there after a reset, and in a virtual host that is made anew', async () => {
    await withBroker({ vhosts: ['audit'], config: { 'event_exchange.vhost': 'audit' } }, async (broker) => {
      const audit = broker.vhost('audit')
      await broker.reset()
      await audit.declareQueue('q')
      await audit.bind('q', 'amq.rabbitmq.event')
    })
  })

  test('keeps its durable bindings over a restart', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'warren-events-'))
    try {
      await withBroker({ dataDir }, async (broker) => {
        await broker.declareQueue('audit')
        await broker.bind('audit', 'amq.rabbitmq.event', 'queue.*')
      })
      await withBroker({ dataDir }, async (broker) => {
        await broker.declareQueue('q')
        const message = await broker.get('audit')
        assert.equal(message?.routingKey, 'queue.created')
      })
    } finally {
      await rm(dataDir, { recursive: true })
    }
  })
})

describe('the log exchange (12.4)', () => {
  const on = { 'log.exchange': true }

  test('has the lines of the log by their level', async () => {
    await withBroker({ config: on, clock: virtualClock(NOW_MS) }, async (broker) => {
      const lines = await Listener.to(broker, 'amq.rabbitmq.log')
      broker.setAlarm('memory', true)
      const { content, properties } = await lines.next('warning')
      assert.match(content.toString(), /^\d{4}-.* \[warn\] resource alarm: publishers are held reason="low on memory"$/)
      assert.equal(properties.contentType, 'text/plain')
      assert.equal(properties.headers!['level'], 'warning')
      await lines.close()
    })
  })

  test('as JSON, and from a level on', async () => {
    const config = { ...on, 'log.exchange.formatter': 'json', 'log.exchange.level': 'warning' }
    await withBroker({ config }, async (broker) => {
      const lines = await Listener.to(broker, 'amq.rabbitmq.log')
      const another = await connect(broker.url) // said at info
      broker.setAlarm('disk', true)
      const { content, properties } = await lines.next('warning')
      assert.equal((JSON.parse(content.toString()) as { reason: string }).reason, 'low on disk')
      assert.equal(properties.contentType, 'application/json')
      broker.setAlarm('disk', false)
      await another.close()
      await lines.close()
    })
  })

  test('is not there unless it is asked for', async () => {
    await withBroker({}, async (broker) => {
      await isMissing(broker, 'amq.rabbitmq.log')
    })
  })
})
