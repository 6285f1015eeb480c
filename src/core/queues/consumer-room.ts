import type { Consumer } from '../consumer.ts'
import type { Dispatcher } from './dispatcher.ts'

/** Those that a dispatcher serves: all, or the single active one. */
const served = ({ active, consumers }: Dispatcher): readonly Consumer[] => (active === null ? consumers : [active])

/** How many messages would be taken at once. */
export function creditOf(dispatcher: Dispatcher): number {
  let sum = 0
  for (const consumer of served(dispatcher)) {
    if (consumer.canTake()) sum += consumer.prefetch === 0 ? Infinity : consumer.prefetch - consumer.unacked
  }
  return sum
}

/** Whether a consumer of at least this priority would take a message at once. */
export const hasTaker = (dispatcher: Dispatcher, priority = -Infinity): boolean =>
  served(dispatcher).some((consumer) => consumer.priority >= priority && consumer.canTake())
