import { scenario, type Step } from './scenario.ts'

const put = (name: string, body: unknown, status: number, more: Partial<Step> = {}): Step => ({
  method: 'PUT',
  path: `exchanges/{v}/${name}`,
  ...(body === undefined ? {} : { body }),
  status,
  ...more,
})

/** What is said of an exchange besides numbers. */
const COLUMNS = 'columns=name,vhost,type,durable,auto_delete,internal,arguments,policy,user_who_performed_action'

scenario('exchanges are declared, looked at and deleted', [
  put('x', { type: 'topic', durable: true }, 201),
  put('x', { type: 'topic', durable: true }, 204),
  put('defaults', {}, 201),
  put('no-body', undefined, 201),
  put('null', 'null', 201),
  put('texts', { type: 'direct', durable: 'true', auto_delete: 'false', internal: true }, 201),
  put('arguments', { arguments: { 'alternate-exchange': 'x', n: 5, f: 1.5, list: [1, 'a'], table: { x: true } } }, 201),
  put('no-arguments', { arguments: [] }, 201),
  put('a%2Fb%20%E4%BD%A0~', {}, 201),
  {
    method: 'PUT',
    path: 'policies/{v}/p',
    body: { pattern: '^x$', definition: { 'alternate-exchange': 'y' } },
    status: 201,
  },
  {
    method: 'GET',
    path: `exchanges/{v}/x?${COLUMNS}`,
    status: 200,
    answer: { name: 'x', type: 'topic', durable: true, policy: 'p', user_who_performed_action: 'guest' },
  },
  {
    method: 'GET',
    path: `exchanges/{v}/defaults?${COLUMNS}`,
    status: 200,
    answer: { type: 'direct', durable: false, auto_delete: false, internal: false, arguments: {} },
  },
  { method: 'GET', path: `exchanges/{v}/texts?${COLUMNS}`, status: 200, answer: { durable: true, internal: true } },
  {
    method: 'GET',
    path: `exchanges/{v}/arguments?${COLUMNS}`,
    status: 200,
    answer: { arguments: { 'alternate-exchange': 'x', n: 5, f: 1.5, list: [1, 'a'], table: { x: true } } },
  },
  { method: 'GET', path: `exchanges/{v}/a%2fb%20%e4%bd%a0%7e?${COLUMNS}`, status: 200, answer: { name: 'a/b 你~' } },
  { method: 'GET', path: `exchanges/{v}/amq.default?${COLUMNS}`, status: 200, answer: { name: '', type: 'direct' } },
  { method: 'GET', path: `exchanges/{v}?${COLUMNS}`, status: 200 },
  {
    method: 'GET',
    path: 'exchanges?columns=name,vhost,type,durable,auto_delete,internal,user_who_performed_action',
    status: 200,
  },
  {
    method: 'GET',
    path: `exchanges/{v}?${COLUMNS}&page=1&page_size=2&name=amq`,
    status: 200,
    answer: { item_count: 2, page_size: 2 },
  },
  { method: 'GET', path: `exchanges/{v}?page=7`, status: 400, answer: { error: 'page_out_of_range' } },
  { method: 'GET', path: `exchanges/{v}?page=x`, status: 400 },
  { method: 'DELETE', path: 'exchanges/{v}/texts', status: 204 },
  { method: 'DELETE', path: 'exchanges/{v}/texts', status: 404 },
])

scenario('an exchange that is in use is kept when asked to', [
  put('x', {}, 201),
  { method: 'PUT', path: 'queues/{v}/q', body: {}, status: 201 },
  { method: 'POST', path: 'bindings/{v}/e/x/q/q', body: {}, status: 201 },
  { method: 'DELETE', path: 'exchanges/{v}/x?if-unused=true', status: 400 },
  { method: 'DELETE', path: 'bindings/{v}/e/x/q/q/~', status: 204 },
  { method: 'DELETE', path: 'exchanges/{v}/x?if-unused=true', status: 204 },
])

scenario('mistakes with exchanges are answered', [
  put('x', { type: 'direct' }, 201),
  put('x', { type: 'fanout' }, 400),
  put('x', { type: 'direct', durable: true }, 400),
  put('y', { type: 'nope' }, 400, { differs: 'unknownType' }),
  put('y', 'no json', 400),
  put('y', [], 400),
  put('y', '"{}"', 400),
  put('y', { durable: 'maybe' }, 400),
  put('y', { arguments: 5 }, 400, { rabbitmq: 500, differs: 'crashes' }),
  put('amq.y', {}, 401, { differs: 'reasons' }),
  put('amq.default', {}, 401, { differs: 'reasons' }),
  { method: 'GET', path: 'exchanges/{v}/nope', status: 404 },
  { method: 'GET', path: 'exchanges/nope', status: 404 },
  { method: 'GET', path: 'exchanges/nope/x', status: 404 },
  { method: 'PUT', path: 'exchanges/nope/x', body: {}, status: 404 },
  { method: 'DELETE', path: 'exchanges/{v}/amq.direct', status: 401, differs: 'reasons' },
  { method: 'DELETE', path: 'exchanges/{v}/amq.default', status: 401, differs: 'reasons' },
  { method: 'DELETE', path: 'exchanges/{v}', status: 405 },
  { method: 'POST', path: 'exchanges/{v}/x', body: {}, status: 405 },
])
