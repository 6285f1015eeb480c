import assert from 'node:assert/strict'
import { test } from 'node:test'
import { longstr } from '../../src/core/fields.ts'
import { startApi } from './support.ts'

test('exchanges and queues that leave duplicates out tell how many, the others nothing', async () => {
  const { bench, request } = await startApi()
  const client = bench.client()
  client.declare('plain')
  client.declare('q', { 'x-message-deduplication': true })
  client.exchange('x', 'x-message-deduplication', { 'x-cache-size': 10 })
  client.session.topology.bindQueue('plain', 'x', '', new Map())
  const headers = new Map([['x-deduplication-header', longstr('v')]])
  for (let i = 0; i < 3; i++) client.publish('q', 'body', { headers })
  for (let i = 0; i < 2; i++) client.publish('', 'body', { headers, exchange: 'x' })
  const told = async (path: string): Promise<unknown> =>
    (await request('GET', path)).json<{ deduplicated?: number }>().deduplicated
  assert.equal(await told('queues/%2F/q'), 2)
  assert.equal(await told('queues/%2F/plain'), undefined)
  assert.equal(await told('exchanges/%2F/x'), 1)
  assert.equal(await told('exchanges/%2F/amq.topic'), undefined)
})
