import type { Broker } from '../../core/broker.ts'
import { type ConnectionFacts, NO_TRAFFIC } from '../../core/client-connection.ts'
import { BrokerError } from '../../core/errors.ts'
import type { Identity } from '../../core/identity.ts'
import { copyOfMessage, type Message } from '../../core/message.ts'
import { QuietSink } from '../../core/quiet-sink.ts'
import type { Session } from '../../core/session.ts'
import { whenDecided } from '../../core/undecided.ts'
import type { VHost } from '../../core/vhost.ts'
import type { Timer } from '../../util/clock.ts'
import type { Composer, Publication } from './compose.ts'
import { type KeptWill, KeptWills } from './kept-wills.ts'
import { hasFlag, RETAIN_NAME, topicOf } from './message-mapping.ts'
import type { RetainedMessages } from './retained/retained-messages.ts'
import type { TopicMapping } from './topics.ts'
import type { WillPacket } from './wire/packets.ts'

/** A will, and whose it is. */
export interface Will {
  readonly packet: WillPacket
  readonly vhost: string
  readonly clientId: string
  readonly identity: Identity
  readonly facts: ConnectionFacts
}

/** A will that waits for its time. */
interface Delayed {
  readonly will: DueWill
  readonly timer: Timer
}

/** A will, wherever it comes from. */
interface DueWill {
  readonly vhost: VHost
  readonly clientId: string
  readonly identity: Identity
  readonly facts: ConnectionFacts
  /** Where it is kept, or 0. */
  readonly number: number
  /** May be called again. */
  readonly compose: () => Message
}

/** Who publishes it cannot be held, and is told nothing. */
const GONE = { close() {}, drop() {}, block() {}, unblock() {}, hold() {}, release() {}, traffic: () => NO_TRAFFIC }

interface WillParts {
  readonly broker: Broker
  readonly composer: Composer
  readonly retained: RetainedMessages
  readonly exchange: string
  readonly mapping: TopicMapping
}

/**
 * Publishes the wills of clients that are gone: at once, or after their delay unless the session is resumed before. What waits outlasts
 * the broker where it has a disk.
 */
export class Wills {
  readonly #broker: Broker
  readonly #composer: Composer
  readonly #retained: RetainedMessages
  readonly #exchange: string
  readonly #mapping: TopicMapping
  readonly #kept: KeptWills
  readonly #delayed = new Map<string, Delayed>()

  private constructor({ broker, composer, retained, exchange, mapping }: WillParts) {
    this.#broker = broker
    this.#composer = composer
    this.#retained = retained
    this.#exchange = exchange
    this.#mapping = mapping
    this.#kept = new KeptWills(broker)
  }

  /** Takes over what waited when the broker ended. */
  static async open(parts: WillParts): Promise<Wills> {
    const wills = new Wills(parts)
    for (const kept of await wills.#kept.recover()) wills.#takeOver(kept)
    return wills
  }

  /** Its user is known by name alone now, and may do what the broker's own permissions say. */
  #takeOver({ vhost, number, clientId, user, message, dueAt }: KeptWill): void {
    const { clock } = this.#broker
    const identity = this.#broker.identityOf({ name: user })
    const will = { vhost, clientId, identity, facts: factsOf(clientId), number, compose: () => copyOfMessage(message) }
    this.#wait(will, Math.max(0, dueAt - clock.now()))
  }

  /** The client is gone. @param delaySec the will's delay, or what is left of the session if that is less */
  left({ packet, vhost: vhostName, ...rest }: Will, delaySec: number): void {
    const vhost = this.#broker.vhosts.get(vhostName)
    if (vhost === undefined) return
    const { key, keepsTopic } = this.#composer.keyOf(packet.topic)
    const own = packet.retain ? rest.clientId : null
    const compose = (): Message => this.#composer.compose(publicationOf(packet), own, key, keepsTopic)
    if (delaySec === 0) {
      void this.#publish({ ...rest, vhost, number: 0, compose })
      return
    }
    const delayMs = delaySec * 1000
    const owner = { clientId: rest.clientId, user: rest.identity.name }
    const number = this.#kept.add(vhost, owner, compose(), this.#broker.clock.now() + delayMs)
    this.#wait({ ...rest, vhost, number, compose }, delayMs)
  }

  #wait(will: DueWill, delayMs: number): void {
    const { vhost, clientId } = will
    const timer = this.#broker.clock.schedule(delayMs, { onTimer: () => this.sessionEnded(vhost.name, clientId) })
    this.#delayed.set(keyOf(vhost.name, clientId), { will, timer })
  }

  /** The client is back in its session: it has no will to be told of. */
  sessionResumed(vhost: string, clientId: string): void {
    const will = this.#take(keyOf(vhost, clientId))
    if (will !== null) this.#forget(will)
  }

  /** There is no session to come back to: a will that waits does so no longer. */
  sessionEnded(vhost: string, clientId: string): void {
    const will = this.#take(keyOf(vhost, clientId))
    if (will !== null) void this.#publish(will)
  }

  #take(key: string): DueWill | null {
    const delayed = this.#delayed.get(key)
    if (delayed === undefined) return null
    delayed.timer.cancel()
    this.#delayed.delete(key)
    return delayed.will
  }

  #forget({ vhost, number }: DueWill): void {
    if (this.#isThere(vhost)) this.#kept.remove(vhost, number)
  }

  /** Not deleted, nor another one by the same name. */
  #isThere(vhost: VHost): boolean {
    return this.#broker.vhosts.get(vhost.name) === vhost
  }

  async #publish(will: DueWill): Promise<void> {
    const { vhost, identity, facts, clientId } = will
    if (!this.#isThere(vhost)) return
    const connection = this.#broker.openInProcess(identity, vhost.name, facts, GONE)
    try {
      const session = connection.openSession(new QuietSink())
      await whenDecided(() => this.#publishIn(session, will))
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error
      this.#forget(will)
      const refusal = { clientId, reason: error.message }
      this.#broker.limitedLog.warn(`will ${vhost.name}`, 'a will was not published', refusal)
    } finally {
      connection.close()
    }
  }

  /** It goes from where it was kept with its publication, and both are recorded as one. @throws BrokerError, UndecidedError */
  #publishIn({ publishing }: Session, { vhost, number, compose }: DueWill): void {
    const access = publishing.access(this.#exchange)
    const message = compose()
    const topic = topicOf(message, this.#mapping)
    const retains = hasFlag(message, RETAIN_NAME)
    const { store } = this.#broker
    store.begin()
    // its bytes are looked at after the queues have done with it
    vhost.retain(message)
    try {
      publishing.publish(access, message, false)
      if (retains) this.#retained.put(vhost, topic, message.bodyLength === 0 ? null : message)
      this.#kept.remove(vhost, number)
    } finally {
      vhost.release(message)
      store.end()
    }
  }

  /** The server stops. What is kept is published after the next start, if it is not taken back; the rest could not be later. */
  close(): void {
    for (const { will, timer } of [...this.#delayed.values()]) {
      if (will.number === 0) this.sessionEnded(will.vhost.name, will.clientId)
      else timer.cancel()
    }
    this.#delayed.clear()
  }
}

const factsOf = (clientId: string): ConnectionFacts => ({
  name: `will of ${clientId}`,
  protocol: 'MQTT',
  givenName: clientId,
  peerAddress: '',
  peerPort: 0,
  clientProperties: new Map(),
  loopback: true,
  topicVariables: { client_id: clientId },
  hasChannels: false,
  network: null,
})

function publicationOf({ topic, qos, retain, properties, payload }: WillPacket): Publication {
  const buffer = Buffer.concat([ROOM, payload])
  return { topic, qos, retain, properties, buffer, payloadOffset: ROOM.length, payloadLength: payload.length }
}

/** What the composer may write over. */
const ROOM = Buffer.alloc(16)

const keyOf = (vhost: string, clientId: string): string => `${vhost}\0${clientId}`
