import type { FastifyRequest } from 'fastify'
import { requireTag } from '../access.ts'
import { objectNotFound } from '../api-error.ts'
import type { Routes } from '../app.ts'
import { answerList, answerOne, type ListQuery } from '../list.ts'
import { LIST_QUERY, querySchema, RANGE_QUERY, STATS_QUERY } from '../list-query.ts'
import { memoryByKind } from '../objects/memory.ts'
import { renderNode, renderNodeName } from '../objects/node.ts'
import { rangesOf } from '../statistics/ranges.ts'
import { statsOff } from '../stats-off.ts'

export const nodeRoutes: Routes = (app, { host }) => {
  const { broker, statistics } = host
  const querystring = querySchema(LIST_QUERY, RANGE_QUERY, STATS_QUERY)
  const render = (request: FastifyRequest): Record<string, unknown> =>
    statsOff(request, statistics) ? renderNodeName(host) : renderNode(host, rangesOf(request.query))
  /** @throws ApiError 401, or 404 for another node than this one */
  const requireNode = (request: FastifyRequest): void => {
    requireTag(request, 'monitoring')
    const { node } = request.params as { node: string }
    if (node !== broker.options.nodeName) throw objectNotFound()
  }
  app.get('/nodes', { schema: { summary: 'Nodes: this one', querystring } }, (request) => {
    requireTag(request, 'monitoring')
    return answerList(request.query as ListQuery, {
      rows: [host],
      nameOf: () => broker.options.nodeName,
      render: () => render(request),
    })
  })
  app.get('/nodes/:node', { schema: { summary: 'A node', querystring } }, (request) => {
    requireNode(request)
    return answerOne(render(request), (request.query as ListQuery).columns)
  })
  app.get('/nodes/:node/memory', { schema: { summary: 'What memory is used for, in bytes' } }, (request) => {
    requireNode(request)
    const { kinds, total, own } = memoryByKind(broker, statistics)
    return { memory: { ...kinds, strategy: 'rss', total, warren: own } }
  })
  app.get('/nodes/:node/memory/relative', { schema: { summary: 'What memory is used for, in percent' } }, (request) => {
    requireNode(request)
    const { kinds, total } = memoryByKind(broker, statistics)
    const shares = Object.entries(kinds).map(([kind, bytes]) => [kind, Math.ceil((bytes / total.rss) * 100)])
    return { memory: { total: 100, ...Object.fromEntries(shares) } }
  })
}
