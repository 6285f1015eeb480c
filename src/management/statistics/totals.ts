import type { Broker } from '../../core/broker.ts'
import type { MessageCounters } from '../../core/message-counters.ts'
import type { VHost } from '../../core/vhost.ts'
import type { NodeReadings } from '../../telemetry/node-gauges.ts'
import { readMessages } from './series.ts'

// Values of the series of virtual hosts and of the node, in the order of VHOST_KEYS and NODE_KEYS.

/** How many messages a virtual host's queues have. */
export function lengthsOf({ queues }: VHost): { ready: number; unacked: number; held: number } {
  let ready = 0
  let unacked = 0
  let held = 0
  for (const queue of queues.values()) {
    ready += queue.readyCount
    unacked += queue.unackedCount
    held += queue.heldCount
  }
  return { ready, unacked, held }
}

/** @param traffic of the connections that are open, bytes */
export function vhostValues(
  vhost: VHost,
  messages: MessageCounters,
  [received, sent]: readonly [received: number, sent: number],
  out: number[],
): void {
  out.length = 0
  readMessages(messages, out)
  const { ready, unacked, held } = lengthsOf(vhost)
  const { receivedBytes, sentBytes } = vhost.pastTraffic
  out.push(ready, unacked, held, receivedBytes + received, sentBytes + sent)
}

/** @param sums of the virtual hosts */
export function nodeValues(broker: Broker, sums: readonly number[], readings: NodeReadings, out: number[]): void {
  const { counters: churn, store, catalog, connections } = broker
  const { counters: io } = store
  out.length = 0
  out.push(...sums)
  // virtual hosts go, and what was counted in them does not
  readMessages(broker.messageCounters(), out)
  out.push(
    churn.connectionsOpened,
    churn.connectionsClosed,
    churn.sessionsOpened,
    churn.sessionsClosed,
    churn.queuesDeclared,
    churn.queuesCreated,
    churn.queuesDeleted,
  )
  out.push(io.reads, io.readBytes, io.readMs, io.writes, io.writeBytes, io.writeMs, io.syncs, io.syncMs)
  out.push(io.messagesRead, io.messagesWritten, io.indexReads, io.indexWrites)
  out.push(catalog.changes, churn.metadataCommits)
  const { memoryBytes, openFiles, diskFreeBytes, collections, collectedBytes, contextSwitches } = readings
  out.push(memoryBytes, openFiles, connections.size, processCount(broker), diskFreeBytes)
  out.push(collections, collectedBytes, contextSwitches)
}

/** What in RabbitMQ has a process of its own, and here is an object: connections, channels, queues. */
export function processCount({ connections, vhosts }: Broker): number {
  let count = 0
  for (const { sessions } of connections) count += 1 + sessions.size
  for (const { queues } of vhosts.values()) count += queues.size
  return count
}
