import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually, startTestBroker } from '../../support/with-broker.ts'

/** What client programs are pointed at: a broker of our own, or with RABBITMQ_URL set the one that it names. */
export interface Target {
  readonly url: string
  /** True: somebody else's broker. The few expected differences ask for it. */
  readonly live: boolean
  /** In front of every name, since a live broker is not empty. */
  readonly prefix: string
  /** Null where there is no TLS. */
  readonly tls: { readonly url: string; readonly caFile: string } | null
  /** Ends the connection whose client gave it this name, with 320 and this reason. */
  closeConnection(name: string, reason: string): Promise<void>
  stop(): Promise<void>
}

export async function openTarget(): Promise<Target> {
  const url = process.env.RABBITMQ_URL
  const prefix = `warren.${randomBytes(4).toString('hex')}.`
  return url === undefined ? openOwn(prefix) : openLive(url, prefix)
}

async function openOwn(prefix: string): Promise<Target> {
  const folder = mkdtempSync(join(tmpdir(), 'warren-clients-'))
  const tls = makeCertificate(folder)
  const flags = tls === null ? [] : ['--tls-port', '0', ...tls.flags]
  const { server, port } = await startTestBroker({ flags })
  const tlsUrl = server.urls.amqps[0]
  return {
    url: `amqp://guest:guest@127.0.0.1:${port}`,
    live: false,
    prefix,
    tls: tls === null ? null : { url: `amqps://guest:guest@localhost:${new URL(tlsUrl!).port}`, caFile: tls.caFile },
    async closeConnection(name, reason) {
      for (const connection of server.broker.connections) {
        if (connection.facts.clientProperties.get('connection_name')?.value === name) connection.forceClose(reason)
      }
    },
    async stop() {
      await server.stop('test')
      rmSync(folder, { recursive: true })
    },
  }
}

function openLive(url: string, prefix: string): Target {
  const { username, password, hostname, port } = new URL(url)
  // The management API is 10,000 above AMQP unless told otherwise, as it is by default.
  const management = process.env.RABBITMQ_MANAGEMENT_URL ?? `http://${hostname}:${Number(port || 5672) + 10_000}`
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
  const call = async (
    path: string,
    init: { method?: string; headers?: Record<string, string> } = {},
  ): Promise<Response> => fetch(`${management}/api/${path}`, { ...init, headers: { ...init.headers, authorization } })
  return {
    url,
    live: true,
    prefix,
    tls: null,
    async closeConnection(name, reason) {
      // It shows connections with a delay.
      const found = await eventually(async () => {
        const all = (await (await call('connections')).json()) as { name: string; user_provided_name?: string }[]
        const named = all.filter(({ user_provided_name }) => user_provided_name === name)
        return named.length > 0 ? named : undefined
      }, 30_000)
      for (const connection of found) {
        const path = `connections/${encodeURIComponent(connection.name)}`
        await call(path, { method: 'DELETE', headers: { 'X-Reason': reason } })
      }
    },
    async stop() {},
  }
}

/** For `localhost`, signed by itself. Null without openssl. */
function makeCertificate(folder: string): { flags: string[]; caFile: string } | null {
  const certificate = join(folder, 'localhost.pem')
  const key = join(folder, 'localhost.key')
  const names = 'subjectAltName=DNS:localhost'
  const kind = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost', '-addext', names]
  try {
    execFileSync('openssl', ['req', ...kind, '-keyout', key, '-out', certificate], { stdio: 'pipe' })
  } catch {
    return null
  }
  const flags = ['--ssl-options-certfile', certificate, '--ssl-options-keyfile', key]
  return { flags, caFile: certificate }
}
