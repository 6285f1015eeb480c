import type { Broker } from '../core/broker.ts'

/** One of the features that RabbitMQ calls deprecated, by the keys of its API. */
export interface DeprecatedFeature {
  readonly name: string
  readonly desc: string
  readonly doc_url: string
  readonly deprecation_phase: 'permitted_by_default' | 'removed'
  readonly provided_by: 'warrenmq'
  readonly isUsed: (broker: Broker) => boolean
}

const never = (): boolean => false

const feature = (
  name: string,
  desc: string,
  isUsed: (broker: Broker) => boolean,
  phase: DeprecatedFeature['deprecation_phase'] = 'permitted_by_default',
): DeprecatedFeature => ({ name, desc, doc_url: '', deprecation_phase: phase, provided_by: 'warrenmq', isUsed })

export const DEPRECATED_FEATURES: readonly DeprecatedFeature[] = [
  feature('classic_queue_mirroring', 'Classic queues with mirrors on other nodes', never, 'removed'),
  feature('global_qos', 'A prefetch that the consumers of a channel share', ({ connections }) => {
    for (const { sessions } of connections) {
      for (const { deliveries } of sessions) if (deliveries.sharedPrefetch > 0) return true
    }
    return false
  }),
  feature('transient_nonexcl_queues', 'Queues that are neither durable nor exclusive', ({ vhosts }) => {
    for (const { queues } of vhosts.values()) {
      for (const { durable, owner } of queues.values()) if (!durable && owner === null) return true
    }
    return false
  }),
]
