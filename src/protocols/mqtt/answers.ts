import type { Commits, CommitWaiter } from '../../core/commits.ts'
import { RingDeque } from '../../util/ring-deque.ts'

interface Answer {
  /** The log must be safe up to here first; 0 for nothing to wait for. */
  readonly position: number
  readonly type: number
  readonly packetId: number
  readonly reason: number
  readonly text: string
}

/** @param text what there is to say to the reason; empty for nothing */
type Send = (type: number, packetId: number, reason: number, text: string) => void

/**
 * PUBACK, PUBREC, PUBREL and PUBCOMP of one client: each goes out when what it says is safe, and in the order in which they were asked
 * for, which MQTT wants (4.6.0).
 */
export class Answers implements CommitWaiter {
  waits = false
  readonly #commits: Pick<Commits, 'committed' | 'wait'>
  readonly #send: Send
  readonly #waiting = new RingDeque<Answer>(4)
  /** By type. */
  readonly #counts = new Uint32Array(16)

  constructor(commits: Pick<Commits, 'committed' | 'wait'>, send: Send) {
    this.#commits = commits
    this.#send = send
  }

  /** How many of a type have not gone out. */
  waiting(type: number): number {
    return this.#counts[type]!
  }

  add(position: number, type: number, packetId: number, reason = 0, text = ''): void {
    if (this.#waiting.size === 0 && position <= this.#commits.committed) {
      this.#send(type, packetId, reason, text)
      return
    }
    this.#counts[type]!++
    this.#waiting.push({ position, type, packetId, reason, text })
    this.#commits.wait(this)
  }

  onCommitted(): void {
    const { committed } = this.#commits
    for (let next = this.#waiting.peek(); next !== undefined; next = this.#waiting.peek()) {
      if (next.position > committed) {
        this.#commits.wait(this)
        return
      }
      this.#waiting.shift()
      this.#counts[next.type]!--
      this.#send(next.type, next.packetId, next.reason, next.text)
    }
  }

  /** No more of them. */
  close(): void {
    this.#waiting.clear()
  }
}
