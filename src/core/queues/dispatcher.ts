import { RingDeque } from '../../util/ring-deque.ts'
import type { Consumer } from '../consumer.ts'

/** Chooses the consumer for the next message. */
export interface Dispatcher {
  /** All consumers, in the order they came. */
  readonly consumers: readonly Consumer[]
  /** The one that alone is served, where that is the rule; else null. */
  readonly active: Consumer | null
  add(consumer: Consumer): void
  /** The consumer is cancelled already. */
  remove(consumer: Consumer): void
  /** The consumer to serve now, or null. The next call gives the next one's turn. */
  next(): Consumer | null
  /** How many messages would be taken now; Infinity where one consumer has no limit. */
  credit(): number
  /** A consumer may have room again. */
  wake(consumer: Consumer): void
  /** A consumer gave back its last unacknowledged delivery. */
  drained(consumer: Consumer): void
}

function creditOf(consumer: Consumer): number {
  if (!consumer.canTake()) return 0
  return consumer.prefetch === 0 ? Infinity : consumer.prefetch - consumer.unacked
}

/** Cancelled consumers that may wait on top of twice as many as there are others. */
const SWEEP_SLACK = 8

class PriorityGroup {
  readonly priority: number
  /** Consumers that it has, busy ones included. */
  count = 0
  /** Consumers that may have room. One found without is taken off until it wakes: a busy consumer costs nothing. */
  readonly waiting = new RingDeque<Consumer>(4)

  constructor(priority: number) {
    this.priority = priority
  }
}

/** Highest priority with room first; round robin, one message at a time, among equals. */
export class FairDispatcher implements Dispatcher {
  readonly consumers: Consumer[] = []
  readonly active = null
  readonly #groups: PriorityGroup[] = []

  add(consumer: Consumer): void {
    this.consumers.push(consumer)
    this.#groupOf(consumer.priority).count++
    this.wake(consumer)
  }

  remove(consumer: Consumer): void {
    this.consumers.splice(this.consumers.indexOf(consumer), 1)
    const at = this.#groups.findIndex((group) => group.priority === consumer.priority)
    const group = this.#groups[at]!
    group.count--
    if (group.count === 0) this.#groups.splice(at, 1)
    // `next` passes over who is cancelled, so a sweep now and then is enough
    else if (group.waiting.size > 2 * group.count + SWEEP_SLACK) group.waiting.filter((other) => !other.cancelled)
  }

  next(): Consumer | null {
    for (let i = 0; i < this.#groups.length; i++) {
      const { waiting } = this.#groups[i]!
      for (let consumer = waiting.peek(); consumer !== undefined; consumer = waiting.peek()) {
        if (consumer.canTake()) {
          if (waiting.size > 1) waiting.push(waiting.shift()!)
          return consumer
        }
        waiting.shift()
        consumer.listed = false
      }
    }
    return null
  }

  credit(): number {
    let sum = 0
    for (const consumer of this.consumers) sum += creditOf(consumer)
    return sum
  }

  wake(consumer: Consumer): void {
    if (consumer.listed || consumer.cancelled) return
    consumer.listed = true
    this.#groupOf(consumer.priority).waiting.push(consumer)
  }

  drained(): void {}

  #groupOf(priority: number): PriorityGroup {
    const found = this.#groups.find((group) => group.priority === priority)
    if (found !== undefined) return found
    const group = new PriorityGroup(priority)
    const before = this.#groups.findIndex((other) => other.priority < priority)
    this.#groups.splice(before < 0 ? this.#groups.length : before, 0, group)
    return group
  }
}

/**
 * Single active consumer: the first one is served until it goes; then the one with the highest priority, the oldest among
 * equals. With `preempt` (quorum queues) a consumer of higher priority takes over once the active one has settled what it holds.
 */
export class SingleActiveDispatcher implements Dispatcher {
  readonly consumers: Consumer[] = []
  active: Consumer | null = null
  /** Whether the active one has to go as soon as it has settled what it holds. */
  #deposed = false
  readonly #preempt: boolean

  constructor(preempt: boolean) {
    this.#preempt = preempt
  }

  add(consumer: Consumer): void {
    this.consumers.push(consumer)
    this.active ??= consumer
    if (this.#preempt && consumer.priority > this.active.priority) this.#deposed = true
    if (this.active.unacked === 0) this.drained(this.active)
  }

  remove(consumer: Consumer): void {
    this.consumers.splice(this.consumers.indexOf(consumer), 1)
    if (this.active === consumer) this.#replace()
    else if (this.#deposed) this.#deposed = this.consumers.some((other) => other.priority > this.active!.priority)
  }

  next(): Consumer | null {
    const active = this.active
    return active !== null && !this.#deposed && active.canTake() ? active : null
  }

  credit(): number {
    return this.active === null ? 0 : creditOf(this.active)
  }

  wake(): void {}

  drained(consumer: Consumer): void {
    if (consumer === this.active && this.#deposed) this.#replace()
  }

  #replace(): void {
    this.active = this.#best()
    this.#deposed = false
  }

  #best(): Consumer | null {
    let best: Consumer | null = null
    for (const consumer of this.consumers) if (best === null || consumer.priority > best.priority) best = consumer
    return best
  }
}

/** Serves nobody, and knows who is to be served again afterwards, and how. */
export class PausedDispatcher implements Dispatcher {
  readonly resumed: Dispatcher

  /** @param resumed takes over when the pause is over */
  constructor(resumed: Dispatcher) {
    this.resumed = resumed
  }

  get consumers(): readonly Consumer[] {
    return this.resumed.consumers
  }

  get active(): Consumer | null {
    return this.resumed.active
  }

  add(consumer: Consumer): void {
    this.resumed.add(consumer)
  }

  remove(consumer: Consumer): void {
    this.resumed.remove(consumer)
  }

  next(): null {
    return null
  }

  credit(): number {
    return 0
  }

  wake(consumer: Consumer): void {
    this.resumed.wake(consumer)
  }

  drained(consumer: Consumer): void {
    this.resumed.drained(consumer)
  }
}
