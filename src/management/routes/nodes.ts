import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { requireTag } from '../access.ts'
import { objectNotFound } from '../api-error.ts'
import type { Routes } from '../app.ts'
import type { ManagementHost } from '../management-host.ts'
import { described, LIST_QUERY } from '../route-schema.ts'
import { answerList, answerObject, type ListQuery } from '../list.ts'
import { RANGE_QUERY, STATS_QUERY } from '../statistics-query.ts'
import { binaryByKind, memoryByKind } from '../objects/memory.ts'
import { renderNode, renderNodeName } from '../objects/node.ts'
import { rangesOf } from '../statistics/ranges.ts'
import { statsOff } from '../stats-off.ts'
import { ANY_OBJECT } from '../openapi.ts'

const tag = 'The node'
const MEMORY_QUERY = {
  memory: Type.Boolean({ description: 'Says as well what memory is used for, in bytes' }),
  binary: Type.Boolean({ description: 'Says as well what holds memory outside of the heap, in bytes' }),
}

export const nodeRoutes: Routes = (app, { host }) => {
  const { broker, statistics } = host
  const query = { ...LIST_QUERY, ...RANGE_QUERY, ...STATS_QUERY }
  const render = (request: FastifyRequest): Record<string, unknown> =>
    statsOff(request, statistics) ? renderNodeName(host) : renderNode(host, rangesOf(request.query))
  /** @throws ApiError 401, or 404 for another node than this one */
  const requireNode = (request: FastifyRequest): void => {
    requireTag(request, 'monitoring')
    const { node } = request.params as { node: string }
    if (node !== broker.options.nodeName) throw objectNotFound()
  }
  app.get('/nodes', described('Nodes: this one', { query, tag }), (request) => {
    requireTag(request, 'monitoring')
    return answerList(request.query as ListQuery, {
      rows: [host],
      nameOf: () => broker.options.nodeName,
      render: () => render(request),
    })
  })
  app.get(
    '/nodes/:node',
    described('A node', { query: { ...query, ...MEMORY_QUERY }, tag, answers: { 200: ANY_OBJECT } }),
    (request) => {
      requireNode(request)
      const { memory, binary } = request.query as Record<string, unknown>
      const asked = {
        ...(memory === 'true' ? { memory: memoryObject(host) } : {}),
        ...(binary === 'true' ? { binary: binaryByKind(memoryByKind(broker, statistics)) } : {}),
      }
      return answerObject(request.query as ListQuery, { ...render(request), ...asked })
    },
  )
  app.get('/nodes/:node/memory', described('What memory is used for, in bytes', { tag }), (request) => {
    requireNode(request)
    return { memory: memoryObject(host) }
  })
  app.get('/nodes/:node/memory/relative', described('What memory is used for, in percent', { tag }), (request) => {
    requireNode(request)
    const { kinds, total } = memoryByKind(broker, statistics)
    const shares = Object.entries(kinds).map(([kind, bytes]) => [kind, Math.ceil((bytes / total.rss) * 100)])
    return { memory: { total: 100, ...Object.fromEntries(shares) } }
  })
}

function memoryObject({ broker, statistics }: ManagementHost): Record<string, unknown> {
  const { kinds, total, own } = memoryByKind(broker, statistics)
  return { ...kinds, strategy: 'rss', total, warren: own }
}
