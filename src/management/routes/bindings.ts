import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Broker } from '../../core/broker.ts'
import type { Exchange } from '../../core/exchange.ts'
import type { Queue } from '../../core/queues/queue.ts'
import type { VHost } from '../../core/vhost.ts'
import { requireVhost, visibleVhosts } from '../access.ts'
import { objectNotFound, vhostNotFound } from '../api-error.ts'
import type { Routes } from '../app.ts'
import { bindingKey, isBindingKey } from '../binding-key.ts'
import { actAs } from '../in-process.ts'
import { answerList, answerObject, type ListQuery } from '../list.ts'
import { exchangeOf, requireName } from '../names.ts'
import { bindingObject, type BindingRow, bindingRow, defaultBindingRow } from '../objects/binding.ts'
import { exactBodyOf, tableOf, textOf } from '../request-body.ts'
import { described, LIST_QUERY, OBJECT_QUERY } from '../route-schema.ts'

const Binding = Type.Partial(
  Type.Object({
    routing_key: Type.String({ default: '' }),
    arguments: Type.Record(Type.String(), Type.Unknown()),
  }),
)

interface Ends {
  readonly vhost: string
  readonly source: string
  readonly destination: string
  /** How the binding is named among those of the same ends. */
  readonly props: string
}

const tag = 'Bindings'
const query = LIST_QUERY

export const bindingRoutes: Routes = (app, { host: { broker } }) => {
  app.get('/bindings', described('Bindings of all virtual hosts', { query, tag }), (request) =>
    list(request, visibleVhosts(request, broker).flatMap(rowsOf)),
  )
  app.get('/bindings/:vhost', described('Bindings of a virtual host', { query, tag }), (request) =>
    list(request, rowsOf(requireVhost(request, broker, (request.params as Ends).vhost))),
  )
  addListsOfOneEnd(app, broker)
  for (const kind of ['queue', 'exchange'] as const) addRoutesBetween(app, broker, kind)
}

function addListsOfOneEnd(app: FastifyInstance, broker: Broker): void {
  const params = (request: FastifyRequest) => request.params as { vhost: string; exchange: string; queue: string }
  /** As with RabbitMQ, an exchange that there is not has no bindings. */
  const ofExchange = (
    request: FastifyRequest,
    rows: (vhost: VHost, exchange: Exchange) => BindingRow[],
  ): BindingRow[] => {
    const vhost = requireVhost(request, broker, params(request).vhost)
    const exchange = vhost.exchanges.get(exchangeOf(params(request).exchange))
    return exchange === undefined ? [] : rows(vhost, exchange)
  }
  app.get(
    '/exchanges/:vhost/:exchange/bindings/source',
    described('Bindings that lead from an exchange', { query, tag }),
    (request) => list(request, ofExchange(request, rowsFrom)),
  )
  app.get(
    '/exchanges/:vhost/:exchange/bindings/destination',
    described('Bindings that lead to an exchange', { query, tag }),
    (request) => list(request, ofExchange(request, rowsTo)),
  )
  app.get('/queues/:vhost/:queue/bindings', described('Bindings of a queue', { query, tag }), (request) => {
    const vhost = requireVhost(request, broker, params(request).vhost)
    return list(request, rowsTo(vhost, found(vhost.queues.get(params(request).queue))))
  })
}

/** Of the bindings from an exchange to one queue, or one exchange. */
function addRoutesBetween(app: FastifyInstance, broker: Broker, kind: 'queue' | 'exchange'): void {
  const what = `an exchange and ${kind === 'queue' ? 'a queue' : 'another'}`
  const url = `/bindings/:vhost/e/:source/${kind[0]!}/:destination`
  app.get(url, described(`Bindings between ${what}`, { query, tag }), (request) =>
    list(request, rowsBetween(request, broker, kind)),
  )
  app.post(url, described(`Bind ${what}`, { body: Binding, tag, answers: { 201: null } }), async (request, reply) => {
    const ends = endsOf(request, kind)
    requireVhost(request, broker, ends.vhost, vhostNotFound)
    const body = exactBodyOf(request)
    const key = requireName('routing key', textOf(body['routing_key'] ?? '', 'routing_key'))
    const args = tableOf(body['arguments'])
    await actAs(broker, request.caller!.user, ends.vhost, ({ topology }) =>
      kind === 'queue'
        ? topology.bindQueue(ends.destination, ends.source, key, args)
        : topology.bindExchange(ends.destination, ends.source, key, args),
    )
    const own = request.url
      .split('?', 1)[0]!
      .split('/')
      .findLast((part) => part !== '')!
    return reply
      .code(201)
      .header('location', `${own}/${encodeURIComponent(bindingKey(key, args))}`)
      .send()
  })
  app.get(`${url}/:props`, described(`A binding between ${what}`, { query: OBJECT_QUERY, tag }), (request) =>
    answerObject(request.query as ListQuery, bindingObject(rowAt(request, broker, kind))),
  )
  app.delete(`${url}/:props`, described(`Unbind ${what}`, { tag }), async (request, reply) => {
    const row = rowAt(request, broker, kind)
    await actAs(broker, request.caller!.user, row.vhost, ({ topology }) =>
      kind === 'queue'
        ? topology.unbindQueue(row.destination.name, row.source, row.key, row.arguments)
        : topology.unbindExchange(row.destination.name, row.source, row.key, row.arguments),
    )
    return reply.code(204).send()
  })
}

function endsOf(request: FastifyRequest, kind: 'queue' | 'exchange'): Ends {
  const ends = request.params as Ends
  const destination = kind === 'queue' ? ends.destination : exchangeOf(ends.destination)
  return { ...ends, source: exchangeOf(ends.source), destination }
}

/** None where one of the ends is not there. @throws ApiError 404 where the vhost is not */
function rowsBetween(request: FastifyRequest, broker: Broker, kind: 'queue' | 'exchange'): BindingRow[] {
  const { vhost: name, source, destination } = endsOf(request, kind)
  const vhost = requireVhost(request, broker, name)
  const to = kind === 'queue' ? vhost.queues.get(destination) : vhost.exchanges.get(destination)
  return to === undefined ? [] : rowsTo(vhost, to).filter((row) => row.source === source)
}

/** @throws ApiError 404 */
function rowAt(request: FastifyRequest, broker: Broker, kind: 'queue' | 'exchange'): BindingRow {
  const { props } = request.params as Ends
  return found(rowsBetween(request, broker, kind).find((row) => isBindingKey(props, row.key, row.arguments)))
}

/** @throws ApiError 404 */
function found<T>(value: T | undefined): T {
  if (value === undefined) throw objectNotFound()
  return value
}

const list = (request: FastifyRequest, rows: readonly BindingRow[]): unknown =>
  answerList(request.query as ListQuery, {
    rows: rows.toSorted(byEnds),
    nameOf: ({ source }) => source,
    render: bindingObject,
  })

function byEnds(a: BindingRow, b: BindingRow): number {
  return (
    compare(a.vhost, b.vhost) ||
    compare(a.source, b.source) ||
    compare(a.destination.name, b.destination.name) ||
    compare(a.key, b.key)
  )
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const rowsOf = (vhost: VHost): BindingRow[] =>
  [...vhost.exchanges.values()].flatMap((exchange) => rowsFrom(vhost, exchange))

const rowsFrom = (vhost: VHost, exchange: Exchange): BindingRow[] =>
  exchange.name === ''
    ? [...vhost.queues.values()].map((queue) => defaultBindingRow(vhost, queue))
    : [...exchange.bindings.values()].map((binding) => bindingRow(vhost, binding))

function rowsTo(vhost: VHost, destination: Queue | Exchange): BindingRow[] {
  const rows = [...vhost.bindingsTo(destination)].map((binding) => bindingRow(vhost, binding))
  if (destination.kind === 'queue') rows.push(defaultBindingRow(vhost, destination))
  return rows
}
