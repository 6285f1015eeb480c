import type { ManagementHost } from '../management-host.ts'

/** A plugin by RabbitMQ's name for it, or by its own. */
export interface EnabledPlugin {
  readonly name: string
  readonly description: string
}

interface BuiltIn extends EnabledPlugin {
  /** Whether this node has it; absent: every node has. */
  readonly isThere?: (host: ManagementHost) => boolean
}

const listensTo =
  (...protocols: readonly string[]) =>
  (host: ManagementHost): boolean =>
    host.listeners().some(({ protocol }) => protocols.includes(protocol))

const runs =
  (plugin: string) =>
  (host: ManagementHost): boolean =>
    host.pluginNames.includes(plugin)

const hasExchangeType =
  (type: string) =>
  ({ broker }: ManagementHost): boolean =>
    broker.exchangeTypes.names().includes(type)

/** The names under which scripts ask for what is part of the broker here. */
const BUILT_IN: readonly BuiltIn[] = [
  { name: 'rabbitmq_auth_backend_cache', description: 'Remembers what other back ends say of logins' },
  { name: 'rabbitmq_auth_backend_http', description: 'Logins by an HTTP service' },
  { name: 'rabbitmq_auth_backend_ldap', description: 'Logins by LDAP' },
  { name: 'rabbitmq_auth_backend_oauth2', description: 'Logins by OAuth 2 tokens' },
  {
    name: 'rabbitmq_auth_mechanism_ssl',
    description: 'Logins by client certificates',
    isThere: ({ node }) => node.mechanisms.includes('EXTERNAL'),
  },
  {
    name: 'rabbitmq_consistent_hash_exchange',
    description: 'Consistent hashing exchange',
    isThere: hasExchangeType('x-consistent-hash'),
  },
  {
    name: 'rabbitmq_delayed_message_exchange',
    description: 'Exchange that keeps messages until they are due',
    isThere: hasExchangeType('x-delayed-message'),
  },
  {
    name: 'rabbitmq_event_exchange',
    description: 'What happens in the broker, as messages',
    isThere: runs('event-exchange'),
  },
  { name: 'rabbitmq_federation', description: 'Federated exchanges and queues' },
  { name: 'rabbitmq_federation_management', description: 'Federation in the HTTP API and the console' },
  {
    name: 'rabbitmq_jms_topic_exchange',
    description: 'JMS topic exchange with selectors',
    isThere: hasExchangeType('x-jms-topic'),
  },
  { name: 'rabbitmq_management', description: 'HTTP API and web console' },
  { name: 'rabbitmq_management_agent', description: 'Statistics of the HTTP API' },
  {
    name: 'rabbitmq_message_deduplication',
    description: 'Exchanges and queues that leave out duplicates',
    isThere: hasExchangeType('x-message-deduplication'),
  },
  { name: 'rabbitmq_mqtt', description: 'MQTT 3.1, 3.1.1 and 5', isThere: listensTo('mqtt', 'mqtt/ssl') },
  { name: 'rabbitmq_prometheus', description: 'Metrics for Prometheus' },
  { name: 'rabbitmq_random_exchange', description: 'Random exchange', isThere: hasExchangeType('x-random') },
  {
    name: 'rabbitmq_recent_history_exchange',
    description: 'Exchange that gives new bindings its latest messages',
    isThere: hasExchangeType('x-recent-history'),
  },
  { name: 'rabbitmq_shovel', description: 'Shovels from broker to broker' },
  { name: 'rabbitmq_shovel_management', description: 'Shovels in the HTTP API and the console' },
  { name: 'rabbitmq_stomp', description: 'STOMP 1.0, 1.1 and 1.2', isThere: listensTo('stomp', 'stomp/ssl') },
  { name: 'rabbitmq_tracing', description: 'Traces of messages in files', isThere: ({ traces }) => traces !== null },
  {
    name: 'rabbitmq_web_mqtt',
    description: 'MQTT over WebSocket',
    isThere: listensTo('http/web-mqtt', 'https/web-mqtt'),
  },
  {
    name: 'rabbitmq_web_stomp',
    description: 'STOMP over WebSocket',
    isThere: listensTo('http/web-stomp', 'https/web-stomp'),
  },
]

/** Of those that the broker brings along, the ones that have a name in RabbitMQ, or are no plugin there. */
const NAMED_OTHERWISE: ReadonlySet<string> = new Set(['event-exchange', 'log-exchange'])

/** What scripts may ask this node for, sorted by name: what RabbitMQ has as plugins, and plugins of one's own. */
export function enabledPlugins(host: ManagementHost): EnabledPlugin[] {
  const builtIn = BUILT_IN.filter(({ isThere = () => true }) => isThere(host))
  const own = host.pluginNames.filter((name) => !NAMED_OTHERWISE.has(name))
  return [
    ...builtIn.map(({ name, description }) => ({ name, description })),
    ...own.map((name) => ({ name, description: 'Plugin of WarrenMQ' })),
  ].toSorted((a, b) => (a.name < b.name ? -1 : 1))
}
