import { type Field, longstr } from '../../core/fields.ts'
import { withProperties } from '../../core/message.ts'
import type { Session } from '../../core/session.ts'
import type { MqttContext } from './context.ts'
import type { OutgoingDeliveries } from './deliveries.ts'
import { isFromClient, qosOf, RETAINED } from './message-mapping.ts'
import type { RetainedMessage } from './retained/retained-messages.ts'
import type { SessionState } from './session-state.ts'
import type { Subscription } from './subscription.ts'
import { PUBLISH } from './wire/packets.ts'

export interface ReplayParts {
  readonly session: Session
  readonly context: MqttContext
  readonly state: SessionState
  readonly deliveries: OutgoingDeliveries
}

/**
 * Sends new subscriptions what is retained, one subscription after the other, and only as fast as the client reads. What is to be acknowledged
 * goes through the session's queue, and is delivered again like anything in it.
 */
export class RetainedReplay {
  readonly #session: Session
  readonly #context: MqttContext
  readonly #state: SessionState
  readonly #deliveries: OutgoingDeliveries
  readonly #waiting: Subscription[] = []
  #isRunning = false
  #wake: (() => void) | null = null

  constructor(parts: ReplayParts) {
    this.#session = parts.session
    this.#context = parts.context
    this.#state = parts.state
    this.#deliveries = parts.deliveries
  }

  add(subscription: Subscription): void {
    this.#waiting.push(subscription)
    if (!this.#isRunning) void this.#run()
  }

  /** The client reads again, or is gone. */
  wake(): void {
    this.#wake?.()
    this.#wake = null
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      for await (const found of this.#context.retained.matching(this.#session.vhost, next.filter)) {
        while (this.#session.connection.full && !this.#session.closed) {
          await new Promise<void>((resolve) => (this.#wake = resolve))
        }
        if (this.#session.closed) return
        this.#replay(next, found)
      }
    }
    this.#isRunning = false
  }

  #replay({ filter, qos, noLocal, identifier }: Subscription, { topic, message, remainingMs }: RetainedMessage): void {
    if (noLocal && isFromClient(message, this.#state.clientId)) return
    const queue = this.#session.vhost.queues.get(this.#state.qos1Queue)
    if (Math.min(qos, qosOf(message)) === 0 || queue === undefined) {
      const identifiers = identifier > 0 ? [identifier] : null
      this.#deliveries.write((PUBLISH << 4) | 1, 0, message, topic, identifiers, remainingMs)
      return
    }
    const copy = withProperties(message, (properties) => {
      properties.headers = new Map<string, Field>(properties.headers ?? []).set(RETAINED, longstr(filter))
    })
    copy.ttlMs = remainingMs
    queue.publish(copy)
  }
}
