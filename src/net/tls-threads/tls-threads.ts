import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { limitLog } from '../../telemetry/log.ts'
import type { Log, LogLimiter } from '../../telemetry/log.ts'
import { type Listener, listen, type ListenOptions } from '../listener.ts'
import { OpenFilesGuard } from '../open-files-guard.ts'
import { type Handover, receiveHandover, SECRET_BYTES } from './handover.ts'
import type { TlsContext } from '../tls.ts'
import type { PlainListenOptions } from './messages.ts'
import { type Addresses, TlsThread } from './tls-thread.ts'
import { clearTimeout, setTimeout } from '../../util/real-time.ts'

/** Connections that wait for this thread; the kernel lowers it to its own limit. */
const BACKLOG = 65_535
/** A thread that has died is started again after so long. */
const RESTART_MS = 1000

interface Opened {
  readonly options: PlainListenOptions
  readonly onConnection: ListenOptions['onConnection']
}

/**
 * Does TLS in threads of their own: they listen, shake hands, and pass what is decrypted to this thread through sockets that only the
 * machine knows (abstract ones of Linux, of which nothing is left after a crash). All threads listen on the same ports, where the kernel
 * spreads the connections over them.
 */
export class TlsThreads {
  readonly #count: number
  readonly #log: Log
  readonly #limited: LogLimiter
  readonly #files: OpenFilesGuard
  readonly #secret = randomBytes(SECRET_BYTES)
  readonly #path = `\0warrenmq-tls-${process.pid}-${randomBytes(8).toString('hex')}`
  readonly #server: Server
  readonly #threads: TlsThread[] = []
  readonly #listeners = new Map<number, Opened>()
  readonly #restarts = new Set<NodeJS.Timeout>()
  #lastThread = 0
  #lastListener = 0
  #isStopping = false

  private constructor(count: number, log: Log) {
    this.#count = count
    this.#log = log
    this.#limited = limitLog(log)
    this.#files = new OpenFilesGuard(log)
    this.#server = createServer((socket) => this.#accept(socket))
  }

  static async open(count: number, log: Log): Promise<TlsThreads> {
    const threads = new TlsThreads(count, log)
    threads.#server.listen({ path: threads.#path, backlog: BACKLOG })
    await once(threads.#server, 'listening')
    threads.#server.on('error', (err) => threads.#limited.warn('accept', 'a connection could not be accepted', { err }))
    for (let i = 0; i < count; i++) threads.#threads.push(threads.#start())
    log.info('TLS has threads of its own', { threads: count })
    return threads
  }

  /** @throws (rejects with) ListenError */
  async listen(given: ListenOptions): Promise<Listener> {
    const isShared = this.#count > 1
    const options = { ...dataOf(given), reusePort: isShared }
    // a port that is shared can be had although another broker shares it as well
    if (isShared && given.port !== 0) await tryPort(given)
    const listener = ++this.#lastListener
    const renewTls = (context: TlsContext): void => this.#renew(listener, context)
    const close = async (): Promise<void> => {
      this.#listeners.delete(listener)
      await Promise.all(this.#threads.map((thread) => thread.close(listener)))
    }
    let addresses: Addresses
    try {
      const [first, ...others] = this.#threads as [TlsThread, ...TlsThread[]]
      addresses = await first.listen(listener, options)
      const found = { ...options, port: addresses[0]!.port }
      await Promise.all(others.map((thread) => thread.listen(listener, found)))
      this.#listeners.set(listener, { options: found, onConnection: (...args) => given.onConnection(...args) })
    } catch (error) {
      await close()
      throw error
    }
    return { port: addresses[0]!.port, addresses, renewTls, close }
  }

  /** For when the broker has closed its connections; those that are still open do not outlive it. */
  async close(): Promise<void> {
    this.#isStopping = true
    for (const timer of this.#restarts) clearTimeout(timer)
    await Promise.all(this.#threads.map((thread) => thread.stop()))
    this.#server.close()
  }

  #renew(listener: number, context: TlsContext): void {
    const opened = this.#listeners.get(listener)
    if (opened === undefined) return
    // for a thread that is started again, too
    this.#listeners.set(listener, { ...opened, options: { ...opened.options, tls: context } })
    for (const thread of this.#threads) thread.renew(listener, context)
  }

  #start(): TlsThread {
    const input = { thread: ++this.#lastThread, path: this.#path, secret: this.#secret }
    const thread = new TlsThread(input, this.#log, (err) => this.#onExit(thread, err))
    return thread
  }

  #onExit(thread: TlsThread, err: Error | null): void {
    this.#threads.splice(this.#threads.indexOf(thread), 1)
    if (this.#isStopping) return
    this.#log.error('a TLS thread has ended, and its connections with it; it is started again', { err })
    const timer = setTimeout(() => {
      this.#restarts.delete(timer)
      void this.#restart()
    }, RESTART_MS).unref()
    this.#restarts.add(timer)
  }

  async #restart(): Promise<void> {
    const thread = this.#start()
    this.#threads.push(thread)
    try {
      await Promise.all([...this.#listeners].map(([listener, { options }]) => thread.listen(listener, options)))
    } catch (err) {
      // it serves what it can
      if (!this.#isStopping) this.#log.error('a TLS thread could not be started again', { err })
    }
  }

  #accept(socket: Socket): void {
    socket.on('error', ignoreError)
    receiveHandover(socket, this.#secret, {
      onHeader: (handover) => {
        // the threads may have taken more at a time than there is room for: each has become two more files since
        if (this.#files.hasRoomFor(socket)) return this.#handOver(socket, handover)
        this.#files.warn(handover.peer.address)
        socket.destroy()
      },
      onRefused: (reason) => this.#limited.warn('refused', 'a connection to the TLS threads was refused', { reason }),
    })
  }

  #handOver(socket: Socket, { thread, connection, listener, peer }: Handover): void {
    socket.once('close', () => {
      // the thread cannot tell an end from a close; where it has ended itself, it need not
      if (socket.readableEnded && socket.writableFinished) return
      this.#threads.find(({ number }) => number === thread)?.abandon(connection)
    })
    const opened = this.#listeners.get(listener)
    if (opened === undefined) {
      socket.destroy()
      return
    }
    try {
      opened.onConnection(socket, peer)
      socket.off('error', ignoreError)
    } catch (err) {
      this.#log.error('a connection could not be taken over', { err, peer: peer.address })
      socket.destroy()
    }
  }
}

/** What can be given to another thread. */
const dataOf = (options: ListenOptions): PlainListenOptions => ({
  hosts: options.hosts,
  port: options.port,
  tls: options.tls ?? null,
  proxyProtocol: options.proxyProtocol ?? false,
  nodelay: options.nodelay ?? true,
  keepalive: options.keepalive ?? false,
  ...(options.backlog === undefined ? {} : { backlog: options.backlog }),
})

/** @throws ListenError where the port is another program's */
async function tryPort(options: ListenOptions): Promise<void> {
  const listener = await listen({ ...options, onConnection: (socket) => socket.destroy() })
  await listener.close()
}

const ignoreError = (): void => {}
