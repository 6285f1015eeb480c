/** TLS in threads of its own: what a client, an operator and the broker's process see of it. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { connect as connectPlain, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test, type TestContext } from 'node:test'
import { connect, type TLSSocket } from 'node:tls'
import type { Worker } from 'node:worker_threads'
import amqp from 'amqplib'
import mqtt from 'mqtt'
import * as m from '../../src/protocols/amqp091/wire/methods.gen.ts'
import { startBroker, type WarrenBroker } from '../../src/testkit/start-broker.ts'
import type { StartBrokerOptions } from '../../src/testkit/options.ts'
import type { Log } from '../../src/telemetry/log.ts'
import { Authority, type Identity, withoutOpenssl } from '../support/certificates.ts'
import { RawAmqp } from '../support/raw-amqp.ts'
import { eventually } from '../support/with-broker.ts'

const notHere = process.platform === 'linux' ? withoutOpenssl : 'TLS has threads on Linux alone'

describe('TLS threads', { skip: notHere }, () => {
  let folder = ''
  let authority: Authority
  let server: Identity
  let ann: Identity

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'warren-tls-threads-'))
    authority = new Authority(folder)
    server = authority.issue('server', '/CN=localhost', 'DNS:localhost,IP:127.0.0.1')
    ann = authority.issue('ann', '/O=example/CN=ann', 'DNS:ann.example')
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  async function start(t: TestContext, threads: number, more: StartBrokerOptions = {}): Promise<WarrenBroker> {
    const { certFile, keyFile } = server
    const broker = await startBroker({
      tls: { certFile, keyFile, caFile: authority.caFile },
      ...more,
      config: { 'warren.tls_threads': threads, ...(more.config as object) },
    })
    t.after(() => broker.stop())
    return broker
  }

  const portOf = (broker: WarrenBroker): number => Number(new URL(broker.tlsUrl!).port)

  async function dial(t: TestContext, broker: WarrenBroker, identity?: Identity): Promise<TLSSocket> {
    const login = identity === undefined ? {} : { cert: identity.cert, key: identity.key }
    const socket = connect({ port: portOf(broker), host: '127.0.0.1', ca: authority.ca, ...login })
    t.after(() => socket.destroy())
    await once(socket, 'secureConnect')
    return socket
  }

  async function login(t: TestContext, broker: WarrenBroker): Promise<RawAmqp> {
    return new RawAmqp(await dial(t, broker)).login()
  }

  for (const threads of [1, 2]) {
    test(`maintenance mode: ports close and come back, with ${threads}`, async (t) => {
      const broker = await start(t, threads, { managementPort: 0 })
      const client = await login(t, broker)
      const ask = async (what: string): Promise<number> => {
        const headers = { authorization: `Basic ${btoa('guest:guest')}` }
        return (await fetch(`${broker.managementUrl}/api/node/${what}`, { method: 'POST', headers })).status
      }
      assert.equal(await ask('drain'), 204)
      await client.expect(m.ConnectionClose)
      await assert.rejects(dial(t, broker), { code: 'ECONNREFUSED' })
      assert.equal(await ask('revive'), 204)
      await login(t, broker)
    })

    test(`AMQP: large bodies come through both ways, with ${threads}`, async (t) => {
      const broker = await start(t, threads)
      const connection = await amqp.connect(broker.tlsUrl!, { ca: authority.ca })
      const channel = await connection.createConfirmChannel()
      const { queue } = await channel.assertQueue('')
      const bodies = Array.from({ length: 20 }, (_, i) => randomBytes(i % 2 === 0 ? 100 : 700_000))
      const received: Buffer[] = []
      await channel.consume(queue, (message) => received.push(message!.content), { noAck: true })
      for (const body of bodies) channel.sendToQueue(queue, body)
      await channel.waitForConfirms()
      await eventually(() => received.length === bodies.length)
      assert.ok(bodies.every((body, i) => body.equals(received[i]!)))
      await connection.close()
      await eventually(() => broker.connections().length === 0)
    })

    test(`MQTT, also over WebSocket, with ${threads}`, async (t) => {
      const web = { 'web_mqtt.ssl.certfile': server.certFile, 'web_mqtt.ssl.keyfile': server.keyFile }
      const broker = await start(t, threads, { protocols: ['mqtt'], config: { 'web_mqtt.tcp.port': 'none', ...web } })
      const options = { ca: authority.ca, reconnectPeriod: 0, username: 'guest', password: 'guest' }
      const subscriber = await mqtt.connectAsync(broker.urls.mqtts!, options)
      const publisher = await mqtt.connectAsync(broker.urls.webMqtt!, options)
      assert.match(broker.urls.webMqtt!, /^wss:/)
      await subscriber.subscribeAsync('a', { qos: 1 })
      const message = new Promise<[string, Buffer]>((resolve) =>
        subscriber.once('message', (...args) => resolve([args[0], args[1]])),
      )
      const body = randomBytes(300_000)
      await publisher.publishAsync('a', body, { qos: 1 })
      const [topic, payload] = await message
      assert.equal(topic, 'a')
      assert.ok(body.equals(payload))
      await Promise.all([subscriber.endAsync(), publisher.endAsync()])
    })
  }

  test('the HTTP API shows the same of a client as without threads', async (t) => {
    const shown = await Promise.all(
      [0, 1].map(async (threads) => {
        const broker = await start(t, threads, { managementPort: 0 })
        const client = new RawAmqp(await dial(t, broker, ann))
        await client.login()
        const headers = { authorization: `Basic ${btoa('guest:guest')}` }
        const answer = await fetch(`${broker.managementUrl}/api/connections`, { headers })
        const [row] = (await answer.json()) as Record<string, unknown>[]
        assert.equal(row!['name'], `127.0.0.1:${row!['peer_port'] as number} -> 127.0.0.1:${portOf(broker)}`)
        client.destroy()
        const { ssl, host, peer_host: peerHost, ...facts } = row!
        const names = Object.entries(facts).filter(([key]) => /^(ssl|peer_cert)_/.test(key))
        return { ssl, host, peerHost, ...Object.fromEntries(names) }
      }),
    )
    assert.equal(shown[1]!.ssl, true)
    assert.equal((shown[1] as Record<string, unknown>)['peer_cert_subject'], 'CN=ann,O=example')
    assert.deepEqual(shown[1], shown[0])
  })

  test('a consumer that does not read is not written to without end', async (t) => {
    const broker = await start(t, 1)
    const body = Buffer.alloc(250_000, 'x')
    const count = 200
    const publisher = await amqp.connect(broker.url)
    const channel = await publisher.createConfirmChannel()
    await channel.assertQueue('slow')
    const consumer = await login(t, broker)
    await consumer.openChannel()
    consumer.send(1, new m.BasicConsume('slow', '', false, true))
    await consumer.expect(m.BasicConsumeOk)
    consumer.socket.pause()
    for (let i = 0; i < count; i++) channel.sendToQueue('slow', body)
    await channel.waitForConfirms()
    // what the kernel and the two threads hold is there when no more leaves the queue
    let waiting = -1
    for (let same = 0; same < 20;) {
      const { messageCount } = await channel.checkQueue('slow')
      same = messageCount === waiting ? same + 1 : 0
      waiting = messageCount
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    assert.ok(waiting > count / 2, `${waiting} of ${count} are still in the queue`)
    consumer.socket.resume()
    for (let i = 0; i < count; i++) await consumer.expect(m.BasicDeliver)
    await eventually(() => consumer.bodyBytes === count * body.length)
    consumer.destroy()
    await publisher.close()
  })

  test('nothing is left open of connections that end, whoever ends them and how', async (t) => {
    const broker = await start(t, 2)
    const openFiles = (): number => readdirSync('/proc/self/fd').length
    const first = await login(t, broker)
    first.destroy()
    await eventually(() => broker.connections().length === 0)
    let atRest = openFiles()
    // the first connection may still be closing
    await eventually(() => {
      const now = openFiles()
      const isSame = now === atRest
      atRest = now
      return isSame
    })
    const clients = await Promise.all(Array.from({ length: 12 }, () => login(t, broker)))
    assert.ok(openFiles() >= atRest + 12 * 4)
    for (const { socket } of clients.slice(0, 4)) socket.destroy()
    for (const { socket } of clients.slice(4, 8)) socket.end()
    await eventually(() => broker.connections().length === 4)
    // these clients do not close their side, which is a file each, and what the broker has goes all the same
    const kept = clients.slice(8)
    for (const { socket } of kept) (socket as Socket).allowHalfOpen = true
    assert.equal(broker.dropConnections(), 4)
    await eventually(() => openFiles() <= atRest + kept.length)
    for (const client of kept) client.destroy()
    await eventually(() => openFiles() <= atRest)
  })

  test('who does not know the secret is refused', async (t) => {
    const lines: string[] = []
    const write = (text: string, facts: object = {}): void => void lines.push(`${text} ${JSON.stringify(facts)}`)
    const log: Log = { debugOn: false, debug: write, info: write, warn: write, error: write, child: () => log }
    await start(t, 1, { log })
    const [, name] = /@(warrenmq-tls-\S+)/.exec(
      readFileSync('/proc/net/unix', 'utf8')
        .split('\n')
        .findLast((line) => line.includes(`@warrenmq-tls-${process.pid}-`))!,
    )!
    const intruder = connectPlain(`\0${name}`)
    t.after(() => intruder.destroy())
    intruder.on('error', () => {})
    intruder.write(Buffer.alloc(36))
    await once(intruder.resume(), 'close')
    assert.deepEqual(
      lines.filter((line) => line.includes('refused')),
      ['a connection to the TLS threads was refused {"reason":"wrong secret"}'],
    )
  })

  test('what a thread logs is in the log of the broker', async (t) => {
    const lines: string[] = []
    const write = (text: string, facts: object = {}): void => void lines.push(`${text} ${JSON.stringify(facts)}`)
    const log: Log = { debugOn: false, debug: () => {}, info: write, warn: write, error: write, child: () => log }
    const broker = await start(t, 1, { log })
    const confused = connectPlain(portOf(broker), '127.0.0.1')
    t.after(() => confused.destroy())
    confused.on('error', () => {})
    confused.write('AMQP\0\0\x09\x01')
    await once(confused.resume(), 'close')
    await eventually(() => lines.some((line) => /^TLS handshake failed \{"peer":"127.0.0.1","reason":/.test(line)))
  })

  for (const threads of [1, 2]) {
    test(`a thread that dies is started again: its clients connect anew, with ${threads}`, async (t) => {
      const workers: Worker[] = []
      const onWorker = (worker: Worker): void => void workers.push(worker)
      process.on('worker', onWorker)
      t.after(() => process.off('worker', onWorker))
      const broker = await start(t, threads)
      const client = await login(t, broker)
      const { socket } = client
      socket.on('error', () => {})
      assert.equal(workers.length, threads)
      const ended = once(socket, 'close')
      await Promise.all(workers.map((worker) => worker.terminate()))
      await ended
      await eventually(() => broker.connections().length === 0)
      const again = await eventually(() => login(t, broker))
      await eventually(() => workers.length === 2 * threads)
      again.destroy()
    })
  }

  test('a broker that stops says so to its clients, and is gone at once', async (t) => {
    const broker = await start(t, 2)
    const connection = await amqp.connect(broker.tlsUrl!, { ca: authority.ca })
    const closed = once(connection, 'close')
    const startedAt = performance.now()
    await broker.stop()
    assert.ok(performance.now() - startedAt < 3000)
    const [{ code }] = (await closed) as [{ code: number }]
    assert.equal(code, 320)
    await assert.rejects(dial(t, { tlsUrl: broker.tlsUrl } as WarrenBroker), { code: 'ECONNREFUSED' })
  })

  for (const threads of [1, 2]) {
    test(`a port that another broker has is refused, with ${threads}`, async (t) => {
      const first = await start(t, threads)
      const { certFile, keyFile } = server
      const second = start(t, threads, { tls: { certFile, keyFile, port: portOf(first) } })
      await assert.rejects(second, { name: 'ListenError', code: 'EADDRINUSE' })
    })
  }
})
