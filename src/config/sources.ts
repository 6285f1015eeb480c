import { dirname, join } from 'node:path'
import { readAdvanced } from './advanced-file.ts'
import { parseConfFile } from './conf-file.ts'
import { nearest } from '../util/nearest.ts'
import { environmentName } from './option.ts'
import type { Option } from './option.ts'
import { OPTIONS, allOptions } from './options.ts'
import { RANK } from './settings.ts'
import type { Origin, Settings } from './settings.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** The two things a configuration needs of a file system. */
export interface ConfigFiles {
  /** Null when there is no such file. */
  readonly read: (path: string) => string | null
  /** The names in a folder; null when there is no such folder. */
  readonly list: (path: string) => readonly string[] | null
}

/** `--flag value`, `--flag=value`, and `--flag` or `--no-flag` for what is true or false. */
export function readFlags(argv: readonly string[], settings: Settings): void {
  const byFlag = new Map(allOptions.map((option) => [option.flag, option]))
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i]!
    const [, name = '', inline] = /^--([^=]+)(?:=(.*))?$/s.exec(argument) ?? []
    const origin: Origin = { rank: RANK.flag, where: name === '' ? `'${argument}'` : `flag --${name}` }
    const option = byFlag.get(name)
    const negated = option === undefined && name.startsWith('no-') ? byFlag.get(name.slice(3)) : undefined
    if (option === undefined && (negated === undefined || !isSwitch(negated) || inline !== undefined)) {
      settings.problem(origin, name === '' ? 'is not an option' : unknownFlag(name, byFlag.keys()))
      // What follows is its value, not a mistake of its own.
      if (name !== '' && inline === undefined && argv[i + 1]?.startsWith('--') === false) i++
    } else if (option === undefined) {
      settings.setWhole(negated!, 'false', origin)
    } else if (inline !== undefined) {
      settings.setWhole(option, inline, origin)
    } else if (isSwitch(option)) {
      settings.setWhole(option, /^(true|false)$/.test(argv[i + 1] ?? '') ? argv[++i]! : 'true', origin)
    } else if (argv[i + 1] === undefined || argv[i + 1]!.startsWith('--')) {
      settings.problem(origin, 'needs a value')
    } else {
      settings.setWhole(option, argv[++i]!, origin)
    }
  }
}

const isSwitch = (option: Option<unknown>): boolean => option.shape === 'one' && option.type.hint === 'true|false'

function unknownFlag(name: string, flags: Iterable<string>): string {
  const near = nearest(name, flags)
  return `is not known${near === null ? '' : ` (did you mean --${near}?)`}`
}

// As RabbitMQ's container image does: who sets one of these believes it has an effect.
const REMOVED = /^RABBITMQ_(DEFAULT_(PASS|USER)_FILE|(MANAGEMENT_)?SSL_[A-Z_]+|VM_MEMORY_HIGH_WATERMARK)$/

// What an orchestrator sets for a service that happens to be called "warren".
const SERVICE_LINK = /^WARREN_(SERVICE_(HOST|PORT)|PORT_\d+_)/

/** What the command line reads: where a node answers, and as whom to ask. */
const OF_CLIENTS = new Set(['WARREN_URL', 'WARREN_USER', 'WARREN_PASSWORD', 'WARREN_AMQP_URL'])

export function readEnvironment(env: Environment, settings: Settings): void {
  const known = new Set<string>(OF_CLIENTS)
  for (const option of allOptions) {
    const names = [environmentName(option), ...option.env]
    for (const name of names) known.add(name)
    const name = names.find((candidate) => isSet(env[candidate]) && !env[candidate]!.startsWith('tcp://'))
    if (name !== undefined) settings.setWhole(option, env[name]!, { rank: RANK.env, where: describe(name) })
  }
  for (const name of Object.keys(env)) {
    if (!isSet(env[name])) continue
    const origin: Origin = { rank: RANK.env, where: describe(name) }
    if (REMOVED.test(name)) {
      settings.problem(origin, 'is no longer supported; use a configuration file (rabbitmq.conf) or a WARREN_ variable')
    } else if (name.startsWith('WARREN_') && !known.has(name) && !SERVICE_LINK.test(name)) {
      const near = nearest(name, known)
      settings.problem(origin, `is not known${near === null ? '' : ` (did you mean ${near}?)`}`)
    }
  }
  readLogVariables(env, settings)
}

/** In place of the value of a secret. */
const HIDDEN = '(hidden)'

/** The variables that a configuration is read from, as they are set. */
export function variablesRead(env: Environment): Record<string, string> {
  const read: Record<string, string> = {}
  for (const option of allOptions) {
    for (const name of [environmentName(option), ...option.env]) {
      if (isSet(env[name])) read[name] = option.secret ? HIDDEN : env[name]!
    }
  }
  for (const name of LOG_VARIABLES) if (isSet(env[name])) read[name] = env[name]!
  return read
}

const LOG_VARIABLES = ['RABBITMQ_LOGS', 'RABBITMQ_LOG']

const isSet = (value: string | undefined): boolean => value !== undefined && value !== ''
const describe = (name: string): string => `environment variable ${name}`

/** `RABBITMQ_LOGS` is `-` or a file; `RABBITMQ_LOG` is a list such as `debug,+json` or `info,connection=debug`. */
function readLogVariables(env: Environment, settings: Settings): void {
  const logs = env['RABBITMQ_LOGS']
  if (isSet(logs)) {
    const origin: Origin = { rank: RANK.env, where: describe('RABBITMQ_LOGS') }
    if (logs === '-' || logs === '-stderr') settings.setWhole(OPTIONS.log.console, 'true', origin)
    settings.setWhole(OPTIONS.log.file, logs!.startsWith('-') ? 'false' : logs!, origin)
  }
  const origin: Origin = { rank: RANK.env, where: describe('RABBITMQ_LOG') }
  for (const word of (env['RABBITMQ_LOG'] ?? '').split(',').map((part) => part.trim())) {
    if (word === '+json' || word === '-json') {
      const format = word === '+json' ? 'json' : 'plaintext'
      settings.setWhole(OPTIONS.log.consoleFormat, format, origin)
      settings.setWhole(OPTIONS.log.fileFormat, format, origin)
    } else if (/^[a-z]+$/.test(word)) {
      settings.setWhole(OPTIONS.log.level, word, origin)
    } // Levels of single categories (`connection=debug`) and colours have no meaning here.
  }
}

/**
 * Reads the configuration file and those beside it.
 *
 * @returns the paths that were read, in order.
 */
export function readFiles(settings: Settings, files: ConfigFiles, env: Environment): string[] {
  const { config, configFiles } = OPTIONS.node
  const main = settings.resolve(config) as string | null
  const more = settings.resolve(configFiles) as string | null
  const paths: string[] = []
  if (more !== null) paths.push(...extraFiles(more.replace(/[\\/]\*(\.conf)?$/, ''), files))
  else if (main !== null) paths.push(...extraFiles(join(dirname(main), 'conf.d'), files))
  const read: string[] = []
  const origin = settings.originOf(config)!
  if (main?.endsWith('.config')) {
    settings.problem(
      origin,
      `${main} is in the Erlang-term format; only the key = value format of rabbitmq.conf is read`,
    )
  } else if (main !== null) {
    const path = files.read(main) === null && files.read(`${main}.conf`) !== null ? `${main}.conf` : main
    if (readOne(path, settings, files, env)) read.push(path)
    // an image may name a file that is only there where somebody has put it; who types a name means that one
    else if (paths.length === 0 || origin.rank === RANK.flag) settings.problem(origin, `there is no file ${main}`)
  }
  for (const path of paths) if (readOne(path, settings, files, env)) read.push(path)
  if (more !== null && paths.length === 0) {
    settings.problem(settings.originOf(configFiles)!, `there are no configuration files in ${more}`)
  }
  const advanced = readAdvancedFile(settings, files, main)
  return advanced === null ? read : [...read, advanced]
}

/** @returns its path if there was one */
function readAdvancedFile(settings: Settings, files: ConfigFiles, main: string | null): string | null {
  const given = settings.resolve(OPTIONS.node.advancedConfig) as string | null
  const path = given ?? (main === null ? null : join(dirname(main), 'advanced.config'))
  if (path === null) return null
  const found = [path, `${path}.config`].find((candidate) => files.read(candidate) !== null)
  if (found === undefined) {
    if (given !== null) settings.problem(settings.originOf(OPTIONS.node.advancedConfig)!, `there is no file ${given}`)
    return null
  }
  readAdvanced(files.read(found)!, found, settings, { rank: RANK.file, where: found })
  return found
}

/** The `*.conf` files of a folder in order of name, or the file itself. */
function extraFiles(path: string, files: ConfigFiles): string[] {
  const names = files.list(path)
  if (names === null) return files.read(path) === null ? [] : [path]
  return names
    .filter((name) => name.endsWith('.conf'))
    .sort()
    .map((name) => join(path, name))
}

function readOne(path: string, settings: Settings, files: ConfigFiles, env: Environment): boolean {
  const content = files.read(path)
  if (content === null) return false
  const { lines, problems } = parseConfFile(content, env)
  const origin = (line: number): Origin => ({ rank: RANK.file, where: `${path} line ${line}` })
  for (const { line, text } of problems) settings.problem(origin(line), text)
  for (const { key, value, line } of lines) settings.setKey(key, value, origin(line))
  return true
}
