import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import type { Peer } from '../../src/net/listener.ts'
import { ReadBuffer } from '../../src/net/read-buffer.ts'
import { encodeHandover, type Handover, receiveHandover, SECRET_BYTES } from '../../src/net/tls-threads/handover.ts'
import { Splice } from '../../src/net/tls-threads/splice.ts'

const secret = randomBytes(SECRET_BYTES)
const peer: Peer = {
  address: '192.0.2.1',
  port: 1,
  localAddress: '192.0.2.2',
  localPort: 5671,
  tls: { protocol: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384', certificate: null },
  websocket: false,
}
const handover: Handover = { thread: 1, connection: 2, listener: 3, peer }

/** Both ends of a connection, destroyed after the test. */
async function pair(t: TestContext): Promise<[near: Socket, far: Socket]> {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const near = connect({ port: (server.address() as AddressInfo).port, allowHalfOpen: true })
  const [far] = (await once(server, 'connection')) as [Socket]
  for (const socket of [near, far]) {
    t.after(() => socket.destroy())
    socket.on('error', () => {})
  }
  return [near, far]
}

/** What comes of a header, or why it was refused. */
function receive(socket: Socket, timeoutMs?: number): Promise<Handover | string> {
  return new Promise((resolve) => receiveHandover(socket, secret, { onHeader: resolve, onRefused: resolve }, timeoutMs))
}

test('a header comes in pieces, and what follows stays with the socket', async (t) => {
  const [near, far] = await pair(t)
  const received = receive(far)
  const bytes = Buffer.concat([encodeHandover(secret, handover), Buffer.from('AMQP')])
  near.setNoDelay(true)
  for (const part of [bytes.subarray(0, 10), bytes.subarray(10, 34), bytes.subarray(34, 40), bytes.subarray(40)]) {
    near.write(part)
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.deepEqual(await received, handover)
  assert.ok(far.isPaused())
  far.resume()
  const [chunk] = (await once(far, 'data')) as [Buffer]
  assert.equal(chunk.toString(), 'AMQP')
})

test('a wrong secret is refused before the rest has come', async (t) => {
  const [near, far] = await pair(t)
  const received = receive(far)
  near.write(randomBytes(SECRET_BYTES))
  assert.equal(await received, 'wrong secret')
  assert.ok(far.destroyed)
})

test('a header that is too long, or does not come, is refused', async (t) => {
  const [near, far] = await pair(t)
  const received = receive(far)
  near.write(Buffer.concat([secret, Buffer.from([0xff, 0xff, 0xff, 0xff])]))
  assert.equal(await received, 'the header is too long')
  const [, silent] = await pair(t)
  assert.equal(await receive(silent, 10), 'no header in time')
})

test('of what the broker has let go of, the rest reaches a client that reads', async (t) => {
  const [client, clientSide] = await pair(t)
  const [broker, brokerSide] = await pair(t)
  const { promise: closed, resolve } = Promise.withResolvers<void>()
  const splice = new Splice(clientSide, brokerSide, new ReadBuffer(), resolve)
  const sent = randomBytes(1_000_000)
  const received: Buffer[] = []
  client.on('data', (chunk) => received.push(chunk))
  broker.end(sent, () => {
    broker.destroy()
    splice.abandon()
  })
  await once(client, 'end')
  await closed
  assert.ok(Buffer.concat(received).equals(sent))
})

test('a client that does not read is not waited for when the broker has let go of it', async (t) => {
  const [client, clientSide] = await pair(t)
  const [broker, brokerSide] = await pair(t)
  const { promise: closed, resolve } = Promise.withResolvers<void>()
  const splice = new Splice(clientSide, brokerSide, new ReadBuffer(), resolve, 20)
  client.pause()
  // until nothing more goes through
  while (broker.write(Buffer.alloc(1_000_000)) || clientSide.writableLength === 0) {
    await new Promise((resolveSoon) => setImmediate(resolveSoon))
  }
  broker.destroy()
  splice.abandon()
  await closed
  assert.ok(clientSide.destroyed)
})
