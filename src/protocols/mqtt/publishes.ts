import type { Broker } from '../../core/broker.ts'
import { accessRefused, BrokerError } from '../../core/errors.ts'
import type { Message } from '../../core/message.ts'
import type { Publishing } from '../../core/publishing.ts'
import type { Session } from '../../core/session.ts'
import { IncomingAliases } from './aliases.ts'
import type { Answers } from './answers.ts'
import type { MqttContext } from './context.ts'
import { MqttError, reasonOf } from './errors.ts'
import {
  NO_MATCHING_SUBSCRIBERS,
  NOT_AUTHORIZED,
  PACKET_ID_NOT_FOUND,
  PACKET_TOO_LARGE,
  QUOTA_EXCEEDED,
  RECEIVE_MAXIMUM_EXCEEDED,
  TOPIC_NAME_INVALID,
} from './reason-codes.ts'
import type { SessionState } from './session-state.ts'
import type { Subscriptions } from './subscriptions.ts'
import { isSysTopic } from './sys-topics.ts'
import { topicProblem } from './topics.ts'
import type { AckPacket, PublishPacket, Version } from './wire/packets.ts'
import { PUBACK, PUBCOMP, PUBREC } from './wire/packets.ts'

export interface PublishParts {
  readonly session: Session
  readonly context: MqttContext
  readonly state: SessionState
  readonly subscriptions: Subscriptions
  readonly answers: Answers
  readonly version: Version
}

/**
 * What one client publishes.
 *
 *     QoS 1   PUBLISH: published ── safe ──▶ PUBACK
 *     QoS 2   PUBLISH: published, and the id is kept as received ── safe ──▶ PUBREC; PUBREL: the id is free ── safe ──▶ PUBCOMP
 *
 * A PUBLISH whose id is received already is the same one once more, and not published again (MQTT 5.0, 4.3.3, method B).
 */
export class IncomingPublishes {
  readonly #publishing: Publishing
  readonly #broker: Broker
  readonly #context: MqttContext
  readonly #version: Version
  /** Null where the version has none. */
  readonly #aliases: IncomingAliases | null
  /** Known to be sound; null before the first. */
  #lastTopic: string | null = null
  #lastKey = ''
  #keepsTopic = true
  #isReturned = false
  readonly #session: Session
  readonly #state: SessionState
  readonly #subscriptions: Subscriptions
  readonly #answers: Answers

  constructor(parts: PublishParts) {
    this.#session = parts.session
    this.#publishing = parts.session.publishing
    this.#broker = parts.session.broker
    this.#context = parts.context
    this.#state = parts.state
    this.#subscriptions = parts.subscriptions
    this.#answers = parts.answers
    this.#version = parts.version
    this.#aliases = parts.version === 5 ? new IncomingAliases(parts.context.settings.topicAliasMaximum) : null
  }

  /** The message that is being published reached no queue. */
  returned(): void {
    this.#isReturned = true
  }

  /** May be called again where it throws an UndecidedError. @throws MqttError; UndecidedError */
  publish(packet: PublishPacket): void {
    const { qos, packetId } = packet
    const { counters } = this.#context
    counters.publishReceived++
    counters.publishBytesReceived += packet.payloadLength
    if (this.#aliases !== null) packet.topic = this.#aliases.topicOf(packet.topic, packet.properties?.topicAlias)
    this.#requireTopic(packet.topic)
    if (qos === 2 && this.#state.packetIds.received.has(packetId)) {
      // on a new connection, it may not be on disk yet
      this.#answers.add(this.#broker.store.lastPosition, PUBREC, packetId)
      return
    }
    if (qos > 0 && this.#version === 5) this.#requireRoom()
    try {
      if (isSysTopic(packet.topic)) throw accessRefused(`the topic '${packet.topic}' is the broker's own`)
      this.#publish(packet)
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error
      this.#refuse(packet, error)
    }
  }

  #requireTopic(topic: string): void {
    if (topic === this.#lastTopic) return
    const problem = topicProblem(topic)
    if (problem !== null) throw new MqttError(TOPIC_NAME_INVALID, `the topic ${problem}`)
    this.#lastTopic = topic
    const { key, keepsTopic } = this.#context.composer.keyOf(topic)
    this.#lastKey = key
    this.#keepsTopic = keepsTopic
  }

  #requireRoom(): void {
    const { receiveMaximum } = this.#context.settings
    if (this.#answers.waiting(PUBACK) + this.#state.packetIds.received.size < receiveMaximum) return
    throw new MqttError(RECEIVE_MAXIMUM_EXCEEDED, `more than ${receiveMaximum} messages under way`)
  }

  #publish(packet: PublishPacket): void {
    const { qos, retain, packetId } = packet
    const { messageBytesMax } = this.#broker.options
    if (packet.payloadLength > messageBytesMax) {
      throw new MqttError(PACKET_TOO_LARGE, `message size ${packet.payloadLength} is larger than ${messageBytesMax}`)
    }
    const publishing = this.#publishing
    const access = publishing.access(this.#context.settings.exchange)
    // what is retained may be asked for without its own messages later, be it by another version of the client
    const isTold = retain || (this.#version === 5 && this.#subscriptions.hasNoLocal)
    const own = isTold ? this.#state.clientId : null
    const message = this.#context.composer.compose(packet, own, this.#lastKey, this.#keepsTopic)
    if (qos < 2 && !retain) {
      this.#isReturned = false
      const isRejected = publishing.publish(access, message, qos > 0)
      if (qos === 1) this.#answer(PUBACK, packetId, publishing.position, isRejected)
      return
    }
    if (qos === 2) this.#subscriptions.prepareToKeep()
    const { vhost } = this.#session
    const { store } = this.#broker
    let isRejected = false
    let recorded = 0
    this.#isReturned = false
    store.begin()
    // its bytes are looked at after the queues have done with it
    if (retain) vhost.retain(message)
    try {
      isRejected = publishing.publish(access, message, qos > 0)
      if (retain && !this.#retain(packet, message)) isRejected = true
      if (qos === 2 && !isRejected) this.#state.keep('received', packetId)
    } finally {
      if (retain) vhost.release(message)
      recorded = store.end()
    }
    if (qos === 0) return
    // where the message is retained, what it was retained as is another one if there are interceptors
    const position = Math.max(recorded, publishing.position, message.position)
    this.#answer(qos === 1 ? PUBACK : PUBREC, packetId, position, isRejected)
  }

  /** @returns whether there was room for it */
  #retain({ topic, payloadLength }: PublishPacket, message: Message): boolean {
    try {
      this.#context.retained.put(this.#session.vhost, topic, payloadLength === 0 ? null : message)
      return true
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error
      const facts = { clientId: this.#state.clientId, reason: error.message }
      this.#broker.limitedLog.warn(`retain ${this.#session.vhost.name}`, 'a message was not retained', facts)
      return false
    }
  }

  #answer(type: number, packetId: number, position: number, isRejected: boolean): void {
    this.#session.counters.toConfirm++
    if (!isRejected) this.#answers.add(position, type, packetId, this.#isReturned ? NO_MATCHING_SUBSCRIBERS : 0)
    else if (this.#version === 5)
      this.#answers.add(position, type, packetId, QUOTA_EXCEEDED, 'there is no room for the message')
    // MQTT 3 cannot say no: the client tries again
  }

  #refuse({ qos, packetId }: PublishPacket, error: BrokerError): void {
    const reason = reasonOf(error)
    const { disconnectOnUnauthorized } = this.#context.settings
    if (reason === NOT_AUTHORIZED && disconnectOnUnauthorized) throw new MqttError(reason, error.message)
    // MQTT 3 has no word for a failure of our own, and a message is not to be answered as if it were safe: the client sends it again
    if (error.kind === 'internalError' && this.#version < 5) throw new MqttError(reason, error.message)
    this.#broker.limitedLog.warn(`publish ${this.#state.clientId}`, 'a message was refused', { reason: error.message })
    if (qos > 0) this.#answers.add(0, qos === 1 ? PUBACK : PUBREC, packetId, reason, error.message)
    if (qos === 2 && this.#version < 5) this.#state.keep('received', packetId)
  }

  /** PUBREL. */
  released({ packetId }: AckPacket): void {
    if (!this.#state.packetIds.received.has(packetId)) {
      // that it was released may not be on disk yet, and the client will take the id for another message
      this.#answers.add(this.#broker.store.lastPosition, PUBCOMP, packetId, PACKET_ID_NOT_FOUND)
      return
    }
    const { store } = this.#broker
    store.begin()
    this.#state.drop('received', packetId)
    this.#answers.add(store.end(), PUBCOMP, packetId)
  }
}
