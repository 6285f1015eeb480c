import { long } from '../../core/fields.ts'
import { type Message, Properties } from '../../core/message.ts'
import type { Entry } from '../../core/queues/entry.ts'
import { addRetryHeaders } from '../../core/queues/retries.ts'
import { amqpPropertyFormat } from './wire/properties.ts'

/**
 * The property bytes of a delivery where they are not the publisher's own: a message that came back tells how often, and one that another
 * protocol published is translated. Null in the usual case.
 */
export function deliveredProperties(message: Message, entry: Entry): Buffer | null {
  const native = message.format === amqpPropertyFormat
  if (entry.acquiredCount === 0) return native ? null : amqpPropertyFormat.encode(message.properties())
  const properties = Object.assign(new Properties(), message.properties())
  properties.headers = new Map(properties.headers ?? [])
  if (entry.deliveryCount > 0) properties.headers.set('x-delivery-count', long(entry.deliveryCount))
  if (entry.queue.type === 'quorum') properties.headers.set('x-acquired-count', long(entry.acquiredCount))
  addRetryHeaders(properties.headers, entry)
  return amqpPropertyFormat.encode(properties)
}
