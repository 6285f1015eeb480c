import { IGNORED } from './ignored.ts'
import { environmentName } from './option.ts'
import type { Option } from './option.ts'
import { GROUP_TITLES, OPTIONS } from './options.ts'

/** The options as `warren start --help` lists them. */
export function optionsHelp(): string {
  const sections = groups().map(({ title, options }) =>
    [`${title}:`, ...options.filter(hasFlag).map(optionHelp)].join('\n'),
  )
  return sections.join('\n\n')
}

/** Those that say where a broker is, for `warren ping --help`. */
export function addressHelp(): string {
  const { node, network } = OPTIONS
  const ofFiles = [node.config, node.configFiles, node.advancedConfig]
  return [...ofFiles, network.bind, network.tcp, network.tls, network.proxyProtocol].map(optionHelp).join('\n')
}

function optionHelp(option: Option<unknown>): string {
  const head = isSwitch(option) ? `--${option.flag}` : `--${option.flag} ${valueHint(option)}`
  const shown = defaultText(option)
  const end = shown === null ? '' : ` (${shown})`
  return `  ${head}\n      ${option.doc.replaceAll('`', '')}${end}`
}

/** `docs/configuration.md`, whole. */
export function configurationPage(): string {
  const tables = groups().flatMap(({ title, options }) => [
    `## ${title}`,
    '',
    '| key | flag, environment | value | default | |',
    '|---|---|---|---|---|',
    ...options.map(row),
    '',
  ])
  return [...INTRODUCTION, ...tables, ...ignoredSection(), ''].join('\n')
}

const INTRODUCTION = [
  '# Configuration',
  '',
  '<!-- Generated from src/config/options.ts by tools/generate-config-docs.ts. -->',
  '',
  'A value comes from a flag (`warren start --port 5673`), else from the environment (`WARREN_PORT=5673`), else from',
  'the configuration file, else it is the default below. The file has the format of `rabbitmq.conf`, and a',
  '`rabbitmq.conf` works unedited:',
  '',
  '```ini',
  '# a comment',
  'listeners.tcp.default = 5672',
  'disk_free_limit.absolute = 2GB',
  "default_pass = 'quoted where it has a # in it'",
  'default_user = $(TAKEN_FROM_THE_ENVIRONMENT)',
  'auth_mechanisms.1 = PLAIN',
  'loopback_users.guest = false',
  '```',
  '',
  'Name the file with `--config`, `WARREN_CONFIG` or `RABBITMQ_CONFIG_FILE` (`.conf` may be left out). The `*.conf`',
  'files of a folder `conf.d` next to it are read after it, in order of name; the later line wins. Everything that is',
  'wrong is reported at once, with file, line and key, and the broker does not start (exit code 78).',
  '',
  '- Sizes: `1048576`, `50MB` (1000 each), `512KiB` or `512K` (1024 each), up to `P`.',
  '- Durations: `500ms`, `30s`, `5m`, `2h`, `1d`; a bare number counts in the unit shown.',
  '- `none` and `infinity` mean "no limit" or "off" where the default is `none` or the text says so.',
  '- Lists (`key.1`, `key.2`) and sets (`key.NAME = true`) are written with commas in flags and variables.',
  '- A value in three single quotes may go over several lines.',
  '- `encrypted:` values are refused. Of the Erlang-term format (`advanced.config`) what concerns logins, traces, MQTT and STOMP is read; the rest is refused.',
  '- `RABBITMQ_LOGS` (`-` or a file) and `RABBITMQ_LOG` (`debug`, `+json`) are understood as well. The variables that',
  "  RabbitMQ's container image removed, such as `RABBITMQ_DEFAULT_PASS_FILE` and `RABBITMQ_SSL_*`, are refused.",
  '',
]

function ignoredSection(): string[] {
  const lines = IGNORED.map(({ why, keys }) => `- ${why}: ${keys.map((key) => `\`${key}\``).join(', ')}`)
  return [
    '## Accepted and ignored',
    '',
    "Keys of RabbitMQ's that have no meaning here. They are named in one log line at start; any other unknown key",
    'is an error. `x.*` is `x` and everything below it, except for the options above.',
    '',
    ...lines,
  ]
}

function groups(): { title: string; options: Option<unknown>[] }[] {
  return Object.entries(OPTIONS).map(([group, rows]) => ({
    title: GROUP_TITLES[group as keyof typeof OPTIONS],
    options: Object.values(rows),
  }))
}

/**
 * Whether an option can be given on the command line: what is spread over names of the user's choosing fits no flag, except where one
 * of the names is the usual one.
 */
export const hasFlag = (option: Option<unknown>): boolean => option.shape !== 'named' || option.entry !== null

/** Whether its flag stands alone. */
export const isSwitch = (option: Option<unknown>): boolean =>
  option.type.hint === 'true|false' && option.default === false

function valueHint(option: Option<unknown>): string {
  if (option.shape === 'members') return 'NAME,…'
  return option.shape === 'list' ? `${option.type.hint},…` : option.type.hint
}

function row(option: Option<unknown>): string {
  const suffix = { one: '', list: '.N', members: '.NAME', named: option.entry === null ? '.ID.…' : '.NAME' }[
    option.shape
  ]
  const keys = [
    ...(/^warren\.(advanced_)?config/.test(option.key) ? [] : [`${option.key}${suffix}`]),
    ...option.aliases,
  ]
  const names = hasFlag(option) ? [`--${option.flag}`, environmentName(option), ...option.env] : []
  const hint = option.shape === 'members' ? 'true|false' : option.type.hint
  const cells = [code(keys), code(names), code([hint.replaceAll('|', '\\|')])]
  return `| ${cells.join(' | ')} | ${code([defaultText(option) ?? absent(option)])} | ${option.doc} |`
}

const code = (words: readonly string[]): string =>
  words
    .filter((word) => word !== '')
    .map((word) => `\`${word}\``)
    .join('<br>')

/** What stands for no default: `none`, but where that is a value of its own. */
const absent = ({ shape, type }: Option<unknown>): string =>
  shape !== 'one' || type.parse('none') === null ? 'none' : ''

/** Null when there is none. */
function defaultText(option: Option<unknown>): string | null {
  const value = option.default
  if (value === null) return null
  if (option.shape === 'one') return option.type.format(value)
  const values = value instanceof Map ? [...value.values()] : (value as readonly unknown[])
  if (values.length === 0) return null
  return values.map((each) => (option.shape === 'members' ? String(each) : option.type.format(each))).join(',')
}
