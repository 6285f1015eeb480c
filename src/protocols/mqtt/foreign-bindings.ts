import { TopicTrie } from '../../core/exchanges/topic-trie.ts'
import type { Message } from '../../core/message.ts'
import type { VHost } from '../../core/vhost.ts'
import { Subscription } from './subscription.ts'
import type { TopicMapping } from './topics.ts'

/**
 * What brings a client messages besides its subscriptions: bindings of its queues that somebody else has made, be it an operator, or RabbitMQ,
 * of whose definitions the session came.
 */
export class ForeignBindings {
  readonly #vhost: VHost
  readonly #exchange: string
  readonly #mapping: TopicMapping
  /** Patterns by queue, as they were with this generation of the virtual host. */
  readonly #patterns = new Map<string, TopicTrie<true>>()
  #generation = 0

  /** @param exchange the one of the subscriptions */
  constructor(vhost: VHost, exchange: string, mapping: TopicMapping) {
    this.#vhost = vhost
    this.#exchange = exchange
    this.#mapping = mapping
  }

  /** Whether one of them brings a message to a queue. What comes over another exchange always came by one. */
  bring({ exchange, routingKey }: Message, queue: string): boolean {
    if (exchange !== this.#exchange) return true
    let found = false
    this.#of(queue).match(routingKey, { add: () => (found = true) })
    return found
  }

  #of(name: string): TopicTrie<true> {
    if (this.#generation !== this.#vhost.generation) this.#patterns.clear()
    this.#generation = this.#vhost.generation
    let patterns = this.#patterns.get(name)
    if (patterns === undefined) {
      patterns = new TopicTrie()
      this.#patterns.set(name, patterns)
      const queue = this.#vhost.queues.get(name)
      for (const { source, key, arguments: args } of queue === undefined ? [] : this.#vhost.bindingsTo(queue)) {
        if (source === this.#exchange && Subscription.fromArguments(args, this.#mapping) === null)
          patterns.insert(key, true)
      }
    }
    return patterns
  }
}
