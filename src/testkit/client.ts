import type { Broker } from '../core/broker.ts'
import { type ClientConnection, NO_TRAFFIC } from '../core/client-connection.ts'
import { preconditionFailed } from '../core/errors.ts'
import type { Message } from '../core/message.ts'
import { QuietSink } from '../core/quiet-sink.ts'
import type { Session, SessionSink } from '../core/session.ts'

interface Waiting {
  readonly routed: boolean
  readonly resolve: (result: { routed: boolean }) => void
  readonly reject: (error: Error) => void
}

/** No alarm and no lack of room holds the program that the broker runs in. */
const UNHELD = { block() {}, unblock() {}, hold() {}, release() {}, traffic: () => NO_TRAFFIC }

/** Publishes with confirms. */
class Publisher extends QuietSink {
  readonly #session: Session
  /** What has been published and not been answered, in order. */
  readonly #waiting: Waiting[] = []
  #answered = 0
  #returned = false

  constructor(connection: ClientConnection) {
    super()
    this.#session = connection.openSession(this)
    this.#session.publishing.selectConfirms()
  }

  /** @throws BrokerError */
  publish(message: Message): Promise<{ routed: boolean }> {
    const { publishing, broker } = this.#session
    const { messageBytesMax } = broker.options
    if (message.bodyLength > messageBytesMax) {
      throw preconditionFailed(
        `message size ${message.bodyLength} is larger than configured max size ${messageBytesMax}`,
      )
    }
    const access = publishing.access(message.exchange)
    this.#returned = false
    publishing.publish(access, message, true)
    const routed = !this.#returned
    return new Promise((resolve, reject) => this.#waiting.push({ routed, resolve, reject }))
  }

  override returned(): void {
    this.#returned = true
  }

  override confirmed(sequence: number): void {
    while (this.#answered < sequence) {
      this.#answered++
      const { routed, resolve } = this.#waiting.shift()!
      resolve({ routed })
    }
  }

  override rejected(): void {
    this.#answered++
    this.#waiting.shift()!.reject(new Error('the message was rejected: a queue that it was routed to is full'))
  }

  close(): void {
    for (const { reject } of this.#waiting.splice(0)) {
      reject(new Error('the broker was stopped or reset before it confirmed the message'))
    }
  }
}

/** The program's own way into a virtual host of the broker that it runs: opened when it is first used, and again after a reset. */
export class InProcessClient {
  readonly #broker: () => Broker
  readonly #vhost: string
  #connection: ClientConnection | null = null
  #session: Session | null = null
  #publisher: Publisher | null = null

  /** @param broker throws once it has been stopped */
  constructor(broker: () => Broker, vhost: string) {
    this.#broker = broker
    this.#vhost = vhost
  }

  /** For all but publishing and consuming. @throws BrokerError notFound */
  get session(): Session {
    const connection = this.#open()
    return (this.#session ??= connection.openSession(new QuietSink()))
  }

  /** @throws BrokerError notFound */
  get publisher(): Publisher {
    const connection = this.#open()
    return (this.#publisher ??= new Publisher(connection))
  }

  /** @throws BrokerError notFound */
  openSession(sink: SessionSink): Session {
    return this.#open().openSession(sink)
  }

  /** Resolves when what was changed is as safe as the broker makes it. */
  async committed(): Promise<void> {
    await this.#broker().commitMetadata()
  }

  #open(): ClientConnection {
    const broker = this.#broker()
    const facts = {
      name: 'in process',
      protocol: 'in process',
      peerAddress: '',
      peerPort: 0,
      clientProperties: new Map(),
      givenName: null,
      network: null,
      loopback: true,
    }
    const close = (): void => this.close()
    this.#connection ??= broker.openTrusted(this.#vhost, facts, { close, drop: close, ...UNHELD })
    return this.#connection
  }

  close(): void {
    this.#publisher?.close()
    this.#connection?.close()
    this.#connection = null
    this.#session = null
    this.#publisher = null
  }
}
