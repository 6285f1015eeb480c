import type { Broker } from '../../core/broker.ts'
import type { ClientConnection } from '../../core/client-connection.ts'
import { BrokerError, preconditionFailed } from '../../core/errors.ts'
import type { Message } from '../../core/message.ts'
import { QuietSink } from '../../core/quiet-sink.ts'
import type { Session } from '../../core/session.ts'
import type { Identity } from '../../core/identity.ts'
import { type Job, JobFailure } from '../jobs/jobs.ts'
import { openFor } from '../in-process.ts'

/** What became of a message: `refused` by a full queue, or not taken for a reason that is told. */
export type Outcome = 'taken' | 'refused' | { readonly reason: string }

/** Messages that may be published and not yet be safe. */
const UNSAFE_MAX = 10_000

const UNROUTABLE = { reason: 'reached no queue' }

class PublisherSink extends QuietSink {
  /** The last message reached no queue. */
  wasReturned = false
  readonly #answered: (sequence: number) => void

  /** @param answered called with the number of a message when it and all before it have been answered */
  constructor(answered: (sequence: number) => void) {
    super()
    this.#answered = answered
  }

  override returned(): void {
    this.wasReturned = true
  }

  override confirmed(sequence: number): void {
    this.#answered(sequence)
  }

  override rejected(sequence: number): void {
    this.#answered(sequence)
  }
}

/** Publishes for a job, as a user, with all that applies to any publisher: permissions, alarms, flow control. */
export class Republisher {
  readonly session: Session
  readonly #connection: ClientConnection
  readonly #sink: PublisherSink
  #published = 0
  #safe = 0
  #held = false
  #closed: string | null = null
  /** Called when something has changed that may be waited for. */
  #wake: () => void = () => {}

  /** @throws BrokerError notFound for a vhost that is none */
  constructor(broker: Broker, user: Identity, vhost: string) {
    this.#connection = openFor(broker, user, vhost, {
      block: () => this.#hold(true),
      unblock: () => this.#hold(false),
      hold: () => this.#hold(true),
      release: () => this.#hold(false),
      onEnd: (reason) => {
        this.#closed = reason
        this.#connection.close()
        this.#wake()
      },
    })
    this.#sink = new PublisherSink((sequence) => {
      this.#safe = Math.max(this.#safe, sequence)
      this.#wake()
    })
    this.session = this.#connection.openSession(this.#sink)
    this.session.publishing.selectConfirms()
  }

  #hold(held: boolean): void {
    this.#held = held || this.#connection.blocked || this.#connection.held
    this.#wake()
  }

  /**
   * The right to publish to an exchange.
   * @throws BrokerError accessRefused, notFound
   */
  requireAccess(exchange: string): void {
    this.session.publishing.access(exchange)
  }

  /** Publishes a message, and says at once what became of it. Nothing is thrown: the store may be calling. */
  publish(message: Message): Outcome {
    if (this.#closed !== null) return { reason: this.#closed }
    try {
      this.#requireSize(message)
      const { publishing } = this.session
      this.#sink.wasReturned = false
      const refused = publishing.publish(publishing.access(message.exchange), message, true)
      this.#published++
      if (refused) return 'refused'
      return this.#sink.wasReturned ? UNROUTABLE : 'taken'
    } catch (error) {
      if (error instanceof BrokerError) return { reason: error.message }
      throw error
    }
  }

  #requireSize({ bodyLength }: Message): void {
    const { messageBytesMax } = this.session.broker.options
    if (bodyLength > messageBytesMax) {
      throw preconditionFailed(`message size ${bodyLength} is larger than configured max size ${messageBytesMax}`)
    }
  }

  /** Waits where any publisher would have to: for an alarm, for the store. @throws JobFailure, and what ends the job */
  async mayGoOn(job: Job): Promise<void> {
    await this.#until(job, () => !this.#held && this.#published - this.#safe < UNSAFE_MAX)
  }

  /** All that was published is as safe as its queues make it. @throws JobFailure, and what ends the job */
  async allSafe(job: Job): Promise<void> {
    await this.#until(job, () => this.#safe === this.#published)
  }

  async #until(job: Job, isSo: () => boolean): Promise<void> {
    while (this.#closed === null && !isSo()) {
      await job.wait(new Promise((resolve) => (this.#wake = resolve)))
    }
    if (this.#closed !== null) throw new JobFailure(this.#closed)
  }

  close(): void {
    this.#wake = () => {}
    this.#connection.close()
  }
}
