import type { AmqpConnection } from '../../amqp-client/index.ts'
import { clearTimeout, setTimeout } from '../../util/real-time.ts'

/** How long a broker may take to answer connection.close. */
const GOODBYE_MS = 2_000

/**
 * The connections of one attempt. While they are being set up, an abort cuts them, so that nothing waits for an answer any more; from `settle`
 * on whoever runs the link says goodbye.
 */
export class LinkScope {
  readonly #connections: AmqpConnection[] = []
  readonly #signal: AbortSignal
  readonly #cut = (): void => {
    for (const connection of this.#connections) connection.destroy()
  }
  readonly #aborted = Promise.withResolvers<void>()
  readonly #tell = (): void => this.#aborted.resolve()

  constructor(signal: AbortSignal) {
    this.#signal = signal
    signal.addEventListener('abort', this.#tell)
    signal.addEventListener('abort', this.#cut)
  }

  add(connection: AmqpConnection): AmqpConnection {
    this.#connections.push(connection)
    if (this.#signal.aborted) connection.destroy()
    return connection
  }

  /** All is set up. */
  settle(): void {
    this.#signal.removeEventListener('abort', this.#cut)
  }

  /** Resolves when the link is to end. */
  get aborted(): Promise<void> {
    return this.#signal.aborted ? Promise.resolve() : this.#aborted.promise
  }

  async close(): Promise<void> {
    this.settle()
    // the signal outlives this attempt
    this.#signal.removeEventListener('abort', this.#tell)
    await Promise.all(this.#connections.map(goodbye))
  }
}

/** Node's own timer, as for all goodbyes: the broker's clock may stand still. */
async function goodbye(connection: AmqpConnection): Promise<void> {
  const timer = setTimeout(() => connection.destroy(), GOODBYE_MS)
  await connection.close()
  clearTimeout(timer)
}
