import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CoreBench } from '../support/core-bench.ts'
import { type ApiBench, startApi } from './support.ts'

interface Page {
  readonly items: readonly Row[]
  readonly item_count: number
  readonly total_count: number
  readonly filtered_count: number
}
type Row = Readonly<Record<string, unknown>> & { readonly name: string; readonly vhost: string }

async function ask<T>(api: ApiBench, path: string, as = 'guest'): Promise<T> {
  const answer = await api.request('GET', path, { as })
  assert.equal(answer.statusCode, 200, answer.body)
  return answer.json<T>()
}

const names = (rows: readonly Row[]): string[] => rows.map(({ name }) => name)

/** Queues with 1, 2 and 3 messages, one of them in another vhost. */
async function someQueues() {
  const api = await startApi()
  const { bench } = api
  bench.broker.putVhost('other')
  bench.broker.setPermission({ user: 'guest', vhost: 'other', configure: '.*', write: '.*', read: '.*' })
  const client = bench.client()
  const other = bench.client(bench.connect('other'))
  client.declare('two')
  client.declare('one')
  other.declare('three', { 'x-queue-type': 'quorum' })
  for (const [count, name, from] of [
    [2, 'two', client],
    [1, 'one', client],
    [3, 'three', other],
  ] as const) {
    for (let i = 0; i < count; i++) from.publish(name, 'x'.repeat(count))
  }
  return { api, bench, client, other }
}

describe('lists of queues', () => {
  test('are in the order of vhost and name, unless they are asked to be in another', async () => {
    const { api, bench } = await someQueues()
    assert.deepEqual(names(await ask(api, 'queues')), ['one', 'two', 'three'])
    assert.deepEqual(names(await ask(api, 'queues/detailed')), ['one', 'two', 'three'])
    assert.deepEqual(names(await ask(api, 'queues/other')), ['three'])
    bench.advance(5000)
    for (const key of [
      'messages',
      'messages_ready',
      'message_bytes',
      'message_stats.publish_details.rate',
      'message_stats.publish',
      'memory',
      'residency.alpha',
    ]) {
      assert.deepEqual(names(await ask(api, `queues?sort=${key}`)), ['one', 'two', 'three'], key)
      assert.deepEqual(names(await ask(api, `queues?sort=${key}&sort_reverse=true`)), ['three', 'two', 'one'], key)
    }
  })

  test('tell what waits for a dead-letter target', async () => {
    const api = await startApi()
    const client = api.bench.client()
    client.declare('q', {
      'x-queue-type': 'quorum',
      'x-dead-letter-exchange': 'missing',
      'x-dead-letter-strategy': 'at-least-once',
      'x-overflow': 'reject-publish',
    })
    client.publish('q', 'dead')
    client.nack(client.get('q')!.tag, false, false)
    const { messages, messages_ready, messages_dlx, message_bytes_dlx } = await ask<Row>(api, 'queues/%2F/q')
    assert.deepEqual(
      { messages, messages_ready, messages_dlx, message_bytes_dlx },
      {
        messages: 1,
        messages_ready: 0,
        messages_dlx: 1,
        message_bytes_dlx: 4,
      },
    )
  })

  test('show the same whether or not they had to be rendered to be sorted', async () => {
    const { api, bench } = await someQueues()
    bench.advance(5000)
    const rendered = await ask<Row[]>(api, 'queues')
    const columns = Object.keys(rendered[0]!).filter((key) => typeof rendered[0]![key] !== 'object')
    for (const key of columns) {
      const sorted = await ask<Row[]>(api, `queues?sort=${key}`)
      const values = sorted.map((row) => row[key] ?? null)
      const expected = values.toSorted((a, b) =>
        typeof a === 'number' && typeof b === 'number' ? a - b : String(a ?? '') < String(b ?? '') ? -1 : 1,
      )
      assert.deepEqual(values, expected, key)
    }
  })

  test('come in pages, filtered, and with the columns that are asked for', async () => {
    const { api } = await someQueues()
    const page = await ask<Page>(api, 'queues?page=1&page_size=2&name=o&sort=name&columns=name,messages')
    assert.deepEqual([page.total_count, page.filtered_count, page.item_count], [3, 2, 2])
    assert.deepEqual(page.items, [
      { name: 'one', messages: 1 },
      { name: 'two', messages: 2 },
    ])
  })

  test('are whole without a page, whatever name is given', async () => {
    const { api } = await someQueues()
    assert.deepEqual(names(await ask(api, 'queues?name=two')), ['one', 'two', 'three'])
    const refused = await api.request('GET', 'queues?page=0')
    const reason = 'Invalid pagination parameters: page number 0, page size undefined'
    assert.deepEqual(refused.json(), { error: 'invalid_pagination_parameters', reason })
  })

  test('show only vhosts that the caller may look into', async () => {
    const { api, bench } = await someQueues()
    bench.broker.setPermission({ user: 'management', vhost: 'other', configure: '', write: '', read: '' })
    assert.deepEqual(names(await ask(api, 'queues', 'management')), ['three'])
    assert.deepEqual(names(await ask(api, 'queues', 'monitoring')), [])
    assert.equal((await api.request('GET', 'queues/%2F', { as: 'management' })).statusCode, 401)
    assert.equal((await api.request('GET', 'queues/%2F/one', { as: 'management' })).statusCode, 401)
    assert.equal((await api.request('GET', 'queues/nowhere')).statusCode, 404)
    assert.equal((await api.request('GET', 'queues/%2F/none')).statusCode, 404)
  })

  test('can do without numbers', async () => {
    const { api, bench } = await someQueues()
    bench.broker.setPolicy('user', '/', 'p', { pattern: 'one', definition: { 'max-length': 5 } })
    const [bare] = await ask<Row[]>(api, 'queues/%2F?disable_stats=true')
    assert.deepEqual(bare, {
      name: 'one',
      vhost: '/',
      type: 'classic',
      durable: true,
      auto_delete: false,
      exclusive: false,
      arguments: { 'x-queue-type': 'classic' },
      node: 'warren@test',
      state: 'running',
      paused: false,
      policy: 'p',
      operator_policy: null,
      effective_policy_definition: { 'max-length': 5 },
    })
    const [counted] = await ask<Row[]>(api, 'queues/%2F?disable_stats=true&enable_queue_totals=true')
    assert.deepEqual(counted, { ...bare, messages: 1, messages_ready: 1, messages_unacknowledged: 0 })
  })

  test('are without numbers where the configuration says so, and so is the rest', async () => {
    const api = await startApi(new CoreBench(), {}, { disableStats: true, enableQueueTotals: true })
    api.bench.client().declare('q')
    const [row] = await ask<Row[]>(api, 'queues')
    assert.deepEqual([row!['messages'], row!['memory']], [0, undefined])
    const overview = await ask<Row>(api, 'overview')
    assert.deepEqual([overview['disable_stats'], overview['message_stats']], [true, undefined])
    const refused = await api.request('GET', 'channels')
    assert.deepEqual(
      [refused.statusCode, refused.json()],
      [400, { error: 'bad_request', reason: 'Stats in management UI are disabled on this node' }],
    )
    const [connection] = await ask<Row[]>(api, 'connections')
    assert.deepEqual(Object.keys(connection!).toSorted(), ['name', 'node', 'user', 'vhost'])
  })
})

describe('a queue', () => {
  test('says what it has and where it is', async () => {
    const { api, client, bench } = await someQueues()
    client.get('two')
    const queue = await ask<Row>(api, 'queues/%2F/two')
    const { messages, messages_ready: ready, messages_unacknowledged: unacked, message_bytes: bytes } = queue
    assert.deepEqual([messages, ready, unacked, bytes], [2, 1, 1, 4])
    assert.deepEqual(queue['residency'], { alpha: 2, beta: 0, gamma: 0, delta: 0, disk_bytes: 0, index_bytes: 0 })
    const status = queue['backing_queue_status'] as Row
    assert.deepEqual([status['len'], status['q4'], status['residency']], [1, 1, queue['residency']])
    const quorum = await ask<Row>(api, 'queues/other/three')
    assert.deepEqual(
      [quorum['leader'], quorum['members'], quorum['delivery_limit']],
      ['warren@test', ['warren@test'], 20],
    )
    assert.equal(bench.queue('two').counters.got, 1)
  })

  test('tells who feeds it and who takes from it', async () => {
    const { api, client, bench } = await someQueues()
    const consumer = bench.client()
    consumer.consume('two', { tag: 'c1', prefetch: 10, priority: 2 })
    client.get('one', true)
    bench.settle()
    consumer.ack(consumer.deliveries[0]!.tag)
    bench.advance(5000)
    const two = await ask<Flows>(api, 'queues/%2F/two')
    assert.deepEqual(
      two.consumer_details.map(({ consumer_tag: tag, prefetch_count: prefetch, activity_status: status }) => [
        tag,
        prefetch,
        status,
      ]),
      [['c1', 10, 'up']],
    )
    const [taker] = two.deliveries
    assert.deepEqual([taker!.stats['deliver'], taker!.stats['ack'], taker!.stats['deliver_get']], [2, 1, 2])
    const one = await ask<Flows>(api, 'queues/%2F/one')
    assert.deepEqual(
      one.deliveries.map(({ stats }) => [stats['get_no_ack'], stats['deliver_get'], stats['deliver']]),
      [[1, 1, 0]],
    )
    assert.deepEqual(
      one.incoming.map(({ exchange, stats }) => [exchange.name, stats['publish']]),
      [['', 1]],
    )
  })

  test('tells which consumer alone is served', async () => {
    const { api, client } = await someQueues()
    client.declare('single', { 'x-single-active-consumer': true })
    client.consume('single', { tag: 'first' })
    client.consume('single', { tag: 'second' })
    const { consumer_details: consumers, ...queue } = await ask<Flows & Row>(api, 'queues/%2F/single')
    assert.equal(queue['single_active_consumer_tag'], 'first')
    assert.deepEqual(
      consumers.map(({ consumer_tag: tag, active, activity_status: status }) => [tag, active, status]),
      [
        ['first', true, 'single_active'],
        ['second', false, 'waiting'],
      ],
    )
  })

  test('tells how long its consumers may take to acknowledge', async () => {
    const { api, client } = await someQueues()
    const quorum = { 'x-queue-type': 'quorum' }
    client.declare('of the node', quorum)
    client.declare('its own', { ...quorum, 'x-consumer-timeout': 120_000 })
    client.declare('for ever')
    for (const queue of ['of the node', 'its own', 'for ever']) client.consume(queue, { tag: queue })
    const consumers = await ask<readonly { consumer_tag: string; consumer_timeout: number }[]>(api, 'consumers')
    assert.deepEqual(Object.fromEntries(consumers.map(({ consumer_tag: tag, consumer_timeout: ms }) => [tag, ms])), {
      'of the node': 1_800_000,
      'its own': 120_000,
      'for ever': 0,
    })
  })

  test('counts what rests for a retry, and what is delayed', async () => {
    const { api, bench, client } = await someQueues()
    client.declare('retried', {
      'x-queue-type': 'quorum',
      'x-delayed-retry-type': 'all',
      'x-delayed-retry-min': 10_000,
    })
    client.publish('retried', 'x')
    client.nack(client.get('retried')!.tag, false, true)
    const { messages, messages_ready: ready, messages_delayed: delayed } = await ask<Row>(api, 'queues/%2F/retried')
    assert.deepEqual([messages, ready, delayed], [1, 0, 1])
    bench.advance(10_000)
    const later = await ask<Row>(api, 'queues/%2F/retried')
    assert.deepEqual([later['messages'], later['messages_ready'], later['messages_delayed']], [1, 1, 0])
  })

  test('knows the share of the time in which its consumers had room', async () => {
    const { api, bench, client } = await someQueues()
    const capacity = async (): Promise<number> =>
      (await ask<{ consumer_capacity: number }>(api, 'queues/%2F/two')).consumer_capacity
    assert.equal(await capacity(), 0)
    client.consume('two', { prefetch: 1 })
    bench.settle()
    bench.advance(50_000)
    const full = await capacity()
    assert.ok(full < 0.05, `${full}`)
    client.ack(client.deliveries[0]!.tag)
    bench.settle()
    client.ack(client.deliveries[1]!.tag)
    bench.advance(5000)
    const some = await capacity()
    assert.ok(some > full && some < 1, `${some}`)
    bench.advance(100_000)
    assert.ok((await capacity()) > 0.95)
  })
})

interface Flow {
  readonly stats: Readonly<Record<string, unknown>>
  readonly exchange: { readonly name: string }
}
interface Flows {
  readonly incoming: readonly Flow[]
  readonly deliveries: readonly Flow[]
  readonly consumer_details: readonly Readonly<Record<string, unknown>>[]
}

test('a page of 100 of 10,000 queues renders 100 of them, whatever column it is sorted by', async () => {
  const api = await startApi()
  const client = api.bench.client()
  for (let i = 0; i < 10_000; i++) client.declare(`q-${i}`, {}, { durable: false })
  let rendered = 0
  for (const queue of api.bench.vhost.queues.values()) {
    // which is looked at when a queue is shown, and only then
    Object.defineProperty(queue, 'autoDelete', {
      get: () => {
        rendered++
        return false
      },
    })
  }
  for (const key of [
    'name',
    'messages',
    'consumers',
    'state',
    'message_stats.deliver_get_details.rate',
    'idle_since',
  ]) {
    rendered = 0
    const page = await ask<Page>(api, `queues?page=3&page_size=100&sort=${key}&sort_reverse=true`)
    assert.deepEqual([page.item_count, page.total_count, rendered], [100, 10_000, 100], key)
  }
})
