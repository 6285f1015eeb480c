import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ClientConnection } from '../../core/client-connection.ts'
import { type ApiTag, requireTag, requireVhost } from '../access.ts'
import { objectNotFound } from '../api-error.ts'
import type { Routes } from '../app.ts'
import { described, LIST_QUERY } from '../route-schema.ts'
import { answerList, answerObject, answerPages, type ListQuery } from '../list.ts'
import { RANGE_QUERY, STATS_QUERY } from '../statistics-query.ts'
import { renderConnection, renderConnectionName } from '../objects/connection.ts'
import { connectionFilter, requireOwn } from '../own-connections.ts'
import { rangesOf } from '../statistics/ranges.ts'
import { statsOff } from '../stats-off.ts'
import { channelList } from './channels.ts'
import { ANY_OBJECT } from '../openapi.ts'

/** What RabbitMQ tells a client whose connection is closed here, unless the request says something else. */
const CLOSED = 'Closed via management plugin'

const query = { ...LIST_QUERY, ...RANGE_QUERY, ...STATS_QUERY }

const tag = 'Connections'

export const connectionRoutes: Routes = (app, { host: { broker, statistics } }) => {
  const list = (request: FastifyRequest, connections: Iterable<ClientConnection>, answer = answerList): unknown => {
    const ranges = rangesOf(request.query)
    const isShort = statsOff(request, statistics)
    return answer(request.query as ListQuery, {
      rows: [...connections].filter(connectionFilter(request)).sort(byName),
      nameOf: ({ facts }) => facts.name,
      render: (row) => (isShort ? renderConnectionName(row) : renderConnection(row, statistics, ranges)),
    })
  }
  /** @throws ApiError 404, or 401 where it is somebody else's */
  const find = (request: FastifyRequest, tag: ApiTag): ClientConnection => {
    requireTag(request, 'management')
    const { name } = request.params as { name: string }
    for (const connection of broker.connections) {
      if (connection.facts.name !== name) continue
      requireOwn(request, connection, tag)
      return connection
    }
    throw objectNotFound()
  }
  app.get('/connections', described('Connections', { query, tag }), (request) =>
    list(request, broker.connections, answerPages),
  )
  app.get('/connections/:name', described('A connection', { query, tag, answers: { 200: ANY_OBJECT } }), (request) =>
    answerObject(
      request.query as ListQuery,
      renderConnection(find(request, 'monitoring'), statistics, rangesOf(request.query)),
    ),
  )
  app.delete('/connections/:name', described('Close a connection', { tag }), (request, reply) => {
    find(request, 'administrator').forceClose(reasonOf(request))
    return reply.code(204).send()
  })
  for (const part of ['channels', 'sessions']) {
    app.get(`/connections/:name/${part}`, described('Channels of a connection', { query, tag }), (request) =>
      channelList(request, find(request, 'monitoring').channels, statistics),
    )
  }
  app.get('/vhosts/:vhost/connections', described('Connections to a virtual host', { query, tag }), (request) => {
    const { vhost: name } = request.params as { vhost: string }
    const vhost = requireVhost(request, broker, name)
    const inside = broker.connections.values().filter((connection) => connection.vhost === vhost)
    return list(request, inside)
  })
  const ofUser = (request: FastifyRequest): ClientConnection[] => {
    const { user } = request.params as { user: string }
    return [...broker.connections]
      .filter(connectionFilter(request))
      .filter((connection) => connection.user.name === user)
  }
  app.get('/connections/username/:user', described('Connections of a user', { query, tag }), (request) =>
    answerPages(request.query as ListQuery, {
      rows: ofUser(request),
      nameOf: ({ facts }) => facts.name,
      render: renderConnectionName,
    }),
  )
  app.delete(
    '/connections/username/:user',
    described('Close the connections of a user', { tag }),
    (request, reply): FastifyReply => {
      const connections = ofUser(request)
      for (const connection of connections) requireOwn(request, connection, 'administrator')
      for (const connection of connections) connection.forceClose(reasonOf(request))
      return reply.code(204).send()
    },
  )
}

const byName = (a: ClientConnection, b: ClientConnection): number =>
  a.facts.name < b.facts.name ? -1 : a.facts.name > b.facts.name ? 1 : 0

/** A header holds Latin-1; what is beyond comes as the bytes of its UTF-8. */
function reasonOf({ headers }: FastifyRequest): string {
  const given = headers['x-reason']
  if (typeof given !== 'string' || given === '') return CLOSED
  return utf8Of(given) ?? given
}

function utf8Of(text: string): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(text, 'latin1'))
  } catch {
    return null
  }
}
