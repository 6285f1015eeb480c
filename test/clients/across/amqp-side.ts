import amqp, { type ConfirmChannel, type ChannelModel, type ConsumeMessage, type Options } from 'amqplib'
import { type Facts, Inbox, present, type Received, type Side } from './side.ts'

export class AmqpSide implements Side {
  readonly name = 'AMQP'
  readonly #connection: ChannelModel
  readonly #channel: ConfirmChannel

  private constructor(connection: ChannelModel, channel: ConfirmChannel) {
    this.#connection = connection
    this.#channel = channel
  }

  static async connect(url: string): Promise<AmqpSide> {
    const connection = await amqp.connect(url)
    return new AmqpSide(connection, await connection.createConfirmChannel())
  }

  async publish(key: string, body: Buffer, facts: Facts): Promise<void> {
    this.#channel.publish('amq.topic', key, body, optionsOf(facts))
    await this.#channel.waitForConfirms()
  }

  async subscribe(key: string): Promise<Inbox> {
    const inbox = new Inbox()
    const { queue } = await this.#channel.assertQueue('', { exclusive: true })
    await this.#channel.bindQueue(queue, 'amq.topic', key)
    await this.#channel.consume(queue, (message) => inbox.take(received(message!)), { noAck: true })
    return inbox
  }

  close(): Promise<void> {
    return this.#connection.close()
  }
}

function optionsOf(facts: Facts): Options.Publish {
  const given: Readonly<Record<string, unknown>> = {
    contentType: facts['content type'],
    contentEncoding: facts['content encoding'],
    correlationId: facts['correlation id'],
    replyTo: facts['reply to'],
    expiration: facts['time to live'],
    deliveryMode: facts.persistent === true ? 2 : undefined,
    priority: facts.priority,
    messageId: facts['message id'],
    timestamp: facts.timestamp,
    type: facts.type,
    userId: facts['user id'],
    appId: facts['application id'],
    headers: facts.headers,
  }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}

function received({ content, properties }: ConsumeMessage): Received {
  const { expiration, deliveryMode, headers } = properties
  const facts = present({
    'content type': properties.contentType,
    'content encoding': properties.contentEncoding,
    'correlation id': properties.correlationId,
    'reply to': properties.replyTo,
    'time to live': expiration === undefined ? null : Number(expiration),
    persistent: deliveryMode === 2 ? true : null,
    priority: properties.priority,
    'message id': properties.messageId,
    timestamp: properties.timestamp,
    type: properties.type,
    'user id': properties.userId,
    'application id': properties.appId,
    headers: { ...headers },
  })
  return { body: content, facts }
}
