import { returnedProperties } from '../../core/delivered-properties.ts'
import type { Message } from '../../core/message.ts'
import type { Entry } from '../../core/queues/entry.ts'
import { amqpPropertyFormat } from './wire/properties.ts'

/**
 * The property bytes of a delivery where they are not the publisher's own: of a message that came back, or that another protocol
 * published. Null in the usual case.
 */
export function deliveredProperties(message: Message, entry: Entry): Buffer | null {
  const returned = returnedProperties(message, entry)
  if (returned !== null) return amqpPropertyFormat.encode(returned)
  return message.format === amqpPropertyFormat ? null : amqpPropertyFormat.encode(message.properties())
}
