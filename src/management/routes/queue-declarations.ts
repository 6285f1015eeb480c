import { Type } from 'typebox'
import { requireVhost } from '../access.ts'
import { badRequest, objectNotFound, vhostNotFound } from '../api-error.ts'
import type { Routes } from '../app.ts'
import { actAs } from '../in-process.ts'
import { requireName } from '../names.ts'
import { booleanOf, exactBodyOf, type Json, tableOf } from '../request-body.ts'
import { described } from '../route-schema.ts'

const Declaration = Type.Partial(
  Type.Object({
    durable: Type.Boolean({ default: false }),
    auto_delete: Type.Boolean({ default: false }),
    arguments: Type.Record(Type.String(), Type.Unknown(), { description: '`x-queue-type` and so on' }),
    node: Type.String({ description: 'This node, where it is given' }),
  }),
)

interface Params {
  readonly vhost: string
  readonly queue: string
}

const tag = 'Queues'

/** Queues are made and deleted here; what there is of them is read elsewhere. */
export const queueDeclarationRoutes: Routes = (app, { host: { broker } }) => {
  app.put('/queues/:vhost/:queue', described('Declare a queue', { body: Declaration, tag }), async (request, reply) => {
    const { vhost, queue } = request.params as Params
    const { queues } = requireVhost(request, broker, vhost, vhostNotFound)
    const name = requireName('queue', queue)
    const body = exactBodyOf(request)
    requireNode(body, broker.options.nodeName)
    const declaration = {
      name,
      passive: false,
      durable: booleanOf(body['durable'], false),
      // it would end with this request
      exclusive: false,
      autoDelete: booleanOf(body['auto_delete'], false),
      arguments: tableOf(body['arguments']),
    }
    const existed = queues.has(name)
    await actAs(broker, request.caller!.user, vhost, ({ topology }) => topology.declareQueue(declaration))
    return reply.code(existed ? 204 : 201).send()
  })
  app.delete(
    '/queues/:vhost/:queue',
    described('Delete a queue', { query: { 'if-empty': Type.Boolean(), 'if-unused': Type.Boolean() }, tag }),
    async (request, reply) => {
      const { vhost, queue } = request.params as Params
      if (!requireVhost(request, broker, vhost).queues.has(queue)) throw objectNotFound()
      const { 'if-empty': ifEmpty, 'if-unused': ifUnused } = request.query as Record<string, unknown>
      await actAs(broker, request.caller!.user, vhost, ({ topology }) =>
        topology.deleteQueue(queue, ifUnused === 'true', ifEmpty === 'true'),
      )
      return reply.code(204).send()
    },
  )
}

/** @throws ApiError 400 */
function requireNode({ node }: Json, own: string): void {
  if (node === undefined || node === null || node === own) return
  throw badRequest(`Node ${String(node)} could not be contacted`)
}
