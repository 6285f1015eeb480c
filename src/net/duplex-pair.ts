import { Duplex } from 'node:stream'
import { nextTick } from '../util/real-time.ts'

/**
 * One end of a pair. Unlike Node's own `duplexPair`, what is written is copied: a transport reuses its buffers as soon as they are written,
 * while the other end may keep views of what it reads.
 */
class PairEnd extends Duplex {
  #other: PairEnd | null = null
  /** Called when the other end wants to read again. */
  #continue: (() => void) | null = null

  constructor() {
    super({ allowHalfOpen: true })
  }

  join(other: PairEnd): void {
    this.#other = other
  }

  override _read(): void {
    const proceed = this.#other?.takeContinue()
    if (proceed !== undefined && proceed !== null) nextTick(proceed)
  }

  takeContinue(): (() => void) | null {
    const proceed = this.#continue
    this.#continue = null
    return proceed
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    const other = this.#other!
    if (other.destroyed) {
      nextTick(done)
      return
    }
    if (other.push(Buffer.from(chunk))) nextTick(done)
    else this.#continue = done
  }

  override _final(done: () => void): void {
    this.#other!.push(null)
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const other = this.#other
    done(error)
    // as with a socket, both ends go
    if (other !== null && !other.destroyed) nextTick(() => other.destroy())
  }
}

/** Two streams, both paused: what is written to one is read from the other. */
export function duplexPair(): [Duplex, Duplex] {
  const [here, there] = [new PairEnd(), new PairEnd()]
  here.join(there)
  there.join(here)
  here.pause()
  there.pause()
  return [here, there]
}
