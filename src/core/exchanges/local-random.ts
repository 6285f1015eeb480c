import { preconditionFailed } from '../errors.ts'
import type { Binding, ExchangeType } from './exchange-type.ts'
import { RandomRouter } from './random.ts'

/** Local random: one of the node's own classic queues by chance. */
export const localRandom: ExchangeType = {
  name: 'x-local-random',
  cacheable: false,
  choice: 'chance',
  validateBinding: (_exchange, binding) => validateLocalQueue(binding),
  create: () => new RandomRouter(),
}

function validateLocalQueue({ key, destination }: Binding): void {
  if (key !== '') throw preconditionFailed(`Non empty binding '${key}' key not permitted`)
  if (destination.kind !== 'queue') throw preconditionFailed('Destination not found')
  if (destination.type !== 'classic') {
    // RabbitMQ prints the name of the queue type's module.
    throw preconditionFailed(`Queue type rabbit_${destination.type}_queue not valid for this exchange type`)
  }
}
