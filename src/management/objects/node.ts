import type { Broker } from '../../core/broker.ts'
import type { ManagementHost } from '../management-host.ts'
import { detailsOf, meanDetails, type Past, ratio } from '../statistics/details.ts'
import type { Ranges } from '../statistics/ranges.ts'
import { CHURN_KEYS, NODE_KEYS, NODE_SHOWN, type NodeKey } from '../statistics/series.ts'
import { type Stats, statsOf } from '../statistics/stats.ts'
import { nodeValues } from '../statistics/totals.ts'
import { PROCESSES_MAX, socketsMax } from './node-limits.ts'
import { contexts } from './listeners.ts'
import { enabledPlugins } from './node-plugins.ts'
import type { Row } from './queue.ts'

/** What is shown of a node where statistics are not wanted. */
export const renderNodeName = ({ broker }: ManagementHost): Row => ({
  name: broker.options.nodeName,
  type: 'disc',
  running: true,
})

export function renderNode(host: ManagementHost, ranges: Ranges): Row {
  return { ...renderNodeName(host), ...facts(host), ...numbers(host, ranges) }
}

/** Of RabbitMQ, as it is announced, and of what the node runs on in place of Erlang. */
export function versionsOf({ announced }: ManagementHost): Row {
  const { node, v8, openssl } = process.versions
  return {
    rabbitmq_version: announced.version,
    erlang_version: node,
    erlang_full_version: `Node.js ${node} [V8 ${v8}]`,
    crypto_lib_version: `OpenSSL ${openssl}`,
  }
}

function facts(host: ManagementHost): Row {
  const { announced, broker, node, dataDir, startedAt, statistics, version } = host
  const { openFilesMax, processors } = node.readings()
  const plugins = enabledPlugins(host)
  return {
    ...versionsOf(host),
    os_pid: String(process.pid),
    uptime: broker.clock.now() - startedAt,
    run_queue: 0,
    processors,
    fd_total: openFilesMax,
    sockets_total: socketsMax(openFilesMax),
    proc_total: PROCESSES_MAX,
    mem_limit: node.memoryLimitBytes,
    mem_alarm: broker.alarms.memory,
    mem_calculation_strategy: 'rss',
    disk_free_limit: node.diskFreeLimitBytes,
    disk_free_alarm: broker.alarms.disk,
    rates_mode: statistics.settings.ratesMode,
    exchange_types: exchangeTypes(broker),
    auth_mechanisms: mechanisms(node.mechanisms),
    applications: [
      // where programs look for the version of RabbitMQ
      { name: 'rabbit', description: announced.product, version: announced.version },
      { name: 'warrenmq', description: 'WarrenMQ', version },
      { name: 'node', description: 'Node.js', version: process.versions.node },
      { name: 'v8', description: 'V8', version: process.versions.v8 },
      { name: 'openssl', description: 'OpenSSL', version: process.versions.openssl },
      ...plugins.map((plugin) => ({ ...plugin, version })),
    ],
    contexts: contexts(host),
    log_files: node.logFiles,
    config_files: node.configFiles,
    db_dir: dataDir ?? '',
    enabled_plugins: plugins.map(({ name }) => name),
    being_drained: host.control.maintenance.isOn,
    // one node has nobody to lose sight of
    net_ticktime: 60,
    partitions: [],
    cluster_links: [],
    ra_open_file_metrics: { ra_log_wal: 0, ra_log_segment_writer: 0 },
    metrics_gc_queue_length: NO_QUEUES,
  }
}

/** RabbitMQ's numbers of objects whose statistics are not gone yet: here they go at once. */
const NO_QUEUES = {
  connection_closed: 0,
  channel_closed: 0,
  consumer_deleted: 0,
  exchange_deleted: 0,
  queue_deleted: 0,
  vhost_deleted: 0,
  node_node_deleted: 0,
  channel_consumer_deleted: 0,
}

const COUNTED: readonly NodeKey[] = [
  'mem_used',
  'fd_used',
  'sockets_used',
  'proc_used',
  'disk_free',
  'gc_num',
  'gc_bytes_reclaimed',
  'context_switches',
  'io_read_count',
  'io_read_bytes',
  'io_write_count',
  'io_write_bytes',
  'io_sync_count',
  'mnesia_ram_tx_count',
  'mnesia_disk_tx_count',
  'msg_store_read_count',
  'msg_store_write_count',
  'queue_index_read_count',
  'queue_index_write_count',
  ...CHURN_KEYS,
]

/** Means of the time that an operation takes, in ms: of which total, and which count. */
const MEANS: readonly (readonly [key: string, total: NodeKey, count: NodeKey])[] = [
  ['io_read_avg_time', 'io_read_time', 'io_read_count'],
  ['io_write_avg_time', 'io_write_time', 'io_write_count'],
  ['io_sync_avg_time', 'io_sync_time', 'io_sync_count'],
]

/** Files are read where something is, without seeking, and are not closed to be opened again. */
const NEVER = ['io_seek_count', 'io_seek_avg_time', 'io_reopen_count']

function numbers(host: ManagementHost, { node_stats: range }: Ranges): Stats {
  const { broker, node, statistics } = host
  const values: number[] = []
  nodeValues(broker, NODE_SUMS, node.readings(), values)
  const past: Past | null = statistics.samples ? statistics.ofNode() : null
  const stats = statsOf(COUNTED, { values, shown: NODE_SHOWN, past, range })
  for (const [key, total, count] of MEANS) {
    const [totalAt, countAt] = [NODE_KEYS.indexOf(total), NODE_KEYS.indexOf(count)]
    stats[key] = ratio(values[totalAt]!, values[countAt]!)
    if (past !== null) stats[`${key}_details`] = meanDetails(past, totalAt, countAt, range)
  }
  for (const key of NEVER) {
    stats[key] = 0
    if (past !== null) stats[`${key}_details`] = detailsOf(past, [], range)
  }
  return stats
}

/** What is not looked at here. */
const NODE_SUMS: readonly number[] = NODE_KEYS.slice(0, NODE_KEYS.indexOf('connection_created')).map(() => 0)

const DESCRIPTIONS: Readonly<Record<string, string>> = {
  direct: 'AMQP direct exchange, as per the AMQP specification',
  fanout: 'AMQP fanout exchange, as per the AMQP specification',
  headers: 'AMQP headers exchange, as per the AMQP specification',
  topic: 'AMQP topic exchange, as per the AMQP specification',
  'x-consistent-hash': 'Consistent hashing exchange',
  'x-random': 'Random exchange',
  'x-local-random': 'Random exchange that prefers queues of the same node',
  'x-modulus-hash': 'Modulus hashing exchange',
  'x-recent-history': 'Exchange that gives new bindings its latest messages',
  'x-jms-topic': 'JMS topic exchange with selectors',
  'x-message-deduplication': 'Exchange that leaves out duplicates',
  'x-delayed-message': 'Exchange that keeps messages until they are due',
  'x-federation-upstream': 'Federation upstream helper exchange',
}

export function exchangeTypes({ exchangeTypes: types }: Broker): Row[] {
  return types.names().map((name) => ({
    name,
    description: DESCRIPTIONS[name] ?? 'Exchange type of a plugin',
    enabled: true,
  }))
}

const MECHANISMS: Readonly<Record<string, string>> = {
  PLAIN: 'SASL PLAIN authentication mechanism',
  AMQPLAIN: 'QPid AMQPLAIN mechanism',
  EXTERNAL: "SASL EXTERNAL: a name of the client's certificate",
  ANONYMOUS: 'SASL ANONYMOUS: clients without a name',
}

const mechanisms = (enabled: readonly string[]): Row[] =>
  Object.entries(MECHANISMS).map(([name, description]) => ({ name, description, enabled: enabled.includes(name) }))
