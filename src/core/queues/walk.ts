import { setImmediate } from 'node:timers/promises'
import type { RingDeque } from '../../util/ring-deque.ts'
import type { DelayedMessage } from '../delays/delay-list.ts'
import type { DelayLine } from '../delays/delay-line.ts'
import { type Entry, HELD, READY, UNACKED } from './entry.ts'
import type { HeldRow } from './held-messages.ts'
import { indexAfter, type Lane } from './lane.ts'
import {
  CopyLoad,
  type Looked,
  type LookedState,
  type LookOptions,
  type LookVisitor,
  type Place,
  type Section,
  SECTIONS,
} from './look.ts'
import type { QueueParts } from './queue-host.ts'
import type { Queue } from './queue.ts'
import type { ReadyMessages } from './ready-messages.ts'
import type { Session } from '../session.ts'

/** Messages looked at in one go: then the others have their turn. */
const BATCH = 512
/** Of what is delayed the first so many are looked at, in the order of due times. */
const DELAYED_MAX = 100_000

const STATE_OF: Readonly<Record<Section, LookedState>> = {
  unacked: 'unacked',
  returned: 'ready',
  parked: 'ready',
  lanes: 'ready',
  held: 'delayed',
  delayed: 'delayed',
}

/** Shows messages of a queue to a visitor, wherever they are, one by one, until there are no more or it says so. Nothing changes. */
export const lookAt = (queue: Queue, options: LookOptions, visit: LookVisitor): Promise<void> =>
  new Walk(queue, options, visit).run()

/**
 * One look over a queue, message by message, in the order of its sections and of delivery, or the other way round. Long queues are
 * looked at over many turns of the event loop: what comes or goes meanwhile may be missing.
 */
class Walk {
  readonly #queue: Queue
  readonly #parts: QueueParts
  readonly #options: LookOptions
  readonly #visit: LookVisitor
  readonly #ready: ReadyMessages
  #goesOn = true
  #visited = 0

  constructor(queue: Queue, options: LookOptions, visit: LookVisitor) {
    this.#queue = queue
    this.#parts = queue.parts()
    this.#options = options
    this.#visit = visit
    this.#ready = this.#parts.ready
  }

  async run(): Promise<void> {
    const { fromTail, after, states } = this.#options
    const sections = fromTail ? SECTIONS.toReversed() : SECTIONS
    const first = after === null ? 0 : sections.indexOf(after.section)
    for (const [i, section] of sections.entries()) {
      if (i < first || !states.has(STATE_OF[section])) continue
      const from = after !== null && i === first ? after : null
      await this.#section(section, from)
      if (!this.#goesOn) return
    }
  }

  #section(section: Section, from: Place | null): Promise<void> {
    switch (section) {
      case 'unacked':
        return this.#unacked(from)
      case 'returned':
        return this.#entries(section, 0, following([...this.#ready.browseReturned()], from, this.#options.fromTail))
      case 'parked':
        return this.#parked(from)
      case 'lanes':
        return this.#lanes(from)
      case 'held':
        return this.#held(from)
      case 'delayed':
        return this.#delayed(from)
    }
  }

  /** Shows a message to the visitor, and lets the others have their turn now and then. @returns whether to go on */
  async #show(looked: Looked): Promise<boolean> {
    this.#goesOn = await this.#visit(looked)
    if (++this.#visited === BATCH) {
      this.#visited = 0
      await setImmediate()
    }
    return this.#goesOn
  }

  // ---- ready ----

  #isThere(entry: Entry): boolean {
    if (entry.state !== READY || this.#ready.purged) return false
    return entry.expiresAt < 0 || entry.expiresAt > this.#parts.host.clock.now()
  }

  /** @param inMemory false for copies */
  async #entries(section: Section, order: number, entries: readonly Entry[], inMemory = true): Promise<void> {
    for (const entry of entries) {
      if (!this.#isThere(entry)) continue
      if (!(await this.#show(readyAt(section, order, entry, inMemory)))) return
    }
  }

  async #parked(from: Place | null): Promise<void> {
    const { groups } = this.#ready
    if (groups === null) return
    const { fromTail } = this.#options
    const after = from?.number ?? (fromTail ? Infinity : 0)
    for await (const { entry, inMemory } of groups.pager.browse(after, fromTail)) {
      if (!this.#isThere(entry)) continue
      if (!(await this.#show(readyAt('parked', 0, entry, inMemory)))) return
    }
  }

  async #lanes(from: Place | null): Promise<void> {
    const { fromTail } = this.#options
    const lanes = this.#ready.lanes.filter((lane) => lane !== undefined)
    for (const lane of fromTail ? lanes : lanes.toReversed()) {
      const isBefore = from !== null && (fromTail ? lane.level < from.order : lane.level > from.order)
      if (isBefore) continue
      const at = from !== null && lane.level === from.order ? from.number : fromTail ? Infinity : 0
      const last = fromTail ? await this.#tailOf(lane, at) : await this.#headOf(lane, at)
      if (this.#goesOn) await (fromTail ? this.#headDown(lane, last) : this.#tailUp(lane, last))
      if (!this.#goesOn) return
    }
  }

  /** What is in memory before the range. @returns the last number that was looked at */
  async #headOf(lane: Lane, after: number): Promise<number> {
    const back = inOrder([...lane.returned.values()], { number: after }, false)
    let at = after
    for (let next = 0; this.#goesOn;) {
      const window = windowUp(lane.head, at)
      const to = window.length < BATCH ? Infinity : window.at(-1)!.number
      while (next < back.length && back[next]!.number <= to) window.push(back[next++]!)
      await this.#entries('lanes', lane.level, window.sort(byNumber))
      at = window.at(-1)?.number ?? at
      if (to === Infinity) break
    }
    return at
  }

  /** The range in the store, then what is in memory behind it. */
  async #tailUp(lane: Lane, after: number): Promise<void> {
    const { pager } = this.#parts
    let at = after
    for (;;) {
      const { paged } = lane
      const from = paged === null ? Infinity : Math.max(paged.from, at + 1)
      if (pager === null || paged === null || paged.count === 0 || from > paged.to) break
      const part = await pager.copies({ from, to: paged.to, level: lane.level }, false)
      await this.#entries('lanes', lane.level, part, false)
      if (part.length === 0 || !this.#goesOn) break
      at = part.at(-1)!.number
    }
    await this.#memoryUp(lane, at)
  }

  async #memoryUp(lane: Lane, after: number): Promise<void> {
    let at = after
    while (this.#goesOn && lane.paged !== null) {
      const window = windowUp(lane.paged.tail, at)
      await this.#entries('lanes', lane.level, window)
      if (window.length < BATCH) return
      at = window.at(-1)!.number
    }
  }

  /** What is in memory behind the range, then the range, downwards. @returns the last number that was looked at */
  async #tailOf(lane: Lane, before: number): Promise<number> {
    let at = before
    while (this.#goesOn && lane.paged !== null) {
      const window = windowDown(lane.paged.tail, at)
      await this.#entries('lanes', lane.level, window)
      at = window.at(-1)?.number ?? at
      if (window.length < BATCH) break
    }
    const { pager } = this.#parts
    while (this.#goesOn && pager !== null && lane.paged !== null && lane.paged.count > 0) {
      const { from, to } = lane.paged
      if (Math.min(to, at - 1) < from) break
      const part = await pager.copies({ from, to: Math.min(to, at - 1), level: lane.level }, true)
      await this.#entries('lanes', lane.level, part, false)
      if (part.length === 0) break
      at = part.at(-1)!.number
    }
    return at
  }

  async #headDown(lane: Lane, before: number): Promise<void> {
    const back = inOrder([...lane.returned.values()], { number: before }, true)
    let at = before
    for (let next = 0; this.#goesOn;) {
      const window = windowDown(lane.head, at)
      const to = window.length < BATCH ? 0 : window.at(-1)!.number
      while (next < back.length && back[next]!.number >= to) window.push(back[next++]!)
      await this.#entries(
        'lanes',
        lane.level,
        window.sort((a, b) => b.number - a.number),
      )
      if (to === 0) return
      at = to
    }
  }

  // ---- unacknowledged ----

  async #unacked(from: Place | null): Promise<void> {
    const { fromTail } = this.#options
    const held = this.#parts.host.outstanding(this.#queue)
    const sign = fromTail ? -1 : 1
    held.sort((a, b) => sign * (a.entry.number - b.entry.number))
    for (const { entry, session } of held) {
      if (from !== null && sign * (entry.number - from.number) <= 0) continue
      if (entry.state !== UNACKED) continue
      if (!(await this.#show(unackedAt(entry, session)))) return
    }
  }

  // ---- not to be had yet ----

  async #held(from: Place | null): Promise<void> {
    const rows = timed(this.#parts.held.rows(), from, this.#options.fromTail)
    for (let i = 0; i < rows.length; i += BATCH) {
      const part = rows.slice(i, i + BATCH)
      const stored = part.filter(({ entry }) => entry === null).map(({ number }) => number)
      const copies = stored.length === 0 ? [] : await this.#copies(stored)
      const byName = new Map(copies.map((copy) => [copy.number, copy]))
      for (const row of part) {
        const entry = row.entry ?? byName.get(row.number)
        if (entry === undefined || !this.#isHeld(row)) continue
        if (!(await this.#show(heldAt(row, entry)))) return
      }
    }
  }

  #copies(numbers: readonly number[]): Promise<Entry[]> {
    return new Promise((resolve) => {
      this.#parts.log.loadNumbers(numbers, Infinity, new CopyLoad(this.#queue, resolve))
    })
  }

  #isHeld({ entry, dueAt }: HeldRow): boolean {
    return entry === null ? dueAt > this.#parts.host.clock.now() : entry.state === HELD
  }

  async #delayed(from: Place | null): Promise<void> {
    const { delays } = this.#queue
    if (delays !== null) await walkDelayed(delays, { ...this.#options, after: from }, (looked) => this.#show(looked))
  }
}

/** Looks at what an exchange or a queue keeps until it is due, in the order of due times. */
export async function walkDelayed(
  line: DelayLine,
  { fromTail, after }: Pick<LookOptions, 'fromTail' | 'after'>,
  visit: LookVisitor,
): Promise<void> {
  const rows = await line.list.rows(DELAYED_MAX, { last: fromTail, after })
  for (let i = 0; i < rows.length; i += BATCH) {
    const part = await line.list.messages(rows.slice(i, i + BATCH))
    for (const delayed of part) if (!(await visit(delayedAt(delayed)))) return
    await setImmediate()
  }
}

const byNumber = (a: Entry, b: Entry): number => a.number - b.number

/** Those after a number in order of number, or with `down` those before it from the highest on. */
function inOrder(entries: Entry[], from: { readonly number: number } | null, down: boolean): Entry[] {
  const wanted =
    from === null ? entries : entries.filter(({ number }) => (down ? number < from.number : number > from.number))
  wanted.sort(byNumber)
  return down ? wanted.reverse() : wanted
}

/** Those behind a place, whatever their numbers; all where it is not found, since it was at the head then. */
function following(entries: Entry[], from: Place | null, down: boolean): Entry[] {
  if (down) entries.reverse()
  return from === null ? entries : entries.slice(entries.findIndex(({ number }) => number === from.number) + 1)
}

/** The next entries with higher numbers, gone ones among them. */
function windowUp(ring: RingDeque<Entry>, after: number): Entry[] {
  const from = indexAfter(ring, after)
  return Array.from({ length: Math.min(BATCH, ring.size - from) }, (_, i) => ring.at(from + i)!)
}

function windowDown(ring: RingDeque<Entry>, before: number): Entry[] {
  const end = before === Infinity ? ring.size : indexAfter(ring, before - 1)
  return Array.from({ length: Math.min(BATCH, end) }, (_, i) => ring.at(end - 1 - i)!)
}

/** Those after a place, in the order of due times, or with `down` those before it. */
function timed(rows: HeldRow[], from: Place | null, down: boolean): HeldRow[] {
  const compare = (a: HeldRow, b: { dueAt: number; number: number }): number => a.dueAt - b.dueAt || a.number - b.number
  const sign = down ? -1 : 1
  const at = from === null ? null : { dueAt: from.order, number: from.number }
  const wanted = at === null ? rows : rows.filter((row) => sign * compare(row, at) > 0)
  return wanted.sort((a, b) => sign * compare(a, b))
}

const readyAt = (section: Section, order: number, entry: Entry, inMemory: boolean): Looked => ({
  place: { section, order, number: entry.number },
  state: 'ready',
  message: entry.message,
  entry,
  inMemory,
  wait: null,
  dueAt: -1,
  holder: null,
})

const unackedAt = (entry: Entry, holder: Session): Looked => ({
  place: { section: 'unacked', order: 0, number: entry.number },
  state: 'unacked',
  message: entry.message,
  entry,
  inMemory: true,
  wait: null,
  dueAt: -1,
  holder,
})

const heldAt = ({ number, dueAt, wait, entry: own }: HeldRow, entry: Entry): Looked => ({
  place: { section: 'held', order: dueAt, number },
  state: 'delayed',
  message: entry.message,
  entry,
  inMemory: own !== null,
  wait,
  dueAt,
  holder: null,
})

const delayedAt = ({ number, dueAt, message, inMemory }: DelayedMessage): Looked => ({
  place: { section: 'delayed', order: dueAt, number },
  state: 'delayed',
  message,
  entry: null,
  inMemory,
  wait: 'due time',
  dueAt,
  holder: null,
})
