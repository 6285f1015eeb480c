import { sessionName } from '../../core/event-facts.ts'
import type { Session } from '../../core/session.ts'
import type { Ranges } from '../statistics/ranges.ts'
import { MESSAGES, MESSAGES_SHOWN } from '../statistics/series.ts'
import type { Statistics } from '../statistics/statistics.ts'
import { DELIVER_GROUP, messageStatsOf, PUBLISH_GROUP, statsOf, type StatsSource } from '../statistics/stats.ts'
import { connectionDetails } from './channel-details.ts'
import { collectorFacts } from './collector-facts.ts'
import { connectionState } from './connection.ts'
import type { Row } from './queue.ts'
import { timeText } from './time-text.ts'

export function renderChannel(session: Session, statistics: Statistics, ranges: Ranges): Row {
  const { connection, vhost, broker, publishing, deliveries, consumers, counters } = session
  const values: number[] = []
  MESSAGES.read(counters, values)
  const past = statistics.samples ? statistics.ofSession(session) : null
  const source: StatsSource = { values, shown: MESSAGES_SHOWN, past, range: ranges.msg_rates }
  const messageStats = messageStatsOf([PUBLISH_GROUP, DELIVER_GROUP], source)
  const idleSince = statistics.idleSince(counters, connection.connectedAt)
  return {
    name: sessionName(session),
    number: session.number,
    node: broker.options.nodeName,
    user: connection.user.name,
    user_who_performed_action: connection.user.name,
    vhost: vhost.name,
    state: connectionState(connection) === 'flow' ? 'flow' : 'running',
    confirm: publishing.confirms !== null,
    transactional: publishing.transactional,
    consumer_count: consumers.size,
    prefetch_count: session.prefetch,
    global_prefetch_count: deliveries.sharedPrefetch,
    messages_unacknowledged: deliveries.unacked.size,
    messages_unconfirmed: publishing.confirms?.unconfirmed ?? 0,
    messages_uncommitted: publishing.uncommitted,
    acks_uncommitted: deliveries.uncommitted,
    pending_raft_commands: 0,
    connection_details: connectionDetails(connection),
    ...(messageStats === undefined ? {} : { message_stats: messageStats }),
    ...statsOf(['reductions'], source),
    garbage_collection: collectorFacts(),
    ...(idleSince === null ? {} : { idle_since: timeText(idleSince) }),
  }
}
