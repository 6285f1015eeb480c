import type { Copy } from './copy.ts'
import type { QueueFacts } from './ledger.ts'

const QUORUM_DEFAULT_PRIORITY = 4
const QUORUM_PRIORITY_MAX = 31

function levelOf(facts: QueueFacts, { message }: Copy): number {
  if (facts.type === 'quorum') return Math.min(message.priority ?? QUORUM_DEFAULT_PRIORITY, QUORUM_PRIORITY_MAX)
  return Math.min(message.priority ?? 0, facts.maxPriority)
}

/** What is wrong with the order in which a queue gave all that it had. Two messages are named for each mistake, the first few only. */
export function orderMistakes(facts: QueueFacts, copies: readonly Copy[]): string[] {
  const mistakes: string[] = []
  const mistake = (before: Copy, after: Copy, why: string): void => {
    if (mistakes.length < 10) {
      mistakes.push(`queue ${facts.name}: ${before.message.id} comes before ${after.message.id}, ${why}`)
    }
  }
  if (facts.type === 'classic') checkPlaces(facts, copies, mistake)
  else checkReturnsFirst(facts, copies, mistake)
  return mistakes
}

type Report = (before: Copy, after: Copy, why: string) => void

/** In a quorum queue what came back is first, in the order of its return; whatever may have come back proves nothing else. */
function checkReturnsFirst(facts: QueueFacts, copies: readonly Copy[], report: Report): void {
  const fresh = copies.filter((copy) => !copy.maybeReturned)
  checkPlaces(facts, fresh, report)
  checkRanks(copies, report)
  let firstFresh: Copy | null = null
  for (const copy of copies) {
    if (!copy.maybeReturned) firstFresh ??= copy
    else if (firstFresh !== null && copy.returnsSure > 0) report(firstFresh, copy, 'which was given back')
  }
}

/** By priority, then by publication. */
function checkPlaces(facts: QueueFacts, copies: readonly Copy[], report: Report): void {
  const byLevel = new Map<number, Copy[]>()
  let last: Copy | null = null
  for (const copy of copies) {
    const level = levelOf(facts, copy)
    if (last !== null && level > levelOf(facts, last)) report(last, copy, 'which has a higher priority')
    last = copy
    const lane = byLevel.get(level)
    if (lane === undefined) byLevel.set(level, [copy])
    else lane.push(copy)
  }
  for (const lane of byLevel.values()) checkLane(lane, report)
}

function checkLane(copies: readonly Copy[], report: Report): void {
  const lastOf = new Map<string, Copy>()
  let last: Copy | null = null
  for (const copy of copies) {
    const { publisher, number } = copy.message
    if (last !== null && last.incarnation > copy.incarnation) report(last, copy, 'which is from an earlier life')
    last = copy
    if (number < 0 || copy.origin !== null) continue
    const before = lastOf.get(publisher)
    if (before !== undefined && before.message.number > number) report(before, copy, 'which was published first')
    lastOf.set(publisher, copy)
  }
  checkRanks(copies, report)
}

/** Two that were seen together earlier stand as they stood, and before those that came since. */
function checkRanks(copies: readonly Copy[], report: Report): void {
  let last: Copy | null = null
  for (const copy of copies) {
    if (copy.rank < 0) continue
    if (last !== null && last.rank > copy.rank) report(last, copy, 'which stood first when both were last seen')
    last = copy
  }
}
