import type { Commits, CommitWaiter } from '../../core/commits.ts'
import type { Message } from '../../core/message.ts'
import type { Entry } from '../../core/queues/entry.ts'
import type { VHost } from '../../core/vhost.ts'
import { RingDeque } from '../../util/ring-deque.ts'

/** A PUBLISH of QoS 2 that is not sent yet. */
export interface HeldPublish {
  /** Type and flags. */
  readonly first: number
  readonly message: Message
  readonly topic: string
  /** Of the subscriptions that match, for MQTT 5. */
  readonly identifiers: number[] | null
  readonly tag: number
  readonly entry: Entry
}

/**
 * PUBLISH packets of QoS 2 that may not go out yet, in the order in which they do, which MQTT wants (5.0, 4.6). They are unacknowledged
 * messages of the session, whose prefetch keeps them few.
 */
export class HeldPublishes implements CommitWaiter {
  waits = false
  readonly #vhost: VHost
  readonly #commits: Commits
  readonly #mayGo: (entry: Entry) => boolean
  readonly #send: (publish: HeldPublish) => void
  readonly #waiting = new RingDeque<HeldPublish>(4)

  /** @param mayGo asked when more is on disk, and when `release` is called */
  constructor(vhost: VHost, mayGo: (entry: Entry) => boolean, send: (publish: HeldPublish) => void) {
    this.#vhost = vhost
    this.#commits = vhost.broker.commits
    this.#mayGo = mayGo
    this.#send = send
  }

  get size(): number {
    return this.#waiting.size
  }

  add(publish: HeldPublish): void {
    this.#vhost.retain(publish.message)
    this.#waiting.push(publish)
    this.#commits.wait(this)
  }

  onCommitted(): void {
    this.release()
  }

  /** Sends what may go out now. */
  release(): void {
    for (let next = this.#waiting.peek(); next !== undefined; next = this.#waiting.peek()) {
      if (!this.#mayGo(next.entry)) {
        this.#commits.wait(this)
        return
      }
      this.#waiting.shift()
      this.#send(next)
      this.#vhost.release(next.message)
    }
  }

  /** No more of them: their messages stay in the queue. */
  close(): void {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift())
      this.#vhost.release(next.message)
  }
}
