import {
  type LoadedMessage,
  type QueueLog,
  STATE_HELD,
  STATE_READY,
  STATE_RETURNED,
} from '../../store/message-store.ts'
import { PHASE_DISPATCH, type TurnTask } from '../../util/turn.ts'
import type { ClientConnection } from '../client-connection.ts'
import type { Consumer } from '../consumer.ts'
import type { DelayLine } from '../delays/delay-line.ts'
import type { QueueDeduplication } from '../deduplication/queue-deduplication.ts'
import type { Destination } from '../exchanges/exchange-type.ts'
import { keptTable, type Table } from '../fields.ts'
import { MessageGroups } from '../groups/message-groups.ts'
import { IncomingCounters } from '../message-counters.ts'
import type { Message } from '../message.ts'
import type { EffectivePolicy } from '../policy.ts'
import { ENTRY_BYTES, type MemoryUser } from '../message-memory.ts'
import { Burial } from './burial.ts'
import { hasTaker } from './consumer-room.ts'
import { DeliveryMarks } from './delivery-marks.ts'
import { type Dispatcher, FairDispatcher, PausedDispatcher, SingleActiveDispatcher } from './dispatcher.ts'
import { Entries } from './entries.ts'
import { type Entry, GONE, READY, UNACKED } from './entry.ts'
import { Expiry } from './expiry.ts'
import { type HeadWaiter, HeadWaiters } from './head-waiters.ts'
import { HeldMessages } from './held-messages.ts'
import { LengthLimit } from './length-limit.ts'
import { Pager } from './pager.ts'
import { QueueCounters, type QueueFacts, type QueueHost, type QueueParts } from './queue-host.ts'
import type { QueueSettings } from './queue-settings.ts'
import { ackTimeoutOf, ttlOf } from './queue-times.ts'
import type { QueueType, ReturnKind } from './queue-type.ts'
import { ReadyMessages } from './ready-messages.ts'
import { RecoveredLoad } from './recovered-load.ts'
import { type Residency, residencyOf } from './residency.ts'
import { EXHAUSTED, restAfterReturn } from './retries.ts'
import { UnusedTimer } from './unused-timer.ts'

/** What a publish to one queue came to. */
export const ACCEPTED = 0
export const REJECTED = 1

const NOBODY: readonly (() => void)[] = []

/** Messages found expired in one go: more of them wait for the next turn. */
const EXPIRED_MAX = 1000

/** A queue: messages in, deliveries out. What its type does otherwise is in `type`; what arguments and policies ask for, in `settings`. */
export class Queue implements Destination, TurnTask, MemoryUser {
  readonly kind = 'queue'
  readonly id: number
  readonly name: string
  // these four may be declared anew while it lives: see `declaration-change.ts`
  type: string
  rules: QueueType
  durable: boolean
  arguments: Table
  readonly autoDelete: boolean
  readonly owner: ClientConnection | null
  /** Changes of priorities of which the log may not have all that they come to: which level each ready message has now. */
  unsettledLevels = 0
  /** ms since the epoch; of a queue that was there before, when the broker was started. */
  readonly createdAt: number
  readonly counters = new QueueCounters()
  readonly incoming = new IncomingCounters()
  settings: QueueSettings
  policy: EffectivePolicy | null = null
  dispatcher: Dispatcher
  readonly limit: LengthLimit
  deleted = false
  /** Keeps messages until they are due, where the queue is to do so. */
  delays: DelayLine | null = null
  /** Keeps duplicates out, where the queue is to do so. */
  deduplication: QueueDeduplication | null = null
  /** Set by the router: the last routing that reached this queue. */
  mark = 0
  scheduled = false
  unackedCount = 0
  unackedBytes = 0
  exclusiveConsumer: Consumer | null = null
  /** Called at the end of each turn in which what `wants` says may have changed. */
  watchers: readonly (() => void)[] = NOBODY
  /** Highest number of a message that was held when the broker was started, and may still come back to its place. */
  lastRecoveredHeld = 0

  readonly #host: QueueHost
  readonly #log: QueueLog
  #ready: ReadyMessages
  #expiry: Expiry | null = null
  /** Null where nothing is on disk yet: most queues never need it. */
  #pager: Pager | null = null
  /** Null where nothing outlives the process. */
  #marks: DeliveryMarks | null = null
  readonly #spills: boolean
  readonly #entries: Entries
  readonly #unused: UnusedTimer
  readonly #held: HeldMessages
  readonly #burial: Burial
  /** The next message has to be read from the store, or its mark to be written, before it can be had. */
  #waits = false
  readonly #headWaiters = new HeadWaiters()
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
    this.arguments = keptTable(facts.arguments)
    this.createdAt = host.clock.now()
    this.settings = settings
    this.#log = host.store.queue(facts.id)
    this.limit = new LengthLimit(this, host.turn, { drop: () => this.#dropOldest(), load: () => this.#loadMore() })
    this.#entries = new Entries(this, host, this.#log)
    this.#spills = host.store.spills
    this.logAs(facts.durable, rules.alwaysPersistent)
    this.#held = new HeldMessages(this, host, this.#log, this.#release)
    this.#burial = new Burial(this, host, this.#entries, this.#held, (entry) => this.#forget(entry))
    this.#ready = new ReadyMessages(rules.levels(settings), rules.returnsFirst)
    this.#group()
    this.dispatcher = settings.singleActiveConsumer
      ? new SingleActiveDispatcher(rules.activePreempts)
      : new FairDispatcher()
    this.#unused = new UnusedTimer(this, host.clock, () => host.deleteQueue(this))
  }

  get readyCount(): number {
    return this.#ready.count
  }

  get readyBytes(): number {
    return this.#ready.bytes
  }

  /** Whether nothing is delivered until somebody says so; what is published waits. */
  get paused(): boolean {
    return this.dispatcher instanceof PausedDispatcher
  }

  set paused(paused: boolean) {
    const { dispatcher } = this
    if (paused && !this.paused) this.dispatcher = new PausedDispatcher(dispatcher)
    if (paused || !(dispatcher instanceof PausedDispatcher)) return
    this.dispatcher = dispatcher.resumed
    this.schedule()
  }

  /** Ready messages that are in memory. */
  get readyInMemory(): number {
    return this.#ready.count - this.#ready.pagedCount
  }

  /** Waiting for a retry delay, or for a dead-letter target that takes them. */
  get heldCount(): number {
    return this.#held.count
  }

  get heldBytes(): number {
    return this.#held.bytes
  }

  /** The next message to go out, if it is in memory and nothing but its place decides. */
  get head(): Entry | null {
    return this.#ready.groups === null ? this.#ready.peek() : null
  }

  /** Groups of which a message is out or waits; 0 where messages are not grouped. */
  get groupCount(): number {
    return this.#ready.groups?.byKey.size ?? 0
  }

  /** What of `heldCount` and `heldBytes` is in the store only. */
  get heldInStore(): { readonly count: number; readonly bytes: number } {
    return this.#held.inStore
  }

  get consumerCount(): number {
    return this.dispatcher.consumers.length
  }

  /** As of now, what it is made of: for what is done with its messages in files of its own. */
  parts(): QueueParts {
    return {
      host: this.#host,
      log: this.#log,
      ready: this.#ready,
      pager: this.#pager,
      held: this.#held,
      entries: this.#entries,
      burial: this.#burial,
      forget: (entry) => this.#forget(entry),
      putBack: (entry) => this.#putBack(entry),
    }
  }

  /** Where its messages are. */
  residency(): Residency {
    return residencyOf(this, this.#ready, this.#log.counts())
  }

  // ---- messages in ----

  /** Takes a message, or says REJECTED where the length limit is to reject. */
  publish(message: Message): number {
    // routed before the queue was deleted: in a transaction, or among dead letters
    if (this.deleted) return ACCEPTED
    return this.deduplication === null ? this.admit(message) : this.deduplication.publish(message)
  }

  /** As `publish`, for a message that is no duplicate. */
  admit(message: Message): number {
    const { settings } = this
    if (this.delays !== null && this.delays.takes(message)) return this.delays.publish(message)
    if (settings.overflow !== 'drop-head' && !this.limit.hasRoomFor(1, message.bodyLength)) return this.#reject(message)
    this.counters.published++
    this.incoming.count(message.exchange)
    let ttl = -1
    let expiresAt = -1
    if (message.ttlMs >= 0 || settings.ttlMs >= 0) {
      ttl = ttlOf(message, settings)
      expiresAt = this.#host.clock.now() + ttl
    }
    if (this.#ready.count === 0 && (settings.groups === null || this.#ready.groups!.isFree(message))) {
      if (this.#ready.pagedLanes > 0) this.#ready.closeAll()
      const consumer = this.dispatcher.next()
      if (consumer !== null) {
        this.#deliverFresh(consumer, message, expiresAt)
        if (this.watchers.length > 0) this.schedule()
        return ACCEPTED
      }
    }
    if (this.rules.keepsNothing === true) return this.#burial.drop(message, ACCEPTED)
    const entry = this.#entries.create(message, expiresAt)
    if (ttl === 0) {
      // no time at all: it allows the delivery that can happen at once, and nothing else
      this.#burial.discard(entry, 'expired')
      return ACCEPTED
    }
    this.#ready.push(entry)
    if (expiresAt >= 0) this.expires(entry)
    if (this.#spills && (settings.lazy || this.#ready.pagedLanes > 0)) this.#pagerOf().schedule()
    if (settings.maxLength >= 0 || settings.maxLengthBytes >= 0) this.limit.keep()
    if (!this.scheduled && this.dispatcher.consumers.length > 0) this.#host.turn.schedule(PHASE_DISPATCH, this)
    return ACCEPTED
  }

  /** Whether a message that is due finds room, or makes itself some. */
  canTakeDue(message: Message): boolean {
    return this.settings.overflow !== 'reject-publish' || this.limit.hasRoomFor(1, message.bodyLength)
  }

  /** Takes a message that waited here until it was due. @returns false when there is no room for it yet */
  publishDue(message: Message): boolean {
    if (!this.canTakeDue(message)) return false
    if (this.deduplication !== null) this.deduplication.publishDue(message)
    else this.publish(message)
    return true
  }

  /** How many messages waiting consumers would take at once: those need no room. */
  takers(): number {
    return this.#ready.count > 0 || this.#ready.groups !== null ? 0 : this.dispatcher.credit()
  }

  /** Whether a full queue refuses what is published to it. */
  get rejectsWhenFull(): boolean {
    return this.settings.overflow !== 'drop-head'
  }

  #reject(message: Message): number {
    this.#host.observer?.refused(this, message)
    if (this.settings.overflow === 'reject-publish-dlx') this.#burial.bury(message, 'maxlen', null)
    return REJECTED
  }

  /** @returns false where there is nothing, or nothing in memory yet */
  #dropOldest(): boolean {
    const oldest = this.#ready.shiftOldest()
    if (oldest !== null) this.#burial.discard(oldest, 'maxlen')
    return oldest !== null
  }

  // ---- messages out ----

  /** The message arrived while a consumer waits: it need not queue up. */
  #deliverFresh(consumer: Consumer, message: Message, expiresAt: number): void {
    if (consumer.noAck) {
      this.counters.deliveredNoAck++
      consumer.session.deliverSettled(consumer, message, null)
      return
    }
    if (this.#marks !== null && this.#entries.isLogged(message)) this.#marks.fresh(this.nextNumber)
    const entry = this.#entries.create(message, expiresAt)
    if (expiresAt >= 0) this.expires(entry)
    this.#ready.groups?.begins(entry)
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

  runAtTurnEnd(): void {
    this.#serve()
    if (!this.deleted) for (const watcher of this.watchers) watcher()
  }

  /** Whether there is no message, and a consumer of at least this priority would take one. */
  wants(priority: number): boolean {
    return this.#ready.count === 0 && hasTaker(this.dispatcher, priority)
  }

  /** Serves consumers until there is nothing left to deliver, or nobody to take it. */
  #serve(): void {
    if (this.#headWaiters.size > 0) this.#headWaiters.serve()
    if (this.deleted) return
    if (this.#ready.pagedCount > 0) this.#pager!.load()
    this.#ready.groups?.beginTurn()
    while (this.#ready.count > 0 && this.dispatcher.consumers.length > 0) {
      const entry = this.#headEntry(EXPIRED_MAX)
      if (entry === null) {
        if (!this.#waits) this.schedule()
        return
      }
      const consumer = this.dispatcher.next()
      if (consumer === null) return
      this.#ready.take(entry)
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

  /**
   * The next message that has not expired, unless more than so many have before it; it stays. With null, `#waits` says whether there is
   * one that comes later.
   */
  #headEntry(expiredMax: number): Entry | null {
    this.#waits = false
    for (let expired = 0; expired <= expiredMax; expired++) {
      const entry = this.#ready.peek()
      if (entry === null) {
        this.#waits = this.#ready.count > 0
        if (this.#waits) this.#loadMore()
        return null
      }
      if (!this.#hasExpired(entry)) {
        if (this.#marks === null || this.#mayGoOut(this.#marks, entry)) return entry
        this.#waits = true
        return null
      }
      this.#ready.take(entry)
      this.#burial.discard(entry, 'expired')
    }
    return null
  }

  #mayGoOut(marks: DeliveryMarks, entry: Entry): boolean {
    const entries = this.#entries
    return entry.redelivered || !entries.isLogged(entry.message) || marks.allows(entry.number, entries.lastNumber)
  }

  /**
   * Takes a single message for a session; the session settles it, or it counts as settled with `noAck`. Null while one `comesLater` means
   * that it has to be waited for (`waitForHead`).
   */
  get(noAck: boolean): Entry | null {
    this.touch()
    if (this.paused || (this.#headWaiters.size > 0 && !this.#headWaiters.serving)) return null
    const entry = this.#headEntry(Infinity)
    if (entry === null) return null
    this.#ready.take(entry)
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

  /** Whether there is a message for who has just got none. */
  get comesLater(): boolean {
    const { size, serving } = this.#headWaiters
    if (this.paused) return false
    return this.#ready.comesLater || (size > 0 && !serving && this.#ready.count > 0)
  }

  /** Calls `waiter` when the next message may be at hand, or there is none any more. */
  waitForHead(waiter: HeadWaiter): void {
    this.#headWaiters.push(waiter)
    this.#loadMore()
  }

  #loadMore(): void {
    this.#pager?.load()
    this.#ready.groups?.pager.load()
  }

  /** The messages in memory that could be delivered now, in that order: all, unless `readyInStore` says otherwise. Nothing changes. */
  *browseMemory(): Generator<Entry> {
    const now = this.#host.clock.now()
    for (const entry of this.#ready.browse()) if (entry.expiresAt < 0 || entry.expiresAt > now) yield entry
  }

  /** Ready messages that are in the store only. */
  get readyInStore(): number {
    return this.#ready.pagedCount
  }

  /** After `get` with noAck, when the message has been copied out. */
  forgetFetched(entry: Entry): void {
    this.#forget(entry)
  }

  /** Serves consumers at the end of the turn, if there is anything to serve. */
  schedule(): void {
    const waited = this.#ready.count > 0 || this.#headWaiters.size > 0 || this.watchers.length > 0
    if (waited) this.#host.turn.schedule(PHASE_DISPATCH, this)
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
    else this.#burial.discard(entry, 'rejected')
  }

  /** The consumer gives it back, or is gone. */
  requeue(entry: Entry, kind: ReturnKind): void {
    this.#takeBack(entry)
    if (this.deleted) {
      this.#end(entry)
      return
    }
    entry.redelivered = true
    const rest = restAfterReturn(entry, kind, this.#host)
    if (rest === EXHAUSTED) {
      this.#burial.discard(entry, 'delivery_limit')
    } else if (rest > 0) {
      this.counters.retried++
      this.#entries.record(entry, STATE_HELD, this.#host.clock.now() + rest, 0)
      this.#held.rest(entry, rest)
    } else {
      this.#putBack(entry)
    }
  }

  #hasExpired(entry: Entry): boolean {
    return entry.expiresAt >= 0 && entry.expiresAt <= this.#host.clock.now()
  }

  readonly #release = (entry: Entry): void => this.#putBack(entry)

  #putBack(entry: Entry): void {
    if (entry.group === null) this.#ready.groups?.resumes(entry)
    if (this.#hasExpired(entry)) {
      this.#burial.discard(entry, 'expired')
      return
    }
    if (entry.number <= this.lastRecoveredHeld && !this.rules.returnsFirst && this.#pager !== null) {
      if (!this.#pager.prepareBack(entry)) {
        // or it would be read with a range that comes to reach over it
        this.#entries.record(entry, STATE_HELD, this.#host.clock.now(), 0)
        this.#held.waitForPlace(entry)
        return
      }
      this.#entries.record(entry, STATE_READY, 0, 0)
      if (!this.#pager.takesBack(entry)) this.#ready.putBack(entry)
    } else {
      this.#entries.record(entry, this.rules.returnsFirst ? STATE_RETURNED : STATE_READY, 0, 0)
      this.#ready.putBack(entry)
    }
    // unlike what a consumer has, it can leave memory
    if (this.#host.memory.short) this.#host.memory.look()
    this.limit.keep()
    this.#host.turn.schedule(PHASE_DISPATCH, this)
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

  /** An entry has a time to live. */
  expires(entry: Entry): void {
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
    this.#ready.remove(entry)
    this.#burial.discard(entry, 'expired')
    this.#ready.sweep()
  }

  #end(entry: Entry): void {
    entry.state = GONE
    this.#forget(entry)
  }

  /** The entry is GONE: nobody needs to know of it any more. */
  #forget(entry: Entry): void {
    if (entry.expiresAt >= 0) this.#expiry?.left()
    // first: after a crash in between, a message without its value is harmless, and a value without its message is not
    if (this.deduplication !== null) this.deduplication.ended(entry)
    if (entry.group !== null) entry.group.left(entry)
    this.#entries.end(entry)
  }

  /** Removes what is ready; returns how many that were. Nothing is dead-lettered. */
  purge(): number {
    const count = this.#ready.count + this.#held.endWaitForPlace((entry) => this.#end(entry))
    this.deduplication?.purged()
    const old = this.#ready
    old.purged = true
    this.#ready = new ReadyMessages(this.rules.levels(this.settings), this.rules.returnsFirst)
    this.#pager?.purged(this.#ready, !this.deleted)
    old.groups?.purged(old, this.#ready, !this.deleted)
    this.#reclaims++
    this.#host.reclaim(this, old)
    this.schedule()
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

  // ---- messages in the store: what the pager and the recovery need ----

  #pagerOf(): Pager {
    return (this.#pager ??= new Pager(this, this.#host, this.#log, this.#ready))
  }

  /** Messages that come from now on outlive the process as these say; the log knows of deliveries where any does. */
  logAs(durable: boolean, alwaysPersistent: boolean): void {
    this.#entries.logAs(durable, alwaysPersistent)
    const { store, commits } = this.#host
    if (!durable || !store.durable) this.#marks = null
    else this.#marks ??= new DeliveryMarks(this.#log, commits, () => this.moreAtHand())
  }

  /** Whether a message that is in it is there after a restart. */
  logs(message: Message): boolean {
    return this.#entries.isLogged(message)
  }

  /** What the next message will be called. */
  get nextNumber(): number {
    return this.#entries.lastNumber + 1
  }

  /** Which of these messages are there, as far as they are logged. */
  findLogged(numbers: readonly number[]): Promise<ReadonlySet<number>> {
    return new Promise((resolve) => this.#log.findPresent(numbers, resolve))
  }

  /** Whether anybody waits for what is not in memory. */
  get wantsMessages(): boolean {
    return this.consumerCount > 0 || this.#headWaiters.size > 0 || this.limit.waits
  }

  /** How many messages would be taken at once. */
  wantedNow(): number {
    return (this.limit.waits ? Infinity : this.#headWaiters.size) + this.dispatcher.credit()
  }

  excess(keepEntries: number, keepBytes: number): number {
    const { count, bytes, pagedCount, pagedBytes } = this.#ready
    const entries = Math.max(0, count - pagedCount - keepEntries)
    return entries * ENTRY_BYTES + Math.max(0, bytes - pagedBytes - keepBytes) + this.#held.excess
  }

  evict(entriesMax: number): number {
    const held = this.#held.evict(entriesMax)
    const moved = held + this.#pagerOf().evict(entriesMax - held)
    return moved + (this.#ready.groups?.pager.evict(entriesMax - moved) ?? 0)
  }

  /** An entry for a message that was read back. */
  entryOf(loaded: LoadedMessage): Entry {
    return this.#entries.read(loaded)
  }

  /** An entry for looking: the queue does not count it. @param copy gives a message bytes of its own */
  copyOf(loaded: LoadedMessage, copy: (message: Message) => Message): Entry {
    return this.#entries.copy(loaded, copy)
  }

  /** The entry is in the store, and in no list any more. */
  leftMemory(entry: Entry): void {
    if (entry.group !== null) entry.group.left(entry)
    if (entry.expiresAt >= 0) this.#expiry?.left()
    this.#entries.leaveForStore(entry)
  }

  /** A held entry is in the store, and in no list any more. */
  heldLeftMemory(entry: Entry): void {
    entry.group?.leftMemory(entry)
    entry.state = GONE
    if (entry.expiresAt >= 0) this.#expiry?.left()
    this.#entries.leaveHeldForStore(entry)
  }

  /** A message was read back that stays where it is. */
  staysInStore(entry: Entry): void {
    entry.state = GONE
    this.#entries.leaveMemory(entry)
  }

  /** A message was read back that nobody waits for any more. */
  endLoaded(entry: Entry): void {
    this.#end(entry)
  }

  /** A message was held when the broker ended. @returns whether it goes on waiting in the store, so that it needs no entry */
  staysHeld(loaded: LoadedMessage): boolean {
    if (!this.#held.staysInStore(loaded)) return false
    this.#ready.groups?.restsOn(this.#host.decoder.decode(loaded), loaded.number)
    this.lastRecoveredHeld = Math.max(this.lastRecoveredHeld, loaded.number)
    return true
  }

  /** A message that is held in the store cannot be read. */
  heldLost(number: number): void {
    this.#ready.groups?.lostAtRest(number)
  }

  /** The time of a message is up that was read back for it. */
  expireLoaded(entry: Entry): void {
    if (this.deleted) this.#end(entry)
    else this.#burial.discard(entry, 'expired')
  }

  /** Messages that had to be waited for may be at hand. */
  moreAtHand(): void {
    if (this.deleted) return
    if (this.limit.waits) this.limit.keep()
    this.schedule()
  }

  /** Takes over what the log has of it; `done` is called when all that was not simply ready is back. */
  recover(done: () => void): void {
    if (this.#log.recovered().length > 0) this.#pagerOf().recover()
    this.#log.loadRecovered(
      new RecoveredLoad(this, () => {
        this.limit.keep()
        done()
      }),
    )
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
    return ackTimeoutOf(consumer, this.settings, this.rules, this.#host.defaultAckTimeoutMs)
  }

  // ---- life ----

  /** Somebody used the queue: its own expiry starts again. */
  touch(): void {
    this.#unused.touch()
  }

  /** New settings from a changed policy. What is queued already keeps its expiry; limits hold at once. */
  applySettings(settings: QueueSettings, policy: EffectivePolicy | null): void {
    const expiresChanged = settings.expiresMs !== this.settings.expiresMs
    this.settings = settings
    this.policy = policy
    if (expiresChanged) this.#unused.restart()
    this.#group()
    if (this.#spills && settings.lazy) this.#pagerOf().schedule()
    this.limit.keep()
  }

  /** Groups messages, or not any more: as the settings say. */
  #group(): void {
    const { groups } = this.settings
    if (this.#ready.groups !== null) this.#ready.groups.configure(groups)
    else if (groups !== null) this.#ready.groups = new MessageGroups(this, this.#host, this.#log, this.#ready, groups)
  }

  #leave(): void {
    this.deleted = true
    for (const consumer of [...this.dispatcher.consumers]) {
      consumer.cancelled = true
      this.dispatcher.remove(consumer)
      consumer.session.consumerCancelled(consumer)
    }
    this.exclusiveConsumer = null
    this.#unused.close()
    this.#expiry?.close()
    this.#pager?.close()
    this.#ready.groups?.close()
  }

  /** Ends it: consumers are told by their sessions, messages are gone. The caller has taken it out of its vhost. */
  close(): void {
    this.#leave()
    this.#log.delete()
    this.#held.close((entry) => this.#end(entry))
    this.purge()
  }

  /** The node stops: what the log has stays as it is. */
  stop(): void {
    this.#leave()
    this.#held.close(() => {})
  }
}
