import { Unconfirmed, type AmqpConnection, type Channel, type PublishProperties } from '../../amqp-client/index.ts'
import { CliError } from '../errors.ts'
import { EXIT } from '../exit-codes.ts'

/** Messages that may wait for their confirms: as many as hide a long way to the broker. */
const WINDOW = 1000

interface Published {
  readonly exchange: string
  readonly routingKey: string
  readonly onConfirmed: (() => void) | undefined
}

/** Publishes in confirm mode, not more than a window at once, and fails with the first message that is refused or reaches no queue. */
export class ConfirmedPublisher {
  confirmed = 0
  readonly #connection: AmqpConnection
  readonly #unconfirmed = new Unconfirmed<Published>()
  #channel!: Channel
  #failure: Error | null = null
  /** Whoever waits for room, for the end or for a failure. */
  #wake: () => void = () => {}

  private constructor(connection: AmqpConnection) {
    this.#connection = connection
  }

  static async open(connection: AmqpConnection): Promise<ConfirmedPublisher> {
    const publisher = new ConfirmedPublisher(connection)
    publisher.#channel = await connection.openChannel({
      onConfirmed: (tag, multiple, positive) => publisher.#onConfirmed(tag, multiple, positive),
      onReturned: ({ replyText, exchange, routingKey }) => publisher.#fail(unroutable(replyText, exchange, routingKey)),
      onClosed: (error) => publisher.#fail(error),
    })
    connection.on('writable', () => publisher.#wake())
    await publisher.#channel.confirmSelect()
    return publisher
  }

  /**
   * Resolves when there is room for the next message.
   *
   * @param onConfirmed called when the broker has taken it over
   * @throws CliError for an earlier message that was refused; AmqpClientError
   */
  async publish(
    exchange: string,
    routingKey: string,
    properties: PublishProperties | null,
    body: Uint8Array,
    onConfirmed?: () => void,
  ): Promise<void> {
    await this.#until(() => this.#unconfirmed.size < WINDOW && this.#connection.writable)
    const tag = this.#channel.publish(exchange, routingKey, properties, body, true)
    this.#unconfirmed.add(tag, { exchange, routingKey, onConfirmed })
  }

  /** Resolves when all is confirmed. */
  settle(): Promise<void> {
    return this.#until(() => this.#unconfirmed.size === 0)
  }

  async #until(isTrue: () => boolean): Promise<void> {
    while (this.#failure === null && !isTrue()) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#wake = resolve
      await promise
    }
    if (this.#failure !== null) throw this.#failure
  }

  #onConfirmed(tag: number, multiple: boolean, positive: boolean): void {
    this.#unconfirmed.settle(tag, multiple, ({ exchange, routingKey, onConfirmed }) => {
      if (!positive) this.#fail(refused(exchange, routingKey))
      // A message that was returned is confirmed as well, after it.
      if (this.#failure !== null) return
      this.confirmed++
      onConfirmed?.()
    })
    this.#wake()
  }

  #fail(error: Error): void {
    this.#failure ??= error
    this.#wake()
  }
}

const place = (exchange: string, routingKey: string): string =>
  exchange === '' ? `queue '${routingKey}'` : `exchange '${exchange}' with routing key '${routingKey}'`

const unroutable = (replyText: string, exchange: string, routingKey: string): Error =>
  new CliError(
    EXIT.unavailable,
    `a message for ${place(exchange, routingKey)} came back: ${replyText}; ` +
      (exchange === '' ? 'there is no such queue: declare it first' : 'no binding takes it to a queue: bind one first'),
  )

const refused = (exchange: string, routingKey: string): Error =>
  new CliError(EXIT.unavailable, `the broker refused a message for ${place(exchange, routingKey)}`)
