import { setImmediate } from 'node:timers/promises'
import { BEING_SPILLED, NOT_STORED, STATE_HELD, STATE_READY } from '../../store/message-store.ts'
import { keptTable, type Table } from '../fields.ts'
import { levelOf } from '../groups/level-of.ts'
import type { EffectivePolicy } from '../policy.ts'
import { type Dispatcher, FairDispatcher, PausedDispatcher, SingleActiveDispatcher } from './dispatcher.ts'
import { type Entry, HELD, READY, UNACKED } from './entry.ts'
import { isIdentity, levelMapOf, type LevelRules } from './level-map.ts'
import type { Queue } from './queue.ts'
import { promoteStored } from './range-reread.ts'
import type { QueueSettings } from './queue-settings.ts'
import type { QueueType } from './queue-type.ts'

// A queue gets another declaration while it lives. Messages stay in its log. What must be on disk first is put there while the queue goes
// on as before (`whenPrepared`); then it changes within one call (`redeclare`).

/** What a queue is to be. */
export interface Declaration {
  readonly rules: QueueType
  readonly durable: boolean
  readonly arguments: Table
  readonly settings: QueueSettings
  readonly policy: EffectivePolicy | null
}

interface Span {
  from: number
  to: number
}

/** Whether messages may be at other levels afterwards, or come back in another order. */
export function isRefiled(queue: Queue, { rules, settings }: LevelRules): boolean {
  const { settings: before } = queue
  if (queue.rules !== rules) return true
  return before.maxPriority !== settings.maxPriority
}

/** All entries in memory, in order of number. */
function entriesOf(queue: Queue): Entry[] {
  const { ready, held, host } = queue.parts()
  const entries = [...ready.browse()]
  for (const { entry } of held.rows()) if (entry !== null) entries.push(entry)
  for (const { entry } of host.outstanding(queue)) entries.push(entry)
  return entries.sort((a, b) => a.number - b.number)
}

/** By new level, where the ranges in the store will be. */
function spansOf(queue: Queue, levels: readonly number[]): Map<number, Span> {
  const spans = new Map<number, Span>()
  for (const lane of queue.parts().ready.lanes) {
    if (lane === undefined || lane.paged === null || lane.paged.count === 0) continue
    const { from, to } = lane.paged
    const level = levels[lane.level] ?? lane.level
    const span = spans.get(level)
    if (span === undefined) spans.set(level, { from, to })
    else {
      span.from = Math.min(span.from, from)
      span.to = Math.max(span.to, to)
    }
  }
  return spans
}

const liesIn = (span: Span | undefined, { number }: Entry): boolean =>
  span !== undefined && number >= span.from && number <= span.to

/**
 * Changes a queue as soon as all is on disk that has to be there before: messages that begin to survive a restart, and messages that will
 * lie within what is in the store only. The queue goes on meanwhile.
 * @param wanted asked each time, since policies may change @param change is called once, in the moment in which all is ready
 * @throws whatever `wanted` and `change` throw: the queue is as it was then
 */
export async function whenPrepared(
  queue: Queue,
  wanted: () => Declaration,
  change: (declaration: Declaration) => void,
): Promise<void> {
  const { store } = queue.parts().host
  let position = 0
  /** What had left memory as it was, when the store was last gone through. */
  let left = -1
  try {
    for (;;) {
      const declaration = wanted()
      const survivesMore = doesSurviveMore(queue, declaration)
      if (survivesMore) queue.logAs(declaration.durable, declaration.rules.alwaysPersistent)
      const promoted = survivesMore ? promote(queue) : { position: 0, waits: false }
      position = Math.max(position, promoted.position)
      const { leftUnrecorded } = queue.parts().entries
      if (survivesMore && !promoted.waits && left !== leftUnrecorded) {
        // what comes into memory and leaves it again, meanwhile, may do so where the store has been gone through already
        left = leftUnrecorded
        await promoteStored(queue)
        continue
      }
      const waits = isRefiled(queue, declaration) && !storeInRanges(queue, declaration)
      if (!promoted.waits && !waits && store.committed >= position) {
        change(declaration)
        return
      }
      await setImmediate()
    }
  } finally {
    if (!queue.deleted) queue.logAs(queue.durable, queue.rules.alwaysPersistent)
  }
}

/** Whether messages would survive a restart that do not as it is. */
export const doesSurviveMore = (queue: Queue, { durable, rules }: Pick<Declaration, 'durable' | 'rules'>): boolean =>
  durable && (!queue.durable || (rules.alwaysPersistent && !queue.rules.alwaysPersistent))

/** Has the log keep what is in memory and survives a restart from now on. */
function promote(queue: Queue): { position: number; waits: boolean } {
  const { log, entries } = queue.parts()
  let position = 0
  let waits = false
  const promoted: Entry[] = []
  for (const entry of entriesOf(queue)) {
    if (!queue.logs(entry.message)) continue
    const recorded = log.promote(entry)
    if (recorded === BEING_SPILLED) waits = true
    if (recorded <= 0) continue
    position = Math.max(position, recorded)
    promoted.push(entry)
    if (entry.state === READY && entry.acquiredCount > 0) entries.record(entry, STATE_READY, 0, 0)
  }
  recordOut(queue, promoted)
  return { position, waits }
}

/** Has the log know, of these that it has just got, those that are not ready: their place may come to be in a range, and they would go with it. */
function recordOut(queue: Queue, written: readonly Entry[]): void {
  const { entries, held, host } = queue.parts()
  const out = written.filter(({ state }) => state !== READY)
  if (out.length === 0) return
  // one that waits for a dead-letter target would be ready after a crash, and die again
  const attempts = new Map<Entry | null, number>()
  for (const { entry, dueAt, wait } of held.rows()) if (wait === 'next attempt') attempts.set(entry, dueAt)
  for (const entry of out) entries.record(entry, STATE_HELD, attempts.get(entry) ?? host.clock.now(), 0)
}

/** Has what will lie within ranges of the store written, where it is not. @returns whether all of it is */
function storeInRanges(queue: Queue, { rules, settings }: Declaration): boolean {
  const { log } = queue.parts()
  const spans = spansOf(queue, levelMapOf(queue, { rules, settings }))
  if (spans.size === 0) return true
  const missing = entriesOf(queue).filter((entry) => {
    return liesIn(spans.get(levelOf(entry.message, rules, settings)), entry) && !log.isStored(entry)
  })
  const unwritten = missing.filter(({ location }) => location === NOT_STORED)
  for (const run of Map.groupBy(unwritten, ({ level }) => level).values()) log.spill(run, () => {})
  recordOut(queue, unwritten)
  return missing.length === 0
}

/** Gives a prepared queue its new declaration. The caller has it written down; before, that levels change, where `isRefiled`. */
export function redeclare(queue: Queue, declaration: Declaration): void {
  const { rules, settings, policy } = declaration
  const refiled = isRefiled(queue, declaration)
  // of what was delivered without having to be in the log, or will be, the log knows nothing
  const isUnmarked = doesSurviveMore(queue, declaration) || rules.alwaysPersistent !== queue.rules.alwaysPersistent
  if (refiled) refile(queue, declaration)
  queue.rules = rules
  queue.type = rules.name
  queue.durable = declaration.durable
  queue.arguments = keptTable(declaration.arguments)
  queue.logAs(declaration.durable, rules.alwaysPersistent)
  const { log, entries } = queue.parts()
  if (isUnmarked && declaration.durable && entries.lastNumber > log.deliveredUpTo) log.markDelivered(entries.lastNumber)
  redispatch(queue, declaration)
  queue.applySettings(settings, policy)
  if (refiled) queue.parts().pager?.refiled()
  queue.moreAtHand()
}

/** Whether messages of one level may belong to several now: which, only the messages themselves tell. */
export function hidesLevels(before: LevelRules, after: LevelRules): boolean {
  if (after.rules.levels(after.settings) === 1) return false
  return before.rules !== after.rules || after.settings.maxPriority > before.settings.maxPriority
}

/** Gives all messages their new levels and places. */
function refile(queue: Queue, { rules, settings }: Declaration): void {
  const { log, ready, pager, entries, host } = queue.parts()
  const levels = levelMapOf(queue, { rules, settings })
  entries.levelsChanged()
  ready.groups?.unpark()
  const changed: Entry[] = []
  const unacked: Entry[] = []
  let lastOut = 0
  for (const entry of entriesOf(queue)) {
    const level = levelOf(entry.message, rules, settings)
    const known = levels[entry.level] ?? entry.level
    entry.level = level
    const isOut = entry.state === UNACKED || entry.state === HELD
    if (isOut) lastOut = Math.max(lastOut, entry.number)
    else if (level !== known || (entry.returned && !rules.returnsFirst)) changed.push(entry)
    if (entry.state === UNACKED) unacked.push(entry)
  }
  if (!isIdentity(levels)) log.relevel(levels)
  // or they would be read with a range while their consumers have them
  for (const entry of unacked) entries.record(entry, STATE_HELD, host.clock.now(), 0)
  const inRanges = ready.refile(rules.levels(settings), rules.returnsFirst, (level) => levels[level] ?? level)
  for (const entry of changed) entries.record(entry, STATE_READY, 0, 0)
  queue.lastRecoveredHeld = Math.max(queue.lastRecoveredHeld, lastOut)
  pager?.leaveInPlace(inRanges)
}

/** Serves the consumers by the new rules; who is served alone stays so. */
function redispatch(queue: Queue, { rules, settings }: Declaration): void {
  const { dispatcher } = queue
  const before = dispatcher instanceof PausedDispatcher ? dispatcher.resumed : dispatcher
  const after: Dispatcher = settings.singleActiveConsumer
    ? new SingleActiveDispatcher(rules.activePreempts)
    : new FairDispatcher()
  const { active, consumers } = before
  const inOrder = active === null ? consumers : [active, ...consumers.filter((consumer) => consumer !== active)]
  for (const consumer of inOrder) {
    consumer.listed = false
    after.add(consumer)
  }
  queue.dispatcher = queue.paused ? new PausedDispatcher(after) : after
}
