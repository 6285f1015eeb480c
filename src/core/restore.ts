import type { Broker } from './broker.ts'
import {
  type CatalogRows,
  loadRow,
  storedArguments,
  type StoredBinding,
  type StoredExchange,
  type StoredQueue,
} from './catalog.ts'
import { INTERNAL_ACTOR } from './events.ts'
import { distrustLevels, settleLevels } from './queue-change.ts'
import type { PolicyJson } from './policy.ts'
import type { StoredSideLog } from './side-logs.ts'
import { VHost, type VHostMetadata } from './vhost.ts'

/**
 * Creates what the rows of the catalog say, in an order in which each finds what it needs.
 * @throws UnusableRowError
 */
export function restoreMetadata(broker: Broker, kinds: CatalogRows): void {
  const rows = <T>(kind: string): [string[], T][] => (kinds.get(kind) ?? []) as [string[], T][]
  const each = <T>(kind: string, load: (parts: readonly string[], value: T) => void): void => {
    for (const [parts, value] of rows<T>(kind)) loadRow(kind, parts, () => load(parts, value))
  }
  const { users, policies, permissions, parameters } = broker
  each<unknown>('user', (_, user) => users.put(users.parse(user)))
  // before the vhosts, whose predeclared exchanges they apply to
  each<PolicyJson>('policy', (_, policy) => policies.restore('user', policy))
  each<PolicyJson>('operator-policy', (_, policy) => policies.restore('operator', policy))
  const sideLogs = rows<StoredSideLog>('side-log')
  const sideLogsOf = Map.groupBy(sideLogs, ([[vhost]]) => vhost)
  for (const [, { id }] of sideLogs) broker.reserveQueueId(id)
  each<VHostMetadata>('vhost', ([name], metadata) => {
    broker.vhosts.set(name!, new VHost(broker, name!, metadata, sideLogsOf.get(name)))
  })
  each<never>('permission', (_, permission) => permissions.set(permission))
  each<never>('topic-permission', (_, permission) => permissions.setTopic(permission))
  each('parameter', ([component, name, vhost], value) => {
    parameters.restore({ vhost: vhost!, component: component!, name: name!, value })
  })
  each('global-parameter', ([name], value) => parameters.setGlobal(name!, value))
  each<StoredExchange>('exchange', ([vhost, name], stored) => restoreExchange(broker.findVhost(vhost!), name!, stored))
  each<StoredQueue>('queue', ([vhost, name], stored) => restoreQueue(broker.findVhost(vhost!), name!, stored))
  // some exchange types (x-consistent-hash) depend on the order in which bindings were made
  const bindings = rows<StoredBinding>('binding').sort(([, a], [, b]) => a.order - b.order)
  for (const [parts, stored] of bindings) loadRow('binding', parts, () => restoreBinding(broker, parts, stored))
  broker.catalog.lastOrder = bindings.at(-1)?.[1].order ?? 0
}

function restoreExchange(vhost: VHost, name: string, stored: StoredExchange): void {
  const { type, autoDelete, internal } = stored
  const spec = { name, type, autoDelete, internal, durable: true, arguments: storedArguments(stored) }
  vhost.createExchange(spec, false, stored.user ?? INTERNAL_ACTOR)
}

function restoreQueue(vhost: VHost, name: string, stored: StoredQueue): void {
  const { id, type, autoDelete } = stored
  vhost.broker.reserveQueueId(id)
  const facts = { name, durable: true, autoDelete, owner: null, arguments: storedArguments(stored) }
  vhost.broker.requireQueueType(type, name, vhost.name)
  const queue = vhost.createQueue(type, facts, false, id)
  if (stored.paused === true) queue.paused = true
  if (stored.misfiled === true) distrustLevels(queue)
}

function restoreBinding(broker: Broker, parts: readonly string[], stored: StoredBinding): void {
  const [vhostName, source, kind, destination, key] = parts
  const vhost = broker.findVhost(vhostName!)
  const to = kind === 'queue' ? vhost.findQueue(destination!) : vhost.findExchange(destination!)
  vhost.bind(vhost.findExchange(source!), to, key!, storedArguments(stored), false)
}

/** Takes over the messages that the store has. Those of queues that are no more are forgotten. */
export async function recoverMessages(broker: Broker): Promise<void> {
  const { store, log, vhosts } = broker
  if (!store.durable) return
  broker.reserveQueueId(store.highestQueueId)
  // before anything is published: queues may have to dead-letter at once
  for (const vhost of vhosts.values()) await vhost.deduplications.recover()
  await Promise.all([...broker.queues()].map((queue) => new Promise<void>((resolve) => queue.recover(resolve))))
  for (const line of broker.delayLines()) line.recover()
  for (const vhost of vhosts.values()) {
    for (const queue of vhost.queues.values()) if (queue.unsettledLevels > 0) void settleLevels(vhost, queue)
  }
  const forgotten = store.forgetUnclaimed()
  if (forgotten > 0) log.warn('forgot messages of queues that do not exist', { messages: forgotten })
}
