import { MessageDecoder } from '../core/message-decoder.ts'
import { propertiesToJson } from '../core/properties-json.ts'
import { amqpPropertyFormat } from '../protocols/amqp091/wire/properties.ts'
import type { LoadedMessage } from '../store/message-store.ts'

export interface QueueName {
  /** Null for a queue that the metadata does not know. */
  readonly vhost: string | null
  readonly queue: string | null
  readonly id: number
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Makes lines of JSON of messages. */
export class Exporter {
  readonly #decoder = new MessageDecoder([amqpPropertyFormat])

  /** @throws Error where the bytes are whole and yet no message: those of a newer program, for instance */
  line({ vhost, queue, id }: QueueName, loaded: LoadedMessage): string {
    const message = this.#decoder.decode(loaded)
    const facts = {
      vhost,
      queue,
      ...(queue === null ? { queue_id: id } : {}),
      number: loaded.number,
      exchange: message.exchange,
      routing_key: message.routingKey,
      redelivered: loaded.redelivered,
      delivery_count: loaded.deliveryCount,
      properties: propertiesToJson(message.properties()),
      ...bodyToJson(message.body()),
    }
    return `${JSON.stringify(facts)}\n`
  }
}

function bodyToJson(body: Buffer): { encoding: 'utf-8' | 'base64'; body: string } {
  try {
    return { encoding: 'utf-8', body: utf8.decode(body) }
  } catch {
    return { encoding: 'base64', body: body.toString('base64') }
  }
}
