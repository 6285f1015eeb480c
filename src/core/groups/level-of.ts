import type { Message } from '../message.ts'
import type { QueueSettings } from '../queues/queue-settings.ts'
import type { QueueType } from '../queues/queue-type.ts'
import { groupKeyOf } from './group-key.ts'

/** A message's lane. A group would overtake itself if its messages had different priorities: all have the default. */
export function levelOf(message: Message, rules: QueueType, settings: QueueSettings): number {
  const { groups } = settings
  const isGrouped = groups !== null && message.hasPriority && groupKeyOf(message, groups) !== null
  return isGrouped ? settings.defaultPriority : rules.levelOf(message, settings)
}
