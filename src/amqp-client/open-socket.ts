import { readFile } from 'node:fs/promises'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import type { ConnectionOptions, SecureContext, SecureContextOptions } from 'node:tls'
import { tlsModule } from '../net/tls-module.ts'
import { AmqpNetworkError, AmqpUriError } from './errors.ts'
import type { AmqpTlsOptions } from './uri.ts'

export interface Endpoint {
  readonly host: string
  readonly port: number
  /** Null: without TLS. */
  readonly tls: AmqpTlsOptions | null
}

/**
 * A socket that is connected and, with TLS, past the handshake. It is paused.
 * @param signal gives up when it is aborted
 * @throws AmqpNetworkError; AmqpUriError where a file that the address names cannot be read
 */
export async function openSocket(endpoint: Endpoint, signal: AbortSignal): Promise<Socket> {
  const { host, port, tls } = endpoint
  const options = tls === null ? null : await tlsOptions(tls, host)
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      signal.removeEventListener('abort', onAbort)
      socket.destroy()
      reject(new AmqpNetworkError(`cannot connect to ${host}:${port}: ${reasonOf(error)}`, error))
    }
    const succeed = (): void => {
      signal.removeEventListener('abort', onAbort)
      socket.off('error', fail)
      // so that an error until somebody listens does not end the process; the socket closes after it
      socket.on('error', () => {})
      socket.setNoDelay(true)
      resolve(socket)
    }
    const onAbort = (): void => fail(signal.reason as Error)
    const where = { host, port, allowHalfOpen: true }
    const socket =
      options === null ? connectTcp(where, succeed) : tlsModule().connect({ ...where, ...options }, succeed)
    socket.pause()
    socket.on('error', fail)
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort)
  })
}

/** A host of several addresses fails with an error for each, and without a text of its own. */
function reasonOf(error: Error): string {
  const first = error instanceof AggregateError ? (error.errors[0] as Error) : error
  return first.message
}

async function tlsOptions(tls: AmqpTlsOptions, host: string): Promise<ConnectionOptions> {
  const [ca, cert, key] = await Promise.all([
    readPem('cacertfile', tls.caFile),
    readPem('certfile', tls.certFile),
    readPem('keyfile', tls.keyFile),
  ])
  const secure = {
    ...(ca === null ? {} : { ca }),
    ...(cert === null ? {} : { cert }),
    ...(key === null ? {} : { key }),
    ...(tls.password === null ? {} : { passphrase: tls.password }),
  }
  return {
    secureContext: secureContext(secure),
    rejectUnauthorized: tls.verify,
    servername: tls.serverName ?? (isIP(host) === 0 ? host : ''),
    // as with RabbitMQ's client: where no name is asked for, the certificate may have any, and only its authority counts
    ...(tls.serverName === '' && { checkServerIdentity: () => undefined }),
  }
}

function secureContext(options: SecureContextOptions): SecureContext {
  try {
    return tlsModule().createSecureContext(options)
  } catch (error) {
    throw new AmqpUriError(`certificate or key cannot be used: ${(error as Error).message}`)
  }
}

async function readPem(name: string, path: string | null): Promise<Buffer | null> {
  if (path === null) return null
  try {
    return await readFile(path)
  } catch (error) {
    throw new AmqpUriError(`${name}: ${(error as Error).message}`)
  }
}
