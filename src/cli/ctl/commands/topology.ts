import { route } from '../../api/route.ts'
import type { Argument } from '../../command-spec.ts'
import type { CtlCommand } from '../command.ts'
import { toRows, type ColumnValues } from '../columns.ts'
import { noSuchVhost, refusedAs, whenMissing } from '../failures.ts'
import { amqpTable, atom } from '../format/cell.ts'
import { handle } from '../handle.ts'
import { table } from '../output.ts'
import { pickColumns } from '../selection.ts'

const common = {
  section: 'Monitoring, observability and health checks',
  tools: ['ctl', 'diagnostics'],
  takesVhost: true,
} as const

export const columnArgument = (columns: readonly string[]): Argument => ({
  name: 'column',
  help: 'what to show; several may be given',
  optional: true,
  variadic: true,
  completion: columns,
})

interface Exchange {
  readonly name: string
  readonly type: string
  readonly arguments: unknown
}

const EXCHANGE_COLUMNS = ['arguments', 'auto_delete', 'durable', 'internal', 'name', 'policy', 'type']
const EXCHANGE_VALUES: ColumnValues<Exchange> = {
  type: ({ type }) => atom(type),
  arguments: (exchange) => amqpTable(exchange.arguments),
}

const listExchanges: CtlCommand = {
  ...common,
  name: 'list_exchanges',
  summary: 'Lists exchanges',
  arguments: [columnArgument(EXCHANGE_COLUMNS)],
  columns: EXCHANGE_COLUMNS,
  async run({ api, args, say, vhost }) {
    say(`Listing exchanges for vhost ${vhost} ...`)
    const columns = pickColumns(args, ['name', 'type'])
    const items = await refusedAs(api.get<Exchange[]>(route`/exchanges/${vhost}`), whenMissing(noSuchVhost(vhost)))
    return table(columns, toRows(items, columns, EXCHANGE_VALUES))
  },
}

interface Binding {
  readonly source: string
  readonly destination: string
  readonly destination_type: string
  readonly arguments: unknown
}

const BINDING_COLUMNS = [
  'source_name',
  'source_kind',
  'destination_name',
  'destination_kind',
  'routing_key',
  'arguments',
]
const BINDING_VALUES: ColumnValues<Binding> = {
  source_name: ({ source }) => source,
  source_kind: () => atom('exchange'),
  destination_name: ({ destination }) => destination,
  destination_kind: ({ destination_type: type }) => atom(type),
  arguments: (binding) => amqpTable(binding.arguments),
}

const listBindings: CtlCommand = {
  ...common,
  name: 'list_bindings',
  summary: 'Lists bindings',
  arguments: [columnArgument(BINDING_COLUMNS)],
  columns: BINDING_COLUMNS,
  async run({ api, args, say, vhost }) {
    say(`Listing bindings for vhost ${vhost}...`)
    const columns = pickColumns(args, BINDING_COLUMNS)
    const items = await refusedAs(api.get<Binding[]>(route`/bindings/${vhost}`), whenMissing(noSuchVhost(vhost)))
    return table(columns, toRows(items, columns, BINDING_VALUES))
  },
}

interface Consumer {
  readonly arguments: unknown
  readonly activity_status: string
  readonly queue: { readonly name: string }
  /** An empty list where there is none. */
  readonly channel_details: { readonly name?: string; readonly node?: string }
}

const CONSUMER_COLUMNS = [
  'queue_name',
  'channel_pid',
  'consumer_tag',
  'ack_required',
  'prefetch_count',
  'active',
  'activity_status',
  'arguments',
]
const CONSUMER_VALUES: ColumnValues<Consumer> = {
  queue_name: ({ queue }) => queue.name,
  channel_pid: ({ channel_details: { name, node } }) =>
    name === undefined ? null : handle(node ?? '', 'channel', name),
  activity_status: ({ activity_status: status }) => atom(status),
  arguments: (consumer) => amqpTable(consumer.arguments),
}

const listConsumers: CtlCommand = {
  ...common,
  name: 'list_consumers',
  summary: 'Lists consumers',
  arguments: [columnArgument(CONSUMER_COLUMNS)],
  columns: CONSUMER_COLUMNS,
  async run({ api, args, say, vhost }) {
    say(`Listing consumers in vhost ${vhost} ...`)
    const usual = CONSUMER_COLUMNS.filter((name) => name !== 'activity_status')
    const columns = pickColumns(args, usual)
    const items = await refusedAs(api.get<Consumer[]>(route`/consumers/${vhost}`), whenMissing(noSuchVhost(vhost)))
    return table(columns, toRows(items, columns, CONSUMER_VALUES))
  },
}

export const TOPOLOGY_COMMANDS = [listBindings, listConsumers, listExchanges]
