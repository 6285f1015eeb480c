import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { longstr } from '../../src/core/fields.ts'
import { CoreBench } from '../support/core-bench.ts'
import { type ApiBench, startApi } from './support.ts'

const TICK_MS = 5000

type Row = Readonly<Record<string, unknown>>
interface Topology {
  readonly exchanges: readonly Row[]
  readonly queues: readonly Row[]
  readonly bindings: readonly Row[]
  readonly flows: readonly Row[]
  readonly consumers: readonly Row[]
  readonly publishers: readonly Row[]
  readonly dead_letters: readonly Row[]
  readonly truncated: boolean
}

async function topologyOf(api: ApiBench, vhost = '%2F', as = 'guest'): Promise<Topology> {
  const answer = await api.request('GET', `topology/${vhost}`, { as })
  assert.equal(answer.statusCode, 200, answer.body)
  return answer.json<Topology>()
}

/** What a list has of the names given. */
const named = (rows: readonly Row[], ...names: string[]): readonly Row[] =>
  rows.filter(({ name }) => names.includes(name as string))

describe('the topology of a virtual host', () => {
  test('is all of it, with the rates of the last interval', async () => {
    const api = await startApi()
    const { bench } = api
    const [publisher, consumer] = [bench.client(), bench.client()]
    publisher.exchange('in', 'topic')
    publisher.exchange('out', 'fanout')
    publisher.declare('q', { 'x-dead-letter-exchange': 'out', 'x-dead-letter-routing-key': 'dead' })
    publisher.declare('r', { 'x-dead-letter-exchange': 'nowhere' })
    const { vhost } = bench
    const [from, to] = [vhost.findExchange('in'), vhost.findExchange('out')]
    vhost.bind(from, bench.queue('q'), 'a.b', new Map([['x', longstr('y')]]))
    vhost.bind(from, to, '#', new Map())
    vhost.bind(to, bench.queue('r'), '', new Map())
    const tag = consumer.consume('q', { noAck: true })
    bench.queue('r').paused = true
    for (let i = 0; i < 10; i++) publisher.publish('a.b', 'x', { exchange: 'in' })
    publisher.publish('q', 'x')
    bench.advance(TICK_MS)

    const shown = await topologyOf(api)
    const names = { connection: publisher.connection.facts.name }
    assert.deepEqual(named(shown.exchanges, 'in', 'out', ''), [
      { name: '', type: 'direct', internal: false, in: 0.2, out: 0.2 },
      { name: 'in', type: 'topic', internal: false, in: 2, out: 4 },
      { name: 'out', type: 'fanout', internal: false, in: 0, out: 0 },
    ])
    assert.deepEqual(shown.queues, [
      { name: 'q', type: 'classic', messages: 0, in: 2.2, out: 2.2, consumers: 1, state: 'running', paused: false },
      { name: 'r', type: 'classic', messages: 10, in: 2, out: 0, consumers: 0, state: 'running', paused: true },
    ])
    const listed = (await api.request('GET', 'bindings/%2F')).json<Row[]>()
    const keys = ['source', 'destination', 'destination_type', 'routing_key', 'properties_key']
    const inText = (rows: readonly Row[]): string[] =>
      rows.map((row) => JSON.stringify(keys.map((key) => row[key]))).sort()
    assert.equal(shown.bindings.length, 3)
    assert.deepEqual(inText(shown.bindings), inText(listed.filter(({ source }) => source !== '')))
    const rates = shown.bindings.map((row) => [row['source'], row['destination'], row['out_min'], row['out_max']])
    assert.deepEqual(
      rates.toSorted((a, b) => (String(a) < String(b) ? -1 : 1)),
      [
        ['in', 'out', 2, 2],
        ['in', 'q', 2, 2],
        ['out', 'r', 2, 2],
      ],
    )
    assert.deepEqual(shown.flows, [
      { exchange: 'in', queue: 'q', out: 2 },
      { exchange: '', queue: 'q', out: 0.2 },
      { exchange: 'in', queue: 'r', out: 2 },
    ])
    const { name: connection } = consumer.connection.facts
    assert.deepEqual(shown.consumers, [
      { queue: 'q', consumer_tag: tag, channel: `${connection} (0)`, connection, user: 'guest', out: 2.2 },
    ])
    assert.deepEqual(shown.publishers, [
      { ...names, exchange: 'in', out: 2 },
      { ...names, exchange: '', out: 0.2 },
    ])
    assert.deepEqual(shown.dead_letters, [
      { queue: 'q', exchange: 'out', routing_key: 'dead' },
      { queue: 'r', exchange: 'nowhere', routing_key: null },
    ])
    assert.equal(shown.truncated, false)
  })

  test('has publishers and consumers of others for monitors only, and is nothing for strangers', async () => {
    const api = await startApi()
    const { broker } = api.bench
    const client = api.bench.client()
    client.declare('q')
    client.consume('q')
    client.publish('q', 'x')
    for (const user of ['management', 'monitoring']) {
      broker.setPermission({ user, vhost: '/', configure: '', write: '', read: '' })
    }
    const ends = async (as: string): Promise<number[]> => {
      const { consumers, publishers, queues } = await topologyOf(api, '%2F', as)
      return [consumers.length, publishers.length, queues.length]
    }
    assert.deepEqual(await ends('monitoring'), [1, 1, 1])
    assert.deepEqual(await ends('management'), [0, 0, 1])
    broker.putVhost('other')
    assert.equal((await api.request('GET', 'topology/other', { as: 'management' })).statusCode, 401)
    assert.equal((await api.request('GET', 'topology/none')).statusCode, 404)
    assert.equal((await api.request('GET', 'topology/%2F?disable_stats=true')).statusCode, 400)
  })

  test('is cut where there is too much of it, without ends that hang loose', async () => {
    const api = await startApi(new CoreBench(), {}, { ratesMode: 'none' })
    const { bench } = api
    const client = bench.client()
    client.exchange('x', 'fanout')
    const exchange = bench.vhost.findExchange('x')
    for (let i = 0; i < 5001; i++) {
      const queue = client.declare(`q-${i}`, { 'x-dead-letter-exchange': 'x' }, { durable: false })
      if (i > 4000) bench.vhost.bind(exchange, queue, 'k', new Map())
    }
    client.consume('q-5000')
    const { queues, bindings, dead_letters: deadLetters, consumers, truncated } = await topologyOf(api)
    assert.deepEqual([queues.length, bindings.length, deadLetters.length, consumers.length], [5000, 999, 5000, 0])
    assert.equal(truncated, true)
    assert.equal(bindings[0]!['out_max'], null)
  })
})
