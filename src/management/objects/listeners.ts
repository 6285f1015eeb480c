import type { ManagementHost } from '../management-host.ts'
import type { Row } from './queue.ts'

/** The ports that the node listens on. */
export const renderListeners = (host: ManagementHost): Row[] =>
  host.listeners().map(({ protocol, address, port, tls }) => ({
    node: host.broker.options.nodeName,
    protocol,
    ip_address: address,
    port,
    tls,
    socket_opts: {},
  }))

const DESCRIPTIONS: Readonly<Record<string, string>> = {
  http: 'RabbitMQ Management',
  https: 'RabbitMQ Management',
  'http/prometheus': 'RabbitMQ Prometheus',
  'https/prometheus': 'RabbitMQ Prometheus',
}

/** Those that speak HTTP, as RabbitMQ tells of them in another place. Ports are text there. */
export const contexts = (host: ManagementHost): Row[] =>
  host
    .listeners()
    .filter(({ protocol }) => protocol in DESCRIPTIONS)
    .map(({ protocol, address, port, tls }) => ({
      node: host.broker.options.nodeName,
      description: DESCRIPTIONS[protocol],
      path: '/',
      ip: address,
      port: String(port),
      ssl_opts: [],
      ...(tls ? { ssl: 'true' } : {}),
      ...(protocol.endsWith('/prometheus') ? { protocol: `'${protocol}'` } : {}),
    }))
