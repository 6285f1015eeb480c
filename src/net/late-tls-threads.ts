import type { Log } from '../telemetry/log.ts'
import { type Listener, listen, type ListenOptions } from './listener.ts'
import type { TlsThreads } from './tls-threads/tls-threads.ts'

/** The threads that do TLS, where there are to be some: loaded and started for the first listener that has TLS. */
export class LateTlsThreads {
  readonly #count: number
  readonly #log: Log
  #threads: Promise<TlsThreads> | null = null

  /** @param count 0: TLS is done in this thread */
  constructor(count: number, log: Log) {
    const isPossible = process.platform === 'linux'
    if (count > 0 && !isPossible) log.warn('TLS has no threads of its own: that takes Linux', { threads: count })
    this.#count = isPossible ? count : 0
    this.#log = log
  }

  /** @throws (rejects with) ListenError */
  readonly listen = async (options: ListenOptions): Promise<Listener> => {
    if (this.#count === 0 || !options.tls) return listen(options)
    const threads = await (this.#threads ??= this.#open())
    return threads.listen(options)
  }

  /** For when the broker has closed its connections. */
  async close(): Promise<void> {
    await (await this.#threads)?.close()
  }

  async #open(): Promise<TlsThreads> {
    const { TlsThreads } = await import('./tls-threads/tls-threads.ts')
    return TlsThreads.open(this.#count, this.#log)
  }
}
