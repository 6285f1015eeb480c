import type { VHost } from '../../core/vhost.ts'

/** What is said of a vhost when it is made, by RabbitMQ's keys. */
export function vhostObject({ name, metadata, broker, firehose }: VHost): Record<string, unknown> {
  const { description, tags, defaultQueueType, protectedFromDeletion } = metadata
  const chosen = defaultQueueType === null ? {} : { default_queue_type: defaultQueueType }
  return {
    name,
    description,
    tags: [...tags],
    // the text is RabbitMQ's for none
    default_queue_type: defaultQueueType ?? 'undefined',
    metadata: { description, tags: [...tags], ...chosen },
    protected_from_deletion: protectedFromDeletion,
    tracing: firehose !== null,
    cluster_state: { [broker.options.nodeName]: 'running' },
  }
}
