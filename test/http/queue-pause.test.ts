import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startApi } from './support.ts'

test('a queue is paused and resumed', async () => {
  const { bench, request } = await startApi()
  const client = bench.client()
  const queue = client.declare('q')
  for (let i = 0; i < 2; i++) assert.equal((await request('PUT', 'queues/%2F/q/pause')).statusCode, 204)
  assert.equal(queue.paused, true)
  assert.equal((await request('GET', 'queues/%2F/q')).json<{ paused: boolean }>().paused, true)
  for (let i = 0; i < 2; i++) assert.equal((await request('DELETE', 'queues/%2F/q/pause')).statusCode, 204)
  assert.equal(queue.paused, false)
  assert.equal((await request('PUT', 'queues/%2F/none/pause')).statusCode, 404)
  bench.broker.setPermission({ user: 'management', vhost: '/', configure: '', write: '.*', read: '.*' })
  assert.equal((await request('PUT', 'queues/%2F/q/pause', { as: 'management' })).statusCode, 401)
  assert.equal(queue.paused, false)
})
