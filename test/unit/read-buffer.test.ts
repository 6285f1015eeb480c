import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { after, before, describe, test } from 'node:test'
import { READ_BYTES, ReadBuffer } from '../../src/net/read-buffer.ts'

/** Bytes that tell where they are. */
const bytesOf = (length: number, seed: number): Buffer =>
  Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 7 + seed + (i >>> 8)) & 0xff))

describe('the buffer that sockets are read into', () => {
  const server = createServer()
  const buffer = new ReadBuffer()
  const sockets: Socket[] = []

  before(async () => {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
  })
  after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })

  /** @returns both ends */
  async function pair(): Promise<{ accepted: Socket; client: Socket }> {
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
    const [accepted] = (await once(server, 'connection')) as [Socket]
    sockets.push(client, accepted)
    accepted.pause()
    return { accepted, client }
  }

  function collect(socket: Socket): { chunks: Buffer[]; until: (length: number) => Promise<void> } {
    const chunks: Buffer[] = []
    let length = 0
    let waiting: { length: number; resolve: () => void } | null = null
    const onData = (chunk: Buffer): void => {
      chunks.push(chunk)
      length += chunk.length
      if (waiting !== null && length >= waiting.length) waiting.resolve()
    }
    socket.on('data', onData)
    assert.equal(buffer.attach(socket, onData), true, 'this Node.js has what is needed')
    return {
      chunks,
      until: (wanted) =>
        new Promise((resolve) => {
          waiting = { length: wanted, resolve }
          if (length >= wanted) resolve()
        }),
    }
  }

  test('what came stays as it is while others are read', async () => {
    const [one, other] = [await pair(), await pair()]
    const [ofOne, ofOther] = [collect(one.accepted), collect(other.accepted)]
    one.accepted.resume()
    other.accepted.resume()
    const sent = [bytesOf(100, 1), bytesOf(3000, 2), bytesOf(1, 3), bytesOf(2048, 4)]
    let length = 0
    for (const bytes of sent) {
      length += bytes.length
      one.client.write(bytes)
      await ofOne.until(length)
      other.client.write(bytesOf(bytes.length, 99))
      await ofOther.until(length)
    }
    assert.deepEqual(Buffer.concat(ofOne.chunks), Buffer.concat(sent))
    assert.deepEqual(Buffer.concat(ofOther.chunks), Buffer.concat(sent.map((bytes) => bytesOf(bytes.length, 99))))
  })

  test('many bytes come by reads of no more than a turn’s share, whole and in order', async () => {
    const { accepted, client } = await pair()
    const { chunks, until } = collect(accepted)
    accepted.resume()
    const sent = bytesOf(5_000_000, 5)
    client.write(sent)
    await until(sent.length)
    assert.ok(Buffer.concat(chunks).equals(sent))
    assert.ok(chunks.every((chunk) => chunk.length <= READ_BYTES))
  })

  test('what was read before comes first', async () => {
    const { accepted, client } = await pair()
    accepted.unshift(Buffer.from('before '))
    const { chunks, until } = collect(accepted)
    client.write('after')
    accepted.resume()
    await until('before after'.length)
    assert.equal(Buffer.concat(chunks).toString(), 'before after')
  })

  test('nothing comes while the socket is paused, and the end comes behind all of it', async () => {
    const { accepted, client } = await pair()
    const { chunks, until } = collect(accepted)
    client.end('a few bytes')
    const ended = once(accepted, 'end')
    const probe = await pair()
    // by the time that another socket has been answered, this one would have been read
    probe.accepted.end('x')
    await once(probe.client, 'data')
    assert.equal(chunks.length, 0)
    accepted.resume()
    await until('a few bytes'.length)
    await ended
    assert.equal(Buffer.concat(chunks).toString(), 'a few bytes')
  })

  test('a socket may be paused for each chunk', async () => {
    const { accepted, client } = await pair()
    const sent = bytesOf(1_000_000, 6)
    const { chunks, until } = collect(accepted)
    const whole = until(sent.length)
    accepted.on('pause', () => setImmediate(() => accepted.resume()))
    accepted.on('resume', () => setImmediate(() => accepted.pause()))
    accepted.resume()
    client.write(sent)
    await whole
    accepted.removeAllListeners('pause')
    assert.ok(Buffer.concat(chunks).equals(sent))
  })

  test('streams that are no sockets are read as ever', () => {
    const stream = new Duplex({ read() {}, write() {} })
    assert.equal(
      buffer.attach(stream, () => assert.fail('nothing comes this way')),
      false,
    )
  })
})
