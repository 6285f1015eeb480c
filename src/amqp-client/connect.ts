import type { Duplex } from 'node:stream'
import { longstr, type Table } from '../core/fields.ts'
import { AmqpConnection } from './connection.ts'
import { type ClientContext, defaultContext } from './context.ts'
import { AmqpNetworkError, AmqpUriError } from './errors.ts'
import type { HandshakeSettings } from './handshake.ts'
import { openSocket } from './open-socket.ts'
import { type AmqpUri, parseAmqpUri } from './uri.ts'

export interface ConnectOptions {
  /** Shown in lists of connections. */
  readonly name?: string
  /** Sent to the broker besides product, platform and capabilities. */
  readonly clientProperties?: Table
  /** Where the address says nothing of it: seconds; null or left out: what the broker proposes. */
  readonly heartbeatSec?: number | null
  /** Gives up when it is aborted. */
  readonly signal?: AbortSignal
  readonly context?: ClientContext
  /** In place of a socket of ours, for an address without a host: connected and paused. */
  readonly socket?: Duplex
}

const CONNECTION_TIMEOUT_MS = 60_000
const CHANNEL_MAX = 2047
const FRAME_MAX = 128 * 1024

/**
 * Connects and logs in.
 * @throws AmqpUriError; AmqpNetworkError; AmqpReplyError (403: the login was refused, 530: no such virtual host or no access to it)
 */
export async function connect(address: string | AmqpUri, options: ConnectOptions = {}): Promise<AmqpConnection> {
  const uri = typeof address === 'string' ? parseAmqpUri(address) : address
  const context = options.context ?? defaultContext()
  const giveUp = new AbortController()
  const timeoutMs = uri.connectionTimeoutMs ?? CONNECTION_TIMEOUT_MS
  const timer = context.clock.schedule(timeoutMs, {
    onTimer: () => giveUp.abort(new AmqpNetworkError(`no connection within ${timeoutMs} ms`)),
  })
  const signal = options.signal === undefined ? giveUp.signal : AbortSignal.any([giveUp.signal, options.signal])
  try {
    const socket = options.socket ?? (await openSocket(endpointOf(uri), signal))
    return await open(socket, settingsOf(uri, options), context, signal)
  } finally {
    timer.cancel()
  }
}

function endpointOf({ host, port, tls, tlsOptions }: AmqpUri): Parameters<typeof openSocket>[0] {
  if (host === null) throw new AmqpUriError('the address names no host')
  return { host, port, tls: tls ? tlsOptions : null }
}

function open(
  socket: Duplex,
  settings: HandshakeSettings,
  context: ClientContext,
  signal: AbortSignal,
): Promise<AmqpConnection> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      connection.destroy()
      reject(signal.reason as Error)
    }
    const connection: AmqpConnection = new AmqpConnection(socket, settings, context, (error) => {
      signal.removeEventListener('abort', onAbort)
      if (error === null) resolve(connection)
      else reject(error)
    })
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort)
  })
}

function settingsOf(uri: AmqpUri, options: ConnectOptions): HandshakeSettings {
  const name: Table = options.name === undefined ? new Map() : new Map([['connection_name', longstr(options.name)]])
  return {
    username: uri.username ?? 'guest',
    password: uri.password ?? 'guest',
    vhost: uri.vhost,
    mechanisms: uri.mechanisms.length > 0 ? uri.mechanisms : ['PLAIN', 'AMQPLAIN'],
    heartbeatSec: uri.heartbeatSec ?? options.heartbeatSec ?? null,
    channelMax: uri.channelMax ?? CHANNEL_MAX,
    frameMax: uri.frameMax ?? FRAME_MAX,
    clientProperties: new Map([...name, ...(options.clientProperties ?? [])]),
  }
}
