import type { Channel, Delivery } from '../../amqp-client/index.ts'
import { type Field, long, longstr, type Table } from '../../core/fields.ts'
import { Properties } from '../../core/message.ts'
import { prependTable } from '../links/headers.ts'
import type { ShovelDefinition } from './definition.ts'

export interface ShovelFacts {
  readonly name: string
  readonly vhost: string
  readonly clusterName: string
  /** As they may be shown. */
  readonly sourceUri: string
  readonly destinationUri: string
  /** ms since the epoch. */
  readonly now: () => number
}

/** How a shovel publishes what it got. Messages that it is not told to change pass through undecoded. */
export class Outgoing {
  readonly #exchange: string | null
  readonly #routingKey: string | null
  readonly #changes: ShovelDefinition['destination']
  /** The entry of `x-shovelled`, where it is wanted. */
  readonly #forwardHeader: Table | null
  readonly #now: () => number
  readonly #passesThrough: boolean

  constructor(definition: ShovelDefinition, facts: ShovelFacts) {
    const { destination } = definition
    this.#exchange = destination.queue === null ? destination.exchange : ''
    this.#routingKey = destination.queue ?? destination.exchangeKey
    this.#changes = destination
    this.#forwardHeader = destination.addForwardHeaders ? forwardHeader(definition, facts) : null
    this.#now = facts.now
    this.#passesThrough =
      this.#forwardHeader === null && !destination.addTimestampHeader && destination.properties === null
  }

  /** @throws AmqpMessageError where the message's properties cannot be read; AmqpClientError where the channel is closed */
  publish(delivery: Delivery, channel: Channel): void {
    const { body } = delivery
    const exchange = this.#exchange ?? delivery.exchange
    const routingKey = this.#routingKey ?? delivery.routingKey
    const properties = this.#passesThrough ? delivery.propertyBytes : this.#changed(delivery.properties)
    channel.publish(exchange, routingKey, properties, body)
  }

  #changed(original: Properties): Properties {
    const { properties, addTimestampHeader } = this.#changes
    const changed: Properties = Object.assign(new Properties(), original, properties)
    if (this.#forwardHeader !== null)
      changed.headers = prependTable(changed.headers, 'x-shovelled', this.#forwardHeader)
    if (addTimestampHeader) {
      const headers: Table = new Map(changed.headers ?? [])
      headers.set('x-shovelled-timestamp', long(Math.trunc(this.#now() / 1_000)))
      changed.headers = headers
    }
    return changed
  }
}

function forwardHeader({ source, destination }: ShovelDefinition, facts: ShovelFacts): Table {
  const from: [string, string | null][] =
    source.queue === null
      ? [
          ['src-exchange', source.exchange],
          ['src-exchange-key', source.exchangeKey],
        ]
      : [['src-queue', source.queue]]
  const entries: [string, string | null][] = [
    ['shovelled-by', facts.clusterName],
    ['shovel-type', 'dynamic'],
    ['shovel-name', facts.name],
    ['shovel-vhost', facts.vhost],
    ['src-uri', facts.sourceUri],
    ['dest-uri', facts.destinationUri],
    ...from,
    ['dest-exchange', destination.exchange],
    ['dest-exchange-key', destination.exchangeKey],
    ['dest-queue', destination.queue],
  ]
  return new Map(entries.flatMap(([key, value]): [string, Field][] => (value === null ? [] : [[key, longstr(value)]])))
}
