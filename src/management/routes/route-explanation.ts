import { setImmediate } from 'node:timers/promises'
import { Type } from 'typebox'
import { composeMessage } from '../../core/message.ts'
import { applyHeaders } from '../../core/publish-properties.ts'
import { explainRoute, type RouteExplanation, type RouteStep } from '../../core/route-explanation.ts'
import type { VHost } from '../../core/vhost.ts'
import type { Routes } from '../app.ts'
import { requireExchange } from '../lookup.ts'
import { requireName } from '../names.ts'
import { bindingObject, bindingRow } from '../objects/binding.ts'
import { propertiesFromObject } from '../objects/properties.ts'
import { bodyOf, textOf } from '../request-body.ts'
import { described } from '../route-schema.ts'

const Body = Type.Object({
  routing_key: Type.Optional(Type.String({ default: '' })),
  properties: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  payload: Type.Optional(Type.String({ description: 'Only its length matters' })),
})

/** Where a message would go: nothing is published. */
export const routeExplanationRoutes: Routes = (app, { host: { broker } }) => {
  app.post(
    '/exchanges/:vhost/:exchange/route',
    described('Explain where a message would go', { body: Body, tag: 'Exchanges' }),
    async (request) => {
      const { vhost, found } = requireExchange(request, broker)
      const body = bodyOf(request)
      const key = requireName('routing key', textOf(body['routing_key'] ?? '', 'routing_key'))
      const properties = propertiesFromObject(body['properties'] ?? {})
      const payload = Buffer.from(textOf(body['payload'] ?? '', 'payload'))
      const message = composeMessage(found.name, key, properties, payload, broker.propertyFormat)
      // it gets its further keys, and keeps the headers that say which they are
      applyHeaders(message)
      const explanation = explainRoute(vhost, found, message)
      for (;;) {
        const { done, value } = explanation.next()
        if (done === true) return explanationObject(vhost, value)
        await setImmediate()
      }
    },
  )
}

const explanationObject = (vhost: VHost, { routed, queues, steps, notes }: RouteExplanation) => ({
  routed,
  queues,
  steps: steps.map((step) => stepObject(vhost, step)),
  notes,
})

const stepObject = (vhost: VHost, { exchange, type, routingKey, via, bindings, bindingsTotal, notes }: RouteStep) => ({
  exchange,
  type,
  routing_key: routingKey,
  via,
  bindings: bindings.map(({ binding, matched }) => ({ ...bindingObject(bindingRow(vhost, binding)), matched })),
  bindings_total: bindingsTotal,
  note: notes.length === 0 ? null : notes.join('; '),
})
