import { scenario } from './scenario.ts'

scenario('small questions about the node', [
  { method: 'GET', path: 'whoami', status: 200, answer: { name: 'guest', tags: ['administrator'] } },
  { method: 'GET', path: 'cluster-name', status: 200 },
  { method: 'PUT', path: 'cluster-name', body: {}, status: 400 },
  { method: 'GET', path: 'feature-flags', status: 200, differs: 'featureFlags' },
  { method: 'PUT', path: 'feature-flags/quorum_queue/enable', body: {}, status: 204 },
  { method: 'PUT', path: 'feature-flags/nope/enable', body: {}, status: 400 },
  { method: 'GET', path: 'auth', as: null, status: 200, differs: 'newer', keys: ['oauth_enabled'] },
  { method: 'GET', path: 'auth/attempts/nope', status: 404 },
  { method: 'GET', path: 'auth/attempts/{node}', status: 200 },
  { method: 'DELETE', path: 'auth/attempts/{node}/source', status: 204 },
  { method: 'GET', path: 'extensions', status: 200 },
  { method: 'GET', path: 'aliveness-test/{v}', status: 200, answer: { status: 'ok' } },
  { method: 'GET', path: 'aliveness-test/nope', status: 404 },
  { method: 'DELETE', path: 'reset', status: 204 },
  { method: 'DELETE', path: 'reset/{node}', status: 204 },
  { method: 'DELETE', path: 'reset/nope', status: 404 },
  { method: 'GET', path: 'reset', status: 405 },
  {
    method: 'GET',
    path: 'nodes/{node}?memory=true&binary=true&columns=memory,binary,name',
    status: 200,
    answer: { memory: { strategy: 'rss' }, binary: { connection_readers: 0 } },
    differs: 'newer',
    keys: ['memory.'],
  },
  { method: 'POST', path: 'rebalance/queues', body: {}, status: 204 },
])

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

scenario('who asks is found out', [
  { method: 'GET', path: 'whoami', as: null, status: 401 },
  { method: 'GET', path: 'whoami', as: 'nobody-at-all', status: 401 },
  { method: 'GET', path: 'users', as: null, status: 401 },
  {
    method: 'POST',
    path: 'login',
    body: 'username=guest&password=guest',
    as: null,
    headers: FORM,
    status: 200,
    differs: 'loginCookie',
  },
  {
    method: 'POST',
    path: 'login',
    body: 'username=guest&password=wrong',
    as: null,
    headers: FORM,
    status: 401,
    differs: 'loginCookie',
  },
  { method: 'GET', path: 'login', status: 405 },
  { method: 'GET', path: 'definitions?auth=xx', as: null, status: 401, rabbitmq: 500, differs: 'challenge' },
  { method: 'GET', path: 'definitions?token=xx', as: null, status: 401 },
])

scenario('methods and addresses that there are not', [
  { method: 'GET', path: 'nosuch', status: 404 },
  { method: 'GET', path: 'nosuch', as: null, status: 404 },
  { method: 'GET', path: '/nosuch', as: null, status: 404 },
  { method: 'GET', path: '/api//whoami', status: 404 },
  { method: 'GET', path: 'whoami/', status: 200 },
  { method: 'PATCH', path: 'whoami', status: 405 },
  { method: 'POST', path: 'whoami', body: {}, status: 405 },
  { method: 'OPTIONS', path: 'users/{u}', as: null, status: 200 },
  { method: 'OPTIONS', path: 'whoami', as: null, status: 200, headers: { origin: 'http://elsewhere.example' } },
  { method: 'HEAD', path: 'whoami', status: 200 },
])

for (const address of ['/api', '/api/', '/cli', '/cli/', '/mgmt', '/stats', '/doc/stats.html']) {
  scenario(`${address} leads on`, [{ method: 'GET', path: address, as: null, status: 301 }])
}
