import { scenario, type Step } from './scenario.ts'

/** Without what happens in it. */
const SHOWN = 'vhosts/{v}?disable_stats=true'

const put = (body: unknown, status: number, more: Partial<Step> = {}): Step => ({
  method: 'PUT',
  path: 'vhosts/{v}',
  ...(body === undefined ? {} : { body }),
  status,
  ...more,
})
const shown = (answer: unknown): Step => ({
  method: 'GET',
  path: SHOWN,
  status: 200,
  answer,
  differs: 'newer',
  keys: ['protected_from_deletion'],
})

scenario('a vhost is described', [
  shown({ description: '', tags: [], default_queue_type: 'undefined', tracing: false }),
  put({ description: 'd', tags: 'a, b', tracing: true }, 204),
  shown({ description: 'd', tags: ['a', 'b'], tracing: true, metadata: { description: 'd', tags: ['a', 'b'] } }),
  put({ tags: ['c'] }, 204),
  shown({ description: '', tags: ['c'], tracing: true }),
  put({ tracing: false }, 204),
  put(undefined, 204),
  shown({ tags: [], tracing: false }),
  { method: 'GET', path: 'vhosts?disable_stats=true&columns=name,description,tags,tracing,cluster_state', status: 200 },
  {
    method: 'GET',
    path: 'vhosts?disable_stats=true&columns=name&page=1&page_size=1',
    status: 200,
    answer: { item_count: 1 },
  },
])

scenario('a new vhost has its default queue type, and is open to who made it', [
  { method: 'DELETE', path: 'vhosts/{v}', status: 204 },
  { method: 'DELETE', path: 'vhosts/{v}', status: 404 },
  put({ defaultqueuetype: 'quorum' }, 201),
  shown({ default_queue_type: 'quorum', metadata: { default_queue_type: 'quorum' } }),
  {
    method: 'GET',
    path: 'vhosts/{v}/permissions',
    status: 200,
    answer: [{ user: 'guest', configure: '.*', write: '.*', read: '.*' }],
  },
  { method: 'GET', path: 'vhosts/{v}/topic-permissions', status: 200, answer: [] },
])

scenario('vhosts are running where they are', [
  { method: 'POST', path: 'vhosts/{v}/start/{node}', status: 204 },
  { method: 'POST', path: 'vhosts/{v}/start/zz@nowhere', status: 400 },
])

scenario('mistakes with vhosts are answered', [
  put({ tracing: 'x' }, 400),
  put('no json', 400),
  put({ tags: 5 }, 400, { rabbitmq: 500, differs: 'crashes' }),
  { method: 'GET', path: 'vhosts/nope', status: 404 },
  { method: 'GET', path: 'vhosts/nope/permissions', status: 404 },
  { method: 'GET', path: 'vhosts/nope/topic-permissions', status: 404 },
  { method: 'GET', path: 'vhosts?page=0', status: 400, differs: 'plainReasons' },
  { method: 'POST', path: 'vhosts/{v}', body: {}, status: 405 },
])

const limit = (name: string, body: unknown, status: number, more: Partial<Step> = {}): Step => ({
  method: 'PUT',
  path: `vhost-limits/{v}/${name}`,
  body,
  status,
  ...more,
})

scenario('vhosts have limits', [
  limit('max-queues', { value: 500 }, 204),
  limit('max-connections', { value: -1 }, 204),
  {
    method: 'GET',
    path: 'vhost-limits/{v}',
    status: 200,
    answer: [{ value: { 'max-queues': 500, 'max-connections': -1 } }],
  },
  { method: 'GET', path: 'parameters/vhost-limits/{v}/limits', status: 200, answer: { value: { 'max-queues': 500 } } },
  limit('max-connections', { value: 'a' }, 400),
  limit('nope', { value: 5 }, 400),
  limit('max-queues', {}, 400),
  { method: 'PUT', path: 'vhost-limits/nope/max-queues', body: { value: 5 }, status: 404 },
  { method: 'GET', path: 'vhost-limits/nope', status: 404 },
  { method: 'DELETE', path: 'vhost-limits/{v}/max-queues', status: 204 },
  { method: 'DELETE', path: 'vhost-limits/{v}/nope', status: 204 },
  { method: 'GET', path: 'vhost-limits/{v}', status: 200, answer: [{ value: { 'max-connections': -1 } }] },
  limit('max-queues', { value: 1 }, 204),
  { method: 'PUT', path: 'queues/{v}/one', body: {}, status: 201 },
  { method: 'PUT', path: 'queues/{v}/two', body: {}, status: 400 },
  { method: 'GET', path: 'vhost-limits/{v}/max-queues', status: 405, differs: 'newer' },
])
