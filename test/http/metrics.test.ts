import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { describe, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { longstr } from '../../src/core/fields.ts'
import { createMetricsApp } from '../../src/management/prometheus/app.ts'
import { type Exposition, parseExposition, valueOf } from './exposition-parser.ts'
import { type ApiBench, startApi } from './support.ts'

async function scrape(api: ApiBench, path = '', headers: Record<string, string> = {}): Promise<Exposition> {
  const answer = await api.request('GET', `/metrics${path}`, { headers })
  assert.equal(answer.statusCode, 200, answer.body)
  const isOpen = answer.headers['content-type']?.toString().startsWith('application/openmetrics-text') === true
  return parseExposition(answer.body, isOpen)
}

const LOGIN = { protocol: 'amqp091', address: '127.0.0.1', user: 'guest' }

/** A queue of each type with something in it, and a client that did a little of everything. */
async function busyBroker() {
  const api = await startApi()
  const { bench } = api
  for (const ok of [true, true, false]) api.host.authenticator.attempts.count(LOGIN, ok)
  const client = bench.client()
  client.session.publishing.selectConfirms()
  client.declare('classic')
  client.declare('quorum', { 'x-queue-type': 'quorum' })
  client.declare('dying', { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'classic' })
  for (const queue of ['classic', 'quorum', 'dying']) for (let i = 0; i < 5; i++) client.publish(queue, 'xx')
  client.publish('nowhere', 'x')
  client.publish('nowhere', 'x', { mandatory: true })
  client.ack(client.get('classic')!.tag)
  client.get('classic', true)
  client.nack(client.get('dying')!.tag, false, false)
  client.nack(client.get('quorum')!.tag, false, false)
  client.consume('quorum', { prefetch: 2 })
  bench.settle()
  return { api, bench, client }
}

const CHANNEL = { channel: 'connection 0 (0)' }
const AMQP = { protocol: 'amqp091' }

describe('/metrics', () => {
  test('sums up what all objects have counted', async () => {
    const { api } = await busyBroker()
    const metrics = await scrape(api)
    const value = (name: string, labels = {}): number => valueOf(metrics, `rabbitmq_${name}`, labels)
    const expected: Record<string, number> = {
      connections: 1,
      channels: 1,
      consumers: 1,
      queues: 3,
      queues_created_total: 3,
      queue_messages: 13 - 1,
      queue_messages_ready: 12 - 2,
      queue_messages_unacked: 2,
      queue_messages_bytes: 24,
      queue_consumers: 1,
      channel_messages_published_total: 17,
      channel_messages_confirmed_total: 17,
      channel_messages_unroutable_dropped_total: 1,
      channel_messages_unroutable_returned_total: 1,
      channel_get_ack_total: 3,
      channel_get_total: 1,
      channel_messages_delivered_ack_total: 2,
      channel_messages_acked_total: 1,
      channel_messages_unacked: 2,
      alarms_memory_used_watermark: 0,
      process_open_fds: 20,
      process_max_fds: 1024,
      disk_space_available_bytes: 1e10,
      resident_memory_limit_bytes: 4e9,
    }
    for (const [name, count] of Object.entries(expected)) assert.equal(value(name), count, name)
    assert.equal(value('auth_attempts_total', AMQP), 3)
    assert.equal(value('auth_attempts_failed_total', AMQP), 1)
    assert.equal(value('global_messages_received_total', AMQP), 17)
    assert.equal(value('global_messages_received_confirm_total', AMQP), 17)
    assert.equal(value('global_messages_routed_total', AMQP), 15)
    const classic = { queue_type: 'rabbit_classic_queue' }
    const quorum = { queue_type: 'rabbit_quorum_queue' }
    assert.equal(value('global_messages_delivered_total', classic), 3)
    assert.equal(value('global_messages_delivered_get_auto_ack_total', classic), 1)
    assert.equal(value('global_messages_delivered_consume_manual_ack_total', quorum), 2)
    const rejected = 'global_messages_dead_lettered_rejected_total'
    assert.equal(value(rejected, { ...classic, dead_letter_strategy: 'at_most_once' }), 1)
    assert.equal(value(rejected, { ...quorum, dead_letter_strategy: 'disabled' }), 1)
    assert.equal(value(rejected, { ...classic, dead_letter_strategy: 'disabled' }), 0)
    const identity = metrics.get('rabbitmq_identity_info')!.samples[0]!
    assert.equal(identity.labels.get('rabbitmq_node'), 'warren@test')
    assert.equal(identity.labels.get('rabbitmq_endpoint'), 'aggregated')
  })

  test('never counts backwards, whatever goes', async () => {
    const { api, bench, client } = await busyBroker()
    const counters = async (): Promise<Map<string, number>> => {
      const families = [...(await scrape(api)).values()].filter(({ type }) => type === 'counter')
      const samples = families.flatMap((family) => family.samples)
      return new Map(samples.map(({ name, labels, value }) => [`${name} ${JSON.stringify([...labels])}`, value]))
    }
    const before = await counters()
    client.connection.close()
    bench.settle()
    for (const queue of [...bench.vhost.queues.values()]) bench.vhost.removeQueue(queue)
    bench.settle()
    const after = await counters()
    for (const [name, value] of before) assert.ok((after.get(name) ?? -1) >= value, `${name}: ${value}`)
    assert.equal(valueOf(await scrape(api), 'rabbitmq_queues'), 0)
  })

  test('shows alarms', async () => {
    const { api, bench } = await busyBroker()
    bench.broker.alarms.set('disk', true)
    assert.equal(valueOf(await scrape(api), 'rabbitmq_alarms_free_disk_space_watermark'), 1)
    assert.equal(valueOf(await scrape(api), 'rabbitmq_alarms_memory_used_watermark'), 0)
  })

  test('has numbers of our own', async () => {
    const { api, bench, client } = await busyBroker()
    client.declare('resting', {
      'x-queue-type': 'quorum',
      'x-delayed-retry-type': 'all',
      'x-delayed-retry-min': 60_000,
    })
    client.publish('resting', 'x')
    client.nack(client.get('resting')!.tag, false, true)
    client.exchange('later', 'x-delayed-message', { 'x-delayed-type': 'direct' })
    client.publish('classic', 'x', { exchange: 'later', headers: new Map([['x-delay', longstr('60000')]]) })
    bench.settle()
    const metrics = await scrape(api)
    assert.equal(valueOf(metrics, 'warren_messages_held'), 1)
    assert.equal(valueOf(metrics, 'warren_retries_total'), 1)
    const line = { vhost: '/', kind: 'exchange', name: 'later' }
    assert.equal(valueOf(metrics, 'warren_delayed_messages', line), 1)
    assert.equal(valueOf(metrics, 'warren_messages', { residency: 'alpha' }), 13)
    assert.equal(valueOf(metrics, 'warren_event_loop_utilization'), 0.25)
    assert.ok(valueOf(metrics, 'warren_memory_bytes', { kind: 'heap_used' }) > 1e6)
    for (const [name, { help }] of metrics) assert.ok(help.length > 5, name)
  })

  test('is for who may monitor', async () => {
    const { api } = await busyBroker()
    const status = async (as: string | null): Promise<number> =>
      (await api.request('GET', '/metrics', { as })).statusCode
    assert.deepEqual(
      [await status(null), await status('nobody'), await status('management'), await status('monitoring')],
      [401, 401, 401, 200],
    )
  })
})

describe('metrics of each object', () => {
  test('are told apart by labels', async () => {
    const { api } = await busyBroker()
    const metrics = await scrape(api, '/per-object')
    const classic = { vhost: '/', queue: 'classic' }
    assert.equal(valueOf(metrics, 'rabbitmq_queue_messages_ready', classic), 4)
    assert.equal(valueOf(metrics, 'rabbitmq_queue_messages_ready', { queue: 'quorum' }), 2)
    assert.equal(valueOf(metrics, 'rabbitmq_channel_messages_unacked', CHANNEL), 2)
    const published = { ...CHANNEL, vhost: '/', exchange: '' }
    assert.equal(valueOf(metrics, 'rabbitmq_channel_messages_published_total', published), 17)
    assert.equal(valueOf(metrics, 'rabbitmq_channel_messages_confirmed_total', published), 17)
    assert.equal(valueOf(metrics, 'rabbitmq_channel_get_ack_total', { ...CHANNEL, ...classic }), 1)
    assert.equal(valueOf(metrics, 'rabbitmq_connection_channels', { channel: 'connection 0' }), 1)
    const info = { ...classic, queue_type: 'rabbit_classic_queue', membership: 'leader' }
    assert.equal(valueOf(metrics, 'rabbitmq_queue_info', info), 1)
    // the sums are those of the other page
    const sums = await scrape(api)
    for (const name of [
      'queue_messages',
      'queue_messages_ready',
      'queue_messages_bytes',
      'queue_consumers',
      'channel_prefetch',
    ]) {
      const each = metrics.get(`rabbitmq_${name}`)!.samples.reduce((sum, { value }) => sum + value, 0)
      assert.equal(each, valueOf(sums, `rabbitmq_${name}`), name)
    }
  })

  test('may have any names', async () => {
    const api = await startApi()
    const name = 'a "quoted" \\ name, {braces} and 漢字'
    api.bench.client().declare(name)
    // queues cannot have line ends in their names, vhosts can
    api.bench.broker.putVhost('in\ntwo lines')
    for (const accept of ['text/plain', 'application/openmetrics-text; version=1.0.0']) {
      const metrics = await scrape(api, '/per-object', { accept })
      assert.equal(valueOf(metrics, 'rabbitmq_queue_messages', { vhost: '/', queue: name }), 0)
      const vhosts = await scrape(api, '/detailed?family=vhost_status', { accept })
      assert.equal(valueOf(vhosts, 'rabbitmq_cluster_vhost_status', { vhost: 'in\ntwo lines' }), 1)
    }
  })

  test('come by family and vhost where they are asked for so', async () => {
    const { api, bench } = await busyBroker()
    bench.broker.putVhost('other')
    bench.broker.setPermission({ user: 'guest', vhost: 'other', configure: '.*', write: '.*', read: '.*' })
    bench.client(bench.connect('other')).declare('there')
    const names = (metrics: Exposition): string[] =>
      [...metrics.keys()].filter((name) => !name.startsWith('telemetry_') && !name.endsWith('_info'))
    const coarse = await scrape(api, '/detailed?family=queue_coarse_metrics&vhost=other')
    assert.deepEqual(names(coarse), [
      'rabbitmq_detailed_queue_messages_ready',
      'rabbitmq_detailed_queue_messages_unacked',
      'rabbitmq_detailed_queue_messages',
      'rabbitmq_detailed_queue_process_reductions_total',
    ])
    assert.deepEqual(
      coarse.get('rabbitmq_detailed_queue_messages')!.samples.map(({ labels }) => [...labels]),
      [
        [
          ['vhost', 'other'],
          ['queue', 'there'],
        ],
      ],
    )
    const several = await scrape(api, '/detailed?family=queue_consumer_count&family=vhost_status&family=nonsense')
    assert.deepEqual(names(several), ['rabbitmq_detailed_queue_consumers', 'rabbitmq_cluster_vhost_status'])
    const both = await scrape(api, '/detailed?family=queue_consumer_count&vhost=other&vhost=%2F')
    assert.equal(both.get('rabbitmq_detailed_queue_consumers')!.samples.length, 4)
    assert.deepEqual(names(await scrape(api, '/detailed')), [])
    const delivery = await scrape(
      api,
      '/detailed?family=queue_delivery_metrics&family=queue_exchange_metrics&family=exchange_metrics',
    )
    assert.equal(valueOf(delivery, 'rabbitmq_detailed_queue_get_ack_total', { queue: 'classic' }), 1)
    const source = { queue: 'classic', exchange: '' }
    assert.equal(valueOf(delivery, 'rabbitmq_detailed_queue_exchange_messages_published_total', source), 6)
    assert.equal(valueOf(delivery, 'rabbitmq_detailed_exchange_messages_published_total', { exchange: '' }), 17)
  })

  test('come in chunks, between which others have their turn', async () => {
    const { api, bench } = await busyBroker()
    const client = bench.client()
    for (let i = 0; i < 3000; i++) client.declare(`queue-with-a-rather-long-name-${i}`, {}, { durable: false })
    let turns = 0
    let done = false
    const count = (): void => {
      turns++
      if (!done) setImmediate(count)
    }
    setImmediate(count)
    const metrics = await scrape(api, '/per-object')
    done = true
    assert.equal(metrics.get('rabbitmq_queue_messages')!.samples.length, 3003)
    assert.ok(turns > 50, `${turns} turns`)
  })
})

describe('the answer', () => {
  test('is in the format that the client prefers', async () => {
    const { api } = await busyBroker()
    const type = async (accept: string): Promise<string> =>
      String((await api.request('GET', '/metrics', { headers: { accept } })).headers['content-type'])
    assert.equal(await type('*/*'), 'text/plain; version=0.0.4; charset=utf-8')
    const prometheus =
      'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1'
    assert.equal(await type(prometheus), 'application/openmetrics-text; version=1.0.0; charset=utf-8')
  })

  test('says the same in both formats', async () => {
    const { api } = await busyBroker()
    for (const path of ['', '/per-object', '/memory-breakdown']) {
      const plain = await scrape(api, path)
      const open = await scrape(api, path, { accept: 'application/openmetrics-text' })
      const all = (metrics: Exposition): string[] =>
        [...metrics.values()]
          .flatMap(({ samples }) => samples)
          // each request is one more login
          .filter(({ name }) => !/^(telemetry_|warren_memory|rabbitmq_memory|rabbitmq_auth)/.test(name))
          .map(({ name, labels, value }) => `${name} ${JSON.stringify([...labels])} ${value}`)
          .toSorted()
      assert.deepEqual(all(open), all(plain), path)
    }
  })

  test('is compressed for who asks for it', async () => {
    const { api } = await busyBroker()
    const answer = await api.request('GET', '/metrics', { headers: { 'accept-encoding': 'gzip' } })
    assert.equal(answer.headers['content-encoding'], 'gzip')
    const text = gunzipSync(answer.rawPayload).toString()
    assert.equal(valueOf(parseExposition(text), 'rabbitmq_queues'), 3)
  })

  test('tells how long the ones before it took', async () => {
    const { api } = await busyBroker()
    await scrape(api)
    const metrics = await scrape(api)
    const labels = { registry: 'default', content_type: 'text/plain; version=0.0.4; charset=utf-8' }
    assert.equal(valueOf(metrics, 'telemetry_scrape_duration_seconds_count', labels), 1)
    assert.ok(valueOf(metrics, 'telemetry_scrape_size_bytes_sum', labels) > 10_000)
  })

  test('tells of memory by kind', async () => {
    const { api } = await busyBroker()
    const metrics = await scrape(api, '/memory-breakdown')
    assert.ok(valueOf(metrics, 'rabbitmq_memory_code_module_bytes') > 1e5)
    assert.ok(valueOf(metrics, 'rabbitmq_memory_classic_queue_erlang_process_bytes') > 1000)
  })

  test('of what there is not says so', async () => {
    const { api } = await busyBroker()
    const answer = await api.request('GET', '/metrics/nothing')
    assert.deepEqual([answer.statusCode, answer.body], [404, 'Unknown Registry'])
  })
})

test('confirms are told apart by channel and exchange', async () => {
  const api = await startApi()
  const { bench } = api
  const client = bench.client()
  client.declare('q')
  client.declare('full', { 'x-max-length': 1, 'x-overflow': 'reject-publish' })
  client.publish('q', 'before there were confirms')
  client.session.publishing.selectConfirms()
  const counts = async (): Promise<readonly number[]> => {
    const metrics = await scrape(api, '/detailed?family=channel_exchange_metrics')
    return ['', 'amq.fanout'].map((exchange) => {
      const labels = { ...CHANNEL, vhost: '/', exchange }
      return valueOf(metrics, 'rabbitmq_detailed_channel_messages_confirmed_total', labels)
    })
  }
  for (let i = 0; i < 3; i++) client.publish('full', 'two of them are rejected')
  for (let i = 0; i < 5; i++) client.publish('', 'x', { exchange: 'amq.fanout' })
  bench.settle()
  assert.deepEqual(await counts(), [1, 5])
  client.publish('q', 'x')
  client.publish('', 'x', { exchange: 'amq.fanout' })
  bench.settle()
  assert.deepEqual(await counts(), [2, 6])
})

describe('the port of metrics', () => {
  const start = async (options: Partial<Parameters<typeof createMetricsApp>[1]>) => {
    const { api } = await busyBroker()
    const all = { path: '/metrics', perObject: false, authentication: false, ...options }
    const app = await createMetricsApp(api.host, all, (handler) => createServer(handler))
    const get = async (url: string, user?: string): Promise<[number, string]> => {
      const headers = user === undefined ? {} : { authorization: `Basic ${btoa(`${user}:${user}`)}` }
      const { statusCode, body } = await app.inject({ url, headers })
      return [statusCode, body]
    }
    return get
  }

  test("asks for nobody's name, unless it is to", async () => {
    const open = await start({})
    assert.equal((await open('/metrics'))[0], 200)
    const guarded = await start({ authentication: true })
    assert.equal((await guarded('/metrics'))[0], 401)
    assert.equal((await guarded('/metrics', 'management'))[0], 401)
    assert.equal((await guarded('/metrics', 'monitoring'))[0], 200)
    assert.equal((await guarded('/metrics/per-object'))[0], 401)
  })

  test("has them under RabbitMQ's names, with a slash at the end or without", async () => {
    const get = await start({})
    for (const path of ['/metrics/', '/metrics/default', '/metrics/default/', '/metrics/per-object/']) {
      assert.equal((await get(path))[0], 200, path)
    }
    assert.match((await get('/metrics/default'))[1], /telemetry_scrape_duration_seconds_count{registry="default"/)
    assert.equal((await get('/metrics/nope'))[0], 404)
  })

  test('has them where it is told, and of each object if it is told', async () => {
    const get = await start({ path: '/prom', perObject: true })
    assert.equal((await get('/metrics'))[0], 404)
    const [status, body] = await get('/prom')
    assert.equal(status, 200)
    assert.equal(valueOf(parseExposition(body), 'rabbitmq_queue_messages', { queue: 'quorum' }), 4)
  })
})
