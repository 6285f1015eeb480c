import type { AttemptCounts } from '../../../auth/login-attempts.ts'
import { connectionFilesMax } from '../../../telemetry/open-files.ts'
import type { ManagementHost } from '../../management-host.ts'
import { PROCESSES_MAX, socketsMax } from '../../objects/node-limits.ts'
import { processCount } from '../../statistics/totals.ts'
import { labelsOf } from '../exposition.ts'
import { counter, type Family, gauge, single } from '../metric.ts'

// Of the node as a whole. Names and texts are those of rabbitmq_prometheus, by its families.

export function churnMetrics({ broker: { counters } }: ManagementHost): Family<null> {
  return single([
    counter('connections_opened_total', 'Total number of connections opened', () => counters.connectionsOpened),
    counter(
      'connections_closed_total',
      'Total number of connections closed or terminated',
      () => counters.connectionsClosed,
    ),
    counter('channels_opened_total', 'Total number of channels opened', () => counters.sessionsOpened),
    counter('channels_closed_total', 'Total number of channels closed', () => counters.sessionsClosed),
    counter('queues_declared_total', 'Total number of queues declared', () => counters.queuesDeclared),
    counter('queues_created_total', 'Total number of queues created', () => counters.queuesCreated),
    counter('queues_deleted_total', 'Total number of queues deleted', () => counters.queuesDeleted),
  ])
}

export function nodeCoarseMetrics({ broker, node }: ManagementHost): Family<null> {
  const now = node.readings()
  return single([
    gauge('process_open_fds', 'Open file descriptors', () => now.openFiles),
    gauge('process_open_tcp_sockets', 'Open TCP sockets', () => broker.connections.size),
    gauge('process_resident_memory_bytes', 'Memory used in bytes', () => now.memoryBytes),
    gauge('disk_space_available_bytes', 'Disk space available in bytes', () => now.diskFreeBytes),
    gauge('erlang_processes_used', 'Erlang processes used', () => processCount(broker)),
    counter('erlang_gc_runs_total', 'Total number of Erlang garbage collector runs', () => now.collections),
    counter(
      'erlang_gc_reclaimed_bytes_total',
      'Total number of bytes of memory reclaimed by Erlang garbage collector',
      () => now.collectedBytes,
    ),
    counter(
      'erlang_scheduler_context_switches_total',
      'Total number of Erlang scheduler context switches',
      () => now.contextSwitches,
    ),
  ])
}

export function nodeMetrics({ broker, node, startedAt }: ManagementHost): Family<null> {
  const { openFilesMax } = node.readings()
  return single([
    gauge('process_max_fds', 'Open file descriptors limit', () => openFilesMax),
    gauge('process_max_tcp_sockets', 'Open TCP sockets limit', () => socketsMax(openFilesMax)),
    gauge('resident_memory_limit_bytes', 'Memory high watermark in bytes', () => node.memoryLimitBytes),
    gauge('disk_space_available_limit_bytes', 'Free disk space low watermark in bytes', () => node.diskFreeLimitBytes),
    gauge('erlang_processes_limit', 'Erlang processes limit', () => PROCESSES_MAX),
    gauge('erlang_uptime_seconds', 'Node uptime', () => (broker.clock.now() - startedAt) / 1000),
  ])
}

export function persisterMetrics({ broker: { store, catalog, counters } }: ManagementHost): Family<null> {
  const io = store.counters
  return single([
    counter('io_read_ops_total', 'Total number of I/O read operations', () => io.reads),
    counter('io_read_bytes_total', 'Total number of I/O bytes read', () => io.readBytes),
    counter('io_write_ops_total', 'Total number of I/O write operations', () => io.writes),
    counter('io_write_bytes_total', 'Total number of I/O bytes written', () => io.writeBytes),
    counter('io_sync_ops_total', 'Total number of I/O sync operations', () => io.syncs),
    counter('schema_db_ram_tx_total', 'Total number of Schema DB memory transactions', () => catalog.changes),
    counter('schema_db_disk_tx_total', 'Total number of Schema DB disk transactions', () => counters.metadataCommits),
    counter('msg_store_read_total', 'Total number of Message Store read operations', () => io.messagesRead),
    counter('msg_store_write_total', 'Total number of Message Store write operations', () => io.messagesWritten),
    counter('queue_index_read_ops_total', 'Total number of Queue Index read operations', () => io.indexReads),
    counter('queue_index_write_ops_total', 'Total number of Queue Index write operations', () => io.indexWrites),
    counter('io_read_time_seconds_total', 'Total I/O read time', () => io.readMs / 1000),
    counter('io_write_time_seconds_total', 'Total I/O write time', () => io.writeMs / 1000),
    counter('io_sync_time_seconds_total', 'Total I/O sync time', () => io.syncMs / 1000),
  ])
}

export function authMetrics({ authenticator }: ManagementHost): Family<AttemptCounts> {
  return {
    rows: () => authenticator.attempts.byProtocol(),
    labels: ({ protocol }) => labelsOf({ protocol }),
    metrics: [
      counter(
        'auth_attempts_total',
        'Total number of authorization attempts',
        ({ succeeded, failed }) => succeeded + failed,
      ),
      counter(
        'auth_attempts_succeeded_total',
        'Total number of successful authentication attempts',
        ({ succeeded }) => succeeded,
      ),
      counter('auth_attempts_failed_total', 'Total number of failed authentication attempts', ({ failed }) => failed),
    ],
  }
}

export function alarmMetrics({ broker: { alarms }, node }: ManagementHost): Family<null> {
  const { openFiles, openFilesMax } = node.readings()
  const flag = (name: string, what: string, isOn: () => boolean) =>
    ({
      name: `alarms_${name}`,
      type: 'untyped',
      help: `is 1 if ${what} alarm is in effect`,
      value: () => (isOn() ? 1 : 0),
    }) as const
  return single([
    flag('file_descriptor_limit', 'file descriptor limit', () => openFiles >= connectionFilesMax(openFilesMax)),
    flag('free_disk_space_watermark', 'free disk space watermark', () => alarms.disk),
    flag('memory_used_watermark', 'VM memory watermark', () => alarms.memory),
  ])
}

/** How many of everything there are. */
export function totals({ broker }: ManagementHost): Family<null> {
  const sum = (of: (vhost: { readonly queues: { readonly size: number } }) => number): number =>
    broker.vhosts.values().reduce((total, vhost) => total + of(vhost), 0)
  const channels = (): number => broker.connections.values().reduce((total, { channels: { size } }) => total + size, 0)
  return single([
    gauge('connections', 'Connections currently open', () => broker.connections.size),
    gauge('channels', 'Channels currently open', channels),
    gauge('consumers', 'Consumers currently connected', () => consumerCount(broker)),
    gauge('queues', 'Queues available', () => sum(({ queues }) => queues.size)),
  ])
}

export function consumerCount({ vhosts }: ManagementHost['broker']): number {
  let count = 0
  for (const { queues } of vhosts.values()) for (const queue of queues.values()) count += queue.consumerCount
  return count
}

/** Of the process, by the names of Prometheus' own clients. */
export function processMetrics({ startedAt }: ManagementHost): Family<null> {
  const help = 'Start time of the process since unix epoch in seconds.'
  return single([gauge('process_start_time_seconds', help, () => startedAt / 1000)])
}
