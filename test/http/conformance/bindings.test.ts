import { scenario, type Step } from './scenario.ts'

const bind = (ends: string, body: unknown, status: number, more: Partial<Step> = {}): Step => ({
  method: 'POST',
  path: `bindings/{v}/e/${ends}`,
  ...(body === undefined ? {} : { body }),
  status,
  ...more,
})
const look = (path: string, status = 200, answer?: unknown): Step => ({
  method: 'GET',
  path,
  status,
  ...(answer === undefined ? {} : { answer }),
})
const unbind = (path: string, status: number, more: Partial<Step> = {}): Step => ({
  method: 'DELETE',
  path: `bindings/{v}/e/${path}`,
  status,
  ...more,
})

const QUEUE: Step = { method: 'PUT', path: 'queues/{v}/q', body: {}, status: 201 }
const EXCHANGE: Step = { method: 'PUT', path: 'exchanges/{v}/x', body: {}, status: 201 }

scenario('bindings are made, found by their key, and taken away', [
  QUEUE,
  EXCHANGE,
  bind('amq.topic/q/q', { routing_key: 'a.#', arguments: {} }, 201),
  bind('amq.topic/q/q', { routing_key: 'a.#' }, 201),
  bind('amq.topic/q/q', {}, 201),
  bind('amq.topic/q/q', undefined, 201),
  bind('amq.topic/q/q', { routing_key: 'z z/~+%', arguments: [] }, 201),
  bind('amq.topic/e/x', { routing_key: 'é' }, 201),
  look('bindings/{v}/e/amq.topic/q/q/a.%2523', 200, { routing_key: 'a.#', properties_key: 'a.%23' }),
  look('bindings/{v}/e/amq.topic/q/q/a.%23', 200, { routing_key: 'a.#' }),
  look('bindings/{v}/e/amq.topic/q/q/~', 200, { routing_key: '', properties_key: '~' }),
  look('bindings/{v}/e/amq.topic/q/q/z%2Bz%252F%257E%252B%2525', 200, { routing_key: 'z z/~+%' }),
  look('bindings/{v}/e/amq.topic/e/x/%25C3%25A9', 200, { routing_key: 'é', destination_type: 'exchange' }),
  look('bindings/{v}/e/amq.default/q/q/q', 200, { source: '', routing_key: 'q' }),
  look('bindings/{v}/e/amq.topic/q/q/nope', 404),
  look('bindings/{v}/e/amq.topic/q/q'),
  look('bindings/{v}/e/amq.topic/e/x'),
  look('bindings/{v}'),
  look('bindings?columns=source,vhost,destination,destination_type,routing_key,properties_key'),
  look('bindings/{v}?columns=source,routing_key'),
  look('exchanges/{v}/amq.topic/bindings/source'),
  look('exchanges/{v}/amq.default/bindings/source', 200, [{ source: '', destination: 'q' }]),
  look('exchanges/{v}/x/bindings/destination'),
  look('queues/{v}/q/bindings'),
  unbind('amq.topic/q/q/a.%2523', 204),
  unbind('amq.topic/q/q/a.%2523', 404),
  unbind('amq.topic/q/q/~', 204),
  unbind('amq.topic/e/x/%25C3%25A9', 204),
])

scenario('bindings with arguments have a hash of them in their key', [
  QUEUE,
  // the hash is opaque, and another one in RabbitMQ
  bind('amq.headers/q/q', { routing_key: 'k', arguments: { 'x-match': 'all', h: 'v', n: 5 } }, 201, {
    differs: 'reasons',
  }),
  look('bindings/{v}/e/amq.headers/q/q', 200, [{ routing_key: 'k', arguments: { 'x-match': 'all', h: 'v', n: 5 } }]),
  look('bindings/{v}/e/amq.headers/q/q/k~nope', 404),
  look('bindings/{v}/e/amq.headers/q/q/k', 404),
  look('bindings/{v}/e/amq.headers/q/q/k~a~b', 404),
])

scenario('mistakes with bindings are answered', [
  QUEUE,
  bind('nope/q/q', { routing_key: 'a' }, 404),
  bind('amq.topic/q/nope', { routing_key: 'a' }, 404),
  bind('amq.default/q/q', { routing_key: 'a' }, 401, { differs: 'reasons' }),
  bind('amq.topic/q/q', 'no json', 400, { rabbitmq: 500, differs: 'crashes' }),
  bind('amq.topic/q/q', { routing_key: 5 }, 400, { rabbitmq: 201, differs: 'crashes' }),
  { method: 'POST', path: 'bindings/nope/e/amq.topic/q/q', body: {}, status: 404 },
  look('bindings/nope', 404),
  look('bindings/{v}/e/amq.topic/q/nope', 200, []),
  look('bindings/{v}/e/amq.topic/e/nope', 200, []),
  look('bindings/{v}/e/nope/q/q', 200, []),
  look('bindings/{v}/e/nope/q/q/key', 404),
  { ...look('queues/{v}/nope/bindings', 404), rabbitmq: 200, differs: 'missingEnds' },
  look('exchanges/{v}/nope/bindings/source', 200, []),
  look('exchanges/{v}/nope/bindings/destination', 200, []),
  unbind('amq.default/q/q/q', 401, { differs: 'reasons' }),
  { method: 'PUT', path: 'bindings/{v}/e/amq.topic/q/q/k', body: {}, status: 405 },
  { method: 'DELETE', path: 'bindings/{v}/e/amq.topic/q/q', status: 405 },
])
