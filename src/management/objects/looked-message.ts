import { sessionName } from '../../core/event-facts.ts'
import type { Properties } from '../../core/message.ts'
import { idOf, type Looked } from '../../core/queues/look.ts'
import { groupKeyOf } from '../../core/groups/group-key.ts'
import { payloadToJson } from './payload.ts'
import { propertiesObject } from './properties.ts'

/** A message as it is found in a queue or an exchange. @param bytesMax of its body */
export function lookedToJson(looked: Looked, bytesMax: number): Record<string, unknown> {
  const { place, state, message, entry, inMemory, wait, dueAt } = looked
  const { format, buffer, propertiesOffset, propertiesLength } = message
  const groups = entry?.queue.settings.groups ?? null
  return {
    id: idOf(place),
    state,
    // what was on disk only is read for it, index and all
    residency: inMemory ? 'alpha' : 'beta',
    exchange: message.exchange,
    routing_key: message.routingKey,
    redelivered: entry?.redelivered ?? false,
    delivery_count: entry?.deliveryCount ?? 0,
    properties: propertiesOf(format.decode(buffer, propertiesOffset, propertiesLength)),
    ...payloadToJson(message.body(), bytesMax),
    waits_for: wait,
    due_at: dueAt < 0 ? null : dueAt,
    expires_at: entry === null || entry.expiresAt < 0 ? null : entry.expiresAt,
    group: groups === null ? null : groupKeyOf(message, groups),
    consumer: consumerToJson(looked),
  }
}

function propertiesOf(properties: Properties): Record<string, unknown> {
  const given = propertiesObject(properties)
  return Array.isArray(given) ? { headers: {} } : { headers: {}, ...given }
}

function consumerToJson({ holder, entry }: Looked): Record<string, unknown> | null {
  if (holder === null) return null
  // null for what was fetched one by one
  const tag = entry?.consumer?.tag ?? null
  return {
    consumer_tag: tag,
    channel: sessionName(holder),
    since: entry === null ? 0 : holder.broker.startedAt + entry.deliveredAt,
  }
}
