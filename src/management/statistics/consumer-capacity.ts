import { hasTaker } from '../../core/queues/consumer-room.ts'
import type { Queue } from '../../core/queues/queue.ts'

/** 1 where a message would be delivered at once, else 0: sampled, it is the share of time in which it is so. */
export const capacityNow = ({ dispatcher }: Queue): number => (hasTaker(dispatcher) ? 1 : 0)
