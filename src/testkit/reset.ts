import type { Broker } from '../core/broker.ts'
import type { VHost } from '../core/vhost.ts'

/** What stays, emptied: it belongs to the broker's options. */
export interface Kept {
  readonly vhosts: ReadonlySet<string>
  readonly users: ReadonlySet<string>
}

/**
 * Takes a broker back to where it has nothing but what is kept, without permissions: the caller gives those again. Within one turn of the
 * event loop, so that no client sees it half done.
 */
export function emptyBroker(broker: Broker, { vhosts, users }: Kept): void {
  for (const { name } of broker.users.list()) if (!users.has(name)) broker.users.delete(name)
  for (const vhost of [...broker.vhosts.values()]) {
    broker.putVhost(vhost.name, { description: '', tags: [], defaultQueueType: null, protectedFromDeletion: false })
    if (vhosts.has(vhost.name)) emptyVhost(broker, vhost)
    else broker.deleteVhost(vhost.name)
  }
  for (const { user, vhost } of broker.permissions.list()) broker.permissions.clear(user, vhost)
  for (const { user, vhost } of broker.permissions.listTopics()) broker.permissions.clearTopic(user, vhost)
  for (const { name } of broker.parameters.listGlobal()) broker.deleteGlobalParameter(name)
  broker.alarms.set('memory', false)
  broker.alarms.set('disk', false)
}

function emptyVhost(broker: Broker, vhost: VHost): void {
  for (const queue of [...vhost.queues.values()]) vhost.removeQueue(queue)
  for (const exchange of [...vhost.exchanges.values()]) {
    if (!isPredeclared(exchange.name)) vhost.removeExchange(exchange)
  }
  for (const exchange of vhost.exchanges.values()) {
    for (const binding of [...exchange.bindings.values()]) {
      // what is left leads from one predeclared exchange to another
      vhost.unbind(exchange, vhost.findExchange(binding.destination.name), binding.key, binding.arguments)
    }
  }
  for (const scope of ['user', 'operator'] as const) {
    for (const { name } of broker.policies.list(scope, vhost.name)) broker.deletePolicy(scope, vhost.name, name)
  }
  for (const { component, name } of broker.parameters.list(undefined, vhost.name)) {
    broker.deleteParameter(vhost.name, component, name)
  }
}

const isPredeclared = (exchange: string): boolean => exchange === '' || exchange.startsWith('amq.')
