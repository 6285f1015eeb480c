/** Clients of three protocols that say the same in their own words. */
import type { Channel, ConsumeMessage, Options } from 'amqplib'
import { connectAsync, type IPublishPacket, type MqttClient } from 'mqtt'
import { type FrameHeaders, StompWire } from '../../support/stomp-wire.ts'

/** What may be known of a message besides its body. */
export interface Facts {
  readonly contentType?: string
  readonly contentEncoding?: string
  readonly correlation?: string
  /** A routing key of the topic exchange. */
  readonly replyTo?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly expirationSec?: number
  readonly persistent?: boolean
  readonly priority?: number
  readonly messageId?: string
  /** Seconds since the epoch. */
  readonly timestamp?: number
  readonly type?: string
  readonly userId?: string
  readonly appId?: string
}

export interface Received {
  readonly body: Buffer
  readonly facts: Facts
}

/** Publishes and subscribes to all routing keys below `all`. */
export interface Party {
  readonly name: 'AMQP' | 'MQTT' | 'STOMP'
  /** What the protocol has a word for. */
  readonly knows: ReadonlySet<keyof Facts>
  publish(body: Buffer, facts: Facts): Promise<void>
  next(): Promise<Received>
  close(): Promise<void>
}

const KEY = 'all.of.them'

/** Leaves out what is not there. */
function factsFrom(entries: readonly (readonly [keyof Facts, unknown])[]): Facts {
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined && value !== null)) as Facts
}

const EVERYTHING: readonly (keyof Facts)[] = [
  'contentType',
  'contentEncoding',
  'correlation',
  'replyTo',
  'headers',
  'expirationSec',
  'persistent',
  'priority',
  'messageId',
  'timestamp',
  'type',
  'userId',
  'appId',
]

export class AmqpParty implements Party {
  readonly name = 'AMQP'
  readonly knows: ReadonlySet<keyof Facts> = new Set(EVERYTHING)
  readonly #channel: Channel
  readonly #messages: ConsumeMessage[] = []
  #wake = (): void => {}

  private constructor(channel: Channel) {
    this.#channel = channel
  }

  static async on(channel: Channel): Promise<AmqpParty> {
    const party = new AmqpParty(channel)
    const { queue } = await channel.assertQueue('', { exclusive: true })
    await channel.bindQueue(queue, 'amq.topic', 'all.#')
    const take = (message: ConsumeMessage | null): void => {
      party.#messages.push(message!)
      party.#wake()
    }
    await channel.consume(queue, take, { noAck: true })
    return party
  }

  async publish(body: Buffer, facts: Facts): Promise<void> {
    const { correlation, expirationSec, persistent, ...same } = facts
    const options: Options.Publish = {
      ...same,
      ...(correlation === undefined ? {} : { correlationId: correlation }),
      ...(expirationSec === undefined ? {} : { expiration: expirationSec * 1000 }),
      persistent: persistent === true,
    }
    this.#channel.publish('amq.topic', KEY, body, options)
  }

  async next(): Promise<Received> {
    while (this.#messages.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve))
    const { content, properties } = this.#messages.shift()!
    const { contentType, contentEncoding, correlationId, replyTo, headers, expiration } = properties
    const { priority, messageId, timestamp, type, userId, appId, deliveryMode } = properties
    const facts = factsFrom([
      ['contentType', contentType],
      ['contentEncoding', contentEncoding],
      ['correlation', correlationId],
      ['replyTo', replyTo],
      ['headers', { ...headers }],
      ['expirationSec', expiration === undefined ? undefined : Number(expiration) / 1000],
      ['persistent', deliveryMode === 2],
      ['priority', priority],
      ['messageId', messageId],
      ['timestamp', timestamp],
      ['type', type],
      ['userId', userId],
      ['appId', appId],
    ])
    return { body: content, facts }
  }

  async close(): Promise<void> {}
}

export class MqttParty implements Party {
  readonly name = 'MQTT'
  readonly knows: ReadonlySet<keyof Facts> = new Set([
    'contentType',
    'correlation',
    'replyTo',
    'headers',
    'expirationSec',
    'persistent',
  ])
  readonly #client: MqttClient
  readonly #messages: IPublishPacket[] = []
  #wake = (): void => {}

  private constructor(client: MqttClient) {
    this.#client = client
    client.on('message', (_topic, _payload, packet) => {
      this.#messages.push(packet)
      this.#wake()
    })
  }

  static async at(url: string): Promise<MqttParty> {
    const login = { username: 'guest', password: 'guest' }
    const client = await connectAsync(url, { ...login, protocolVersion: 5, reconnectPeriod: 0 })
    const party = new MqttParty(client)
    await client.subscribeAsync('all/#', { qos: 1 })
    return party
  }

  async publish(body: Buffer, facts: Facts): Promise<void> {
    const { contentType, correlation, replyTo, headers, expirationSec, persistent } = facts
    const properties = {
      ...(contentType === undefined ? {} : { contentType }),
      ...(correlation === undefined ? {} : { correlationData: Buffer.from(correlation) }),
      ...(replyTo === undefined ? {} : { responseTopic: replyTo.replaceAll('.', '/') }),
      ...(headers === undefined ? {} : { userProperties: { ...headers } }),
      ...(expirationSec === undefined ? {} : { messageExpiryInterval: expirationSec }),
    }
    const qos = persistent === true ? 1 : 0
    await this.#client.publishAsync(KEY.replaceAll('.', '/'), body, { qos, properties })
  }

  async next(): Promise<Received> {
    while (this.#messages.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve))
    const { payload, qos, properties = {} } = this.#messages.shift()!
    const facts = factsFrom([
      ['contentType', properties.contentType],
      ['correlation', properties.correlationData?.toString()],
      ['replyTo', properties.responseTopic?.replaceAll('/', '.')],
      ['headers', { ...properties.userProperties }],
      ['expirationSec', properties.messageExpiryInterval],
      ['persistent', qos === 1],
    ])
    return { body: Buffer.from(payload), facts }
  }

  async close(): Promise<void> {
    await this.#client.endAsync()
  }
}

/** The facts that are a header each, by its name. */
const STOMP_HEADERS = [
  ['contentType', 'content-type'],
  ['contentEncoding', 'content-encoding'],
  ['correlation', 'correlation-id'],
  ['replyTo', 'reply-to'],
  ['messageId', 'amqp-message-id'],
  ['type', 'type'],
  ['userId', 'user-id'],
  ['appId', 'app-id'],
  ['priority', 'priority'],
  ['timestamp', 'timestamp'],
] as const satisfies readonly (readonly [keyof Facts, string])[]
/** About the delivery, not the message. */
const OF_DELIVERY = ['subscription', 'destination', 'message-id', 'redelivered', 'content-length']

export class StompParty implements Party {
  readonly name = 'STOMP'
  readonly knows: ReadonlySet<keyof Facts> = new Set(EVERYTHING)
  readonly #publisher: StompWire
  readonly #subscriber: StompWire

  private constructor(publisher: StompWire, subscriber: StompWire) {
    this.#publisher = publisher
    this.#subscriber = subscriber
  }

  static async at(url: string): Promise<StompParty> {
    const publisher = await StompWire.connect(url)
    const subscriber = await StompWire.connect(url)
    await subscriber.sendSafely('SUBSCRIBE', { id: 'all', destination: '/topic/all.#' })
    return new StompParty(publisher, subscriber)
  }

  async publish(body: Buffer, facts: Facts): Promise<void> {
    const headers: Record<string, string | number | boolean> = { destination: `/topic/${KEY}` }
    for (const [fact, name] of STOMP_HEADERS) if (facts[fact] !== undefined) headers[name] = escape(facts[fact])
    for (const [name, value] of Object.entries(facts.headers ?? {})) headers[escape(name)] = escape(value)
    if (facts.expirationSec !== undefined) headers['expiration'] = facts.expirationSec * 1000
    if (facts.persistent === true) headers['persistent'] = true
    const sent: FrameHeaders = { ...headers, 'content-length': body.length }
    await this.#publisher.send('SEND', sent, body)
  }

  async next(): Promise<Received> {
    const { headers, body } = await this.#subscriber.expect('MESSAGE')
    const rest = new Map(Object.entries(headers).map(([name, value]) => [unescape(name), unescape(value)]))
    for (const name of OF_DELIVERY) rest.delete(name)
    const taken = (name: string): string | undefined => {
      const value = rest.get(name)
      rest.delete(name)
      return value
    }
    const numeric: ReadonlySet<keyof Facts> = new Set(['priority', 'timestamp'])
    const entries = STOMP_HEADERS.map(([fact, name]) => {
      const value = taken(name)
      return [fact, value !== undefined && numeric.has(fact) ? Number(value) : value] as const
    })
    const expiration = taken('expiration')
    const facts = factsFrom([
      ...entries,
      ['expirationSec', expiration === undefined ? undefined : Number(expiration) / 1000],
      ['persistent', taken('persistent') === 'true'],
      ['headers', Object.fromEntries(rest)],
    ])
    return { body, facts }
  }

  async close(): Promise<void> {
    this.#publisher.cut()
    this.#subscriber.cut()
  }
}

const escape = (value: string | number): string =>
  String(value).replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll(':', '\\c')

const unescape = (text: string): string =>
  text.replaceAll(/\\(.)/g, (_, code: string) => (code === 'n' ? '\n' : code === 'c' ? ':' : code))
