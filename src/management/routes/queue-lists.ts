import type { FastifyRequest } from 'fastify'
import { requireVhost, visibleVhosts } from '../access.ts'
import { objectNotFound } from '../api-error.ts'
import type { Routes } from '../app.ts'
import { described, LIST_QUERY } from '../route-schema.ts'
import { answerObject, answerPages, type ListQuery, type ListSource } from '../list.ts'
import { RANGE_QUERY, STATS_QUERY } from '../statistics-query.ts'
import { queueFlows } from '../objects/flows.ts'
import { queueKey } from '../objects/queue-keys.ts'
import { type QueueRow, queueTotals, renderQueue, renderQueueConfig, type Row } from '../objects/queue.ts'
import { rangesOf } from '../statistics/ranges.ts'
import { statsOff } from '../stats-off.ts'
import type { Statistics } from '../statistics/statistics.ts'
import type { VHost } from '../../core/vhost.ts'
import { ANY_OBJECT } from '../openapi.ts'

const tag = 'Queues'

/** Queues: lists of them, and one. */
export const queueListRoutes: Routes = (app, { host: { broker, statistics } }) => {
  const query = { ...LIST_QUERY, ...RANGE_QUERY, ...STATS_QUERY }
  const list = (request: FastifyRequest, vhosts: readonly VHost[]): unknown => {
    const rows = vhosts.toSorted(byName).flatMap(rowsOf)
    return answerPages(request.query as ListQuery, queueSource(rows, request, statistics))
  }
  for (const path of ['/queues', '/queues/detailed']) {
    app.get(path, described('Queues of all virtual hosts', { query, tag }), (request) =>
      list(request, visibleVhosts(request, broker)),
    )
  }
  app.get('/queues/:vhost', described('Queues of a virtual host', { query, tag }), (request) => {
    const { vhost } = request.params as { vhost: string }
    return list(request, [requireVhost(request, broker, vhost)])
  })
  app.get('/queues/:vhost/:queue', described('A queue', { query, tag, answers: { 200: ANY_OBJECT } }), (request) => {
    const { vhost: vhostName, queue: name } = request.params as { vhost: string; queue: string }
    const vhost = requireVhost(request, broker, vhostName)
    const queue = vhost.queues.get(name)
    if (queue === undefined) throw objectNotFound()
    const row = { vhost, queue }
    const wanted = request.query as ListQuery
    if (statsOff(request, statistics)) return answerObject(wanted, renderQueueConfig(row))
    const ranges = rangesOf(request.query)
    return answerObject(wanted, { ...queueFlows(row, statistics, ranges), ...renderQueue(row, statistics, ranges) })
  })
}

const byName = (a: { readonly name: string }, b: { readonly name: string }): number =>
  a.name < b.name ? -1 : a.name > b.name ? 1 : 0

const rowsOf = (vhost: VHost): QueueRow[] => [...vhost.queues.values()].sort(byName).map((queue) => ({ vhost, queue }))

function queueSource(rows: readonly QueueRow[], request: FastifyRequest, statistics: Statistics): ListSource<QueueRow> {
  const ranges = rangesOf(request.query)
  const nameOf = ({ queue }: QueueRow): string => queue.name
  if (!statsOff(request, statistics)) {
    const render = (row: QueueRow): Row => renderQueue(row, statistics, ranges)
    return { rows, nameOf, render, keyOf: (row, path) => queueKey(row, path, statistics) }
  }
  const { enable_queue_totals: asked } = request.query as { enable_queue_totals?: string }
  const withTotals = asked === 'true' || statistics.settings.enableQueueTotals
  const render = (row: QueueRow): Row =>
    withTotals ? { ...renderQueueConfig(row), ...queueTotals(row.queue) } : renderQueueConfig(row)
  return { rows, nameOf, render }
}
