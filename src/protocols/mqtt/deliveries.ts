import type { Consumer } from '../../core/consumer.ts'
import type { Message } from '../../core/message.ts'
import type { Entry } from '../../core/queues/entry.ts'
import type { Session } from '../../core/session.ts'
import type { Transport } from '../../net/transport.ts'
import { OutgoingAliases } from './aliases.ts'
import type { Answers } from './answers.ts'
import type { MqttContext } from './context.ts'
import { fromProperties, hasFlag, qosOf, RETAIN_NAME, RETAINED_NAME, topicOf } from './message-mapping.ts'
import { PACKET_ID_NOT_FOUND } from './reason-codes.ts'
import type { SessionState } from './session-state.ts'
import type { Match, Subscriptions } from './subscriptions.ts'
import { publishBytes, type PublishHead, writePublish } from './wire/encode.ts'
import type { AckPacket, PacketProperties, Version } from './wire/packets.ts'
import { PUBLISH, PUBREL } from './wire/packets.ts'
import { encodeProperties } from './wire/properties.ts'

/**
 * Ids of what comes from the session's own queue: a message's number in the queue says which, so that it has the same one after a restart.
 * What comes from shared queues has the others.
 */
export const OWN_IDS = 32_767
const ID_MAX = 65_535

/** What of a client decides how it is sent messages. */
export interface DeliveryLimits {
  readonly version: Version
  /** Of a whole packet; Infinity for no limit. */
  readonly packetBytesMax: number
  /** Aliases that the client takes. */
  readonly topicAliasMaximum: number
}

export interface DeliveryParts {
  readonly session: Session
  readonly context: MqttContext
  readonly state: SessionState
  readonly subscriptions: Subscriptions
  readonly answers: Answers
  readonly transport: Transport
  readonly limits: DeliveryLimits
}

/** A PUBLISH of QoS 1 or 2 that is not acknowledged. */
interface Unacknowledged {
  readonly tag: number
  readonly qos: 1 | 2
}

/**
 * What the broker sends to one client: PUBLISH, and what follows it.
 *
 *     QoS 1   PUBLISH ──▶ PUBACK: settled
 *     QoS 2   PUBLISH ──▶ PUBREC: settled, and the id is kept as released ── safe ──▶ PUBREL ──▶ PUBCOMP: the id is free
 */
export class OutgoingDeliveries {
  readonly #session: Session
  readonly #context: MqttContext
  readonly #state: SessionState
  readonly #subscriptions: Subscriptions
  readonly #answers: Answers
  readonly #transport: Transport
  readonly #limits: DeliveryLimits
  readonly #aliases: OutgoingAliases
  readonly #unacknowledged = new Map<number, Unacknowledged>()
  #lastSharedId = OWN_IDS
  /** The topic that was sent last, by its key. */
  #lastKey = ''
  #lastTopic = ''
  #lastBytes: Buffer = NO_TOPIC

  constructor(parts: DeliveryParts) {
    this.#session = parts.session
    this.#context = parts.context
    this.#state = parts.state
    this.#subscriptions = parts.subscriptions
    this.#answers = parts.answers
    this.#transport = parts.transport
    this.#limits = parts.limits
    this.#aliases = new OutgoingAliases(parts.limits.topicAliasMaximum)
  }

  /** Goes on with what was under way when the connection before this one ended. */
  resume(): void {
    const { released } = this.#state.packetIds
    this.#session.deliveries.withheld = released.size
    for (const packetId of released.keys()) this.#answers.add(0, PUBREL, packetId)
  }

  deliver(consumer: Consumer, tag: number, message: Message, redelivered: boolean, entry: Entry | null): void {
    const { name } = consumer.queue
    const isQos0 = name === this.#state.qos0Queue
    const isOwn = isQos0 || name === this.#state.qos1Queue
    const topic = this.#topicOf(message)
    const match = isOwn ? this.#subscriptions.match(message, topic, isQos0) : this.#subscriptions.matchShared(name)
    const sent = match !== null && this.#send(message, topic, match, tag, isOwn && redelivered, consumer.noAck, entry)
    if (!sent && !consumer.noAck) this.#session.acknowledge(tag, false)
  }

  /** @returns whether an acknowledgement is to come */
  #send(
    message: Message,
    topic: string,
    match: Match,
    tag: number,
    again: boolean,
    noAck: boolean,
    entry: Entry | null,
  ): boolean {
    const isRetained = message.propertiesLength > BARE_BYTES && hasFlag(message, RETAINED_NAME)
    const retain =
      isRetained || (match.retainAsPublished && message.propertiesLength > BARE_BYTES && hasFlag(message, RETAIN_NAME))
    const qos = noAck ? 0 : (Math.min(match.qos, qosOf(message)) as 0 | 1 | 2)
    const packetId = qos === 0 ? 0 : this.#packetIdFor(entry!)
    const first = (PUBLISH << 4) | (again && qos > 0 ? 8 : 0) | (qos << 1) | (retain ? 1 : 0)
    const remainingMs = entry !== null && entry.expiresAt >= 0 ? entry.expiresAt - this.#now() : message.ttlMs
    if (!this.write(first, packetId, message, topic, match.identifiers, remainingMs)) return false
    if (qos === 0) return false
    this.#unacknowledged.set(packetId, { tag, qos })
    return true
  }

  /**
   * Writes a PUBLISH, unless it is larger than the client takes: then it is as if it had been sent (MQTT 5.0, 3.1.2.11.4).
   * @param first type and flags @param packetId 0 for QoS 0 @returns whether it was written
   */
  write(
    first: number,
    packetId: number,
    message: Message,
    topic: string,
    identifiers: number[] | null,
    remainingMs: number,
  ): boolean {
    const { version, packetBytesMax } = this.#limits
    const told = version === 5 ? this.#propertiesFor(message, identifiers, remainingMs) : null
    let alias = version === 5 ? this.#aliases.find(topic) : 0
    const bytes = alias > 0 ? NO_TOPIC : this.#bytesOf(topic)
    let properties = told === null ? (version === 5 ? NO_PROPERTIES : null) : encodeProperties(told)
    if (packetBytesMax < Infinity) {
      const head = { first, packetId, topic: bytes, properties }
      if (publishBytes(head, message.bodyLength) + ALIAS_BYTES > packetBytesMax) return false
    }
    if (version === 5 && alias === 0) alias = this.#aliases.give(topic)
    if (alias > 0) properties = encodeProperties({ ...told, topicAlias: alias })
    const head: PublishHead = { first, packetId, topic: bytes, properties }
    const { counters } = this.#context
    counters.packetsSent++
    counters.publishSent++
    counters.publishBytesSent += message.bodyLength
    writePublish(this.#transport, head, message, this.#session.vhost)
    return true
  }

  #propertiesFor(message: Message, identifiers: number[] | null, remainingMs: number): PacketProperties | null {
    const told: PacketProperties | null =
      message.propertiesLength > BARE_BYTES
        ? fromProperties(message.properties(), remainingMs, this.#context.mapping)
        : null
    return identifiers === null ? told : { ...told, subscriptionIdentifiers: identifiers }
  }

  #now(): number {
    return this.#session.broker.clock.now()
  }

  #topicOf(message: Message): string {
    const { routingKey } = message
    if (message.propertiesLength > BARE_BYTES) return topicOf(message, this.#context.mapping)
    if (routingKey !== this.#lastKey) {
      const { topic, bytes } = this.#context.outgoingTopics.of(routingKey)
      this.#lastKey = routingKey
      this.#lastTopic = topic
      this.#lastBytes = bytes
    }
    return this.#lastTopic
  }

  #bytesOf(topic: string): Buffer {
    return topic === this.#lastTopic ? this.#lastBytes : Buffer.from(topic)
  }

  /** Never one that is in use. */
  #packetIdFor(entry: Entry): number {
    if (entry.queue.name === this.#state.qos1Queue) {
      const own = ((entry.number - 1) % OWN_IDS) + 1
      if (this.#isFree(own)) return own
    }
    do {
      this.#lastSharedId = this.#lastSharedId === ID_MAX ? OWN_IDS + 1 : this.#lastSharedId + 1
    } while (!this.#isFree(this.#lastSharedId))
    return this.#lastSharedId
  }

  #isFree(packetId: number): boolean {
    return !this.#unacknowledged.has(packetId) && !this.#state.packetIds.released.has(packetId)
  }

  // ---- what the client answers ----

  /** PUBACK. */
  acknowledged({ packetId }: AckPacket): void {
    const sent = this.#unacknowledged.get(packetId)
    if (sent?.qos !== 1) return
    this.#unacknowledged.delete(packetId)
    this.#session.acknowledge(sent.tag, false)
  }

  /** PUBREC. */
  received({ packetId, reason }: AckPacket): void {
    const sent = this.#unacknowledged.get(packetId)
    if (sent?.qos !== 2) {
      const isReleased = this.#state.packetIds.released.has(packetId)
      if (reason < 0x80) this.#answers.add(0, PUBREL, packetId, isReleased ? 0 : PACKET_ID_NOT_FOUND)
      return
    }
    this.#unacknowledged.delete(packetId)
    if (reason >= 0x80) {
      this.#session.acknowledge(sent.tag, false)
      return
    }
    const { broker, deliveries } = this.#session
    deliveries.withheld++
    broker.store.begin()
    this.#session.acknowledge(sent.tag, false)
    this.#state.keep('released', packetId)
    this.#answers.add(broker.store.end(), PUBREL, packetId)
  }

  /** PUBCOMP. */
  completed({ packetId }: AckPacket): void {
    if (!this.#state.packetIds.released.has(packetId)) return
    this.#state.drop('released', packetId)
    this.#session.deliveries.withheld--
    this.#session.wakeConsumers()
  }
}

/** Flags and delivery mode: nothing that a subscriber is told. */
const BARE_BYTES = 3
const NO_TOPIC = Buffer.alloc(0)
const NO_PROPERTIES = Buffer.from([0])
/** What an alias adds at most. */
const ALIAS_BYTES = 4
