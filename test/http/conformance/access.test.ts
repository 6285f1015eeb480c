import { scenario, type Step } from './scenario.ts'

/** What each tag opens, in a vhost where the user has permissions (`own`), in one where it has none (`other`), and without one. */
const TAGS = ['', 'management', 'policymaker', 'monitoring', 'administrator'] as const
type Tag = (typeof TAGS)[number]

const READERS: readonly Tag[] = ['management', 'policymaker', 'monitoring', 'administrator']
const MAKERS: readonly Tag[] = ['policymaker', 'administrator']
const MONITORS: readonly Tag[] = ['monitoring', 'administrator']
const ADMINISTRATORS: readonly Tag[] = ['administrator']

interface Rule {
  readonly path: string
  readonly own: readonly Tag[]
  readonly other: readonly Tag[]
}

const OF_VHOST: readonly Rule[] = [
  ...['exchanges/{v}', 'bindings/{v}', 'policies/{v}', 'operator-policies/{v}', 'queues/{v}/q/bindings'].map(
    (path) => ({
      path: `${path}?columns=name`,
      own: READERS,
      other: ADMINISTRATORS,
    }),
  ),
  { path: 'aliveness-test/{v}', own: READERS, other: [] },
  { path: 'policies/{v}/p', own: MAKERS, other: ADMINISTRATORS },
  { path: 'operator-policies/{v}/p', own: ADMINISTRATORS, other: ADMINISTRATORS },
  { path: 'parameters/shovel/{v}', own: MAKERS, other: ADMINISTRATORS },
  { path: 'vhost-limits/{v}', own: READERS, other: MONITORS },
  { path: 'vhosts/{v}?columns=name', own: ADMINISTRATORS, other: ADMINISTRATORS },
  { path: 'vhosts/{v}/permissions', own: ADMINISTRATORS, other: ADMINISTRATORS },
  { path: 'permissions/{v}/guest', own: ADMINISTRATORS, other: ADMINISTRATORS },
  { path: 'topic-permissions/{v}/guest', own: [], other: [] },
]

const OF_NODE: readonly [path: string, who: readonly Tag[]][] = [
  ['whoami', READERS],
  ['cluster-name', READERS],
  ['extensions', READERS],
  ['vhosts?columns=name', READERS],
  ['exchanges?columns=name', READERS],
  ['bindings?columns=source', READERS],
  ['policies?columns=name', READERS],
  ['operator-policies?columns=name', READERS],
  ['vhost-limits', READERS],
  ['user-limits', READERS],
  ['user-limits/guest', READERS],
  ['parameters?columns=name', MAKERS],
  ['global-parameters?columns=name', MAKERS],
  ['auth/attempts/{node}', MONITORS],
  ['users?columns=name', ADMINISTRATORS],
  ['users/without-permissions?columns=name', ADMINISTRATORS],
  ['users/guest?columns=name', ADMINISTRATORS],
  ['permissions', ADMINISTRATORS],
  ['topic-permissions', ADMINISTRATORS],
  ['feature-flags?columns=state', ADMINISTRATORS],
]

const CHANGES: readonly [method: string, path: string, body: unknown, own: readonly Tag[], status: number][] = [
  ['PUT', 'queues/{v}/new', {}, READERS, 201],
  ['PUT', 'exchanges/{v}/new', {}, READERS, 201],
  ['POST', 'bindings/{v}/e/amq.topic/q/q', {}, READERS, 201],
  ['PUT', 'policies/{v}/new', { pattern: 'x', definition: { 'max-length': 1 } }, MAKERS, 201],
  ['PUT', 'operator-policies/{v}/new', { pattern: 'x', definition: { 'max-length': 1 } }, ADMINISTRATORS, 201],
  ['PUT', 'vhost-limits/{v}/max-queues', { value: 100 }, ADMINISTRATORS, 204],
  ['POST', 'rebalance/queues', {}, ADMINISTRATORS, 204],
  ['POST', 'definitions/{v}', {}, ADMINISTRATORS, 204],
]

const prepare = (tag: Tag): Step[] => [
  { method: 'PUT', path: 'users/{u}', body: { password: '{u}', tags: tag }, status: 201 },
  { method: 'PUT', path: 'queues/{v}/q', body: {}, status: 201 },
  { method: 'PUT', path: 'policies/{v}/p', body: { pattern: 'x', definition: { 'max-length': 1 } }, status: 201 },
  {
    method: 'PUT',
    path: 'operator-policies/{v}/p',
    body: { pattern: 'x', definition: { 'max-length': 1 } },
    status: 201,
  },
]

/** Topic permissions are there for nobody: who may look finds none. */
const statusOf = (path: string, isAllowed: boolean, tag: Tag): number => {
  if (path.startsWith('topic-permissions/') && tag === 'administrator') return 404
  return isAllowed ? 200 : 401
}

const look = (path: string, status: number): Step => ({ method: 'GET', path, as: '{u}', status })

for (const tag of TAGS) {
  const name = tag === '' ? 'a user without tags' : `a user with the tag ${tag}`
  scenario(`${name} sees of the node`, [
    ...prepare(tag),
    ...OF_NODE.map(([path, who]) => look(path, who.includes(tag) ? 200 : 401)),
  ])
  scenario(`${name} sees of a vhost in which there are no permissions`, [
    ...prepare(tag),
    ...OF_VHOST.map(({ path, other }): Step => {
      const step = look(path, statusOf(path, other.includes(tag), tag))
      return path.startsWith('aliveness') ? { ...step, differs: 'reasons' } : step
    }),
  ])
  scenario(`${name} sees of a vhost in which there are permissions`, [
    ...prepare(tag),
    { method: 'PUT', path: 'permissions/{v}/{u}', body: { configure: '.*', write: '.*', read: '.*' }, status: 201 },
    ...OF_VHOST.map(({ path, own }) => look(path, statusOf(path, own.includes(tag), tag))),
  ])
  scenario(`${name} changes what it may`, [
    ...prepare(tag),
    { method: 'PUT', path: 'permissions/{v}/{u}', body: { configure: '.*', write: '.*', read: '.*' }, status: 201 },
    ...CHANGES.map(([method, path, body, who, status]): Step => ({
      method,
      path,
      body,
      as: '{u}',
      status: who.includes(tag) ? status : 401,
    })),
  ])
}

scenario('an administrator without permissions in a vhost cannot declare or publish in it', [
  ...prepare('administrator'),
  { method: 'PUT', path: 'queues/{v}/new', body: {}, as: '{u}', status: 401, differs: 'reasons' },
  { method: 'PUT', path: 'exchanges/{v}/new', body: {}, as: '{u}', status: 401, differs: 'reasons' },
  { method: 'DELETE', path: 'queues/{v}/q/contents', as: '{u}', status: 401, differs: 'reasons' },
  {
    method: 'POST',
    path: 'exchanges/{v}/amq.default/publish',
    body: { properties: {}, routing_key: 'q', payload: '', payload_encoding: 'string' },
    as: '{u}',
    status: 401,
    differs: 'reasons',
  },
  {
    method: 'POST',
    path: 'queues/{v}/q/get',
    body: { count: 1, ackmode: 'ack_requeue_true', encoding: 'auto' },
    as: '{u}',
    status: 401,
    differs: 'reasons',
  },
])
