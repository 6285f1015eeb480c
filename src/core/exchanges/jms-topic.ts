import { preconditionFailed } from '../errors.ts'
import { stringOf } from '../fields.ts'
import type { Routable } from '../message.ts'
import { parseErlangSelector } from './erlang-selector.ts'
import { erlangText } from '../erlang-text.ts'
import type { Binding, Destination, DestinationSink, ExchangeRouter, ExchangeType } from './exchange-type.ts'
import { parseJmsSelector } from './jms-selector.ts'
import { isSelected, SelectorError } from './selector.ts'
import type { Selector } from './selector.ts'
import { TopicTrie } from './topic-trie.ts'
import { validatePattern } from './topic.ts'

/** What the RabbitMQ JMS client sets: a selector compiled to an Erlang term. */
const ERLANG_ARGUMENT = 'rjms_erlang_selector'
/** For everybody else: the selector as JMS has it. */
const SQL_ARGUMENT = 'x-jms-selector'

/**
 * JMS topic: a topic exchange whose bindings may also look at the message's headers and properties with a selector. A
 * binding without one is a plain topic binding.
 */
export const jmsTopic: ExchangeType = {
  name: 'x-jms-topic',
  cacheable: false,
  validateBinding: (_exchange, binding) => {
    validatePattern(binding.key)
    selectorOf(binding)
  },
  create: () => new JmsTopicRouter(),
}

/** @throws BrokerError preconditionFailed */
function selectorOf(binding: Binding): Selector | null {
  const erlang = binding.arguments.get(ERLANG_ARGUMENT)
  const sql = binding.arguments.get(SQL_ARGUMENT)
  if (erlang !== undefined && sql !== undefined) {
    throw preconditionFailed(`${ERLANG_ARGUMENT} and ${SQL_ARGUMENT} are mutually exclusive`)
  }
  const field = erlang ?? sql
  if (field === undefined) return null
  const refuse = (shown: string, reason: string) =>
    preconditionFailed(
      `cannot parse selector '${shown}' binding destination '${binding.destination.name}' ` +
        `to exchange '${binding.source}': ${reason}`,
    )
  const text = stringOf(field)
  if (text === null) throw refuse(erlangText(field), 'expected longstr')
  try {
    return erlang === undefined ? parseJmsSelector(text) : parseErlangSelector(text)
  } catch (error) {
    // Without its end, so that the reason has room in a reply text of 255 characters.
    if (error instanceof SelectorError) throw refuse(text.length > 80 ? `${text.slice(0, 80)}...` : text, error.message)
    throw error
  }
}

class Subscription {
  readonly destination: Destination
  readonly selector: Selector | null

  constructor(destination: Destination, selector: Selector | null) {
    this.destination = destination
    this.selector = selector
  }
}

class JmsTopicRouter implements ExchangeRouter {
  readonly #trie = new TopicTrie<Subscription>()
  readonly #subscriptions = new Map<Binding, Subscription>()
  readonly #selecting = new SelectingSink()

  bind(binding: Binding): void {
    const subscription = new Subscription(binding.destination, selectorOf(binding))
    this.#subscriptions.set(binding, subscription)
    this.#trie.insert(binding.key, subscription)
  }

  unbind(binding: Binding): void {
    const subscription = this.#subscriptions.get(binding)
    if (subscription === undefined) return
    this.#subscriptions.delete(binding)
    this.#trie.remove(binding.key, subscription)
  }

  route(message: Routable, out: DestinationSink): void {
    const selecting = this.#selecting
    selecting.begin(message, out)
    this.#trie.match(message.routingKey, selecting)
    const extraKeys = message.extraKeys
    if (extraKeys !== null) for (let i = 0; i < extraKeys.length; i++) this.#trie.match(extraKeys[i]!, selecting)
    selecting.end()
  }
}

/** Passes on the destinations whose selector takes the message. One per router, so that routing does not allocate. */
class SelectingSink {
  #message: Routable | null = null
  #out: DestinationSink | null = null

  begin(message: Routable, out: DestinationSink): void {
    this.#message = message
    this.#out = out
  }

  add(subscription: Subscription): void {
    if (subscription.selector === null || isSelected(subscription.selector, this.#message!)) {
      this.#out!.add(subscription.destination)
    }
  }

  /** Lets go of the message. */
  end(): void {
    this.#message = null
    this.#out = null
  }
}
