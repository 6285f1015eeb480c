import type { MessageStore } from '../store/message-store.ts'
import { PHASE_FLUSH, type Turn, type TurnTask } from '../util/turn.ts'

/** What an entry costs besides its message's bytes: the objects, and their places in rings. */
export const ENTRY_BYTES = 400
/** The head of a queue keeps so much in memory, whatever else has to go. */
const HEAD_ENTRIES = 64
const HEAD_BYTES = 64 * 1024
/** What is read before it is wanted must not fill more than this share of the budget: what is evicted must not come back at once. */
const AHEAD_SHARE = 3 / 4
/** Heads together keep no more than this share of the budget: with very many queues each keeps less. */
const HEADS_SHARE = 4
/** Entries that leave memory in one turn: about 3 ms. */
const ENTRIES_PER_TURN = 8192
/** Bytes that one load may bring, and the share of the budget that all loads together may. */
const LOAD_BYTES_MIN = 16 * 1024
const LOAD_BYTES_MAX = 1024 * 1024
const LOADS_SHARE = 8

/** Whose messages can leave memory. */
export interface MemoryUser {
  /** Bytes that it has in memory and could do without, with so much kept at its head. */
  excess(keepEntries: number, keepBytes: number): number
  /** Lets go of about so many entries, those furthest from its head first; some of it happens later. @returns how many it looked at */
  evict(entriesMax: number): number
}

/**
 * The memory that messages take in this node, and the budget for it. What is beyond goes to the store, if that takes it: the queues with
 * most to give first, so that consumers that keep up find their messages in memory.
 */
export class MessageMemory implements TurnTask {
  scheduled = false
  /** Whether there is a budget to keep to. */
  readonly limited: boolean
  /** Entries in memory, of all queues. */
  entries = 0
  /** Above the budget, and not well below it since. */
  short = false
  /** Far above the budget, with the store busy writing: who publishes has to wait. */
  overfull = false
  /** What a queue's head keeps when memory is short. */
  keepEntries = HEAD_ENTRIES
  keepBytes = HEAD_BYTES
  readonly #store: MessageStore
  readonly #turn: Turn
  readonly #budget: number
  readonly #users: () => Iterable<MemoryUser>
  readonly #onRelief: () => void
  /** Runs that the store writes, and loads under way. */
  #writes = 0
  #loads = 0
  /** Bytes that these loads may bring. */
  #loading = 0
  /** Nothing was found to evict at this many bytes: it is not worth looking again below. */
  #nextScan = 0

  /** @param budget in bytes; Infinity for no limit @param onRelief called when `overfull` ends */
  constructor(
    store: MessageStore,
    turn: Turn,
    budget: number,
    users: () => Iterable<MemoryUser>,
    onRelief: () => void,
  ) {
    this.#store = store
    this.#turn = turn
    this.#budget = budget < 0 ? Infinity : budget
    this.limited = store.spills && this.#budget !== Infinity
    this.#users = users
    this.#onRelief = onRelief
  }

  /** Bytes that messages take, about. */
  get used(): number {
    return this.#store.stats().contentBytes + this.entries * ENTRY_BYTES
  }

  /** There is one more entry. */
  added(): void {
    this.entries++
    if (this.limited && !this.scheduled) this.#turn.schedule(PHASE_FLUSH, this)
  }

  removed(): void {
    this.entries--
  }

  /** How much a load may bring. */
  get loadBytes(): number {
    const share = this.#budget / LOADS_SHARE / Math.max(1, this.#loads)
    return Math.floor(Math.min(LOAD_BYTES_MAX, Math.max(LOAD_BYTES_MIN, share)))
  }

  /** @param bytes that it may bring */
  loadBegins(bytes: number): void {
    this.#loads++
    this.#loading += bytes
  }

  loadEnds(bytes: number): void {
    this.#loads--
    this.#loading -= bytes
  }

  writeBegins(): void {
    this.#writes++
  }

  writeEnds(): void {
    this.#writes--
    this.look()
  }

  /** As `short`, but looked at anew. */
  isShort(): boolean {
    if (this.short && this.used <= this.#goal) this.short = false
    return this.short
  }

  /** Bytes that there are for what may be wanted soon. */
  get roomAhead(): number {
    return this.limited ? this.#budget * AHEAD_SHARE - this.used - this.#loading : Infinity
  }

  /** Something may have become possible. */
  look(): void {
    this.#nextScan = 0
    if (this.limited) this.#turn.schedule(PHASE_FLUSH, this)
  }

  runAtTurnEnd(): void {
    const { used } = this
    if (used > this.#budget) this.short = true
    else if (used <= this.#goal) this.short = false
    this.#setOverfull(used > this.#budget * (this.overfull ? 1 : 2) && this.#writes > 0)
    if (this.short && used >= this.#nextScan) this.#evict(used)
  }

  get #goal(): number {
    return (this.#budget / 8) * 7
  }

  #setOverfull(overfull: boolean): void {
    if (this.overfull === overfull) return
    this.overfull = overfull
    if (!overfull) this.#onRelief()
  }

  /** One look at all queues; as many of them as are needed give what they have. */
  #evict(before: number): void {
    const users = [...this.#users()]
    this.keepBytes = Math.min(HEAD_BYTES, Math.floor(this.#budget / HEADS_SHARE / Math.max(1, users.length)))
    this.keepEntries = Math.min(HEAD_ENTRIES, Math.floor(this.keepBytes / ENTRY_BYTES))
    const victims: { user: MemoryUser; excess: number }[] = []
    for (const user of users) {
      const excess = user.excess(this.keepEntries, this.keepBytes)
      if (excess > 0) victims.push({ user, excess })
    }
    victims.sort((a, b) => b.excess - a.excess)
    let left = ENTRIES_PER_TURN
    let used = before
    for (const { user } of victims) {
      left -= user.evict(left)
      used = this.used
      if (left <= 0 || used <= this.#goal) break
    }
    if (used <= this.#goal) this.short = false
    else if (used < before) this.#turn.schedule(PHASE_FLUSH, this)
    // what is left waits for the store, or cannot leave
    else this.#nextScan = used + this.#budget / 16
  }
}
