import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { startApi } from './support.ts'

interface TraceJson {
  readonly id: string
  readonly state: string
  readonly count: number
  readonly last: number
  readonly events: Record<string, unknown>[]
}

describe('traces of messages', () => {
  test('are started, read in parts, and deleted', async () => {
    const { bench, request } = await startApi()
    const client = bench.client()
    client.declare('q')
    const body = { queue: 'q', seconds: 30, limit: 2000 }
    const started = await request('POST', 'message-traces/%2F', { body })
    assert.equal(started.statusCode, 201)
    const now = bench.clock.now()
    assert.deepEqual(started.json(), {
      id: '1',
      vhost: '/',
      user: 'guest',
      queue: 'q',
      exchange: null,
      key: null,
      header: null,
      seconds: 30,
      limit: 2000,
      state: 'running',
      started_at: now,
      ends_at: now + 30_000,
      count: 0,
    })
    client.publish('q', 'one')
    client.get('q', true)
    const first = (await request('GET', 'message-traces/%2F/1')).json<TraceJson>()
    assert.deepEqual([first.state, first.count, first.last], ['running', 3, 3])
    assert.deepEqual(first.events, [
      {
        n: 1,
        at: now,
        message: '1',
        event: 'publish',
        exchange: '',
        routing_key: 'q',
        connection: 'connection 0',
        channel: 'connection 0 (0)',
        user: 'guest',
        payload_bytes: 3,
      },
      { n: 2, at: now, message: '1', event: 'route', exchange: '', routing_key: 'q', queues: ['q'], payload_bytes: 3 },
      {
        n: 3,
        at: now,
        message: '1',
        event: 'get',
        exchange: '',
        routing_key: 'q',
        queue: 'q',
        connection: 'connection 0',
        channel: 'connection 0 (0)',
        user: 'guest',
        payload_bytes: 3,
      },
    ])
    for (let i = 0; i < 700; i++) client.publish('q', 'more')
    const second = (await request('GET', 'message-traces/%2F/1?after=3')).json<TraceJson>()
    assert.deepEqual([second.events.length, second.last], [1000, 1003])
    const third = (await request('GET', `message-traces/%2F/1?after=${second.last}`)).json<TraceJson>()
    assert.deepEqual([third.events.length, third.last, third.count], [400, 1403, 1403])
    const none = (await request('GET', 'message-traces/%2F/1?after=1403')).json<TraceJson>()
    assert.deepEqual([none.events, none.last], [[], 1403])
    bench.advance(30_000)
    assert.equal((await request('GET', 'message-traces/%2F')).json<TraceJson[]>()[0]!.state, 'ended')
    assert.equal((await request('DELETE', 'message-traces/%2F/1')).statusCode, 204)
    assert.deepEqual((await request('GET', 'message-traces/%2F')).json(), [])
    assert.equal((await request('GET', 'message-traces/%2F/1')).statusCode, 404)
  })

  test('take the default exchange by the name that paths give it', async () => {
    const { request } = await startApi()
    const started = await request('POST', 'message-traces/%2F', { body: { exchange: 'amq.default' } })
    assert.deepEqual(started.json<{ exchange: string }>().exchange, '')
  })

  test('follow everything that null leaves open', async () => {
    const { request, bench } = await startApi()
    const body = { queue: null, exchange: null, key: 'q', header: null }
    const started = await request('POST', 'message-traces/%2F', { body })
    const { id } = started.json<{ id: string }>()
    const client = bench.client()
    client.declare('q')
    client.publish('q', 'a')
    const { events } = (await request('GET', `message-traces/%2F/${id}`)).json<{ events: unknown[] }>()
    assert.ok(events.length > 0)
  })

  test('are for monitors, and within limits', async () => {
    const { request, bench } = await startApi()
    for (const user of ['management', 'policymaker', 'monitoring']) {
      bench.broker.setPermission({ user, vhost: '/', configure: '', write: '', read: '.*' })
    }
    assert.equal((await request('POST', 'message-traces/%2F', { body: {}, as: 'management' })).statusCode, 401)
    assert.equal((await request('GET', 'message-traces/%2F', { as: 'policymaker' })).statusCode, 401)
    assert.equal((await request('POST', 'message-traces/%2F', { body: {}, as: 'monitoring' })).statusCode, 201)
    assert.equal((await request('POST', 'message-traces/none', { body: {} })).statusCode, 404)
    for (const body of [{ seconds: 0 }, { seconds: 3601 }, { limit: 10_001 }, { queue: {} }]) {
      assert.equal((await request('POST', 'message-traces/%2F', { body })).statusCode, 400, JSON.stringify(body))
    }
    for (let i = 0; i < 9; i++) await request('POST', 'message-traces/%2F', { body: {} })
    const tooMany = await request('POST', 'message-traces/%2F', { body: {} })
    assert.equal(tooMany.statusCode, 400)
    assert.match(tooMany.json<{ reason: string }>().reason, /10 traces are running in vhost '\/'/)
  })
})
