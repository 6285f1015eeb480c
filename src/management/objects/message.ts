import { tableToJson } from '../../core/fields-json.ts'
import type { Properties } from '../../core/message.ts'

type Json = Record<string, unknown>

/** Properties by RabbitMQ's names: those that the message has, and its headers, if only none. */
export function propertiesToJson(properties: Properties): Json {
  const given: Json = {
    content_type: properties.contentType,
    content_encoding: properties.contentEncoding,
    delivery_mode: properties.deliveryMode,
    priority: properties.priority,
    correlation_id: properties.correlationId,
    reply_to: properties.replyTo,
    expiration: properties.expiration,
    message_id: properties.messageId,
    timestamp: properties.timestamp,
    type: properties.type,
    user_id: properties.userId,
    app_id: properties.appId,
    cluster_id: properties.clusterId,
  }
  const present = Object.entries(given).filter(([, value]) => value !== null)
  return { ...Object.fromEntries(present), headers: tableToJson(properties.headers ?? new Map()) }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
/** Bytes of the longest character in UTF-8. */
const CHARACTER_BYTES_MAX = 4

/** A body: as text if it is UTF-8, else in base64. @param bytesMax what is beyond is left out */
export function payloadToJson(body: Buffer, bytesMax: number): Json {
  const truncated = body.length > bytesMax
  const text = textOf(truncated ? body.subarray(0, bytesMax) : body, truncated)
  return {
    payload: text ?? body.subarray(0, bytesMax).toString('base64'),
    payload_encoding: text === null ? 'base64' : 'string',
    payload_bytes: body.length,
    truncated,
  }
}

/** Null for what is no UTF-8. @param isCut whether the end may be in the middle of a character */
function textOf(bytes: Buffer, isCut: boolean): string | null {
  const shortest = isCut ? Math.max(0, bytes.length - CHARACTER_BYTES_MAX + 1) : bytes.length
  for (let length = bytes.length; length >= shortest; length--) {
    try {
      return utf8.decode(bytes.subarray(0, length))
    } catch {
      // a character may have been cut
    }
  }
  return null
}
