import { route } from '../../api/route.ts'
import type { Context, CtlCommand } from '../command.ts'
import {
  alarmLine,
  alarmsOf,
  fetchMemory,
  fetchNode,
  fetchOverview,
  listenerLine,
  listenerRows,
  type Memory,
  type NodeFacts,
  type NodeSettings,
  type Overview,
} from '../node-facts.ts'
import { text, type Output } from '../output.ts'
import { decimal, inUnit, parseUnit, type Unit } from '../units.ts'

const monitoring = { section: 'Monitoring, observability and health checks', tools: ['ctl', 'diagnostics'] } as const

interface Facts {
  readonly overview: Overview
  readonly node: NodeFacts
  readonly memory: Memory
  readonly vhosts: number
  readonly settings: NodeSettings | null
}

const listOrNone = (lines: readonly string[]): readonly string[] => (lines.length === 0 ? ['(none)'] : lines)

/** Bytes by kind, the largest first. */
export function breakdown(memory: Memory): readonly (readonly [kind: string, bytes: number])[] {
  return Object.entries(memory)
    .filter((entry): entry is [string, number] => typeof entry[1] === 'number')
    .toSorted(([, a], [, b]) => b - a)
}

function totalMemory(memory: Memory): number {
  const { strategy = 'rss', total = {} } = memory
  return total[strategy] ?? total['rss'] ?? breakdown(memory).reduce((sum, [, bytes]) => sum + bytes, 0)
}

const percentage = (part: number, whole: number): number =>
  whole === 0 ? 0 : Number(((part / whole) * 100).toFixed(2))

function* section(context: Context, title: string, lines: readonly string[]): Generator<string> {
  yield context.terminal.bold(title)
  yield ''
  yield* lines
  yield ''
}

function runtimeLines({ overview, node }: Facts): string[] {
  const lines: [string, string | number | boolean | undefined][] = [
    ['OS PID', node.os_pid],
    ['Uptime (seconds)', node.uptime === undefined ? undefined : Math.floor(node.uptime / 1000)],
    ['Is under maintenance?', node.being_drained ?? false],
    ['RabbitMQ version', overview.rabbitmq_version],
    ['RabbitMQ release series support status', overview.release_series_support_status],
    ['Node name', node.name],
    ['Erlang configuration', overview.erlang_full_version],
    ['Crypto library', overview.crypto_lib_version],
    ['Erlang processes', `${node.proc_used ?? 0} used, ${node.proc_total ?? 0} limit`],
    ['Scheduler run queue', node.run_queue],
    ['Cluster heartbeat timeout (net_ticktime)', node.net_ticktime],
  ]
  return lines.filter(([, value]) => value !== undefined && value !== '').map(([name, value]) => `${name}: ${value}`)
}

/** As it was set, with a comma after it; '' where the node does not say, as RabbitMQ over HTTP. */
function watermarkSetting({ settings }: Facts, unit: Unit): string {
  const { relative, absolute } = settings?.vm_memory_high_watermark ?? {}
  if (relative !== undefined) return `${relative} of available memory, `
  return absolute === undefined ? '' : `${inUnit(absolute, unit)}, `
}

function memoryLines(facts: Facts, unit: Unit): string[] {
  const { node, memory } = facts
  const total = totalMemory(memory)
  return [
    `Total memory used: ${inUnit(total, unit)}`,
    `Calculation strategy: ${memory.strategy ?? node.mem_calculation_strategy ?? 'rss'}`,
    `Memory high watermark setting: ${watermarkSetting(facts, unit)}computed to: ${inUnit(node.mem_limit ?? 0, unit)}`,
    '',
    ...breakdown(memory).map(
      ([kind, bytes]) => `${kind}: ${inUnit(bytes, unit)} (${decimal(percentage(bytes, total), 2)} %)`,
    ),
  ]
}

function statusText(context: Context, facts: Facts, unit: Unit): string {
  const { overview, node, vhosts } = facts
  const plugins = (node.enabled_plugins ?? []).map((name) => ` * ${name}`)
  const lines = [
    ...section(context, 'Runtime', runtimeLines(facts)),
    ...section(context, 'Plugins', ['Enabled plugins:', '', ...listOrNone(plugins)]),
    ...section(context, 'Data directory', [`Node data directory: ${node.db_dir ?? ''}`]),
    ...section(context, 'Config files', listOrNone((node.config_files ?? []).map((path) => ` * ${path}`))),
    ...section(context, 'Log file(s)', listOrNone((node.log_files ?? []).map((path) => ` * ${path}`))),
    ...section(context, 'Alarms', listOrNone(alarmsOf(node).map(alarmLine))),
    ...section(context, 'Memory', memoryLines(facts, unit)),
    ...section(context, 'File Descriptors', [
      `Total: ${node.fd_used ?? 0}, limit: ${node.fd_total ?? 0}`,
      `Sockets: ${node.sockets_used ?? 0}, limit: ${node.sockets_total ?? 0}`,
    ]),
    ...section(context, 'Free Disk Space', [
      `Low free disk space watermark: ${inUnit(node.disk_free_limit ?? 0, unit)}`,
      `Free disk space: ${inUnit(node.disk_free ?? 0, unit)}`,
    ]),
    ...section(context, 'Totals', [
      `Connection count: ${overview.object_totals?.connections ?? 0}`,
      `Queue count: ${overview.object_totals?.queues ?? 0}`,
      `Virtual host count: ${vhosts}`,
    ]),
    ...section(context, 'Listeners', listOrNone(listenerRows(overview.listeners).map(listenerLine))),
  ]
  return lines.join('\n').trimEnd()
}

function statusJson({ overview, node, memory, vhosts }: Facts): unknown {
  return {
    active_plugins: node.enabled_plugins ?? [],
    alarms: alarmsOf(node),
    config_files: node.config_files ?? [],
    crypto_lib_version: overview.crypto_lib_version ?? '',
    data_directory: node.db_dir ?? '',
    disk_free: node.disk_free,
    disk_free_limit: node.disk_free_limit,
    erlang_version: overview.erlang_full_version,
    file_descriptors: {
      sockets_limit: node.sockets_total,
      sockets_used: node.sockets_used,
      total_limit: node.fd_total,
      total_used: node.fd_used,
    },
    is_under_maintenance: node.being_drained ?? false,
    listeners: listenerRows(overview.listeners),
    log_files: node.log_files ?? [],
    memory,
    net_ticktime: node.net_ticktime,
    pid: Number(node.os_pid),
    processes: { limit: node.proc_total, used: node.proc_used },
    product_name: overview.product_name ?? '',
    product_version: overview.product_version ?? '',
    rabbitmq_version: overview.rabbitmq_version,
    release_series_support_status: overview.release_series_support_status,
    run_queue: node.run_queue,
    totals: {
      virtual_host_count: vhosts,
      connection_count: overview.object_totals?.connections ?? 0,
      queue_count: overview.object_totals?.queues ?? 0,
    },
    uptime: node.uptime === undefined ? undefined : Math.floor(node.uptime / 1000),
    vm_memory_calculation_strategy: memory.strategy ?? node.mem_calculation_strategy,
    vm_memory_high_watermark_limit: node.mem_limit,
  }
}

export async function statusOutput(context: Context, unit: Unit): Promise<Output> {
  const { api } = context
  const overview = await fetchOverview(api)
  const [node, memory, vhosts, settings] = await Promise.all([
    fetchNode(api, overview.node),
    fetchMemory(api, overview.node),
    api.get<unknown[]>('/vhosts?columns=name'),
    api.find<NodeSettings>('/node/settings'),
  ])
  const facts = { overview, node, memory, vhosts: vhosts.length, settings }
  return text(statusText(context, facts, unit), statusJson(facts))
}

const status: CtlCommand = {
  ...monitoring,
  name: 'status',
  summary: 'Shows the state of the node: versions, memory, disk, alarms, listeners',
  timeoutSec: 60,
  options: [{ flags: '--unit <unit>', help: 'unit of sizes: bytes, mb or gb (gb)', completion: ['bytes', 'mb', 'gb'] }],
  async run(context) {
    const unit = parseUnit(context.option('unit'))
    await context.sayNode((node) => `Status of node ${node} ...`)
    return statusOutput(context, unit)
  },
}

interface FeatureFlag {
  readonly name: string
  readonly state: string
}

export async function clusterStatusOutput(context: Context): Promise<Output> {
  const { api } = context
  const overview = await fetchOverview(api)
  const [nodes, flags] = await Promise.all([api.get<NodeFacts[]>('/nodes'), api.find<FeatureFlag[]>('/feature-flags')])
  const running = nodes.filter((node) => node.running)
  const disk = nodes.filter(({ type }) => type !== 'ram').map(({ name }) => name)
  const listeners = listenerRows(overview.listeners)
  const versions = Object.fromEntries(
    running.map(({ name }) => [
      name,
      {
        erlang_version: overview.erlang_version,
        rabbitmq_name: 'RabbitMQ',
        rabbitmq_version: overview.rabbitmq_version,
      },
    ]),
  )
  const maintenance = (node: NodeFacts): string =>
    node.being_drained === true ? 'marked for maintenance' : 'not under maintenance'
  const alarms = nodes.flatMap(alarmsOf)
  const lines = [
    ...section(context, 'Basics', [`Cluster name: ${overview.cluster_name ?? overview.node}`]),
    ...section(context, 'Disk Nodes', listOrNone(disk)),
    ...section(context, 'Running Nodes', listOrNone(running.map(({ name }) => name))),
    ...section(
      context,
      'Versions',
      running.map(({ name }) => `${name}: RabbitMQ ${overview.rabbitmq_version} on Erlang ${overview.erlang_version}`),
    ),
    ...section(
      context,
      'Maintenance status',
      nodes.map((node) => `Node: ${node.name}, status: ${maintenance(node)}`),
    ),
    ...section(context, 'Alarms', listOrNone(alarms.map(alarmLine))),
    ...section(context, 'Network Partitions', ['(none)']),
    ...section(
      context,
      'Listeners',
      listOrNone(listeners.map((row) => `Node: ${row.node}, ${listenerLine(row).replace(/^I/, 'i')}`)),
    ),
    ...section(
      context,
      'Feature flags',
      listOrNone((flags ?? []).map(({ name, state }) => `Flag: ${name}, state: ${state}`)),
    ),
  ]
  return text(lines.join('\n').trimEnd(), {
    alarms,
    cluster_name: overview.cluster_name ?? overview.node,
    disk_nodes: disk,
    feature_flags: flags ?? [],
    listeners: Object.fromEntries(nodes.map(({ name }) => [name, listeners.filter((row) => row.node === name)])),
    maintenance_status: Object.fromEntries(nodes.map((node) => [node.name, maintenance(node)])),
    partitions: {},
    ram_nodes: nodes.filter(({ type }) => type === 'ram').map(({ name }) => name),
    running_nodes: running.map(({ name }) => name),
    versions,
  })
}

const clusterStatus: CtlCommand = {
  name: 'cluster_status',
  section: 'Cluster',
  tools: ['ctl', 'diagnostics'],
  summary: 'Shows the nodes there are, with versions, alarms, listeners and feature flags',
  timeoutSec: 60,
  async run(context) {
    await context.sayNode((node) => `Cluster status of node ${node} ...`)
    return clusterStatusOutput(context)
  },
}

const memoryBreakdown: CtlCommand = {
  ...monitoring,
  name: 'memory_breakdown',
  tools: ['diagnostics'],
  summary: 'Shows what the memory is used for',
  timeoutSec: 60,
  options: [{ flags: '--unit <unit>', help: 'unit of sizes: bytes, mb or gb (gb)', completion: ['bytes', 'mb', 'gb'] }],
  async run(context) {
    const { api, option } = context
    const unit = parseUnit(option('unit'))
    await context.sayNode((node) => `Reporting memory breakdown on node ${node}...`)
    const memory = await fetchMemory(api, await api.nodeName())
    const total = totalMemory(memory)
    const rows = breakdown(memory)
    const lines = rows.map(
      ([kind, bytes]) => `${kind}: ${inUnit(bytes, unit)} (${decimal(percentage(bytes, total), 2)}%)`,
    )
    return text(
      lines,
      Object.fromEntries(rows.map(([kind, bytes]) => [kind, { bytes, percentage: percentage(bytes, total) }])),
    )
  },
}

const version = (name: string, what: string, read: (overview: Overview) => string | undefined): CtlCommand => ({
  ...monitoring,
  name,
  tools: ['diagnostics'],
  summary: `Shows the ${what} of the node`,
  timeoutSec: 60,
  async run(context) {
    await context.sayNode((node) => `Asking node ${node} for its ${what}...`)
    const value = read(await fetchOverview(context.api)) ?? ''
    return text(value, { result: 'ok', value })
  },
})

const listNodeAuthAttempts: CtlCommand = {
  ...monitoring,
  name: 'list_node_auth_attempt_stats',
  summary: 'Lists how often clients have tried to log in, and how often in vain',
  options: [{ flags: '--by-source', help: 'by address and user' }],
  async run(context) {
    const { api, flag } = context
    await context.sayNode((node) => `Listing authentication attempts for node "${node}" ...`)
    const bySource = flag('by-source')
    const path = route`/auth/attempts/${await api.nodeName()}`
    const rows = await api.get<Readonly<Record<string, string | number>>[]>(bySource ? `${path}/source` : path)
    const source = bySource ? ['remote_address', 'username'] : []
    const columns = [...source, 'protocol', 'auth_attempts', 'auth_attempts_failed', 'auth_attempts_succeeded']
    return { kind: 'table', columns, rows }
  },
}

const resetNodeAuthAttempts: CtlCommand = {
  name: 'reset_node_auth_attempt_metrics',
  section: 'Configuration and Environment',
  tools: ['diagnostics'],
  summary: 'Counts attempts to log in anew',
  async run(context) {
    await context.sayNode((node) => `Reset auth attempt metrics on node ${node} ...`)
    await context.api.delete(route`/auth/attempts/${await context.api.nodeName()}`)
  },
}

export const STATUS_COMMANDS = [
  clusterStatus,
  listNodeAuthAttempts,
  memoryBreakdown,
  resetNodeAuthAttempts,
  status,
  version('server_version', 'RabbitMQ version', ({ rabbitmq_version }) => rabbitmq_version),
  version('erlang_version', 'Erlang/OTP version', ({ erlang_version }) =>
    erlang_version === undefined ? undefined : `Erlang/OTP ${erlang_version}`,
  ),
]
