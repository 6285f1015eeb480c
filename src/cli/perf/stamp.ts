/**
 * The time at which a message was sent, in the message. Bodies have it in front, as PerfTest's have:
 *
 *     sequence number (4 bytes)  µs of the monotonic clock, a double (8 bytes)  zeros
 *
 * Bodies that must not change while they are sent (large ones, and those from files) have it in a header in its place.
 */
export const STAMP_BYTES = 12
/** Name of the header, a `double` in µs. */
export const STAMP_HEADER = 'x-warren-perf-us'
/** What is older was not sent by this run. */
const LATENCY_MAX_US = 24 * 3600 * 1e6

/** Between this thread's clock and the monotonic clock that all threads and processes of the machine share. */
const offsetUs = Number(process.hrtime.bigint()) / 1000 - performance.now() * 1000

/** µs of the monotonic clock. */
export const nowUs = (): number => performance.now() * 1000 + offsetUs

/** Calls that are given the same time, if they come one right after the other. */
const CALLS_PER_READING = 8

/**
 * The same clock for what happens in runs: asked for each message of a read or a burst, it would be a tenth of all the work. A
 * reading holds for eight calls, or until the end of the turn of the event loop, and so is not wrong by more than a few µs.
 */
export class BurstClock {
  #us = 0
  #left = 0
  #armed = false

  now(): number {
    if (this.#left > 0) {
      this.#left--
      return this.#us
    }
    this.#left = CALLS_PER_READING - 1
    this.#us = nowUs()
    if (!this.#armed) {
      this.#armed = true
      setImmediate(this.#onTurnEnd)
    }
    return this.#us
  }

  readonly #onTurnEnd = (): void => {
    this.#armed = false
    this.#left = 0
  }
}

export function writeStamp(body: Buffer, sequence: number, us: number): void {
  body.writeUInt32BE(sequence >>> 0, 0)
  body.writeDoubleBE(us, 4)
}

/** @returns the latency in µs; -1 where the message has no stamp */
export function latencyOf(buffer: Buffer, bodyOffset: number, bodyLength: number, now: number): number {
  return bodyLength < STAMP_BYTES ? -1 : plausible(now - buffer.readDoubleBE(bodyOffset + 4))
}

export const plausible = (latencyUs: number): number => (latencyUs >= 0 && latencyUs < LATENCY_MAX_US ? latencyUs : -1)
