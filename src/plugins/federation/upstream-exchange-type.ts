import { preconditionFailed } from '../../core/errors.ts'
import type { ExchangeFacts, ExchangeType } from '../../core/exchanges/exchange-type.ts'
import { fanout } from '../../core/exchanges/fanout.ts'
import { integerOf, stringOf } from '../../core/fields.ts'
import { shouldForward } from './received-from.ts'

const MAX_HOPS = 'x-max-hops'

/**
 * What a downstream broker declares here, in front of the queue that it consumes from: a fanout that leaves out what has come through the
 * downstream already, or through too many brokers. Links of RabbitMQ declare the same.
 */
export const upstreamExchangeType: ExchangeType = {
  name: 'x-federation-upstream',
  cacheable: false,
  equivalenceKeys: [MAX_HOPS],
  validate: ({ arguments: args }: ExchangeFacts) => {
    const hops = args.get(MAX_HOPS)
    if (hops === undefined) throw preconditionFailed(`Argument ${MAX_HOPS} missing`)
    if (hops.type !== 'long') throw preconditionFailed(`Argument ${MAX_HOPS} must be of type long`)
  },
  create: (facts, host) => {
    const maxHops = integerOf(facts.arguments.get(MAX_HOPS)) ?? 0
    const downstream = {
      clusterName: stringOf(facts.arguments.get('x-downstream-name')),
      vhost: stringOf(facts.arguments.get('x-downstream-vhost')) ?? '',
    }
    const all = fanout.create(facts, host)
    return {
      bind: (binding) => all.bind(binding),
      unbind: (binding) => all.unbind(binding),
      route: (message, out) => {
        if (shouldForward(message.properties().headers, maxHops, downstream)) all.route(message, out)
      },
    }
  },
}
