import type { ClientConnection } from '../../core/client-connection.ts'
import { composeMessage, Properties } from '../../core/message.ts'
import type { MqttContext } from './context.ts'
import type { OutgoingDeliveries } from './deliveries.ts'
import type { Subscription } from './subscription.ts'
import { PUBLISH } from './wire/packets.ts'

/** One client's subscriptions to the broker's own topics: what they tell is sent with QoS 0, and not kept for anybody. */
export class SysSubscriptions {
  readonly #context: MqttContext
  readonly #deliveries: OutgoingDeliveries
  readonly #connection: ClientConnection
  readonly #stops = new Map<string, () => void>()

  constructor(context: MqttContext, deliveries: OutgoingDeliveries, connection: ClientConnection) {
    this.#context = context
    this.#connection = connection
    this.#deliveries = deliveries
  }

  add({ filter, identifier, retainAsPublished }: Subscription): void {
    this.remove(filter)
    const { exchange, broker } = this.#context.settings
    const identifiers = identifier > 0 ? [identifier] : null
    const stop = this.#context.sysTopics.subscribe(filter, (topic, payload, isRetained) => {
      // as any message of QoS 0
      if (this.#connection.full) return
      const first = (PUBLISH << 4) | (isRetained || retainAsPublished ? 1 : 0)
      const message = composeMessage(exchange, topic, new Properties(), payload, broker.propertyFormat)
      this.#deliveries.write(first, 0, message, topic, identifiers, -1)
    })
    this.#stops.set(filter, stop)
  }

  remove(filter: string): void {
    this.#stops.get(filter)?.()
    this.#stops.delete(filter)
  }

  close(): void {
    for (const stop of this.#stops.values()) stop()
    this.#stops.clear()
  }
}
