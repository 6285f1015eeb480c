import { hostname } from 'node:os'
import { CliError, UsageError } from '../errors.ts'
import { EXIT } from '../exit-codes.ts'
import { readNamedFile } from '../named-file.ts'

/** Where a node answers over HTTP, and as whom to ask. */
export interface Target {
  readonly url: URL
  readonly user: string
  readonly password: string
  readonly tls: TlsSettings
}

export interface TlsSettings {
  readonly ca?: Buffer
  readonly cert?: Buffer
  readonly key?: Buffer
  readonly passphrase?: string
  readonly rejectUnauthorized: boolean
}

/** What a configuration says about the node that runs with it; null for the URL when it has no HTTP listener. */
export interface NodeDescription {
  readonly url: string | null
  readonly amqpUrl: string | null
  readonly user: string
  readonly password: string
}

/** Reads the configuration that a node would start with; the file is null where the environment and defaults say it all. */
export type DescribeNode = (configFile: string | null) => Promise<NodeDescription>

/** The options of the commands that talk to a node, as commander parses them. */
export interface TargetOptions {
  readonly url?: string
  readonly user?: string
  readonly username?: string
  readonly password?: string
  readonly config?: string
  readonly node?: string
  readonly cacert?: string
  readonly cert?: string
  readonly certKey?: string
  readonly insecure?: boolean
}

/** Flags and help of {@link TargetOptions}, but for `--node`, which only `ctl` has. */
export const TARGET_OPTIONS: readonly (readonly [flags: string, help: string])[] = [
  ['--url <url>', 'where the HTTP API of the node answers (WARREN_URL; http://localhost:15672)'],
  ['--user <name>', 'user to sign in as (WARREN_USER; guest)'],
  ['--username <name>', 'the same as --user'],
  ['--password <password>', 'password of that user (WARREN_PASSWORD; guest)'],
  ['--config <file>', 'configuration file of the node: port, default user and password are taken from it'],
  ['--cacert <file>', 'PEM file of the authority that the certificate of the node is checked against'],
  ['--cert <file>', 'PEM file of a client certificate'],
  ['--cert-key <file>', 'PEM file of its private key'],
  ['--insecure', 'do not check the certificate of the node'],
]

/**
 * Flags go before the environment, the environment before the configuration.
 *
 * @throws UsageError when the address is none
 * @throws CliError when a file cannot be read
 */
export async function resolveTarget(
  options: TargetOptions,
  env: NodeJS.ProcessEnv,
  describeNode: DescribeNode,
): Promise<Target> {
  const said = options.url ?? setting(env['WARREN_URL'])
  const described =
    said === undefined || options.config !== undefined ? await describeNode(options.config ?? null) : null
  const text = said ?? described!.url
  if (text === null)
    throw new CliError(EXIT.config, 'the configuration has no HTTP listener (management.tcp.port = none)')
  const url = parseUrl(text)
  if (options.url === undefined) turnTo(url, options.node)
  const user = options.user ?? options.username ?? setting(env['WARREN_USER'])
  const password = options.password ?? setting(env['WARREN_PASSWORD'])
  const target = {
    user: user ?? (decodeURIComponent(url.username) || (described?.user ?? 'guest')),
    password: password ?? (decodeURIComponent(url.password) || (described?.password ?? 'guest')),
    tls: readTls(options),
  }
  url.username = ''
  url.password = ''
  return { url, ...target }
}

/**
 * `-n rabbit@host` is how RabbitMQ's tools are told where to go; a name without a host is this machine. What it names is a host only, so
 * scheme and port stay; and an address of this machine stays, since a node may listen at no other.
 */
function turnTo(url: URL, node: string | undefined): void {
  const host = node?.split('@')[1]
  if (host === undefined || host === '') return
  const isHere = host === 'localhost' || host === hostname() || host === hostname().split('.')[0]
  if (isHere && isLocal(url)) return
  url.hostname = host
}

/** Whether an address is one of this machine alone. */
export const isLocal = ({ hostname: host }: URL): boolean => /^(localhost|127(\.\d+){3}|\[::1\])$/.test(host)

const setting = (value: string | undefined): string | undefined => (value === '' ? undefined : value)

/** A host without a scheme gets the usual port; a whole URL means what it says, as for one behind a proxy. */
function parseUrl(text: string): URL {
  const whole = /^[a-z]+:\/\//i.test(text)
  const url = URL.parse(whole ? text : `http://${text}`)
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new UsageError(`'${text}' is not the address of an HTTP API, such as http://localhost:15672`)
  }
  if (!whole && url.port === '') url.port = '15672'
  return url
}

function readTls(options: TargetOptions): TlsSettings {
  return {
    ...(options.cacert !== undefined && { ca: readNamedFile(options.cacert) }),
    ...(options.cert !== undefined && { cert: readNamedFile(options.cert) }),
    ...(options.certKey !== undefined && { key: readNamedFile(options.certKey) }),
    rejectUnauthorized: options.insecure !== true,
  }
}
