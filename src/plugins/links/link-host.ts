import type { Duplex } from 'node:stream'
import type { AmqpConnection, ClientContext } from '../../amqp-client/index.ts'
import { AmqpClientError, AmqpReplyError, connect, parseAmqpUri } from '../../amqp-client/index.ts'
import type { Broker } from '../../core/broker.ts'
import { REPLY_CODES } from '../../core/reply-codes.ts'
import type { Log } from '../../telemetry/log.ts'
import type { Clock } from '../../util/clock.ts'

/** What links to other brokers need of the node that they run in. */
export interface LinkHost {
  readonly broker: Broker
  readonly log: Log
  /** Of delays before another attempt. */
  readonly clock: Clock
  /** Of connections: turns, buffers, the network's time. Made when it is first asked for. */
  context(): ClientContext
  /** What other brokers know this one by, and tell loops by. */
  clusterName(): string
  /**
   * A paused stream over which this broker speaks AMQP 0-9-1.
   * @param user whom a login by EXTERNAL acts for; null: it may do everything
   * @returns with it what the broker calls the connection
   */
  openLocal(user: string | null): { stream: Duplex; name: string }
}

export interface LinkTarget {
  readonly uri: string
  /** For addresses that name none. */
  readonly defaultVhost: string
  /** What the connection is called in lists. */
  readonly name: string
}

/**
 * Connects to another broker, or to this one where the address has no host: then without a password unless the address has one, and as the
 * user that it names.
 * @throws AmqpClientError
 */
export async function openLink(host: LinkHost, target: LinkTarget, signal: AbortSignal): Promise<AmqpConnection> {
  const uri = parseAmqpUri(target.uri, target.defaultVhost)
  const options = { name: target.name, signal, context: host.context() }
  if (uri.host !== null) return connect(uri, { ...options, heartbeatSec: HEARTBEAT_SEC })
  const { stream } = host.openLocal(uri.username)
  // there is no network that could break
  const local = { ...uri, mechanisms: uri.password === null ? ['EXTERNAL'] : ['PLAIN'], heartbeatSec: 0 }
  try {
    return await connect(local, { ...options, socket: stream })
  } catch (error) {
    throw uri.password === null && isRefusedLogin(error) ? new UnknownUserError(uri.username!) : error
  }
}

const isRefusedLogin = (error: unknown): boolean =>
  error instanceof AmqpReplyError && error.scope === 'connection' && error.replyCode === REPLY_CODES.accessRefused.code

/** In place of what the broker says of the mechanism, of which whoever wrote the address knows nothing. */
class UnknownUserError extends AmqpClientError {
  override readonly name = 'UnknownUserError'

  constructor(user: string) {
    super(`this broker lets no user '${user}' in without a password`)
  }
}

/** Connects to a vhost of this broker, where it may do everything. @throws AmqpClientError */
export async function openLocalLink(
  host: LinkHost,
  vhost: string,
  name: string,
  signal: AbortSignal,
): Promise<{ connection: AmqpConnection; localName: string }> {
  const { stream, name: localName } = host.openLocal(null)
  const uri = { ...parseAmqpUri('amqp://', vhost), mechanisms: ['EXTERNAL'], heartbeatSec: 0 }
  const connection = await connect(uri, { name, signal, context: host.context(), socket: stream })
  return { connection, localName }
}

/** RabbitMQ's for its own client. */
const HEARTBEAT_SEC = 10

/** Tries the addresses in an order that changes; the error is that of the last one. @throws AmqpClientError */
export async function openAnyLink(
  host: LinkHost,
  uris: readonly string[],
  target: Omit<LinkTarget, 'uri'>,
  signal: AbortSignal,
): Promise<{ connection: AmqpConnection; uri: string }> {
  let failure: unknown = new AmqpClientError('there is no address to connect to')
  for (const uri of shuffled(uris, host.broker.random)) {
    try {
      return { connection: await openLink(host, { ...target, uri }, signal), uri }
    } catch (error) {
      if (signal.aborted) throw error
      failure = error
    }
  }
  throw failure
}

/** One of several addresses. */
export const anyOf = <T>(items: readonly T[], random: () => number): T => items[Math.floor(random() * items.length)]!

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const left = [...items]
  const mixed: T[] = []
  while (left.length > 0) mixed.push(...left.splice(Math.floor(random() * left.length), 1))
  return mixed
}

/** Of a parameter that is an address or a list of them. */
export const urisOf = (value: unknown): readonly string[] =>
  typeof value === 'string' ? [value] : Array.isArray(value) ? (value as string[]) : []
