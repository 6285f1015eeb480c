import type { ManagementHost } from '../../management-host.ts'
import { memoryByKind } from '../../objects/memory.ts'
import { type Family, gauge, single } from '../metric.ts'

/** By RabbitMQ's name of the kind: what its metric is called, and what it says. */
const KINDS: readonly (readonly [kind: string, name: string, help: string])[] = [
  ['code', 'code_module', 'Code module memory footprint'],
  ['connection_readers', 'client_connection_reader', 'Client connection reader processes footprint in bytes'],
  ['connection_writers', 'client_connection_writer', 'Client connection writer processes footprint in bytes'],
  ['connection_channels', 'client_connection_channel', 'Client connection channel processes footprint in bytes'],
  ['connection_other', 'client_connection_other', 'Client connection other processes footprint in bytes'],
  ['queue_procs', 'classic_queue_erlang_process', 'Classic queue processes footprint in bytes'],
  ['quorum_queue_procs', 'quorum_queue_erlang_process', 'Quorum queue processes footprint in bytes'],
  ['quorum_queue_dlx_procs', 'quorum_queue_dlx_erlang_process', 'Quorum queue DLX worker processes footprint in bytes'],
  ['stream_queue_procs', 'stream_erlang_process', 'Stream processes footprint in bytes'],
  [
    'stream_queue_replica_reader_procs',
    'stream_replica_reader_erlang_process',
    'Stream replica reader processes footprint in bytes',
  ],
  [
    'stream_queue_coordinator_procs',
    'stream_coordinator_erlang_process',
    'Stream coordinator processes footprint in bytes',
  ],
  ['plugins', 'plugin', 'Total plugin footprint in bytes'],
  ['metadata_store', 'modern_metadata_store', 'Modern metadata store footprint in bytes'],
  ['other_proc', 'other_erlang_process', 'Other processes footprint in bytes'],
  ['metrics', 'metrics', 'Metric table footprint in bytes'],
  ['mgmt_db', 'management_stats_db', 'Management stats database footprint in bytes'],
  ['mnesia', 'classic_metadata_store', 'Classic metadata store footprint in bytes'],
  ['quorum_ets', 'quorum_queue_ets_table', 'Quorum queue ETS tables footprint in bytes'],
  ['metadata_store_ets', 'modern_metadata_store_ets_table', 'Modern metadata store ETS tables footprint in bytes'],
  ['other_ets', 'other_ets_table', 'Other ETS tables footprint in bytes'],
  ['binary', 'binary_heap', 'Binary heap size in bytes'],
  ['msg_index', 'message_index', 'Message index footprint in bytes'],
  ['atom', 'atom_table', 'Atom table size in bytes'],
  ['other_system', 'other_system', 'Other runtime footprint in bytes'],
  ['allocated_unused', 'runtime_allocated_unused', 'Runtime allocated but unused blocks size in bytes'],
  ['reserved_unallocated', 'runtime_reserved_unallocated', 'Runtime reserved but unallocated blocks size in bytes'],
]

export function memoryMetrics({ broker, statistics }: ManagementHost): Family<null> {
  const { kinds } = memoryByKind(broker, statistics)
  return single(KINDS.map(([kind, name, help]) => gauge(`memory_${name}_bytes`, help, () => kinds[kind] ?? 0)))
}
