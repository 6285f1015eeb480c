import type { Broker } from '../../core/broker.ts'
import type { VHost } from '../../core/vhost.ts'
import type { Clients } from './clients.ts'
import type { RetainedMessages } from './retained/retained-messages.ts'
import { clientOfQos0Queue, clientOfQueue, qos1QueueOf } from './session-queues.ts'
import type { SharedGroups } from './shared-groups.ts'
import type { SysFacts } from './sys-topics.ts'

/** What MQTT has done since the server was started. Plain numbers that only rise, but for `subscriptions`. */
export class NodeCounters {
  clientsMaximum = 0
  connectionsOpened = 0
  packetsReceived = 0
  packetsSent = 0
  publishReceived = 0
  publishSent = 0
  publishBytesReceived = 0
  publishBytesSent = 0
  /** Of connections that are closed. */
  bytesReceived = 0
  bytesSent = 0
  sessionsExpired = 0
  /** Of the clients that are connected. */
  subscriptions = 0
}

export interface SysSources {
  readonly broker: Broker
  readonly counters: NodeCounters
  readonly clients: Clients
  readonly groups: SharedGroups
  readonly retained: RetainedMessages
  readonly version: string
  /** Of the connections that are open. */
  readonly openTraffic: () => { received: number; sent: number }
}

/** As the `$SYS` topics tell it. Looks at every queue: to be called every few seconds, not more. */
export function sysFacts(sources: SysSources): SysFacts {
  const { broker, counters, clients, groups, retained, version } = sources
  let dropped = 0
  let away = 0
  for (const vhost of broker.vhosts.values()) {
    for (const queue of vhost.queues.values()) {
      if (queue.rules.keepsNothing === true) dropped += queue.counters.droppedFor.maxlen
      const clientId = clientOfQueue(queue.name) ?? ofQos0Alone(vhost, queue.name)
      if (clientId !== null && clients.get(vhost.name, clientId) === undefined) away++
    }
  }
  const { received, sent } = sources.openTraffic()
  return {
    version,
    startedAt: broker.startedAt,
    clientsConnected: clients.count,
    clientsDisconnected: away,
    clientsMaximum: counters.clientsMaximum,
    clientsExpired: counters.sessionsExpired,
    connectionsOpened: counters.connectionsOpened,
    packetsReceived: counters.packetsReceived,
    packetsSent: counters.packetsSent,
    publishReceived: counters.publishReceived,
    publishSent: counters.publishSent,
    publishDropped: dropped,
    publishBytesReceived: counters.publishBytesReceived,
    publishBytesSent: counters.publishBytesSent,
    bytesReceived: counters.bytesReceived + received,
    bytesSent: counters.bytesSent + sent,
    subscriptions: counters.subscriptions,
    sharedSubscriptions: groups.count,
    retained: retained.count,
  }
}

/** Whose session has this queue and no other, so that each is counted once. */
function ofQos0Alone({ queues }: VHost, queue: string): string | null {
  const clientId = clientOfQos0Queue(queue)
  return clientId === null || queues.has(qos1QueueOf(clientId)) ? null : clientId
}
