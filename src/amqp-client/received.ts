import type { Properties } from '../core/message.ts'
import { WireError } from '../protocols/amqp091/wire/errors.ts'
import { amqpPropertyFormat } from '../protocols/amqp091/wire/properties.ts'
import { AmqpMessageError } from './errors.ts'

/**
 * A message as it came from the broker. Its bytes are mostly views of what was read from the socket: they stay as they are, but 50 bytes
 * that are kept keep the 64 KiB that they lie in. Whoever keeps many messages for long copies what is needed of them.
 */
class Received {
  readonly exchange: string
  readonly routingKey: string
  /** Where properties and body lie. */
  buffer: Buffer = NO_BYTES
  propertiesOffset = 0
  propertiesLength = 0
  bodyOffset = 0
  bodyLength = 0
  #properties: Properties | null = null

  constructor(exchange: string, routingKey: string) {
    this.exchange = exchange
    this.routingKey = routingKey
  }

  /** As they came, to be passed on undecoded. */
  get propertyBytes(): Buffer {
    return this.buffer.subarray(this.propertiesOffset, this.propertiesOffset + this.propertiesLength)
  }

  get body(): Buffer {
    return this.buffer.subarray(this.bodyOffset, this.bodyOffset + this.bodyLength)
  }

  /** Decoded on first use. @throws AmqpMessageError */
  get properties(): Properties {
    return (this.#properties ??= this.#decode())
  }

  #decode(): Properties {
    try {
      return amqpPropertyFormat.decode(this.buffer, this.propertiesOffset, this.propertiesLength)
    } catch (error) {
      if (!(error instanceof WireError)) throw error
      throw new AmqpMessageError(`the properties of a message cannot be read: ${error.message}`)
    }
  }
}

/** A message from a queue: by basic.deliver, or as the answer to basic.get. */
export class Delivery extends Received {
  /** Empty for basic.get. */
  readonly consumerTag: string
  readonly deliveryTag: number
  readonly redelivered: boolean
  /** Messages left in the queue, for basic.get; -1 else. */
  readonly messageCount: number

  constructor(
    consumerTag: string,
    deliveryTag: number,
    redelivered: boolean,
    exchange: string,
    routingKey: string,
    messageCount: number,
  ) {
    super(exchange, routingKey)
    this.consumerTag = consumerTag
    this.deliveryTag = deliveryTag
    this.redelivered = redelivered
    this.messageCount = messageCount
  }
}

/** A message that was published with `mandatory` and reached no queue. */
export class Returned extends Received {
  readonly replyCode: number
  readonly replyText: string

  constructor(replyCode: number, replyText: string, exchange: string, routingKey: string) {
    super(exchange, routingKey)
    this.replyCode = replyCode
    this.replyText = replyText
  }
}

export type ReceivedMessage = Delivery | Returned

const NO_BYTES = Buffer.alloc(0)
