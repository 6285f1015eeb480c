import type { Transport } from '../../net/transport.ts'
import type { Clock, Timer } from '../../util/clock.ts'
import { invalidHeader } from './errors.ts'

/** Longer ones are as good as none. */
const HEART_BEAT_MAX_MS = 2_147_483_000
const LINE_END = Buffer.from('\n')

/** What a client asks for, in ms; 0 for nothing. */
export interface HeartBeatWish {
  /** How often it can send. */
  readonly sends: number
  /** How often it wants something sent. */
  readonly wants: number
}

/** @throws StompError */
export function parseHeartBeat(text: string | null): HeartBeatWish {
  if (text === null) return { sends: 0, wants: 0 }
  const [, sends, wants] = /^\s*(\d{1,12})\s*,\s*(\d{1,12})\s*$/.exec(text) ?? []
  if (sends === undefined || wants === undefined)
    throw invalidHeader(`'heart-beat' must be two numbers of ms, and is '${text}'\n`)
  return { sends: Math.min(Number(sends), HEART_BEAT_MAX_MS), wants: Math.min(Number(wants), HEART_BEAT_MAX_MS) }
}

/** RabbitMQ counts heart-beats in whole seconds. */
export const inWholeSeconds = (ms: number): number => (ms === 0 ? 0 : Math.max(1, Math.floor(ms / 1000)) * 1000)

/** The heart-beats of one connection: a line end where nothing else was sent in time, and an end where nothing was heard. */
export class HeartBeat {
  readonly #transport: Transport
  readonly #clock: Clock
  #sender: Timer | null = null
  #watcher: Timer | null = null
  #sentAt = 0
  #heardAt = 0
  #silentTicks = 0

  /** @param onSilence nothing has come for two to three intervals */
  constructor(clock: Clock, transport: Transport, { sends, wants }: HeartBeatWish, onSilence: () => void) {
    this.#clock = clock
    this.#transport = transport
    if (wants > 0) this.#send(inWholeSeconds(wants) / 2)
    if (sends > 0) this.#watch(Math.max(sends, 1000) / 2, onSilence)
  }

  #send(everyMs: number): void {
    this.#sender = this.#clock.schedule(everyMs, {
      onTimer: () => {
        if (this.#transport.bytesOut === this.#sentAt) this.#transport.write(LINE_END)
        this.#sentAt = this.#transport.bytesOut
        this.#send(everyMs)
      },
    })
  }

  #watch(everyMs: number, onSilence: () => void): void {
    this.#watcher = this.#clock.schedule(everyMs, {
      onTimer: () => {
        const { bytesIn, paused } = this.#transport
        // while the broker itself does not read, it cannot hear
        this.#silentTicks = bytesIn !== this.#heardAt || paused ? 0 : this.#silentTicks + 1
        this.#heardAt = bytesIn
        if (this.#silentTicks >= 4) onSilence()
        else this.#watch(everyMs, onSilence)
      },
    })
  }

  close(): void {
    this.#sender?.cancel()
    this.#watcher?.cancel()
  }
}
