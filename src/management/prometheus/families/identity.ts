import type { ManagementHost } from '../../management-host.ts'
import { labelsOf } from '../exposition.ts'
import type { AnyFamily, Family } from '../metric.ts'

const info = (name: string, help: string, labels: Readonly<Record<string, string>>): Family<null> => ({
  rows: () => [null],
  labels: () => labelsOf(labels),
  metrics: [{ name, type: 'untyped', help, value: () => 1 }],
})

/**
 * Which node this is. Dashboards join every other metric with it.
 * @param endpoint as RabbitMQ names the four: `aggregated`, `per-object`, `detailed`, `memory-breakdown`
 */
export function identity({ announced, version, broker, clusterName }: ManagementHost, endpoint: string): AnyFamily[] {
  return [
    info('build_info', 'RabbitMQ & Erlang/OTP version info', {
      rabbitmq_version: announced.version,
      prometheus_plugin_version: announced.version,
      prometheus_client_version: version,
      erlang_version: process.versions.node,
      product_name: 'WarrenMQ',
      product_version: version,
    }),
    info('identity_info', 'RabbitMQ node & cluster identity info', {
      rabbitmq_node: broker.options.nodeName,
      rabbitmq_cluster: clusterName,
      rabbitmq_cluster_permanent_id: clusterName,
      rabbitmq_endpoint: endpoint,
    }),
  ]
}
