import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type ApiBench, startApi } from './support.ts'

interface JobJson {
  readonly id: string
  readonly state: string
  readonly done: number
  readonly total: number
  readonly error: string | null
  readonly target: string
}

async function importAs(api: ApiBench, body: unknown, path = 'definitions'): Promise<JobJson> {
  const answer = await api.request('POST', `${path}?job=true`, { body })
  assert.equal(answer.statusCode, 202, answer.body)
  const { id } = answer.json<JobJson>()
  for (;;) {
    const job = (await api.request('GET', `jobs/${id}`)).json<JobJson>()
    if (job.state !== 'running') return job
  }
}

const queues = Array.from({ length: 450 }, (_, i) => ({ name: `q${i}`, vhost: '/', durable: true, auto_delete: false }))

describe('an import as a job', () => {
  test('applies what the file has', async () => {
    const api = await startApi()
    const policies = [{ name: 'p', vhost: '/', pattern: '^q1', definition: { 'max-length': 5 } }]
    const job = await importAs(api, { queues, policies })
    const { state, done, total, error, target } = job
    assert.deepEqual(
      { state, done, total, error, target },
      { state: 'done', done: 451, total: 451, error: null, target: 'the node' },
    )
    assert.equal(api.bench.vhost.queues.size, 450)
    assert.equal(api.bench.queue('q17').settings.maxLength, 5)
    assert.deepEqual(api.bench.failures, [])
  })

  test('says what is wrong, and keeps what was before', async () => {
    const api = await startApi()
    const job = await importAs(api, { queues: [...queues.slice(0, 150), { name: 'bad', vhost: 'none' }] })
    assert.deepEqual([job.state, job.done], ['failed', 150])
    assert.match(job.error!, /vhost none not found/)
    assert.equal(api.bench.vhost.queues.size, 150)
  })

  test('is for administrators, and into vhosts that there are', async () => {
    const api = await startApi()
    const ask = (path: string, as: string) => api.request('POST', `${path}?job=true`, { body: { queues }, as })
    assert.equal((await ask('definitions', 'policymaker')).statusCode, 401)
    assert.equal((await ask('definitions/none', 'guest')).statusCode, 404)
    const job = await importAs(api, { queues: queues.slice(0, 3) }, 'definitions/%2F')
    assert.deepEqual([job.state, job.target, api.bench.vhost.queues.size], ['done', "vhost '/'", 3])
  })
})
