import { setImmediate } from 'node:timers/promises'
import type { Exchange } from '../core/exchange.ts'
import type { Binding } from '../core/exchanges/exchange-type.ts'
import { tableToJson } from '../core/fields-json.ts'
import { policyToJson } from '../core/policy.ts'
import type { Queue } from '../core/queues/queue.ts'
import { userToJson } from '../core/users.ts'
import type { VHost } from '../core/vhost.ts'
import type { ManagementHost } from './management-host.ts'
import { listParameters } from './parameter-list.ts'

/*
 * Definitions files as RabbitMQ has them: RabbitMQ 3.10 and later can import what is exported here. What they say of vhosts and of
 * queues' types, older ones leave out.
 */

/** Rows that become objects one by one, when their turn to be written comes. */
export interface Section {
  readonly name: string
  readonly rows: readonly unknown[]
  readonly render: (row: never) => object
}

export interface Definitions {
  readonly head: Readonly<Record<string, string>>
  readonly sections: readonly Section[]
}

const section = <T>(name: string, rows: readonly T[], render: (row: T) => object): Section => ({ name, rows, render })

interface InVhost<T> {
  readonly vhost: string
  readonly item: T
}

const inAll = <T>(vhosts: readonly VHost[], of: (vhost: VHost) => Iterable<T>): InVhost<T>[] =>
  vhosts.flatMap((vhost) => [...of(vhost)].map((item) => ({ vhost: vhost.name, item })))

/** All that outlives the node's connections: who uses it, and what they have declared. */
export function nodeDefinitions({ broker, announced, clusterName }: ManagementHost): Definitions {
  const vhosts = [...broker.vhosts.values()]
  return {
    head: {
      ...headOf(announced),
      rabbitmq_definition_format: 'cluster',
      original_cluster_name: clusterName,
      explanation: `Definitions of cluster '${clusterName}'`,
    },
    sections: [
      section('users', broker.users.list(), userToJson),
      section('vhosts', vhosts, vhostRow),
      section('permissions', broker.permissions.list(), (permission) => permission),
      section('topic_permissions', broker.permissions.listTopics(), (permission) => permission),
      section('parameters', listParameters(broker), (parameter) => parameter),
      section('global_parameters', broker.parameters.listGlobal(), (parameter) => parameter),
      section('policies', broker.policies.list('user'), policyToJson),
      section('queues', inAll(vhosts, exportedQueues), ({ vhost, item }) => ({ vhost, ...queueRow(item) })),
      section('exchanges', inAll(vhosts, exportedExchanges), ({ vhost, item }) => ({ vhost, ...exchangeRow(item) })),
      section('bindings', inAll(vhosts, exportedBindings), ({ vhost, item }) => ({ vhost, ...bindingRow(item) })),
    ],
  }
}

/** What is in one vhost, so that it can be imported into another one. */
export function vhostDefinitions({ broker, announced }: ManagementHost, vhost: VHost): Definitions {
  return {
    head: {
      ...headOf(announced),
      rabbitmq_definition_format: 'single_virtual_host',
      original_vhost_name: vhost.name,
      explanation: `Definitions of virtual host '${vhost.name}'`,
    },
    sections: [
      section('parameters', listParameters(broker, vhost.name), (parameter) => parameter),
      section('policies', broker.policies.list('user', vhost.name), policyToJson),
      section('queues', exportedQueues(vhost), queueRow),
      section('exchanges', exportedExchanges(vhost), exchangeRow),
      section('bindings', [...exportedBindings(vhost)], bindingRow),
    ],
  }
}

const headOf = ({ product, version }: ManagementHost['announced']): Record<string, string> => ({
  rabbit_version: version,
  rabbitmq_version: version,
  product_name: product,
  product_version: version,
})

function vhostRow({ name, metadata }: VHost): object {
  const { description, tags, defaultQueueType, protectedFromDeletion } = metadata
  const type = defaultQueueType === null ? {} : { default_queue_type: defaultQueueType }
  const isProtected = protectedFromDeletion ? { protected_from_deletion: true } : {}
  return { name, description, tags, ...type, metadata: { description, tags, ...type, ...isProtected } }
}

/** Exclusive queues go with their connections; what keeps nothing is a protocol's own, and has a type that nobody can declare. */
const isExportedQueue = ({ owner, rules }: Queue): boolean => owner === null && rules.keepsNothing !== true

const exportedQueues = (vhost: VHost): Queue[] => [...vhost.queues.values()].filter(isExportedQueue)

/** Every vhost has the others by itself. */
const isExported = ({ name }: Exchange): boolean => name !== '' && !name.startsWith('amq.')

const exportedExchanges = (vhost: VHost): Exchange[] => [...vhost.exchanges.values()].filter(isExported)

function* exportedBindings(vhost: VHost): Generator<Binding> {
  for (const { name, bindings } of vhost.exchanges.values()) {
    if (name === '') continue
    for (const binding of bindings.values()) {
      const { destination } = binding
      if (destination.kind !== 'queue' || isExportedQueue(destination as Queue)) yield binding
    }
  }
}

const queueRow = ({ name, type, durable, autoDelete, arguments: args }: Queue): object => ({
  name,
  durable,
  auto_delete: autoDelete,
  type,
  arguments: tableToJson(args),
})

const exchangeRow = ({ name, type, durable, autoDelete, internal, arguments: args }: Exchange): object => ({
  name,
  type,
  durable,
  auto_delete: autoDelete,
  internal,
  arguments: tableToJson(args),
})

const bindingRow = ({ source, destination, key, arguments: args }: Binding): object => ({
  source,
  destination: destination.name,
  destination_type: destination.kind,
  routing_key: key,
  arguments: tableToJson(args),
})

/** Rows that are written in one go. */
const ROWS_PER_TURN = 1000

/** The JSON of a definitions file in pieces: a node with a hundred thousand queues goes on with its work between them. */
export async function* definitionsJson({ head, sections }: Definitions): AsyncGenerator<string> {
  let text = `{${Object.entries(head)
    .map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`)
    .join()}`
  for (const { name, rows, render } of sections) {
    text += `,${JSON.stringify(name)}:[`
    for (let start = 0; start < rows.length; start += ROWS_PER_TURN) {
      const part = rows.slice(start, start + ROWS_PER_TURN)
      text += (start > 0 ? ',' : '') + part.map((row) => JSON.stringify(render(row as never))).join()
      yield text
      text = ''
      await setImmediate()
    }
    text += ']'
  }
  yield `${text}}`
}
