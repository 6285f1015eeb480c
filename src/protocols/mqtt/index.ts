import type { Duplex } from 'node:stream'
import { type BrokerEvent, INTERNAL_ACTOR } from '../../core/events.ts'
import type { Peer } from '../../net/listener.ts'
import { Interner } from '../../util/interner.ts'
import type { FrontEnd } from '../front-end.ts'
import { OpenConnections } from '../open-connections.ts'
import { Clients } from './clients.ts'
import { Composer } from './compose.ts'
import { Connection } from './connection.ts'
import type { MqttContext } from './context.ts'
import { NodeCounters, sysFacts } from './node-counters.ts'
import { OutgoingTopics } from './outgoing-topics.ts'
import { StoredPacketIds } from './packet-ids.ts'
import { clientOfQueue } from './session-queues.ts'
import { RetainedMessages } from './retained/retained-messages.ts'
import type { MqttSettings } from './settings.ts'
import { SharedGroups } from './shared-groups.ts'
import { SysTopics } from './sys-topics.ts'
import { Wills } from './wills.ts'

export type { MqttSettings } from './settings.ts'

/** The MQTT front end of a server: takes sockets, gives sessions. */
export class MqttFrontEnd implements FrontEnd {
  readonly #context: MqttContext
  readonly #connections: OpenConnections<Connection>
  readonly #stopListening: () => void

  /** Use `open`. */
  private constructor(context: MqttContext, connections: OpenConnections<Connection>, stopListening: () => void) {
    this.#context = context
    this.#stopListening = stopListening
    this.#connections = connections
  }

  /** Takes over what the broker has kept for it. */
  static async open(settings: MqttSettings): Promise<MqttFrontEnd> {
    const { broker, exchange } = settings
    const mapping = { sparkplug: settings.sparkplug }
    const composer = new Composer(broker, exchange, mapping)
    const retained = await RetainedMessages.open(broker, settings.retained, mapping)
    const connections = new OpenConnections<Connection>()
    const counters = new NodeCounters()
    const clients = new Clients()
    const groups = new SharedGroups(broker, exchange)
    const openTraffic = (): { received: number; sent: number } => {
      const sum = { received: 0, sent: 0 }
      for (const { transport } of connections) {
        sum.received += transport.bytesIn
        sum.sent += transport.bytesOut
      }
      return sum
    }
    const sources = { broker, counters, clients, groups, retained, version: settings.version, openTraffic }
    const onQueueDeleted = ({ actor, vhost, facts }: BrokerEvent): void => {
      const clientId = actor === INTERNAL_ACTOR ? clientOfQueue(String(facts['name'])) : null
      if (clientId !== null && clients.get(vhost!, clientId) === undefined) counters.sessionsExpired++
    }
    const stopListening = broker.events.listen(onQueueDeleted, ['queue.deleted'])
    const context = {
      settings,
      mapping,
      topics: new Interner(),
      outgoingTopics: new OutgoingTopics(mapping),
      composer,
      retained,
      packetIds: await StoredPacketIds.open(broker),
      clients,
      groups,
      wills: await Wills.open({ broker, composer, retained, exchange, mapping }),
      counters,
      sysTopics: new SysTopics(broker.clock, settings.sysIntervalMs, () => sysFacts(sources)),
    }
    return new MqttFrontEnd(context, connections, stopListening)
  }

  accept(socket: Duplex, peer: Peer): void {
    if (this.#connections.closing) {
      socket.destroy()
      return
    }
    this.#connections.open((onEnd) => new Connection(socket, peer, this.#context, onEnd))
  }

  disconnect(reason: string): void {
    for (const connection of [...this.#connections]) connection.goodbye(reason)
  }

  async close(reason: string): Promise<void> {
    await this.#connections.close((connection) => connection.goodbye(reason))
    const { wills, groups, packetIds, retained, sysTopics } = this.#context
    this.#stopListening()
    sysTopics.close()
    wills.close()
    groups.close()
    packetIds.close()
    retained.close()
  }
}
