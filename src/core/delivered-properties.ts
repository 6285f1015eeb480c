import { long } from './fields.ts'
import { type Message, Properties } from './message.ts'
import type { Entry } from './queues/entry.ts'
import { addRetryHeaders } from './queues/retries.ts'

/** The properties of a delivery where they are not the publisher's: a message that came back tells how often. Null in the usual case. */
export function returnedProperties(message: Message, entry: Entry): Properties | null {
  if (entry.acquiredCount === 0) return null
  const properties = Object.assign(new Properties(), message.properties())
  properties.headers = new Map(properties.headers ?? [])
  if (entry.deliveryCount > 0) properties.headers.set('x-delivery-count', long(entry.deliveryCount))
  if (entry.queue.type === 'quorum') properties.headers.set('x-acquired-count', long(entry.acquiredCount))
  addRetryHeaders(properties.headers, entry)
  return properties
}
