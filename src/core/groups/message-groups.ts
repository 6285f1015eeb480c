import type { QueueLog } from '../../store/message-store.ts'
import { BinaryHeap } from '../../util/binary-heap.ts'
import { RingDeque } from '../../util/ring-deque.ts'
import type { Message } from '../message.ts'
import { type Entry, HELD, READY, UNACKED } from '../queues/entry.ts'
import type { QueueHost } from '../queues/queue-host.ts'
import type { Queue } from '../queues/queue.ts'
import type { ReadyMessages } from '../queues/ready-messages.ts'
import { groupKeyOf } from './group-key.ts'
import { GroupPager } from './group-pager.ts'
import type { GroupSettings } from './group-settings.ts'
import { LOADING, MessageGroup, RUNNABLE, UNLISTED, WANTING } from './message-group.ts'

/** Messages parked in one go: more of them wait for the next turn. */
const PARKS_PER_TURN = 2000
/** Messages read, with little memory, to get past those of busy groups. */
const READ_AHEAD_MAX = 512
/** Groups without messages that the list by age may carry, on top of as many as there are others. */
const SWEEP_SLACK = 1024

/** A group by the age of its first parked message, as it was when it was listed: later it may be younger. */
interface Aged {
  readonly group: MessageGroup
  readonly number: number
}

/**
 * Keeps the messages of a queue in groups, of each of which at most one is out. It stands between the ready messages and whoever takes them:
 * a message at their head whose group is busy is parked with the group, and looked at no more until it is its turn. What is parked counts
 * as ready.
 */
export class MessageGroups {
  /** By key: those of which a message is out, came back, or is parked. */
  readonly byKey = new Map<string, MessageGroup>()
  readonly pager: GroupPager
  /** Groups whose current message rests in the store only, by its number. */
  readonly #away = new Map<number, MessageGroup>()
  readonly #queue: Queue
  #ready: ReadyMessages
  /** Null when groups are not kept any more, and what is parked only has to get out. */
  #settings: GroupSettings | null
  /** Free groups with a message in memory, in the order in which it is their turn. */
  readonly #runnable = new RingDeque<MessageGroup>()
  /** Free groups whose next message is in the store. */
  readonly #wanting = new RingDeque<MessageGroup>()
  /** Whether the next message is to be a parked one, where there is a choice: otherwise a group with a long backlog would wait, or all others. */
  #parkedNext = false
  #parks = 0
  /** Messages parked since one was found that may go out. */
  #passed = 0
  /** Groups in the two lists of which nothing is left; or less than that. */
  #empty = 0
  #byAge: BinaryHeap<Aged> | null = null
  /** The last message whose key was asked for: the one at the head mostly is again. */
  #known: Message | null = null
  #knownKey: string | null = null

  constructor(queue: Queue, host: QueueHost, log: QueueLog, ready: ReadyMessages, settings: GroupSettings) {
    this.#queue = queue
    this.#ready = ready
    this.#settings = settings
    this.pager = new GroupPager(queue, host, log, this, ready)
  }

  // ---- what is next ----

  /** Whether a message that has just arrived may be delivered, as far as its group goes. */
  isFree(message: Message): boolean {
    const key = this.#keyOf(message)
    return key === null || !this.byKey.has(key)
  }

  /** A new turn: it may look at so many messages. */
  beginTurn(): void {
    this.#parks = 0
    this.pager.load()
  }

  /** The next message that may go out; it stays. Null when there is none, or when it comes later. */
  peek(): Entry | null {
    // first, since it may park something in front of what was the first of its group
    const fresh = this.#firstFresh()
    const parked = this.#firstParked()
    if (parked === null) return fresh
    // a lane of higher priority that has to be read first
    if (fresh === null) return this.#ready.waitingLevel > parked.level ? null : parked
    if (parked.level !== fresh.level) return parked.level > fresh.level ? parked : fresh
    return this.#parkedNext ? parked : fresh
  }

  /** After `peek` has found nothing: whether there is something that has not been looked at, or has to be read first. */
  get comesLater(): boolean {
    const { count, parkedCount } = this.#ready
    return count > parkedCount || this.#runnable.size > 0 || this.#wanting.size > 0 || this.pager.isLoading
  }

  /** How many messages to read beyond what is wanted, to find those: where many were passed over, many more may follow. */
  get readAhead(): number {
    return Math.min(this.#passed, READ_AHEAD_MAX)
  }

  /** Takes what `peek` has just given; the caller sets its new state. */
  take(entry: Entry): void {
    const { group } = entry
    if (group !== null && group.current !== entry) {
      this.#runnable.shift()
      group.listing = UNLISTED
      group.shift(entry)
      this.#ready.unpark(entry)
      this.#parkedNext = false
      if (this.#settings === null) this.#list(group)
      else this.#begin(group, entry)
      this.endIfDone()
      return
    }
    this.#ready.takeFromLanes(entry)
    this.#parkedNext = true
    if (group === null) this.begins(entry)
  }

  /** A message goes out that was not parked, or is out already. */
  begins(entry: Entry): void {
    const key = this.#keyOf(entry.message)
    if (key === null) return
    const group = this.#groupOf(key)
    // two of a group may be out where the queue has not had groups for long: the later one is in none
    if (!group.isBusy) this.#begin(group, entry)
  }

  #begin(group: MessageGroup, entry: Entry): void {
    group.current = entry
    entry.group = group
  }

  #firstParked(): Entry | null {
    for (let group = this.#runnable.peek(); group !== undefined; group = this.#runnable.peek()) {
      const entry = group.peek()
      if (entry !== undefined) return entry
      // it has expired, or was dropped
      this.#runnable.shift()
      group.listing = UNLISTED
      this.#list(group)
    }
    return null
  }

  /** The first message in the lanes that may go out; those before it are parked. */
  #firstFresh(): Entry | null {
    const ready = this.#ready
    for (let entry = ready.peekLanes(); entry !== null; entry = ready.peekLanes()) {
      const group = this.#blockerOf(entry)
      if (group === null) {
        this.#passed = 0
        return entry
      }
      if (this.#parks === PARKS_PER_TURN) {
        this.#queue.schedule()
        return null
      }
      this.#parks++
      this.#passed++
      ready.park(entry)
      group.park(entry)
      if (group.size === 1) this.#age(group)
    }
    return null
  }

  /** The group for which a message has to wait, or null. */
  #blockerOf(entry: Entry): MessageGroup | null {
    if (this.#settings === null || entry.group !== null) return null
    const key = this.#keyOf(entry.message)
    return key === null ? null : (this.byKey.get(key) ?? null)
  }

  #keyOf(message: Message): string | null {
    if (this.#settings === null) return null
    if (message !== this.#known) {
      this.#known = message
      this.#knownKey = groupKeyOf(message, this.#settings)
    }
    return this.#knownKey
  }

  #groupOf(key: string): MessageGroup {
    let group = this.byKey.get(key)
    if (group === undefined) this.byKey.set(key, (group = new MessageGroup(this, key)))
    return group
  }

  // ---- messages that rest in the store only ----

  /** The current message of a group is in the store only. */
  rests(group: MessageGroup, number: number): void {
    group.away = number
    this.#away.set(number, group)
  }

  /** A message was resting when the broker ended, and goes on to do so in the store. */
  restsOn(message: Message, number: number): void {
    const key = this.#keyOf(message)
    // its bytes are others' soon
    this.#known = null
    if (key === null) return
    const group = this.#groupOf(key)
    if (!group.isBusy) this.rests(group, number)
  }

  /** A message is read back that has rested long enough. */
  resumes(entry: Entry): void {
    const group = this.#away.get(entry.number)
    if (group === undefined) return
    this.#away.delete(entry.number)
    group.away = 0
    this.#begin(group, entry)
  }

  /** A message that rests in the store cannot be read. */
  lostAtRest(number: number): void {
    const group = this.#away.get(number)
    if (group === undefined) return
    this.#away.delete(number)
    group.away = 0
    this.#list(group)
  }

  // ---- whose turn it is ----

  /** Called by a group whose message is gone. */
  finished(group: MessageGroup): void {
    group.current = null
    this.#list(group)
  }

  /** A free group that is not listed: it waits for its turn, or is forgotten. */
  #list(group: MessageGroup): void {
    if (group.size === 0) {
      this.#forget(group)
      return
    }
    if (group.peek() !== undefined) {
      group.listing = RUNNABLE
      this.#runnable.push(group)
    } else if (group.loading > 0) {
      group.listing = LOADING
    } else {
      group.listing = WANTING
      this.#wanting.push(group)
    }
    this.#queue.schedule()
  }

  /** The next group whose message has to be read, off the list; or undefined. */
  shiftWanting(): MessageGroup | undefined {
    for (let group = this.#wanting.shift(); group !== undefined; group = this.#wanting.shift()) {
      group.listing = LOADING
      const isToBeRead = group.size > 0 && group.peek() === undefined
      if (isToBeRead && group.loading === 0) return group
      if (!isToBeRead) this.settle(group)
    }
    return undefined
  }

  /** How many groups have a message at hand, and how many have to wait for theirs to be read. */
  get atHand(): number {
    return this.#runnable.size
  }

  get wanting(): number {
    return this.#wanting.size
  }

  /** Something of a group was read, or is gone. A group that is in a list is looked at when it is its turn. */
  settle(group: MessageGroup): void {
    group.closeTail()
    if (group.listing === RUNNABLE || group.listing === WANTING) {
      this.#lookAt(group)
      return
    }
    group.listing = UNLISTED
    if (!group.isBusy) this.#list(group)
  }

  // ---- messages that leave before it is their turn ----

  /** Takes the oldest message of the queue, parked or not. Null when there is none, or when it has to be read first. */
  shiftOldest(): Entry | null {
    const first = this.#ready.peekLanes()
    const group = this.#oldest()
    if (group === null || (first !== null && first.number < group.firstNumber)) {
      if (first !== null) this.#ready.takeFromLanes(first)
      return first
    }
    const entry = group.peek()
    if (entry === undefined) {
      this.pager.loadFor(group)
      return null
    }
    group.shift(entry)
    this.#ready.unpark(entry)
    this.#lookAt(group)
    return entry
  }

  /** Takes a parked message from the middle. The caller sets its new state. @returns false when it is not parked */
  remove(entry: Entry): boolean {
    const { group } = entry
    if (group === null || group.current === entry) return false
    group.remove(entry)
    this.#ready.unpark(entry)
    this.#lookAt(group)
    return true
  }

  /** A parked message that was taken out has to stay. */
  parkAgain(entry: Entry): void {
    const key = this.#keyOf(entry.message)
    if (key === null) {
      this.#ready.putBack(entry)
      return
    }
    const group = this.#groupOf(key)
    entry.state = READY
    if (entry.expiresAt >= 0) this.#queue.expires(entry)
    this.#ready.parkedAgain(entry)
    group.park(entry)
    this.#age(group)
    this.settle(group)
  }

  /** A group may have nothing left: it is forgotten then. In its list it stays until it would be its turn, or until too many do. */
  #lookAt(group: MessageGroup): void {
    this.endIfDone()
    if (group.size > 0 || group.isBusy) return
    this.#forget(group)
    if (group.listing === UNLISTED || ++this.#empty <= this.byKey.size + SWEEP_SLACK) return
    this.#empty = 0
    const isThere = ({ size }: MessageGroup): boolean => size > 0
    this.#runnable.filter(isThere)
    this.#wanting.filter(isThere)
  }

  #forget(group: MessageGroup): void {
    if (this.byKey.get(group.key) === group) this.byKey.delete(group.key)
  }

  #oldest(): MessageGroup | null {
    if (this.#byAge === null) {
      this.#byAge = new BinaryHeap<Aged>((a, b) => a.number - b.number)
      for (const group of this.byKey.values()) if (group.size > 0) this.#age(group)
    }
    for (let top = this.#byAge.peek(); top !== undefined; top = this.#byAge.peek()) {
      const { group, number } = top
      if (group.size > 0 && group.firstNumber === number) return group
      this.#byAge.pop()
      group.aged = false
      if (group.size > 0) this.#age(group)
    }
    return null
  }

  /** Puts a group among those that are known by age, where somebody has asked for it. */
  #age(group: MessageGroup): void {
    const byAge = this.#byAge
    if (byAge === null || group.aged) return
    if (byAge.size > 2 * this.byKey.size + SWEEP_SLACK) {
      byAge.retain((aged) => {
        aged.group.aged = aged.group.size > 0
        return aged.group.aged
      })
    }
    group.aged = true
    byAge.push({ group, number: group.firstNumber })
  }

  // ---- the whole ----

  /** Parked messages that are in memory, by age. */
  inMemory(): Entry[] {
    const entries = [...this.byKey.values()].flatMap((group) => [...group.values()])
    return entries.sort((a, b) => a.number - b.number)
  }

  /** What a policy makes of it: with null, what is parked is delivered without waiting for anything. */
  configure(settings: GroupSettings | null): void {
    this.#known = null
    this.#settings = settings
    if (settings !== null) return
    this.#away.clear()
    for (const group of [...this.byKey.values()]) {
      if (!group.isBusy) continue
      if (group.current !== null) group.current.group = null
      group.current = null
      group.away = 0
      this.#list(group)
    }
    this.endIfDone()
  }

  /** Where groups are not kept any more, and nothing is parked, the queue goes on without. */
  endIfDone(): void {
    if (this.#settings !== null || this.#ready.groups !== this || this.#ready.parkedCount > 0) return
    this.#ready.groups = null
    this.close()
  }

  /** What is parked in memory, and nothing is parked elsewhere, goes back into its lanes, wherever there: they are put in order. */
  unpark(): void {
    this.purged(this.#ready, this.#ready, false)
  }

  /** The queue was purged: `fresh` takes the place of `old`, which gets what was parked in memory. @param settles whether the log is to know */
  purged(old: ReadyMessages, fresh: ReadyMessages, settles: boolean): void {
    this.pager.purged(old, fresh, settles)
    for (const group of [...this.byKey.values()]) {
      this.pager.purgedGroup(group, old, settles)
      for (const entry of group.clear()) old.unparkIntoLane(entry)
      group.listing = UNLISTED
      group.aged = false
      const { current } = group
      const isOut = group.away > 0 || (current !== null && (current.state === UNACKED || current.state === HELD))
      if (isOut) continue
      if (current !== null) current.group = null
      group.current = null
      this.byKey.delete(group.key)
    }
    this.#runnable.clear()
    this.#wanting.clear()
    this.#byAge = null
    this.#ready = fresh
    old.groups = null
    if (this.#settings === null) this.close()
    else fresh.groups = this
  }

  /** The queue is gone. */
  close(): void {
    this.pager.close()
  }
}
