import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ListenerFacts } from '../../src/management/management-host.ts'
import { CoreBench } from '../support/core-bench.ts'
import { type ApiBench, NODE_FACTS, startApi } from './support.ts'

type Row = Readonly<Record<string, unknown>>

async function ask<T = Row>(api: ApiBench, path: string, as = 'guest'): Promise<T> {
  const answer = await api.request('GET', path, { as })
  assert.equal(answer.statusCode, 200, answer.body)
  return answer.json<T>()
}

const LISTENERS: readonly ListenerFacts[] = [
  { protocol: 'amqp', address: '::', port: 5672, tls: false },
  { protocol: 'amqp/ssl', address: '::', port: 5671, tls: true },
  { protocol: 'http', address: '::', port: 15_672, tls: false },
]
const listening = { listeners: () => LISTENERS }
const NODE = 'warren@test'

describe('the plugins of a node', () => {
  interface Plugins {
    readonly enabled_plugins: readonly string[]
    readonly applications: readonly { readonly name: string; readonly description: string; readonly version: string }[]
  }

  test('are what scripts ask for by the names of RabbitMQ, each with a description', async () => {
    const api = await startApi(new CoreBench(), { ...listening, pluginNames: ['event-exchange', 'my-plugin'] })
    const { enabled_plugins: enabled, applications } = await ask<Plugins>(api, `nodes/${NODE}`)
    const expected = ['rabbitmq_shovel', 'rabbitmq_federation', 'rabbitmq_event_exchange', 'my-plugin']
    for (const name of expected) assert.ok(enabled.includes(name), name)
    assert.ok(!enabled.includes('event-exchange'), 'one plugin, one name')
    assert.deepEqual(enabled, enabled.toSorted())
    for (const name of enabled) {
      const { description, version } = applications.find((application) => application.name === name)!
      assert.ok(description.length > 0, name)
      assert.match(version, /^\d/)
    }
  })

  test('come with the broker itself, under the name and the version that clients go by', async () => {
    const api = await startApi(new CoreBench(), listening)
    const overview = await ask<Record<string, unknown>>(api, 'overview')
    const { applications, ...node } = await ask<Plugins & Record<string, unknown>>(api, `nodes/${NODE}`)
    const version = overview['rabbitmq_version']
    const rabbit = applications.find(({ name }) => name === 'rabbit')
    assert.deepEqual(rabbit, { name: 'rabbit', description: 'RabbitMQ', version })
    for (const key of ['rabbitmq_version', 'erlang_version', 'erlang_full_version', 'crypto_lib_version']) {
      assert.equal(typeof node[key], 'string', key)
      assert.equal(node[key], overview[key], key)
    }
  })

  test('are those that the node was configured to have', async () => {
    const without = await startApi(new CoreBench(), listening)
    const { enabled_plugins: few } = await ask<Plugins>(without, `nodes/${NODE}`)
    const mqtt: ListenerFacts = { protocol: 'mqtt', address: '::', port: 1883, tls: false }
    const api = await startApi(new CoreBench(), { listeners: () => [...LISTENERS, mqtt] })
    const { enabled_plugins: more } = await ask<Plugins>(api, `nodes/${NODE}`)
    assert.deepEqual(
      more.filter((name) => !few.includes(name)),
      ['rabbitmq_mqtt'],
    )
  })
})

describe('the exchange types of a node', () => {
  test('all have a description, the one of federation as well', async () => {
    const api = await startApi(new CoreBench(), listening)
    const { exchange_types: types } = await ask<{ exchange_types: Row[] }>(api, 'overview')
    const federation = types.find(({ name }) => name === 'x-federation-upstream')
    assert.equal(federation?.['description'], 'Federation upstream helper exchange')
    assert.ok(types.every(({ description }) => description !== 'Exchange type of a plugin'))
  })
})

describe('the overview', () => {
  test('says what listens to who may monitor, and only to them', async () => {
    const api = await startApi(new CoreBench(), listening)
    const { listeners, contexts, node } = await ask<{ listeners: Row[]; contexts: Row[]; node: string }>(
      api,
      'overview',
    )
    assert.equal(node, NODE)
    assert.deepEqual(
      listeners.map(({ protocol, port }) => [protocol, port]),
      [
        ['amqp', 5672],
        ['amqp/ssl', 5671],
        ['http', 15_672],
      ],
    )
    assert.deepEqual(
      contexts.map(({ description, port }) => [description, port]),
      [['RabbitMQ Management', '15672']],
    )
    const theirs = await ask(api, 'overview', 'management')
    assert.deepEqual([theirs['listeners'], theirs['contexts'], theirs['node']], [undefined, undefined, undefined])
    assert.equal(theirs['rabbitmq_version'], '4.3.5')
  })

  test('counts what there is', async () => {
    const api = await startApi()
    const client = api.bench.client()
    client.declare('q')
    client.consume('q')
    const { object_totals: totals } = await ask<{ object_totals: Row }>(api, 'overview')
    assert.deepEqual(totals, { channels: 1, connections: 1, consumers: 1, exchanges: 7, queues: 1 })
  })

  test('counts of connections what the caller sees of them, and the rest by virtual host', async () => {
    const api = await startApi()
    const { bench } = api
    bench.broker.putVhost('other')
    const mine = { configure: '.*', write: '.*', read: '.*' }
    for (const user of ['management', 'guest']) bench.broker.setPermission({ user, vhost: 'other', ...mine })
    const guest = bench.client(bench.connect('other'))
    guest.declare('q')
    guest.consume('q')
    const totals = async (as: string): Promise<Row> =>
      (await ask<{ object_totals: Row }>(api, 'overview', as)).object_totals
    const all = { channels: 1, connections: 1, consumers: 1, exchanges: 14, queues: 1 }
    assert.deepEqual(await totals('monitoring'), all)
    assert.deepEqual(await totals('guest'), all)
    const none = { channels: 0, connections: 0, consumers: 0 }
    assert.deepEqual(await totals('management'), { ...none, exchanges: 7, queues: 1 })
    assert.deepEqual(await totals('policymaker'), { ...none, exchanges: 0, queues: 0 })
    const bare = await ask<{ object_totals: Row }>(api, 'overview?disable_stats=true', 'management')
    assert.deepEqual(bare.object_totals, { ...none, exchanges: 7, queues: 1 })
  })

  test('gives the columns that are asked for', async () => {
    const api = await startApi()
    const answer = await ask(api, 'overview?columns=node,queue_totals.messages')
    assert.deepEqual(answer, { node: NODE, queue_totals: { messages: 0 } })
  })
})

describe('a node', () => {
  test('says what it uses of its machine', async () => {
    const api = await startApi()
    api.bench.client()
    api.bench.broker.alarms.set('disk', true)
    api.bench.advance(3000)
    const node = await ask(api, `nodes/${NODE}`)
    const expected = {
      name: NODE,
      running: true,
      uptime: 3000,
      mem_used: 1e8,
      mem_limit: 4e9,
      mem_alarm: false,
      disk_free: 1e10,
      disk_free_limit: 5e7,
      disk_free_alarm: true,
      fd_used: 20,
      fd_total: 1024,
      sockets_used: 1,
      sockets_total: Math.floor(924 * 0.9),
      processors: 2,
      gc_num: 3,
      channel_created: 1,
    }
    for (const [key, value] of Object.entries(expected)) assert.deepEqual(node[key], value, key)
    const [listed] = await ask<Row[]>(api, 'nodes')
    assert.deepEqual(Object.keys(listed!), Object.keys(node))
  })

  test('tells of the means of what it does with files, and of changes', async () => {
    const api = await startApi()
    const { counters } = api.bench.broker.store
    counters.writes = 4
    counters.writeMs = 10
    api.bench.advance(5000)
    counters.writes = 6
    counters.writeMs = 11
    api.bench.advance(5000)
    const node = await ask<Record<string, { rate: number; samples: { sample: number }[] }>>(
      api,
      `nodes/${NODE}?node_stats_age=10&node_stats_incr=5`,
    )
    assert.deepEqual([node['io_write_count'], node['io_write_avg_time']], [6, 11 / 6])
    const { rate, samples } = node['io_write_avg_time_details']!
    assert.deepEqual([rate, samples.map(({ sample }) => sample)], [0.5, [11 / 6, 10 / 4, 0]])
    assert.equal(node['io_write_count_details']!.rate, 2 / 5)
  })

  test('is known by its name alone, to who may monitor', async () => {
    const api = await startApi()
    assert.equal((await api.request('GET', 'nodes/other')).statusCode, 404)
    assert.equal((await api.request('GET', 'nodes/other/memory')).statusCode, 404)
    for (const path of ['nodes', `nodes/${NODE}`, `nodes/${NODE}/memory`]) {
      assert.equal((await api.request('GET', path, { as: 'management' })).statusCode, 401, path)
      assert.equal((await api.request('GET', path, { as: 'monitoring' })).statusCode, 200, path)
    }
    assert.deepEqual(await ask(api, `nodes/${NODE}?disable_stats=true`), { name: NODE, type: 'disc', running: true })
  })

  test('says what its memory is used for', async () => {
    const api = await startApi()
    const { memory } = await ask<{ memory: Record<string, number> & { total: Record<string, number> } }>(
      api,
      `nodes/${NODE}/memory`,
    )
    const kinds = Object.values(memory).filter((bytes) => typeof bytes === 'number')
    const sum = kinds.reduce((total, bytes) => total + bytes, 0)
    const { rss } = memory.total
    assert.ok(kinds.every((bytes) => bytes >= 0))
    assert.ok(sum > rss! * 0.8 && sum < rss! * 1.2, `${sum} of ${rss}`)
    const relative = await ask<{ memory: Record<string, number> }>(api, `nodes/${NODE}/memory/relative`)
    assert.equal(relative.memory['total'], 100)
    assert.ok(relative.memory['code']! > 0 && relative.memory['code']! < 100)
  })

  test('gives messages their share of it', async () => {
    const api = await startApi()
    const kinds = async (): Promise<Record<string, number>> =>
      (await ask<{ memory: Record<string, number> }>(api, `nodes/${NODE}/memory`)).memory
    const before = await kinds()
    const client = api.bench.client()
    client.declare('classic')
    client.declare('quorum', { 'x-queue-type': 'quorum' })
    for (let i = 0; i < 1000; i++) client.publish('classic', 'x')
    for (let i = 0; i < 500; i++) client.publish('quorum', 'x')
    const after = await kinds()
    assert.ok(after['queue_procs']! - before['queue_procs']! > 100 * 1000)
    assert.ok(after['quorum_queue_procs']! - before['quorum_queue_procs']! > 100 * 500)
    assert.ok(after['queue_procs']! > after['quorum_queue_procs']!)
  })
})

describe('health checks', () => {
  const status = async (api: ApiBench, check: string): Promise<[number, Row]> => {
    const answer = await api.request('GET', `health/checks/${check}`, { as: 'management' })
    return [answer.statusCode, answer.json<Row>()]
  }

  test('of alarms', async () => {
    const api = await startApi()
    for (const check of ['alarms', 'local-alarms']) assert.deepEqual(await status(api, check), [200, { status: 'ok' }])
    api.bench.broker.alarms.set('memory', true)
    const [code, body] = await status(api, 'alarms')
    assert.equal(code, 503)
    assert.deepEqual(body, {
      status: 'failed',
      reason: 'There are alarms in effect in the cluster',
      alarms: [{ node: NODE, resource: 'memory' }],
    })
    assert.equal((await status(api, 'local-alarms'))[0], 503)
    const old = await ask(api, 'healthchecks/node')
    assert.deepEqual(old, { status: 'failed', reason: 'resource alarm(s) in effect: low on memory' })
    api.bench.broker.alarms.set('memory', false)
    assert.deepEqual(await ask(api, `healthchecks/node/${NODE}`), { status: 'ok' })
    assert.equal((await api.request('GET', 'healthchecks/node/other')).statusCode, 404)
  })

  test('of listeners', async () => {
    const api = await startApi(new CoreBench(), listening)
    assert.deepEqual(await status(api, 'port-listener/5672'), [200, { status: 'ok', port: 5672 }])
    assert.deepEqual(await status(api, 'port-listener/1'), [
      503,
      { status: 'failed', reason: 'No active listener', missing: 1, ports: [5672, 5671, 15_672] },
    ])
    assert.deepEqual(await status(api, 'port-listener/x'), [400, { error: 'bad_request', reason: 'Invalid port' }])
    assert.deepEqual(await status(api, 'protocol-listener/amqp091'), [200, { status: 'ok', protocol: 'amqp' }])
    assert.equal((await status(api, 'protocol-listener/amqp,amqps'))[0], 200)
    for (const name of ['http_api', 'AMQP0_9_1']) assert.equal((await status(api, `protocol-listener/${name}`))[0], 200)
    const [code, body] = await status(api, 'protocol-listener/amqp,mqtt')
    assert.deepEqual([code, body['missing'], body['protocols']], [503, ['mqtt'], ['amqp', 'amqp/ssl', 'http']])
  })

  test('of certificates', async () => {
    const bench = new CoreBench()
    const validTo = bench.clock.now() + 10 * 86_400_000
    const certificates = () => [{ protocol: 'amqp/ssl', port: 5671, validTo }]
    const api = await startApi(bench, { node: { ...NODE_FACTS, certificates } })
    assert.equal((await status(api, 'certificate-expiration/1/weeks'))[0], 200)
    const [code, body] = await status(api, 'certificate-expiration/1/months')
    assert.equal(code, 503)
    const [expired] = body['expired'] as Row[]
    assert.deepEqual([expired!['protocol'], expired!['port']], ['amqp/ssl', 5671])
    assert.deepEqual(await status(api, 'certificate-expiration/1/hours'), [
      400,
      { error: 'bad_request', reason: 'Time unit not recognised. Supported units: days, weeks, months, years.' },
    ])
    for (const within of ['x', '0', '-1', '1.5']) {
      assert.equal((await status(api, `certificate-expiration/${within}/days`))[0], 400, within)
    }
  })

  test('of the limit of connections', async () => {
    const api = await startApi(new CoreBench({ connectionsMax: 1 }))
    for (const check of ['below-node-connection-limit', 'ready-to-serve-clients']) {
      assert.equal((await status(api, check))[0], 200, check)
    }
    api.bench.connect()
    const [code, body] = await status(api, 'below-node-connection-limit')
    assert.deepEqual([code, body['limit'], body['connections']], [503, 1, 1])
  })

  test('of what cannot fail on one node', async () => {
    const api = await startApi()
    for (const check of [
      'virtual-hosts',
      'is-in-service',
      'metadata-store/initialized',
      'metadata-store/initialized/with-data',
      'node-is-quorum-critical',
      'node-is-mirror-sync-critical',
      'reached-target-cluster-size',
      'quorum-queues-without-elected-leaders/all-vhosts',
      'quorum-queues-without-elected-leaders/all-vhosts/',
      'quorum-queues-without-elected-leaders/all-vhosts/pattern/.*',
    ]) {
      const [code, body] = await status(api, check)
      assert.deepEqual([code, body['status']], [200, 'ok'], check)
    }
    const ofVhost = (vhost: string, suffix: string) =>
      api.request('GET', `health/checks/quorum-queues-without-elected-leaders/vhost/${vhost}${suffix}`)
    assert.equal((await ofVhost('%2F', '/pattern/x')).statusCode, 200)
    assert.equal((await ofVhost('nowhere', '')).statusCode, 404)
    assert.equal((await api.request('GET', 'health/checks/nothing')).statusCode, 404)
  })
})
