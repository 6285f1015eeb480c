import { Validator } from '@seriousme/openapi-schema-validator'
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import type { TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { type ApiBench, startApi } from './support.ts'

interface Operation {
  readonly summary?: string
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, { schema: TSchema }>> }>>
}

interface Document {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, TSchema>> }
}

/** A method and a path with its placeholders, what is asked for, and a body. Those who make something come first. */
const REQUESTS: readonly (readonly [method: 'PUT' | 'POST' | 'DELETE', template: string, body?: unknown])[] = [
  ['PUT', '/api/vhosts/{vhost}', {}],
  ['PUT', '/api/users/{user}', { password: 'u', tags: '' }],
  ['PUT', '/api/users/{user}', { password: 'v', tags: '' }],
  ['PUT', '/api/permissions/{vhost}/{user}', { configure: '', write: '', read: '' }],
  ['PUT', '/api/topic-permissions/{vhost}/{user}', { exchange: 'x', write: '', read: '' }],
  ['PUT', '/api/user-limits/{user}/{name}', { value: 10 }],
  ['PUT', '/api/vhost-limits/{vhost}/{name}', { value: 10 }],
  ['PUT', '/api/exchanges/{vhost}/{exchange}', { type: 'fanout' }],
  ['PUT', '/api/queues/{vhost}/{queue}', {}],
  ['POST', '/api/bindings/{vhost}/e/{source}/q/{destination}', { routing_key: 'k' }],
  ['POST', '/api/bindings/{vhost}/e/{source}/e/{destination}', { routing_key: 'k' }],
  ['PUT', '/api/policies/{vhost}/{name}', { pattern: '^q$', definition: { 'max-length': 10 } }],
  ['PUT', '/api/operator-policies/{vhost}/{name}', { pattern: '^q$', definition: { 'max-length': 10 } }],
  ['POST', '/api/policies/{vhost}/preview', { pattern: '^q$', definition: { 'max-length': 10 } }],
  ['POST', '/api/operator-policies/{vhost}/preview', { pattern: '^q$', definition: { 'max-length': 10 } }],
  ['PUT', '/api/global-parameters/{name}', { value: 1 }],
  ['PUT', '/api/cluster-name', { name: 'c' }],
  [
    'POST',
    '/api/exchanges/{vhost}/{exchange}/publish',
    { routing_key: 'k', properties: {}, payload: 'p', payload_encoding: 'string' },
  ],
  ['POST', '/api/exchanges/{vhost}/{exchange}/route', { routing_key: 'k' }],
  ['POST', '/api/queues/{vhost}/{queue}/get', { count: 1, ackmode: 'ack_requeue_true', encoding: 'auto' }],
  ['POST', '/api/queues/{vhost}/{queue}/actions', { action: 'sync' }],
  ['POST', '/api/queues/{vhost}/{queue}/messages/actions', { action: 'delete', select: 'all' }],
  ['POST', '/api/exchanges/{vhost}/{exchange}/messages/actions', { action: 'cancel', select: 'all' }],
  ['POST', '/api/message-traces/{vhost}', { queue: 'q' }],
  ['PUT', '/api/queues/{vhost}/{queue}/pause'],
  ['DELETE', '/api/queues/{vhost}/{queue}/pause'],
  ['POST', '/api/queues/{vhost}/{queue}/change', { arguments: { 'x-max-length': 1000 } }],
  ['POST', '/api/vhosts/{vhost}/deletion/protection'],
  ['DELETE', '/api/vhosts/{vhost}/deletion/protection'],
  ['POST', '/api/vhosts/{vhost}/start/{node}'],
  ['PUT', '/api/feature-flags/{name}/enable'],
  ['POST', '/api/rebalance/queues'],
  ['POST', '/api/auth/hash_password', { password: 'p' }],
  ['POST', '/api/session', { username: 'guest', password: 'guest' }],
  ['POST', '/api/login', { username: 'guest', password: 'guest' }],
  ['POST', '/api/definitions', {}],
  ['POST', '/api/all-configuration', {}],
  ['POST', '/api/definitions/{vhost}', {}],
  ['POST', '/api/node/drain'],
  ['POST', '/api/node/revive'],
]
/** At the end, since what they delete is looked at before. */
const DELETIONS: readonly (readonly ['DELETE' | 'POST', string, unknown?])[] = [
  ['DELETE', '/api/session'],
  ['DELETE', '/api/queues/{vhost}/{queue}/contents'],
  ['DELETE', '/api/bindings/{vhost}/e/{source}/q/{destination}/{props}'],
  ['DELETE', '/api/bindings/{vhost}/e/{source}/e/{destination}/{props}'],
  ['DELETE', '/api/queues/{vhost}/{queue}'],
  ['DELETE', '/api/exchanges/{vhost}/{exchange}'],
  ['DELETE', '/api/policies/{vhost}/{name}'],
  ['DELETE', '/api/operator-policies/{vhost}/{name}'],
  ['DELETE', '/api/vhost-limits/{vhost}/{name}'],
  ['DELETE', '/api/user-limits/{user}/{name}'],
  ['DELETE', '/api/global-parameters/{name}'],
  ['DELETE', '/api/message-traces/{vhost}/{id}'],
  ['DELETE', '/api/auth/attempts/{node}'],
  ['DELETE', '/api/auth/attempts/{node}/source'],
  ['DELETE', '/api/topic-permissions/{vhost}/{user}/{exchange}'],
  ['DELETE', '/api/permissions/{vhost}/{user}'],
  ['DELETE', '/api/connections/username/{user}'],
  ['POST', '/api/users/bulk-delete', { users: ['u'] }],
]

/** What there is nothing to look at for here: connections, a sign-in, files of traces, and the log of a process. The stream of events does not end. */
const NOT_HERE: ReadonlySet<string> = new Set([
  '/api/events',
  '/api/session',
  '/api/connections/{name}',
  '/api/connections/{name}/channels',
  '/api/connections/{name}/sessions',
  '/api/channels/{name}',
  '/api/shovels/vhost/{vhost}/{name}',
  '/api/node/log',
  '/api/traces/{vhost}/{name}',
  '/api/traces/node/{node}/{vhost}/{name}',
  '/api/trace-files/{name}',
  '/api/trace-files/node/{node}/{name}',
  '/api/parameters/{component}/{vhost}/{name}',
  '/api/health/checks/port-listener/{port}',
  '/api/health/checks/protocol-listener/{protocols}',
])

const VALUES: Readonly<Record<string, string>> = {
  vhost: 'v',
  user: 'u',
  exchange: 'x',
  source: 'x',
  queue: 'q',
  destination: 'q',
  props: 'k',
  component: 'shovel',
  within: '1',
  unit: 'days',
  port: '1',
  protocols: 'amqp',
  password: 'p',
  pattern: '.*',
  id: '1',
}
const names = (template: string): string => {
  if (template.includes('feature-flags')) return 'quorum_queue'
  if (template.includes('/user-limits') || template.includes('/vhost-limits')) return 'max-connections'
  return 'n'
}

describe('the OpenAPI document', () => {
  let api: ApiBench
  let document: Document

  beforeEach(async () => {
    api = await startApi()
    document = (await api.request('GET', 'openapi.json')).json<Document>()
  })
  afterEach(() => api.app.close())

  const fill = (template: string): string => {
    const isBetween = /e\/\{source\}\/e\//.test(template)
    return template.replaceAll(/\{(\w+)\}/g, (_all, name: string) => {
      if (name === 'node') return encodeURIComponent(api.bench.broker.options.nodeName)
      if (name === 'name') return names(template)
      if (name === 'destination' && isBetween) return 'amq.fanout'
      return VALUES[name] ?? name
    })
  }

  /** Problems of the answer to one request. */
  async function check(method: 'GET' | 'PUT' | 'POST' | 'DELETE', template: string, body?: unknown): Promise<string[]> {
    const operation = document.paths[template]?.[method.toLowerCase()]
    if (operation === undefined) return [`${method} ${template} is not in the document`]
    const answer = await api.request(method, fill(template), { body })
    const where = `${method} ${fill(template)}: ${answer.statusCode}`
    const documented = operation.responses[answer.statusCode]
    if (documented === undefined) return [`${where} ${answer.body.slice(0, 500)}`]
    const schema = documented.content?.['application/json']?.schema
    if (schema === undefined) return answer.body === '' ? [] : [`${where} has a body`]
    return Value.Check(resolve(schema), answer.json())
      ? []
      : [`${where} is not as the schema says: ${answer.body.slice(0, 500)}`]
  }

  /** References lead to components. */
  const resolve = (schema: TSchema): TSchema =>
    JSON.parse(JSON.stringify(schema), (_key, value: unknown) => {
      const reference = (value as { $ref?: string } | null)?.$ref
      return reference === undefined ? value : document.components.schemas[reference.split('/').at(-1)!]
    }) as TSchema

  test('is valid', async () => {
    const validator = new Validator()
    const result = await validator.validate(document as unknown as Record<string, unknown>)
    assert.deepEqual(result, { valid: true })
    assert.ok(document.openapi.startsWith(String(validator.version)), document.openapi)
  })

  test('has every route, with a summary and its answers', async () => {
    const addresses = treeOf(api.app.printRoutes({ commonPrefix: false }))
    const own = addresses.filter((address) => address.startsWith('/api/') && address !== '/api/openapi.json')
    const missing: string[] = []
    let checked = 0
    for (const address of own) {
      const answer = await api.request('OPTIONS', address)
      const template = address.replaceAll(/:(\w+)/g, '{$1}')
      for (const method of String(answer.headers['allow'] ?? '').split(', ')) {
        if (!['GET', 'PUT', 'POST', 'DELETE'].includes(method)) continue
        checked++
        const operation = document.paths[template]?.[method.toLowerCase()]
        const isWhole = operation?.summary !== undefined && Object.keys(operation.responses).length > 1
        if (!isWhole) missing.push(`${method} ${template}`)
      }
    }
    assert.deepEqual(missing, [])
    const operations = Object.values(document.paths).flatMap((item) => Object.keys(item))
    assert.equal(checked, operations.length)
    assert.ok(checked > 180, String(checked))
  })

  test('tells of the answers that are given', async () => {
    const problems: string[] = []
    for (const request of REQUESTS) problems.push(...(await check(...request)))
    const seen = new Set(REQUESTS.map(([method, template]) => `${method} ${template}`))
    for (const [template, item] of Object.entries(document.paths)) {
      if (item['get'] !== undefined && !NOT_HERE.has(template)) problems.push(...(await check('GET', template)))
    }
    for (const request of DELETIONS) problems.push(...(await check(...request)))
    for (const [method, template] of DELETIONS) seen.add(`${method} ${template}`)
    assert.deepEqual(problems, [])
    const posts = Object.entries(document.paths).filter(([, item]) => item['post'] !== undefined)
    const unseen = posts.map(([template]) => `POST ${template}`).filter((post) => !seen.has(post))
    assert.deepEqual(unseen, UNSEEN)
  })
})

/** What a broker inside of another program refuses, and what takes more nodes than one. */
const UNSEEN = [
  'POST /api/queues/quorum/{vhost}/{queue}/replicas/add',
  'POST /api/queues/quorum/replicas/on/{node}/grow',
  'POST /api/node/rotate-logs',
  'POST /api/node/stop',
]

/** Addresses out of the tree that fastify prints. */
function treeOf(printed: string): string[] {
  const addresses: string[] = []
  const parts: string[] = []
  for (const line of printed.split('\n')) {
    const match = /^((?:│ {3}| {4})*)[├└]── (\S+)(?: \((.+)\))?$/.exec(line)
    if (match === null) continue
    const [, indent, part, methods] = match
    parts.length = indent!.length / 4
    parts.push(part!)
    if (methods !== undefined) addresses.push(parts.join('').replace(/\/\/+/g, '/'))
  }
  return addresses
}
