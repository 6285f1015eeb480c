import mqtt, { type IPublishPacket, type MqttClient } from 'mqtt'
import { type Facts, Inbox, present, type Received, type Side } from './side.ts'

const topicOf = (key: string): string => key.replaceAll('.', '/')
const keyOf = (topic: string): string => topic.replaceAll('/', '.')

/** MQTT 5. What the protocol has no word for is not sent. */
export class MqttSide implements Side {
  readonly name = 'MQTT'
  readonly #client: MqttClient

  private constructor(client: MqttClient) {
    this.#client = client
  }

  static async connect(url: string): Promise<MqttSide> {
    const login = { username: 'guest', password: 'guest' }
    return new MqttSide(
      await mqtt.connectAsync(url, { protocolVersion: 5, reconnectPeriod: 0, keepalive: 0, ...login }),
    )
  }

  async publish(key: string, body: Buffer, facts: Facts): Promise<void> {
    const { 'content type': contentType, 'correlation id': correlation, 'reply to': replyTo, headers } = facts
    const timeToLive = facts['time to live']
    const properties = {
      ...(contentType !== undefined && { contentType }),
      ...(correlation !== undefined && { correlationData: Buffer.from(correlation) }),
      ...(replyTo !== undefined && { responseTopic: topicOf(replyTo) }),
      ...(timeToLive !== undefined && { messageExpiryInterval: timeToLive / 1000 }),
      ...(headers !== undefined && { userProperties: headers }),
    }
    await this.#client.publishAsync(topicOf(key), body, { qos: facts.persistent === true ? 1 : 0, properties })
  }

  async subscribe(key: string): Promise<Inbox> {
    const inbox = new Inbox()
    const topic = topicOf(key)
    this.#client.on('message', (from, payload, packet) => {
      if (from === topic) inbox.take(received(payload, packet))
    })
    await this.#client.subscribeAsync(topic, { qos: 1 })
    return inbox
  }

  async close(): Promise<void> {
    await this.#client.endAsync()
  }
}

function received(body: Buffer, { qos, properties = {} }: IPublishPacket): Received {
  const { correlationData, responseTopic, messageExpiryInterval, userProperties } = properties
  const facts = present({
    'content type': properties.contentType,
    'content encoding': null,
    'correlation id': correlationData?.toString(),
    'reply to': responseTopic === undefined ? null : keyOf(responseTopic),
    'time to live': messageExpiryInterval === undefined ? null : messageExpiryInterval * 1000,
    persistent: qos > 0 ? true : null,
    priority: null,
    'message id': null,
    timestamp: null,
    type: null,
    'user id': null,
    'application id': null,
    headers: { ...userProperties } as Record<string, string>,
  })
  return { body, facts }
}
