import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Log } from '../telemetry/log.ts'
import { type Listener, listen, type ListenOptions, type Peer } from './listener.ts'

export type HttpOptions = Omit<ListenOptions, 'onConnection'>

type Serve = (socket: Socket, peer: Peer) => void

interface Waiting {
  readonly socket: Socket
  readonly peer: Peer
}

/**
 * An HTTP server that is made for its first connection. Node's HTTP, and what fetch and WebSockets need, which comes with it, take
 * longer to load than AMQP does, and more memory; a broker that nobody asks by HTTP goes without. Here is only what
 * listening takes.
 */
export class LateHttpServer {
  readonly #make: () => Promise<Server>
  readonly #log: Log
  readonly #listeners: Listener[] = []
  /** What came before there was a server. They are paused, so that none of them takes memory for what it sends. */
  #waiting: Waiting[] = []
  #serve: Serve | null = null
  #loading: Promise<Server> | null = null
  #isClosed = false

  /** @param make the server, which must not listen itself; asked again with the next connection where it fails */
  constructor(make: () => Promise<Server>, log: Log) {
    this.#make = make
    this.#log = log
  }

  /** Opens one more address. @param open in place of `listen` @throws (rejects with) ListenError */
  async listen(options: HttpOptions, open: typeof listen = listen): Promise<Listener> {
    const onConnection = (socket: Socket, peer: Peer): void => this.#accept(socket, peer)
    const listener = await open({ ...options, onConnection })
    this.#listeners.push(listener)
    return listener
  }

  /** Makes the server now. */
  load(): Promise<Server> {
    return (this.#loading ??= this.#load())
  }

  /** Stops accepting, closes idle connections, and leaves the others to finish. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const { socket } of this.#waiting) socket.destroy()
    await Promise.all(this.#listeners.map((listener) => listener.close()))
    const server = await this.#loading?.catch(() => null)
    server?.close()
  }

  #accept(socket: Socket, peer: Peer): void {
    if (this.#serve !== null) this.#serve(socket, peer)
    else void this.#acceptFirst(socket, peer)
  }

  async #acceptFirst(socket: Socket, peer: Peer): Promise<void> {
    this.#waiting.push({ socket, peer })
    socket.on('error', ignoreError)
    try {
      await this.load()
    } catch (err) {
      this.#loading = null
      if (this.#waiting.length > 0) this.#log.error('the HTTP server could not be loaded', { err })
      for (const each of this.#takeWaiting()) each.socket.destroy()
    }
  }

  async #load(): Promise<Server> {
    const [server, { beginHttp, serveHttp }] = await Promise.all([this.#make(), import('./websocket.ts')])
    beginHttp(server)
    this.#serve = (socket, peer) => serveHttp(server, socket, peer)
    for (const { socket, peer } of this.#takeWaiting()) {
      if (socket.destroyed || this.#isClosed) socket.destroy()
      else this.#serve(socket, peer)
      socket.off('error', ignoreError)
    }
    return server
  }

  #takeWaiting(): Waiting[] {
    const waiting = this.#waiting
    this.#waiting = []
    return waiting
  }
}

/** Whoever went before there was somebody to talk to is found destroyed. */
const ignoreError = (): void => {}
