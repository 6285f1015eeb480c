/** What a message says, whichever protocol it came by; what is not there was not told. */
export interface Facts {
  readonly 'content type'?: string
  readonly 'content encoding'?: string
  readonly 'correlation id'?: string
  /** A routing key of the topic exchange. */
  readonly 'reply to'?: string
  /** In ms. */
  readonly 'time to live'?: number
  readonly persistent?: boolean
  readonly priority?: number
  readonly 'message id'?: string
  /** In s since the epoch. */
  readonly timestamp?: number
  readonly type?: string
  readonly 'user id'?: string
  readonly 'application id'?: string
  readonly headers?: Readonly<Record<string, string>>
}

export interface Received {
  readonly body: Buffer
  readonly facts: Facts
}

/** A client of one protocol. Keys are those of the exchange `amq.topic`. */
export interface Side {
  readonly name: string
  /** Resolves when the broker has the message. */
  publish(key: string, body: Buffer, facts: Facts): Promise<void>
  /** Resolves when messages will come. */
  subscribe(key: string): Promise<Inbox>
  close(): Promise<void>
}

/** Messages of one subscription, one after another. */
export class Inbox {
  readonly #messages: Received[] = []
  #wake = (): void => {}

  readonly take = (message: Received): void => {
    this.#messages.push(message)
    this.#wake()
  }

  async next(): Promise<Received> {
    while (this.#messages.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve))
    return this.#messages.shift()!
  }
}

/** Without what is undefined, null or empty. */
export function present(facts: { readonly [F in keyof Facts]-?: Facts[F] | null | undefined }): Facts {
  const isThere = ([name, value]: [string, unknown]): boolean =>
    value !== undefined && value !== null && !(name === 'headers' && Object.keys(value).length === 0)
  return Object.fromEntries(Object.entries(facts).filter(isThere)) as Facts
}
