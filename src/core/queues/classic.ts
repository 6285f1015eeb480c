import type { QueueType } from './queue-type.ts'

/**
 * Requeued messages go back to their place; priorities where `x-max-priority` asks for them. Unlike RabbitMQ's, it counts deliveries:
 * every return does, so that `x-delivery-limit` holds whatever way a consumer fails.
 */
export const classic: QueueType = {
  name: 'classic',
  moduleName: 'rabbit_classic_queue',
  alwaysPersistent: false,
  returnsFirst: false,
  activePreempts: false,
  exclusiveConsumers: true,
  sharedPrefetch: true,
  conditionalDelete: true,
  getBesideActive: true,
  declaresInactive: true,
  defaultAckTimeout: false,
  levels: (settings) => settings.maxPriority + 1,
  levelOf: (message, settings) => Math.min(message.priority, settings.maxPriority),
  counts: () => true,
}
