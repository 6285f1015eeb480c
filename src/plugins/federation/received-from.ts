/**
 * What federation writes into messages (`x-received-from`) and into bindings that it makes upstream (`x-bound-from`), so that neither goes
 * round in circles. Both are arrays of tables, the latest broker first; RabbitMQ has the same on the wire.
 */
import { bool, type Field, integerOf, long, longstr, stringOf, type Table } from '../../core/fields.ts'
import { prependTable } from '../links/headers.ts'

const RECEIVED_FROM = 'x-received-from'
const BOUND_FROM = 'x-bound-from'

/** What a short holds. */
const HOPS_MAX = 0x7fff

/** A broker, as far as loops are concerned: its cluster name and a virtual host of it. */
export interface Place {
  /** Null where it does not say. */
  readonly clusterName: string | null
  readonly vhost: string
}

/** Whether a message has not come through too many brokers yet, nor through this one. */
export function shouldForward(headers: Table | null, maxHops: number, downstream: Place): boolean {
  const way = headers?.get(RECEIVED_FROM)
  return way?.type !== 'array' || (way.value.length < maxHops && !hasSeen(way.value, downstream))
}

function hasSeen(way: readonly Field[], { clusterName, vhost }: Place): boolean {
  if (clusterName === null) return false
  return way.some(
    (entry) =>
      entry.type === 'table' &&
      stringOf(entry.value.get('cluster-name')) === clusterName &&
      stringOf(entry.value.get('vhost')) === vhost,
  )
}

/** The headers of a message that a federated exchange got. @param uri as it may be shown @param exchange downstream */
export function exchangeHeaders(
  headers: Table | null,
  uri: string,
  exchange: string,
  upstream: Place,
  redelivered: boolean,
): Table {
  const entry: Table = new Map([
    ['uri', longstr(uri)],
    ['exchange', longstr(exchange)],
    ['redelivered', bool(redelivered)],
  ])
  if (upstream.clusterName !== null) entry.set('cluster-name', longstr(upstream.clusterName))
  entry.set('vhost', longstr(upstream.vhost))
  return prependTable(headers, RECEIVED_FROM, entry)
}

/** The headers of a message that a federated queue got. It may come by here again: how often is counted. */
export function queueHeaders(
  headers: Table | null,
  uri: string,
  queue: string,
  message: { readonly exchange: string; readonly routingKey: string; readonly redelivered: boolean },
): Table {
  const changed: Table = new Map()
  // routed once already: the broker must not send copies again
  for (const [key, field] of headers ?? []) changed.set(key === 'CC' ? 'x-original-cc' : key, field)
  const way = changed.get(RECEIVED_FROM)
  let visits = 0
  if (way?.type === 'array') {
    const isSame = (entry: Field): boolean =>
      entry.type === 'table' && stringOf(entry.value.get('uri')) === uri && stringOf(entry.value.get('queue')) === queue
    const before = way.value.find(isSame)
    if (before?.type === 'table') visits = integerOf(before.value.get('visit-count')) ?? 0
    changed.set(RECEIVED_FROM, { type: 'array', value: way.value.filter((entry) => !isSame(entry)) })
  } else {
    changed.set('x-original-exchange', longstr(message.exchange))
    changed.set('x-original-routing-key', longstr(message.routingKey))
  }
  const entry: Table = new Map([
    ['uri', longstr(uri)],
    ['queue', longstr(queue)],
    ['redelivered', bool(message.redelivered)],
    ['visit-count', long(visits + 1)],
  ])
  return prependTable(changed, RECEIVED_FROM, entry)
}

/** Whether a binding was made by a federated exchange further downstream. */
export const isPropagated = (args: Table): boolean => args.has(BOUND_FROM)

/**
 * The arguments of a binding as it is made upstream; null where it has gone far enough, or the upstream knows of it.
 * @param internalExchange what it leads to there, as RabbitMQ names it: `vhost:exchange A`
 */
export function upstreamArguments(
  args: Table,
  maxHops: number,
  upstream: Place,
  downstream: Place,
  internalExchange: string,
): Table | null {
  const hops = hopsLeft(args.get(BOUND_FROM), maxHops, upstream)
  if (hops <= 0) return null
  const entry: Table = new Map([
    ['cluster-name', longstr(downstream.clusterName ?? '')],
    ['vhost', longstr(downstream.vhost)],
    ['exchange', longstr(internalExchange)],
    ['hops', { type: 'short', value: hops }],
  ])
  return prependTable(args, BOUND_FROM, entry)
}

function hopsLeft(way: Field | undefined, maxHops: number, upstream: Place): number {
  if (way?.type !== 'array') return Math.min(maxHops, HOPS_MAX)
  if (hasSeen(way.value, upstream)) return 0
  const [last] = way.value
  const before = last?.type === 'table' ? integerOf(last.value.get('hops')) : null
  return Math.min((before ?? 0) - 1, maxHops)
}
