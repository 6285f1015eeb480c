import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:http'
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { type ClientOptions, WebSocket } from 'ws'
import { LateHttpServer } from '../../src/net/late-http.ts'
import type { Peer } from '../../src/net/listener.ts'
import { attachWebSocket, createHttpServer, requestPeer } from '../../src/net/websocket.ts'
import type { WebSocketOptions } from '../../src/net/websocket.ts'
import { silentLog } from '../../src/telemetry/log.ts'

interface Connection {
  stream: Duplex
  peer: Peer
}

/** Serves on these hosts until the test ends. */
async function serve(t: TestContext, server: Server, hosts: string[], more: { proxyProtocol?: boolean } = {}) {
  const http = new LateHttpServer(() => Promise.resolve(server), silentLog)
  const { port } = await http.listen({ hosts, port: 0, log: silentLog, ...more })
  t.after(async () => {
    server.closeAllConnections()
    await http.close()
  })
  return { port, close: () => http.close() }
}

async function start(t: TestContext, more: Partial<WebSocketOptions> & { proxyProtocol?: boolean } = {}) {
  let arrived: (connection: Connection) => void
  const first = new Promise<Connection>((resolve) => (arrived = resolve))
  const server = createHttpServer()
  attachWebSocket(server, {
    path: '/ws/amqp',
    log: silentLog,
    onConnection(stream, peer) {
      stream.on('error', () => {})
      t.after(() => stream.destroy())
      arrived({ stream, peer })
    },
    ...more,
  })
  const listener = await serve(t, server, ['127.0.0.1'], more)
  const dial = (path = '/ws/amqp', protocols: string[] = ['amqp'], how: ClientOptions = {}) => {
    const client = new WebSocket(`ws://127.0.0.1:${listener.port}${path}`, protocols, how)
    client.on('error', () => {})
    t.after(() => client.terminate())
    return client
  }
  return { listener, first, dial }
}

async function get(port: number, path: string): Promise<IncomingMessage> {
  const [response] = (await once(request({ host: '127.0.0.1', port, path, agent: false }).end(), 'response')) as [
    IncomingMessage,
  ]
  response.resume()
  return response
}

async function readBytes(stream: Duplex, length: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let received = 0
  while (received < length) {
    const chunk = stream.read() as Buffer | null
    if (chunk === null) await once(stream, 'readable')
    else {
      chunks.push(chunk)
      received += chunk.length
    }
  }
  return Buffer.concat(chunks)
}

test('binary messages become a stream, and the subprotocol is echoed', async (t) => {
  const { listener, first, dial } = await start(t)
  const client = dial()
  await once(client, 'open')
  assert.equal(client.protocol, 'amqp')
  assert.equal(client.extensions, '')
  client.send(Buffer.from('AM'))
  client.send(Buffer.from('QP'))
  const { stream, peer } = await first
  assert.equal(stream.isPaused(), true)
  assert.deepEqual([peer.address, peer.localPort, peer.websocket, peer.tls], ['127.0.0.1', listener.port, true, null])
  assert.equal((await readBytes(stream, 4)).toString(), 'AMQP')
  stream.write('start')
  const [data, isBinary] = (await once(client, 'message')) as [Buffer, boolean]
  assert.deepEqual([data.toString(), isBinary], ['start', true])
})

test('a client that offers no subprotocol is served as well', async (t) => {
  const { dial } = await start(t)
  const client = dial('/ws/amqp?vhost=x', [])
  await once(client, 'open')
  assert.equal(client.protocol, '')
})

test('other paths are not found, and a plain request of the path is told to upgrade', async (t) => {
  const { listener, dial } = await start(t)
  const [, response] = (await once(dial('/elsewhere'), 'unexpected-response')) as [unknown, IncomingMessage]
  assert.equal(response.statusCode, 404)
  response.resume()
  assert.equal((await get(listener.port, '/elsewhere')).statusCode, 404)
  const plain = await get(listener.port, '/ws/amqp')
  assert.deepEqual([plain.statusCode, plain.headers.upgrade], [426, 'websocket'])
})

test('a reader that stops holds the client back', async (t) => {
  const { first, dial } = await start(t)
  const client = dial()
  await once(client, 'open')
  const { stream } = await first
  const message = Buffer.alloc(256 * 1024, 1)
  const count = 64
  for (let i = 0; i < count; i++) client.send(message)
  await once(stream, 'readable')
  assert.ok(stream.readableLength < 2 * message.length, `${stream.readableLength} bytes were taken in`)
  assert.equal((await readBytes(stream, count * message.length)).length, count * message.length)
})

test('a client that does not read is felt by the writer', async (t) => {
  const { first, dial } = await start(t)
  const client = dial()
  await once(client, 'open')
  client.pause()
  const { stream } = await first
  const chunk = Buffer.alloc(256 * 1024, 2)
  let written = 0
  // Whatever the kernel takes for the two sockets, it is not a gigabyte.
  while (written < 1024 ** 3) {
    written += chunk.length
    if (stream.write(chunk)) continue
    const drained = await Promise.race([once(stream, 'drain').then(() => true), setTimeoutUnlessDrained()])
    if (!drained) break
  }
  assert.ok(written < 1024 ** 3)
  let received = 0
  const all = new Promise<void>((resolve) => {
    client.on('message', (data: Buffer) => {
      received += data.length
      if (received === written) resolve()
    })
  })
  client.resume()
  await all
})

/** False once the event loop has been idle for a while: the writer is held back. */
const setTimeoutUnlessDrained = () => new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 100))

test('text messages are refused', async (t) => {
  const { dial } = await start(t)
  const client = dial()
  await once(client, 'open')
  client.send('AMQP as text')
  const [code] = (await once(client, 'close')) as [number]
  assert.equal(code, 1003)
})

test('a message above the limit is refused', async (t) => {
  const { first, dial } = await start(t, { maxPayloadBytes: 1000 })
  const client = dial()
  await once(client, 'open')
  client.send(Buffer.alloc(1001))
  const [code] = (await once(client, 'close')) as [number]
  assert.equal(code, 1009)
  assert.equal((await first).stream.destroyed, true)
})

test('who has room for a smaller window only is served without compression', async (t) => {
  const { dial } = await start(t, { compress: true })
  const offered = async (serverMaxWindowBits: number): Promise<string> => {
    const client = dial('/ws/amqp', ['amqp'], { perMessageDeflate: { serverMaxWindowBits } })
    const [{ headers }] = (await once(client, 'upgrade')) as [IncomingMessage]
    return headers['sec-websocket-extensions'] ?? ''
  }
  assert.equal(await offered(11), '')
  const agreed = 'permessage-deflate; server_max_window_bits=12; server_no_context_takeover'
  assert.equal(await offered(12), agreed)
  assert.equal(await offered(15), agreed)
})

test('the end of either side reaches the other, after what was written', async (t) => {
  const one = await start(t)
  const client = one.dial()
  await once(client, 'open')
  const { stream } = await one.first
  const messages: string[] = []
  client.on('message', (data: Buffer) => messages.push(data.toString()))
  stream.end('bye')
  const [code] = (await once(client, 'close')) as [number]
  assert.deepEqual([code, messages], [1000, ['bye']])

  const two = await start(t)
  const other = two.dial()
  await once(other, 'open')
  other.send(Buffer.from('last'))
  other.close()
  const received: Buffer[] = []
  const far = (await two.first).stream
  far.on('data', (chunk: Buffer) => received.push(chunk)).resume()
  await once(far, 'end')
  assert.equal(Buffer.concat(received).toString(), 'last')
})

test('destroying the stream cuts the client off', async (t) => {
  const { first, dial } = await start(t)
  const client = dial()
  await once(client, 'open')
  const { stream } = await first
  stream.destroy()
  const [code] = (await once(client, 'close')) as [number]
  assert.equal(code, 1006)
})

test('WebSocket and other requests share a server on several hosts, which knows who asks', async (t) => {
  const peers: Peer[] = []
  const server = createHttpServer((incoming, response) => {
    peers.push(requestPeer(incoming))
    response.end('managed')
  })
  attachWebSocket(server, { path: '/ws', log: silentLog, onConnection: (stream) => void stream.end('hello') })
  const listener = await serve(t, server, ['127.0.0.1', '127.0.0.2'])
  assert.equal((await get(listener.port, '/api/overview')).statusCode, 200)
  assert.equal(peers[0]?.address, '127.0.0.1')
  const client = new WebSocket(`ws://127.0.0.2:${listener.port}/ws`, 'amqp')
  const [data] = (await once(client, 'message')) as [Buffer]
  assert.equal(data.toString(), 'hello')
})

test('closing stops accepting and leaves open WebSockets', async (t) => {
  const { listener, first, dial } = await start(t)
  const client = dial()
  await once(client, 'open')
  const { stream } = await first
  await listener.close()
  stream.write('still here')
  const [data] = (await once(client, 'message')) as [Buffer]
  assert.equal(data.toString(), 'still here')
  const late = dial()
  late.removeAllListeners('error')
  const [error] = (await once(late, 'error')) as [NodeJS.ErrnoException]
  assert.equal(error.code, 'ECONNREFUSED')
})
