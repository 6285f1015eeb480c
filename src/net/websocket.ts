import { isUtf8 } from 'node:buffer'
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import type { WebSocket } from 'ws'
import { limitLog, type Log } from '../telemetry/log.ts'
import type { Peer } from './listener.ts'
import { COMPRESSION, declineSmallWindows } from './websocket-compression.ts'
import { clearTimeout, setTimeout } from '../util/real-time.ts'

// An `import` would read every export, one of which loads fetch, WebSocket and the web's streams: 3 MB and 20 ms.
const { createServer, STATUS_CODES } = process.getBuiltinModule('node:http')

/**
 * Makes a server that does not listen itself begin to enforce its time-outs. Its connections are given to it by hand, so that one server can serve
 * several addresses.
 */
export function beginHttp(server: Server): void {
  server.emit('listening')
}

/** Gives a server a connection, which is paused. */
export function serveHttp(server: Server, socket: Socket, peer: Peer): void {
  peers.set(socket, peer)
  server.emit('connection', socket)
  socket.resume()
}

// A request knows its socket, and only the listener knows whose it is.
const peers = new WeakMap<Duplex, Peer>()

/** Who sent a request that came in by `serveHttp`. */
export function requestPeer(request: IncomingMessage): Peer {
  const peer = peers.get(request.socket)
  if (peer === undefined) throw new Error('the request did not come in by serveHttp')
  return peer
}

/** @param onRequest whatever is not a WebSocket; 404 unless given */
export function createHttpServer(onRequest: RequestListener = notFound): Server {
  return createServer({ headersTimeout: 10_000, requestTimeout: 60_000, keepAliveTimeout: 30_000 }, onRequest)
}

const notFound = (_request: IncomingMessage, response: ServerResponse): void => answer(response, 404)

function answer(response: ServerResponse, status: number, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'text/plain', ...headers })
  response.end(`${STATUS_CODES[status]}\n`)
}

export interface WebSocketOptions {
  /** The one path that is upgraded. */
  readonly path: string
  /** Of those that a client offers the first in this list is taken; `amqp` alone unless given. */
  readonly subprotocols?: readonly string[]
  /** Whether messages are text: what is sent, as far as it is UTF-8, and what comes. Otherwise all are binary. */
  readonly isText?: boolean
  /** Whether clients that offer it may compress what they send, and are sent it so. */
  readonly compress?: boolean
  /** Largest WebSocket message, as it is before or after compression; 16 MiB unless given. */
  readonly maxPayloadBytes?: number
  /** Time without anything from a client after which it is let go; null, as when absent, is for ever. */
  readonly idleMs?: number | null
  /** WebSockets at a time, beyond which upgrades get 503; null, as when absent, is any number. */
  readonly connectionsMax?: number | null
  /** Origins whose pages may connect: others get 403. Empty, as when absent, or with `*` is any; who names none is no browser. */
  readonly origins?: readonly string[]
  /** Whether nobody is taken at the moment: upgrades get 503. */
  readonly isSuspended?: () => boolean
  readonly log: Log
  /** The stream is paused, carries the bytes of messages, and is the callee's from here on. */
  onConnection(stream: Duplex, peer: Peer): void
}

/** Serves WebSockets on a server that `createHttpServer` or the HTTP API has made; a plain GET of the path gets 426, upgrades elsewhere get 404. */
export function attachWebSocket(server: Server, options: WebSocketOptions): void {
  const {
    path,
    subprotocols = ['amqp'],
    isText = false,
    compress = false,
    maxPayloadBytes = 16 * 1024 * 1024,
    log,
  } = options
  const { idleMs = null, connectionsMax = null, origins = [] } = options
  const limited = limitLog(log)
  let open = 0
  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: compress && COMPRESSION,
    maxPayload: maxPayloadBytes,
    handleProtocols: (offered) => subprotocols.find((known) => offered.has(known)) ?? false,
  })
  interceptPath(server, path)
  server.on('upgrade', (request, socket, head) => {
    if (pathOf(request) !== path) return refuseUpgrade(socket, 404)
    if (!isAllowed(request.headers.origin, origins)) return refuseUpgrade(socket, 403)
    if (options.isSuspended?.() === true) return refuseUpgrade(socket, 503)
    if (connectionsMax !== null && open >= connectionsMax) {
      limited.warn('full', 'a WebSocket was refused: there are as many as may be', { path, connectionsMax })
      return refuseUpgrade(socket, 503)
    }
    const peer = requestPeer(request)
    if (compress) declineSmallWindows(request)
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      open++
      webSocket.once('close', () => open--)
      const stream = new WebSocketStream(webSocket, isText)
      stream.pause()
      if (idleMs !== null) closeWhenIdle(webSocket, idleMs)
      try {
        const { authorization } = request.headers
        options.onConnection(stream, { ...peer, websocket: true, authorization })
      } catch (err) {
        log.error('a connection could not be taken over', { err, peer: peer.address })
        stream.destroy()
      }
    })
  })
}

/** Answers plain requests for the path, and leaves all others to those who were there before. */
function interceptPath(server: Server, path: string): void {
  const others = server.listeners('request') as RequestListener[]
  server.removeAllListeners('request')
  server.on('request', (request, response) => {
    if (pathOf(request) === path) answer(response, 426, { upgrade: 'websocket', connection: 'upgrade' })
    else for (const other of others) other(request, response)
  })
}

const pathOf = (request: IncomingMessage): string => request.url!.split('?', 1)[0]!

const isAllowed = (origin: string | undefined, origins: readonly string[]): boolean =>
  origin === undefined || origins.length === 0 || origins.includes(origin) || origins.includes('*')

function refuseUpgrade(socket: Duplex, status: 403 | 404 | 503): void {
  socket.on('error', () => socket.destroy())
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`)
}

/** Pings and pongs are signs of life, too. */
function closeWhenIdle(webSocket: WebSocket, idleMs: number): void {
  const timer = setTimeout(() => {
    // who is not read from may well have said something
    if (webSocket.isPaused) timer.refresh()
    else webSocket.close(NORMAL_CLOSURE, 'idle')
  }, idleMs)
  for (const event of ['message', 'ping', 'pong']) webSocket.on(event, () => timer.refresh())
  webSocket.once('close', () => clearTimeout(timer))
}

// RFC 6455, section 7.4.1.
const NORMAL_CLOSURE = 1000
const UNSUPPORTED_DATA = 1003

/** The bytes of a WebSocket's messages as a stream, holding back in both directions. */
class WebSocketStream extends Duplex {
  readonly #webSocket: WebSocket
  readonly #isText: boolean

  constructor(webSocket: WebSocket, isText: boolean) {
    super({ allowHalfOpen: false })
    this.#webSocket = webSocket
    this.#isText = isText
    webSocket.on('message', (data, isBinary) => {
      if (!isBinary && !isText) webSocket.close(UNSUPPORTED_DATA, 'binary messages only')
      else if (!this.push(data)) webSocket.pause()
    })
    webSocket.once('close', () => this.push(null))
    webSocket.once('error', (error) => this.destroy(error))
  }

  override _read(): void {
    if (this.#webSocket.isPaused) this.#webSocket.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#send(chunk, done)
  }

  /** What gathered while a write was under way goes as one message. */
  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#send(Buffer.concat(chunks.map(({ chunk }) => chunk)), done)
  }

  /** What is no UTF-8 cannot be text: a client would have to fail the connection (RFC 6455, section 8.1). */
  #send(bytes: Buffer, done: (error?: Error | null) => void): void {
    this.#webSocket.send(bytes, { binary: !this.#isText || !isUtf8(bytes) }, done)
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#webSocket.close(NORMAL_CLOSURE)
    done()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // After an orderly end the closing handshake is still under way; it has a time-out of its own.
    if (error !== null || !this.writableFinished) this.#webSocket.terminate()
    done(error)
  }
}
