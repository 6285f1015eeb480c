import type { FastifyReply } from 'fastify'
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { type BrokerEvent, INTERNAL_ACTOR } from '../core/events.ts'
import type { Identity } from '../core/identity.ts'
import { UndecidedError, whenDecided } from '../core/undecided.ts'
import type { Clock, Timer } from '../util/clock.ts'
import { canSeeVhost, hasTag } from './access.ts'
import type { ManagementHost } from './management-host.ts'

/** Unread bytes from which on events are only counted, until the reader has caught up: the broker does not store them for it. */
const UNREAD_BYTES_MAX = 256 * 1024
/** Events of which a back end is being asked whether the reader may hear of them; only counted beyond it. */
const UNDECIDED_MAX = 1000
const HEARTBEAT_MS = 15_000
/** A reader that has not read for so long is cut off. */
const STALLED_MS = 60_000

/** The events of the broker for one reader, as server-sent events, for as long as it listens. */
export class EventStream {
  readonly #response: ServerResponse
  readonly #clock: Clock
  readonly #end: () => void
  #undecided = 0
  /** Events that were left out since the last one that was not. */
  #missed = 0
  /** Since when nothing more is written; null while all is well. */
  #fullSince: number | null = null
  #timer: Timer

  /** @param kinds first words of the names that are wanted; null for all */
  constructor({ broker }: ManagementHost, user: Identity, kinds: ReadonlySet<string> | null, reply: FastifyReply) {
    reply.hijack()
    this.#response = reply.raw
    this.#clock = broker.clock
    this.#response.writeHead(200, {
      ...(reply.getHeaders() as OutgoingHttpHeaders),
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache',
      'x-accel-buffering': 'no',
    })
    this.#response.write(': events from now on\n\n')
    this.#response.on('drain', () => this.#relieve())
    const isWanted = (event: BrokerEvent): boolean =>
      (kinds === null || kinds.has(event.name.split('.', 1)[0]!)) && mayHear(event)
    const mayHear = ({ vhost, facts }: BrokerEvent): boolean => {
      if (hasTag(user, 'monitoring')) return true
      if (vhost === null || !canSeeVhost(user, vhost)) return false
      // of connections, a user sees its own
      return !('user' in facts) || facts['user'] === user.name
    }
    this.#end = broker.events.listen((event) => this.#tell(event, isWanted))
    this.#timer = this.#beat(user.expiresAt ?? Infinity)
  }

  #tell(event: BrokerEvent, isWanted: (event: BrokerEvent) => boolean): void {
    try {
      if (isWanted(event)) this.#send(event)
    } catch (error) {
      if (!(error instanceof UndecidedError)) throw error
      void this.#tellWhenDecided(event, isWanted)
    }
  }

  async #tellWhenDecided(event: BrokerEvent, isWanted: (event: BrokerEvent) => boolean): Promise<void> {
    if (this.#undecided >= UNDECIDED_MAX) {
      this.#missed++
      return
    }
    this.#undecided++
    const wanted = await whenDecided(() => isWanted(event))
    this.#undecided--
    if (wanted && this.#isOpen) this.#send(event)
  }

  /** @param endsAt when the reader's token expires, in ms since the epoch */
  #beat(endsAt: number): Timer {
    return this.#clock.schedule(HEARTBEAT_MS, {
      onTimer: (now) => {
        if (now >= endsAt) return this.close()
        if (this.#fullSince !== null && now - this.#fullSince >= STALLED_MS) return this.#cut()
        if (!this.#isFull()) this.#response.write(': still here\n\n')
        this.#timer = this.#beat(endsAt)
      },
    })
  }

  #send(event: BrokerEvent): void {
    if (this.#isFull()) {
      this.#missed++
      return
    }
    this.#tellMissed()
    this.#response.write(inLines(event.name, event, event.facts))
  }

  #isFull(): boolean {
    if (this.#response.writableLength < UNREAD_BYTES_MAX) return false
    this.#fullSince ??= this.#clock.now()
    return true
  }

  /** What is written after the end would be an error. */
  get #isOpen(): boolean {
    return !this.#response.writableEnded && !this.#response.destroyed
  }

  /** All that was written has been read. */
  #relieve(): void {
    this.#fullSince = null
    if (this.#isOpen) this.#tellMissed()
  }

  #tellMissed(): void {
    if (this.#missed === 0) return
    const missed = { at: this.#clock.now(), actor: INTERNAL_ACTOR }
    this.#response.write(inLines('events.missed', missed, { count: this.#missed }))
    this.#missed = 0
  }

  /** Says goodbye; what was written before still reaches the reader. */
  close(): void {
    this.#stop()
    this.#response.end()
  }

  #cut(): void {
    this.#stop()
    this.#response.destroy()
  }

  #stop(): void {
    this.#end()
    this.#timer.cancel()
  }
}

function inLines(name: string, { at, actor }: Pick<BrokerEvent, 'at' | 'actor'>, facts: object): string {
  const data = JSON.stringify({ ...facts, timestamp_in_ms: at, user_who_performed_action: actor })
  return `event: ${name}\ndata: ${data}\n\n`
}
