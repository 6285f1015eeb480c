import type { HttpApi } from '../api/http.ts'
import type { Target } from '../api/target.ts'
import type { CommandSpec } from '../command-spec.ts'
import type { OptionReader } from '../parse.ts'
import type { Terminal } from '../terminal.ts'
import type { Output } from './output.ts'

/** RabbitMQ's tools: each command says in which of them it is found. `ctl` has them all here. */
export type Tool = 'ctl' | 'diagnostics' | 'queues' | 'plugins' | 'upgrade' | 'streams'

/** Headings of the overview, in their order. */
export const SECTIONS = [
  'Help',
  'Nodes',
  'Cluster',
  'Replication',
  'Users',
  'Access Control',
  'Monitoring, observability and health checks',
  'Parameters',
  'Policies',
  'Virtual hosts',
  'Configuration and Environment',
  'Definitions',
  'Feature flags',
  'Operations',
  'Queues',
  'Plugin Management',
  'Upgrade',
  'Federation',
  'Shovel',
  'Deprecated',
] as const

export type Section = (typeof SECTIONS)[number]

export interface CtlCommand extends CommandSpec {
  readonly tools: readonly Tool[]
  readonly section: Section
  /** It looks at one virtual host: `--vhost` is in its usage. */
  readonly takesVhost?: boolean
  /** Columns that may be asked for by name. */
  readonly columns?: readonly string[]
  /** Seconds to wait for an answer unless `--timeout` is given; no limit where left out. */
  readonly timeoutSec?: number
  /** It waits for things of this machine before it asks the node: with `--dry-run` it is not begun. */
  readonly looksAround?: boolean
  /** It prints as it goes, and has no result: nothing is added for `--formatter json`. */
  readonly isStream?: boolean
  /** Known for the sake of scripts, and refused: the overview does not praise it. */
  readonly isRefused?: boolean
  run(context: Context): Promise<Output | void> | Output | void
}

/** What a command is given. */
export interface Context extends OptionReader {
  readonly args: readonly string[]
  /** Under which name it was called. */
  readonly tool: Tool
  readonly api: HttpApi
  readonly target: Target
  readonly terminal: Terminal
  /** Of `--vhost`, `/` unless given. */
  readonly vhost: string
  readonly formatter: string | null
  readonly quiet: boolean
  readonly silent: boolean
  /** Of `--timeout`, or the command's own; null is no limit. */
  readonly timeoutSec: number | null
  readonly version: string
  /** What is being done, told before it is: not with `--quiet` or for machines. */
  readonly say: (text: string) => void
  /** The same that names the node which answers. */
  readonly sayNode: (text: (node: string) => string) => Promise<void>
}
