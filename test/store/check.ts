import assert from 'node:assert/strict'
import { type RecoveredLevel, STATE_READY, STATE_RETURNED } from '../../src/store/message-store.ts'
import {
  describeFact,
  type Fact,
  isThereAt,
  levelAt,
  NEVER,
  type QueueModel,
  type Recovered,
  sameState,
  stateAt,
} from './model.ts'

/** A message that the store said it cannot read. */
export interface Loss {
  readonly queueId: number
  readonly number: number
  readonly level: number
}

/** What a store found in one queue. */
export interface Found {
  readonly model: QueueModel
  readonly ready: readonly Recovered[]
  readonly unready: readonly Recovered[]
  readonly levels: readonly RecoveredLevel[]
  readonly lastNumber: number
  readonly deliveredUpTo: number
}

/** Whatever became of the disk: what comes back is what was given, once, and in its order. */
export function checkReturned({ model, ready, unready, lastNumber }: Found): void {
  const there = new Set<number>()
  for (const { number, queueId, digest, level, expiresAt } of [...ready, ...unready]) {
    const what = `message ${number} of queue ${queueId}`
    assert.ok(!there.has(number), `${what} came back twice`)
    there.add(number)
    const fact = model.facts.get(number)
    assert.ok(fact !== undefined && fact.durable, `${what} came back and was never recorded`)
    assert.equal(digest, fact.digest, `${what} came back with other bytes`)
    assert.equal(expiresAt, fact.expiresAt, what)
    // which of them depends on how much of the log is there
    assert.ok(
      fact.levels.some((one) => one.level === level),
      `${what} has level ${level}, which it never had`,
    )
    assert.ok(number <= lastNumber, `${what} is above the last number, ${lastNumber}`)
  }
  checkOrder(model, ready, unready)
}

/** What is ready comes by number; the rest by number too, but what had been returned comes last. */
function checkOrder(model: QueueModel, ready: readonly Recovered[], unready: readonly Recovered[]): void {
  const byNumber = (some: readonly Recovered[]): void => {
    const numbers = some.map(({ number }) => number)
    assert.deepEqual(
      numbers,
      numbers.toSorted((a, b) => a - b),
      `queue ${model.id}: by number`,
    )
  }
  for (const { level } of ready) byNumber(ready.filter((one) => one.level === level))
  assert.ok(ready.every(({ state }) => state.state === STATE_READY))
  const firstReturned = unready.findIndex(({ state }) => state.state === STATE_RETURNED)
  const rest = firstReturned < 0 ? unready : unready.slice(0, firstReturned)
  byNumber(rest)
  assert.ok(
    rest.every(({ state }) => state.state !== STATE_READY),
    `queue ${model.id}: what is ready is not among the others`,
  )
  assert.ok(
    unready.slice(rest.length).every(({ state }) => state.state === STATE_RETURNED),
    `queue ${model.id}: what was returned comes last`,
  )
}

/**
 * The disk has the log up to some step, and nothing else: everything before that step, nothing of what follows. The step is not before
 * the last one that the store called safe.
 */
export function checkPrefix(found: readonly Found[], safe: number, now: number): void {
  let least: string[] = []
  for (let end = now; end >= safe; end--) {
    const wrong = found.flatMap((one) => [...differences(one, end)])
    if (wrong.length === 0) return
    if (least.length === 0 || wrong.length < least.length) least = [`if the log ends at ${end}:`, ...wrong]
  }
  assert.fail(
    `what came back is no prefix of what was recorded up to ${now}, safe up to ${safe}; ${least.slice(0, 12).join('\n  ')}`,
  )
}

/** The one that it had then; or a later one, since a record that had not been put together has what its entry got meanwhile. */
const mayHaveLevel = (fact: Fact, level: number, end: number): boolean =>
  levelAt(fact, end) === level || fact.levels.some((one) => one.at > end && one.level === level)

/** What would be wrong with it if the log ended at `end`. */
function* differences({ model, ready, unready, deliveredUpTo, lastNumber }: Found, end: number): Generator<string> {
  const there = new Map([...ready, ...unready].map((one) => [one.number, one]))
  const delivered = model.deliveredUpTo(end)
  if (deliveredUpTo !== delivered) yield `queue ${model.id} is delivered up to ${deliveredUpTo}, not ${delivered}`
  for (const fact of model.facts.values()) {
    const one = there.get(fact.number)
    const isThere = one !== undefined
    if (isThere !== isThereAt(fact, end)) yield `${describeFact(fact)} is ${isThere ? 'there' : 'missing'}`
    else if (isThere && fact.gone === NEVER) {
      // with a message that was about to go, what else was recorded of it may have been left out
      const { redelivered, ...rest } = stateAt(fact, end)
      if (!mayHaveLevel(fact, one.level, end))
        yield `${describeFact(fact)} has level ${one.level}, not ${levelAt(fact, end)}`
      const expected = { ...rest, redelivered: redelivered || fact.number <= delivered }
      if (!sameState(one.state, expected)) {
        yield `${describeFact(fact)} is in state ${JSON.stringify(one.state)}, not ${JSON.stringify(expected)}`
      }
    }
    if (isThereAt(fact, end) && fact.number > lastNumber) yield `${describeFact(fact)} is above ${lastNumber}`
  }
  const returned = unready.filter(({ state }) => state.state === STATE_RETURNED)
  const times = returned.map(({ number }) => model.facts.get(number)!.states.findLast(({ at }) => at <= end)!.at)
  for (let i = 1; i < times.length; i++) {
    if (times[i]! < times[i - 1]!)
      yield `message ${returned[i]!.number} was returned before the one that comes before it`
  }
}

/** The levels that were announced are those that are there; from and to may be wider than they have to. */
export function checkLevels({ ready, levels }: Found): void {
  const byLevel = Map.groupBy(ready, ({ level }) => level)
  assert.deepEqual(
    new Map(levels.map(({ level, count }) => [level, count])),
    new Map([...byLevel].map(([level, some]) => [level, some.length])),
    'as announced',
  )
  for (const { level, from, to } of levels) {
    const some = byLevel.get(level)!
    assert.ok(from <= some[0]!.number && to >= some.at(-1)!.number, `level ${level} is from ${from} to ${to}`)
  }
}
