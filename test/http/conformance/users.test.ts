import { scenario, type Step } from './scenario.ts'

const put = (body: unknown, status: number, more: Partial<Step> = {}): Step => ({
  method: 'PUT',
  path: 'users/{u}',
  body,
  status,
  ...more,
})
const shown = (answer: unknown): Step => ({ method: 'GET', path: 'users/{u}', status: 200, answer })

const HASH = 'kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR'

scenario('users have a password and tags', [
  put({ password: 'p', tags: 'management' }, 201),
  put({ password: 'p', tags: ['management', 'own'] }, 204),
  shown({ tags: ['management', 'own'], hashing_algorithm: 'rabbit_password_hashing_sha256', limits: {} }),
  put({ tags: 'administrator,  monitoring' }, 204),
  shown({ password_hash: '', tags: ['administrator', 'monitoring'] }),
  put({ password_hash: HASH, tags: '', hashing_algorithm: 'rabbit_password_hashing_sha512' }, 204),
  shown({ password_hash: HASH, tags: [], hashing_algorithm: 'rabbit_password_hashing_sha512' }),
  put({ password_hash: HASH, tags: '', limits: { 'max-connections': 5 } }, 204),
  shown({ limits: { 'max-connections': 5 } }),
  { method: 'GET', path: 'users?columns=name,tags,password_hash,hashing_algorithm', status: 200 },
  { method: 'GET', path: 'users/without-permissions?columns=name,tags', status: 200 },
  { method: 'GET', path: 'users/{u}/permissions', status: 200, answer: [] },
  { method: 'GET', path: 'users/{u}/topic-permissions', status: 200, answer: [] },
  { method: 'DELETE', path: 'users/{u}', status: 204 },
  { method: 'DELETE', path: 'users/{u}', status: 404 },
])

scenario('scripts from before there were tags say who is an administrator', [
  put({ password: 'p', administrator: 'true' }, 201),
  shown({ tags: ['administrator'] }),
  put({ password: 'p', administrator: false }, 204),
  shown({ tags: [] }),
  put({ password: 'p', administrator: true, tags: 'monitoring' }, 204),
  shown({ tags: ['monitoring'] }),
  put({ password: 'p', administrator: 'yes' }, 400),
  { method: 'DELETE', path: 'users/{u}', status: 204 },
])

scenario('several users are deleted at once', [
  put({ password_hash: '', tags: '' }, 201),
  { method: 'POST', path: 'users/bulk-delete', body: { users: ['{u}'] }, status: 204 },
  { method: 'GET', path: 'users/{u}', status: 404 },
  { method: 'POST', path: 'users/bulk-delete', body: { users: ['{u}'] }, status: 400 },
  { method: 'POST', path: 'users/bulk-delete', body: {}, status: 400 },
  { method: 'GET', path: 'users/bulk-delete', status: 405, differs: 'newer' },
])

scenario('mistakes with users are answered', [
  put({ password: 'p' }, 400),
  put({}, 400),
  put('no json', 400),
  put({ password: 'p', password_hash: HASH, tags: '' }, 400),
  put({ password_hash: 'zz%', tags: '' }, 400, { differs: 'plainReasons', keys: ['reason'] }),
  put({ password: 5, tags: '' }, 400, { rabbitmq: 500, differs: 'crashes' }),
  put({ password: 'p', tags: 5 }, 400, { rabbitmq: 500, differs: 'crashes' }),
  { method: 'GET', path: 'users/{u}', status: 404 },
  { method: 'GET', path: 'users/{u}/permissions', status: 404 },
])

const limit = (name: string, body: unknown, status: number, more: Partial<Step> = {}): Step => ({
  method: 'PUT',
  path: `user-limits/{u}/${name}`,
  body,
  status,
  ...more,
})

scenario('users have limits', [
  put({ password_hash: '', tags: '' }, 201),
  { method: 'GET', path: 'user-limits/{u}', status: 200, answer: [] },
  limit('max-connections', { value: 5 }, 204),
  limit('max-channels', { value: -1 }, 204),
  {
    method: 'GET',
    path: 'user-limits/{u}',
    status: 200,
    answer: [{ value: { 'max-connections': 5, 'max-channels': -1 } }],
  },
  limit('max-channels', { value: '5' }, 400),
  limit('max-channels', { value: 5.5 }, 400),
  limit('nope', { value: 5 }, 400),
  limit('max-channels', {}, 400),
  { method: 'PUT', path: 'user-limits/nope/max-channels', body: { value: 5 }, status: 400 },
  { method: 'GET', path: 'user-limits/nope', status: 404 },
  { method: 'DELETE', path: 'user-limits/{u}/nope', status: 204 },
  {
    method: 'GET',
    path: 'user-limits/{u}',
    status: 200,
    answer: [{ value: { 'max-connections': 5, 'max-channels': -1 } }],
  },
  { method: 'DELETE', path: 'user-limits/{u}/max-connections', status: 204 },
  { method: 'GET', path: 'user-limits/{u}', status: 200, answer: [{ value: { 'max-channels': -1 } }] },
])

const permit = (path: string, body: unknown, status: number, more: Partial<Step> = {}): Step => ({
  method: 'PUT',
  path,
  body,
  status,
  ...more,
})

scenario('users have permissions', [
  put({ password_hash: '', tags: '' }, 201),
  permit('permissions/{v}/{u}', { configure: '^a', write: '', read: '.*' }, 201),
  permit('permissions/{v}/{u}', { configure: '^b', write: '', read: '.*' }, 204),
  { method: 'GET', path: 'permissions/{v}/{u}', status: 200, answer: { configure: '^b', write: '', read: '.*' } },
  { method: 'GET', path: 'vhosts/{v}/permissions', status: 200 },
  { method: 'GET', path: 'users/{u}/permissions', status: 200, answer: [{ configure: '^b' }] },
  { method: 'GET', path: 'permissions', status: 200 },
  permit('permissions/{v}/{u}', { configure: '^a' }, 400),
  permit('permissions/{v}/{u}', { configure: '(', write: '', read: '' }, 400, {
    differs: 'plainReasons',
    keys: ['reason'],
  }),
  permit('permissions/{v}/no-such-user', { configure: '', write: '', read: '' }, 400),
  permit('permissions/nope/{u}', { configure: '', write: '', read: '' }, 400),
  { method: 'GET', path: 'permissions/{v}/no-such-user', status: 404 },
  { method: 'DELETE', path: 'permissions/{v}/{u}', status: 204 },
  { method: 'DELETE', path: 'permissions/{v}/{u}', status: 404 },
])

scenario('users have topic permissions', [
  put({ password_hash: '', tags: '' }, 201),
  { method: 'GET', path: 'topic-permissions/{v}/{u}', status: 404 },
  permit('topic-permissions/{v}/{u}', { exchange: 'amq.topic', write: '^a', read: '' }, 201),
  permit('topic-permissions/{v}/{u}', { exchange: 'x', write: '^a', read: '' }, 204),
  { method: 'GET', path: 'topic-permissions/{v}/{u}', status: 200 },
  { method: 'GET', path: 'users/{u}/topic-permissions', status: 200 },
  { method: 'GET', path: 'vhosts/{v}/topic-permissions', status: 200 },
  { method: 'GET', path: 'topic-permissions', status: 200 },
  permit('topic-permissions/{v}/{u}', { write: '^a', read: '' }, 400),
  permit('topic-permissions/{v}/{u}', { exchange: 'x', write: '(', read: '' }, 400, {
    differs: 'plainReasons',
    keys: ['reason'],
  }),
  { method: 'DELETE', path: 'topic-permissions/{v}/{u}/x', status: 204 },
  { method: 'GET', path: 'topic-permissions/{v}/{u}', status: 200, answer: [{ exchange: 'amq.topic' }] },
  { method: 'DELETE', path: 'topic-permissions/{v}/{u}', status: 204 },
  { method: 'DELETE', path: 'topic-permissions/{v}/{u}', status: 404 },
])
