import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { RingDeque } from '../util/ring-deque.ts'
import { WIDE_ZERO } from '../util/wide-zero.ts'
import { PHASE_FLUSH, type Turn, type TurnTask } from '../util/turn.ts'
import { type BufferPool, CHUNK_BYTES } from './buffer-pool.ts'
import type { SocketReader } from './read-buffer.ts'

/** Unsent bytes from which on the client counts as slow: deliveries wait in their queues. */
const FULL_BYTES = 256 * 1024
/**
 * The same for TLS, which tells only in the next turn what it could write, so that this is all that leaves in a turn. It is a multiple of
 * READ_PER_TURN_BYTES, since deliveries are larger than what was published: otherwise queues grow with consumers that keep up.
 */
const FULL_BYTES_TLS = 512 * 1024
/** Unsent bytes below which it is served again. */
const RESUME_BYTES = 64 * 1024
/** Unsent bytes from which on nothing more is read from it, since each request adds an answer. */
const CHOKED_BYTES = 4 * 1024 * 1024

/** Bytes read from one peer in a turn: a flood from one must not keep the acknowledgements of the others waiting. */
const READ_PER_TURN_BYTES = 256 * 1024

export const PAUSED_BY_ALARM = 1
export const PAUSED_BY_PRESSURE = 2
const PAUSED_BY_FAIRNESS = 4
/** The store does not keep up. */
export const PAUSED_BY_STORE = 8
/** Whoever reads does not keep up. */
export const PAUSED_BY_OWNER = 32
/** An answer has to come before what the peer has sent since. */
export const PAUSED_BY_ANSWER = 16
const PAUSED_UNTIL_STARTED = 64

export interface TransportHandler {
  /** Bytes from the peer. They stay as they are: views of them may be kept for as long as needed. */
  onData(chunk: Buffer): void
  /** The peer does not keep up (`full`), or hardly reads at all (`choked`). */
  onPressure(choked: boolean): void
  /** It has caught up. */
  onRelief(): void
  /** The connection is gone, in whatever way. Called once. */
  onClosed(error: Error | null): void
}

/** What bytes that were not copied count for: they lie in the store anyway, and small windows starve large messages. */
const UNCOPIED_WEIGHT = 1 / 8

/** A written piece on its way to the peer. */
interface Piece {
  /** What it counts for while it is unsent. */
  readonly weight: number
  /** The chunk that is free again when this piece has been written. */
  readonly chunk: Buffer | null
  readonly written: (() => void) | null
}

/**
 * One peer's bytes. Outgoing frames are appended to a chunk (`reserve`, then write into `out`) and leave in one write at the end of the
 * turn. What waits is counted: `TransportHandler` hears when it is too much and when it is little again.
 */
export class Transport implements TurnTask, SocketReader {
  // what each read looks at comes first, and so lies together: with thousands of peers, none of it is in the processor's cache
  readonly #handler: TransportHandler
  readonly #turn: Turn
  #paused = PAUSED_UNTIL_STARTED
  /** The stream has bytes that came while nothing was to be read: those that follow go behind them. */
  #isKept = false
  closed = false
  #readTurn = 0
  #readBytes = 0
  /** Read from the socket. */
  bytesIn = WIDE_ZERO
  readsIn = 0
  bytesSeen = WIDE_ZERO
  scheduled = false
  /** The chunk to write into, valid from `reserve` to the next call. */
  out: Buffer
  /** Appended, if not sent yet. */
  bytesOut = WIDE_ZERO
  writesOut = 0
  readonly socket: Duplex
  readonly #pool: BufferPool
  #used = 0
  /** Where the part of the chunk starts that has not been handed to the socket. */
  #start = 0
  #holdsChunk = false
  readonly #ready: { data: Buffer; piece: Piece }[] = []
  readonly #inFlight = new RingDeque<Piece>(4)
  #unsent = 0
  readonly #full: number
  /** The next level of unsent bytes at which something is done about it. */
  #limit: number
  #holds = 0
  #ending = false
  #ended = false

  constructor(socket: Duplex, turn: Turn, pool: BufferPool, handler: TransportHandler) {
    this.socket = socket
    this.#turn = turn
    this.#pool = pool
    this.#handler = handler
    this.#full = (socket as Partial<TLSSocket>).encrypted === true ? FULL_BYTES_TLS : FULL_BYTES
    this.#limit = this.#full
    this.out = NO_CHUNK
    let failure: Error | null = null
    socket.on('data', (chunk: Buffer) => {
      this.#isKept = socket.readableLength > 0
      this.#take(chunk)
    })
    this.#isKept = socket.readableLength > 0
    pool.reads.attach(this)
    socket.on('error', (error) => (failure = error))
    // the peer will say no more, but may still listen for the answer to its goodbye
    socket.on('end', () => this.end())
    socket.on('close', () => {
      this.closed = true
      this.#abandon()
      handler.onClosed(failure)
    })
  }

  /** Starts reading. */
  start(): void {
    this.resume(PAUSED_UNTIL_STARTED)
  }

  /** Called by the buffer that the socket is read into. */
  offer(chunk: Buffer): boolean {
    if (this.#paused !== 0 || this.#isKept) {
      this.#isKept = true
      return false
    }
    this.#take(chunk)
    return true
  }

  #take(chunk: Buffer): void {
    this.bytesIn += chunk.length
    this.readsIn++
    this.#takeTurn(chunk.length)
    if (!this.closed) this.#handler.onData(chunk)
  }

  /** Unsent bytes, those that were not copied by their weight. */
  get pending(): number {
    return this.#unsent + this.#used - this.#start
  }

  /** Room for `bytes` (at most CHUNK_BYTES) in `out`; returns the offset. The caller fills all of it before anything else. */
  reserve(bytes: number): number {
    if (!this.#holdsChunk) {
      this.out = this.#pool.take(bytes)
      this.#holdsChunk = true
    } else if (this.#used + bytes > this.out.length) this.#makeRoom(bytes)
    if (!this.scheduled) this.#turn.schedule(PHASE_FLUSH, this)
    const at = this.#used
    this.#used += bytes
    this.bytesOut += bytes
    if (this.#unsent + this.#used - this.#start > this.#limit) this.#press()
    return at
  }

  #makeRoom(bytes: number): void {
    const { out } = this
    if (out.length < CHUNK_BYTES && this.#start === 0) {
      // a small chunk becomes a large one
      this.out = this.#pool.take(CHUNK_BYTES)
      out.copy(this.out, 0, 0, this.#used)
      this.#pool.give(out)
      if (this.#used + bytes <= CHUNK_BYTES) return
    }
    // a full chunk goes at once: mostly the kernel takes it, and what it took does not count as unsent
    this.flush()
    if (this.#holdsChunk) this.#closeChunk()
    this.out = this.#pool.take(CHUNK_BYTES)
    this.#holdsChunk = true
  }

  /** Small bytes are copied. */
  write(bytes: Uint8Array): void {
    if (bytes.length <= CHUNK_BYTES) {
      const at = this.reserve(bytes.length)
      this.out.set(bytes, at)
      return
    }
    for (let from = 0; from < bytes.length; from += CHUNK_BYTES) {
      const part = bytes.subarray(from, from + CHUNK_BYTES)
      const at = this.reserve(part.length)
      this.out.set(part, at)
    }
  }

  /** Appends bytes without copying. They must not change until `written` is called: when they are, or never will be. */
  appendLarge(bytes: Buffer, written: () => void): void {
    if (this.closed) {
      written()
      return
    }
    if (this.#used > this.#start) this.#cut(null)
    const weight = bytes.length * UNCOPIED_WEIGHT
    this.#ready.push({ data: bytes, piece: { weight, chunk: null, written } })
    this.#unsent += weight
    this.bytesOut += bytes.length
    if (!this.scheduled) this.#turn.schedule(PHASE_FLUSH, this)
    if (this.#unsent > this.#limit) this.#press()
  }

  runAtTurnEnd(): void {
    this.flush()
    if (this.#paused & PAUSED_BY_FAIRNESS) this.resume(PAUSED_BY_FAIRNESS)
  }

  #takeTurn(bytes: number): void {
    if (this.#readTurn !== this.#turn.number) {
      this.#readTurn = this.#turn.number
      this.#readBytes = 0
    }
    this.#readBytes += bytes
    if (this.#readBytes < READ_PER_TURN_BYTES || this.#paused & PAUSED_BY_FAIRNESS) return
    this.pause(PAUSED_BY_FAIRNESS)
    this.#turn.schedule(PHASE_FLUSH, this)
  }

  flush(): void {
    if (this.#holds > 0 || this.closed) return
    if (this.#holdsChunk) this.#closeChunk()
    if (this.#ready.length > 0) this.#writeReady()
    if (this.#ending) this.#endSocket()
  }

  #writeReady(): void {
    const pieces = this.#ready
    const socket = this.socket
    this.writesOut++
    if (pieces.length > 1) socket.cork()
    for (let i = 0; i < pieces.length; i++) {
      const { data, piece } = pieces[i]!
      this.#inFlight.push(piece)
      socket.write(data, this.#written)
    }
    if (pieces.length > 1) socket.uncork()
    pieces.length = 0
  }

  /** Keeps back everything written until `safe` resolves: an answer may not go out before what it reports is on disk. */
  hold(safe: Promise<void>): void {
    this.#holds++
    const release = (): void => {
      if (--this.#holds === 0) this.flush()
    }
    safe.then(release, () => this.destroy())
  }

  /** Whether nothing is read, and for longer than a turn. */
  get paused(): boolean {
    return (this.#paused & ~PAUSED_BY_FAIRNESS) !== 0
  }

  pause(reason: number): void {
    this.#paused |= reason
    this.socket.pause()
  }

  resume(reason: number): void {
    this.#paused &= ~reason
    if (this.#paused === 0) this.socket.resume()
  }

  /** Writes what is pending, then closes. */
  end(): void {
    this.#ending = true
    if (this.pending > 0) this.#turn.schedule(PHASE_FLUSH, this)
    else if (this.#holds === 0) this.#endSocket()
  }

  /** Once: each time more would cost an error with its stack, although nobody is told. */
  #endSocket(): void {
    if (this.#ended) return
    this.#ended = true
    this.socket.end()
  }

  /** Closes at once. */
  destroy(): void {
    this.socket.destroy()
  }

  /** The socket is gone: nothing that waits will be written. Writes under way have been called back by the socket. */
  #abandon(): void {
    for (const { piece } of this.#ready) piece.written?.()
    this.#ready.length = 0
    for (let piece = this.#inFlight.shift(); piece !== undefined; piece = this.#inFlight.shift()) piece.written?.()
    this.#holdsChunk = false
    this.out = NO_CHUNK
  }

  #closeChunk(): void {
    this.#cut(this.out)
    this.#holdsChunk = false
    this.out = NO_CHUNK
    this.#used = 0
    this.#start = 0
  }

  /** Makes a piece of what was written to the chunk since the last cut. */
  #cut(chunk: Buffer | null): void {
    const bytes = this.#used - this.#start
    if (bytes > 0)
      this.#ready.push({
        data: this.out.subarray(this.#start, this.#used),
        piece: { weight: bytes, chunk, written: null },
      })
    else if (chunk !== null) this.#pool.give(chunk)
    this.#unsent += bytes
    this.#start = this.#used
  }

  readonly #written = (): void => {
    const piece = this.#inFlight.shift()
    if (piece === undefined) return
    if (piece.chunk !== null) this.#pool.give(piece.chunk)
    if (piece.written !== null) piece.written()
    this.#unsent -= piece.weight
    if (this.#limit === this.#full || this.#unsent > RESUME_BYTES || this.closed) return
    this.#limit = this.#full
    if (this.#paused & PAUSED_BY_PRESSURE) this.resume(PAUSED_BY_PRESSURE)
    this.#handler.onRelief()
  }

  #press(): void {
    const choked = this.pending > CHOKED_BYTES
    this.#limit = choked ? Infinity : CHOKED_BYTES
    if (choked) this.pause(PAUSED_BY_PRESSURE)
    this.#handler.onPressure(choked)
  }
}

const NO_CHUNK = Buffer.alloc(0)
