import type { HttpApi } from '../api/http.ts'
import { route } from '../api/route.ts'

/** Of `GET /api/overview`, what the commands read. */
export interface Overview {
  readonly node: string
  readonly cluster_name?: string
  readonly product_name?: string
  readonly product_version?: string
  readonly rabbitmq_version?: string
  readonly management_version?: string
  readonly erlang_version?: string
  readonly erlang_full_version?: string
  readonly crypto_lib_version?: string
  readonly release_series_support_status?: string
  readonly listeners?: readonly Listener[]
  readonly object_totals?: { readonly connections?: number; readonly queues?: number }
}

export interface Listener {
  readonly node: string
  readonly protocol: string
  readonly ip_address: string
  readonly port: number
}

/** Of `GET /api/nodes/{node}`. */
export interface NodeFacts {
  readonly name: string
  readonly type?: string
  readonly running: boolean
  readonly being_drained?: boolean
  readonly os_pid?: string
  /** In ms. */
  readonly uptime?: number
  readonly run_queue?: number
  readonly mem_used?: number
  readonly mem_limit?: number
  readonly mem_alarm?: boolean
  readonly mem_calculation_strategy?: string
  readonly disk_free?: number
  readonly disk_free_limit?: number
  readonly disk_free_alarm?: boolean
  readonly fd_used?: number
  readonly fd_total?: number
  readonly sockets_used?: number
  readonly sockets_total?: number
  readonly proc_used?: number
  readonly proc_total?: number
  readonly net_ticktime?: number
  readonly enabled_plugins?: readonly string[]
  readonly applications?: readonly { readonly name: string; readonly description: string; readonly version: string }[]
  readonly db_dir?: string
  readonly config_files?: readonly string[]
  readonly log_files?: readonly string[]
  readonly partitions?: readonly string[]
}

/** Of `GET /api/node/settings`, which RabbitMQ has not. */
export interface NodeSettings {
  /** A share of the memory, or bytes. */
  readonly vm_memory_high_watermark: { readonly relative?: number; readonly absolute?: number }
}

export type Memory = Readonly<Record<string, unknown>> & {
  readonly strategy?: string
  readonly total?: Readonly<Record<string, number>>
}

export const fetchOverview = (api: HttpApi): Promise<Overview> => api.get<Overview>('/overview')

export const fetchNode = (api: HttpApi, name: string): Promise<NodeFacts> => api.get<NodeFacts>(route`/nodes/${name}`)

/** The node that is asked. */
export const fetchThisNode = async (api: HttpApi): Promise<NodeFacts> => fetchNode(api, await api.nodeName())

export async function fetchMemory(api: HttpApi, name: string): Promise<Memory> {
  const { memory } = await api.get<{ memory: Memory | 'not_available' }>(route`/nodes/${name}/memory`)
  return typeof memory === 'string' ? {} : memory
}

/** Resource alarms of one node, in RabbitMQ's terms. */
export interface Alarm {
  readonly node: string
  readonly resource: 'memory' | 'disk'
  readonly type: 'resource_limit'
}

export function alarmsOf({ name, mem_alarm: memory, disk_free_alarm: disk }: NodeFacts): Alarm[] {
  const alarms: Alarm[] = []
  if (memory === true) alarms.push({ node: name, resource: 'memory', type: 'resource_limit' })
  if (disk === true) alarms.push({ node: name, resource: 'disk', type: 'resource_limit' })
  return alarms
}

export const alarmLine = ({ node, resource }: Alarm): string =>
  resource === 'memory' ? `Memory alarm on node ${node}` : `Free disk space alarm on node ${node}`

export interface ListenerRow {
  readonly [column: string]: string | number
  readonly node: string
  readonly protocol: string
  readonly interface: string
  readonly port: number
  readonly purpose: string
}

const PURPOSES: Readonly<Record<string, string>> = {
  amqp: 'AMQP 0-9-1 and AMQP 1.0',
  'amqp/ssl': 'AMQP 0-9-1 and AMQP 1.0 over TLS',
  mqtt: 'MQTT',
  'mqtt/ssl': 'MQTT over TLS',
  stomp: 'STOMP',
  'stomp/ssl': 'STOMP over TLS',
  http: 'HTTP API',
  https: 'HTTP API over TLS (HTTPS)',
  'http/web-amqp': 'AMQP over WebSocket',
  'https/web-amqp': 'AMQP over WebSocket and TLS (HTTPS)',
  'http/web-mqtt': 'MQTT over WebSocket',
  'https/web-mqtt': 'MQTT over WebSocket and TLS (HTTPS)',
  'http/web-stomp': 'STOMP over WebSocket',
  'https/web-stomp': 'STOMP over WebSocket and TLS (HTTPS)',
  'http/prometheus': 'Prometheus exporter API over HTTP',
  'https/prometheus': 'Prometheus exporter API over TLS (HTTPS)',
  stream: 'stream',
  'stream/ssl': 'stream over TLS',
  clustering: 'inter-node and CLI tool communication',
}

export function listenerRows(listeners: readonly Listener[] = []): ListenerRow[] {
  return listeners
    .map(({ node, protocol, ip_address: address, port }) => ({
      node,
      protocol,
      interface: address.includes(':') ? `[${address}]` : address,
      port,
      purpose: PURPOSES[protocol] ?? protocol,
    }))
    .toSorted((a, b) => (a.protocol === b.protocol ? a.port - b.port : a.protocol < b.protocol ? -1 : 1))
}

export const listenerLine = (row: ListenerRow): string =>
  `Interface: ${row.interface}, port: ${row.port}, protocol: ${row.protocol}, purpose: ${row.purpose}`
