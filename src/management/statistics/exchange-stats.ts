import type { Exchange } from '../../core/exchange.ts'
import type { VHost } from '../../core/vhost.ts'
import { channelDetails } from '../objects/channel-details.ts'
import type { Ranges } from './ranges.ts'
import {
  EXCHANGES,
  EXCHANGES_SHOWN,
  PUBLISHED,
  PUBLISHED_SHOWN,
  type Series,
  type Shown,
  SOURCES,
  SOURCES_SHOWN,
} from './series.ts'
import type { Statistics } from './statistics.ts'
import { messageStatsOf, type Stats } from './stats.ts'

/** What an exchange has counted, to be put into its object: `message_stats`, or nothing where nothing has come to it. */
export function exchangeStats(
  exchange: Exchange,
  statistics: Statistics,
  ranges: Ranges,
): { readonly message_stats?: Stats } {
  const values = [exchange.publishedIn, exchange.publishedOut]
  const past = statistics.samples ? statistics.ofExchange(exchange) : null
  const source = { values, shown: EXCHANGES_SHOWN, past, range: ranges.msg_rates }
  const stats = messageStatsOf([EXCHANGES.keys], source)
  return stats === undefined ? {} : { message_stats: stats }
}

/** What comes to an exchange by channel, and what goes from it by queue: for the object of one exchange. */
export function exchangeFlows(vhost: VHost, { name }: Exchange, statistics: Statistics, ranges: Ranges): object {
  const incoming: object[] = []
  for (const session of vhost.broker.sessions()) {
    if (session.vhost !== vhost) continue
    const published = session.publishing.byExchange.get(name)
    if (published === undefined) continue
    incoming.push({
      channel_details: channelDetails(session),
      stats: flowStats(published, PUBLISHED, PUBLISHED_SHOWN, statistics, ranges),
    })
  }
  const outgoing: object[] = []
  for (const queue of vhost.queues.values()) {
    const source = queue.incoming.bySource.get(name)
    if (source === undefined) continue
    outgoing.push({
      queue: { name: queue.name, vhost: vhost.name },
      stats: flowStats(source, SOURCES, SOURCES_SHOWN, statistics, ranges),
    })
  }
  return { incoming, outgoing }
}

/** Numbers of what goes from one thing to another. */
export function flowStats<T extends { readonly history: unknown }>(
  counters: T,
  series: Series<T>,
  shown: Shown,
  statistics: Statistics,
  ranges: Ranges,
): Stats {
  const values: number[] = []
  series.read(counters, values)
  const past = statistics.samples ? statistics.ofFlow(counters) : null
  return messageStatsOf([series.keys], { values, shown, past, range: ranges.msg_rates }) ?? {}
}
