import type { DelayLine } from '../../core/delays/delay-line.ts'
import type { Looked, LookOptions, LookVisitor, Place } from '../../core/queues/look.ts'
import type { Queue } from '../../core/queues/queue.ts'
import { dropHeld, hastenHeld } from '../../core/queues/take.ts'
import { lookAt, walkDelayed } from '../../core/queues/walk.ts'
import type { Job } from '../jobs/jobs.ts'
import { isSelected, type Selection } from './selection.ts'

/** Messages that are changed in one go. */
const BATCH = 2048

/** Where messages wait: in a queue, for their time or their next attempt, or in an exchange. */
export interface WaitingPlace {
  /** Null for an exchange. */
  readonly queue: Queue | null
  readonly line: DelayLine | null
}

/**
 * Takes the selected messages that wait out (null), or gives them another time (ms since the epoch): those that are there when it begins.
 * @throws what ends the job
 */
export async function changeWaiting(
  job: Job,
  place: WaitingPlace,
  selection: Selection,
  dueAt: number | null,
): Promise<void> {
  if (selection.ids !== null) {
    await change(job, place, [...selection.ids.delayed], selection.ids.queue, dueAt)
    return
  }
  // one that gets another time gets another number, and is not looked at again
  const lastInLine = place.line?.lastNumber ?? 0
  const isThere = ({ section, number }: Place): boolean => section !== 'delayed' || number <= lastInLine
  let after: Place | null = null
  let selected = 0
  for (let isEnd = false; !isEnd;) {
    const found: Place[] = []
    isEnd = true
    const visit = (looked: Looked): boolean => {
      if (selected === selection.limit) return false
      if (isThere(looked.place) && isSelected(selection, looked)) {
        found.push(looked.place)
        selected++
      }
      after = looked.place
      isEnd = found.length < BATCH
      return isEnd
    }
    await look(place, { states: selection.states, fromTail: false, after }, visit)
    const inLine = found.filter(({ section }) => section === 'delayed').map(({ number }) => number)
    const held = new Set(found.filter(({ section }) => section === 'held').map(({ number }) => number))
    await change(job, place, inLine, held, dueAt)
  }
}

async function look({ queue, line }: WaitingPlace, options: LookOptions, visit: LookVisitor): Promise<void> {
  if (queue !== null) await lookAt(queue, options, visit)
  else if (line !== null) await walkDelayed(line, options, visit)
}

async function change(
  job: Job,
  { queue, line }: WaitingPlace,
  inLine: readonly number[],
  held: ReadonlySet<number>,
  dueAt: number | null,
): Promise<void> {
  for (let i = 0; i < inLine.length && line !== null; i += BATCH) {
    job.done += await line.commands.changeNumbers(inLine.slice(i, i + BATCH), dueAt)
    await job.breathe()
  }
  if (held.size === 0 || queue === null) return
  job.done += dueAt === null ? await dropHeld(queue, held) : await hastenHeld(queue, held, dueAt)
  await job.breathe()
}
