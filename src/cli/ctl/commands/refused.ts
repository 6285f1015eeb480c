import { CliError } from '../../errors.ts'
import { EXIT, type ExitCode } from '../../exit-codes.ts'
import type { Argument, CommandOption } from '../../command-spec.ts'
import type { CtlCommand, Section, Tool } from '../command.ts'

/**
 * Commands of RabbitMQ's tools that have no meaning here. They are known, so that a script is told why, and what to do
 * instead, in place of an unknown command.
 */
interface Refused {
  readonly name: string
  readonly section: Section
  readonly tools: readonly Tool[]
  readonly why: string
  readonly code?: ExitCode
  /** More words than these are as good: nothing is done with them. */
  readonly options?: readonly CommandOption[]
}

const ctl = ['ctl'] as const
const diagnostics = ['diagnostics'] as const
const queues = ['queues'] as const

const CLUSTER = 'this needs a cluster, and this node is alone'
const ERLANG = 'this is about the Erlang runtime, which the node does not have'
export const CODE = 'code is not run in the node'
const ENCRYPTED = 'configuration values are not encrypted here: keep them in the environment or in a file of their own'

const flags = (...list: readonly string[]): CommandOption[] =>
  list.map((flag) => ({ flags: flag, help: 'taken, without effect' }))

const REFUSED: readonly Refused[] = [
  { name: 'join_cluster', section: 'Cluster', tools: ctl, why: CLUSTER, options: flags('--disc', '--ram') },
  { name: 'forget_cluster_node', section: 'Cluster', tools: ctl, why: CLUSTER, options: flags('--offline') },
  { name: 'change_cluster_node_type', section: 'Cluster', tools: ctl, why: CLUSTER },
  { name: 'rename_cluster_node', section: 'Cluster', tools: ctl, why: CLUSTER },
  { name: 'update_cluster_nodes', section: 'Cluster', tools: ctl, why: CLUSTER },
  { name: 'force_boot', section: 'Cluster', tools: ctl, why: CLUSTER },
  { name: 'discover_peers', section: 'Cluster', tools: diagnostics, why: CLUSTER },
  { name: 'sync_queue', section: 'Replication', tools: ctl, why: CLUSTER },
  { name: 'cancel_sync_queue', section: 'Replication', tools: ctl, why: CLUSTER },
  { name: 'add_member', section: 'Replication', tools: queues, why: CLUSTER },
  { name: 'delete_member', section: 'Replication', tools: queues, why: CLUSTER },
  { name: 'transfer_leadership', section: 'Replication', tools: queues, why: CLUSTER },
  {
    name: 'grow',
    section: 'Cluster',
    tools: queues,
    why: CLUSTER,
    options: flags('--vhost-pattern <pattern>', '--queue-pattern <pattern>', '--errors-only'),
  },
  {
    name: 'grow_to_count',
    section: 'Cluster',
    tools: queues,
    why: CLUSTER,
    options: flags('--vhost-pattern <pattern>', '--queue-pattern <pattern>', '--errors-only'),
  },
  { name: 'shrink', section: 'Cluster', tools: queues, why: CLUSTER, options: flags('--errors-only') },
  {
    name: 'stop_app',
    section: 'Nodes',
    tools: ctl,
    why: 'a node and its process are one: stop the process with stop or shutdown',
  },
  {
    name: 'reset',
    section: 'Nodes',
    tools: ctl,
    why: 'stop the node, and start it with another or an emptied data directory',
  },
  {
    name: 'force_reset',
    section: 'Nodes',
    tools: ctl,
    why: 'stop the node, and start it with another or an emptied data directory',
  },
  { name: 'eval_file', section: 'Operations', tools: ctl, why: CODE },
  { name: 'exec', section: 'Operations', tools: ctl, why: CODE, options: flags('--offline') },
  {
    name: 'remote_shell',
    section: 'Monitoring, observability and health checks',
    tools: diagnostics,
    why: CODE,
  },
  { name: 'force_gc', section: 'Operations', tools: ctl, why: 'the node collects its garbage by itself' },
  { name: 'hipe_compile', section: 'Deprecated', tools: ctl, why: ERLANG },
  {
    name: 'encode',
    section: 'Configuration and Environment',
    tools: ctl,
    why: ENCRYPTED,
    options: flags('--cipher <cipher>', '--hash <hash>', '--iterations <iterations>'),
  },
  {
    name: 'decode',
    section: 'Configuration and Environment',
    tools: ctl,
    why: ENCRYPTED,
    options: flags('--cipher <cipher>', '--hash <hash>', '--iterations <iterations>'),
  },
  { name: 'list_ciphers', section: 'Monitoring, observability and health checks', tools: ctl, why: ENCRYPTED },
  { name: 'list_hashes', section: 'Monitoring, observability and health checks', tools: ctl, why: ENCRYPTED },
  {
    name: 'schema_info',
    section: 'Monitoring, observability and health checks',
    tools: ['ctl', 'diagnostics'],
    why: 'there is no Mnesia database: look into the data directory with warren doctor',
  },
  {
    name: 'observer',
    section: 'Monitoring, observability and health checks',
    tools: diagnostics,
    why: `${ERLANG}: see the console, or --inspect of Node.js`,
    options: flags('--interval <seconds>'),
  },
  {
    name: 'runtime_thread_stats',
    section: 'Monitoring, observability and health checks',
    tools: diagnostics,
    why: ERLANG,
    options: flags('--sample-interval <seconds>'),
  },
  { name: 'maybe_stuck', section: 'Monitoring, observability and health checks', tools: diagnostics, why: ERLANG },
  {
    name: 'command_line_arguments',
    section: 'Configuration and Environment',
    tools: diagnostics,
    why: `${ERLANG}: environment shows what is in force`,
  },
  { name: 'erlang_cookie_hash', section: 'Configuration and Environment', tools: diagnostics, why: ERLANG },
  { name: 'erlang_cookie_sources', section: 'Configuration and Environment', tools: diagnostics, why: ERLANG },
  { name: 'resolver_info', section: 'Configuration and Environment', tools: diagnostics, why: ERLANG },
  {
    name: 'resolve_hostname',
    section: 'Configuration and Environment',
    tools: diagnostics,
    why: 'names are looked up by the operating system of the node: ask it with getent',
    options: flags('--address-family <family>'),
  },
  {
    name: 'list_network_interfaces',
    section: 'Monitoring, observability and health checks',
    tools: diagnostics,
    why: 'ask the operating system of the node: ip address',
  },
  {
    name: 'enable_auth_attempt_source_tracking',
    section: 'Configuration and Environment',
    tools: diagnostics,
    why: 'attempts to log in are counted by source anyway',
  },
  {
    name: 'disable_auth_attempt_source_tracking',
    section: 'Configuration and Environment',
    tools: diagnostics,
    why: 'attempts to log in are always counted by source',
  },
]

export const notPossible = (name: string, why: string, code: ExitCode = EXIT.unavailable): CliError =>
  new CliError(code, `Error:\n${name} is not possible: ${why}`)

const ANYTHING: Argument = { name: 'argument', help: 'taken, without effect', optional: true, variadic: true }

export const REFUSED_COMMANDS: readonly CtlCommand[] = REFUSED.map(({ name, section, tools, why, code, options }) => ({
  name,
  section,
  tools,
  summary: `Not here: ${why}`,
  isRefused: true,
  arguments: [ANYTHING],
  ...(options !== undefined && { options }),
  run() {
    throw notPossible(name, why, code)
  },
}))
