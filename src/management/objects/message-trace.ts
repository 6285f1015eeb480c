import type { MessageTrace, TraceEvent } from '../../core/tracing/message-trace.ts'

export const traceObject = ({ id, vhost, user, wanted, startedAt, endsAt, endedAt, events }: MessageTrace) => ({
  id,
  vhost,
  user,
  ...wanted,
  state: endedAt === null ? 'running' : 'ended',
  started_at: startedAt,
  ends_at: endedAt ?? endsAt,
  count: events.length,
})

/** Keys that say nothing are left out. */
export const traceEventObject = (event: TraceEvent): Record<string, unknown> => ({
  n: event.n,
  at: event.at,
  message: String(event.message),
  event: event.event,
  exchange: event.exchange,
  routing_key: event.routingKey,
  ...(event.queue === undefined ? {} : { queue: event.queue }),
  ...(event.queues === undefined ? {} : { queues: event.queues }),
  ...(event.connection === undefined ? {} : { connection: event.connection }),
  ...(event.channel === undefined ? {} : { channel: event.channel }),
  ...(event.consumerTag === undefined ? {} : { consumer_tag: event.consumerTag }),
  ...(event.user === undefined ? {} : { user: event.user }),
  payload_bytes: event.payloadBytes,
  ...(event.detail === undefined ? {} : { detail: event.detail }),
})
