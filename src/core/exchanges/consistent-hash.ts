import { erlangBinary } from '../../util/erlang-term.ts'
import { preconditionFailed } from '../errors.ts'
import { stringOf } from '../fields.ts'
import type { Field, Table } from '../fields.ts'
import type { Properties, Routable } from '../message.ts'
import { erlangText } from '../erlang-text.ts'
import type {
  Binding,
  Destination,
  DestinationSink,
  ExchangeFacts,
  ExchangeRouter,
  ExchangeType,
} from './exchange-type.ts'
import { hashText, jumpHash } from './hash.ts'

const WEIGHT_MAX = 10_000

/**
 * Consistent hash: each message goes to exactly one destination, chosen by a hash of the routing key, of a header or of
 * a property. The binding key is the destination's weight. When a destination joins, only its share of the keys moves.
 */
export const consistentHash: ExchangeType = {
  name: 'x-consistent-hash',
  cacheable: false,
  choice: 'hash',
  validate: (exchange) => void hashSourceOf(exchange.arguments),
  validateBinding: (_exchange, binding) => void weightOf(binding.key),
  create: (exchange) => new ConsistentHashRouter(exchange),
}

/** Reads what is hashed from a message; null stands for "not there", and is hashed too. */
type HashSource = (message: Routable) => string | null

const PROPERTIES: Readonly<Record<string, (properties: Properties) => string | null>> = {
  correlation_id: (properties) => properties.correlationId,
  message_id: (properties) => properties.messageId,
  timestamp: (properties) => (properties.timestamp === null ? null : String(properties.timestamp)),
}

/** @throws BrokerError preconditionFailed */
function hashSourceOf(args: Table): HashSource {
  const header = textArgument(args, 'hash-header')
  const property = textArgument(args, 'hash-property')
  if (header !== null && property !== null) {
    throw preconditionFailed('hash-header and hash-property are mutually exclusive')
  }
  if (header !== null) {
    return (message) => {
      const field = message.properties().headers?.get(header)
      return field === undefined ? null : hashableText(field)
    }
  }
  if (property !== null) {
    if (!Object.hasOwn(PROPERTIES, property)) throw preconditionFailed(`Unsupported property: ${property}`)
    const read = PROPERTIES[property]!
    return (message) => read(message.properties())
  }
  // One destination for one message: further keys (CC, BCC) do not count.
  return (message) => message.routingKey
}

function textArgument(args: Table, name: string): string | null {
  const field = args.get(name)
  if (field === undefined) return null
  const text = stringOf(field)
  if (text === null) throw preconditionFailed(`Invalid argument ${erlangText(field)}, '${name}' must be a string`)
  return text
}

/**
 * Values of one kind and number hash alike, whatever their width on the wire: a string as itself, the rest as printed.
 */
const hashableText = (field: Field): string => stringOf(field) ?? erlangText(field)

/** @throws BrokerError preconditionFailed */
function weightOf(key: string): number {
  if (!/^[+-]?[0-9]+$/.test(key)) {
    throw preconditionFailed(`The binding key must be an integer: ${erlangBinary(key)}`)
  }
  const weight = Number(key)
  if (weight < 1) throw preconditionFailed('The binding key must be greater than 0')
  if (weight > WEIGHT_MAX) throw preconditionFailed(`The binding key must not exceed ${WEIGHT_MAX}`)
  return weight
}

class ConsistentHashRouter implements ExchangeRouter {
  readonly #source: HashSource
  /** In binding order. Of several bindings to one destination the oldest gives the weight. */
  readonly #bindings = new Set<Binding>()
  #destinations: Destination[] = []
  /** The first bucket after those of the destination at the same place. */
  #ends: number[] = []
  /** Buckets are laid out anew at the next message, once for all the bindings that came and went before it. */
  #stale = false

  constructor(exchange: ExchangeFacts) {
    this.#source = hashSourceOf(exchange.arguments)
  }

  bind(binding: Binding): void {
    this.#bindings.add(binding)
    this.#stale = true
  }

  unbind(binding: Binding): void {
    this.#bindings.delete(binding)
    this.#stale = true
  }

  route(message: Routable, out: DestinationSink): void {
    if (this.#stale) this.#layOut()
    if (this.#ends.length === 0) return
    const text = this.#source(message)
    const bucket = jumpHash(text === null ? 0 : hashText(text), this.#ends.at(-1)!)
    out.add(this.#destinations[this.#placeOf(bucket)]!)
  }

  #layOut(): void {
    const weights = new Map<Destination, number>()
    for (const { destination, key } of this.#bindings) {
      if (!weights.has(destination)) weights.set(destination, weightOf(key))
    }
    this.#destinations = [...weights.keys()]
    let end = 0
    this.#ends = [...weights.values()].map((weight) => (end += weight))
    this.#stale = false
  }

  /** The first place whose end lies beyond the bucket. */
  #placeOf(bucket: number): number {
    let low = 0
    let high = this.#ends.length - 1
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#ends[middle]! > bucket) high = middle
      else low = middle + 1
    }
    return low
  }
}
