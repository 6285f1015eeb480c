import { createServer, isIPv6 } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import type { Server as TlsServer, TLSSocket } from 'node:tls'
import { limitLog } from '../telemetry/log.ts'
import type { Log, LogLimiter } from '../telemetry/log.ts'
import { HandshakeQueue } from './handshake-queue.ts'
import { readLeadingHeader } from './leading-header.ts'
import { OpenFilesGuard } from './open-files-guard.ts'
import { parseProxyHeader, PROXY_HEADER_BYTES_MAX } from './proxy-protocol.ts'
import type { ProxyHeader } from './proxy-protocol.ts'
import { certificateProblem, peerCertificate, peerProblem } from './tls.ts'
import type { PeerCertificateFacts, TlsContext } from './tls.ts'
import { tlsModule } from './tls-module.ts'
import { setImmediate } from '../util/real-time.ts'

/** Who is at the other end. Behind a proxy that tells, the addresses are the client's, not the proxy's. */
export interface Peer {
  /** IPv4 addresses that came in over an IPv6 socket are shown as IPv4. */
  readonly address: string
  readonly port: number
  readonly localAddress: string
  readonly localPort: number
  readonly tls: PeerTls | null
  readonly websocket: boolean
  /** Of the HTTP request that became a WebSocket: its header `authorization`, which is a secret. */
  readonly authorization?: string | undefined
}

export interface PeerTls {
  /** `TLSv1.3` and so on. */
  readonly protocol: string
  /** The suite by the name that IANA gives it: `TLS_AES_256_GCM_SHA384`. */
  readonly cipher: string
  /** Checked. Null when the client gave none or was not asked for one. */
  readonly certificate: PeerCertificateFacts | null
}

export interface ListenOptions {
  /** `::` takes IPv4 as well, and stands for `0.0.0.0` on a machine without IPv6. */
  readonly hosts: readonly string[]
  /** 0: one that is free, the same on all hosts. */
  readonly port: number
  readonly tls?: TlsContext | null
  /** Every connection begins with a PROXY protocol header. */
  readonly proxyProtocol?: boolean
  /** True unless given. */
  readonly nodelay?: boolean
  /** False unless given. */
  readonly keepalive?: boolean
  /** 511 unless given. */
  readonly backlog?: number
  /** Others may listen on the same port, where the operating system has it spread connections over them. False unless given. */
  readonly reusePort?: boolean
  /** 5000 unless given. */
  readonly proxyHeaderTimeoutMs?: number
  readonly log: Log
  /** The socket is paused, and has what came after the PROXY header; it is the callee's from here on. */
  onConnection(socket: Socket, peer: Peer): void
}

export interface Listener {
  readonly port: number
  readonly addresses: readonly { readonly address: string; readonly port: number }[]
  /** Who connects from now on is shown the certificate of this context. Its other settings are to be as before; without TLS nothing changes. */
  renewTls(context: TlsContext): void
  /** Stops accepting. Sockets that were handed over stay as they are; those that were not yet are closed. */
  close(): Promise<void>
}

/** The same, but for how it is closed. */
export const closedBy = (listener: Listener, close: () => Promise<void>): Listener => ({
  port: listener.port,
  addresses: listener.addresses,
  renewTls: (context) => listener.renewTls(context),
  close,
})

/** A port that cannot be listened on; the text names address and port. */
export class ListenError extends Error {
  /** Of the operating system: `EADDRINUSE` and so on. */
  readonly code: string

  constructor(text: string, code: string) {
    super(text)
    this.name = 'ListenError'
    this.code = code
  }
}

/** @throws ListenError when one of the addresses cannot be had; none is kept then. */
export async function listen(options: ListenOptions): Promise<Listener> {
  const acceptor = new Acceptor(options)
  const servers = await bindAll(options, () => acceptor.createServer())
  const addresses = servers.map((server) => {
    server.on('error', acceptor.onAcceptError)
    const { address, port } = server.address() as AddressInfo
    return { address, port }
  })
  return {
    port: addresses[0]!.port,
    addresses,
    renewTls: (context) => acceptor.renewTls(context),
    async close() {
      for (const server of servers) server.close()
      acceptor.closePending()
      // `server.close` reports only after the last connection has ended, which is not what is asked here; the listening
      // socket itself is gone after this turn.
      await new Promise((resolve) => setImmediate(resolve))
    },
  }
}

// How often a port that was free on one address may turn out to be taken on the next.
const FREE_PORT_TRIES = 20

async function bindAll(options: ListenOptions, create: () => Server): Promise<Server[]> {
  for (let tries = 1; ; tries++) {
    const servers: Server[] = []
    let port = options.port
    const { reusePort = false } = options
    try {
      for (const host of options.hosts) {
        const server = create()
        // `::` would take the IPv4 port too, which is asked for on its own here.
        const ipv6Only = host === '::' && options.hosts.includes('0.0.0.0')
        await bindOrFallBack(server, { host, port, ipv6Only, backlog: options.backlog ?? 511, reusePort })
        servers.push(server)
        port = (server.address() as AddressInfo).port
      }
      if (servers.length === 0) throw new ListenError('there is no address to listen on', 'EADDRNOTAVAIL')
      return servers
    } catch (error) {
      for (const server of servers) server.close()
      const unlucky = options.port === 0 && servers.length > 0 && (error as ListenError).code === 'EADDRINUSE'
      if (!unlucky || tries === FREE_PORT_TRIES) throw error
    }
  }
}

interface BindOptions {
  readonly host: string
  readonly port: number
  readonly ipv6Only: boolean
  readonly backlog: number
  readonly reusePort: boolean
}

async function bindOrFallBack(server: Server, options: BindOptions): Promise<void> {
  const { host, ipv6Only } = options
  try {
    await bind(server, options)
  } catch (error) {
    const { code } = error as ListenError
    if (host !== '::' || ipv6Only || (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL')) throw error
    await bind(server, { ...options, host: '0.0.0.0' })
  }
}

function bind(server: Server, options: BindOptions): Promise<void> {
  const { host, port } = options
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => {
      const where = isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`
      const code = error.code ?? 'UNKNOWN'
      const text = code === 'EADDRINUSE' && isOurs(port) ? OURS_TEXT : (LISTEN_TEXTS[code] ?? error.message)
      reject(new ListenError(`cannot listen on ${where}: ${text}`, code))
    }
    server.once('error', onError)
    server.listen(options, () => {
      server.off('error', onError)
      listening.add(server)
      server.once('close', () => listening.delete(server))
      resolve()
    })
  })
}

/** Of all brokers of this process. */
const listening = new Set<Server>()

const isOurs = (port: number): boolean =>
  [...listening].some((server) => server.listening && (server.address() as AddressInfo).port === port)

const OURS_TEXT =
  'this process listens on the port itself: for something else, or for a broker that was not stopped (await broker.stop())'

const LISTEN_TEXTS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use by another process',
  EADDRNOTAVAIL: 'this machine does not have the address',
  EACCES: 'not permitted (ports below 1024 usually need privileges)',
}

/**
 * Has all sockets that `server` accepts send small packets at once. On Linux they have that from the one that listens: a system call less
 * for each, which was 5 % of what it costs to open and close a connection.
 * @returns false where it must be said of each
 */
function hasNoDelayInherited(server: Server): boolean {
  if (process.platform !== 'linux') return false
  const handle = (server as { readonly _handle?: { setNoDelay?(on: boolean): number } | null })._handle
  return handle?.setNoDelay?.(true) === 0
}

interface Pending {
  readonly socket: Socket
  /** As the PROXY header has it. */
  client: ProxyHeader['client']
}

/** Takes a connection from `accept` over PROXY header and TLS handshake to the point where it is handed over. */
class Acceptor {
  readonly #options: ListenOptions
  readonly #log: Log
  readonly #limited: LogLimiter
  readonly #tlsServer: TlsServer | null
  readonly #handshakes: HandshakeQueue | null
  readonly #files: OpenFilesGuard
  /** What has not been handed over, by `socketKey`. */
  readonly #pending = new Map<string, Pending>()
  /** Addresses for the log of those that shake hands, which outlast the sockets: some refusals are told after these are gone. */
  readonly #clients = new WeakMap<Socket, string>()

  constructor(options: ListenOptions) {
    this.#options = options
    this.#log = options.log
    this.#limited = limitLog(options.log)
    this.#files = new OpenFilesGuard(options.log)
    this.#tlsServer = options.tls ? this.#createTlsServer(options.tls) : null
    this.#handshakes = this.#tlsServer && this.#createHandshakes(this.#tlsServer)
  }

  createServer(): Server {
    const { nodelay = true, keepalive = false } = this.#options
    let isInherited = false
    const server = createServer({ keepAlive: keepalive }, (socket) => {
      if (nodelay && !isInherited) socket.setNoDelay()
      this.#accept(socket)
    })
    return server.once('listening', () => (isInherited = nodelay && hasNoDelayInherited(server)))
  }

  readonly onAcceptError = (err: Error): void => {
    this.#limited.warn('accept', 'a connection could not be accepted', { err })
  }

  renewTls({ options }: TlsContext): void {
    this.#tlsServer?.setSecureContext(options)
  }

  closePending(): void {
    for (const { socket } of this.#pending.values()) socket.destroy()
  }

  #accept(socket: Socket): void {
    if (!this.#files.hasRoomFor(socket)) {
      this.#files.warn(plainAddress(socket.remoteAddress ?? 'unknown'))
      socket.on('error', this.#onEarlyError)
      socket.destroy()
      return
    }
    socket.on('error', this.#onEarlyError)
    if (this.#handshakes === null && this.#options.proxyProtocol !== true) {
      this.#handOver(socket, null, null)
      return
    }
    const pending: Pending = { socket, client: null }
    const key = socketKey(socket)
    this.#pending.set(key, pending)
    socket.once('close', () => {
      if (this.#pending.get(key) === pending) this.#pending.delete(key)
    })
    if (this.#options.proxyProtocol) this.#readProxyHeader(pending)
    else this.#secure(socket)
  }

  readonly #onEarlyError = (err: Error): void => {
    if (this.#log.debugOn) this.#log.debug('a connection failed before it was open', { err })
  }

  #readProxyHeader(pending: Pending): void {
    const { socket } = pending
    readLeadingHeader(socket, {
      timeoutMs: this.#options.proxyHeaderTimeoutMs ?? 5000,
      lateReason: 'no PROXY header in time',
      parse: (received) => {
        // What follows the header may be of any length, but need not be looked at to find its end.
        const header = parseProxyHeader(received.subarray(0, PROXY_HEADER_BYTES_MAX))
        return header === null ? null : { header, bytes: header.length }
      },
      onHeader: ({ client }) => {
        pending.client = client
        this.#secure(socket)
      },
      onRefused: (reason) => {
        const peer = plainAddress(socket.remoteAddress ?? 'unknown')
        this.#limited.warn(`proxy ${peer}`, 'connection refused: PROXY protocol', { peer, reason })
      },
    })
  }

  #secure(socket: Socket): void {
    if (this.#handshakes === null) {
      this.#handOverPending(socket, null)
      return
    }
    const client = this.#pending.get(socketKey(socket))?.client?.address
    this.#clients.set(socket, client ?? plainAddress(socket.remoteAddress ?? 'unknown'))
    this.#handshakes.add(socket)
  }

  #createHandshakes(server: TlsServer): HandshakeQueue {
    return new HandshakeQueue({
      timeoutMs: this.#options.tls?.options.handshakeTimeout ?? 0,
      // A TLS server that does not listen itself wraps whatever socket it is given, with what is unread in it.
      begin: (socket) => server.emit('connection', socket),
      onTimeout: (socket) => this.#refuseHandshake(socket, 'TLS handshake timeout'),
    })
  }

  #refuseHandshake(socket: Socket, reason: string): void {
    const peer = this.#clientOf(socket)
    this.#limited.warn(`tls ${peer}`, 'TLS handshake failed', { peer, reason })
    socket.destroy()
  }

  /** Whose connection it is, for the log: behind a proxy not the proxy's. */
  #clientOf(socket: Socket): string {
    return this.#clients.get(beneath(socket)) ?? 'unknown'
  }

  #createTlsServer(context: TlsContext): TlsServer {
    const server = tlsModule().createServer(context.options)
    server.on('tlsClientError', (err, socket) => {
      this.#refuseHandshake(socket, certificateProblem(socket) ?? (err as { reason?: string }).reason ?? err.message)
    })
    server.on('secureConnection', (socket) => {
      const problem = peerProblem(socket, context)
      if (problem !== null) {
        const peer = this.#clientOf(socket)
        this.#limited.warn(`tls ${peer}`, 'connection refused: TLS', { peer, reason: problem })
        socket.destroy()
        return
      }
      this.#handOverPending(socket, tlsFacts(socket))
    })
    return server
  }

  #handOverPending(socket: Socket, tls: PeerTls | null): void {
    const key = socketKey(socket)
    const pending = this.#pending.get(key)
    if (pending === undefined) {
      socket.destroy() // Gone already.
      return
    }
    this.#pending.delete(key)
    this.#handOver(socket, tls, pending.client)
  }

  #handOver(socket: Socket, tls: PeerTls | null, client: Pending['client']): void {
    socket.pause()
    const { remoteAddress, remotePort, localAddress, localPort } = socket
    if (remoteAddress === undefined || remotePort === undefined) {
      socket.destroy() // Gone already.
      return
    }
    const peer: Peer = {
      address: client?.address ?? plainAddress(remoteAddress),
      port: client?.port ?? remotePort,
      localAddress: client?.localAddress ?? plainAddress(localAddress ?? ''),
      localPort: client?.localPort ?? localPort ?? 0,
      tls,
      websocket: false,
    }
    try {
      this.#options.onConnection(socket, peer)
      socket.off('error', this.#onEarlyError)
    } catch (err) {
      this.#log.error('a connection could not be taken over', { err, peer: peer.address })
      socket.destroy()
    }
  }
}

/** The one that a TLS socket is on top of, for which Node.js has no public name; any other is its own. */
const beneath = (socket: Socket): Socket => (socket as { readonly _parent?: Socket })._parent ?? socket

/** Unique among the connections of a listener, and the same for a TLS socket and the socket beneath it. */
const socketKey = (socket: Socket): string =>
  `${socket.remoteAddress} ${socket.remotePort} ${socket.localAddress} ${socket.localPort}`

const tlsFacts = (socket: TLSSocket): PeerTls => ({
  protocol: socket.getProtocol() ?? 'unknown',
  cipher: socket.getCipher().standardName,
  certificate: peerCertificate(socket),
})

/** `::ffff:127.0.0.1`, as IPv4 clients look on a dual-stack socket, is `127.0.0.1`. */
const plainAddress = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/i, '')
