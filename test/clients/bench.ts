import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import {
  type Channel,
  type ChannelModel,
  type ConfirmChannel,
  connect,
  type ConsumeMessage,
  type GetMessage,
  type Options,
} from 'amqplib'
import { eventually } from '../support/with-broker.ts'

/** How a broker refused something. */
interface Refusal {
  readonly code: number
  readonly text: string
}

const WAIT_MS = 30_000

/** A scenario's place to work with amqplib: connections and channels that are closed for it, names that nobody else has. */
export class Bench {
  readonly url: string
  /** The vhost of the URL. */
  readonly vhost: string
  readonly #connections: ChannelModel[] = []
  readonly #queues: string[] = []
  readonly #exchanges: string[] = []
  readonly #ends = new WeakMap<object, Promise<Refusal>>()
  #shared: Promise<ChannelModel> | null = null

  constructor(url: string) {
    this.url = url
    this.vhost = decodeURIComponent(new URL(url).pathname.slice(1)) || '/'
  }

  /** A name for a queue. */
  queueName(label = 'queue'): string {
    return uniqueName(label, this.#queues)
  }

  exchangeName(label = 'exchange'): string {
    return uniqueName(label, this.#exchanges)
  }

  /** As the broker's error texts name it. */
  queueText(name: string): string {
    return `queue '${name}' in vhost '${this.vhost}'`
  }

  exchangeText(name: string): string {
    return `exchange '${name}' in vhost '${this.vhost}'`
  }

  async connect(url = this.url, socketOptions: object = { noDelay: true }): Promise<ChannelModel> {
    const connection = await connect(url, socketOptions)
    this.#connections.push(connection)
    this.#watch(connection)
    return connection
  }

  /** A channel in confirm mode, on the scenario's first connection unless told. */
  async channel(connection?: ChannelModel): Promise<ConfirmChannel> {
    const channel = await (await this.#connectionOr(connection)).createConfirmChannel()
    this.#watch(channel)
    return channel
  }

  /** A channel in no mode at all. */
  async plainChannel(connection?: ChannelModel): Promise<Channel> {
    const channel = await (await this.#connectionOr(connection)).createChannel()
    this.#watch(channel)
    return channel
  }

  #connectionOr(connection: ChannelModel | undefined): Promise<ChannelModel> {
    if (connection !== undefined) return Promise.resolve(connection)
    return (this.#shared ??= this.connect())
  }

  /** amqplib's errors of a channel or connection come as events, and uncaught ones end the process. */
  #watch(emitter: Channel | ChannelModel): void {
    const end = new Promise<Refusal>((resolve) => {
      emitter.once('error', (error: Error) => resolve(refusalOf(error)))
    })
    this.#ends.set(emitter, end)
  }

  /** Waits until the broker closes the channel or connection with this code and text. */
  async closes(emitter: Channel | ChannelModel, code: number, text: string): Promise<void> {
    const refusal = await within(this.#ends.get(emitter)!, `the broker to close it with ${code} ${text}`)
    assert.deepEqual(refusal, { code, text: replyText(code, text) })
  }

  /** What `operation` does on a fresh channel makes the broker close that channel with this code and text. */
  async refuses(
    code: number,
    text: string,
    operation: (channel: ConfirmChannel) => unknown,
    connection?: ChannelModel,
  ): Promise<void> {
    const channel = await this.channel(connection)
    await Promise.all([swallow(operation(channel)), this.closes(channel, code, text)])
  }

  /** The same of a fresh connection. */
  async refusesConnection(code: number, text: string, operation: (channel: Channel) => unknown): Promise<void> {
    const connection = await this.connect()
    const channel = await this.plainChannel(connection)
    await Promise.all([swallow(operation(channel)), this.closes(connection, code, text)])
  }

  /** Whether `look`, on a channel of its own, finds that something is missing. */
  async misses(look: (channel: Channel) => Promise<unknown>): Promise<boolean> {
    const probe = await this.plainChannel()
    try {
      await look(probe)
    } catch {
      await this.#ends.get(probe)
      return true
    }
    await probe.close()
    return false
  }

  /** A durable queue with a new name. */
  async queue(
    channel: Channel,
    args: Record<string, unknown> = {},
    options: Options.AssertQueue = {},
  ): Promise<string> {
    const name = this.queueName()
    await channel.assertQueue(name, { ...options, arguments: args })
    return name
  }

  /** A durable exchange with a new name. */
  async exchange(channel: Channel, type: string, options: Options.AssertExchange = {}): Promise<string> {
    const name = this.exchangeName(type)
    await channel.assertExchange(name, type, options)
    return name
  }

  /** Ends what the scenario opened. `clean` also deletes what it may have left in a broker that lives on. */
  async close(clean: boolean): Promise<void> {
    await Promise.all(this.#connections.map(endConnection))
    if (!clean || this.#queues.length + this.#exchanges.length === 0) return
    const connection = await connect(this.url)
    const channel = await connection.createChannel()
    for (const name of this.#queues) await channel.deleteQueue(name)
    for (const name of this.#exchanges) await channel.deleteExchange(name)
    await connection.close()
  }
}

/** amqplib does not answer a close when the connection is lost meanwhile. */
async function endConnection(connection: ChannelModel): Promise<void> {
  const closed = new Promise<void>((resolve) => connection.once('close', () => resolve()))
  await Promise.race([swallow(connection.close()), closed])
}

function uniqueName(label: string, kept: string[]): string {
  const name = `${label}-${randomBytes(6).toString('hex')}`
  kept.push(name)
  return name
}

function refusalOf(error: Error): Refusal {
  const text = /with message "(.*)"$/s.exec(error.message)?.[1] ?? error.message
  return { code: (error as Error & { code?: number }).code ?? 0, text }
}

const REPLY_NAMES: Readonly<Record<number, string>> = {
  320: 'CONNECTION_FORCED',
  403: 'ACCESS_REFUSED',
  404: 'NOT_FOUND',
  405: 'RESOURCE_LOCKED',
  406: 'PRECONDITION_FAILED',
  503: 'COMMAND_INVALID',
  504: 'CHANNEL_ERROR',
  530: 'NOT_ALLOWED',
  540: 'NOT_IMPLEMENTED',
}

/** A reply text is a short string: both brokers cut it to 255 bytes. */
function replyText(code: number, text: string): string {
  const full = `${REPLY_NAMES[code]} - ${text}`
  return full.length <= 255 ? full : `${full.slice(0, 252)}...`
}

/** Waits for something whose failure is looked at elsewhere. */
async function swallow(work: unknown): Promise<void> {
  try {
    await work
  } catch {
    // told by the event of the channel or connection
  }
}

export async function within<T>(work: Promise<T>, what: string, ms = WAIT_MS): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited in vain for ${what}`)), ms)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Publishes to a queue by name and waits for the confirms. */
export async function send(
  channel: ConfirmChannel,
  queue: string,
  bodies: readonly string[],
  options: Options.Publish = {},
): Promise<void> {
  for (const body of bodies) channel.sendToQueue(queue, Buffer.from(body), options)
  await channel.waitForConfirms()
}

/** Publishes one message. @returns whether the broker took it; false when it answered with a nack */
export function confirmed(
  channel: ConfirmChannel,
  exchange: string,
  key: string,
  body: string | Buffer,
  options: Options.Publish = {},
): Promise<boolean> {
  return new Promise((resolve) => {
    channel.publish(exchange, key, Buffer.from(body), options, (error: unknown) => resolve(error === null))
  })
}

export const textOf = (message: { readonly content: Buffer }): string => message.content.toString()

/** Fetches one message that has to be there, sooner or later. */
export async function fetch(
  channel: Channel,
  queue: string,
  options: Options.Get = { noAck: true },
): Promise<GetMessage> {
  const message = await eventually(() => channel.get(queue, options), WAIT_MS)
  return message as GetMessage
}

/** Fetches all that is ready. */
export async function fetchAll(
  channel: Channel,
  queue: string,
  options: Options.Get = { noAck: true },
): Promise<GetMessage[]> {
  const messages: GetMessage[] = []
  for (;;) {
    const message = await channel.get(queue, options)
    if (message === false) return messages
    messages.push(message)
  }
}

export const fetchTexts = async (channel: Channel, queue: string): Promise<string[]> =>
  (await fetchAll(channel, queue)).map(textOf)

export const readyCount = async (channel: Channel, queue: string): Promise<number> =>
  (await channel.checkQueue(queue)).messageCount

/** Waits until so many messages are ready. */
export async function untilReady(channel: Channel, queue: string, count: number): Promise<void> {
  let seen = -1
  try {
    await eventually(async () => (seen = await readyCount(channel, queue)) === count, WAIT_MS)
  } catch {
    assert.equal(seen, count, `ready messages in ${queue}`)
  }
}

/** A consumer that keeps what it gets. */
export class Collector {
  readonly messages: ConsumeMessage[] = []
  /** The broker ended it. */
  cancelled = false
  tag = ''

  get texts(): string[] {
    return this.messages.map(textOf)
  }

  /** Waits until it has had so many messages; more than that is an error. */
  async received(count: number): Promise<string[]> {
    try {
      await eventually(() => this.messages.length >= count, WAIT_MS)
    } catch {
      assert.fail(`waited in vain for ${count} messages; there are ${JSON.stringify(this.texts)}`)
    }
    assert.equal(this.messages.length, count)
    return this.texts
  }

  async untilCancelled(): Promise<void> {
    await eventually(() => this.cancelled, WAIT_MS)
  }
}

export async function collect(
  channel: Channel,
  queue: string,
  options: Options.Consume = {},
  onMessage: (message: ConsumeMessage) => void = () => {},
): Promise<Collector> {
  const collector = new Collector()
  const { consumerTag } = await channel.consume(
    queue,
    (message) => {
      if (message === null) {
        collector.cancelled = true
        return
      }
      collector.messages.push(message)
      onMessage(message)
    },
    options,
  )
  collector.tag = consumerTag
  return collector
}

/** What amqplib has no call for: a method by its class and number, sent as it is. */
export function sendRaw(channel: Channel, classId: number, methodId: number, fields: object): void {
  const raw = channel as unknown as { sendImmediately(method: number, fields: object): void }
  raw.sendImmediately((classId << 16) | methodId, fields)
}

/** A method that is answered by another. @returns the answer's fields */
export function callRaw(
  channel: Channel,
  classId: number,
  [methodId, answerId]: readonly [number, number],
  fields: object = {},
): Promise<Record<string, unknown>> {
  const raw = channel as unknown as {
    rpc(method: number, fields: object, expect: number): Promise<Record<string, unknown>>
  }
  return raw.rpc((classId << 16) | methodId, fields, (classId << 16) | answerId)
}

export const tx = {
  select: (channel: Channel): Promise<unknown> => callRaw(channel, 90, [10, 11]),
  commit: (channel: Channel): Promise<unknown> => callRaw(channel, 90, [20, 21]),
  rollback: (channel: Channel): Promise<unknown> => callRaw(channel, 90, [30, 31]),
}
