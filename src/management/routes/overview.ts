import type { FastifyRequest } from 'fastify'
import type { VHost } from '../../core/vhost.ts'
import { hasTag, requireTag, visibleVhosts } from '../access.ts'
import type { Routes } from '../app.ts'
import { answerOne, type ListQuery } from '../list.ts'
import { LIST_QUERY, querySchema, RANGE_QUERY, STATS_QUERY } from '../list-query.ts'
import { contexts, renderListeners } from '../objects/listeners.ts'
import { objectTotals, renderNumbers, renderProduct } from '../objects/overview.ts'
import { rangesOf } from '../statistics/ranges.ts'
import { statsOff } from '../stats-off.ts'

export const overviewRoutes: Routes = (app, { host }) => {
  const { broker, statistics } = host
  const { columns } = LIST_QUERY
  const querystring = querySchema({ columns }, RANGE_QUERY, STATS_QUERY)
  /** Who may monitor sees the whole node, others what is in their virtual hosts. */
  const visibleTo = (request: FastifyRequest): ReadonlySet<VHost> | null =>
    hasTag(requireTag(request, 'management'), 'monitoring') ? null : new Set(visibleVhosts(request, broker))

  app.get('/overview', { schema: { summary: 'The node at a glance', querystring } }, (request) => {
    const vhosts = visibleTo(request)
    const node = vhosts === null ? { node: broker.options.nodeName } : {}
    const product = { ...renderProduct(host), ...node }
    const { columns: wanted } = request.query as ListQuery
    if (statsOff(request, statistics)) {
      const totals = objectTotals(broker, vhosts ?? new Set(broker.vhosts.values()))
      return answerOne({ ...product, disable_stats: true, object_totals: totals }, wanted)
    }
    const numbers = renderNumbers(host, vhosts, rangesOf(request.query))
    const listening = vhosts === null ? { listeners: renderListeners(host), contexts: contexts(host) } : {}
    return answerOne({ ...product, ...numbers, ...listening }, wanted)
  })
}
