import type { FastifyRequest } from 'fastify'
import { sessionName } from '../../core/event-facts.ts'
import type { Session } from '../../core/session.ts'
import { requireVhost } from '../access.ts'
import { objectNotFound } from '../api-error.ts'
import type { Routes } from '../app.ts'
import { described, LIST_QUERY } from '../route-schema.ts'
import { answerList, answerObject, answerPages, type ListQuery } from '../list.ts'
import { RANGE_QUERY, STATS_QUERY } from '../statistics-query.ts'
import { renderChannel } from '../objects/channel.ts'
import { channelFlows } from '../objects/flows.ts'
import { connectionFilter, requireOwn } from '../own-connections.ts'
import { rangesOf } from '../statistics/ranges.ts'
import type { Statistics } from '../statistics/statistics.ts'
import { requireStats } from '../stats-off.ts'
import { ANY_OBJECT } from '../openapi.ts'

const query = { ...LIST_QUERY, ...RANGE_QUERY, ...STATS_QUERY }

const tag = 'Channels'

export const channelRoutes: Routes = (app, { host: { broker, statistics } }) => {
  const sessions = function* (): Generator<Session> {
    for (const connection of broker.connections) yield* connection.channels
  }
  // consumers of protocols without channels name their session, too
  const named = (name: string): Session | undefined => {
    for (const connection of broker.connections) {
      for (const session of connection.sessions) if (sessionName(session) === name) return session
    }
    return undefined
  }
  app.get('/channels', described('Channels', { query, tag }), (request) =>
    channelList(request, sessions(), statistics, answerPages),
  )
  app.get('/vhosts/:vhost/channels', described('Channels to a virtual host', { query, tag }), (request) => {
    const { vhost: name } = request.params as { vhost: string }
    const vhost = requireVhost(request, broker, name)
    return channelList(
      request,
      sessions().filter((session) => session.vhost === vhost),
      statistics,
    )
  })
  app.get('/channels/:name', described('A channel', { query, tag, answers: { 200: ANY_OBJECT } }), (request) => {
    requireStats(request, statistics)
    const { name } = request.params as { name: string }
    const session = named(name)
    if (session === undefined) throw objectNotFound()
    requireOwn(request, session.connection, 'monitoring')
    const ranges = rangesOf(request.query)
    const object = { ...channelFlows(session, statistics, ranges), ...renderChannel(session, statistics, ranges) }
    return answerObject(request.query as ListQuery, object)
  })
}

/** Who may monitor sees all, others their own. */
export function channelList(
  request: FastifyRequest,
  sessions: Iterable<Session>,
  statistics: Statistics,
  answer = answerList,
): unknown {
  const isVisible = connectionFilter(request)
  requireStats(request, statistics)
  const ranges = rangesOf(request.query)
  const rows = [...sessions].filter(({ connection }) => isVisible(connection))
  return answer(request.query as ListQuery, {
    rows: rows.sort(byName),
    nameOf: sessionName,
    render: (session) => renderChannel(session, statistics, ranges),
  })
}

function byName(a: Session, b: Session): number {
  if (a.connection === b.connection) return a.number - b.number
  return a.connection.facts.name < b.connection.facts.name ? -1 : 1
}
