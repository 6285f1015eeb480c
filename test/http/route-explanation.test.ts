import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Client } from '../support/core-bench.ts'
import { type ApiBench, startApi } from './support.ts'

interface Step {
  readonly exchange: string
  readonly type: string
  readonly routing_key: string
  readonly via: string | null
  readonly bindings: { destination: string; matched: boolean; properties_key: string }[]
  readonly bindings_total: number
  readonly note: string | null
}

interface Explanation {
  readonly routed: boolean
  readonly queues: string[]
  readonly steps: Step[]
  readonly notes: string[]
}

interface Setting {
  readonly api: ApiBench
  readonly client: Client
  readonly explain: (exchange: string, key: string, properties?: Record<string, unknown>) => Promise<Explanation>
  readonly bind: (destination: string, source: string, key?: string) => void
}

async function start(): Promise<Setting> {
  const api = await startApi()
  const client = api.bench.client()
  return {
    api,
    client,
    explain: async (exchange, key, properties = {}) => {
      const body = { routing_key: key, properties }
      const answer = await api.request('POST', `exchanges/%2F/${exchange}/route`, { body })
      assert.equal(answer.statusCode, 200, answer.body)
      return answer.json<Explanation>()
    },
    bind: (destination, source, key = '') => {
      const { topology } = client.session
      const isQueue = api.bench.vhost.queues.has(destination)
      if (isQueue) topology.bindQueue(destination, source, key, new Map())
      else topology.bindExchange(destination, source, key, new Map())
    },
  }
}

/** `exchange/key (via): matching of all bindings [note]`. */
const told = ({ steps }: Explanation): string[] =>
  steps.map(({ exchange, routing_key: key, via, bindings, bindings_total: total, note }) => {
    const matching = bindings.filter(({ matched }) => matched).map(({ destination }) => destination)
    return `${exchange}/${key} (${String(via)}): ${matching.join('+')} of ${total}${note === null ? '' : ` [${note}]`}`
  })

describe('where a message would go', () => {
  test('by the default exchange: to the queue of that name', async () => {
    const { client, explain } = await start()
    client.declare('q')
    const found = await explain('amq.default', 'q')
    assert.deepEqual([found.routed, found.queues], [true, ['q']])
    assert.deepEqual(told(found), ['/q (null):  of 0 [the default exchange: the queue named by the routing key]'])
    const none = await explain('amq.default', 'none')
    assert.deepEqual([none.routed, none.queues], [false, []])
    assert.match(none.steps[0]!.note!, /there is no queue named as the routing key/)
    assert.match((await explain('amq.default', 'amq.retry')).steps[0]!.note!, /request for a retry/)
  })

  test('by bindings, each of them tried, the matching ones first', async () => {
    const { client, explain, bind, api } = await start()
    client.exchange('x', 'topic')
    for (const [queue, key] of [
      ['a', 'orders.*'],
      ['b', 'invoices.#'],
      ['c', '#.eu'],
    ] as const) {
      client.declare(queue)
      bind(queue, 'x', key)
    }
    const found = await explain('x', 'orders.eu')
    assert.deepEqual(found.queues, ['a', 'c'])
    assert.deepEqual(found.steps[0]!.bindings, [
      {
        source: 'x',
        vhost: '/',
        destination: 'a',
        destination_type: 'queue',
        routing_key: 'orders.*',
        arguments: {},
        properties_key: 'orders.%2A',
        matched: true,
      },
      {
        source: 'x',
        vhost: '/',
        destination: 'c',
        destination_type: 'queue',
        routing_key: '#.eu',
        arguments: {},
        properties_key: '%23.eu',
        matched: true,
      },
      {
        source: 'x',
        vhost: '/',
        destination: 'b',
        destination_type: 'queue',
        routing_key: 'invoices.#',
        arguments: {},
        properties_key: 'invoices.%23',
        matched: false,
      },
    ])
    const { publishedIn } = api.bench.vhost.exchanges.get('x')!
    assert.deepEqual([publishedIn, api.bench.queue('a').readyCount], [0, 0])
  })

  test('by headers', async () => {
    const { client, explain, api } = await start()
    client.declare('q')
    const { topology } = client.session
    const args = new Map([['shade', { type: 'longstr', value: 'blue' } as const]])
    topology.bindQueue('q', 'amq.headers', '', args)
    assert.deepEqual((await explain('amq.headers', 'k', { headers: { shade: 'blue' } })).queues, ['q'])
    assert.deepEqual((await explain('amq.headers', 'k', { headers: { shade: 'red' } })).routed, false)
    assert.equal(api.bench.queue('q').readyCount, 0)
  })

  test('through exchanges, in circles too, and to the alternate exchange', async () => {
    const { client, explain, bind } = await start()
    client.exchange('a', 'direct', { 'alternate-exchange': 'rest' })
    client.exchange('b', 'fanout')
    client.exchange('rest', 'fanout', { 'alternate-exchange': 'none' })
    client.declare('q')
    bind('b', 'a', 'k')
    bind('a', 'b')
    bind('q', 'b')
    const round = await explain('a', 'k')
    assert.deepEqual(told(round), ['a/k (null): b of 1', 'b/k (binding): a+q of 2'])
    assert.deepEqual(round.queues, ['q'])
    const lost = await explain('a', 'other')
    assert.deepEqual(told(lost), [
      "a/other (null):  of 1 [nothing matches: it goes to the alternate exchange 'rest']",
      "rest/other (alternate-exchange):  of 0 [nothing matches, and its alternate exchange 'none' does not exist]",
    ])
    assert.equal(lost.routed, false)
  })

  test('by all of its keys', async () => {
    const { client, explain, bind } = await start()
    client.exchange('x', 'direct')
    for (const queue of ['a', 'b', 'c']) {
      client.declare(queue)
      bind(queue, 'x', queue)
    }
    const headers = { CC: ['b'], BCC: ['c'] }
    const found = await explain('x', 'a', { headers })
    assert.deepEqual(told(found), ['x/a (null): a of 3', 'x/b (CC): b of 3', 'x/c (BCC): c of 3'])
    assert.deepEqual(found.queues, ['a', 'b', 'c'])
    const { queues } = await explain('amq.default', 'none', { headers })
    assert.deepEqual(queues, ['b', 'c'])
  })

  test('as the router has it, for every type of exchange', async () => {
    const { client, explain, bind, api } = await start()
    const types = [
      ['direct', {}],
      ['fanout', {}],
      ['topic', {}],
      ['x-consistent-hash', {}],
      ['x-modulus-hash', {}],
      ['x-recent-history', {}],
      ['x-jms-topic', {}],
      ['x-delayed-message', { 'x-delayed-type': 'x-consistent-hash' }],
    ] as const
    for (const [type, args] of types) {
      client.exchange(type, type, args)
      for (let i = 0; i < 5; i++) {
        const queue = `${type}-${i}`
        client.declare(queue)
        bind(queue, type, ['x-consistent-hash', 'x-delayed-message'].includes(type) ? '1' : String(i))
      }
      for (const key of ['0', '3', 'other']) {
        const { queues } = await explain(type, key)
        client.publish(key, 'm', { exchange: type })
        const reached = [...api.bench.vhost.queues.values()].filter(({ readyCount }) => readyCount > 0)
        assert.deepEqual(queues.sort(), reached.map(({ name }) => name).sort(), `${type} ${key}`)
        for (const queue of reached) queue.purge()
        api.bench.settle()
      }
    }
    // what is only asked for is not remembered
    await explain('x-recent-history', '1')
    client.declare('late')
    bind('late', 'x-recent-history')
    assert.equal(api.bench.queue('late').readyCount, 3)
  })

  test('where chance decides: to any of them', async () => {
    const { client, explain, bind } = await start()
    client.exchange('x', 'x-random')
    for (const queue of ['a', 'b']) {
      client.declare(queue)
      bind(queue, 'x')
    }
    const found = await explain('x', 'k')
    assert.deepEqual(told(found), ['x/k (null): a+b of 2 [one of these is chosen by chance]'])
  })

  test('not yet, where it is kept; and not again, where it is a duplicate', async () => {
    const { client, explain, bind } = await start()
    client.exchange('late', 'x-delayed-message', { 'x-delayed-type': 'direct' })
    client.exchange('once', 'direct', { 'x-message-deduplication': true, 'x-cache-size': 10 })
    client.declare('q')
    bind('q', 'late', 'k')
    bind('q', 'once', 'k')
    const kept = await explain('late', 'k', { headers: { 'x-delay': 1000 } })
    assert.deepEqual([kept.routed, kept.queues], [true, []])
    assert.deepEqual(told(kept), ['late/k (null):  of 1 [kept here until it is due, and routed then]'])
    const headers = { 'x-deduplication-header': 'one' }
    const first = await explain('once', 'k', { headers })
    assert.deepEqual(first.queues, ['q'])
    const value = new Map([['x-deduplication-header', { type: 'longstr', value: 'one' } as const]])
    client.publish('k', 'm', { exchange: 'once', headers: value })
    const second = await explain('once', 'k', { headers })
    assert.deepEqual([second.routed, second.queues], [false, []])
    assert.match(second.steps[0]!.note!, /it is a duplicate/)
  })

  test('with what the queues would make of it', async () => {
    const { client, explain, bind, api } = await start()
    client.exchange('x', 'fanout')
    client.declare('full', { 'x-max-length': 1, 'x-overflow': 'reject-publish' })
    client.declare('short', { 'x-max-length': 1 })
    client.declare('paused')
    client.declare('late', { 'x-delayed-message': true })
    for (const queue of ['full', 'short', 'paused', 'late']) bind(queue, 'x')
    client.publish('k', 'm', { exchange: 'x' })
    api.bench.vhost.pauseQueue(api.bench.queue('paused'), true)
    const { notes } = await explain('x', 'k', { headers: { 'x-delay': 1000 } })
    assert.deepEqual(notes, [
      "queue 'full' is full: it would refuse the message",
      "queue 'short' is full: its oldest message would go",
      "queue 'paused' is paused: it would wait there",
      "queue 'late' would keep it until it is due",
    ])
  })

  test('shows as many bindings as can be looked at, the matching ones among them', async () => {
    const { client, explain, bind } = await start()
    client.exchange('x', 'direct')
    client.declare('q')
    for (let i = 0; i < 5000; i++) bind('q', 'x', `k${i}`)
    const [step] = (await explain('x', 'k4999')).steps
    assert.deepEqual([step!.bindings.length, step!.bindings_total, step!.bindings[0]!.matched], [500, 5000, true])
    assert.equal(step!.bindings.filter(({ matched }) => matched).length, 1)
  })

  test('is told to who may see the virtual host, for messages that there can be', async () => {
    const { api, client } = await start()
    const { request } = api
    client.exchange('inside', 'fanout')
    const ask = async (path: string, body: unknown, as = 'guest'): Promise<number> =>
      (await request('POST', path, { body, as })).statusCode
    assert.equal(await ask('exchanges/%2F/none/route', {}), 404)
    assert.equal(await ask('exchanges/%2F/inside/route', {}, 'management'), 401)
    for (const body of [
      { routing_key: 1 },
      { routing_key: 'k'.repeat(256) },
      { properties: 'x' },
      { properties: { headers: { CC: 'x' } } },
    ]) {
      assert.equal(await ask('exchanges/%2F/inside/route', body), 400, JSON.stringify(body).slice(0, 60))
    }
  })
})
