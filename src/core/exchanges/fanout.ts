import type { Routable } from '../message.ts'
import type { Binding, Destination, DestinationSink, ExchangeRouter, ExchangeType } from './exchange-type.ts'
import { Targets } from './targets.ts'

/** Fanout: every destination gets the message; keys and headers are not looked at. */
export const fanout: ExchangeType = {
  name: 'fanout',
  cacheable: true,
  ignoresKeys: true,
  create: () => new FanoutRouter(),
}

class FanoutRouter implements ExchangeRouter {
  readonly #targets = new Targets<Destination>()

  bind(binding: Binding): void {
    this.#targets.add(binding.destination)
  }

  unbind(binding: Binding): void {
    this.#targets.remove(binding.destination)
  }

  route(_message: Routable, out: DestinationSink): void {
    const list = this.#targets.list
    for (let i = 0; i < list.length; i++) out.add(list[i]!)
  }
}
