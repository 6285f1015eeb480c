import type { Broker } from '../../core/broker.ts'
import { type Field, longstr } from '../../core/fields.ts'
import { composeMessage, Message, type Properties } from '../../core/message.ts'
import { OWN_CLIENT, RETAIN, toProperties } from './message-mapping.ts'
import { keepsTopic, topicToKey, type TopicMapping } from './topics.ts'
import type { PacketProperties } from './wire/packets.ts'

/** What a client publishes, by PUBLISH or as its will. */
export interface Publication {
  readonly topic: string
  readonly qos: 0 | 1 | 2
  readonly retain: boolean
  readonly properties: PacketProperties | null
  /** Where the payload is. */
  readonly buffer: Buffer
  readonly payloadOffset: number
  readonly payloadLength: number
}

/** What a topic is as a routing key. */
interface TopicKey {
  readonly key: string
  /** Whether the key gives the topic back. */
  readonly keepsTopic: boolean
}

/** Makes the broker's messages of what MQTT clients publish. */
export class Composer {
  readonly #broker: Broker
  readonly #exchange: string
  readonly #mapping: TopicMapping
  /** Property bytes where there is nothing but the QoS to tell: for QoS 0 and 1. */
  readonly #plain: readonly [Buffer, Buffer]

  constructor(broker: Broker, exchange: string, mapping: TopicMapping) {
    this.#broker = broker
    this.#exchange = exchange
    this.#mapping = mapping
    const plain = (qos: 0 | 1): Buffer => broker.propertyFormat.encode(toProperties('a', qos, null, mapping))
    this.#plain = [plain(0), plain(1)]
  }

  /** For who publishes on a topic more than once. */
  keyOf(topic: string): TopicKey {
    return { key: topicToKey(topic, this.#mapping), keepsTopic: keepsTopic(topic, this.#mapping) }
  }

  /**
   * The bytes in front of the payload may be written over: nobody needs them any more.
   * @param own the client's id, for subscriptions of its own that are not to bring the message; null where there are none @param key of the topic, as `keyOf` has it
   */
  compose(publication: Publication, own: string | null, key: string, keepsTopic: boolean): Message {
    const { topic, qos, retain, properties } = publication
    if (qos < 2 && !retain && own === null && keepsTopic && (properties === null || isBare(properties))) {
      return this.#composePlain(key, qos === 0 ? 0 : 1, publication)
    }
    const laidOut = toProperties(topic, qos, properties, this.#mapping)
    if (retain) header(laidOut, RETAIN, { type: 'bool', value: true })
    if (own !== null) header(laidOut, OWN_CLIENT, longstr(own))
    const body = publication.buffer.subarray(
      publication.payloadOffset,
      publication.payloadOffset + publication.payloadLength,
    )
    const message = composeMessage(this.#exchange, key, laidOut, body, this.#broker.propertyFormat)
    if (laidOut.expiration !== null) message.ttlMs = Number(laidOut.expiration)
    return message
  }

  #composePlain(key: string, qos: 0 | 1, { buffer, payloadOffset, payloadLength }: Publication): Message {
    const plain = this.#plain[qos]
    // a PUBLISH has at least so many bytes between its first one and its payload
    const at = payloadOffset - plain.length
    plain.copy(buffer, at)
    const format = this.#broker.propertyFormat
    const message = new Message(this.#exchange, key, format, buffer, at, plain.length, payloadOffset, payloadLength)
    message.persistent = qos > 0
    return message
  }
}

/** Whether there is nothing that a subscriber is told. */
function isBare(properties: PacketProperties): boolean {
  for (const name in properties) if (name !== 'topicAlias') return false
  return true
}

function header(properties: Properties, name: string, field: Field): void {
  properties.headers ??= new Map()
  properties.headers.set(name, field)
}
