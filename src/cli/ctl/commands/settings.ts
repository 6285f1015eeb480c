import { UsageError, type CliError } from '../../errors.ts'
import { EXIT } from '../../exit-codes.ts'
import type { ApiError } from '../../api/http.ts'
import { route } from '../../api/route.ts'
import type { Context, CtlCommand } from '../command.ts'
import { failure, refusedAs } from '../failures.ts'
import { fetchThisNode } from '../node-facts.ts'
import { text } from '../output.ts'

const common = { section: 'Configuration and Environment', tools: ['ctl'] } as const

/** RabbitMQ offers none of this over HTTP. */
export const onlyWarren = ({ status }: ApiError): CliError | undefined =>
  status === 404 || status === 405
    ? failure('The node does not offer this over HTTP: it is no WarrenMQ, or an older one')
    : undefined

async function set(context: Context, settings: object): Promise<void> {
  await refusedAs(context.api.put('/node/settings', settings), onlyWarren)
}

/** A size such as `60MB`, `2GiB` or a number of bytes: what it comes to is up to the node. */
function parseSize(word: string): string {
  if (/^\d+(\.\d+)?\s*([kmgtp](i?b)?|b)?$/i.test(word)) return word
  throw new UsageError('Bad argument.', EXIT.data)
}

function parseFraction(word: string): number {
  if (!/^\d*\.?\d+$/.test(word)) throw new UsageError('Bad argument.', EXIT.data)
  return Number(word)
}

const setMemoryWatermark: CtlCommand = {
  ...common,
  name: 'set_vm_memory_high_watermark',
  summary: 'Sets how much memory may be used before publishers are held back; until the node stops',
  arguments: [
    { name: 'fraction', help: 'of the memory of the machine, 0 to 1; or the word absolute', completion: ['absolute'] },
    { name: 'value', help: 'after absolute: a size such as 2GB', optional: true },
  ],
  examples: ['set_vm_memory_high_watermark 0.4', 'set_vm_memory_high_watermark absolute 2GB'],
  async run(context) {
    const [first, second] = context.args as [string, string?]
    if (first === 'absolute') {
      if (second === undefined) throw new UsageError('not enough arguments.')
      const absolute = parseSize(second)
      await context.sayNode((node) => `Setting memory threshold on ${node} to ${absolute} bytes ...`)
      return set(context, { vm_memory_high_watermark: { absolute } })
    }
    if (second !== undefined) throw new UsageError('too many arguments.')
    const fraction = parseFraction(first)
    if (fraction > 1)
      throw new UsageError('Bad argument: The threshold should be a fraction between 0.0 and 1.0', EXIT.data)
    await context.sayNode((node) => `Setting memory threshold on ${node} to ${first} ...`)
    return set(context, { vm_memory_high_watermark: fraction })
  },
}

const setDiskLimit: CtlCommand = {
  ...common,
  name: 'set_disk_free_limit',
  summary: 'Sets how much disk has to be free for publishers to go on; until the node stops',
  arguments: [
    { name: 'limit', help: 'a size such as 1GB; or the word mem_relative', completion: ['mem_relative'] },
    { name: 'fraction', help: 'after mem_relative: a multiple of the memory of the machine', optional: true },
  ],
  examples: ['set_disk_free_limit 2GB', 'set_disk_free_limit mem_relative 1.0'],
  async run(context) {
    const [first, second] = context.args as [string, string?]
    if (first === 'mem_relative') {
      if (second === undefined) throw new UsageError('not enough arguments.')
      const fraction = parseFraction(second)
      await context.sayNode((node) => `Setting disk free limit on ${node} to ${second} times the total RAM ...`)
      return set(context, { disk_free_limit: { mem_relative: fraction } })
    }
    if (second !== undefined) throw new UsageError('too many arguments.')
    const limit = parseSize(first)
    await context.sayNode((node) => `Setting disk free limit on ${node} to ${limit} bytes ...`)
    return set(context, { disk_free_limit: limit })
  },
}

const LEVELS = ['debug', 'info', 'warning', 'error', 'critical', 'none']

const setLogLevel: CtlCommand = {
  ...common,
  name: 'set_log_level',
  summary: 'Sets how much the node logs; until it stops',
  arguments: [{ name: 'log_level', help: LEVELS.join(', '), completion: LEVELS }],
  async run(context) {
    const level = context.args[0]!
    if (!LEVELS.includes(level)) throw failure(`level ${level} is not supported. Try one of ${LEVELS.join(', ')}`)
    context.say(`Setting log level to "${level}" ...`)
    await set(context, { log_level: level })
  },
}

const setClusterName: CtlCommand = {
  ...common,
  name: 'set_cluster_name',
  summary: 'Sets the name that clients and the console are shown',
  arguments: [{ name: 'name', help: 'the new name' }],
  async run({ api, args, say }) {
    say(`Setting cluster name to ${args[0]!} ...`)
    await refusedAs(api.put('/cluster-name', { name: args[0]! }))
  },
}

const environment: CtlCommand = {
  ...common,
  name: 'environment',
  tools: ['ctl', 'diagnostics'],
  summary: 'Shows the configuration that is in force, without secrets',
  async run(context) {
    await context.sayNode((node) => `Application environment of node ${node} ...`)
    const { configuration } = await refusedAs(
      context.api.get<{ configuration: Readonly<Record<string, unknown>> }>('/node/environment'),
      onlyWarren,
    )
    const lines = Object.entries(configuration).map(([key, value]) => `${key} = ${shown(value)}`)
    return text(lines, configuration)
  },
}

const osEnv: CtlCommand = {
  ...common,
  name: 'os_env',
  tools: ['diagnostics'],
  summary: 'Lists the environment variables that the node has read, without secrets',
  async run(context) {
    await context.sayNode((node) => `Listing RabbitMQ-specific environment variables defined on node ${node}...`)
    const { os_env: variables } = await refusedAs(
      context.api.get<{ os_env: Readonly<Record<string, string>> }>('/node/environment'),
      onlyWarren,
    )
    return text(
      Object.entries(variables).map(([name, value]) => `${name}=${value}`),
      variables,
    )
  },
}

interface Runtime {
  readonly tls_versions: readonly string[]
  readonly cipher_suites: readonly string[]
}

const tlsFact = (name: 'tls_versions' | 'cipher_suites', banner: string, summary: string): CtlCommand => ({
  ...common,
  name,
  tools: ['diagnostics'],
  summary,
  options:
    name === 'tls_versions'
      ? []
      : [
          { flags: '--format <format>', help: 'openssl, and nothing else', completion: ['openssl'] },
          { flags: '--all', help: 'taken for the sake of scripts: they are all listed' },
        ],
  async run(context) {
    const format = context.option('format') ?? 'openssl'
    if (format !== 'openssl')
      throw new UsageError(`Bad argument: format '${format}' is not supported: use openssl`, EXIT.data)
    context.say(banner)
    const { runtime } = await refusedAs(context.api.get<{ runtime: Runtime }>('/node/environment'), onlyWarren)
    return text(runtime[name], runtime[name])
  },
})

/** A secret comes as null. */
function shown(value: unknown): string {
  if (value === null) return '(hidden)'
  return typeof value === 'string' ? value : JSON.stringify(value)
}

const rotateLogs: CtlCommand = {
  name: 'rotate_logs',
  section: 'Nodes',
  tools: ['ctl'],
  summary: 'Opens the log file anew, after logrotate or somebody else has moved it',
  async run({ api, sayNode }) {
    await sayNode((node) => `Rotating logs for node ${node} ...`)
    await refusedAs(api.post('/node/rotate-logs', {}), onlyWarren)
  },
}

const logLocation: CtlCommand = {
  ...common,
  name: 'log_location',
  tools: ['diagnostics'],
  summary: 'Shows where the node logs to',
  options: [{ flags: '-a, --all', help: 'all places, and not only the first file' }],
  async run({ api, flag, sayNode }) {
    await sayNode((node) => `Log file location(s) on node ${node} ...`)
    const { name, log_files: files = [] } = await fetchThisNode(api)
    const shown = flag('all') ? files : files.slice(0, 1)
    return text(shown, { node_name: name, paths: shown, result: 'ok' })
  },
}

const FEATURE_FLAG_COLUMNS = ['desc', 'doc_url', 'name', 'provided_by', 'stability', 'state']

const listFeatureFlags: CtlCommand = {
  name: 'list_feature_flags',
  section: 'Feature flags',
  tools: ['ctl', 'diagnostics'],
  summary: 'Lists feature flags',
  arguments: [
    {
      name: 'column',
      help: 'what to show; several may be given',
      optional: true,
      variadic: true,
      completion: FEATURE_FLAG_COLUMNS,
    },
  ],
  columns: FEATURE_FLAG_COLUMNS,
  async run({ api, args, say }) {
    say('Listing feature flags ...')
    const columns = args.length === 0 ? ['name', 'state'] : args.flatMap((word) => word.split(','))
    return { kind: 'table', columns, rows: await api.get<Record<string, string>[]>('/feature-flags') }
  },
}

const enableFeatureFlag: CtlCommand = {
  name: 'enable_feature_flag',
  section: 'Feature flags',
  tools: ['ctl'],
  summary: 'Enables a feature flag, or all of them',
  arguments: [{ name: 'feature_flag', help: 'its name, or all', completion: ['all'] }],
  async run({ api, args, say }) {
    const name = args[0]!
    say(name === 'all' ? 'Enabling all feature flags ...' : `Enabling feature flag "${name}" ...`)
    const flags = await api.get<{ name: string; state: string }[]>('/feature-flags')
    if (name !== 'all' && !flags.some((flag) => flag.name === name)) {
      throw failure(`This feature flag is not supported by node ${await api.nodeName()}`, EXIT.usage)
    }
    // all are those that can be enabled: scripts for an upgrade say so without a look at what there is
    const wanted = flags.filter(({ name: each, state }) =>
      name === 'all' ? state === 'disabled' : each === name && state !== 'enabled',
    )
    for (const flag of wanted) await refusedAs(api.put(route`/feature-flags/${flag.name}/enable`, { name: flag.name }))
  },
}

const listDeprecatedFeatures: CtlCommand = {
  name: 'list_deprecated_features',
  section: 'Feature flags',
  tools: ['ctl', 'diagnostics'],
  summary: 'Lists features that are on their way out',
  options: [{ flags: '--used', help: 'only those that are in use' }],
  async run({ api, flag, say }) {
    say(flag('used') ? 'Listing deprecated features in use ...' : 'Listing deprecated features ...')
    const rows = await api.get<Record<string, string>[]>(`/deprecated-features${flag('used') ? '/used' : ''}`)
    return { kind: 'table', columns: ['name', 'deprecation_phase'], rows }
  },
}

export const SETTING_COMMANDS = [
  enableFeatureFlag,
  environment,
  listDeprecatedFeatures,
  listFeatureFlags,
  logLocation,
  osEnv,
  rotateLogs,
  setClusterName,
  setDiskLimit,
  setLogLevel,
  setMemoryWatermark,
  tlsFact(
    'tls_versions',
    'Listing all TLS versions supported by the runtime...',
    'Lists the TLS versions that the node could use',
  ),
  tlsFact(
    'cipher_suites',
    'Listing available cipher suites in OpenSSL format',
    'Lists the cipher suites that the node could use',
  ),
]
