import type { Socket } from 'node:net'
import type { ReadBuffer, SocketReader } from '../read-buffer.ts'
import { clearTimeout, setImmediate, setTimeout } from '../../util/real-time.ts'
import { WIDE_ZERO } from '../../util/wide-zero.ts'

/** What one side has let go of may take so long to reach the other. */
const LINGER_MS = 5000

/**
 * Moves bytes between a client's TLS socket and the broker's side, both ways, each no faster than it is read at the other end. Of TLS come
 * chunks of 16 KiB at most: those of a turn go in one write. The broker's side is read into the buffer that all share.
 */
export class Splice implements SocketReader {
  /** The broker's side. */
  readonly socket: Socket
  bytesSeen = WIDE_ZERO
  readonly #client: Socket
  readonly #onClosed: () => void
  readonly #lingerMs: number
  #isCorked = false
  #linger: NodeJS.Timeout | null = null

  /** @param broker may be half open @param onClosed called when both are closed */
  constructor(client: Socket, broker: Socket, reads: ReadBuffer, onClosed: () => void, lingerMs = LINGER_MS) {
    this.socket = broker
    this.#client = client
    this.#onClosed = onClosed
    this.#lingerMs = lingerMs
    client.on('data', this.#toBroker)
    client.on('drain', () => broker.resume())
    client.on('end', () => broker.end())
    client.on('error', ignoreError)
    client.on('close', this.#onClientClosed)
    broker.on('data', this.#toClient)
    broker.on('drain', () => client.resume())
    broker.on('end', () => client.end())
    broker.on('error', ignoreError)
    broker.on('close', this.#onBrokerClosed)
    reads.attach(this)
    client.resume()
  }

  offer(chunk: Buffer): boolean {
    const { socket } = this
    if (socket.isPaused() || socket.readableLength > 0) return false
    this.#toClient(chunk)
    return true
  }

  /** The broker has closed its side: what it wrote before is on its way, nothing that the client says has a reader. */
  readonly abandon = (): void => {
    const { socket: broker } = this
    const client = this.#client
    this.#linger ??= setTimeout(() => {
      client.destroy()
      broker.destroy()
    }, this.#lingerMs)
    if (broker.readableEnded || broker.destroyed) client.destroySoon()
    else broker.once('end', () => client.destroySoon())
  }

  readonly #toClient = (chunk: Buffer): void => {
    // a client that has ended does not hear the rest
    if (this.#client.writable && !this.#client.write(chunk)) this.socket.pause()
  }

  readonly #toBroker = (chunk: Buffer): void => {
    const { socket: broker } = this
    if (!broker.writable) return
    if (!this.#isCorked) {
      this.#isCorked = true
      broker.cork()
      setImmediate(this.#uncork)
    }
    if (!broker.write(chunk)) this.#client.pause()
  }

  readonly #uncork = (): void => {
    this.#isCorked = false
    this.socket.uncork()
  }

  readonly #onClientClosed = (): void => {
    const { socket: broker } = this
    // an end comes after all that was said before it, a failure at once
    if (this.#client.readableEnded) broker.destroySoon()
    else broker.destroy()
    // what it still has for the client would keep it open
    broker.resume()
    this.#settle()
  }

  readonly #onBrokerClosed = (): void => {
    if (!this.#client.destroyed) this.abandon()
    this.#settle()
  }

  #settle(): void {
    if (!this.#client.closed || !this.socket.closed) return
    if (this.#linger !== null) clearTimeout(this.#linger)
    this.#onClosed()
  }
}

/** The event `close` follows. */
const ignoreError = (): void => {}
