import type { ManagementHost } from '../management-host.ts'
import { type Format, trailer } from './exposition.ts'
import {
  channelExchangeMetrics,
  channelMetrics,
  channelProcessMetrics,
  channelQueueMetrics,
} from './families/channel.ts'
import { exchangeBindings, exchangeMetrics, exchangeNames, vhostStatus } from './families/cluster.ts'
import { connectionCoarseMetrics, connectionMetrics } from './families/connection.ts'
import { globalDeadLetterMetrics, globalProtocolMetrics, globalQueueTypeMetrics } from './families/global.ts'
import { identity } from './families/identity.ts'
import { memoryMetrics } from './families/memory.ts'
import {
  alarmMetrics,
  authMetrics,
  churnMetrics,
  nodeCoarseMetrics,
  nodeMetrics,
  persisterMetrics,
  processMetrics,
  totals,
} from './families/node.ts'
import {
  channelQueueExchangeMetrics,
  queueCoarseMetrics,
  queueConsumerCount,
  queueDeliveryMetrics,
  queueExchangeMetrics,
  queueInfo,
  queueMetrics,
  type VhostFilter,
} from './families/queue.ts'
import { warrenMetrics } from './families/warren.ts'
import type { AnyFamily } from './metric.ts'
import { renderEach, renderSums } from './render.ts'

const PREFIX = 'rabbitmq_'
const DETAILED_PREFIX = 'rabbitmq_detailed_'
const CLUSTER_PREFIX = 'rabbitmq_cluster_'
const OWN_PREFIX = 'warren_'

type MakeFamily = (host: ManagementHost, filter: VhostFilter) => AnyFamily

/** Families of objects of which there may be many, by the names that `/metrics/detailed` asks for them with. */
const OBJECT_FAMILIES: Readonly<Record<string, MakeFamily>> = {
  queue_coarse_metrics: queueCoarseMetrics,
  queue_metrics: queueMetrics,
  queue_consumer_count: queueConsumerCount,
  channel_metrics: channelMetrics,
  channel_exchange_metrics: channelExchangeMetrics,
  channel_process_metrics: channelProcessMetrics,
  channel_queue_metrics: channelQueueMetrics,
  connection_coarse_metrics: connectionCoarseMetrics,
  connection_metrics: connectionMetrics,
  channel_queue_exchange_metrics: channelQueueExchangeMetrics,
  exchange_metrics: exchangeMetrics,
  queue_delivery_metrics: queueDeliveryMetrics,
  queue_exchange_metrics: queueExchangeMetrics,
}

/** Families of the node. */
const NODE_FAMILIES: Readonly<Record<string, MakeFamily>> = {
  connection_churn_metrics: churnMetrics,
  node_coarse_metrics: nodeCoarseMetrics,
  node_metrics: nodeMetrics,
  node_persister_metrics: persisterMetrics,
  auth_attempt_metrics: authMetrics,
}

/** What `/metrics/detailed` alone has. */
const CLUSTER_FAMILIES: Readonly<Record<string, MakeFamily>> = {
  vhost_status: vhostStatus,
  exchange_bindings: exchangeBindings,
  exchange_names: exchangeNames,
}

/** RabbitMQ tells more of queues where it is asked for one of these. */
const WITH_QUEUE_INFO: readonly string[] = ['queue_coarse_metrics', 'queue_consumer_count', 'queue_metrics']

const everything: VhostFilter = () => true

/** `/metrics`: sums over all objects of a kind. */
export async function* aggregated(host: ManagementHost, format: Format): AsyncGenerator<string> {
  const seen = new Set<string>()
  yield* nodeText(host, format, seen)
  for (const make of Object.values(OBJECT_FAMILIES)) yield* renderSums(make(host, everything), PREFIX, format, seen)
  yield* identityText(host, 'aggregated', format)
}

/** `/metrics/per-object`: each object on its own. */
export async function* perObject(host: ManagementHost, format: Format): AsyncGenerator<string> {
  const seen = new Set<string>()
  yield* nodeText(host, format, seen)
  for (const make of Object.values(OBJECT_FAMILIES)) yield* renderEach(make(host, everything), PREFIX, format, seen)
  yield* renderEach(queueInfo(host, everything), PREFIX, format, seen)
  yield* identityText(host, 'per-object', format)
}

export interface DetailedQuery {
  /** Names of families; unknown ones are passed over, as in RabbitMQ. */
  readonly families: readonly string[]
  /** Empty for all. */
  readonly vhosts: readonly string[]
}

/** `/metrics/detailed`: the families that are asked for, and of them what is in the virtual hosts that are. */
export async function* detailed(
  host: ManagementHost,
  { families, vhosts }: DetailedQuery,
  format: Format,
): AsyncGenerator<string> {
  const seen = new Set<string>()
  const filter: VhostFilter = vhosts.length === 0 ? everything : ({ name }) => vhosts.includes(name)
  const wanted = (from: Readonly<Record<string, MakeFamily>>): AnyFamily[] =>
    Object.keys(from)
      .filter((name) => families.includes(name))
      .map((name) => from[name]!(host, filter))
  for (const family of [...wanted(NODE_FAMILIES), ...wanted(OBJECT_FAMILIES)]) {
    yield* renderEach(family, DETAILED_PREFIX, format, seen)
  }
  for (const family of wanted(CLUSTER_FAMILIES)) yield* renderEach(family, CLUSTER_PREFIX, format, seen)
  if (families.some((name) => WITH_QUEUE_INFO.includes(name))) {
    yield* renderEach(queueInfo(host, filter), DETAILED_PREFIX, format, seen)
  }
  yield* identityText(host, 'detailed', format)
}

/** `/metrics/memory-breakdown`. */
export async function* memoryBreakdown(host: ManagementHost, format: Format): AsyncGenerator<string> {
  yield* renderEach(memoryMetrics(host), PREFIX, format, new Set())
  yield* identityText(host, 'memory-breakdown', format)
}

async function* nodeText(host: ManagementHost, format: Format, seen: Set<string>): AsyncGenerator<string> {
  yield* renderEach(processMetrics(host), '', format, seen)
  const families = [
    alarmMetrics(host),
    ...Object.values(NODE_FAMILIES).map((make) => make(host, everything)),
    totals(host),
    globalProtocolMetrics(host),
    globalQueueTypeMetrics(host),
    ...globalDeadLetterMetrics(host),
  ]
  for (const family of families) yield* renderEach(family, PREFIX, format, seen)
  for (const family of warrenMetrics(host)) yield* renderEach(family, OWN_PREFIX, format, seen)
}

async function* identityText(host: ManagementHost, endpoint: string, format: Format): AsyncGenerator<string> {
  for (const family of identity(host, endpoint)) yield* renderEach(family, PREFIX, format, new Set())
  yield trailer(format)
}
