import {
  AmqpClientError,
  AmqpReplyError,
  AmqpUriError,
  connect,
  parseAmqpUri,
  withoutCredentials,
  type AmqpConnection,
  type AmqpUri,
} from '../amqp-client/index.ts'
import { resolveTarget, type Target } from './api/target.ts'
import { CliError, UsageError } from './errors.ts'
import { EXIT } from './exit-codes.ts'
import type { ToolContext } from './tools/tool.ts'

interface Listener {
  readonly protocol: string
  readonly port: number
}

/**
 * Connects to the node that the options name: `--uri`, or WARREN_AMQP_URL, or where the node says that it listens.
 *
 * @param name shown in lists of connections
 * @throws CliError saying what went wrong, without passwords
 */
export async function connectToNode(context: ToolContext, name: string): Promise<AmqpConnection> {
  return connectTo(await nodeAddress(context), name, context.interrupted)
}

/** @param uri as given on the command line */
export function parseUri(uri: string, vhost: string | null): AmqpUri {
  try {
    const parsed = parseAmqpUri(uri)
    if (parsed.host === null) throw new UsageError('the AMQP address names no host')
    return vhost === null ? parsed : { ...parsed, vhost }
  } catch (error) {
    if (error instanceof AmqpUriError) throw new UsageError(`AMQP address: ${error.message}`)
    throw error
  }
}

export async function connectTo(uri: AmqpUri, name: string, signal: AbortSignal): Promise<AmqpConnection> {
  try {
    return await connect(uri, { name, signal })
  } catch (error) {
    signal.throwIfAborted()
    throw amqpFailure(error, describe(uri))
  }
}

/** An error of the client as one of ours. */
export function amqpFailure(error: unknown, where: string): unknown {
  if (!(error instanceof AmqpClientError)) return error
  const refused = error instanceof AmqpReplyError && error.replyCode === 403
  return new CliError(refused ? EXIT.noPermission : EXIT.unavailable, `${where}: ${error.message}`, { cause: error })
}

const describe = ({ tls, host, port, vhost }: AmqpUri): string =>
  withoutCredentials(
    `${tls ? 'amqps' : 'amqp'}://${host!.includes(':') ? `[${host!}]` : host!}:${port}/${encodeURIComponent(vhost)}`,
  )

async function nodeAddress(context: ToolContext): Promise<AmqpUri> {
  const { option, vhost, host, targetOptions } = context
  const given = option('uri') ?? emptyToUndefined(process.env['WARREN_AMQP_URL'])
  if (given !== undefined) return parseUri(given, vhost)
  const target = await resolveTarget(targetOptions, process.env, host.describeNode)
  const { listeners } = await (await context.api()).get<{ listeners?: readonly Listener[] }>('/overview')
  const uri = parseUri(listenerAddress(listeners ?? [], target), vhost ?? '/')
  const { cacert = null, cert = null, certKey = null } = targetOptions
  const files = { caFile: cacert, certFile: cert, keyFile: certKey, verify: target.tls.rejectUnauthorized }
  return { ...uri, username: target.user, password: target.password, tlsOptions: { ...uri.tlsOptions, ...files } }
}

const emptyToUndefined = (text: string | undefined): string | undefined => (text === '' ? undefined : text)

/** Without TLS where there is the choice and HTTP does without as well. */
function listenerAddress(listeners: readonly Listener[], { url }: Target): string {
  const plain = listeners.find(({ protocol }) => protocol === 'amqp')
  const secure = listeners.find(({ protocol }) => protocol === 'amqp/ssl')
  const chosen = url.protocol === 'https:' ? (secure ?? plain) : (plain ?? secure)
  if (chosen === undefined)
    throw new CliError(EXIT.unavailable, 'the node has no AMQP listener: give its address with --uri')
  return `${chosen === secure ? 'amqps' : 'amqp'}://${url.hostname}:${chosen.port}`
}
