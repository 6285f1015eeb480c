import type { Exchange } from '../../../core/exchange.ts'
import type { VHost } from '../../../core/vhost.ts'
import type { ManagementHost } from '../../management-host.ts'
import { labelsOf } from '../exposition.ts'
import { counter, type Family, gauge } from '../metric.ts'
import type { VhostFilter } from './queue.ts'

// What RabbitMQ shows under `rabbitmq_cluster_*`, and of exchanges.

interface ExchangeRow {
  readonly vhost: VHost
  readonly exchange: Exchange
}

function* exchangesOf({ broker }: ManagementHost, filter: VhostFilter): Generator<ExchangeRow> {
  for (const vhost of broker.vhosts.values()) {
    if (!filter(vhost)) continue
    for (const exchange of vhost.exchanges.values()) yield { vhost, exchange }
  }
}

const labels = ({ vhost, exchange: { name, type } }: ExchangeRow): string =>
  labelsOf({ vhost: vhost.name, exchange: name, type })

/** Without the default exchange and internal ones. */
const named = (host: ManagementHost, filter: VhostFilter) => (): Iterable<ExchangeRow> =>
  exchangesOf(host, filter).filter(({ exchange: { name, internal } }) => name !== '' && !internal)

export function vhostStatus({ broker }: ManagementHost, filter: VhostFilter): Family<VHost> {
  return {
    rows: () => broker.vhosts.values().filter(filter),
    labels: ({ name }) => labelsOf({ vhost: name }),
    metrics: [gauge('vhost_status', 'Whether a given vhost is running', () => 1)],
  }
}

export function exchangeBindings(host: ManagementHost, filter: VhostFilter): Family<ExchangeRow> {
  const help = 'Number of bindings for an exchange. This value is cluster-wide.'
  return {
    rows: named(host, filter),
    labels,
    metrics: [gauge('exchange_bindings', help, ({ exchange }) => exchange.bindings.size)],
  }
}

export function exchangeNames(host: ManagementHost, filter: VhostFilter): Family<ExchangeRow> {
  const help =
    'Enumerates exchanges without any additional info. This value is cluster-wide. A cheaper alternative to `exchange_bindings`'
  return { rows: named(host, filter), labels, metrics: [gauge('exchange_name', help, () => 1)] }
}

export function exchangeMetrics(host: ManagementHost, filter: VhostFilter): Family<ExchangeRow> {
  return {
    rows: () => exchangesOf(host, filter).filter(({ exchange }) => exchange.publishedIn > 0),
    labels: ({ vhost, exchange }) => labelsOf({ vhost: vhost.name, exchange: exchange.name }),
    metrics: [
      counter(
        'exchange_messages_published_total',
        'Total number of messages published into an exchange',
        ({ exchange }) => exchange.publishedIn,
        () => host.broker.messageCounters().published,
      ),
    ],
  }
}
