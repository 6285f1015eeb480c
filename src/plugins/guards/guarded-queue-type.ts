import type { QueueType } from '../../core/queues/queue-type.ts'
import { type PluginGuard, requireFunctions, requireName } from './plugin-guard.ts'

/** What fails or is out of range has the answer of a queue without priorities, and is logged. @throws TypeError when it is none */
export function guardQueueType(type: QueueType, guard: PluginGuard): QueueType {
  requireName('a queue type', type)
  const of = `queue type '${type.name}'`
  requireFunctions(of, type, ['levels', 'levelOf', 'counts'])
  const number = (call: string, from: number, to: number, ask: () => number): number => {
    let answer = from
    guard.quietly(`${call}() of ${of}`, () => {
      const given = ask()
      if (!Number.isInteger(given) || given < from || given > to) {
        throw new RangeError(`it has to return an integer from ${from} to ${to}, not ${String(given)}`)
      }
      answer = given
    })
    return answer
  }
  const levels: QueueType['levels'] = (settings) => number('levels', 1, LEVELS_MAX, () => type.levels(settings))
  const guarded: Partial<QueueType> = {
    levels,
    levelOf: (message, settings) => number('levelOf', 0, levels(settings) - 1, () => type.levelOf(message, settings)),
    counts(kind) {
      let counted = true
      guard.quietly(`counts() of ${of}`, () => {
        counted = type.counts(kind)
      })
      return counted
    },
  }
  // all else is as the type has it
  return Object.assign(Object.create(type) as QueueType, guarded)
}

/** As many as a classic queue has. */
const LEVELS_MAX = 256
