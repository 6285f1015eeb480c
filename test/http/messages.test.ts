import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { long, longstr, type Table } from '../../src/core/fields.ts'
import { composeMessage, Properties } from '../../src/core/message.ts'
import { amqpPropertyFormat } from '../../src/protocols/amqp091/wire/properties.ts'
import { MemoryMetadataStore } from '../../src/store/memory/memory-metadata-store.ts'
import { CoreBench } from '../support/core-bench.ts'
import { PagingStore } from '../support/paging-store.ts'
import { type ApiBench, startApi } from './support.ts'

interface Item {
  readonly id: string
  readonly state: string
  readonly payload: string
  readonly [key: string]: unknown
}

interface Page {
  readonly items: Item[]
  readonly next: string | null
  readonly examined: number
}

/** Asks while everything happens that the answer waits for. */
async function ask(api: ApiBench, path: string, as?: string): Promise<Page> {
  const answer = await api.request('GET', path, as === undefined ? {} : { as })
  assert.equal(answer.statusCode, 200, answer.body)
  return answer.json<Page>()
}

const payloads = ({ items }: Page): string[] => items.map(({ payload }) => payload)
const headers = (values: Record<string, string>): Table =>
  new Map(Object.entries(values).map(([name, value]) => [name, longstr(value)]))

describe('messages in a queue', () => {
  test('are shown with all that is known of them', async () => {
    const api = await startApi()
    const { bench } = api
    const client = bench.client()
    client.declare('q', { 'x-delayed-message': true })
    client.publish('q', 'held', { persistent: true })
    client.publish('q', 'ready', { headers: headers({ shade: 'blue' }), ttlMs: 5000 })
    client.publish('q', 'late', { headers: new Map([['x-delay', long(1000)]]) })
    client.consume('q', { tag: 'mine', prefetch: 1 })
    bench.settle()
    const now = bench.clock.now()
    const { items, next, examined } = await ask(api, 'queues/%2F/q/messages')
    assert.deepEqual([next, examined], [null, 3])
    const common = {
      residency: 'alpha',
      exchange: '',
      routing_key: 'q',
      redelivered: false,
      delivery_count: 0,
      payload_encoding: 'string',
      truncated: false,
      group: null,
    }
    assert.deepEqual(items, [
      {
        ...common,
        id: '1',
        state: 'unacked',
        properties: { delivery_mode: 2, headers: {} },
        payload: 'held',
        payload_bytes: 4,
        waits_for: null,
        due_at: null,
        expires_at: null,
        consumer: { consumer_tag: 'mine', channel: 'connection 0 (0)', since: now },
      },
      {
        ...common,
        id: '2',
        state: 'ready',
        properties: { expiration: '5000', headers: { shade: 'blue' } },
        payload: 'ready',
        payload_bytes: 5,
        waits_for: null,
        due_at: null,
        expires_at: now + 5000,
        consumer: null,
      },
      {
        ...common,
        id: 'd1',
        state: 'delayed',
        properties: { headers: { 'x-delay': -1000 } },
        payload: 'late',
        payload_bytes: 4,
        waits_for: 'due time',
        due_at: now + 1000,
        expires_at: null,
        consumer: null,
      },
    ])
    const queue = bench.queue('q')
    assert.deepEqual([queue.readyCount, queue.unackedCount], [1, 1])
    assert.equal(client.deliveries.length, 1)
  })

  test('are paged, in memory and in the store, from both ends', async () => {
    const given = new CoreBench({ messageMemoryBytes: 100_000 }, new MemoryMetadataStore(), new PagingStore())
    const api = await startApi(given)
    const client = api.bench.client()
    client.declare('q')
    const all = Array.from({ length: 700 }, (_, i) => `m${i}`)
    for (const body of all) client.publish('q', body, { persistent: true })
    api.bench.settle()
    for (const from of ['head', 'tail']) {
      const seen: string[] = []
      const residencies = new Set<string>()
      let pages = 0
      for (let after: string | null = ''; after !== null; pages++) {
        const page = await ask(api, `queues/%2F/q/messages?limit=300&from=${from}&after=${after}`)
        seen.push(...payloads(page))
        for (const { residency } of page.items) residencies.add(String(residency))
        after = page.next
      }
      assert.deepEqual(seen, from === 'head' ? all : all.toReversed())
      assert.equal(pages, 3)
      assert.deepEqual([...residencies].toSorted(), ['alpha', 'beta'])
    }
  })

  test('are searched by state, header, key and body', async () => {
    const api = await startApi()
    const { bench } = api
    const client = bench.client()
    client.declare('q')
    client.exchange('x', 'topic')
    client.session.topology.bindQueue('q', 'x', '#', new Map())
    const put = (key: string, body: string, values: Record<string, string> = {}): void =>
      client.publish(key, body, { exchange: 'x', headers: headers(values) })
    put('orders.eu', 'one', { shade: 'blue', size: 'L' })
    put('orders.us', 'two', { shade: 'red' })
    put('invoices.eu', 'zweiundzwanzig', { shade: 'blue' })
    for (const [search, expected] of [
      ['', ['one', 'two', 'zweiundzwanzig']],
      ['header=shade', ['one', 'two', 'zweiundzwanzig']],
      ['header=shade%3Dblue', ['one', 'zweiundzwanzig']],
      ['header=shade%3Dblue&header=size', ['one']],
      ['header=shade%3D', []],
      ['key=orders.*', ['one', 'two']],
      ['key=*.eu', ['one', 'zweiundzwanzig']],
      ['key=orders', []],
      ['body=und', ['zweiundzwanzig']],
      ['body=und&key=orders.*', []],
      ['state=ready', ['one', 'two', 'zweiundzwanzig']],
      ['state=unacked', []],
      ['state=delayed', []],
    ] as const) {
      assert.deepEqual(payloads(await ask(api, `queues/%2F/q/messages?${search}`)), expected, search)
    }
  })

  test('have their bodies cut, never within a character, and bytes in base64', async () => {
    const api = await startApi()
    const { bench } = api
    const client = bench.client()
    client.declare('q')
    client.publish('q', 'äöü')
    const bytes = Buffer.from([0xff, 0xfe, 0x41])
    const { publishing } = client.session
    publishing.publish(
      publishing.access(''),
      composeMessage('', 'q', new Properties(), bytes, amqpPropertyFormat),
      false,
    )
    const show = async (truncate: number, index = 0): Promise<unknown[]> => {
      const { items } = await ask(api, `queues/%2F/q/messages?truncate=${truncate}`)
      const { payload, payload_encoding: encoding, payload_bytes: length, truncated } = items[index]!
      return [payload, encoding, length, truncated]
    }
    assert.deepEqual(await show(6), ['äöü', 'string', 6, false])
    assert.deepEqual(await show(3), ['ä', 'string', 6, true])
    assert.deepEqual(await show(0), ['', 'string', 6, true])
    assert.deepEqual(await show(10, 1), [bytes.toString('base64'), 'base64', 3, false])
  })

  test('are for who may read the queue', async () => {
    const api = await startApi()
    const { bench, request } = api
    bench.client().declare('q')
    const { broker } = bench
    assert.equal((await request('GET', 'queues/%2F/q/messages', { as: 'management' })).statusCode, 401)
    assert.equal((await request('GET', 'queues/%2F/q/messages', { as: 'monitoring' })).statusCode, 401)
    broker.setPermission({ user: 'management', vhost: '/', configure: '.*', write: '.*', read: '^other' })
    const refused = await request('GET', 'queues/%2F/q/messages', { as: 'management' })
    assert.equal(refused.statusCode, 401)
    assert.match(refused.json<{ reason: string }>().reason, /read access to queue 'q' in vhost '\/' refused/)
    broker.setPermission({ user: 'management', vhost: '/', configure: '', write: '', read: '.*' })
    assert.deepEqual((await ask(api, 'queues/%2F/q/messages', 'management')).items, [])
    assert.equal((await request('GET', 'queues/%2F/none/messages')).statusCode, 404)
    assert.equal((await request('GET', 'queues/none/q/messages')).statusCode, 404)
  })

  test('are not to be had for wrong parameters', async () => {
    const { bench, request } = await startApi()
    bench.client().declare('q')
    for (const wrong of [
      'limit=0',
      'limit=501',
      'limit=x',
      'state=gone',
      'from=middle',
      'truncate=-1',
      'after=x-1-1',
    ]) {
      const answer = await request('GET', `queues/%2F/q/messages?${wrong}`)
      assert.equal(answer.statusCode, 400, wrong)
      assert.equal(answer.json<{ error: string }>().error, 'bad_request')
    }
  })
})

describe('messages that an exchange keeps', () => {
  test('are shown by due time', async () => {
    const api = await startApi()
    const client = api.bench.client()
    client.exchange('late', 'x-delayed-message', { 'x-delayed-type': 'fanout' })
    for (const [body, delay] of [
      ['b', 2000],
      ['a', 1000],
      ['c', 3000],
    ] as const) {
      client.publish('k', body, { exchange: 'late', headers: new Map([['x-delay', long(delay)]]) })
    }
    assert.deepEqual(payloads(await ask(api, 'exchanges/%2F/late/messages')), ['a', 'b', 'c'])
    assert.deepEqual(payloads(await ask(api, 'exchanges/%2F/late/messages?from=tail')), ['c', 'b', 'a'])
    const first = await ask(api, 'exchanges/%2F/late/messages?limit=2')
    assert.deepEqual(payloads(await ask(api, `exchanges/%2F/late/messages?after=${first.next!}`)), ['c'])
    assert.deepEqual(payloads(await ask(api, 'exchanges/%2F/late/messages?state=ready')), [])
    assert.deepEqual(payloads(await ask(api, 'exchanges/%2F/amq.default/messages')), [])
    assert.equal((await api.request('GET', 'exchanges/%2F/none/messages')).statusCode, 404)
  })
})
