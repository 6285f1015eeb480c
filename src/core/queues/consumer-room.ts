import type { Consumer } from '../consumer.ts'
import type { Dispatcher } from './dispatcher.ts'

/** Those that a dispatcher serves: all, or the single active one. */
const served = ({ active, consumers }: Dispatcher): readonly Consumer[] => (active === null ? consumers : [active])

/** Whether a consumer of at least this priority would take a message at once. */
export const hasTaker = (dispatcher: Dispatcher, priority = -Infinity): boolean =>
  served(dispatcher).some((consumer) => consumer.priority >= priority && consumer.canTake())
