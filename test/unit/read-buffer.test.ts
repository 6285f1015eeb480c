import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { after, before, describe, test } from 'node:test'
import { READ_BYTES, ReadBuffer, type SocketReader } from '../../src/net/read-buffer.ts'

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

  /** Reads a socket as a transport does. */
  class Collector implements SocketReader {
    readonly chunks: Buffer[] = []
    readonly socket: Socket
    bytesSeen = 0
    #isFlowing = false
    #length = 0
    #waiting: { length: number; resolve: () => void } | null = null

    constructor(socket: Socket) {
      this.socket = socket
      socket.on('data', (chunk: Buffer) => this.#take(chunk))
      assert.equal(buffer.attach(this), true, 'this Node.js has what is needed')
    }

    offer(chunk: Buffer): boolean {
      if (!this.#isFlowing || this.socket.readableLength > 0) return false
      this.#take(chunk)
      return true
    }

    #take(chunk: Buffer): void {
      this.chunks.push(chunk)
      this.#length += chunk.length
      if (this.#waiting !== null && this.#length >= this.#waiting.length) this.#waiting.resolve()
    }

    pause(): void {
      this.#isFlowing = false
      this.socket.pause()
    }

    resume(): void {
      this.#isFlowing = true
      this.socket.resume()
    }

    until(length: number): Promise<void> {
      return new Promise((resolve) => {
        this.#waiting = { length, resolve }
        if (this.#length >= length) resolve()
      })
    }

    bytes(): Buffer {
      return Buffer.concat(this.chunks)
    }
  }

  test('what came stays as it is while others are read', async () => {
    const [one, other] = [await pair(), await pair()]
    const [ofOne, ofOther] = [new Collector(one.accepted), new Collector(other.accepted)]
    ofOne.resume()
    ofOther.resume()
    const sent = [bytesOf(100, 1), bytesOf(3000, 2), bytesOf(1, 3), bytesOf(2048, 4)]
    let length = 0
    for (const bytes of sent) {
      length += bytes.length
      one.client.write(bytes)
      await ofOne.until(length)
      other.client.write(bytesOf(bytes.length, 99))
      await ofOther.until(length)
    }
    assert.deepEqual(ofOne.bytes(), Buffer.concat(sent))
    assert.deepEqual(ofOther.bytes(), Buffer.concat(sent.map((bytes) => bytesOf(bytes.length, 99))))
  })

  test('many bytes come by few reads, whole and in order', async () => {
    const { accepted, client } = await pair()
    const collector = new Collector(accepted)
    collector.resume()
    const sent = bytesOf(5_000_000, 5)
    client.write(sent)
    await collector.until(sent.length)
    assert.ok(collector.bytes().equals(sent))
    assert.ok(collector.chunks.every((chunk) => chunk.length <= READ_BYTES))
  })

  test('what was read before comes first', async () => {
    const { accepted, client } = await pair()
    accepted.unshift(Buffer.from('before '))
    const collector = new Collector(accepted)
    client.write('after')
    collector.resume()
    await collector.until('before after'.length)
    assert.equal(collector.bytes().toString(), 'before after')
  })

  test('nothing comes while the socket is paused, and the end comes behind all of it', async () => {
    const { accepted, client } = await pair()
    const collector = new Collector(accepted)
    client.end('a few bytes')
    const ended = once(accepted, 'end')
    await until(() => accepted.readableLength > 0)
    assert.equal(collector.chunks.length, 0)
    collector.resume()
    await ended
    assert.equal(collector.bytes().toString(), 'a few bytes')
  })

  test('a peer that goes is noticed while the socket is paused', async () => {
    const { accepted, client } = await pair()
    const collector = new Collector(accepted)
    collector.pause()
    const failed = once(accepted, 'error')
    client.resetAndDestroy()
    const [error] = (await failed) as [NodeJS.ErrnoException]
    assert.equal(error.code, 'ECONNRESET')
  })

  test('of a peer that goes on while the socket is paused, no more is kept than one read and what the stream keeps', async () => {
    const { accepted, client } = await pair()
    const collector = new Collector(accepted)
    const sent = bytesOf(8_000_000, 6)
    client.write(sent)
    await until(() => accepted.readableLength >= accepted.readableHighWaterMark)
    assert.ok(accepted.readableLength < accepted.readableHighWaterMark + READ_BYTES)
    // all that can be on its way to it has been written
    await until(() => client.bytesWritten - client.writableLength < sent.length)
    const kept = accepted.readableLength
    const probe = await pair()
    probe.accepted.end('x')
    await once(probe.client, 'data')
    assert.equal(accepted.readableLength, kept)
    collector.resume()
    await collector.until(sent.length)
    assert.ok(collector.bytes().equals(sent))
  })

  test('a socket may be paused for each chunk', async () => {
    const { accepted, client } = await pair()
    const sent = bytesOf(1_000_000, 7)
    const collector = new Collector(accepted)
    let isOver = false
    const flipping = (async () => {
      while (!isOver) {
        collector.pause()
        await setImmediate()
        collector.resume()
        await setImmediate()
      }
    })()
    client.write(sent)
    await collector.until(sent.length)
    isOver = true
    await flipping
    assert.ok(collector.bytes().equals(sent))
  })

  test('streams that are no sockets are read as ever', () => {
    const stream = new Duplex({ read() {}, write() {} })
    const reader = { socket: stream, bytesSeen: 0, offer: () => assert.fail('nothing comes this way') }
    assert.equal(buffer.attach(reader), false)
  })
})

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await setImmediate()
}
