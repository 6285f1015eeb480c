import type { Socket } from 'node:net'
import { RingDeque } from '../util/ring-deque.ts'
import { monotonicClock, nextTick, setImmediate } from '../util/real-time.ts'

/** What the handshakes that begin in one turn of the event loop may take of it; one begins in any case. */
const TURN_MS = 1

interface HandshakeQueueOptions {
  /** For the client's first bytes. */
  readonly timeoutMs: number
  /** Takes up the handshake with what the socket has to read. */
  begin(socket: Socket): void
  onTimeout(socket: Socket): void
}

/**
 * Lets TLS handshakes begin a few at a time. Each is a signature, half a millisecond with an RSA key, made where the client's first
 * bytes are read: of clients that all reconnect at once, hundreds are read in one turn, in which nobody else is served. So what they
 * say stays with their sockets until it is their turn.
 */
export class HandshakeQueue {
  readonly #options: HandshakeQueueOptions
  readonly #ready = new RingDeque<Socket>()
  #turnEndsAt = 0

  constructor(options: HandshakeQueueOptions) {
    this.#options = options
  }

  add(socket: Socket): void {
    const onTimeout = (): void => this.#options.onTimeout(socket)
    socket.setTimeout(this.#options.timeoutMs, onTimeout)
    // not where the client ends without a word, as health checks do: the socket closes by itself
    socket.once('readable', () => {
      socket.setTimeout(0, onTimeout)
      this.#ready.push(socket)
      if (this.#ready.size === 1) setImmediate(this.#run)
    })
  }

  readonly #run = (): void => {
    this.#turnEndsAt = monotonicClock() + TURN_MS
    this.#beginNext()
  }

  readonly #beginNext = (): void => {
    const socket = this.#ready.peek()!
    if (!socket.destroyed) this.#options.begin(socket)
    // Node.js takes up what the socket has read, and so the work, in the next tick
    nextTick(this.#goOn)
  }

  readonly #goOn = (): void => {
    this.#ready.shift()
    if (this.#ready.size === 0) return
    if (monotonicClock() < this.#turnEndsAt) this.#beginNext()
    else setImmediate(this.#run)
  }
}
