import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { long, longstr, type Table } from '../../src/core/fields.ts'
import { MemoryMetadataStore } from '../../src/store/memory/memory-metadata-store.ts'
import { type Client, CoreBench } from '../support/core-bench.ts'
import { PagingStore } from '../support/paging-store.ts'
import { type ApiBench, startApi } from './support.ts'

interface JobJson {
  readonly id: string
  readonly kind: string
  readonly target: string
  readonly user: string
  readonly state: string
  readonly done: number
  readonly total: number | null
  readonly error: string | null
}

const named = (from: number, to: number): string[] => Array.from({ length: to - from + 1 }, (_, i) => `m${from + i}`)

/** Starts an action and waits until its job is over. */
async function act(api: ApiBench, path: string, body: unknown, as?: string): Promise<JobJson> {
  const asked = { body, ...(as === undefined ? {} : { as }) }
  const answer = await api.request('POST', `${path}/messages/actions`, asked)
  assert.equal(answer.statusCode, 202, answer.body)
  const { id } = answer.json<JobJson>()
  assert.equal(answer.headers['location'], `/api/jobs/${id}`)
  return jobEnd(api, id)
}

async function jobEnd(api: ApiBench, id: string): Promise<JobJson> {
  for (;;) {
    const job = (await api.request('GET', `jobs/${id}`)).json<JobJson>()
    if (job.state !== 'running') return job
  }
}

function drain(client: Client, queue: string): string[] {
  const found: string[] = []
  for (let got = client.get(queue, true); got !== null; got = client.get(queue, true)) found.push(got.body)
  return found
}

const publish = (client: Client, key: string, bodies: readonly string[], headers?: Table): void => {
  for (const body of bodies)
    client.publish(key, body, { persistent: true, ...(headers === undefined ? {} : { headers }) })
}

for (const place of ['memory', 'store'] as const) {
  const start = async (): Promise<{
    api: ApiBench
    client: Client
    store: PagingStore | undefined
    metadata: MemoryMetadataStore
  }> => {
    const metadata = new MemoryMetadataStore()
    const store = place === 'store' ? new PagingStore() : undefined
    const api = await startApi(new CoreBench({ messageMemoryBytes: 100_000 }, metadata, store))
    return { api, client: api.bench.client(), store, metadata }
  }

  describe(`actions on messages, in the ${place}`, () => {
    test('move all to another queue, in order', async () => {
      const { api, client } = await start()
      client.declare('q')
      client.declare('other')
      publish(client, 'q', named(1, 1500))
      api.bench.settle()
      const job = await act(api, 'queues/%2F/q', { action: 'move', select: 'all', to: { queue: 'other' } })
      const { kind, target, user, state, done, total, error } = job
      assert.deepEqual(
        { kind, target, user, state, done, total, error },
        {
          kind: 'move',
          target: "queue 'q' in vhost '/'",
          user: 'guest',
          state: 'done',
          done: 1500,
          total: 1500,
          error: null,
        },
      )
      assert.deepEqual([drain(client, 'q'), drain(client, 'other')], [[], named(1, 1500)])
      assert.equal(api.bench.store.stats().messages, 0)
    })

    test("copy to an exchange with the messages' own routing keys", async () => {
      const { api, client } = await start()
      for (const queue of ['q', 'other']) client.declare(queue)
      client.exchange('x', 'direct')
      client.session.topology.bindQueue('other', 'x', 'q', new Map())
      publish(client, 'q', ['a'])
      api.bench.settle()
      await act(api, 'queues/%2F/q', { action: 'copy', select: 'all', to: { exchange: 'x', routing_key: null } })
      assert.deepEqual(drain(client, 'other'), ['a'])
    })

    test('move those that are searched for, and copy without taking any', async () => {
      const { api, client } = await start()
      client.declare('q')
      client.declare('other')
      for (const body of named(1, 900)) {
        publish(client, 'q', [body], new Map([['odd', longstr(String(Number(body.slice(1)) % 2))]]))
      }
      api.bench.settle()
      const even = { header: ['odd=0'], limit: 100 }
      const copied = await act(api, 'queues/%2F/q', { action: 'copy', select: even, to: { queue: 'other' } })
      assert.deepEqual([copied.state, copied.done, copied.total], ['done', 100, null])
      assert.equal(api.bench.queue('q').readyCount, 900)
      const expected = named(1, 200).filter((body) => Number(body.slice(1)) % 2 === 0)
      assert.deepEqual(drain(client, 'other'), expected)
      const moved = await act(api, 'queues/%2F/q', { action: 'move', select: even, to: { queue: 'other' } })
      assert.deepEqual([moved.state, moved.done], ['done', 100])
      assert.deepEqual(drain(client, 'other'), expected)
      assert.deepEqual(
        drain(client, 'q'),
        named(1, 900).filter((body) => !expected.includes(body)),
      )
    })

    test('move from a queue to itself once each', async () => {
      const { api, client } = await start()
      client.declare('q')
      publish(client, 'q', named(1, 600))
      api.bench.settle()
      const job = await act(api, 'queues/%2F/q', { action: 'move', select: 'all', to: { queue: 'q' } })
      assert.deepEqual([job.state, job.done, drain(client, 'q')], ['done', 600, named(1, 600)])
    })

    test('by id, of those that are still there', async () => {
      const { api, client } = await start()
      client.declare('q')
      publish(client, 'q', named(1, 400))
      api.bench.settle()
      client.get('q', true)
      const job = await act(api, 'queues/%2F/q', {
        action: 'delete',
        select: { ids: ['1', '3', '200', '400', '7777'] },
      })
      assert.deepEqual([job.state, job.done, job.total], ['done', 3, 5])
      assert.deepEqual(
        drain(client, 'q'),
        named(1, 400).filter((body) => !['m1', 'm3', 'm200', 'm400'].includes(body)),
      )
    })

    test('delete all: a purge', async () => {
      const { api, client } = await start()
      client.declare('q')
      publish(client, 'q', named(1, 300))
      api.bench.settle()
      const job = await act(api, 'queues/%2F/q', { action: 'delete', select: 'all' })
      assert.deepEqual([job.kind, job.state, job.done, job.total], ['purge', 'done', 300, 300])
      assert.equal(api.bench.store.stats().messages, 0)
    })

    test('leave where it was what goes nowhere, or to a full queue', async () => {
      const { api, client } = await start()
      client.declare('q')
      client.declare('full', { 'x-max-length': 2, 'x-overflow': 'reject-publish' })
      client.exchange('x', 'direct')
      client.session.topology.bindQueue('full', 'x', 'full', new Map())
      publish(client, 'q', named(1, 400))
      api.bench.settle()
      const nowhere = await act(api, 'queues/%2F/q', { action: 'move', select: 'all', to: { exchange: 'x' } })
      assert.deepEqual([nowhere.state, nowhere.done], ['failed', 0])
      assert.equal(nowhere.error, '400 messages stay: reached no queue')
      const full = await act(api, 'queues/%2F/q', { action: 'move', select: 'all', to: { queue: 'full' } })
      assert.deepEqual([full.state, full.done], ['failed', 2])
      assert.match(full.error!, /1 messages stay: a queue that they would go to is full/)
      assert.deepEqual([drain(client, 'full'), drain(client, 'q')], [named(1, 2), named(3, 400)])
    })

    test('are in one piece with what they do: nothing is lost, or there twice, after a crash', async () => {
      const { api, client, store, metadata } = await start()
      if (store === undefined) return
      client.declare('q')
      client.declare('other')
      publish(client, 'q', named(1, 500))
      api.bench.settle()
      await metadata.commit()
      const asked = api.request('POST', 'queues/%2F/q/messages/actions', {
        body: { action: 'move', select: 'all', to: { queue: 'other' } },
      })
      // stopped somewhere in the midst of it
      while (api.bench.queue('other').readyCount < 300) {
        api.bench.settle()
        await new Promise((resolve) => setImmediate(resolve))
      }
      await asked
      const again = await new CoreBench({}, metadata, store.crash(), api.bench.clock).start()
      const after = again.client()
      const [left, moved] = [drain(after, 'q'), drain(after, 'other')]
      assert.deepEqual([...moved, ...left], named(1, 500))
      assert.ok(moved.length >= 256)
      await jobEnd(api, '1')
    })
  })
}

describe('actions on messages', () => {
  test('redrive dead letters to where they died first, as they were', async () => {
    const api = await startApi()
    const { bench } = api
    const client = bench.client()
    client.exchange('dead', 'fanout')
    client.declare('graves')
    client.session.topology.bindQueue('graves', 'dead', '', new Map())
    client.declare('a', { 'x-dead-letter-exchange': 'dead' })
    client.exchange('in', 'direct')
    client.declare('b', { 'x-dead-letter-exchange': 'dead' })
    client.session.topology.bindQueue('b', 'in', 'bee', new Map())
    client.publish('a', 'from a', { headers: new Map([['shade', longstr('blue')]]), ttlMs: 60_000 })
    client.publish('bee', 'from b', { exchange: 'in' })
    client.publish('graves', 'alive')
    for (const queue of ['a', 'b']) {
      client.get(queue)
      client.nack(0, true, false)
    }
    bench.settle()
    assert.equal(bench.queue('graves').readyCount, 3)
    client.session.topology.deleteQueue('b', false, false)
    client.declare('heir')
    client.session.topology.bindQueue('heir', 'in', 'bee', new Map())
    const job = await act(api, 'queues/%2F/graves', { action: 'redrive', select: 'all' })
    assert.deepEqual([job.state, job.done], ['failed', 2])
    assert.equal(job.error, '1 messages stay: they have not died')
    const back = client.get('a')!
    assert.deepEqual([back.body, back.expiration, [...back.headers.keys()]], ['from a', '60000', ['shade']])
    assert.deepEqual([drain(client, 'heir'), drain(client, 'graves')], [['from b'], ['alive']])
  })

  test('cancel and hasten what waits, in a queue', async () => {
    const api = await startApi()
    const { bench } = api
    const client = bench.client()
    const queue = client.declare('q', {
      'x-delayed-message': true,
      'x-retry-max-attempts': 5,
      'x-retry-initial-delay': 60_000,
      'x-retry-jitter': 0,
    })
    publish(client, 'q', ['failed', 'hopeless'])
    client.get('q')
    client.get('q')
    client.nack(0, true, true)
    publish(client, 'q', ['late', 'later', 'latest'], new Map([['x-delay', long(90_000)]]))
    bench.settle()
    const body = { action: 'cancel', select: { body: 'hopeless' } }
    assert.deepEqual((await act(api, 'queues/%2F/q', body)).done, 1)
    assert.equal((await act(api, 'queues/%2F/q', { action: 'cancel', select: { ids: ['d2'] } })).done, 1)
    const at = bench.clock.now() + 5000
    const hastened = await act(api, 'queues/%2F/q', { action: 'hasten', select: { ids: ['d3'] }, deliver_at: at })
    assert.deepEqual([hastened.state, hastened.done, hastened.total], ['done', 1, 1])
    const all = await act(api, 'queues/%2F/q', { action: 'hasten', select: { ids: ['1'] } })
    assert.equal(all.done, 1)
    bench.settle()
    assert.deepEqual(drain(client, 'q'), ['failed'])
    bench.advance(5000)
    assert.deepEqual(drain(client, 'q'), ['latest'])
    const rest = await act(api, 'queues/%2F/q', { action: 'hasten', select: 'all' })
    assert.deepEqual([rest.done, rest.total], [1, 1])
    bench.settle()
    assert.deepEqual([drain(client, 'q'), queue.heldCount, queue.delays!.count], [['late'], 0, 0])
  })

  test('cancel and hasten what an exchange keeps, and nothing else', async () => {
    const api = await startApi()
    const { bench } = api
    const client = bench.client()
    client.exchange('late', 'x-delayed-message', { 'x-delayed-type': 'fanout' })
    client.declare('q')
    client.session.topology.bindQueue('q', 'late', '', new Map())
    for (const body of named(1, 20)) {
      client.publish('k', body, { exchange: 'late', headers: new Map([['x-delay', long(1000)]]) })
    }
    assert.equal((await act(api, 'exchanges/%2F/late', { action: 'cancel', select: { body: 'm1' } })).done, 11)
    const later = bench.clock.now() + 9000
    const job = await act(api, 'exchanges/%2F/late', { action: 'hasten', select: 'all', deliver_at: later })
    assert.deepEqual([job.done, job.total], [9, 9])
    bench.advance(8999)
    assert.deepEqual(drain(client, 'q'), [])
    bench.advance(1)
    assert.deepEqual(drain(client, 'q').length, 9)
    const wrong = { body: { action: 'delete', select: 'all' } }
    assert.equal((await api.request('POST', 'exchanges/%2F/late/messages/actions', wrong)).statusCode, 400)
  })

  test('wait for an alarm to be over, as any publisher', async () => {
    const api = await startApi()
    const { bench, request } = api
    const client = bench.client()
    client.declare('q')
    client.declare('other')
    publish(client, 'q', named(1, 2000))
    bench.broker.alarms.set('memory', true)
    const body = { action: 'move', select: 'all', to: { queue: 'other' } }
    const { id } = (await request('POST', 'queues/%2F/q/messages/actions', { body })).json<JobJson>()
    const doneBy = async (): Promise<number> => {
      for (let i = 0; i < 20; i++) {
        bench.settle()
        await new Promise((resolve) => setImmediate(resolve))
      }
      return (await request('GET', `jobs/${id}`)).json<JobJson>().done
    }
    const held = await doneBy()
    assert.ok(held <= 256, `${held}`)
    assert.equal(await doneBy(), held)
    bench.broker.alarms.set('memory', false)
    assert.deepEqual((await jobEnd(api, id)).done, 2000)
  })

  test('are as the caller may act', async () => {
    const api = await startApi()
    const { bench, request } = api
    const client = bench.client()
    client.declare('q')
    client.declare('other')
    client.declare('mine', {}, { durable: false, exclusive: true })
    publish(client, 'q', ['m1'])
    const { broker } = bench
    const ask = async (as: string, body: unknown, queue = 'q'): Promise<number> =>
      (await request('POST', `queues/%2F/${queue}/messages/actions`, { as, body })).statusCode
    const move = { action: 'move', select: 'all', to: { queue: 'other' } }
    assert.equal(await ask('management', move), 401)
    broker.setPermission({ user: 'management', vhost: '/', configure: '', write: '', read: '.*' })
    assert.equal(await ask('management', move), 401)
    broker.setPermission({ user: 'management', vhost: '/', configure: '', write: 'amq.default', read: '.*' })
    assert.equal((await act(api, 'queues/%2F/q', move, 'management')).done, 1)
    assert.equal(await ask('guest', { action: 'delete', select: 'all' }, 'mine'), 400)
    assert.equal(await ask('guest', move, 'none'), 404)
  })

  test('are refused where they make no sense', async () => {
    const { bench, request } = await startApi()
    const client = bench.client()
    client.declare('q')
    for (const [body, reason] of [
      [{ action: 'explode', select: 'all' }, /action must be .*: .*"move"/],
      [{ action: 'move', select: 'all' }, /'to' has to name a queue or an exchange/],
      [{ action: 'move', select: 'all', to: {} }, /'to' has to name/],
      [{ action: 'move', select: 'all', to: { queue: 'a', exchange: 'b' } }, /'to' has to name/],
      [{ action: 'delete', select: { state: 'unacked' } }, /for messages that are ready/],
      [{ action: 'cancel', select: { state: 'ready' } }, /for messages that are delayed/],
      [{ action: 'delete', select: { ids: ['x'] } }, /'x' is no id/],
      [{ action: 'delete', select: { ids: ['d1'] } }, /is not due yet/],
      [{ action: 'delete' }, /select/],
      [undefined, /body/],
    ] as const) {
      const answer = await request('POST', 'queues/%2F/q/messages/actions', { body })
      assert.equal(answer.statusCode, 400, JSON.stringify(body))
      assert.match(answer.json<{ reason: string }>().reason, reason)
    }
    const nowhere = { action: 'move', select: 'all', to: { queue: 'none' } }
    assert.equal((await request('POST', 'queues/%2F/q/messages/actions', { body: nowhere })).statusCode, 404)
  })
})

describe('a purge', () => {
  test('is a job where that is asked for, and over when all is freed', async () => {
    const api = await startApi()
    const { bench, request } = api
    const client = bench.client()
    client.declare('q')
    publish(client, 'q', named(1, 25_000))
    const answer = await request('DELETE', 'queues/%2F/q/contents?job=true')
    assert.equal(answer.statusCode, 202)
    const job = await jobEnd(api, answer.json<JobJson>().id)
    assert.deepEqual([job.kind, job.state, job.done, job.total], ['purge', 'done', 25_000, 25_000])
    assert.equal(bench.store.stats().messages, 0)
    assert.equal((await request('DELETE', 'queues/%2F/q/contents')).statusCode, 204)
    assert.equal((await request('DELETE', 'queues/%2F/none/contents?job=true')).statusCode, 404)
    bench.broker.setPermission({ user: 'management', vhost: '/', configure: '.*', write: '.*', read: '' })
    assert.equal((await request('DELETE', 'queues/%2F/q/contents?job=true', { as: 'management' })).statusCode, 401)
  })
})

describe('jobs', () => {
  const slow = async (): Promise<{ api: ApiBench; id: string; client: Client }> => {
    const api = await startApi()
    const client = api.bench.client()
    client.declare('q')
    client.declare('other')
    publish(client, 'q', named(1, 3000))
    const body = { action: 'move', select: 'all', to: { queue: 'other' } }
    const answer = await api.request('POST', 'queues/%2F/q/messages/actions', { body })
    return { api, client, id: answer.json<JobJson>().id }
  }

  test('can be cancelled: what is done stays done', async () => {
    const { api, client, id } = await slow()
    assert.equal((await api.request('DELETE', `jobs/${id}`)).statusCode, 204)
    const job = await jobEnd(api, id)
    assert.equal(job.state, 'cancelled')
    assert.ok(job.done < 3000)
    assert.deepEqual([...drain(client, 'other'), ...drain(client, 'q')], named(1, 3000))
  })

  test('end when their virtual host is deleted', async () => {
    const { api, id } = await slow()
    api.bench.broker.deleteVhost('/')
    const job = await jobEnd(api, id)
    assert.deepEqual([job.state, job.error], ['failed', "vhost '/' is deleted"])
    assert.ok(job.done < 3000)
  })

  test('are seen by who started them, and by administrators, for an hour', async () => {
    const { api, id } = await slow()
    await jobEnd(api, id)
    const { request, bench } = api
    const listed = async (as: string): Promise<unknown[]> => (await request('GET', 'jobs', { as })).json<unknown[]>()
    assert.deepEqual([(await listed('administrator')).length, (await listed('monitoring')).length], [1, 0])
    assert.equal((await request('GET', `jobs/${id}`, { as: 'monitoring' })).statusCode, 404)
    assert.equal((await request('DELETE', `jobs/${id}`, { as: 'monitoring' })).statusCode, 404)
    bench.advance(3_599_000)
    assert.equal((await listed('guest')).length, 1)
    bench.advance(1000)
    assert.equal((await listed('guest')).length, 0)
    assert.equal((await request('GET', `jobs/${id}`)).statusCode, 404)
  })

  test('are not to be started without end', async () => {
    const { api } = await slow()
    api.bench.broker.alarms.set('memory', true)
    const body = { action: 'copy', select: 'all', to: { queue: 'other' } }
    const statuses: number[] = []
    for (let i = 0; i < 20; i++) {
      statuses.push((await api.request('POST', 'queues/%2F/q/messages/actions', { body })).statusCode)
    }
    assert.deepEqual(statuses, [...Array.from({ length: 19 }, () => 202), 429])
    const listed = (await api.request('GET', 'jobs')).json<JobJson[]>()
    assert.ok(listed.every(({ state }) => state === 'running'))
    // all of them wait for the alarm to be over, and end with the API
    await api.app.close()
    assert.equal(api.bench.broker.connections.size, 1)
  })
})
