import { carbonCopies } from './dead-letter.ts'
import { preconditionFailed } from './errors.ts'
import { type Message, withProperties } from './message.ts'

// What of a publisher's properties changes the message, or how it is routed and kept.

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

/** Ten years. */
export const EXPIRATION_MAX_MS = 315_360_000_000

/**
 * The time to live that the property `expiration` asks for, in ms.
 * @throws BrokerError preconditionFailed in RabbitMQ's words
 */
export function parseExpiration(text: string): number {
  const digits = /^[-+]?\d+/.exec(text)?.[0]
  const refuse = (reason: string): never => {
    throw preconditionFailed(`invalid expiration '${text}': ${reason}`)
  }
  if (digits === undefined) return refuse('no_integer')
  if (digits.length < text.length) return refuse(`{leftover_string,"${text.slice(digits.length)}"}`)
  const value = BigInt(digits)
  if (value < 0) return refuse(`{value_negative,${value}}`)
  if (value > EXPIRATION_MAX_MS) return refuse(`{value_too_large,${value}}`)
  return Number(value)
}
