import { type Scene } from './scene.ts'

/** A page of the console, and what has to be on it: its address, and the heading in both languages where that is a text. */
export interface ConsolePage {
  readonly name: string
  readonly address: string
}

/** Every page there is. A page that is not in here is not looked at. */
export function consolePages({ vhost }: Scene, node: string, connection: string): readonly ConsolePage[] {
  const of = (kind: string, name: string): string =>
    `#/${kind}/${encodeURIComponent(vhost)}/${encodeURIComponent(name)}`
  return [
    { name: 'overview', address: '#/' },
    { name: 'node', address: `#/nodes/${encodeURIComponent(node)}` },
    { name: 'connections', address: '#/connections' },
    { name: 'connection', address: `#/connections/${encodeURIComponent(connection)}` },
    { name: 'channels', address: '#/channels' },
    { name: 'channel', address: `#/channels/${encodeURIComponent(`${connection} (1)`)}` },
    { name: 'consumers', address: '#/consumers' },
    { name: 'exchanges', address: '#/exchanges' },
    { name: 'exchange', address: of('exchanges', 'orders') },
    { name: 'default exchange', address: of('exchanges', 'amq.default') },
    { name: 'delayed messages', address: `${of('exchanges', 'reminders')}/messages` },
    { name: 'declare an exchange', address: '#/exchanges/new' },
    { name: 'queues', address: '#/queues' },
    { name: 'queue', address: of('queues', 'orders.billing') },
    { name: 'messages of a queue', address: `${of('queues', 'orders.mail')}/messages` },
    { name: 'publish to a queue', address: `${of('queues', 'orders.mail')}/publish` },
    { name: 'change a queue', address: `${of('queues', 'orders.mail')}/change` },
    { name: 'manage a queue', address: `${of('queues', 'orders.mail')}/manage` },
    { name: 'declare a queue', address: '#/queues/new' },
    { name: 'topology', address: '#/topology' },
    { name: 'routing', address: '#/route' },
    { name: 'message traces', address: '#/message-traces' },
    { name: 'trace files', address: '#/traces' },
    { name: 'events', address: '#/events' },
    { name: 'users', address: '#/users' },
    { name: 'user', address: '#/users/guest' },
    { name: 'add a user', address: '#/users/new' },
    { name: 'virtual hosts', address: '#/vhosts' },
    { name: 'virtual host', address: `#/vhosts/${encodeURIComponent(vhost)}` },
    { name: 'add a virtual host', address: '#/vhosts/new' },
    { name: 'policies', address: '#/policies' },
    { name: 'policy', address: of('policies', 'bounded') },
    { name: 'add a policy', address: '#/policies/new' },
    { name: 'operator policies', address: '#/operator_policies' },
    { name: 'add an operator policy', address: '#/operator_policies/new' },
    { name: 'limits', address: '#/limits' },
    { name: 'shovels', address: '#/shovels' },
    { name: 'definitions of shovels', address: '#/dynamic-shovels' },
    { name: 'shovel', address: of('dynamic-shovels', 'archive') },
    { name: 'shovel that does not run', address: of('dynamic-shovels', 'stock') },
    { name: 'add a shovel', address: '#/dynamic-shovels/new' },
    { name: 'federation', address: '#/federation' },
    { name: 'upstreams', address: '#/federation-upstreams' },
    { name: 'upstream', address: of('federation-upstreams', 'south') },
    { name: 'add an upstream', address: '#/federation-upstreams/new' },
    { name: 'upstream sets', address: '#/federation-upstream-sets' },
    { name: 'upstream set', address: of('federation-upstream-sets', 'both') },
    { name: 'add an upstream set', address: '#/federation-upstream-sets/new' },
    { name: 'parameters', address: '#/parameters' },
    { name: 'parameter', address: of('parameters/shovel', 'stock') },
    { name: 'add a parameter', address: '#/parameters/new' },
    { name: 'global parameters', address: '#/global-parameters' },
    { name: 'global parameter', address: '#/global-parameters/shop_regions' },
    { name: 'add a global parameter', address: '#/global-parameters/new' },
    { name: 'definitions', address: '#/definitions' },
    { name: 'feature flags', address: '#/feature-flags' },
    { name: 'cluster name', address: '#/cluster-name' },
    { name: 'no such page', address: '#/nowhere' },
  ]
}
