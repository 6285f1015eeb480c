import type { Binding } from '../../core/exchanges/exchange-type.ts'
import type { Table } from '../../core/fields.ts'
import { tableToJson } from '../../core/fields-json.ts'
import type { Queue } from '../../core/queues/queue.ts'
import type { VHost } from '../../core/vhost.ts'
import { bindingKey } from '../binding-key.ts'

/** A binding in a vhost: the row of a list. */
export interface BindingRow {
  readonly vhost: string
  readonly source: string
  readonly destination: { readonly kind: 'queue' | 'exchange'; readonly name: string }
  readonly key: string
  readonly arguments: Table
}

/** A binding by RabbitMQ's keys. */
export const bindingObject = ({
  vhost,
  source,
  destination,
  key,
  arguments: args,
}: BindingRow): Record<string, unknown> => ({
  source,
  vhost,
  destination: destination.name,
  destination_type: destination.kind,
  routing_key: key,
  arguments: tableToJson(args),
  properties_key: bindingKey(key, args),
})

export const bindingRow = (vhost: VHost, { source, destination, key, arguments: args }: Binding): BindingRow => ({
  vhost: vhost.name,
  source,
  destination: { kind: destination.kind, name: destination.name },
  key,
  arguments: args,
})

const NO_ARGUMENTS: Table = new Map()

/** What nobody binds and every queue has: the default exchange routes to it by its name. */
export const defaultBindingRow = (vhost: VHost, queue: Queue): BindingRow => ({
  vhost: vhost.name,
  source: '',
  destination: { kind: 'queue', name: queue.name },
  key: queue.name,
  arguments: NO_ARGUMENTS,
})
