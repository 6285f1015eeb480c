import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test, type TestContext } from 'node:test'
import {
  AmqpClosedError,
  AmqpNetworkError,
  AmqpReplyError,
  AmqpUriError,
  connect,
  createContext,
} from '../../src/amqp-client/index.ts'
import { longstr, stringOf } from '../../src/core/fields.ts'
import { encodeMethodFrame } from '../../src/protocols/amqp091/wire/frames.ts'
import * as m from '../../src/protocols/amqp091/wire/methods.gen.ts'
import { virtualClock } from '../../src/util/virtual-clock.ts'
import { Authority, type Identity, withoutOpenssl } from '../support/certificates.ts'
import { eventually, startTestBroker, withBroker } from '../support/with-broker.ts'
import { startCutProxy } from '../clients/cut-proxy.ts'
import { describeBrokers } from './brokers.ts'

const CREDENTIALS = 'guest:guest@'

describeBrokers('connections of the client', ({ url }) => {
  test('logs in, settles the limits, and says goodbye', async () => {
    const connection = await connect(`${url()}/%2F?heartbeat=7&channel_max=3&frame_max=8192`)
    const ended: unknown[] = []
    connection.on('closed', (error) => ended.push(error))
    assert.deepEqual([connection.heartbeatSec, connection.channelMax, connection.frameMax], [7, 3, 8192])
    assert.equal(typeof stringOf(connection.serverProperties.get('version')), 'string')
    const channels = [await connection.openChannel(), await connection.openChannel(), await connection.openChannel()]
    await assert.rejects(connection.openChannel(), /all 3 channels/)
    await channels[1]!.close()
    assert.equal((await connection.openChannel()).number, 2)
    await connection.close()
    assert.deepEqual(ended, [null])
    assert.equal(connection.open, false)
    await connection.close()
    await assert.rejects(connection.openChannel(), AmqpClosedError)
    await assert.rejects(channels[0]!.declareQueue(''), AmqpClosedError)
  })

  test('bodies larger than the frames', async (t) => {
    const connection = await connect(`${url()}?frame_max=4096`)
    t.after(() => connection.close())
    const channel = await connection.openChannel()
    const { queue } = await channel.declareQueue('', { exclusive: true })
    const body = Buffer.alloc(100_000, 'abc')
    channel.publish('', queue, null, body)
    const got = await eventually(() => channel.get(queue, true))
    assert.ok(got.body.equals(body))
  })

  test('is told why a login is refused', async () => {
    await assert.rejects(connect(url().replace(CREDENTIALS, 'guest:wrong@')), (error: unknown) => {
      assert.ok(error instanceof AmqpReplyError)
      assert.deepEqual([error.scope, error.replyCode], ['connection', 403])
      assert.match(error.replyText, /^ACCESS_REFUSED - Login was refused/)
      assert.doesNotMatch(error.message, /wrong/)
      return true
    })
  })

  test('is told of a virtual host that is not there', async () => {
    await assert.rejects(connect(`${url()}/nowhere`), { name: 'AmqpReplyError', replyCode: 530 })
  })

  test('logs in by AMQPLAIN', async () => {
    const connection = await connect(`${url()}?auth_mechanism=amqplain`)
    await connection.close()
    await assert.rejects(connect(`${url()}?auth_mechanism=gssapi`), /mechanisms .*PLAIN.*, none of GSSAPI/)
  })

  test('what waits when the network goes is told', async (t) => {
    const proxy = await startCutProxy(url())
    t.after(() => proxy.close())
    const connection = await connect(proxy.url)
    const told: unknown[] = []
    const channel = await connection.openChannel({ onClosed: (error) => told.push(error) })
    connection.on('closed', (error) => told.push(error))
    const { queue } = await channel.declareQueue('', { exclusive: true })
    const pending = Array.from({ length: 20 }, () => channel.checkQueue(queue))
    proxy.cut()
    const outcomes = await Promise.allSettled(pending)
    const lost = outcomes.filter((outcome) => outcome.status === 'rejected')
    assert.ok(lost.length > 0 && lost.every(({ reason }) => reason instanceof AmqpNetworkError))
    await eventually(() => told.length === 2)
    assert.ok(told[0] instanceof AmqpNetworkError && told[0] === told[1])
    assert.equal(connection.writable, false)
  })
})

describe('connections of the client to WarrenMQ', () => {
  test('names itself, and what else it is told to say', async () => {
    await withBroker({}, async ({ server, url }) => {
      const connection = await connect(url, { name: 'mine', clientProperties: new Map([['team', longstr('a')]]) })
      const [seen] = [...server.broker.connections]
      const said = (key: string): string | null => stringOf(seen!.facts.clientProperties.get(key))
      assert.deepEqual([said('connection_name'), said('team'), said('product')], ['mine', 'a', 'WarrenMQ'])
      await connection.close()
    })
  })

  test('is told when the broker stops', async () => {
    const { server, url } = await startTestBroker()
    const connection = await connect(url)
    const { promise, resolve } = Promise.withResolvers<Error | null>()
    connection.on('closed', resolve)
    await server.stop('enough')
    const error = (await promise) as AmqpReplyError
    assert.equal(error.replyCode, 320)
    assert.match(error.replyText, /enough/)
  })

  test('is not writable while an alarm holds publishers', async () => {
    await withBroker({}, async ({ server, url }) => {
      const connection = await connect(url)
      const channel = await connection.openChannel()
      const { queue } = await channel.declareQueue('', { exclusive: true })
      const heard: string[] = []
      connection.on('blocked', (reason) => heard.push(`blocked: ${reason}`))
      connection.on('unblocked', () => heard.push('unblocked'))
      connection.on('writable', () => heard.push('writable'))
      server.broker.alarms.set('memory', true)
      channel.publish('', queue, null, Buffer.from('x'))
      await eventually(() => heard.length === 1)
      assert.deepEqual([channel.writable, connection.blocked], [false, 'low on memory'])
      server.broker.alarms.set('memory', false)
      await eventually(() => heard.length === 3)
      assert.deepEqual(heard, ['blocked: low on memory', 'unblocked', 'writable'])
      assert.equal(channel.writable, true)
      await connection.close()
    })
  })

  test('is not writable while the network is full, and loses nothing', async () => {
    await withBroker({}, async ({ url }) => {
      const connection = await connect(url)
      const channel = await connection.openChannel()
      const { queue } = await channel.declareQueue('', { exclusive: true })
      let published = 0
      while (channel.writable) {
        channel.publish('', queue, null, Buffer.alloc(1000))
        published++
      }
      // far beyond what makes a transport stop reading
      for (; published < 10_000; published++) channel.publish('', queue, null, Buffer.alloc(1000))
      await new Promise<void>((resolve) => connection.once('writable', () => resolve()))
      assert.equal((await channel.checkQueue(queue)).messageCount, published)
      await connection.close()
    })
  })

  test('stops reading while it is told to', async () => {
    await withBroker({}, async ({ server, url }) => {
      const [connection, other] = await Promise.all([connect(url), connect(url)])
      const [channel, publisher] = await Promise.all([connection.openChannel(), other.openChannel()])
      const { queue } = await channel.declareQueue('q', { autoDelete: true })
      let got = 0
      await channel.consume(queue, () => got++, { noAck: true })
      connection.pause()
      const body = Buffer.alloc(100_000)
      for (let i = 0; i < 200; i++) publisher.publish('', queue, null, body)
      await eventually(() => server.broker.findVhost('/').findQueue(queue).readyCount > 0)
      assert.ok(got < 200)
      connection.resume()
      await eventually(() => got === 200)
      connection.pause()
      await connection.close()
      await other.close()
    })
  })

  test('an address without a host needs a stream', async () => {
    await assert.rejects(connect('amqp:///v'), AmqpUriError)
  })
})

/** Somebody who listens and says what the test says. */
async function listenAs(t: TestContext, onConnection: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    onConnection(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return `amqp://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Answers the handshake, with a heartbeat of 10 s, then calls. */
function shakeHands(socket: Socket, onOpen: () => void): void {
  const answers = [
    new m.ConnectionStart(0, 9, new Map(), 'PLAIN', 'en_US'),
    new m.ConnectionTune(0, 0, 10),
    new m.ConnectionOpenOk(),
  ]
  socket.on('data', (bytes) => {
    // tune-ok and open come together or apart: the answer is to the second
    if (answers.length === 1 && !bytes.includes(Buffer.from([0, 10, 0, 40]))) return
    const answer = answers.shift()
    if (answer === undefined) return
    socket.write(encodeMethodFrame(0, answer))
    if (answers.length === 0) onOpen()
  })
}

describe('connections of the client to what is no sound broker', () => {
  test('nobody listens', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as AddressInfo
    await new Promise((resolve) => server.close(resolve))
    await assert.rejects(connect(`amqp://127.0.0.1:${port}`), (error: unknown) => {
      assert.ok(error instanceof AmqpNetworkError)
      assert.equal(error.code, 'ECONNREFUSED')
      assert.match(error.message, new RegExp(`^cannot connect to 127.0.0.1:${port}: .*ECONNREFUSED`))
      return true
    })
  })

  test('it speaks something else', async (t) => {
    const url = await listenAs(t, (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    await assert.rejects(connect(url), { name: 'AmqpNetworkError', message: /cannot be understood/ })
  })

  test('it closes at once', async (t) => {
    const url = await listenAs(t, (socket) => socket.end())
    await assert.rejects(connect(url), /closed the connection during the handshake/)
  })

  test('it says nothing: the connection timeout ends that', async (t) => {
    const url = await listenAs(t, () => {})
    const clock = virtualClock()
    const pending = connect(`${url}?connection_timeout=5000`, { context: createContext(clock) })
    let over = false
    pending.catch(() => (over = true))
    await clock.advance(4_999)
    assert.equal(over, false)
    await clock.advance(1)
    await assert.rejects(pending, /no connection within 5000 ms/)
  })

  test('the caller gives up', async (t) => {
    const { promise: accepted, resolve } = Promise.withResolvers<Socket>()
    const url = await listenAs(t, resolve)
    const giveUp = new AbortController()
    const pending = connect(url, { signal: giveUp.signal })
    const socket = await accepted
    giveUp.abort(new Error('enough'))
    await assert.rejects(pending, /enough/)
    socket.resume()
    await new Promise((done) => socket.once('close', done))
  })

  test('it falls silent after the handshake: heartbeats notice', async (t) => {
    const url = await listenAs(t, (socket) => shakeHands(socket, () => {}))
    const clock = virtualClock()
    const connection = await connect(url, { context: createContext(clock) })
    assert.equal(connection.heartbeatSec, 10)
    const { promise, resolve } = Promise.withResolvers<Error | null>()
    connection.on('closed', resolve)
    await clock.advance(30_000)
    const error = await promise
    assert.match(error!.message, /two heartbeats \(of 10 s\)/)
  })

  test('it sends frames that make no sense', async (t) => {
    const nonsense: readonly Buffer[] = [
      Buffer.from([9, 0, 1, 0, 0, 0, 0, 0xce]),
      encodeMethodFrame(0, new m.ConnectionStart(0, 9, new Map(), 'PLAIN', 'en_US')),
      Buffer.from([1, 0, 0, 0, 0, 0, 4, 0, 99, 0, 99, 0xce]),
      Buffer.from([1, 0, 0, 0, 0, 0, 1, 0, 0xcd]),
    ]
    for (const bytes of nonsense) {
      const url = await listenAs(t, (socket) => shakeHands(socket, () => socket.write(bytes)))
      const connection = await connect(url)
      const error = await new Promise<Error | null>((resolve) => connection.on('closed', resolve))
      assert.ok(error instanceof AmqpNetworkError, bytes.toString('hex'))
    }
  })

  test('it never answers the goodbye', async (t) => {
    const url = await listenAs(t, (socket) => shakeHands(socket, () => {}))
    const clock = virtualClock()
    const connection = await connect(url, { context: createContext(clock) })
    const closed = connection.close()
    await clock.advance(5_000)
    await closed
    assert.equal(connection.open, false)
  })
})

describe('connections of the client over TLS', { skip: withoutOpenssl }, () => {
  let folder = ''
  let authority: Authority
  let server: Identity
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'warren-client-'))
    authority = new Authority(folder)
    server = authority.issue('server', '/CN=localhost', 'DNS:localhost,DNS:other.example')
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  const flags = (...more: string[]): string[] => [
    '--tls-port=0',
    `--ssl-options-certfile=${server.certFile}`,
    `--ssl-options-keyfile=${server.keyFile}`,
    ...more,
  ]
  const login = async (url: string): Promise<void> => (await connect(url)).close()

  test('checks the certificate unless told not to', async () => {
    await withBroker({ flags: flags() }, async (broker) => {
      const url = broker.server.urls.amqps[0]!.replace('//', `//${CREDENTIALS}`)
      const ca = `cacertfile=${encodeURIComponent(authority.caFile)}`
      await login(`${url}?${ca}`)
      await login(`${url}?verify=verify_none`)
      await login(`${url}?${ca}&server_name_indication=other.example`)
      await assert.rejects(login(url), /certificate/)
      await assert.rejects(login(`${url}?${ca}&server_name_indication=wrong.example`), /wrong.example/)
      await assert.rejects(login(`${url}?cacertfile=/nowhere.pem`), { name: 'AmqpUriError', message: /cacertfile/ })
      await assert.rejects(login(`${url}?certfile=${server.keyFile}`), { name: 'AmqpUriError' })
    })
  })

  test('asks for no name where that is switched off, and takes any that its authority has signed', async () => {
    const elsewhere = authority.issue('elsewhere', '/CN=elsewhere', 'DNS:elsewhere.example')
    const files = [`--ssl-options-certfile=${elsewhere.certFile}`, `--ssl-options-keyfile=${elsewhere.keyFile}`]
    await withBroker({ flags: ['--tls-port=0', ...files] }, async (broker) => {
      const url = broker.server.urls.amqps[0]!.replace('//', `//${CREDENTIALS}`)
      const ca = `cacertfile=${encodeURIComponent(authority.caFile)}`
      await login(`${url}?${ca}&server_name_indication=disable`)
      await assert.rejects(login(`${url}?${ca}`), /elsewhere\.example/)
      await assert.rejects(login(`${url}?server_name_indication=disable`), /certificate/)
    })
  })

  test('logs in by its own certificate', async () => {
    const guest = authority.issue('guest', '/CN=guest')
    const more = [
      `--ssl-options-cacertfile=${authority.caFile}`,
      '--ssl-options-verify=verify_peer',
      '--ssl-options-fail-if-no-peer-cert',
      '--ssl-cert-login-from=common_name',
      '--auth-mechanisms=EXTERNAL',
    ]
    await withBroker({ flags: flags(...more) }, async (broker) => {
      const files = `cacertfile=${authority.caFile}&certfile=${guest.certFile}&keyfile=${guest.keyFile}`
      await login(`${broker.server.urls.amqps[0]!}?${files}&auth_mechanism=external`)
      await assert.rejects(login(`${broker.server.urls.amqps[0]!}?cacertfile=${authority.caFile}`))
    })
  })
})
