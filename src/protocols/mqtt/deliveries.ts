import type { Consumer } from '../../core/consumer.ts'
import type { Message } from '../../core/message.ts'
import type { Entry } from '../../core/queues/entry.ts'
import type { Session } from '../../core/session.ts'
import type { Transport } from '../../net/transport.ts'
import { OutgoingAliases } from './aliases.ts'
import type { Answers } from './answers.ts'
import type { MqttContext } from './context.ts'
import { type HeldPublish, HeldPublishes } from './held-publishes.ts'
import { copyKeysOf, fromProperties, hasFlag, qosOf, RETAIN_NAME, topicOf } from './message-mapping.ts'
import { PACKET_ID_NOT_FOUND } from './reason-codes.ts'
import type { SessionState } from './session-state.ts'
import type { Match, Subscriptions } from './subscriptions.ts'
import { keyToTopic, topicProblem } from './topics.ts'
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
 *     QoS 2   safe ──▶ PUBLISH ──▶ PUBREC: settled, and the id is kept as released ── safe ──▶ PUBREL ──▶ PUBCOMP: the id is free
 *
 * A message of QoS 2 is on disk before it goes out: if it were lost in a crash, its publisher would send it again, and it would come to
 * the client as another one.
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
  readonly #held: HeldPublishes
  /** Nothing is told of a message of QoS 0 but topic and payload, whatever its size. */
  readonly #isPlain: boolean
  #lastSharedId = OWN_IDS
  /** The topic that was sent last, by its key. */
  #lastKey = ''
  #lastTopic = ''
  #lastBytes: Buffer = NO_TOPIC
  /** A topic that was looked at before. */
  #lastSound = ''
  /** The key before, whose topic was written without being remembered. */
  #passingKey = ''

  constructor(parts: DeliveryParts) {
    this.#session = parts.session
    this.#context = parts.context
    this.#state = parts.state
    this.#subscriptions = parts.subscriptions
    this.#answers = parts.answers
    this.#transport = parts.transport
    this.#limits = parts.limits
    this.#isPlain = parts.limits.version < 5 && parts.limits.packetBytesMax === Infinity
    this.#aliases = new OutgoingAliases(parts.limits.topicAliasMaximum)
    const { vhost } = parts.session
    this.#held = new HeldPublishes(
      vhost,
      (entry) => this.#mayGo(entry),
      (publish) => this.#sendHeld(publish),
    )
  }

  /** Goes on with what was under way when the connection before this one ended. */
  resume(): void {
    const { released } = this.#state.packetIds
    this.#session.deliveries.withheld = released.size
    // PUBREC may have come a moment ago, and not be on disk yet
    const { lastPosition } = this.#session.broker.store
    for (const packetId of released.keys()) this.#answers.add(lastPosition, PUBREL, packetId)
  }

  deliver(consumer: Consumer, tag: number, message: Message, redelivered: boolean, entry: Entry | null): void {
    const { name } = consumer.queue
    const isQos0 = name === this.#state.qos0Queue
    if (isQos0 && this.#isPlain && this.#deliverPlain(message)) return
    const isOwn = isQos0 || name === this.#state.qos1Queue
    let topic = this.#topicOf(message)
    let match = topic === '' ? null : this.#match(message, topic, name, isOwn)
    if (match === null && message.propertiesLength > BARE_BYTES) {
      for (const copied of this.#copyTopics(message)) {
        topic = copied
        match = this.#match(message, topic, name, isOwn)
        if (match !== null) break
      }
    }
    const sent = match !== null && this.#send(message, topic, match, tag, isOwn && redelivered, consumer.noAck, entry)
    if (!sent && !consumer.noAck) this.#session.acknowledge(tag, false)
  }

  /** What a message was copied to that may have come as a carbon copy. */
  #copyTopics(message: Message): readonly string[] {
    const topics = copyKeysOf(message).map((key) => keyToTopic(key, this.#context.mapping))
    return topics.filter((topic) => topicProblem(topic) === null)
  }

  #match(message: Message, topic: string, queue: string, isOwn: boolean): Match | null {
    if (!isOwn) return this.#subscriptions.matchShared(message, topic, queue)
    return this.#subscriptions.match(message, topic, queue)
  }

  /** A message of QoS 0 of which there is nothing to tell but its topic. @returns whether it was one */
  #deliverPlain(message: Message): boolean {
    const { routingKey } = message
    if (routingKey === this.#lastKey || this.#subscriptions.matchPlain(message) === null) return false
    const isPassing = routingKey !== this.#passingKey
    this.#passingKey = routingKey
    const topic = isPassing ? this.#context.outgoingTopics.passing(routingKey) : null
    if (topic === null) return false
    this.#write({ first: PUBLISH << 4, packetId: 0, topic, properties: null }, message)
    return true
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
    const retain =
      match.isReplay ||
      (match.retainAsPublished && message.propertiesLength > BARE_BYTES && hasFlag(message, RETAIN_NAME))
    const qos = noAck ? 0 : (Math.min(match.qos, qosOf(message)) as 0 | 1 | 2)
    const first = (PUBLISH << 4) | (again && qos > 0 ? 8 : 0) | (qos << 1) | (retain ? 1 : 0)
    const { identifiers } = match
    if (qos === 2 && this.#state.isDurable && (this.#held.size > 0 || !this.#mayGo(entry!))) {
      this.#held.add({ first, message, topic, identifiers, tag, entry: entry! })
      return true
    }
    const packetId = qos === 0 ? 0 : this.#packetIdFor(entry!)
    if (!this.write(first, packetId, message, topic, identifiers, this.#remainingMs(message, entry))) return false
    if (qos === 0) return false
    this.#unacknowledged.set(packetId, { tag, qos })
    return true
  }

  /** Whether a message of QoS 2 is on disk, and the id that it will have after a crash is its own to use. */
  #mayGo({ message, number }: Entry): boolean {
    return message.position <= this.#session.broker.commits.committed && this.#isFree(ownIdOf(number))
  }

  #sendHeld({ first, message, topic, identifiers, tag, entry }: HeldPublish): void {
    const packetId = ownIdOf(entry.number)
    if (this.write(first, packetId, message, topic, identifiers, this.#remainingMs(message, entry)))
      this.#unacknowledged.set(packetId, { tag, qos: 2 })
    else this.#session.acknowledge(tag, false)
  }

  #remainingMs(message: Message, entry: Entry | null): number {
    return entry !== null && entry.expiresAt >= 0 ? entry.expiresAt - this.#now() : message.ttlMs
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
    const isFive = this.#limits.version === 5
    const told = isFive ? this.#propertiesFor(message, identifiers, remainingMs) : null
    const { bodyLength } = message
    let head = isFive ? this.#aliased(first, packetId, topic, told, bodyLength) : null
    if (head === null) {
      head = { first, packetId, topic: this.#bytesOf(topic), properties: isFive ? encodeProperties(told) : null }
      if (!this.#fits(head, bodyLength)) return false
    }
    this.#write(head, message)
    return true
  }

  /** With an alias, which the topic may get here. @returns null where it has none, or the packet would be too large by it */
  #aliased(
    first: number,
    packetId: number,
    topic: string,
    told: PacketProperties | null,
    bodyBytes: number,
  ): PublishHead | null {
    const known = this.#aliases.find(topic)
    const alias = known > 0 ? known : this.#aliases.next
    if (alias === 0) return null
    const properties = encodeProperties({ ...told, topicAlias: alias })
    const head = { first, packetId, topic: known > 0 ? NO_TOPIC : this.#bytesOf(topic), properties }
    if (!this.#fits(head, bodyBytes)) return null
    if (known === 0) this.#aliases.give(topic)
    return head
  }

  #fits(head: PublishHead, bodyBytes: number): boolean {
    const { packetBytesMax } = this.#limits
    return packetBytesMax === Infinity || publishBytes(head, bodyBytes) <= packetBytesMax
  }

  #write(head: PublishHead, message: Message): void {
    const { counters } = this.#context
    counters.packetsSent++
    counters.publishSent++
    counters.publishBytesSent += message.bodyLength
    writePublish(this.#transport, head, message, this.#session.vhost)
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

  /** Empty for none that a PUBLISH may have (MQTT 5.0, 3.3.2.1): the message is as if it had been sent, as one that is too large is. */
  #topicOf(message: Message): string {
    const { routingKey } = message
    if (message.propertiesLength > BARE_BYTES) {
      const topic = topicOf(message, this.#context.mapping)
      if (topic === this.#lastSound) return topic
      if (topicProblem(topic) !== null) return ''
      this.#lastSound = topic
      return topic
    }
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
      const own = ownIdOf(entry.number)
      if (this.#isFree(own)) return own
    }
    do {
      this.#lastSharedId = this.#lastSharedId === ID_MAX ? OWN_IDS + 1 : this.#lastSharedId + 1
    } while (!this.#isFree(this.#lastSharedId))
    return this.#lastSharedId
  }

  #isFree(packetId: number): boolean {
    const { committed } = this.#session.broker.commits
    return !this.#unacknowledged.has(packetId) && this.#state.packetIds.isFree(packetId, committed)
  }

  // ---- what the client answers ----

  /** PUBACK. */
  acknowledged({ packetId }: AckPacket): void {
    const sent = this.#unacknowledged.get(packetId)
    if (sent?.qos !== 1) return
    this.#unacknowledged.delete(packetId)
    this.#session.acknowledge(sent.tag, false)
    this.#held.release()
  }

  /** PUBREC. */
  received({ packetId, reason }: AckPacket): void {
    const sent = this.#unacknowledged.get(packetId)
    if (sent?.qos !== 2) {
      const isReleased = this.#state.packetIds.released.has(packetId)
      const { lastPosition } = this.#session.broker.store
      if (reason < 0x80) this.#answers.add(lastPosition, PUBREL, packetId, isReleased ? 0 : PACKET_ID_NOT_FOUND)
      return
    }
    this.#unacknowledged.delete(packetId)
    if (reason >= 0x80) {
      this.#session.acknowledge(sent.tag, false)
      this.#held.release()
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
    this.#state.packetIds.completed(packetId, this.#state.drop('released', packetId))
    this.#session.deliveries.withheld--
    this.#session.wakeConsumers()
    this.#held.release()
  }

  /** The connection is over. */
  close(): void {
    this.#held.close()
  }
}

/** The id of a message of the session's own queue. @param number its number there */
const ownIdOf = (number: number): number => ((number - 1) % OWN_IDS) + 1

/** Flags and delivery mode: nothing that a subscriber is told. */
const BARE_BYTES = 3
const NO_TOPIC = Buffer.alloc(0)
