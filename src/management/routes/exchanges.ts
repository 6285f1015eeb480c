import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { VHost } from '../../core/vhost.ts'
import { requireVhost, visibleVhosts } from '../access.ts'
import { objectNotFound, vhostNotFound } from '../api-error.ts'
import type { Routes } from '../app.ts'
import { actAs } from '../in-process.ts'
import { answerObject, answerPages, type ListQuery, sortedByName } from '../list.ts'
import { exchangeOf, requireName } from '../names.ts'
import { exchangeObject, type ExchangeRow } from '../objects/exchange.ts'
import { booleanOf, exactBodyOf, tableOf, textOf } from '../request-body.ts'
import { described, LIST_QUERY, OBJECT_QUERY } from '../route-schema.ts'
import { exchangeFlows, exchangeStats } from '../statistics/exchange-stats.ts'
import { rangesOf } from '../statistics/ranges.ts'
import { RANGE_QUERY, STATS_QUERY } from '../statistics-query.ts'
import { statsOff } from '../stats-off.ts'

const Declaration = Type.Partial(
  Type.Object({
    type: Type.String({ default: 'direct' }),
    durable: Type.Boolean({ default: false }),
    auto_delete: Type.Boolean({ default: false }),
    internal: Type.Boolean({ default: false }),
    arguments: Type.Record(Type.String(), Type.Unknown()),
  }),
)

interface Params {
  readonly vhost: string
  readonly exchange: string
}

const tag = 'Exchanges'
const ONE_QUERY = { ...OBJECT_QUERY, ...RANGE_QUERY, ...STATS_QUERY }

export const exchangeRoutes: Routes = (app, { host: { broker, statistics } }) => {
  const list = (request: FastifyRequest, vhosts: readonly VHost[]): unknown => {
    const ranges = rangesOf(request.query)
    const isBare = statsOff(request, statistics)
    const numbers = ({ exchange }: ExchangeRow) => (isBare ? {} : exchangeStats(exchange, statistics, ranges))
    return answerPages(request.query as ListQuery, {
      rows: vhosts.flatMap(rowsOf),
      nameOf: ({ exchange }) => exchange.name,
      render: (row) => ({ ...exchangeObject(row), ...numbers(row) }),
    })
  }
  const query = { ...LIST_QUERY, ...RANGE_QUERY, ...STATS_QUERY }
  app.get('/exchanges', described('Exchanges of all virtual hosts', { query, tag }), (request) =>
    list(request, visibleVhosts(request, broker)),
  )
  app.get('/exchanges/:vhost', described('Exchanges of a virtual host', { query, tag }), (request) =>
    list(request, [requireVhost(request, broker, (request.params as Params).vhost)]),
  )
  app.get('/exchanges/:vhost/:exchange', described('An exchange', { query: ONE_QUERY, tag }), (request) => {
    const { vhost: name, exchange } = request.params as Params
    const vhost = requireVhost(request, broker, name)
    const found = vhost.exchanges.get(exchangeOf(exchange))
    if (found === undefined) throw objectNotFound()
    const object = exchangeObject({ vhost, exchange: found })
    if (statsOff(request, statistics)) return answerObject(request.query as ListQuery, object)
    const ranges = rangesOf(request.query)
    const numbers = { ...exchangeStats(found, statistics, ranges), ...exchangeFlows(vhost, found, statistics, ranges) }
    return answerObject(request.query as ListQuery, { ...object, ...numbers })
  })
  app.put(
    '/exchanges/:vhost/:exchange',
    described('Declare an exchange', { body: Declaration, tag }),
    async (request, reply) => {
      const params = request.params as Params
      const { exchanges } = requireVhost(request, broker, params.vhost, vhostNotFound)
      const name = requireName('exchange', exchangeOf(params.exchange))
      const declaration = declarationOf(request)
      const existed = exchanges.has(name)
      await actAs(broker, request.caller!.user, params.vhost, ({ topology }) =>
        topology.declareExchange({ ...declaration, name, passive: false }),
      )
      return reply.code(existed ? 204 : 201).send()
    },
  )
  app.delete(
    '/exchanges/:vhost/:exchange',
    described('Delete an exchange', { query: { 'if-unused': Type.Boolean() }, tag }),
    async (request, reply) => {
      const { vhost, exchange } = request.params as Params
      const name = exchangeOf(exchange)
      if (!requireVhost(request, broker, vhost).exchanges.has(name)) throw objectNotFound()
      const ifUnused = (request.query as Record<string, unknown>)['if-unused'] === 'true'
      await actAs(broker, request.caller!.user, vhost, ({ topology }) => topology.deleteExchange(name, ifUnused))
      return reply.code(204).send()
    },
  )
}

const rowsOf = (vhost: VHost): ExchangeRow[] =>
  sortedByName(vhost.exchanges.values(), ({ name }) => name).map((exchange) => ({ vhost, exchange }))

function declarationOf(request: FastifyRequest) {
  const body = exactBodyOf(request)
  return {
    type: textOf(body['type'] ?? 'direct', 'type'),
    durable: booleanOf(body['durable'], false),
    autoDelete: booleanOf(body['auto_delete'], false),
    internal: booleanOf(body['internal'], false),
    arguments: tableOf(body['arguments']),
  }
}
