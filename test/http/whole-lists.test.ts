import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startApi } from './support.ts'

/** RabbitMQ answers these whole, also where a page is asked for. */
const WHOLE = [
  'users',
  'users/without-permissions',
  'users/guest/permissions',
  'users/guest/topic-permissions',
  'permissions',
  'topic-permissions',
  'vhosts/%2F/permissions',
  'vhosts/%2F/topic-permissions',
  'vhosts/%2F/connections',
  'vhosts/%2F/channels',
  'bindings',
  'bindings/%2F',
  'bindings/%2F/e/amq.direct/q/q',
  'exchanges/%2F/amq.direct/bindings/source',
  'exchanges/%2F/amq.direct/bindings/destination',
  'queues/%2F/q/bindings',
  'consumers',
  'consumers/%2F',
  'policies',
  'operator-policies',
  'parameters',
  'global-parameters',
  'vhost-limits',
  'user-limits',
  'nodes',
  'feature-flags',
  'shovels',
  'federation-links',
]
const PAGED = ['vhosts', 'exchanges', 'exchanges/%2F', 'queues', 'queues/%2F', 'connections', 'channels']

test('only some lists come in pages, unless all of them are asked to', async () => {
  const api = await startApi()
  api.bench.client().declare('q')
  const ask = async (path: string): Promise<unknown> => {
    const answer = await api.request('GET', path)
    assert.equal(answer.statusCode, 200, `${path}: ${answer.body}`)
    return answer.json<unknown>()
  }
  for (const path of WHOLE) {
    const all = await ask(path)
    assert.ok(Array.isArray(all), path)
    for (const query of ['page=0', 'page=9&page_size=1', 'name=none', 'page=1&name=none&use_regex=true']) {
      assert.equal(((await ask(`${path}?${query}`)) as unknown[]).length, all.length, `${path}?${query}`)
    }
    const page = (await ask(`${path}?pagination=true&page=1&name=none`)) as Record<string, unknown>
    assert.deepEqual([page['filtered_count'], page['total_count']], [0, all.length], path)
  }
  for (const path of PAGED) {
    const page = (await ask(`${path}?page=1&name=none`)) as Record<string, unknown>
    assert.equal(page['filtered_count'], 0, path)
  }
})
