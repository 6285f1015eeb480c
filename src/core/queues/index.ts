import { classic } from './classic.ts'
import { quorum } from './quorum.ts'
import type { QueueType } from './queue-type.ts'

export const builtInQueueTypes: readonly QueueType[] = [classic, quorum]
