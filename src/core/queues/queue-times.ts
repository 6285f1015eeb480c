import type { Consumer } from '../consumer.ts'
import type { Message } from '../message.ts'
import type { QueueSettings } from './queue-settings.ts'
import type { QueueType } from './queue-type.ts'

/** Time to live of a message in ms: the shorter of its own and the queue's; -1 for none. */
export function ttlOf({ ttlMs: own }: Message, { ttlMs }: QueueSettings): number {
  if (own < 0) return ttlMs
  return ttlMs < 0 ? own : Math.min(ttlMs, own)
}

/**
 * Time to acknowledge a delivery to this consumer in ms, or 0 when it may take for ever.
 * @param defaultMs where nothing else says so
 */
export function ackTimeoutOf(
  consumer: Consumer | null,
  settings: QueueSettings,
  rules: QueueType,
  defaultMs: number,
): number {
  if (consumer !== null && consumer.timeoutMs >= 0) return consumer.timeoutMs
  if (settings.consumerTimeoutMs >= 0) return settings.consumerTimeoutMs
  return rules.defaultAckTimeout ? defaultMs : 0
}
