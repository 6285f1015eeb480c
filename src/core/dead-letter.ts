import { array, type Field, long, longstr, stringOf, type Table, table, timestamp } from './fields.ts'
import { composeMessage, type Death, type DeathReason, type Message, Properties, type RetryFacts } from './message.ts'
import type { QueueSettings } from './queues/queue-settings.ts'
import { RETRY_HEADERS, retryFields } from './queues/retries.ts'

/** The deaths of a message after one more, newest first: one entry per (queue, reason), whose count rises. */
export function addDeath(
  message: Message,
  queue: string,
  reason: DeathReason,
  nowMs: number,
  retries: RetryFacts | null = null,
): readonly Death[] {
  const earlier = message.deaths ?? []
  const same = earlier.find((death) => death.queue === queue && death.reason === reason)
  if (same !== undefined) {
    const { retries: _before, ...rest } = same
    const again = { ...rest, count: same.count + 1, ...(retries === null ? {} : { retries }) }
    return [again, ...earlier.filter((death) => death !== same)]
  }
  const properties = message.properties()
  const death: Death = {
    queue,
    reason,
    count: 1,
    time: Math.floor(nowMs / 1000),
    exchange: message.exchange,
    routingKeys: [message.routingKey, ...carbonCopies(properties.headers)],
    originalExpiration: properties.expiration,
    ...(retries === null ? {} : { retries }),
  }
  return [death, ...earlier]
}

/**
 * Whether a message that now dies would go round: it died in `queue` before, and nobody rejected it since. A rejection breaks the
 * cycle because a consumer decided on it.
 */
export function isCycle(deaths: readonly Death[], queue: string): boolean {
  for (const death of deaths) {
    if (death.reason === 'rejected') return false
    if (death.queue === queue) return true
  }
  return false
}

/** The message that goes to the dead-letter exchange: `x-death` and its companions added, the time to live taken off. */
export function composeDead(
  message: Message,
  queue: string,
  reason: DeathReason,
  settings: QueueSettings,
  nowMs: number,
  retries: RetryFacts | null,
): Message {
  const deaths = addDeath(message, queue, reason, nowMs, retries)
  const properties = Object.assign(new Properties(), message.properties())
  const headers: Table = new Map(properties.headers ?? [])
  const key = settings.deadLetterRoutingKey
  if (key !== null) headers.delete('CC')
  headers.delete('x-delivery-count')
  headers.delete('x-acquired-count')
  for (const name of RETRY_HEADERS) headers.delete(name)
  headers.set('x-death', array(deaths.map((death) => table(deathTable(death)))))
  const first = deaths.at(-1)!
  if (message.deaths === null || !headers.has('x-first-death-queue')) setDeathHeaders(headers, 'x-first-death', first)
  setDeathHeaders(headers, 'x-last-death', deaths[0]!)
  properties.headers = headers
  properties.expiration = null
  const exchange = settings.deadLetterExchange ?? ''
  const dead = composeMessage(exchange, key ?? message.routingKey, properties, message.body(), message.format)
  if (key === null) dead.extraKeys = message.extraKeys
  dead.deaths = deaths
  return dead
}

function setDeathHeaders(headers: Table, prefix: string, death: Death): void {
  headers.set(`${prefix}-exchange`, longstr(death.exchange))
  headers.set(`${prefix}-queue`, longstr(death.queue))
  headers.set(`${prefix}-reason`, longstr(death.reason))
}

function deathTable(death: Death): Table {
  const entry: Table = new Map<string, Field>([
    ['count', long(death.count)],
    ['reason', longstr(death.reason)],
    ['queue', longstr(death.queue)],
    ['time', timestamp(death.time)],
    ['exchange', longstr(death.exchange)],
    ['routing-keys', array(death.routingKeys.map(longstr))],
  ])
  if (death.originalExpiration !== null) entry.set('original-expiration', longstr(death.originalExpiration))
  if (death.retries !== undefined) for (const [name, field] of retryFields(death.retries)) entry.set(name, field)
  return entry
}

/** The keys of a `CC` header; only strings count. */
export function carbonCopies(headers: Table | null, name = 'CC'): string[] {
  const field = headers?.get(name)
  if (field === undefined || field.type !== 'array') return []
  return field.value.map((item) => stringOf(item)).filter((key) => key !== null)
}
