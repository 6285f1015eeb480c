import type { Broker } from '../../../core/broker.ts'
import type { DelayLine } from '../../../core/delays/delay-line.ts'
import type { VHost } from '../../../core/vhost.ts'
import type { ManagementHost } from '../../management-host.ts'
import { memoryByKind } from '../../objects/memory.ts'
import { label, labelsOf } from '../exposition.ts'
import { type AnyFamily, counter, type Family, gauge, single } from '../metric.ts'
import { allQueueCounters } from './queue.ts'

// WarrenMQ's own, under `warren_`.

export function warrenMetrics(host: ManagementHost): AnyFamily[] {
  return [
    journal(host.broker),
    residency(host.broker),
    eventLoop(host),
    memory(host),
    pressure(host.broker),
    special(host),
    delays(host.broker),
  ]
}

function journal({ store }: Broker): Family<null> {
  const { files, bytes, liveBytes, waitingBytes, indexBytes } = store.diskStats()
  return single([
    gauge('journal_files', 'Files of the message store', () => files),
    gauge('journal_bytes', 'Bytes of the files of the message store', () => bytes),
    gauge('journal_live_bytes', 'Of these, bytes of what is still wanted', () => liveBytes),
    gauge('journal_waiting_bytes', 'Bytes given to the message store that are not written yet', () => waitingBytes),
    gauge('journal_index_bytes', 'Memory that the indexes of queues take', () => indexBytes),
    gauge('journal_congested', 'Whether publishers wait for the message store', () => (store.congested ? 1 : 0)),
    counter('journal_syncs_total', 'Times that something was made safe on disk', () => store.counters.syncs),
    counter('journal_sync_seconds_total', 'Time that took, in all', () => store.counters.syncMs / 1000),
  ])
}

/** Where the messages of all queues are. */
function residency({ vhosts }: Broker): Family<readonly [place: string, messages: number]> {
  const sums: Record<'alpha' | 'beta' | 'gamma' | 'delta', number> = { alpha: 0, beta: 0, gamma: 0, delta: 0 }
  for (const { queues } of vhosts.values()) {
    for (const queue of queues.values()) {
      const { alpha, beta, gamma, delta } = queue.residency()
      sums.alpha += alpha
      sums.beta += beta
      sums.gamma += gamma
      sums.delta += delta
    }
  }
  const help =
    'Messages by where they are: alpha in memory, beta with the body on disk only, gamma with the index there too, delta as gamma in a record of several queues'
  return {
    rows: () => Object.entries(sums),
    labels: ([place]) => label('residency', place),
    metrics: [gauge('messages', help, ([, messages]) => messages)],
  }
}

function eventLoop({ node }: ManagementHost): Family<null> {
  const { loopUtilization, loopDelay } = node.readings()
  const since = 'in the last sampling interval'
  return single([
    gauge('event_loop_utilization', `Share of the time that the event loop was busy ${since}`, () => loopUtilization),
    gauge('event_loop_delay_seconds', `How late the event loop was on average ${since}`, () => loopDelay.mean),
    gauge('event_loop_delay_p99_seconds', `How late it was in one of 100 cases ${since}`, () => loopDelay.p99),
    gauge('event_loop_delay_max_seconds', `How late it was at most ${since}`, () => loopDelay.max),
  ])
}

function memory({ broker, statistics }: ManagementHost): Family<readonly [kind: string, bytes: number]> {
  const { own } = memoryByKind(broker, statistics)
  return {
    rows: () => Object.entries(own),
    labels: ([kind]) => label('kind', kind),
    metrics: [gauge('memory_bytes', 'Memory of the process by kind; kinds overlap', ([, bytes]) => bytes)],
  }
}

function pressure({ connections, heldConnections, memory: messages }: Broker): Family<null> {
  const blocked = (): number => connections.values().reduce((sum, connection) => sum + (connection.blocked ? 1 : 0), 0)
  return single([
    gauge('connections_blocked', 'Connections held by a resource alarm', blocked),
    gauge('connections_held', 'Connections held because the store does not keep up', () => heldConnections.size),
    gauge('message_memory_bytes', 'Memory that messages take, of the budget for them', () => messages.used),
    gauge('message_memory_short', 'Whether messages have to leave memory', () => (messages.short ? 1 : 0)),
  ])
}

/** What RabbitMQ does not have: retries, groups, duplicates. */
function special(host: ManagementHost): Family<null> {
  const { broker } = host
  const counters = allQueueCounters(host)
  let held = 0
  let groups = 0
  let duplicates = counters.deduplicated
  for (const { queues, exchanges } of broker.vhosts.values()) {
    for (const queue of queues.values()) {
      held += queue.heldCount
      groups += queue.groupCount
    }
    for (const exchange of exchanges.values()) duplicates += exchange.deduplicated
  }
  duplicates += broker.counters.pastDeduplicated
  return single([
    gauge(
      'messages_held',
      'Messages that wait for their next attempt, or for their dead letter to be taken',
      () => held,
    ),
    counter('retries_total', 'Returns after which a message had to rest', () => counters.retried),
    counter('messages_lost_total', 'Messages that were to be in the store, and were not', () => counters.lost),
    gauge('message_groups', 'Message groups that are busy', () => groups),
    counter('duplicates_total', 'Duplicates that exchanges and queues left out', () => duplicates),
  ])
}

interface LineRow {
  readonly vhost: VHost
  readonly line: DelayLine
}

/** Messages that wait until they are due, by who keeps them. */
function delays({ vhosts }: Broker): Family<LineRow> {
  function* rows(): Generator<LineRow> {
    for (const vhost of vhosts.values()) for (const line of vhost.delays.lines) yield { vhost, line }
  }
  return {
    rows,
    labels: ({ vhost, line: { owner } }) => labelsOf({ vhost: vhost.name, kind: owner.kind, name: owner.name }),
    metrics: [gauge('delayed_messages', 'Messages that wait until they are due', ({ line }) => line.count)],
  }
}
