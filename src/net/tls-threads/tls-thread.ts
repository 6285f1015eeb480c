import { Worker } from 'node:worker_threads'
import type { Log } from '../../telemetry/log.ts'
import { type Listener, ListenError } from '../listener.ts'
import type { TlsContext } from '../tls.ts'
import type { PlainListenOptions, TlsReply, TlsRequest } from './messages.ts'
import type { TlsWorkerInput } from './tls-worker.ts'
import { workerScript } from '../../util/worker-script.ts'
import { clearTimeout, setTimeout } from '../../util/real-time.ts'

/** For goodbyes to reach clients; after that the thread ends with its connections. */
const STOP_MS = 1000

export type Addresses = Listener['addresses']

interface Waiting {
  resolve(addresses: Addresses): void
  reject(error: Error): void
}

/** One thread that does TLS, as the broker's thread sees it. */
export class TlsThread {
  readonly number: number
  readonly #worker: Worker
  readonly #log: Log
  readonly #exited: Promise<void>
  readonly #opening = new Map<number, Waiting>()
  readonly #closing = new Map<number, () => void>()

  /** @param onExit called when the thread has ended, with what ended it; null where that was no error */
  constructor(input: TlsWorkerInput, log: Log, onExit: (error: Error | null) => void) {
    const script = workerScript('tls-worker', import.meta.url)
    this.number = input.thread
    this.#log = log
    const exited = Promise.withResolvers<void>()
    this.#exited = exited.promise
    this.#worker = new Worker(script, { workerData: input, execArgv: [] })
    let failure: Error | null = null
    this.#worker.on('error', (error) => (failure = error as Error))
    this.#worker.on('message', (reply: TlsReply) => this.#onReply(reply))
    this.#worker.on('exit', () => {
      for (const waiting of this.#opening.values()) waiting.reject(failure ?? new Error('the thread has ended'))
      for (const resolve of this.#closing.values()) resolve()
      exited.resolve()
      onExit(failure)
    })
    // the broker's listeners are what keeps a process running
    this.#worker.unref()
  }

  /** @throws (rejects with) ListenError, or what has ended the thread */
  listen(listener: number, options: PlainListenOptions): Promise<Addresses> {
    this.#post({ kind: 'listen', listener, options })
    return new Promise((resolve, reject) => this.#opening.set(listener, { resolve, reject }))
  }

  renew(listener: number, context: TlsContext): void {
    this.#post({ kind: 'renew', listener, context })
  }

  /** Also where it is not listened. */
  close(listener: number): Promise<void> {
    this.#post({ kind: 'close', listener })
    return Promise.race([this.#exited, new Promise<void>((resolve) => this.#closing.set(listener, resolve))])
  }

  abandon(connection: number): void {
    this.#post({ kind: 'abandon', connection })
  }

  async stop(): Promise<void> {
    this.#post({ kind: 'stop' })
    const timer = setTimeout(() => void this.#worker.terminate(), STOP_MS)
    await this.#exited
    clearTimeout(timer)
  }

  #post(request: TlsRequest): void {
    this.#worker.postMessage(request)
  }

  #onReply(reply: TlsReply): void {
    switch (reply.kind) {
      case 'listening':
        this.#take(reply.listener)?.resolve(reply.addresses)
        return
      case 'failed':
        this.#take(reply.listener)?.reject(new ListenError(reply.text, reply.code))
        return
      case 'closed':
        this.#closing.get(reply.listener)?.()
        this.#closing.delete(reply.listener)
        return
      case 'log':
        this.#log[reply.level](reply.text, reply.facts)
        return
    }
  }

  #take(listener: number): Waiting | undefined {
    const waiting = this.#opening.get(listener)
    this.#opening.delete(listener)
    return waiting
  }
}
