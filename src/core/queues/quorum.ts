import type { QueueType } from './queue-type.ts'

const PRIORITIES = 32
const DEFAULT_PRIORITY = 4

/**
 * The semantics of RabbitMQ 4.3's quorum queues: always durable, 32 strict priorities, returns first, and a delivery limit that counts
 * failures (reject, loss of the consumer) but not what a consumer merely gives back.
 */
export const quorum: QueueType = {
  name: 'quorum',
  moduleName: 'rabbit_quorum_queue',
  alwaysPersistent: true,
  returnsFirst: true,
  activePreempts: true,
  exclusiveConsumers: false,
  sharedPrefetch: false,
  conditionalDelete: false,
  getBesideActive: false,
  declaresInactive: false,
  defaultAckTimeout: true,
  levels: () => PRIORITIES,
  levelOf: (message) => (message.hasPriority ? Math.min(message.priority, PRIORITIES - 1) : DEFAULT_PRIORITY),
  counts: (kind) => kind === 'rejected' || kind === 'lost',
}
