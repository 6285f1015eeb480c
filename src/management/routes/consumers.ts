import type { FastifyRequest } from 'fastify'
import type { Consumer } from '../../core/consumer.ts'
import type { VHost } from '../../core/vhost.ts'
import { objectNotFound } from '../api-error.ts'
import type { Routes } from '../app.ts'
import { described, LIST_QUERY } from '../route-schema.ts'
import { answerList, type ListQuery } from '../list.ts'
import { STATS_QUERY } from '../statistics-query.ts'
import { renderConsumer } from '../objects/consumer.ts'
import { connectionFilter } from '../own-connections.ts'
import { requireStats } from '../stats-off.ts'

const tag = 'Consumers'

export const consumerRoutes: Routes = (app, { host: { broker, statistics } }) => {
  const query = { ...LIST_QUERY, ...STATS_QUERY }
  const list = (request: FastifyRequest, vhosts: Iterable<VHost>): unknown => {
    const isVisible = connectionFilter(request)
    requireStats(request, statistics)
    return answerList(request.query as ListQuery, {
      rows: [...consumersOf(vhosts)].filter(({ connection }) => isVisible(connection)),
      nameOf: ({ tag }) => tag,
      render: renderConsumer,
    })
  }
  app.get('/consumers', described('Consumers', { query, tag }), (request) => list(request, broker.vhosts.values()))
  app.get('/consumers/:vhost', described('Consumers of a virtual host', { query, tag }), (request) => {
    const vhost = broker.vhosts.get((request.params as { vhost: string }).vhost)
    if (vhost === undefined) throw objectNotFound()
    // as in RabbitMQ, consumers go by whose they are, and not by where
    return list(request, [vhost])
  })
}

function* consumersOf(vhosts: Iterable<VHost>): Generator<Consumer> {
  for (const { queues } of vhosts) for (const { dispatcher } of queues.values()) yield* dispatcher.consumers
}
