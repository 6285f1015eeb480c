import type { Broker } from '../../core/broker.ts'
import type { ClientConnection } from '../../core/client-connection.ts'
import { MessageCounters } from '../../core/message-counters.ts'
import type { VHost } from '../../core/vhost.ts'
import type { ManagementHost } from '../management-host.ts'
import type { Past } from '../statistics/details.ts'
import type { Ranges } from '../statistics/ranges.ts'
import { CHURN_KEYS, NODE_SHOWN, readMessages } from '../statistics/series.ts'
import { DELIVER_GROUP, PUBLISH_GROUP, statsOf, type StatsSource } from '../statistics/stats.ts'
import { lengthsOf, nodeValues } from '../statistics/totals.ts'
import { LENGTHS } from '../statistics/vhost-stats.ts'
import { exchangeTypes, versionsOf } from './node.ts'
import type { Row } from './queue.ts'

/** What does not change while the node runs. */
export function renderProduct(host: ManagementHost): Row {
  const { announced, broker, clusterName, http, statistics, version } = host
  const { ratesMode, disableStats, enableQueueTotals, retention } = statistics.settings
  const seconds = (steps: (typeof retention)['basic']): number[] => steps.map((step) => step.seconds)
  return {
    management_version: announced.version,
    rates_mode: ratesMode,
    sample_retention_policies: {
      global: seconds(retention.global),
      basic: seconds(retention.basic),
      detailed: seconds(retention.detailed),
    },
    exchange_types: exchangeTypes(broker),
    product_version: version,
    product_name: 'WarrenMQ',
    ...versionsOf(host),
    cluster_name: clusterName,
    cluster_tags: {},
    node_tags: {},
    default_queue_type: broker.options.defaultQueueType,
    release_series_support_status: 'supported',
    disable_stats: disableStats,
    is_op_policy_updating_enabled: !http.operatorPoliciesReadOnly,
    enable_queue_totals: enableQueueTotals,
  }
}

/** What of a node the caller sees. */
export interface Scope {
  /** Null for the whole node, with what was counted in virtual hosts that are gone. */
  readonly vhosts: ReadonlySet<VHost> | null
  /** Connections, with their channels and consumers, go by whose they are, and not by where: as in lists of them. */
  readonly isVisible: (connection: ClientConnection) => boolean
}

const vhostsIn = ({ vhosts }: Broker, scope: Scope): ReadonlySet<VHost> => scope.vhosts ?? new Set(vhosts.values())

/** How many of everything there are. */
export function objectTotals(broker: Broker, scope: Scope): Record<string, number> {
  const totals = { channels: 0, connections: 0, consumers: 0, exchanges: 0, queues: 0 }
  for (const connection of broker.connections) {
    if (!scope.isVisible(connection)) continue
    totals.connections++
    totals.channels += connection.channels.size
    for (const { consumers } of connection.sessions) totals.consumers += consumers.size
  }
  for (const { exchanges, queues } of vhostsIn(broker, scope)) {
    totals.exchanges += exchanges.size
    totals.queues += queues.size
  }
  return totals
}

/** The numbers of the overview. */
export function renderNumbers(host: ManagementHost, scope: Scope, ranges: Ranges): Row {
  const { broker, statistics } = host
  const shown = vhostsIn(broker, scope)
  const sums = sumOf(broker, shown)
  const values: number[] = []
  nodeValues(broker, sums, host.node.readings(), values)
  const isWhole = scope.vhosts === null
  if (!isWhole) for (const [i, value] of sums.entries()) values[i] = value
  const node = statistics.samples ? statistics.ofNode() : null
  const own = node === null || isWhole ? node : statistics.ofVhosts([...shown])
  const source = (past: Past | null, range: StatsSource['range']): StatsSource => ({
    values,
    shown: NODE_SHOWN,
    past,
    range,
  })
  // what of the disk's work is whose is not counted
  const disk = isWhole ? ['disk_reads', 'disk_writes'] : []
  return {
    message_stats: statsOf([...PUBLISH_GROUP, ...DELIVER_GROUP, ...disk], source(own, ranges.msg_rates)),
    queue_totals: statsOf(LENGTHS, source(own, ranges.lengths)),
    churn_rates: statsOf(CHURN_KEYS, source(node, ranges.msg_rates)),
    object_totals: objectTotals(broker, scope),
    statistics_db_event_queue: 0,
  }
}

/** Values of the series that virtual hosts have, of several together; traffic is not looked at. */
function sumOf(broker: Broker, vhosts: ReadonlySet<VHost>): number[] {
  const messages = new MessageCounters()
  for (const { vhost, counters } of broker.sessions()) if (vhosts.has(vhost)) messages.add(counters)
  const lengths = { ready: 0, unacked: 0, held: 0 }
  for (const vhost of vhosts) {
    messages.add(vhost.pastMessages)
    const { ready, unacked, held } = lengthsOf(vhost)
    lengths.ready += ready
    lengths.unacked += unacked
    lengths.held += held
  }
  const values: number[] = []
  readMessages(messages, values)
  return [...values, lengths.ready, lengths.unacked, lengths.held, 0, 0]
}
