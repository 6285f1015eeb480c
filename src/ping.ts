import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Config } from './config/config.ts'
import { ConfigError } from './config/errors.ts'

const GREETING = Buffer.from('AMQP\x00\x00\x09\x01', 'latin1')
/** "No client behind this connection": what a proxy sends for its own health checks. */
const PROXY_HEADER = Buffer.from('PROXY UNKNOWN\r\n', 'latin1')
const TIMEOUT_MS = 4_000

/**
 * Asks a broker that runs with this configuration for a sign of life, on its first AMQP listener, without logging in.
 *
 * @returns the address that answered
 * @throws Error when nobody does
 */
export async function ping(config: Config): Promise<string> {
  const { tcp, tls, proxyProtocol } = config.listeners
  const listener = tcp[0] ?? tls[0]
  if (listener === undefined) throw new ConfigError(['there is no AMQP listener to ask'])
  if (listener.port === 0) throw new ConfigError(['port 0 is any free port: say which one it became'])
  const host = listener.hosts[0]!
  const wildcard = host === '::' || host === '0.0.0.0'
  const address = { host: wildcard ? 'localhost' : host, port: listener.port }
  const socket = connect(address)
  const where = `${address.host}:${address.port}`
  let timer: NodeJS.Timeout | undefined
  try {
    await Promise.race([
      tcp[0] === undefined ? tlsAnswer(socket, proxyProtocol) : greetingAnswer(socket, proxyProtocol),
      new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`${where}: no answer within ${TIMEOUT_MS / 1000} s`)), TIMEOUT_MS)
      }),
    ])
    return where
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw code === undefined ? error : new Error(`${where}: ${message || code}`)
  } finally {
    clearTimeout(timer)
    socket.destroy()
  }
}

/** Resolves with the first bytes of connection.start. */
function greetingAnswer(socket: Socket, proxied: boolean): Promise<unknown> {
  socket.write(proxied ? Buffer.concat([PROXY_HEADER, GREETING]) : GREETING)
  return firstOf(socket, 'data')
}

/** Resolves when TLS is agreed on. Whose certificate it is, and whether ours is wanted, is not the question. */
function tlsAnswer(socket: Socket, proxied: boolean): Promise<unknown> {
  if (proxied) socket.write(PROXY_HEADER)
  return firstOf(connectTls({ socket, rejectUnauthorized: false }), 'secureConnect')
}

function firstOf(socket: Socket, event: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    socket.once(event, resolve)
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('the connection was closed without an answer')))
  })
}
