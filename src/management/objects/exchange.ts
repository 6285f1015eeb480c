import type { Exchange } from '../../core/exchange.ts'
import { tableToJson } from '../../core/fields-json.ts'
import type { VHost } from '../../core/vhost.ts'

/** An exchange in a vhost: the row of a list. */
export interface ExchangeRow {
  readonly vhost: VHost
  readonly exchange: Exchange
}

/** What its declaration and its policy say of an exchange, by RabbitMQ's keys. */
export const exchangeObject = ({ vhost, exchange }: ExchangeRow): Record<string, unknown> => ({
  name: exchange.name,
  vhost: vhost.name,
  type: exchange.type,
  durable: exchange.durable,
  auto_delete: exchange.autoDelete,
  internal: exchange.internal,
  arguments: tableToJson(exchange.arguments),
  ...policyOf(exchange),
  // as RabbitMQ's plugin for delayed messages has it, for exchanges that keep some
  ...(exchange.delays === null ? {} : { messages_delayed: exchange.delays.count }),
  ...(exchange.deduplication === null ? {} : { deduplicated: exchange.deduplicated }),
  user_who_performed_action: exchange.createdBy,
})

const policyOf = ({ policy }: Exchange): Record<string, unknown> =>
  policy?.name === undefined || policy.name === null ? {} : { policy: policy.name }
