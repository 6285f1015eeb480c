import type { Consumer } from '../../core/consumer.ts'
import type { MessageCounters } from '../../core/message-counters.ts'
import type { Session } from '../../core/session.ts'
import { sumDetails, type Term } from '../statistics/details.ts'
import { flowStats } from '../statistics/exchange-stats.ts'
import type { Ranges } from '../statistics/ranges.ts'
import {
  CONSUMERS_SHOWN,
  MESSAGES,
  MESSAGES_SHOWN,
  PUBLISHED,
  PUBLISHED_SHOWN,
  SOURCES,
  SOURCES_SHOWN,
} from '../statistics/series.ts'
import type { Statistics } from '../statistics/statistics.ts'
import type { DELIVER_GROUP, Stats } from '../statistics/stats.ts'
import { channelDetails } from './channel-details.ts'
import { renderConsumer } from './consumer.ts'
import type { QueueRow, Row } from './queue.ts'

// What goes from where to where, for the objects of one queue and one channel.

/** Who feeds a queue, and who takes from it. */
export function queueFlows({ vhost, queue }: QueueRow, statistics: Statistics, ranges: Ranges): Row {
  const takers = new Map<Session, Consumer[]>()
  for (const consumer of queue.dispatcher.consumers) {
    const others = takers.get(consumer.session)
    if (others === undefined) takers.set(consumer.session, [consumer])
    else others.push(consumer)
  }
  for (const session of vhost.broker.sessions()) {
    if (session.vhost === vhost && session.fetched.has(queue.name) && !takers.has(session)) takers.set(session, [])
  }
  return {
    consumer_details: queue.dispatcher.consumers.map(renderConsumer),
    incoming: [...queue.incoming.bySource].map(([name, source]) => ({
      exchange: { name, vhost: vhost.name },
      stats: flowStats(source, SOURCES, SOURCES_SHOWN, statistics, ranges),
    })),
    deliveries: [...takers].map(([session, consumers]) => ({
      channel_details: channelDetails(session),
      stats: deliveryStats(consumers, session.fetched.get(queue.name), statistics, ranges),
    })),
  }
}

/** Where a channel publishes to, and what it takes. */
export function channelFlows(session: Session, statistics: Statistics, ranges: Ranges): Row {
  const { vhost, publishing, consumers, fetched } = session
  const byQueue = Map.groupBy(consumers.values(), ({ queue }) => queue.name)
  const queues = new Set([...byQueue.keys(), ...fetched.keys()])
  return {
    consumer_details: [...consumers.values()].map(renderConsumer),
    publishes: [...publishing.byExchange].map(([name, published]) => ({
      exchange: { name, vhost: vhost.name },
      stats: flowStats(published, PUBLISHED, PUBLISHED_SHOWN, statistics, ranges),
    })),
    deliveries: [...queues].map((name) => ({
      queue: { name, vhost: vhost.name },
      stats: deliveryStats(byQueue.get(name) ?? [], fetched.get(name), statistics, ranges),
    })),
  }
}

/** Where the numbers of one key of deliveries come from. */
interface Part {
  readonly value: number
  readonly term: Term | null
}

/** What one session has taken from one queue: by consumers, and one by one. */
function deliveryStats(
  consumers: readonly Consumer[],
  fetched: MessageCounters | undefined,
  statistics: Statistics,
  ranges: Ranges,
): Stats {
  const fetches: number[] = []
  if (fetched !== undefined) MESSAGES.read(fetched, fetches)
  const byConsumers = (from: readonly Consumer[], key: string, value: (consumer: Consumer) => number): Part => ({
    value: from.reduce((sum, consumer) => sum + value(consumer), 0),
    term: statistics.samples ? { past: statistics.ofConsumers(from), series: CONSUMERS_SHOWN[key]! } : null,
  })
  const byFetches = (key: string): Part[] => {
    if (fetched === undefined) return []
    const series = MESSAGES_SHOWN[key]!
    const value = series.reduce((sum, i) => sum + fetches[i]!, 0)
    return [{ value, term: statistics.samples ? { past: statistics.ofFlow(fetched), series } : null }]
  }
  const settling = byConsumers(
    consumers.filter(({ noAck }) => !noAck),
    'deliver',
    ({ delivered }) => delivered,
  )
  const settled = byConsumers(
    consumers.filter(({ noAck }) => noAck),
    'deliver',
    ({ delivered }) => delivered,
  )
  const parts: Record<(typeof DELIVER_GROUP)[number], Part[]> = {
    deliver: [settling],
    deliver_no_ack: [settled],
    get: byFetches('get'),
    get_no_ack: byFetches('get_no_ack'),
    get_empty: byFetches('get_empty'),
    deliver_get: [settling, settled, ...byFetches('get'), ...byFetches('get_no_ack')],
    redeliver: [byConsumers(consumers, 'redeliver', ({ redelivered }) => redelivered), ...byFetches('redeliver')],
    ack: [byConsumers(consumers, 'ack', ({ acknowledged }) => acknowledged)],
  }
  const stats: Stats = {}
  for (const [key, sums] of Object.entries(parts)) {
    stats[key] = sums.reduce((sum, { value }) => sum + value, 0)
    // a term of nothing, so that there is a history where nothing was fetched
    const none = settling.term === null ? [] : [{ past: settling.term.past, series: [] }]
    const terms = [...none, ...sums.map(({ term }) => term).filter((term) => term !== null)]
    if (terms.length > 0) stats[`${key}_details`] = sumDetails(terms, ranges.msg_rates)
  }
  return stats
}
