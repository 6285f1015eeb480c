/** One of RabbitMQ's feature flags, by the keys of its API. */
export interface FeatureFlag {
  readonly name: string
  readonly desc: string
  readonly doc_url: string
  readonly state: 'enabled' | 'unavailable'
  readonly stability: 'stable' | 'required'
  readonly provided_by: 'warrenmq'
}

const flag = (name: string, desc: string, state: FeatureFlag['state'] = 'enabled'): FeatureFlag => ({
  name,
  desc,
  doc_url: '',
  state,
  stability: state === 'enabled' ? 'required' : 'stable',
  provided_by: 'warrenmq',
})

/**
 * Flags that tools ask for before they use a feature. What is here is always on; what is not, cannot be switched on. Flags about how
 * nodes of a cluster understand each other are not among them.
 */
export const FEATURE_FLAGS: readonly FeatureFlag[] = [
  flag('detailed_queues_endpoint', 'The address /api/queues/detailed'),
  flag('direct_exchange_routing_v2', 'Routing that costs the same however many bindings a direct exchange has'),
  flag('drop_unroutable_metric', 'Messages that reached no queue are counted'),
  flag('empty_basic_get_metric', 'Fetches from empty queues are counted'),
  flag('implicit_default_bindings', 'Bindings of the default exchange are not stored'),
  flag('message_containers', 'Messages in a form that no protocol owns'),
  flag('quorum_queue', 'Queues of the type `quorum`'),
  flag('stream_queue', 'Queues of the type `stream`', 'unavailable'),
  flag('user_limits', 'Limits for the connections and channels of a user'),
  flag('virtual_host_metadata', 'Description, tags and default queue type of virtual hosts'),
]
