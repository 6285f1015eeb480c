import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Details } from '../../src/management/statistics/details.ts'
import { History } from '../../src/management/statistics/history.ts'
import { CoreBench, StepClock } from '../support/core-bench.ts'
import { type ApiBench, startApi } from './support.ts'

const TICK_MS = 5000

type Stats = Readonly<Record<string, number>> & Readonly<Record<string, Details>>
interface Counted {
  readonly message_stats?: Stats
  readonly messages: number
  readonly messages_details: Details
  readonly messages_ready_details: Details
  readonly idle_since?: string
}

const ask = async <T>(api: ApiBench, path: string, as = 'guest'): Promise<T> => {
  const answer = await api.request('GET', path, { as })
  assert.equal(answer.statusCode, 200, answer.body)
  return answer.json<T>()
}

/** A queue `q` with a client that publishes to it and consumes from it. */
async function busyQueue(settings: Parameters<typeof startApi>[2] = {}) {
  const api = await startApi(new CoreBench(), {}, settings)
  const client = api.bench.client()
  client.declare('q')
  return { api, client, bench: api.bench }
}

describe('rates', () => {
  test('are those of the last interval, and 0 when nothing comes any more', async () => {
    const { api, client, bench } = await busyQueue()
    const rate = async (): Promise<[number, number]> => {
      const { message_stats: stats } = await ask<Counted>(api, 'queues/%2F/q')
      return [stats!['publish']!, stats!['publish_details']!.rate]
    }
    for (let i = 0; i < 10; i++) client.publish('q', 'x')
    assert.deepEqual(await rate(), [10, 0])
    bench.advance(TICK_MS)
    assert.deepEqual(await rate(), [10, 2])
    for (let i = 0; i < 25; i++) client.publish('q', 'x')
    assert.deepEqual(await rate(), [35, 2])
    bench.advance(TICK_MS)
    assert.deepEqual(await rate(), [35, 5])
    bench.advance(TICK_MS)
    assert.deepEqual(await rate(), [35, 0])
  })

  test('are of all that RabbitMQ counts, in the groups in which it does', async () => {
    const { api, client, bench } = await busyQueue()
    assert.equal((await ask<Counted>(api, 'queues/%2F/q')).message_stats, undefined)
    client.get('q')
    const empty = await ask<Counted>(api, 'queues/%2F/q')
    assert.deepEqual(
      Object.keys(empty.message_stats!).filter((key) => !key.endsWith('_details')),
      ['deliver', 'deliver_no_ack', 'get', 'get_no_ack', 'get_empty', 'deliver_get', 'redeliver', 'ack'],
    )
    assert.equal(empty.message_stats!['get_empty'], 1)
    client.publish('q', '1')
    client.publish('q', '2')
    client.publish('q', '3')
    client.nack(client.get('q')!.tag, false, true)
    client.get('q', true)
    const tag = client.consume('q')
    bench.settle()
    client.ack(client.deliveries[0]!.tag)
    client.session.cancel(tag)
    bench.advance(TICK_MS)
    const { message_stats: stats } = await ask<Counted>(api, 'queues/%2F/q')
    const { publish, deliver, get, get_no_ack: noAck, deliver_get: all, redeliver, ack } = stats!
    assert.deepEqual(
      { publish, deliver, get, noAck, all, redeliver, ack },
      {
        publish: 3,
        deliver: 2,
        get: 1,
        noAck: 1,
        all: 4,
        redeliver: 1,
        ack: 1,
      },
    )
    assert.equal(stats!['deliver_get_details']!.rate, 4 / 5)
  })

  test('of a virtual host and of the node outlast channels and connections', async () => {
    const { api, client, bench } = await busyQueue()
    for (let i = 0; i < 10; i++) client.publish('q', 'x')
    client.publish('nowhere', 'x')
    client.connection.close()
    bench.advance(TICK_MS)
    for (const path of ['vhosts/%2F', 'overview']) {
      const { message_stats: stats } = await ask<Counted>(api, path)
      assert.deepEqual([stats!['publish'], stats!['publish_details']!.rate], [11, 11 / 5], path)
      assert.equal(stats!['drop_unroutable'], 1, path)
    }
    const { churn_rates: churn } = await ask<{ churn_rates: Stats }>(api, 'overview')
    assert.deepEqual([churn['connection_closed'], churn['channel_closed'], churn['queue_created']], [1, 1, 1])
    assert.equal(churn['connection_closed_details']!.rate, 1 / 5)
  })

  test('of exchanges count what comes and what goes', async () => {
    const { api, client, bench } = await busyQueue()
    client.exchange('x', 'fanout')
    client.declare('r')
    for (const queue of ['q', 'r']) bench.vhost.bind(bench.vhost.findExchange('x'), bench.queue(queue), '', new Map())
    for (let i = 0; i < 5; i++) client.publish('', 'x', { exchange: 'x' })
    bench.advance(TICK_MS)
    const object = await ask<Counted & { incoming: Flow[]; outgoing: Flow[] }>(api, 'exchanges/%2F/x')
    const { publish_in: comes, publish_out: goes, publish_out_details: details } = object.message_stats!
    assert.deepEqual([comes, goes, details!.rate], [5, 10, 2])
    assert.deepEqual(
      object.outgoing.map(({ queue, stats }) => [queue!.name, stats['publish'], stats['publish_details']!.rate]),
      [
        ['q', 5, 1],
        ['r', 5, 1],
      ],
    )
    assert.deepEqual(
      object.incoming.map(({ channel_details: channel, stats }) => [channel!.user, stats['publish']]),
      [['guest', 5]],
    )
    const others = await ask<Counted[]>(api, 'exchanges')
    assert.equal(others.filter(({ message_stats: stats }) => stats !== undefined).length, 1)
  })

  test('of exchanges are of the one that is published to, whatever others a message goes through', async () => {
    const { api, client, bench } = await busyQueue()
    const { vhost } = bench
    client.declare('r')
    for (const name of ['first', 'second', 'alternate']) client.exchange(name, 'fanout')
    client.exchange('unbound', 'direct', { 'alternate-exchange': 'alternate' })
    const bind = (from: string, to: Parameters<typeof vhost.bind>[1]): unknown =>
      vhost.bind(vhost.findExchange(from), to, '', new Map())
    bind('first', vhost.findExchange('second'))
    bind('first', bench.queue('q'))
    bind('second', bench.queue('q'))
    bind('second', bench.queue('r'))
    bind('alternate', bench.queue('q'))
    for (let i = 0; i < 3; i++) {
      client.publish('k', 'x', { exchange: 'first' })
      client.publish('k', 'x', { exchange: 'unbound' })
    }
    const counted = async (name: string): Promise<[number?, number?]> => {
      const { message_stats: stats } = await ask<Counted>(api, `exchanges/%2F/${name}`)
      return stats === undefined ? [] : [stats['publish_in']!, stats['publish_out']!]
    }
    // as RabbitMQ 3.10 has it
    assert.deepEqual(await counted('first'), [3, 6])
    assert.deepEqual(await counted('second'), [])
    assert.deepEqual(await counted('unbound'), [3, 3])
    assert.deepEqual(await counted('alternate'), [])
  })

  test('of connections come from their traffic', async () => {
    const { api, bench } = await busyQueue()
    const connection = bench.connect()
    let bytes = 0
    const traffic = connection.traffic.bind(connection)
    connection.traffic = () => ({ ...traffic(), receivedBytes: bytes })
    bytes = 1000
    bench.advance(TICK_MS)
    const { recv_oct: received, recv_oct_details: details } = await ask<{
      recv_oct: number
      recv_oct_details: Details
    }>(api, `connections/${encodeURIComponent(connection.facts.name)}`)
    assert.deepEqual([received, details.rate], [1000, 200])
  })
})

interface Flow {
  readonly stats: Stats
  readonly queue?: { readonly name: string }
  readonly exchange?: { readonly name: string }
  readonly channel_details?: { readonly name: string; readonly user: string }
}

describe('histories', () => {
  test('have samples at multiples of the increment, the newest first', async () => {
    const { api, client, bench } = await busyQueue()
    for (let round = 0; round < 4; round++) {
      for (let i = 0; i <= round; i++) client.publish('q', 'x')
      bench.advance(TICK_MS)
    }
    const now = bench.clock.now()
    const { messages_ready_details: details, message_stats: stats } = await ask<Counted>(
      api,
      'queues/%2F/q?lengths_age=20&lengths_incr=5&msg_rates_age=20&msg_rates_incr=10',
    )
    assert.deepEqual(
      details.samples,
      [10, 6, 3, 1, 0].map((sample, back) => ({ sample, timestamp: now - back * TICK_MS })),
    )
    assert.deepEqual([details.rate, details.avg, details.avg_rate], [4 / 5, 4, 10 / 20])
    assert.deepEqual(
      stats!['publish_details']!.samples!.map(({ sample, timestamp }) => [sample, now - timestamp]),
      [
        [10, 0],
        [3, 10_000],
        [0, 20_000],
      ],
    )
  })

  test('of several virtual hosts are their sum, for who sees only some of them', async () => {
    const { api, client, bench } = await busyQueue()
    const { broker } = bench
    for (const vhost of ['one', 'two']) {
      broker.putVhost(vhost)
      broker.setPermission({ user: 'guest', vhost, configure: '.*', write: '.*', read: '.*' })
      const other = bench.client(bench.connect(vhost))
      other.declare('q')
      other.publish('q', 'x')
    }
    broker.setPermission({ user: 'management', vhost: 'one', configure: '', write: '', read: '' })
    broker.setPermission({ user: 'management', vhost: '/', configure: '', write: '', read: '' })
    client.publish('q', 'x')
    bench.advance(TICK_MS)
    const shown = async (as: string): Promise<unknown[]> => {
      const {
        queue_totals: totals,
        message_stats: stats,
        object_totals: objects,
      } = await ask<Overview>(api, 'overview?lengths_age=5&lengths_incr=5', as)
      const samples = totals.messages_details.samples!.map(({ sample }) => sample)
      return [totals.messages, samples, stats['publish'], stats['publish_details']!.rate, objects['queues']]
    }
    assert.deepEqual(await shown('management'), [2, [2, 0], 2, 2 / 5, 2])
    assert.deepEqual(await shown('monitoring'), [3, [3, 0], 3, 3 / 5, 3])
  })

  test('that are none are refused, and halves of them passed over', async () => {
    const { api } = await busyQueue()
    for (const query of [
      'lengths_age=600&lengths_incr=1',
      'msg_rates_age=0&msg_rates_incr=0',
      'node_stats_age=-5&node_stats_incr=5',
    ]) {
      const answer = await api.request('GET', `overview?${query}`)
      assert.equal(answer.statusCode, 400, query)
      const [age, increment] = query.split('&').map((part) => part.split('=')[1])
      assert.deepEqual(answer.json(), {
        error: 'bad_request',
        reason: `Invalid range parameters: age ${age}, incr ${increment}`,
      })
    }
    for (const query of [
      'lengths_age=60',
      'lengths_incr=5',
      'lengths_age=x&lengths_incr=5',
      'lengths_age=1&lengths_age=2',
    ]) {
      const { queue_totals: totals } = await ask<Overview>(api, `overview?${query}`)
      assert.deepEqual(totals.messages_details, { rate: 0 }, query)
    }
  })

  test('cost nothing for what nothing happens to, and go when it is long ago', async () => {
    const { api, client, bench } = await busyQueue()
    for (let i = 0; i < 100; i++) client.declare(`idle-${i}`)
    client.publish('q', 'x')
    bench.advance(TICK_MS)
    const queues = [...bench.vhost.queues.values()]
    const remembered = queues.filter(({ counters }) => counters.history !== null)
    assert.deepEqual(
      remembered.map(({ name }) => name),
      ['q'],
    )
    const { history } = bench.queue('q').counters
    assert.ok(history instanceof History)
    assert.ok(history.bytes > 1000)
    // what is shown of the queue stays
    bench.advance(3_700_000)
    assert.ok(history.bytes < 1000, `${history.bytes}`)
    const { messages } = await ask<Counted>(api, 'queues/%2F/q')
    assert.equal(messages, 1)
  })

  test('begin with what was there when sampling began', async () => {
    const bench = await new CoreBench().start()
    const client = bench.client()
    client.declare('q')
    for (let i = 0; i < 50; i++) client.publish('q', 'x')
    const api = await startApi(bench)
    bench.advance(TICK_MS)
    const { messages_details: details, message_stats: stats } = await ask<Counted>(
      api,
      'queues/%2F/q?lengths_age=10&lengths_incr=5',
    )
    assert.deepEqual(
      details.samples!.map(({ sample }) => sample),
      [50, 50, 50],
    )
    assert.deepEqual([details.rate, stats!['publish_details']!.rate], [0, 0])
  })

  test('start over when they are reset', async () => {
    const { api, client, bench } = await busyQueue()
    for (let i = 0; i < 10; i++) client.publish('q', 'x')
    bench.advance(TICK_MS)
    const stats = async (): Promise<[number, number]> => {
      const { message_stats: counted } = await ask<Counted>(api, 'queues/%2F/q')
      return [counted!['publish']!, counted!['publish_details']!.rate]
    }
    assert.deepEqual(await stats(), [10, 2])
    assert.equal((await api.request('DELETE', 'reset', { as: 'monitoring' })).statusCode, 401)
    assert.equal((await api.request('DELETE', 'reset')).statusCode, 204)
    assert.deepEqual(await stats(), [10, 0])
    for (let i = 0; i < 5; i++) client.publish('q', 'x')
    bench.advance(TICK_MS)
    assert.deepEqual(await stats(), [15, 1])
  })

  test('start over when the clock is set back', async () => {
    const clock = new AdjustableClock()
    const bench = new CoreBench({}, undefined, undefined, clock)
    const api = await startApi(bench)
    const client = bench.client()
    client.declare('q')
    client.publish('q', 'x')
    bench.advance(60_000)
    clock.ahead = -3_600_000
    bench.advance(TICK_MS)
    client.publish('q', 'x')
    bench.advance(TICK_MS)
    const { message_stats: stats } = await ask<Counted>(api, 'queues/%2F/q?msg_rates_age=10&msg_rates_incr=5')
    const { rate, samples } = stats!['publish_details']!
    assert.deepEqual([stats!['publish'], rate], [2, 1 / 5])
    assert.deepEqual(
      samples!.map(({ sample, timestamp }) => [sample, clock.now() - timestamp]),
      [
        [2, 0],
        [1, 5000],
        [1, 10_000],
      ],
    )
  })
})

/** Wall-clock time that can be set. */
class AdjustableClock extends StepClock {
  ahead = 0

  override now(): number {
    return super.now() + this.ahead
  }
}

interface Overview {
  readonly queue_totals: { readonly messages: number; readonly messages_details: Details }
  readonly message_stats: Stats
  readonly object_totals: Readonly<Record<string, number>>
  readonly rates_mode: string
}

describe('the mode of rates', () => {
  test('detailed remembers what goes from where to where', async () => {
    for (const [ratesMode, expected] of [
      ['detailed', [5, 0]],
      ['basic', [5, 5]],
    ] as const) {
      const { api, client, bench } = await busyQueue({ ratesMode })
      for (let i = 0; i < 5; i++) client.publish('q', 'x')
      bench.advance(TICK_MS)
      const { incoming } = await ask<{ incoming: Flow[] }>(api, 'queues/%2F/q?msg_rates_age=5&msg_rates_incr=5')
      const details = incoming[0]!.stats['publish_details']!
      assert.deepEqual(
        details.samples!.map(({ sample }) => sample),
        expected,
        ratesMode,
      )
      const now = await ask<{ incoming: Flow[] }>(api, 'queues/%2F/q')
      assert.equal(now.incoming[0]!.stats['publish_details']!.rate, 1, ratesMode)
    }
  })

  test('none keeps counts alone', async () => {
    const { api, client, bench } = await busyQueue({ ratesMode: 'none' })
    client.publish('q', 'x')
    bench.advance(60_000)
    const { message_stats: stats, ...queue } = await ask<Counted>(api, 'queues/%2F/q')
    assert.deepEqual(stats, { publish: 1 })
    assert.equal(queue.messages_details, undefined)
    assert.equal(bench.queue('q').counters.history, null)
    assert.equal((await ask<Overview>(api, 'overview')).rates_mode, 'none')
  })
})

describe('the interval', () => {
  test('is that of the configuration', async () => {
    const { api, client, bench } = await busyQueue({ intervalMs: 20_000 })
    for (let i = 0; i < 10; i++) client.publish('q', 'x')
    bench.advance(15_000)
    const rate = async (): Promise<number> =>
      (await ask<Counted>(api, 'queues/%2F/q')).message_stats!['publish_details']!.rate
    assert.equal(await rate(), 0)
    bench.advance(5000)
    assert.equal(await rate(), 0.5)
  })

  test('may be too short for all objects: the others have their turn meanwhile, and samples come whole', async () => {
    const { api, client, bench } = await busyQueue()
    for (let i = 0; i < 10_000; i++) client.declare(`q-${i}`, {}, { durable: false })
    for (const name of ['q', 'q-0', 'q-9999']) for (let i = 0; i < 10; i++) client.publish(name, 'x')
    bench.settle()
    // the timer fires, and turns do not end
    bench.clock.advance(TICK_MS, () => {})
    const isSampled = (name: string): boolean => bench.queue(name).counters.history !== null
    assert.deepEqual(['q', 'q-0', 'q-9999'].map(isSampled), [true, true, false])
    bench.turn.end()
    bench.turn.end()
    assert.ok(isSampled('q-9999'))
    for (const name of ['q', 'q-0', 'q-9999']) {
      const { message_stats: stats } = await ask<Counted>(api, `queues/%2F/${name}`)
      assert.equal(stats!['publish_details']!.rate, 2, name)
    }
  })
})

describe('idle_since', () => {
  test('is when something happened last, and is missing while something does', async () => {
    const { api, client, bench } = await busyQueue()
    const idleSince = async (): Promise<number | null> => {
      const { idle_since: text } = await ask<Counted>(api, 'queues/%2F/q')
      if (text === undefined) return null
      assert.match(text, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00$/)
      return Date.parse(text)
    }
    const created = bench.clock.now()
    assert.equal(await idleSince(), created)
    client.publish('q', 'x')
    bench.advance(TICK_MS)
    assert.equal(await idleSince(), null)
    bench.advance(2 * TICK_MS)
    assert.equal(await idleSince(), created + TICK_MS)
  })
})
