import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { startApi } from './support.ts'

interface Answer {
  readonly matches: readonly { kind: string; name: string; type: string; current: string | null; wins: boolean }[]
  readonly total: number
}

describe('the preview of a policy', () => {
  test('says what it catches, what applies there now, and whether it would win', async () => {
    const { bench, request } = await startApi()
    const client = bench.client()
    for (const name of ['orders.a', 'orders.b', 'bills']) client.declare(name)
    client.exchange('orders', 'topic')
    bench.broker.setPolicy('user', '/', 'strong', { pattern: 'b$', priority: 5, definition: { 'max-length': 1 } })
    const preview = (body: object, as = 'guest') => request('POST', 'policies/%2F/preview', { body, as })
    const body = { name: 'new', pattern: '^orders', priority: 1, definition: { 'dead-letter-exchange': 'dlx' } }
    const { matches, total } = (await preview(body)).json<Answer>()
    assert.equal(total, 3)
    assert.deepEqual(matches, [
      { kind: 'exchange', name: 'orders', type: 'topic', current: null, wins: true },
      { kind: 'queue', name: 'orders.a', type: 'classic', current: null, wins: true },
      { kind: 'queue', name: 'orders.b', type: 'classic', current: 'strong', wins: false },
    ])
    const replaced = await preview({ ...body, name: 'strong', 'apply-to': 'queues' })
    assert.deepEqual(
      replaced.json<Answer>().matches.map(({ name, wins }) => [name, wins]),
      [
        ['orders.a', true],
        ['orders.b', true],
      ],
    )
    assert.equal(bench.broker.policies.get('user', '/', 'new'), null)
  })

  test('refuses what the policy itself would be refused for', async () => {
    const { request } = await startApi()
    const refused = await request('POST', 'policies/%2F/preview', {
      body: { pattern: '(', definition: { expires: 1 } },
    })
    assert.equal(refused.statusCode, 400)
    assert.match(refused.json<{ reason: string }>().reason, /pattern should be regular expression but is invalid/)
    const body = { pattern: '', definition: { expires: 1 } }
    for (const [path, as, status] of [
      ['policies/%2F/preview', 'management', 401],
      ['operator-policies/%2F/preview', 'policymaker', 401],
      ['operator-policies/%2F/preview', 'administrator', 200],
      ['policies/nowhere/preview', 'administrator', 404],
    ] as const) {
      assert.equal((await request('POST', path, { body, as })).statusCode, status, `${path} as ${as}`)
    }
  })
})

describe('the keys of policies', () => {
  test('are told with who may set them, and these are taken', async () => {
    const { request } = await startApi()
    interface Key {
      readonly name: string
      readonly operator: boolean
      readonly not_for: readonly string[]
    }
    const keys = (await request('GET', 'policy-keys', { as: 'management' })).json<Key[]>()
    assert.equal((await request('GET', 'policy-keys', { as: 'nobody' })).statusCode, 401)
    const byName = new Map(keys.map((key) => [key.name, key]))
    assert.deepEqual(byName.get('max-length'), { name: 'max-length', operator: true, not_for: ['stream'] })
    assert.equal(byName.get('dead-letter-exchange')?.operator, false)
    const unknown = /are not recognised policy settings/
    for (const { name, operator } of keys) {
      // of a kind that no key takes: what is refused is the value, where the key is known
      const body = { pattern: '.*', definition: { [name]: { no: 'value' } } }
      const forUsers = await request('PUT', 'policies/%2F/p', { body })
      assert.doesNotMatch(forUsers.body, unknown, name)
      const forOperators = await request('PUT', 'operator-policies/%2F/p', { body })
      assert.equal(unknown.test(forOperators.body), !operator, name)
    }
  })
})
