import type { FastifyRequest } from 'fastify'
import type { VHost } from '../../core/vhost.ts'
import { hasTag, requireTag, visibleVhosts } from '../access.ts'
import type { Routes } from '../app.ts'
import { described, OBJECT_QUERY } from '../route-schema.ts'
import { answerObject, type ListQuery } from '../list.ts'
import { RANGE_QUERY, STATS_QUERY } from '../statistics-query.ts'
import { contexts, renderListeners } from '../objects/listeners.ts'
import { objectTotals, renderNumbers, renderProduct } from '../objects/overview.ts'
import { connectionFilter } from '../own-connections.ts'
import { rangesOf } from '../statistics/ranges.ts'
import { statsOff } from '../stats-off.ts'

const tag = 'The node'

export const overviewRoutes: Routes = (app, { host }) => {
  const { broker, statistics } = host
  const query = { ...OBJECT_QUERY, ...RANGE_QUERY, ...STATS_QUERY }
  /** Who may monitor sees the whole node, others what is in their virtual hosts. */
  const visibleTo = (request: FastifyRequest): ReadonlySet<VHost> | null =>
    hasTag(requireTag(request, 'management'), 'monitoring') ? null : new Set(visibleVhosts(request, broker))

  app.get('/overview', described('The node at a glance', { query, tag }), (request) => {
    const vhosts = visibleTo(request)
    const scope = { vhosts, isVisible: connectionFilter(request) }
    const node = vhosts === null ? { node: broker.options.nodeName } : {}
    const product = { ...renderProduct(host), ...node }
    const wanted = request.query as ListQuery
    if (statsOff(request, statistics)) {
      const totals = objectTotals(broker, scope)
      return answerObject(wanted, { ...product, disable_stats: true, object_totals: totals })
    }
    const numbers = renderNumbers(host, scope, rangesOf(request.query))
    const listening = vhosts === null ? { listeners: renderListeners(host), contexts: contexts(host) } : {}
    return answerObject(wanted, { ...product, ...numbers, ...listening })
  })
}
