import type { Broker } from '../../core/broker.ts'
import { longstr, stringOf, type Table } from '../../core/fields.ts'
import { type Message, withProperties } from '../../core/message.ts'
import type { VHost } from '../../core/vhost.ts'
import { WILL } from './message-mapping.ts'

const PURPOSE = 'mqtt-wills'

/** Whose a will is. */
export interface WillOwner {
  readonly clientId: string
  /** Name of the user who publishes it. */
  readonly user: string
}

export interface KeptWill extends WillOwner {
  readonly vhost: VHost
  readonly number: number
  readonly message: Message
  /** ms since the epoch */
  readonly dueAt: number
}

/** Delayed wills on disk, as messages with a header that tells whose they are: so they outlast the broker. */
export class KeptWills {
  readonly #broker: Broker

  constructor(broker: Broker) {
    this.#broker = broker
  }

  /**
   * The place for wills comes with the first one of a virtual host, and both are safe soon after: nobody waits for that, as whoever leaves a
   * will is gone.
   * @returns its number there; 0 where nothing outlasts the broker
   */
  add(vhost: VHost, { clientId, user }: WillOwner, message: Message, dueAt: number): number {
    if (!this.#broker.store.durable) return 0
    const owner: Table = new Map([
      ['client', longstr(clientId)],
      ['user', longstr(user)],
    ])
    const kept = withProperties(message, (properties) => {
      properties.headers = new Map(properties.headers ?? []).set(WILL, { type: 'table', value: owner })
    })
    const number = vhost.keptMessages(PURPOSE).add(kept, dueAt, 0)
    this.#broker.commitMetadata()?.catch(() => {})
    return number
  }

  remove(vhost: VHost, number: number): void {
    if (number !== 0) vhost.keptMessages(PURPOSE).remove(number)
  }

  /** What was kept when the broker was started. */
  async recover(): Promise<KeptWill[]> {
    const found: KeptWill[] = []
    for (const vhost of this.#broker.vhosts.values()) {
      if (!vhost.keepsMessages(PURPOSE)) continue
      await vhost.keptMessages(PURPOSE).recover((number, message, dueAt) => {
        const owner = message.properties().headers?.get(WILL)
        const facts = owner?.type === 'table' ? owner.value : new Map()
        const clientId = stringOf(facts.get('client')) ?? ''
        const user = stringOf(facts.get('user')) ?? ''
        found.push({ vhost, number, clientId, user, dueAt, message: withoutOwner(message) })
      })
    }
    return found
  }
}

/** With bytes of its own, and as it was when the will was left. */
function withoutOwner(message: Message): Message {
  let ttlMs = -1
  const will = withProperties(message, (properties) => {
    const headers = new Map(properties.headers ?? [])
    headers.delete(WILL)
    properties.headers = headers.size === 0 ? null : headers
    if (properties.expiration !== null) ttlMs = Number(properties.expiration)
  })
  will.ttlMs = ttlMs
  return will
}
