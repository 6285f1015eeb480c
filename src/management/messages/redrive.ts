import { carbonCopies } from '../../core/dead-letter.ts'
import { stringOf, type Table } from '../../core/fields.ts'
import { composeMessage, type Message, Properties } from '../../core/message.ts'
import type { VHost } from '../../core/vhost.ts'

/** What the broker has written into the headers of dead letters. */
const DEATH_HEADERS = ['x-death', ...['first', 'last'].flatMap((which) => namesOf(which))]

function namesOf(which: string): string[] {
  return ['exchange', 'queue', 'reason'].map((what) => `x-${which}-death-${what}`)
}

/** Where a message died first. */
interface FirstDeath {
  readonly queue: string
  readonly exchange: string
  readonly routingKeys: readonly string[]
  readonly originalExpiration: string | null
}

/**
 * A dead letter as it was when it was published, addressed to the queue where it died first or, where that is no more, to the exchange
 * that it had been published to.
 * @returns null for a message that has not died
 */
export function redriven(message: Message, vhost: VHost): Message | null {
  const properties = Object.assign(new Properties(), message.properties())
  const death = firstDeathOf(message, properties.headers)
  if (death === null) return null
  properties.headers = withoutDeaths(properties.headers)
  properties.expiration = death.originalExpiration ?? properties.expiration
  const isThere = vhost.queues.has(death.queue)
  const [key = '', ...others] = death.routingKeys
  const exchange = isThere ? '' : death.exchange
  const composed = composeMessage(exchange, isThere ? death.queue : key, properties, message.body(), message.format)
  if (properties.expiration !== null) composed.ttlMs = Number(properties.expiration)
  if (!isThere && others.length > 0) composed.extraKeys = others
  return composed
}

function firstDeathOf({ deaths }: Message, headers: Table | null): FirstDeath | null {
  const known = deaths?.at(-1)
  return known ?? fromHeaders(headers)
}

/** Of a dead letter that has come from another broker, or through one. */
function fromHeaders(headers: Table | null): FirstDeath | null {
  const field = headers?.get('x-death')
  const first = field?.type === 'array' ? field.value.at(-1) : undefined
  if (first?.type !== 'table') return null
  const queue = stringOf(first.value.get('queue'))
  const exchange = stringOf(first.value.get('exchange'))
  if (queue === null || exchange === null) return null
  const expiration = stringOf(first.value.get('original-expiration'))
  const isTime = expiration !== null && /^\d+$/.test(expiration)
  return {
    queue,
    exchange,
    routingKeys: carbonCopies(first.value, 'routing-keys'),
    originalExpiration: isTime ? expiration : null,
  }
}

function withoutDeaths(headers: Table | null): Table | null {
  const left: Table = new Map(headers ?? [])
  for (const name of DEATH_HEADERS) left.delete(name)
  return left.size === 0 ? null : left
}
