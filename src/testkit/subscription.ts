import type { Consumer } from '../core/consumer.ts'
import type { Message } from '../core/message.ts'
import type { Entry } from '../core/queues/entry.ts'
import { QuietSink } from '../core/quiet-sink.ts'
import type { Session } from '../core/session.ts'
import { checkValue, kind } from './checks.ts'
import type { InProcessClient } from './client.ts'
import { ReceivedMessage } from './message.ts'

/** What becomes of a message: by default it is acknowledged. A rejected one is dead-lettered or dropped. */
export type Settlement = 'ack' | 'reject' | 'requeue'

/** Without a guess at what was meant: 'nack' is as near to 'ack' as can be. */
const SETTLEMENT = kind("'ack', 'reject', 'requeue' or nothing", (given) =>
  ['ack', 'reject', 'requeue'].includes(given as string),
)

export type SubscriptionHandler = (message: ReceivedMessage) => Settlement | void | Promise<Settlement | void>

/** A consumer in process. It ends with `cancel()`, with its queue, and with a reset or the stop of the broker. */
export class Subscription {
  readonly #session: Session
  readonly #handler: SubscriptionHandler

  /** @internal */
  constructor(client: InProcessClient, queue: string, handler: SubscriptionHandler, prefetch: number) {
    this.#handler = handler
    this.#session = client.openSession(new DeliverySink((tag, message) => this.#handle(tag, message)))
    this.#session.setPrefetch(prefetch, false)
    try {
      this.#session.consume({ queue, tag: '', noAck: false, exclusive: false, arguments: new Map() }, () => {})
    } catch (error) {
      this.#session.close()
      throw error
    }
  }

  /** What is not settled goes back to its queue, also what a handler still works on. */
  cancel(): void {
    this.#session.close()
  }

  [Symbol.dispose](): void {
    this.cancel()
  }

  /** Never called by the broker's own turn: a handler may do whatever it likes. */
  async #handle(tag: number, message: ReceivedMessage): Promise<void> {
    await Promise.resolve()
    let settlement: Settlement = 'reject'
    try {
      const returned = (await this.#handler(message)) ?? 'ack'
      checkValue('consume', 'result of the handler', returned, SETTLEMENT)
      settlement = returned
    } finally {
      this.#settle(tag, settlement)
    }
  }

  #settle(tag: number, settlement: Settlement): void {
    if (this.#session.closed) return
    if (settlement === 'ack') this.#session.acknowledge(tag, false)
    else this.#session.release(tag, false, settlement === 'requeue')
  }
}

class DeliverySink extends QuietSink {
  readonly #handle: (tag: number, message: ReceivedMessage) => Promise<void>

  constructor(handle: (tag: number, message: ReceivedMessage) => Promise<void>) {
    super()
    this.#handle = handle
  }

  override deliver(_: Consumer, tag: number, message: Message, _redelivered: boolean, entry: Entry | null): void {
    void this.#handle(tag, new ReceivedMessage(message, entry))
  }
}
