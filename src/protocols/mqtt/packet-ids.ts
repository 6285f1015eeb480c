import type { Broker } from '../../core/broker.ts'
import type { BrokerEvent } from '../../core/events.ts'
import { composeMessage, Properties } from '../../core/message.ts'
import type { VHost } from '../../core/vhost.ts'
import { clientOfQueue, qos1QueueOf } from './session-queues.ts'

const PURPOSE = 'mqtt-packet-ids'

/** What has become of a packet id. Received: a PUBLISH of QoS 2 came, PUBREL did not. Released: PUBREC came, PUBCOMP did not. */
type State = 'received' | 'released'
const STATES: readonly State[] = ['received', 'released']

/** The packet ids of QoS 2 that a session has under way. Of each the number under which it is kept, or 0. */
export class PacketIds {
  readonly received = new Map<number, number>()
  readonly released = new Map<number, number>()
  /** PUBCOMP came, and from the position given on the log says so. */
  readonly #completed = new Map<number, number>()

  completed(packetId: number, position: number): void {
    // what came last is last
    this.#completed.delete(packetId)
    this.#completed.set(packetId, position)
  }

  /**
   * Whether another message may have the id. A crash would bring PUBREL again for one that is not safely completed, and the client would
   * take that for the new message's. @param committed position up to which the log is safe
   */
  isFree(packetId: number, committed: number): boolean {
    if (this.released.has(packetId)) return false
    this.#forgetCompleted(committed)
    return !this.#completed.has(packetId)
  }

  /** Whether there is nothing to know. @param committed position up to which the log is safe */
  isEmpty(committed: number): boolean {
    this.#forgetCompleted(committed)
    return this.received.size === 0 && this.released.size === 0 && this.#completed.size === 0
  }

  #forgetCompleted(committed: number): void {
    if (this.#completed.size === 0) return
    for (const [packetId, position] of this.#completed) {
      if (position > committed) return
      this.#completed.delete(packetId)
    }
  }
}

/**
 * Packet ids of QoS 2: in memory, and kept with the messages where the session outlasts its connection. To be changed within the transaction
 * of the store that the message is in, so that after a crash both or neither is there.
 */
export class StoredPacketIds {
  readonly #broker: Broker
  /** Of sessions that outlast their connections, by virtual host and client id. */
  readonly #vhosts = new Map<string, Map<string, PacketIds>>()
  readonly #stopListening: () => void

  /** Use `open`. */
  private constructor(broker: Broker) {
    this.#broker = broker
    this.#stopListening = broker.events.listen((event) => this.#onDeleted(event), ['vhost.deleted', 'queue.deleted'])
  }

  #onDeleted({ name, vhost, facts }: BrokerEvent): void {
    if (name === 'vhost.deleted') {
      this.#vhosts.delete(vhost!)
      return
    }
    const clientId = clientOfQueue(String(facts['name']))
    if (clientId !== null) this.forget(this.#broker.vhosts.get(vhost!), clientId)
  }

  /** Takes over what was under way before a restart. */
  static async open(broker: Broker): Promise<StoredPacketIds> {
    const stored = new StoredPacketIds(broker)
    for (const vhost of broker.vhosts.values()) if (vhost.keepsMessages(PURPOSE)) await stored.#recover(vhost)
    return stored
  }

  async #recover(vhost: VHost): Promise<void> {
    const kept = vhost.keptMessages(PURPOSE)
    const gone: number[] = []
    await kept.recover((number, message) => {
      const { exchange: state, routingKey: clientId, buffer, bodyOffset } = message
      const isThere = vhost.queues.has(qos1QueueOf(clientId)) && STATES.includes(state as State)
      if (isThere) this.of(vhost, clientId)[state as State].set(buffer.readUInt16BE(bodyOffset), number)
      else gone.push(number)
    })
    for (const number of gone) kept.remove(number)
  }

  /** Of a session that outlasts its connection. */
  of(vhost: VHost, clientId: string): PacketIds {
    let clients = this.#vhosts.get(vhost.name)
    if (clients === undefined) this.#vhosts.set(vhost.name, (clients = new Map()))
    let ids = clients.get(clientId)
    if (ids === undefined) clients.set(clientId, (ids = new PacketIds()))
    return ids
  }

  add(vhost: VHost, clientId: string, state: State, packetId: number): void {
    const body = Buffer.from([packetId >>> 8, packetId & 0xff])
    const message = composeMessage(state, clientId, new Properties(), body, this.#broker.propertyFormat)
    message.persistent = true
    const number = vhost.keptMessages(PURPOSE).add(message, -1, 0)
    // with the first one, the place for them
    void this.#broker.commitMetadata()
    this.of(vhost, clientId)[state].set(packetId, number)
  }

  /** @returns the position in the log from which on it does not come back */
  remove(vhost: VHost, clientId: string, state: State, packetId: number): number {
    const ids = this.of(vhost, clientId)[state]
    const number = ids.get(packetId)
    if (number === undefined) return 0
    ids.delete(packetId)
    return vhost.keptMessages(PURPOSE).remove(number)
  }

  /** The session is over. */
  forget(vhost: VHost | undefined, clientId: string): void {
    const clients = vhost === undefined ? undefined : this.#vhosts.get(vhost.name)
    const ids = clients?.get(clientId)
    if (ids === undefined) return
    clients!.delete(clientId)
    for (const state of STATES) for (const number of ids[state].values()) vhost!.keptMessages(PURPOSE).remove(number)
  }

  close(): void {
    this.#stopListening()
  }
}
