import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HTTP_SETTINGS, startApi } from './support.ts'

const POLICY = { pattern: '^a', definition: { 'max-length': 5 } }

for (const operatorPoliciesReadOnly of [true, false]) {
  test(`operator policies ${operatorPoliciesReadOnly ? 'that are read-only' : 'of the usual kind'}, and policies`, async () => {
    const { bench, request } = await startApi(undefined, { http: { ...HTTP_SETTINGS, operatorPoliciesReadOnly } })
    const status = async (method: 'GET' | 'PUT' | 'DELETE', path: string) =>
      (await request(method, path, method === 'PUT' ? { body: POLICY } : {})).statusCode
    bench.broker.setPolicy('operator', '/', 'limit', POLICY)
    assert.equal(await status('GET', 'operator-policies/%2F/limit'), 200)
    const [set, cleared] = operatorPoliciesReadOnly ? [405, 405] : [204, 204]
    assert.equal(await status('PUT', 'operator-policies/%2F/limit'), set)
    assert.equal(await status('DELETE', 'operator-policies/%2F/limit'), cleared)
    assert.equal(bench.broker.policies.get('operator', '/', 'limit') !== null, operatorPoliciesReadOnly)
    assert.equal(await status('PUT', 'policies/%2F/limit'), 201)
    assert.equal(await status('DELETE', 'policies/%2F/limit'), 204)
    const overview = (await request('GET', 'overview')).json<Record<string, unknown>>()
    assert.equal(overview['is_op_policy_updating_enabled'], !operatorPoliciesReadOnly)
  })
}
