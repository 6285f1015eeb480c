import type { Routable } from '../message.ts'
import type { Binding, Destination, DestinationSink, ExchangeRouter, ExchangeType } from './exchange-type.ts'
import { Targets } from './targets.ts'

/** Direct: the binding key is the routing key. */
export const direct: ExchangeType = { name: 'direct', cacheable: true, create: () => new DirectRouter() }

class DirectRouter implements ExchangeRouter {
  readonly #byKey = new Map<string, Targets<Destination>>()

  bind(binding: Binding): void {
    let targets = this.#byKey.get(binding.key)
    if (targets === undefined) {
      targets = new Targets()
      this.#byKey.set(binding.key, targets)
    }
    targets.add(binding.destination)
  }

  unbind(binding: Binding): void {
    const targets = this.#byKey.get(binding.key)
    if (targets === undefined) return
    targets.remove(binding.destination)
    if (targets.list.length === 0) this.#byKey.delete(binding.key)
  }

  route(message: Routable, out: DestinationSink): void {
    this.#routeKey(message.routingKey, out)
    const extraKeys = message.extraKeys
    if (extraKeys === null) return
    for (let i = 0; i < extraKeys.length; i++) this.#routeKey(extraKeys[i]!, out)
  }

  #routeKey(key: string, out: DestinationSink): void {
    const targets = this.#byKey.get(key)
    if (targets === undefined) return
    const list = targets.list
    for (let i = 0; i < list.length; i++) out.add(list[i]!)
  }
}
