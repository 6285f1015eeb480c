import type { listen, Listener, ListenOptions } from './listener.ts'
import type { TlsContext } from './tls.ts'

/**
 * Listens, can stop for a while, and has its port back afterwards. In between a client is refused by the operating system, which is
 * how a load balancer sees that it should go elsewhere.
 */
export class SuspendableListener implements Listener {
  readonly port: number
  readonly addresses: Listener['addresses']
  #options: ListenOptions
  readonly #open: typeof listen
  #current: Listener | null
  #isClosed = false

  private constructor(options: ListenOptions, open: typeof listen, first: Listener) {
    this.port = first.port
    this.addresses = first.addresses
    this.#options = { ...options, port: first.port }
    this.#open = open
    this.#current = first
  }

  /** @param open what listens @throws (rejects with) ListenError */
  static async open(options: ListenOptions, open: typeof listen): Promise<SuspendableListener> {
    return new SuspendableListener(options, open, await open(options))
  }

  /** Stops accepting; sockets that were handed over stay as they are. */
  async suspend(): Promise<void> {
    const current = this.#current
    this.#current = null
    await current?.close()
  }

  /** Not to be called while `suspend` is under way. @throws (rejects with) ListenError where another program has the port by now */
  async resume(): Promise<void> {
    if (this.#current !== null || this.#isClosed) return
    const options = this.#options
    const opened = await this.#open(options)
    // the server may have stopped meanwhile
    if (this.#isClosed) return opened.close()
    this.#current = opened
    if (this.#options.tls && this.#options.tls !== options.tls) opened.renewTls(this.#options.tls)
  }

  /** Also for when it listens again. */
  renewTls(context: TlsContext): void {
    this.#options = { ...this.#options, tls: context }
    this.#current?.renewTls(context)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.suspend()
  }
}
