import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scenario, type Step } from './scenario.ts'
import { rabbit, RABBITMQ, type Target, warren } from './target.ts'

const post = (path: string, body: unknown, status: number, more: Partial<Step> = {}): Step => ({
  method: 'POST',
  path,
  body,
  status,
  ...more,
})

const QUEUE = { name: 'q', durable: true, auto_delete: false, arguments: {} }
const HEAD = ['rabbitmq_version', 'product_', 'rabbitmq_definition_format', 'original_vhost_name', 'explanation']

scenario('definitions of a vhost are imported and exported', [
  post('definitions', { queues: [{ ...QUEUE, vhost: '{v}' }] }, 204),
  post('definitions/{v}', { queues: [{ ...QUEUE, name: 'other', vhost: 'whatever' }] }, 204),
  post('all-configuration', {}, 204),
  post('definitions', '', 204),
  post('definitions', { unknown: [] }, 204),
  {
    method: 'GET',
    path: 'definitions/{v}',
    status: 200,
    answer: { queues: [{ name: 'q', durable: true, auto_delete: false, arguments: {} }, { name: 'other' }] },
    differs: 'exportedVhosts',
    keys: [...HEAD, 'queues[].type'],
  },
  post('definitions', 'no json', 400),
  post('definitions', [], 400),
  post('definitions/nope', {}, 404),
  { method: 'GET', path: 'definitions/nope', status: 400 },
  post('definitions', { queues: [{ ...QUEUE, vhost: 'nope' }] }, 400, { differs: 'plainReasons', keys: ['reason'] }),
  post('definitions', { exchanges: [{ name: 'x', vhost: '{v}', type: 'nope' }] }, 400, {
    differs: 'plainReasons',
    keys: ['reason'],
  }),
])

const durable = { durable: true, auto_delete: false, arguments: {} }
const BINDING = { vhost: '{v}', source: 'amq.direct', destination: 'q', routing_key: 'k', arguments: {} }
const refused = { differs: 'plainReasons', keys: ['reason'] } as const

scenario('rows that RabbitMQ refuses or leaves out are refused or left out', [
  post('definitions', { queues: [{ ...durable, name: 'amq.q', vhost: '{v}' }] }, 204),
  post('definitions', { exchanges: [{ ...durable, name: 'amq.x', type: 'fanout', vhost: '{v}' }] }, 204),
  { method: 'GET', path: 'queues/{v}/amq.q', status: 404 },
  { method: 'GET', path: 'exchanges/{v}/amq.x', status: 404 },
  post('definitions', { queues: [{ ...durable, name: 'q', vhost: '{v}', durable: 'x' }] }, 400, refused),
  post('definitions', { queues: [{ ...durable, name: 'q', vhost: '{v}' }] }, 204),
  post('definitions', { bindings: [{ ...BINDING, destination_type: 'zip' }] }, 400, refused),
  post('definitions', { users: [{ name: '{u}', password_hash: '', tags: 'a,b' }] }, 204),
  post('definitions', 'null', 400),
  post('definitions', 'true', 400),
  post(
    'definitions',
    { policies: [{ vhost: '{v}', name: 'p', pattern: '', definition: { 'max-length': 1 }, priority: null }] },
    400,
    refused,
  ),
])

scenario('who imports a virtual host may use it', [
  { method: 'DELETE', path: 'vhosts/{v}', status: 204 },
  post('definitions', { vhosts: [{ name: '{v}' }] }, 204),
  { method: 'PUT', path: 'queues/{v}/b', body: {}, status: 201 },
  {
    method: 'GET',
    path: 'permissions/{v}/guest',
    status: 200,
    answer: { configure: '.*', write: '.*', read: '.*' },
  },
  { method: 'PUT', path: 'permissions/{v}/guest', body: { configure: 'b', write: '.*', read: '.*' }, status: 204 },
  post('definitions', { vhosts: [{ name: '{v}' }] }, 204),
  { method: 'GET', path: 'permissions/{v}/guest', status: 200, answer: { configure: 'b' } },
])

type Rows = Record<string, unknown>[]
type Definitions = Record<string, Rows>

const vhost = `round-trip/${process.pid}`
const user = `round-trip-${process.pid}`

/** Something of everything. */
const EVERYTHING = {
  users: [
    {
      name: user,
      password_hash: 'kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR',
      hashing_algorithm: 'rabbit_password_hashing_sha256',
      tags: ['management', 'own'],
      limits: { 'max-connections': 7 },
    },
  ],
  vhosts: [{ name: vhost }],
  permissions: [
    { user, vhost, configure: '^a', write: '.*', read: '' },
    // what whoever imports a new vhost is given
    { user: 'guest', vhost, configure: '.*', write: '.*', read: '.*' },
  ],
  topic_permissions: [{ user, vhost, exchange: 'amq.topic', write: '^{username}', read: '.*' }],
  parameters: [
    { vhost, component: 'vhost-limits', name: 'limits', value: { 'max-queues': 100 } },
    {
      vhost,
      component: 'federation-upstream',
      name: 'up',
      value: { uri: 'amqp://localhost:1', 'reconnect-delay': 600 },
    },
    {
      vhost,
      component: 'operator_policy',
      name: 'cap',
      value: { pattern: '', definition: { 'max-length': 9 }, priority: 1, 'apply-to': 'queues' },
    },
  ],
  policies: [
    { vhost, name: 'p', pattern: '^q', 'apply-to': 'queues', definition: { 'message-ttl': 60_000 }, priority: 3 },
  ],
  exchanges: [
    {
      name: 'x',
      vhost,
      type: 'topic',
      durable: true,
      auto_delete: false,
      internal: false,
      arguments: { 'alternate-exchange': 'y' },
    },
    { name: 'y', vhost, type: 'fanout', durable: true, auto_delete: true, internal: true, arguments: {} },
  ],
  queues: [
    { name: 'q', vhost, durable: true, auto_delete: false, arguments: {} },
    {
      name: 'typed',
      vhost,
      durable: true,
      auto_delete: false,
      arguments: { 'x-queue-type': 'classic', 'x-max-priority': 3 },
    },
    {
      name: 'quorum',
      vhost,
      durable: true,
      auto_delete: false,
      arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 5 },
    },
    {
      name: 'brief',
      vhost,
      durable: false,
      auto_delete: true,
      arguments: { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'q' },
    },
  ],
  bindings: [
    { source: 'x', vhost, destination: 'q', destination_type: 'queue', routing_key: 'a.#', arguments: {} },
    { source: 'x', vhost, destination: 'y', destination_type: 'exchange', routing_key: '', arguments: {} },
    {
      source: 'amq.headers',
      vhost,
      destination: 'q',
      destination_type: 'queue',
      routing_key: '',
      arguments: { 'x-match': 'any', n: 5, list: [1, 'a'] },
    },
  ],
} as const

/** What an export says of the vhost and the user: rows by section, without what only one of both writes down. */
function own(exported: Definitions): Record<string, string[]> {
  const known: Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>> = EVERYTHING
  const sections = Object.keys(known).map((section): [string, string[]] => {
    const keys = new Set(known[section]!.flatMap(Object.keys))
    const rows = exported[section]!.filter(
      (row) => row['vhost'] === vhost || row['name'] === vhost || row['name'] === user,
    )
    return [
      section,
      rows.map((row) => canonical(Object.fromEntries(Object.entries(row).filter(([key]) => keys.has(key))))).sort(),
    ]
  })
  return Object.fromEntries(sections)
}

const canonical = (value: unknown): string =>
  JSON.stringify(value, (_key, item: unknown) =>
    typeof item === 'object' && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  )

async function importInto(target: Target, definitions: unknown): Promise<void> {
  const answer = await target.ask({ method: 'POST', path: 'definitions', body: definitions })
  assert.equal(answer.status, 204, answer.text)
}

async function exportFrom(target: Target): Promise<Definitions> {
  const answer = await target.ask({ method: 'GET', path: 'definitions' })
  assert.equal(answer.status, 200)
  return JSON.parse(answer.text) as Definitions
}

async function clear(target: Target): Promise<void> {
  await target.ask({ method: 'DELETE', path: `vhosts/${encodeURIComponent(vhost)}` })
  await target.ask({ method: 'DELETE', path: `users/${user}` })
}

/** The whole rows of the vhost and the user, for another broker that has other things as well. */
const ownRows = (exported: Definitions): Definitions =>
  Object.fromEntries(
    Object.entries(exported).map(([section, rows]) => [
      section,
      Array.isArray(rows)
        ? rows.filter((row) => row['vhost'] === vhost || row['name'] === vhost || row['name'] === user)
        : rows,
    ]),
  )

test('what was exported can be imported again, and is exported the same', async () => {
  const first = await warren()
  await importInto(first, EVERYTHING)
  const exported = await exportFrom(first)
  assert.deepEqual(own(exported), own(EVERYTHING as unknown as Definitions))
  const second = await warren()
  await importInto(second, exported)
  const sorted = (definitions: Definitions) =>
    canonical(
      Object.entries(definitions).map(([name, rows]) => [
        name,
        Array.isArray(rows) ? rows.map(canonical).sort() : rows,
      ]),
    )
  assert.equal(sorted(await exportFrom(second)), sorted(exported))
})

test(
  'RabbitMQ imports what WarrenMQ exports, which imported what RabbitMQ exported',
  { skip: RABBITMQ === undefined && 'RABBITMQ_MANAGEMENT_URL names no RabbitMQ' },
  async () => {
    const theirs = await rabbit(RABBITMQ!)
    try {
      await importInto(theirs, EVERYTHING)
      const original = await exportFrom(theirs)
      const ours = await warren()
      await importInto(ours, ownRows(original))
      const passedOn = await exportFrom(ours)
      assert.deepEqual(own(passedOn), own(original))
      await clear(theirs)
      await importInto(theirs, ownRows(passedOn))
      assert.deepEqual(own(await exportFrom(theirs)), own(original))
    } finally {
      await clear(theirs)
    }
  },
)
