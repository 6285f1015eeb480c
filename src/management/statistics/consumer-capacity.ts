import type { Consumer } from '../../core/consumer.ts'
import type { Queue } from '../../core/queues/queue.ts'

/** 1 where a message would be delivered at once, else 0: sampled, it is the share of time in which it is so. */
export function capacityNow({ dispatcher }: Queue): number {
  const { active, consumers } = dispatcher
  const isServed = (consumer: Consumer): boolean => (active === null || active === consumer) && consumer.canTake()
  return consumers.some(isServed) ? 1 : 0
}
