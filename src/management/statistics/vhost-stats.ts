import { MessageCounters } from '../../core/message-counters.ts'
import type { VHost } from '../../core/vhost.ts'
import type { Ranges } from './ranges.ts'
import { VHOSTS_SHOWN } from './series.ts'
import type { Statistics } from './statistics.ts'
import { DELIVER_GROUP, messageStatsOf, PUBLISH_GROUP, type Stats, statsOf, type StatsSource } from './stats.ts'
import { vhostValues } from './totals.ts'

export const LENGTHS = ['messages', 'messages_ready', 'messages_unacknowledged'] as const
const TRAFFIC = ['recv_oct', 'send_oct'] as const

/** What has been counted in a virtual host, to be put into its object: messages of its queues, traffic, `message_stats`. */
export function vhostStats(vhost: VHost, statistics: Statistics, ranges: Ranges): object {
  const values: number[] = []
  vhostValues(vhost, messagesOf(vhost), trafficOf(vhost), values)
  const past = statistics.samples ? statistics.ofVhosts([vhost]) : null
  const source = (range: StatsSource['range']): StatsSource => ({ values, shown: VHOSTS_SHOWN, past, range })
  const messageStats: Stats | undefined = messageStatsOf([PUBLISH_GROUP, DELIVER_GROUP], source(ranges.msg_rates))
  return {
    ...statsOf(LENGTHS, source(ranges.lengths)),
    ...statsOf(TRAFFIC, source(ranges.data_rates)),
    ...(messageStats === undefined ? {} : { message_stats: messageStats }),
  }
}

/** What has happened to messages in a virtual host since the start. */
function messagesOf(vhost: VHost): MessageCounters {
  const sum = new MessageCounters()
  sum.add(vhost.pastMessages)
  for (const session of vhost.broker.sessions()) if (session.vhost === vhost) sum.add(session.counters)
  return sum
}

/** Of its open connections, bytes. */
function trafficOf(vhost: VHost): [received: number, sent: number] {
  let received = 0
  let sent = 0
  for (const connection of vhost.broker.connections) {
    if (connection.vhost !== vhost) continue
    const { receivedBytes, sentBytes } = connection.traffic()
    received += receivedBytes
    sent += sentBytes
  }
  return [received, sent]
}
