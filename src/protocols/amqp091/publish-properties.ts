import { carbonCopies } from '../../core/dead-letter.ts'
import { preconditionFailed } from '../../core/errors.ts'
import { type Message, withProperties } from '../../core/message.ts'

/** Direct reply-to: the requester's pseudo queue takes the place of the placeholder. */
export const applyReplyTo = (message: Message, replyTo: string): Message =>
  withProperties(message, (properties) => (properties.replyTo = replyTo))

/**
 * Sender-selected distribution: `CC` and `BCC` name further routing keys. BCC is taken out of the message.
 * @throws BrokerError preconditionFailed when one of them is not an array
 */
export function applyHeaders(message: Message): Message {
  const { headers } = message.properties()
  for (const name of ['CC', 'BCC']) {
    const field = headers?.get(name)
    if (field !== undefined && field.type !== 'array') {
      throw preconditionFailed(`invalid message: {unacceptable_type_in_header,"${name}",${field.type}}`)
    }
  }
  message.extraKeys = [...carbonCopies(headers, 'CC'), ...carbonCopies(headers, 'BCC')]
  if (headers?.has('BCC') !== true) return message
  return withProperties(message, (properties) => {
    properties.headers = new Map(headers)
    properties.headers.delete('BCC')
  })
}
