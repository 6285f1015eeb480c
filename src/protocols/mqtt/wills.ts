import type { Broker } from '../../core/broker.ts'
import { type ConnectionFacts, NO_TRAFFIC } from '../../core/client-connection.ts'
import { BrokerError } from '../../core/errors.ts'
import type { Identity } from '../../core/identity.ts'
import { QuietSink } from '../../core/quiet-sink.ts'
import { whenDecided } from '../../core/undecided.ts'
import type { Timer } from '../../util/clock.ts'
import type { Composer, Publication } from './compose.ts'
import type { RetainedMessages } from './retained/retained-messages.ts'
import type { WillPacket } from './wire/packets.ts'

/** A will, and whose it is. */
export interface Will {
  readonly packet: WillPacket
  readonly vhost: string
  readonly clientId: string
  readonly identity: Identity
  readonly facts: ConnectionFacts
}

interface Delayed {
  readonly will: Will
  readonly timer: Timer
}

/** Who publishes it cannot be held, and is told nothing. */
const GONE = { close() {}, drop() {}, block() {}, unblock() {}, hold() {}, release() {}, traffic: () => NO_TRAFFIC }

/** Publishes the wills of clients that are gone: at once, or after their delay unless the session is resumed before. */
export class Wills {
  readonly #broker: Broker
  readonly #composer: Composer
  readonly #retained: RetainedMessages
  readonly #exchange: string
  readonly #delayed = new Map<string, Delayed>()

  constructor(parts: { broker: Broker; composer: Composer; retained: RetainedMessages; exchange: string }) {
    this.#broker = parts.broker
    this.#composer = parts.composer
    this.#retained = parts.retained
    this.#exchange = parts.exchange
  }

  /** The client is gone. @param delaySec the will's delay, or what is left of the session if that is less */
  left(will: Will, delaySec: number): void {
    if (delaySec === 0) {
      void this.#publish(will)
      return
    }
    const key = keyOf(will.vhost, will.clientId)
    const timer = this.#broker.clock.schedule(delaySec * 1000, {
      onTimer: () => this.sessionEnded(will.vhost, will.clientId),
    })
    this.#delayed.set(key, { will, timer })
  }

  /** The client is back in its session: it has no will to be told of. */
  sessionResumed(vhost: string, clientId: string): void {
    const key = keyOf(vhost, clientId)
    this.#delayed.get(key)?.timer.cancel()
    this.#delayed.delete(key)
  }

  /** There is no session to come back to: a will that waits does so no longer. */
  sessionEnded(vhost: string, clientId: string): void {
    const delayed = this.#delayed.get(keyOf(vhost, clientId))
    if (delayed === undefined) return
    this.sessionResumed(vhost, clientId)
    void this.#publish(delayed.will)
  }

  async #publish(will: Will): Promise<void> {
    const { vhost, identity, facts, packet, clientId } = will
    if (!this.#broker.vhosts.has(vhost)) return
    const connection = this.#broker.openInProcess(identity, vhost, facts, GONE)
    try {
      const session = connection.openSession(new QuietSink())
      await whenDecided(() => {
        const access = session.publishing.access(this.#exchange)
        const message = this.#composer.compose(publicationOf(packet), null)
        // its bytes are looked at after the queues have done with it
        session.vhost.retain(message)
        try {
          session.publishing.publish(access, message, false)
          const { topic, payload, retain } = packet
          if (retain) this.#retained.put(session.vhost, topic, payload.length === 0 ? null : message)
        } finally {
          session.vhost.release(message)
        }
      })
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error
      this.#broker.limitedLog.warn(`will ${vhost}`, 'a will was not published', { clientId, reason: error.message })
    } finally {
      connection.close()
    }
  }

  /** The server stops: nobody could publish them later. */
  close(): void {
    for (const { will } of [...this.#delayed.values()]) this.sessionEnded(will.vhost, will.clientId)
  }
}

function publicationOf({ topic, qos, retain, properties, payload }: WillPacket): Publication {
  const buffer = Buffer.concat([ROOM, payload])
  return { topic, qos, retain, properties, buffer, payloadOffset: ROOM.length, payloadLength: payload.length }
}

/** What the composer may write over. */
const ROOM = Buffer.alloc(16)

const keyOf = (vhost: string, clientId: string): string => `${vhost}\0${clientId}`
