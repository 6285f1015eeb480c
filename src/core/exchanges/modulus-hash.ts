import type { Routable } from '../message.ts'
import type { Binding, Destination, DestinationSink, ExchangeRouter, ExchangeType } from './exchange-type.ts'
import { hashText } from './hash.ts'
import { Targets } from './targets.ts'

/**
 * Modulus hash: the hash of the routing keys, modulo the number of destinations, picks one of them. Binding keys are
 * not looked at. Most keys move when a destination joins or leaves: it is meant for a fixed set of shards.
 */
export const modulusHash: ExchangeType = {
  name: 'x-modulus-hash',
  cacheable: true,
  choice: 'hash',
  create: () => new ModulusHashRouter(),
}

class ModulusHashRouter implements ExchangeRouter {
  readonly #targets = new Targets<Destination>()
  /** Sorted by kind and name, so that the order of binding does not matter; null when it has to be sorted anew. */
  #sorted: Destination[] | null = null

  bind(binding: Binding): void {
    this.#targets.add(binding.destination)
    this.#sorted = null
  }

  unbind(binding: Binding): void {
    this.#targets.remove(binding.destination)
    this.#sorted = null
  }

  route(message: Routable, out: DestinationSink): void {
    const sorted = (this.#sorted ??= this.#targets.list.toSorted(compareDestinations))
    if (sorted.length === 0) return
    let hash = hashText(message.routingKey)
    const extraKeys = message.extraKeys
    if (extraKeys !== null) for (let i = 0; i < extraKeys.length; i++) hash = hashText(extraKeys[i]!, hash)
    out.add(sorted[hash % sorted.length]!)
  }
}

function compareDestinations(a: Destination, b: Destination): number {
  if (a.kind !== b.kind) return a.kind < b.kind ? -1 : 1
  if (a.name === b.name) return 0
  return a.name < b.name ? -1 : 1
}
