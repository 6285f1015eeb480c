/** A queue as simple as it can be: lists and loops. It does not choose consumers; it judges what they were given. */
export interface ModelSettings {
  readonly type: 'classic' | 'quorum'
  /** -1 for no limit, as in the next ones. */
  readonly maxLength: number
  readonly maxLengthBytes: number
  readonly ttlMs: number
  readonly deliveryLimit: number
  /** Of a classic queue; 0 for none. */
  readonly maxPriority: number
  readonly overflow: 'drop-head' | 'reject-publish' | 'reject-publish-dlx'
  /** Of a classic queue. */
  readonly lazy: boolean
}

export type Return = 'rejected' | 'returned' | 'lost'

export interface ModelMessage {
  readonly body: string
  readonly number: number
  readonly level: number
  readonly expiresAt: number
  /** Whether it outlives a crash. */
  readonly persistent: boolean
  redelivered: boolean
  /** It may have been delivered before a crash. */
  uncertain: boolean
  /** When it came back to a quorum queue; 0 for never. */
  returned: number
  deliveryCount: number
}

export interface ModelConsumer {
  readonly tag: string
  readonly session: ModelSession
  readonly prefetch: number
  readonly noAck: boolean
  unacked: number
}

interface Outstanding {
  readonly message: ModelMessage
  readonly consumer: ModelConsumer | null
}

export class ModelSession {
  readonly consumers: ModelConsumer[] = []
  /** By delivery tag, which rises. */
  readonly outstanding = new Map<number, Outstanding>()
  lastTag = 0
}

export class ModelQueue {
  readonly settings: ModelSettings
  now = 0
  /** What was dead-lettered. */
  dead: { readonly text: string; readonly persistent: boolean }[] = []
  #returns = 0
  readonly sessions: ModelSession[]
  #ready: ModelMessage[] = []
  /** What came back to a quorum queue, in the order in which it did. */
  #returned: ModelMessage[] = []
  #lastNumber = 0

  constructor(settings: ModelSettings, sessions: number) {
    this.settings = settings
    this.sessions = Array.from({ length: sessions }, () => new ModelSession())
  }

  get ready(): ModelMessage[] {
    return [...this.#returned, ...this.#ready]
  }

  get readyBytes(): number {
    return bytesOf(this.ready)
  }

  get unacked(): ModelMessage[] {
    return this.sessions.flatMap(({ outstanding }) => [...outstanding.values()].map(({ message }) => message))
  }

  get consumers(): ModelConsumer[] {
    return this.sessions.flatMap(({ consumers }) => consumers)
  }

  /** @returns whether the queue took it */
  publish(body: string, priority: number | null, ttlMs: number, persistent: boolean): boolean {
    const { overflow } = this.settings
    if (overflow !== 'drop-head' && !this.#fits(1, body.length)) {
      if (overflow === 'reject-publish-dlx') this.#dies('maxlen', { body, persistent })
      return false
    }
    const ttls = [ttlMs, this.settings.ttlMs].filter((ttl) => ttl >= 0)
    const ttl = ttls.length === 0 ? -1 : Math.min(...ttls)
    const taken = this.ready.length === 0 && this.consumers.some(hasCredit)
    if (ttl === 0 && !taken) {
      this.#dies('expired', { body, persistent })
      return true
    }
    const expiresAt = ttl < 0 ? Infinity : this.now + ttl
    const level = this.#levelOf(priority)
    const number = ++this.#lastNumber
    const counts = { redelivered: false, uncertain: false, returned: 0, deliveryCount: 0 }
    this.#ready.push({ body, number, level, expiresAt, persistent, ...counts })
    if (!taken) this.#dropHeads()
    return true
  }

  /** A consumer was given `body`: it must have been its turn. */
  delivered(consumer: ModelConsumer, tag: number, body: string): ModelMessage {
    if (!hasCredit(consumer)) throw new Error(`${consumer.tag} had no credit`)
    const message = this.takeHead()
    if (message === null) throw new Error(`${body} was delivered, but there is nothing to deliver`)
    if (message.body !== body) throw new Error(`${body} was delivered, but it was the turn of ${message.body}`)
    this.#handOut(consumer.session, tag, message, consumer.noAck, consumer)
    return message
  }

  got(session: ModelSession, tag: number, noAck: boolean): ModelMessage | null {
    const message = this.takeHead()
    if (message !== null) this.#handOut(session, tag, message, noAck, null)
    return message
  }

  takeHead(): ModelMessage | null {
    const head = this.#head()
    if (head === null) return null
    this.#ready = this.#ready.filter((message) => message !== head)
    this.#returned = this.#returned.filter((message) => message !== head)
    return head
  }

  settle(session: ModelSession, tags: readonly number[], how: 'ack' | 'discard' | Return): void {
    for (const tag of tags) {
      const { message, consumer } = session.outstanding.get(tag)!
      session.outstanding.delete(tag)
      if (consumer !== null) consumer.unacked--
      if (how === 'discard') this.#dies('rejected', message)
      else if (how !== 'ack') this.#giveBack(message, how)
    }
  }

  advance(ms: number): void {
    this.now += ms
    this.#expire()
  }

  /** Everything starts again with what was on disk. */
  crash(): void {
    const { type } = this.settings
    const survives = ({ persistent }: ModelMessage): boolean => type === 'quorum' || persistent
    const left = [...this.ready, ...this.unacked].filter(survives)
    for (const message of left) message.uncertain = true
    for (const session of this.sessions) {
      session.consumers.length = 0
      session.outstanding.clear()
      session.lastTag = 0
    }
    this.#ready = left.filter(({ returned }) => returned === 0)
    this.#returned = left.filter(({ returned }) => returned > 0).sort((a, b) => a.returned - b.returned)
    this.dead = this.dead.filter(({ persistent }) => persistent)
    if (this.settings.overflow === 'drop-head') this.#dropHeads()
    this.#expire()
  }

  #dies(reason: string, { body, persistent }: { readonly body: string; readonly persistent: boolean }): void {
    this.dead.push({ text: `${reason} ${body}`, persistent })
  }

  #expire(): void {
    const isOver = (message: ModelMessage): boolean => message.expiresAt <= this.now
    for (const message of this.ready.filter(isOver)) this.#dies('expired', message)
    this.#ready = this.#ready.filter((message) => !isOver(message))
    this.#returned = this.#returned.filter((message) => !isOver(message))
  }

  purge(): number {
    const { length } = this.ready
    this.#ready = []
    this.#returned = []
    return length
  }

  #head(): ModelMessage | null {
    const [returned] = this.#returned
    if (returned !== undefined) return returned
    let best: ModelMessage | null = null
    for (const message of this.#ready) {
      const before =
        best === null || message.level > best.level || (message.level === best.level && message.number < best.number)
      if (before) best = message
    }
    return best
  }

  #handOut(
    session: ModelSession,
    tag: number,
    message: ModelMessage,
    noAck: boolean,
    consumer: ModelConsumer | null,
  ): void {
    if (tag !== ++session.lastTag) throw new Error(`the delivery tag is ${tag} and not ${session.lastTag}`)
    if (noAck) return
    session.outstanding.set(tag, { message, consumer })
    if (consumer !== null) consumer.unacked++
  }

  #giveBack(message: ModelMessage, how: Return): void {
    const { type, deliveryLimit } = this.settings
    message.redelivered = true
    if (type === 'classic' || how !== 'returned') message.deliveryCount++
    if (deliveryLimit >= 0 && message.deliveryCount > deliveryLimit) this.#dies('delivery_limit', message)
    else if (message.expiresAt <= this.now) this.#dies('expired', message)
    else {
      if (type === 'quorum') message.returned = ++this.#returns
      ;(type === 'quorum' ? this.#returned : this.#ready).push(message)
      if (this.settings.overflow === 'drop-head') this.#dropHeads()
    }
  }

  #dropHeads(): void {
    while (!this.#fits(0, 0)) this.#dies('maxlen', this.takeHead()!)
  }

  #fits(count: number, bytes: number): boolean {
    const { maxLength, maxLengthBytes } = this.settings
    return (
      (maxLength < 0 || this.ready.length + count <= maxLength) &&
      (maxLengthBytes < 0 || this.readyBytes + bytes <= maxLengthBytes)
    )
  }

  #levelOf(priority: number | null): number {
    const { type, maxPriority } = this.settings
    return type === 'quorum' ? Math.min(priority ?? 4, 31) : Math.min(priority ?? 0, maxPriority)
  }
}

export const hasCredit = ({ noAck, prefetch, unacked }: ModelConsumer): boolean =>
  noAck || prefetch === 0 || unacked < prefetch

export const bytesOf = (messages: readonly ModelMessage[]): number =>
  messages.reduce((sum, { body }) => sum + body.length, 0)
