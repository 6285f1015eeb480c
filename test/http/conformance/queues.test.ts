import { scenario, type Step } from './scenario.ts'

const put = (name: string, body: unknown, status: number, more: Partial<Step> = {}): Step => ({
  method: 'PUT',
  path: `queues/{v}/${name}`,
  ...(body === undefined ? {} : { body }),
  status,
  ...more,
})

scenario('queues are declared and deleted', [
  put('q', { durable: true }, 201),
  put('q', { durable: true }, 204),
  put('q', { durable: false }, 400),
  put('no-body', undefined, 201),
  put('here', { node: '{node}' }, 201),
  put('arguments', { auto_delete: true, arguments: { 'x-max-length': 5, 'x-overflow': 'reject-publish' } }, 201),
  put('arguments', { auto_delete: true, arguments: { 'x-max-length': 6 } }, 400),
  put('quorum', { durable: true, arguments: { 'x-queue-type': 'quorum' } }, 201),
  put('a%2Fb%20%E4%BD%A0~', {}, 201),
  put('a+b', {}, 201),
  { method: 'DELETE', path: 'queues/{v}/a%2Bb', status: 204 },
  { method: 'DELETE', path: 'queues/{v}/q?if-empty=true&if-unused=true', status: 204 },
  { method: 'DELETE', path: 'queues/{v}/q', status: 404 },
  { method: 'DELETE', path: 'queues/{v}/arguments/contents', status: 204 },
  { method: 'DELETE', path: 'queues/{v}/nope/contents', status: 404 },
])

scenario('a queue with messages is kept when asked to', [
  put('q', {}, 201),
  {
    method: 'POST',
    path: 'exchanges/{v}/amq.default/publish',
    body: { properties: {}, routing_key: 'q', payload: 'm', payload_encoding: 'string' },
    status: 200,
    answer: { routed: true },
  },
  { method: 'DELETE', path: 'queues/{v}/q?if-empty=true', status: 400 },
  { method: 'DELETE', path: 'queues/{v}/q/contents', status: 204 },
  { method: 'DELETE', path: 'queues/{v}/q?if-empty=true', status: 204 },
])

scenario('mistakes with queues are answered', [
  put('q', { node: 'zz@nowhere' }, 400),
  put('q', { arguments: { 'x-max-length': -5 } }, 400),
  put('q', { arguments: { 'x-queue-type': 'nope' } }, 400),
  put('q', { arguments: { 'x-queue-type': 'quorum' } }, 400),
  put('q', { auto_delete: 7 }, 400),
  put('q', 'no json', 400),
  put('amq.q', {}, 401, { differs: 'reasons' }),
  put('a'.repeat(256), {}, 400),
  put('null', { arguments: { 'x-a': { b: [null] } } }, 400, { answer: { reason: 'null_not_allowed' } }),
  { method: 'PUT', path: 'queues/nope/q', body: {}, status: 404 },
  { method: 'DELETE', path: 'queues/nope/q', status: 404 },
])

scenario('actions of mirrored queues', [
  put('q', {}, 201),
  { method: 'POST', path: 'queues/{v}/q/actions', body: { action: 'sync' }, status: 204 },
  { method: 'POST', path: 'queues/{v}/q/actions', body: { action: 'cancel_sync' }, status: 204 },
  { method: 'POST', path: 'queues/{v}/q/actions', body: { action: 'jump' }, status: 400 },
  { method: 'POST', path: 'queues/{v}/q/actions', body: {}, status: 400 },
  {
    method: 'POST',
    path: 'queues/{v}/nope/actions',
    body: { action: 'sync' },
    status: 404,
    rabbitmq: 500,
    differs: 'missingTarget',
  },
  { method: 'GET', path: 'queues/{v}/q/actions', status: 405 },
])
