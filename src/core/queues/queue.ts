import type { Clock, Timer } from '../../util/clock.ts'
import { PHASE_DISPATCH, PHASE_FLUSH, type Turn, type TurnTask } from '../../util/turn.ts'
import type { MessageStore } from '../../store/message-store.ts'
import type { ClientConnection } from '../client-connection.ts'
import type { Consumer } from '../consumer.ts'
import type { Destination } from '../exchanges/exchange-type.ts'
import type { Table } from '../fields.ts'
import type { DeathReason, Message } from '../message.ts'
import type { EffectivePolicy } from '../policy.ts'
import { type Dispatcher, FairDispatcher, SingleActiveDispatcher } from './dispatcher.ts'
import { Entry, GONE, HELD, READY, UNACKED } from './entry.ts'
import { Expiry } from './expiry.ts'
import type { QueueSettings } from './queue-settings.ts'
import type { QueueType, ReturnKind } from './queue-type.ts'
import { ReadyMessages } from './ready-messages.ts'

/** What a publish to one queue came to. */
export const ACCEPTED = 0
export const REJECTED = 1

/** How long a message that could not be dead-lettered safely waits for the next try. */
const DEAD_LETTER_RETRY_MS = 5_000

/** Messages dropped or found expired in one go: more of them wait for the next turn, so that no policy stalls the node. */
const DROPS_MAX = 1000

/** What a queue needs of its surroundings. */
export interface QueueHost {
  readonly vhostName: string
  readonly store: MessageStore
  readonly clock: Clock
  readonly turn: Turn
  /** Time to acknowledge where nothing else says so, in ms; 0 for none. */
  readonly defaultAckTimeoutMs: number
  /**
   * Publishes a dead message to the queue's dead-letter exchange. With `wanted`, says whether every target took it; without, it may
   * happen after the call.
   */
  deadLetter(queue: Queue, message: Message, reason: DeathReason, wanted: boolean): boolean
  /** The queue has had its time, or lost its last consumer. */
  deleteQueue(queue: Queue): void
  /** Frees the messages of a queue that was purged or deleted, a part at a time. */
  reclaim(queue: Queue, ready: ReadyMessages): void
}

export interface QueueFacts {
  readonly id: number
  readonly name: string
  readonly durable: boolean
  readonly autoDelete: boolean
  /** The connection that alone may use it, and with which it goes. */
  readonly owner: ClientConnection | null
  readonly arguments: Table
}

export class QueueCounters {
  published = 0
  delivered = 0
  deliveredNoAck = 0
  got = 0
  gotNoAck = 0
  redelivered = 0
  acknowledged = 0
  deadLettered = 0
  dropped = 0
}

/** A queue: messages in, deliveries out. What its type does otherwise is in `type`; what arguments and policies ask for, in `settings`. */
export class Queue implements Destination, TurnTask {
  readonly kind = 'queue'
  readonly id: number
  readonly name: string
  readonly type: string
  readonly rules: QueueType
  readonly durable: boolean
  readonly autoDelete: boolean
  readonly owner: ClientConnection | null
  readonly arguments: Table
  readonly counters = new QueueCounters()
  settings: QueueSettings
  policy: EffectivePolicy | null = null
  dispatcher: Dispatcher
  deleted = false
  /** Set by the router: the last routing that reached this queue. */
  mark = 0
  scheduled = false
  unackedCount = 0
  unackedBytes = 0
  /** Waiting for a retry delay, or for a dead-letter target that takes them. */
  heldCount = 0
  heldBytes = 0
  exclusiveConsumer: Consumer | null = null

  readonly #host: QueueHost
  #ready: ReadyMessages
  #expiry: Expiry | null = null
  #lastNumber = 0
  #lastUsed: number
  #expiresTimer: Timer | null = null
  readonly #held = new Map<Timer, Entry>()
  /** Goes on with `#dropHeads` in the next turn. */
  readonly #trimmer: TurnTask = {
    scheduled: false,
    runAtTurnEnd: () => this.#dropHeads(),
  }
  /** Purges whose messages are not all freed yet. */
  #reclaims = 0
  #everConsumed = false

  constructor(host: QueueHost, rules: QueueType, facts: QueueFacts, settings: QueueSettings) {
    this.#host = host
    this.rules = rules
    this.type = rules.name
    this.id = facts.id
    this.name = facts.name
    this.durable = facts.durable
    this.autoDelete = facts.autoDelete
    this.owner = facts.owner
    this.arguments = facts.arguments
    this.settings = settings
    this.#lastUsed = host.clock.now()
    this.#ready = new ReadyMessages(rules.levels(settings), rules.returnsFirst)
    this.dispatcher = settings.singleActiveConsumer
      ? new SingleActiveDispatcher(rules.activePreempts)
      : new FairDispatcher()
    this.#armExpiresTimer()
  }

  get readyCount(): number {
    return this.#ready.count
  }

  get readyBytes(): number {
    return this.#ready.bytes
  }

  get consumerCount(): number {
    return this.dispatcher.consumers.length
  }

  // ---- messages in ----

  /** Takes a message, or says REJECTED where the length limit is to reject. */
  publish(message: Message): number {
    const { settings } = this
    // routed before the queue was deleted: in a transaction, or among dead letters
    if (this.deleted) return ACCEPTED
    if (settings.overflow !== 'drop-head' && !this.hasRoomFor(1, message.bodyLength)) return this.#reject(message)
    this.counters.published++
    let ttl = -1
    let expiresAt = -1
    if (message.ttlMs >= 0 || settings.ttlMs >= 0) {
      ttl = this.#ttlOf(message)
      expiresAt = this.#host.clock.now() + ttl
    }
    if (this.#ready.count === 0) {
      const consumer = this.dispatcher.next()
      if (consumer !== null) {
        this.#deliverFresh(consumer, message, expiresAt)
        return ACCEPTED
      }
    }
    const entry = this.#newEntry(message, expiresAt)
    if (ttl === 0) {
      // no time at all: it allows the delivery that can happen at once, and nothing else
      this.#discard(entry, 'expired')
      return ACCEPTED
    }
    this.#ready.push(entry, this.rules.levelOf(message, settings))
    if (expiresAt >= 0) this.#expires(entry)
    if (settings.maxLength >= 0 || settings.maxLengthBytes >= 0) this.#dropHeads()
    if (!this.scheduled && this.dispatcher.consumers.length > 0) this.#host.turn.schedule(PHASE_DISPATCH, this)
    return ACCEPTED
  }

  /** Whether so many more messages stay within the length limits. Only ready messages and held ones count. */
  hasRoomFor(count: number, bytes: number): boolean {
    const { maxLength, maxLengthBytes } = this.settings
    if (maxLength >= 0 && this.#ready.count + this.heldCount + count > maxLength) return false
    return maxLengthBytes < 0 || this.#ready.bytes + this.heldBytes + bytes <= maxLengthBytes
  }

  /** How many messages waiting consumers would take at once: those need no room. */
  takers(): number {
    if (this.#ready.count > 0) return 0
    let sum = 0
    for (const consumer of this.dispatcher.consumers) {
      if (this.dispatcher.active !== null && this.dispatcher.active !== consumer) continue
      if (consumer.canTake()) sum += consumer.prefetch === 0 ? Infinity : consumer.prefetch - consumer.unacked
    }
    return sum
  }

  /** Whether a full queue refuses what is published to it. */
  get rejectsWhenFull(): boolean {
    return this.settings.overflow !== 'drop-head'
  }

  #reject(message: Message): number {
    if (this.settings.overflow === 'reject-publish-dlx') this.#bury(message, 'maxlen')
    return REJECTED
  }

  #ttlOf(message: Message): number {
    const { ttlMs } = this.settings
    if (message.ttlMs < 0) return ttlMs
    return ttlMs < 0 ? message.ttlMs : Math.min(ttlMs, message.ttlMs)
  }

  #newEntry(message: Message, expiresAt: number): Entry {
    const { store } = this.#host
    if (message.slab === null) store.adopt(message)
    message.references++
    const entry = new Entry(this, message, ++this.#lastNumber, expiresAt)
    if (this.#isLogged(message)) {
      const position = store.enqueue(this.id, entry.number, message)
      if (position > message.position) message.position = position
    }
    return entry
  }

  #isLogged(message: Message): boolean {
    return this.durable && (message.persistent || this.rules.alwaysPersistent)
  }

  /** Keeps to the length limits, unless they are kept by rejecting. */
  #dropHeads(): void {
    if (this.rejectsWhenFull) return
    for (let drops = 0; !this.hasRoomFor(0, 0); drops++) {
      if (drops === DROPS_MAX) {
        this.#host.turn.schedule(PHASE_FLUSH, this.#trimmer)
        return
      }
      const head = this.#ready.shift()
      if (head === null) return
      this.#discard(head, 'maxlen')
    }
  }

  // ---- messages out ----

  /** The message arrived while a consumer waits: it need not queue up. */
  #deliverFresh(consumer: Consumer, message: Message, expiresAt: number): void {
    if (consumer.noAck) {
      this.counters.deliveredNoAck++
      consumer.session.deliverSettled(consumer, message, null)
      return
    }
    const entry = this.#newEntry(message, expiresAt)
    if (expiresAt >= 0) this.#expires(entry)
    this.#hand(consumer, entry)
  }

  #hand(consumer: Consumer, entry: Entry): void {
    entry.state = UNACKED
    entry.consumer = consumer
    this.unackedCount++
    this.unackedBytes += entry.message.bodyLength
    consumer.unacked++
    this.counters.delivered++
    if (entry.redelivered) this.counters.redelivered++
    consumer.session.deliver(consumer, entry)
  }

  /** Serves consumers until there is nothing left to deliver, or nobody to take it. */
  runAtTurnEnd(): void {
    if (this.deleted) return
    while (this.#ready.count > 0) {
      const consumer = this.dispatcher.next()
      if (consumer === null) return
      const entry = this.#takeHead(DROPS_MAX)
      if (entry === null) {
        this.schedule()
        return
      }
      if (consumer.noAck) this.#deliverAndForget(consumer, entry)
      else this.#hand(consumer, entry)
    }
  }

  #deliverAndForget(consumer: Consumer, entry: Entry): void {
    this.counters.deliveredNoAck++
    if (entry.redelivered) this.counters.redelivered++
    entry.state = GONE
    consumer.session.deliverSettled(consumer, entry.message, entry)
    this.#forget(entry)
  }

  /** The next message that has not expired, unless more than so many have before it. */
  #takeHead(expiredMax: number): Entry | null {
    for (let expired = 0; expired <= expiredMax; expired++) {
      const entry = this.#ready.shift()
      if (entry === null) return null
      if (!this.#hasExpired(entry)) return entry
      this.#discard(entry, 'expired')
    }
    return null
  }

  /** Takes a single message for a session; the session settles it, or it counts as settled with `noAck`. */
  get(noAck: boolean): Entry | null {
    this.touch()
    const entry = this.#takeHead(Infinity)
    if (entry === null) return null
    if (entry.redelivered) this.counters.redelivered++
    if (noAck) {
      this.counters.gotNoAck++
      entry.state = GONE
    } else {
      this.counters.got++
      entry.state = UNACKED
      entry.consumer = null
      this.unackedCount++
      this.unackedBytes += entry.message.bodyLength
    }
    return entry
  }

  /** The messages that could be delivered now, in that order. Nothing changes by it. */
  *browse(): Generator<Entry> {
    const now = this.#host.clock.now()
    for (const entry of this.#ready.browse()) if (entry.expiresAt < 0 || entry.expiresAt > now) yield entry
  }

  /** After `get` with noAck, when the message has been copied out. */
  forgetFetched(entry: Entry): void {
    this.#forget(entry)
  }

  /** Serves consumers at the end of the turn, if there is anything to serve. */
  schedule(): void {
    if (this.#ready.count > 0) this.#host.turn.schedule(PHASE_DISPATCH, this)
  }

  wake(consumer: Consumer): void {
    this.dispatcher.wake(consumer)
    this.schedule()
  }

  // ---- settlement ----

  /** The consumer is done with it. */
  acknowledge(entry: Entry): void {
    this.counters.acknowledged++
    this.#takeBack(entry)
    this.#end(entry)
  }

  /** The consumer does not want it, nor is anybody else to have it. */
  discard(entry: Entry): void {
    this.#takeBack(entry)
    if (this.deleted) this.#end(entry)
    else this.#discard(entry, 'rejected')
  }

  /** The consumer gives it back, or is gone. */
  requeue(entry: Entry, kind: ReturnKind): void {
    this.#takeBack(entry)
    if (this.deleted) {
      this.#end(entry)
      return
    }
    entry.redelivered = true
    entry.acquiredCount++
    if (this.rules.counts(kind)) entry.deliveryCount++
    const { settings } = this
    if (settings.deliveryLimit >= 0 && entry.deliveryCount > settings.deliveryLimit) {
      this.#discard(entry, 'delivery_limit')
      return
    }
    const delay = this.#hasExpired(entry) ? 0 : this.#retryDelay(entry, kind)
    if (delay > 0) this.#hold(entry, delay, (held) => this.#putBack(held))
    else this.#putBack(entry)
  }

  #hasExpired(entry: Entry): boolean {
    return entry.expiresAt >= 0 && entry.expiresAt <= this.#host.clock.now()
  }

  #putBack(entry: Entry): void {
    if (this.#hasExpired(entry)) {
      this.#discard(entry, 'expired')
      return
    }
    this.#ready.putBack(entry, this.rules.levelOf(entry.message, this.settings))
    this.#dropHeads()
    this.#host.turn.schedule(PHASE_DISPATCH, this)
  }

  #retryDelay(entry: Entry, kind: ReturnKind): number {
    const { type, minMs, maxMs } = this.settings.delayedRetry
    if (type === 'disabled' || minMs <= 0) return 0
    const counted = this.rules.counts(kind)
    if ((type === 'failed' && !counted) || (type === 'returned' && counted)) return 0
    const most = maxMs > 0 ? maxMs : minMs
    return Math.min(minMs * Math.max(1, entry.deliveryCount), most)
  }

  /** An unacknowledged entry leaves its consumer, whatever becomes of it. */
  #takeBack(entry: Entry): void {
    this.unackedCount--
    this.unackedBytes -= entry.message.bodyLength
    const { consumer } = entry
    if (consumer === null) return
    entry.consumer = null
    consumer.unacked--
    if (consumer.unacked === 0) this.dispatcher.drained(consumer)
    this.wake(consumer)
  }

  // ---- the end of a message ----

  #expires(entry: Entry): void {
    this.#expiry ??= new Expiry(this.#host.clock, {
      // what was purged still looks ready until it is reclaimed
      expiryWaits: () => this.#reclaims > 0,
      onExpired: (expired) => this.#onExpired(expired),
    })
    this.#expiry.add(entry)
  }

  /** Its time is up, wherever in the queue it stands. While it is not ready, nothing happens: `#putBack` looks again. */
  #onExpired(entry: Entry): void {
    if (entry.state !== READY) return
    this.#ready.remove(entry, this.rules.levelOf(entry.message, this.settings))
    this.#discard(entry, 'expired')
    this.#ready.sweep()
  }

  /** The entry is out of all lists: dead-letter it, if the queue does so, and let go of it. */
  #discard(entry: Entry, reason: DeathReason): void {
    const { settings } = this
    if (settings.deadLetterExchange !== null && settings.deadLetterStrategy === 'at-least-once') {
      this.#buryDurably(entry, reason)
      return
    }
    entry.state = GONE
    this.#bury(entry.message, reason)
    this.#forget(entry)
  }

  /** At least once: the message stays with this queue until all targets have taken it, or a policy says otherwise. */
  #buryDurably(entry: Entry, reason: DeathReason): void {
    if (this.#host.deadLetter(this, entry.message, reason, true)) {
      this.counters.deadLettered++
      this.#end(entry)
    } else {
      this.#hold(entry, DEAD_LETTER_RETRY_MS, (held) => this.#discard(held, reason))
    }
  }

  #bury(message: Message, reason: DeathReason): void {
    if (this.settings.deadLetterExchange === null) {
      this.counters.dropped++
      return
    }
    this.counters.deadLettered++
    this.#host.deadLetter(this, message, reason, false)
  }

  #hold(entry: Entry, delayMs: number, then: (entry: Entry) => void): void {
    entry.state = HELD
    this.heldCount++
    this.heldBytes += entry.message.bodyLength
    const timer = this.#host.clock.schedule(delayMs, {
      onTimer: () => {
        this.#held.delete(timer)
        this.heldCount--
        this.heldBytes -= entry.message.bodyLength
        then(entry)
      },
    })
    this.#held.set(timer, entry)
  }

  #end(entry: Entry): void {
    entry.state = GONE
    this.#forget(entry)
  }

  #forget(entry: Entry): void {
    const { store } = this.#host
    if (entry.expiresAt >= 0) this.#expiry?.left()
    if (this.#isLogged(entry.message)) store.settle(this.id, entry.number)
    store.release(entry.message)
  }

  /** Removes what is ready; returns how many that were. Nothing is dead-lettered. */
  purge(): number {
    const count = this.#ready.count
    const old = this.#ready
    this.#ready = new ReadyMessages(this.rules.levels(this.settings), this.rules.returnsFirst)
    this.#reclaims++
    this.#host.reclaim(this, old)
    return count
  }

  /** Called with what `purge` handed to `reclaim`: lets go of up to `max` messages, and says whether there are more. */
  reclaimSome(ready: ReadyMessages, max: number): boolean {
    for (let i = 0; i < max; i++) {
      const entry = ready.shift()
      if (entry === null) break
      this.#end(entry)
    }
    if (ready.count > 0) return true
    this.#reclaims--
    return false
  }

  // ---- consumers ----

  addConsumer(consumer: Consumer): void {
    this.#everConsumed = true
    if (consumer.exclusive && this.rules.exclusiveConsumers) this.exclusiveConsumer = consumer
    this.dispatcher.add(consumer)
    this.schedule()
  }

  /** Its unacknowledged deliveries stay its session's. The queue may be deleted by this (auto-delete). */
  removeConsumer(consumer: Consumer): void {
    consumer.cancelled = true
    if (this.exclusiveConsumer === consumer) this.exclusiveConsumer = null
    this.dispatcher.remove(consumer)
    this.touch()
    if (this.deleted) return
    if (this.autoDelete && this.#everConsumed && this.consumerCount === 0) this.#host.deleteQueue(this)
    else this.schedule()
  }

  /** Time to acknowledge a delivery to this consumer in ms, or 0 when it may take for ever. */
  ackTimeoutOf(consumer: Consumer | null): number {
    if (consumer !== null && consumer.timeoutMs >= 0) return consumer.timeoutMs
    if (this.settings.consumerTimeoutMs >= 0) return this.settings.consumerTimeoutMs
    return this.rules.defaultAckTimeout ? this.#host.defaultAckTimeoutMs : 0
  }

  // ---- life ----

  /** Somebody used the queue: its own expiry starts again. */
  touch(): void {
    if (this.settings.expiresMs >= 0) this.#lastUsed = this.#host.clock.now()
  }

  #armExpiresTimer(): void {
    this.#expiresTimer?.cancel()
    this.#expiresTimer = null
    const { expiresMs } = this.settings
    if (expiresMs < 0 || this.deleted) return
    const dueIn = this.#lastUsed + expiresMs - this.#host.clock.now()
    this.#expiresTimer = this.#host.clock.schedule(Math.max(1, dueIn), { onTimer: (now) => this.#onUnused(now) })
  }

  #onUnused(now: number): void {
    if (this.consumerCount > 0) this.#lastUsed = now
    if (now - this.#lastUsed >= this.settings.expiresMs) this.#host.deleteQueue(this)
    else this.#armExpiresTimer()
  }

  /** New settings from a changed policy. What is queued already keeps its expiry; limits hold at once. */
  applySettings(settings: QueueSettings, policy: EffectivePolicy | null): void {
    const expiresChanged = settings.expiresMs !== this.settings.expiresMs
    this.settings = settings
    this.policy = policy
    if (expiresChanged) {
      this.#lastUsed = this.#host.clock.now()
      this.#armExpiresTimer()
    }
    this.#dropHeads()
  }

  /** Ends it: consumers are told by their sessions, messages are freed. The caller has taken it out of its vhost. */
  close(): void {
    this.deleted = true
    for (const consumer of [...this.dispatcher.consumers]) {
      consumer.cancelled = true
      this.dispatcher.remove(consumer)
      consumer.session.consumerCancelled(consumer)
    }
    this.exclusiveConsumer = null
    this.#expiresTimer?.cancel()
    this.#expiry?.close()
    for (const [timer, entry] of this.#held) {
      timer.cancel()
      this.#end(entry)
    }
    this.#held.clear()
    this.heldCount = 0
    this.heldBytes = 0
    this.purge()
  }
}
