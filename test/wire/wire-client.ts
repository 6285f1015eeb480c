import { connect, type Socket } from 'node:net'

export interface Frame {
  readonly type: number
  readonly channel: number
  readonly payload: Buffer
}

/** How a client cuts what it sends into writes. Each piece reaches an idle broker in this process as a read of its own. */
export type Cut = (bytes: Buffer) => Iterable<Buffer>

export const whole: Cut = (bytes) => [bytes]

export function* byteByByte(bytes: Buffer): Iterable<Buffer> {
  for (let at = 0; at < bytes.length; at++) yield bytes.subarray(at, at + 1)
}

/** Pieces of some bytes or of many, the same for the same seed. */
export function cutAtRandom(seed: number): Cut {
  let state = seed
  const random = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 0x1_0000_0000
  }
  return function* (bytes) {
    for (let at = 0; at < bytes.length;) {
      const piece = Math.floor(2 ** (random() * 14))
      yield bytes.subarray(at, at + piece)
      at += piece
    }
  }
}

/** Long, since a busy machine is no failure; only a broker that never answers gets here. */
const PATIENCE_MS = 20_000

/** A socket that speaks what it is told to, and a reader that knows no more than what a frame looks like. */
export class WireClient {
  readonly #socket: Socket
  readonly #cut: Cut
  #received = Buffer.alloc(0)
  #closed = false
  #wake: () => void = () => {}

  private constructor(socket: Socket, cut: Cut) {
    this.#socket = socket
    this.#cut = cut
    socket.setNoDelay()
    socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk])
      this.#wake()
    })
    socket.on('drain', () => this.#wake())
    // a reset is one of the ways in which a broker may close
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#closed = true
      this.#wake()
    })
  }

  static async connect(host: string, port: number, cut: Cut): Promise<WireClient> {
    const socket = connect({ host, port })
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        resolve()
      })
    })
    return new WireClient(socket, cut)
  }

  async send(bytes: Buffer): Promise<void> {
    for (const piece of this.#cut(bytes)) {
      if (this.#closed) return
      if (!this.#socket.write(piece)) await this.#until(() => this.#closed || !this.#socket.writableNeedDrain)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  /** Null when the broker closes the connection first. */
  async frame(): Promise<Frame | null> {
    const whole = (): boolean =>
      this.#received.length >= 7 && this.#received.length >= this.#received.readUInt32BE(3) + 8
    await this.#until(() => whole() || this.#closed)
    if (!whole()) return null
    const end = 7 + this.#received.readUInt32BE(3)
    if (this.#received[end] !== 0xce) throw new Error('the broker sent a frame without its end')
    const type = this.#received[0]!
    const frame = { type, channel: this.#received.readUInt16BE(1), payload: this.#received.subarray(7, end) }
    this.#received = this.#received.subarray(end + 1)
    return frame
  }

  /** So many raw bytes, or fewer when the broker closes the connection. */
  async bytes(count: number): Promise<Buffer> {
    await this.#until(() => this.#received.length >= count || this.#closed)
    const bytes = this.#received.subarray(0, count)
    this.#received = this.#received.subarray(count)
    return bytes
  }

  /** What came before the broker closed the connection. */
  async untilClosed(): Promise<Buffer> {
    await this.#until(() => this.#closed)
    return this.#received
  }

  get pending(): Buffer {
    return this.#received
  }

  get closed(): boolean {
    return this.#closed
  }

  /** What the broker sends stays in the sockets. */
  pauseReading(): void {
    this.#socket.pause()
  }

  resumeReading(): void {
    this.#socket.resume()
  }

  end(): void {
    this.#socket.end()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  async #until(condition: () => boolean): Promise<void> {
    const timer = setTimeout(() => this.#wake(), PATIENCE_MS)
    const deadline = performance.now() + PATIENCE_MS
    try {
      while (!condition()) {
        if (performance.now() >= deadline) throw new Error(`nothing within ${PATIENCE_MS / 1000} s`)
        await new Promise<void>((resolve) => (this.#wake = resolve))
      }
    } finally {
      clearTimeout(timer)
    }
  }
}
