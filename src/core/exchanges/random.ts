import type { Routable } from '../message.ts'
import type { Binding, DestinationSink, ExchangeRouter, ExchangeType } from './exchange-type.ts'
import { Targets } from './targets.ts'

/** Random: one binding by chance; keys are not looked at. A destination bound twice is twice as likely. */
export const random: ExchangeType = {
  name: 'x-random',
  cacheable: false,
  choice: 'chance',
  create: () => new RandomRouter(),
}

/** Also what x-local-random routes with: on one node every queue is local. */
export class RandomRouter implements ExchangeRouter {
  readonly #bindings = new Targets<Binding>()

  bind(binding: Binding): void {
    this.#bindings.add(binding)
  }

  unbind(binding: Binding): void {
    this.#bindings.remove(binding)
  }

  route(_message: Routable, out: DestinationSink): void {
    const list = this.#bindings.list
    if (list.length > 0) out.add(list[Math.floor(Math.random() * list.length)]!.destination)
  }
}
