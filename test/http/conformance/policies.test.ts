import { scenario, type Step } from './scenario.ts'

for (const kind of ['policies', 'operator-policies'] as const) {
  const put = (body: unknown, status: number, more: Partial<Step> = {}): Step => ({
    method: 'PUT',
    path: `${kind}/{v}/p`,
    body,
    status,
    ...more,
  })
  const get = (path: string, status: number, answer?: unknown): Step => ({
    method: 'GET',
    path,
    status,
    ...(answer === undefined ? {} : { answer }),
  })
  const escapes: Partial<Step> = kind === 'policies' ? { differs: 'notEscaped' } : {}

  scenario(`${kind} are set, looked at and cleared`, [
    put({ pattern: '^a', definition: { 'max-length': 5 }, priority: 1, 'apply-to': 'queues' }, 201),
    get(`${kind}/{v}/p`, 200, { pattern: '^a', definition: { 'max-length': 5 }, priority: 1, 'apply-to': 'queues' }),
    put({ pattern: '^a', definition: { 'max-length': 5 } }, 204),
    get(`${kind}/{v}/p`, 200, { priority: 0, 'apply-to': 'all' }),
    get(`${kind}/{v}`, 200),
    get(`${kind}?columns=vhost,name,pattern,apply-to,priority`, 200),
    get('parameters/operator_policy/{v}', 200),
    get('parameters/policy/{v}', 200),
    { method: 'DELETE', path: `${kind}/{v}/p`, status: 204 },
    { method: 'DELETE', path: `${kind}/{v}/p`, status: 404 },
    put({ pattern: '^a', definition: { 'max-length': 2 ** 60, expires: 2 ** 60 } }, 201),
  ])

  scenario(`mistakes with ${kind} are answered`, [
    put({ pattern: '^a', definition: { 'max-lengthz': 5 } }, 400, escapes),
    put({ pattern: '(', definition: { 'max-length': 5 } }, 400),
    put({ pattern: '^a' }, 400),
    put({}, 400),
    put('no json', 400),
    put({ pattern: '^a', definition: {} }, 400),
    put({ pattern: '^a', definition: { 'max-length': -5 } }, 400),
    put({ pattern: '^a', definition: { 'max-length': -5, expires: -6 } }, 400),
    put({ pattern: '^a', definition: { 'ha-mode': 'exactly' } }, 400, escapes),
    put({ pattern: '^a', definition: { 'ha-sync-mode': 'manual', 'max-length': 5 } }, 400, escapes),
    put({ pattern: '^a', definition: { 'max-length': 5 }, priority: 'x' }, 400, escapes),
    put({ pattern: '^a', definition: { 'max-length': 5 }, priority: null }, 400),
    put({ pattern: '^a', definition: { 'max-length': 5 }, 'apply-to': 'people' }, 400, { differs: 'applyTo' }),
    put({ pattern: '^a', definition: 5 }, 400, { rabbitmq: 500, differs: 'crashes' }),
    { method: 'PUT', path: `${kind}/nope/p`, body: { pattern: '', definition: {} }, status: 404 },
    get(`${kind}/nope`, 404),
    get(`${kind}/{v}/nope`, 404),
  ])
}

const parameter = (path: string, body: unknown, status: number, more: Partial<Step> = {}): Step => ({
  method: 'PUT',
  path: `parameters/${path}`,
  body,
  status,
  ...more,
})

const UPSTREAM = { uri: 'amqp://user:secret@localhost:1', 'reconnect-delay': 600 }

scenario('parameters are set, looked at and cleared', [
  parameter('federation-upstream/{v}/u', { value: UPSTREAM }, 201),
  parameter('federation-upstream/{v}/u', { value: UPSTREAM }, 204),
  { method: 'GET', path: 'parameters/federation-upstream/{v}/u', status: 200, answer: { value: UPSTREAM } },
  { method: 'GET', path: 'parameters/federation-upstream/{v}', status: 200 },
  { method: 'GET', path: 'parameters/federation-upstream?columns=name,vhost,component', status: 200 },
  { method: 'GET', path: 'parameters?columns=name,vhost,component', status: 200 },
  { method: 'GET', path: 'parameters/nope/{v}', status: 200, answer: [] },
  { method: 'DELETE', path: 'parameters/federation-upstream/{v}/u', status: 204 },
  { method: 'DELETE', path: 'parameters/federation-upstream/{v}/u', status: 404 },
])

scenario('mistakes with parameters are answered', [
  parameter('shovel/{v}/s', { value: {} }, 400),
  parameter('shovel/{v}/s', {}, 400),
  parameter('nope/{v}/s', { value: {} }, 400),
  parameter('policy/{v}/s', { value: {} }, 400),
  parameter('federation-upstream/{v}/u', { value: { ...UPSTREAM, colour: 'red' } }, 400, { differs: 'notEscaped' }),
  parameter('shovel/nope/s', { value: {} }, 404),
  { method: 'GET', path: 'parameters/shovel/nope', status: 404 },
  { method: 'GET', path: 'parameters/shovel/{v}/nope', status: 404 },
])

scenario('global parameters are set, looked at and cleared', [
  { method: 'PUT', path: 'global-parameters/{u}', body: { value: { a: 1 } }, status: 201 },
  { method: 'GET', path: 'global-parameters/{u}', status: 200, answer: { value: { a: 1 } } },
  { method: 'PUT', path: 'global-parameters/{u}', body: { value: 5 }, status: 204 },
  { method: 'GET', path: 'global-parameters/{u}', status: 200, answer: { value: 5 } },
  { method: 'GET', path: 'global-parameters?columns=name', status: 200 },
  { method: 'PUT', path: 'global-parameters/{u}', body: {}, status: 400 },
  { method: 'DELETE', path: 'global-parameters/{u}', status: 204 },
  { method: 'DELETE', path: 'global-parameters/{u}', status: 404 },
])
