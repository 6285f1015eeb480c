import assert from 'node:assert/strict'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import amqp from 'amqplib'
import { type Log, startBroker } from '../../src/index.ts'
import { Authority, withoutOpenssl } from '../support/certificates.ts'

/** Publishes and consumes one message by a client. */
async function roundTrip(url: string, text: string, options: object = {}): Promise<string> {
  const connection = await amqp.connect(url, { noDelay: true, ...options })
  try {
    const channel = await connection.createChannel()
    const { queue } = await channel.assertQueue('', { exclusive: true })
    const received = new Promise<string>((resolve, reject) => {
      channel.consume(queue, (message) => resolve(String(message?.content)), { noAck: true }).catch(reject)
    })
    channel.sendToQueue(queue, Buffer.from(text))
    return await received
  } finally {
    await connection.close()
  }
}

describe('startBroker', () => {
  test('without options: in memory, on a free port of this machine, for guest', async () => {
    await using broker = await startBroker()
    assert.equal(broker.url, `amqp://guest:guest@127.0.0.1:${broker.port}`)
    assert.equal(broker.host, '127.0.0.1')
    assert.ok(broker.port > 0)
    assert.equal(broker.managementUrl, undefined)
    assert.equal(broker.tlsUrl, undefined)
    assert.equal(await roundTrip(broker.url, 'hello'), 'hello')
  })

  test('listens on the port that it is given, again after a stop', async () => {
    const first = await startBroker()
    await first.stop()
    for (let i = 0; i < 3; i++) {
      await using broker = await startBroker({ port: first.port })
      assert.equal(broker.port, first.port)
      assert.equal(await roundTrip(broker.url, `round ${i}`), `round ${i}`)
    }
  })

  test('says which port is taken', async () => {
    await using broker = await startBroker()
    await assert.rejects(startBroker({ port: broker.port }), { name: 'ListenError', code: 'EADDRINUSE' })
  })

  test('says that it is this process that has the port or the data folder', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'warren-testkit-'))
    try {
      await using broker = await startBroker({ dataDir })
      const text = /a broker that was not stopped \(await broker\.stop\(\)\)/
      await assert.rejects(startBroker({ port: broker.port }), { message: text })
      const link = `${dataDir}-link`
      await symlink(dataDir, link)
      for (const path of [dataDir, link]) {
        await assert.rejects(startBroker({ dataDir: path }), (error: Error) => {
          assert.match(error.message, /is in use by this very process \(pid \d+\): /)
          assert.match(error.message, text)
          return true
        })
      }
      await rm(link)
    } finally {
      await rm(dataDir, { recursive: true, force: true })
    }
  })

  test('listens where it is told', { skip: hasIpv6() ? false : 'this machine has no IPv6' }, async () => {
    await using broker = await startBroker({ host: '::1' })
    assert.equal(broker.host, '::1')
    assert.equal(await roundTrip(broker.url, 'six'), 'six')
  })

  test('twenty at once do not meet', async () => {
    const brokers = await Promise.all(Array.from({ length: 20 }, () => startBroker()))
    try {
      assert.equal(new Set(brokers.map(({ port }) => port)).size, 20)
      await Promise.all(brokers.map((broker, i) => broker.declareQueue(`queue ${i}`)))
      await Promise.all(brokers.map((broker, i) => broker.sendToQueue(`queue ${i}`, `message ${i}`)))
      for (const [i, broker] of brokers.entries()) {
        assert.deepEqual(
          broker.queues().map(({ name, ready }) => ({ name, ready })),
          [{ name: `queue ${i}`, ready: 1 }],
        )
      }
      assert.deepEqual(
        await Promise.all(brokers.map((broker, i) => roundTrip(broker.url, `text ${i}`))),
        brokers.map((_, i) => `text ${i}`),
      )
    } finally {
      await Promise.all(brokers.map((broker) => broker.stop()))
    }
  })

  test('starts and stops a hundred times, with a client each time', async () => {
    for (let i = 0; i < 100; i++) {
      await using broker = await startBroker()
      const connection = await amqp.connect(broker.url, { noDelay: true })
      await connection.close()
    }
  })

  test('tells clients that it stops, and nothing can be done with it afterwards', async () => {
    const broker = await startBroker()
    const connection = await amqp.connect(broker.url, { noDelay: true })
    const closed = new Promise<Error>((resolve) => connection.once('close', resolve))
    await broker.stop()
    assert.match((await closed).message, /320.*CONNECTION.FORCED/)
    await broker.stop()
    assert.throws(() => broker.queues(), { message: 'the broker has been stopped' })
    await assert.rejects(broker.publish('', 'q', 'x'), { message: 'the broker has been stopped' })
    await assert.rejects(broker.reset(), { message: 'the broker has been stopped' })
  })

  test('keeps durable queues in its data folder', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'warren-testkit-'))
    try {
      const first = await startBroker({ dataDir })
      await first.declareQueue('kept')
      await first.declareQueue('forgotten', { durable: false })
      await first.bind('kept', 'amq.topic', 'a.*')
      await first.stop()
      await using second = await startBroker({ dataDir })
      assert.deepEqual(
        second.queues().map(({ name }) => name),
        ['kept'],
      )
      assert.deepEqual(await second.publish('amq.topic', 'a.b', 'x'), { routed: true })
    } finally {
      await rm(dataDir, { recursive: true, force: true })
    }
  })
})

describe('options', () => {
  test('users and virtual hosts', async () => {
    await using broker = await startBroker({
      vhosts: ['shop', 'with space'],
      users: [
        { name: 'everywhere', password: 'p@ss/word', tags: ['administrator'] },
        { name: 'reader', password: 'secret', permissions: { shop: { read: '.*' } } },
      ],
    })
    const login = `everywhere:${encodeURIComponent('p@ss/word')}`
    for (const vhost of ['', '/shop', '/with%20space']) {
      assert.equal(await roundTrip(broker.url.replace('guest:guest', login) + vhost, 'in'), 'in')
    }
    await broker.vhost('shop').declareQueue('orders')
    await broker.vhost('shop').sendToQueue('orders', 'for the reader')
    const reader = await amqp.connect(`${broker.url.replace('guest:guest', 'reader:secret')}/shop`, { noDelay: true })
    const channel = await reader.createChannel()
    const message = await channel.get('orders', { noAck: true })
    assert.equal(message && message.content.toString(), 'for the reader')
    channel.on('error', () => {})
    await assert.rejects(channel.assertQueue('another'), /configure access to queue 'another' in vhost 'shop' refused/)
    await reader.close()
    await assert.rejects(amqp.connect(broker.url.replace('guest:guest', 'reader:secret')), /ConnectionClose/)
  })

  test('definitions, from an object or a file', async () => {
    const definitions = {
      vhosts: [{ name: '/' }],
      users: [{ name: 'guest', password: 'not this one', tags: '' }],
      exchanges: [{ vhost: '/', name: 'events', type: 'topic', durable: true, auto_delete: false, arguments: {} }],
      queues: [{ vhost: '/', name: 'audit', durable: true, auto_delete: false, arguments: { 'x-max-length': 5 } }],
      bindings: [
        {
          vhost: '/',
          source: 'events',
          destination: 'audit',
          destination_type: 'queue',
          routing_key: '#',
          arguments: {},
        },
      ],
    }
    const folder = await mkdtemp(join(tmpdir(), 'warren-testkit-'))
    try {
      const file = join(folder, 'definitions.json')
      await writeFile(file, JSON.stringify(definitions))
      for (const given of [definitions, file]) {
        await using broker = await startBroker({ definitions: given })
        assert.deepEqual(await broker.publish('events', 'order.created', { id: 1 }), { routed: true })
        assert.equal(broker.queue('audit').ready, 1)
        assert.equal(broker.queue('audit').arguments['x-max-length'], 5)
        assert.equal(await roundTrip(broker.url, 'the URL still works'), 'the URL still works')
      }
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })

  test('definitions that are none leave no broker behind', async () => {
    const free = await startBroker()
    await free.stop()
    await assert.rejects(startBroker({ port: free.port, definitions: { queues: 'many' } }), /'queues' is not a list/)
    await using again = await startBroker({ port: free.port })
    assert.equal(again.port, free.port)
  })

  test('configuration keys, from an object or a file; options win', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'warren-testkit-'))
    try {
      const file = join(folder, 'rabbitmq.conf')
      await writeFile(
        file,
        'default_user = shop\ndefault_pass = s3cret#1 \ndefault_queue_type = quorum\nheartbeat = 7\n',
      )
      const keys = { default_user: 'shop', default_pass: 's3cret', default_queue_type: 'quorum', heartbeat: 7 }
      for (const config of [keys, file]) {
        await using broker = await startBroker({ config, heartbeat: 9 })
        assert.equal(broker.url, `amqp://shop:s3cret@127.0.0.1:${broker.port}`)
        assert.equal((await broker.declareQueue('q')).type, 'quorum')
        const connection = await amqp.connect(broker.url, { noDelay: true })
        assert.equal((connection as unknown as { connection: { heartbeat: number } }).connection.heartbeat, 9)
        await connection.close()
      }
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })

  test('a key that is not known is refused by name', async () => {
    await assert.rejects(startBroker({ config: { consumer_timeot: 1 } }), {
      name: 'ConfigError',
      message: /unknown key 'consumer_timeot' \(did you mean 'consumer_timeout'\?\)/,
    })
  })

  test('TLS, also for clients with certificates only', { skip: withoutOpenssl }, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'warren-testkit-'))
    try {
      const authority = new Authority(folder)
      const { certFile, keyFile } = authority.issue('server', '/CN=localhost', 'IP:127.0.0.1')
      const { cert, key } = authority.issue('client', '/CN=client')
      const { ca, caFile } = authority
      await using plain = await startBroker({ tls: { certFile, keyFile } })
      assert.match(plain.tlsUrl!, /^amqps:\/\/guest:guest@127\.0\.0\.1:\d+$/)
      assert.equal(await roundTrip(plain.tlsUrl!, 'hidden', { ca }), 'hidden')
      assert.equal(await roundTrip(plain.url, 'open'), 'open')
      await using mutual = await startBroker({ tls: { certFile, keyFile, caFile, requireCertificate: true } })
      assert.equal(await roundTrip(mutual.tlsUrl!, 'known', { ca, cert, key }), 'known')
      await assert.rejects(roundTrip(mutual.tlsUrl!, 'unknown', { ca }))
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })

  test('an HTTP port', async () => {
    await using broker = await startBroker({ managementPort: 0 })
    assert.match(broker.managementUrl!, /^http:\/\/127\.0\.0\.1:\d+$/)
    const upgradeOnly = await fetch(`${broker.managementUrl}/ws/amqp`)
    assert.equal(upgradeOnly.status, 426)
  })

  test('a log of its own', async () => {
    const lines: string[] = []
    const note = (text: string): void => void lines.push(text)
    const log: Log = { debugOn: false, debug: note, info: note, warn: note, error: note, child: () => log }
    await using broker = await startBroker({ log })
    const connection = await amqp.connect(broker.url, { noDelay: true })
    const channel = await connection.createChannel()
    channel.on('error', () => {})
    await assert.rejects(channel.checkQueue('missing'))
    await connection.close()
    assert.ok(
      lines.some((line) => line.includes("no queue 'missing' in vhost '/'")),
      lines.join('\n'),
    )
  })

  test('the environment has no part in it', async () => {
    const taken = createServer()
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    const { port } = taken.address() as { port: number }
    process.env['RABBITMQ_NODE_PORT'] = String(port)
    try {
      await using broker = await startBroker()
      assert.notEqual(broker.port, port)
    } finally {
      delete process.env['RABBITMQ_NODE_PORT']
      taken.close()
    }
  })
})

function hasIpv6(): boolean {
  return Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === '::1'))
}
