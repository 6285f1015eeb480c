import { preconditionFailed } from '../errors.ts'
import type { Routable } from '../message.ts'
import type { Binding, Destination, DestinationSink, ExchangeRouter, ExchangeType } from './exchange-type.ts'
import { TopicTrie, wordsOf } from './topic-trie.ts'

const HASH_WILDCARDS_MAX = 2

/** Topic: binding keys are patterns over the routing key's words. */
export const topic: ExchangeType = {
  name: 'topic',
  cacheable: true,
  validateBinding: (_exchange, binding) => validatePattern(binding.key),
  create: () => new TopicRouter(),
}

/** @throws BrokerError preconditionFailed when the pattern has more `#` words than RabbitMQ lets pass. */
export function validatePattern(pattern: string): void {
  let count = 0
  for (const word of wordsOf(pattern)) if (word === '#') count++
  if (count > HASH_WILDCARDS_MAX) {
    throw preconditionFailed(
      `Topic binding key '${pattern}' uses ${count} '#' wildcards, at most ${HASH_WILDCARDS_MAX} are allowed`,
    )
  }
}

class TopicRouter implements ExchangeRouter {
  readonly #trie = new TopicTrie<Destination>()

  bind(binding: Binding): void {
    this.#trie.insert(binding.key, binding.destination)
  }

  unbind(binding: Binding): void {
    this.#trie.remove(binding.key, binding.destination)
  }

  route(message: Routable, out: DestinationSink): void {
    this.#trie.match(message.routingKey, out)
    const extraKeys = message.extraKeys
    if (extraKeys === null) return
    for (let i = 0; i < extraKeys.length; i++) this.#trie.match(extraKeys[i]!, out)
  }
}
