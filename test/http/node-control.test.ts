import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ManagementHost, NodeControl } from '../../src/management/management-host.ts'
import { NodeLimits } from '../../src/node-limits.ts'
import { createLog } from '../../src/telemetry/pino-log.ts'
import { availableMemory } from '../../src/telemetry/resource-monitor.ts'
import { CoreBench } from '../support/core-bench.ts'
import { type ApiBench, startApi } from './support.ts'

/** The API of a node that has a process of its own. */
async function startNode(changed: Partial<ManagementHost> = {}) {
  const lines: string[] = []
  const reopened: string[] = []
  const stops: string[] = []
  const log = createLog([
    {
      level: 'info',
      format: 'plaintext',
      writer: { write: (line) => void lines.push(line), reopen: () => void reopened.push('log') },
    },
  ])
  const limits = new NodeLimits({
    memory: { bytes: null, relativeToMemory: 0.6 },
    disk: { bytes: 50_000_000, relativeToMemory: null },
    dataDir: null,
  })
  const bench = new CoreBench()
  const control: NodeControl = {
    limits,
    maintenance: { isOn: false, drain: async () => {}, revive: async () => {} },
    log,
    requestStop: (by) => void stops.push(by),
    environment: { RABBITMQ_DEFAULT_PASS: '(hidden)', WARREN_PORT: '0' },
  }
  const api = await startApi(bench, { control, log, ...changed })
  limits.watch(bench.broker)
  return { api, bench, limits, log, lines, reopened, stops, close: () => limits.close() }
}

async function settingsOf(api: ApiBench): Promise<Record<string, unknown>> {
  const answer = await api.request('GET', 'node/settings')
  assert.equal(answer.statusCode, 200, answer.body)
  return answer.json()
}

const put = (api: ApiBench, body: unknown) => api.request('PUT', 'node/settings', { body })

describe('the settings of a node', () => {
  test('are shown and changed, each alone or together', async (t) => {
    const { api, limits, log, lines, close } = await startNode()
    t.after(close)
    assert.deepEqual(await settingsOf(api), {
      vm_memory_high_watermark: { relative: 0.6 },
      mem_limit: Math.floor(availableMemory() * 0.6),
      disk_free_limit: { absolute: 50_000_000 },
      disk_free_limit_bytes: 50_000_000,
      log_level: 'info',
    })
    assert.equal((await put(api, { vm_memory_high_watermark: { absolute: '20GiB' } })).statusCode, 204)
    assert.equal((await put(api, { disk_free_limit: { mem_relative: 0.5 }, log_level: 'warning' })).statusCode, 204)
    assert.deepEqual(await settingsOf(api), {
      vm_memory_high_watermark: { absolute: 20 * 1024 ** 3 },
      mem_limit: 20 * 1024 ** 3,
      disk_free_limit: { relative: 0.5 },
      disk_free_limit_bytes: Math.floor(availableMemory() * 0.5),
      log_level: 'warning',
    })
    assert.equal(limits.memoryBytes, 20 * 1024 ** 3)
    assert.equal(log.level, 'warn')
    assert.match(lines.join(''), /settings changed user=guest/)
  })

  test('hold publishers at once where the memory is low now, and let them go on', async (t) => {
    const { api, bench, close } = await startNode()
    t.after(close)
    assert.equal(bench.broker.alarms.active, false)
    await put(api, { vm_memory_high_watermark: 0 })
    assert.equal(bench.broker.alarms.memory, true)
    await put(api, { vm_memory_high_watermark: 1 })
    assert.equal(bench.broker.alarms.active, false)
  })

  test('stay as they are where one of the new ones makes no sense', async (t) => {
    const { api, close } = await startNode()
    t.after(close)
    const before = await settingsOf(api)
    const wrong: [unknown, RegExp][] = [
      [{ vm_memory_high_watermark: 1.5 }, /from 0 to 1/],
      [{ vm_memory_high_watermark: { absolute: 'much' } }, /'much' is not a size/],
      [{ vm_memory_high_watermark: { absolute: -1 } }, /has to be a size/],
      [{ vm_memory_high_watermark: null }, /from 0 to 1/],
      [{ disk_free_limit: true }, /has to be a size/],
      [{ disk_free_limit: { mem_relative: '1' } }, /has to be a size such as/],
      [{ log_level: 'debug', disk_free_limit: '1 parsec' }, /is not a size/],
      [{ log_level: 'loud' }, /'loud' is not one of/],
      [{ log_level: 3 }, /has to be a text/],
      [{ log_level: 'debug', channel_max: 5 }, /'channel_max' cannot be set while the node runs/],
    ]
    for (const [body, reason] of wrong) {
      const answer = await put(api, body)
      assert.equal(answer.statusCode, 400, JSON.stringify(body))
      assert.match(answer.json<{ reason: string }>().reason, reason)
    }
    assert.deepEqual(await settingsOf(api), before)
  })

  test('are refused by a broker that has none', async () => {
    const api = await startApi()
    for (const body of [{ log_level: 'debug' }, { disk_free_limit: 1 }]) {
      assert.equal((await put(api, body)).statusCode, 409)
    }
    assert.equal((await api.request('POST', 'node/rotate-logs')).statusCode, 409)
    assert.equal((await api.request('POST', 'node/stop')).statusCode, 409)
    assert.equal((await settingsOf(api))['log_level'], null)
  })
})

describe('a node', () => {
  test('tells its configuration and environment without secrets', async (t) => {
    const { api, close } = await startNode({
      effective: [
        { key: 'default_pass', value: null, source: 'environment' },
        { key: 'heartbeat', value: '60', source: 'default' },
      ],
    })
    t.after(close)
    const answer = (await api.request('GET', 'node/environment')).json<{
      configuration: object
      os_env: object
      runtime: { tls_versions: string[]; cipher_suites: string[] }
    }>()
    assert.deepEqual(answer.configuration, { default_pass: null, heartbeat: '60' })
    assert.deepEqual(answer.os_env, { RABBITMQ_DEFAULT_PASS: '(hidden)', WARREN_PORT: '0' })
    assert.ok(answer.runtime.cipher_suites.includes('TLS_AES_256_GCM_SHA384'))
  })

  test('opens its log anew, and stops, where it is told to', async (t) => {
    const { api, reopened, stops, close } = await startNode()
    t.after(close)
    assert.equal((await api.request('POST', 'node/rotate-logs')).statusCode, 204)
    assert.deepEqual(reopened, ['log'])
    assert.equal((await api.request('POST', 'node/stop')).statusCode, 202)
    assert.deepEqual(stops, ['a request of guest'])
  })

  test('shows the last lines of its log, and those that come after', async (t) => {
    const { api, log, close } = await startNode()
    t.after(close)
    const ask = async (query: string): Promise<{ lines: string[]; next: number }> =>
      (await api.request('GET', `node/log?${query}`)).json()
    for (let i = 0; i < 2500; i++) log.info(`line ${i}`)
    log.debug('not this')
    const { lines, next } = await ask('lines=2')
    assert.deepEqual(
      lines.map((line) => line.slice(-9)),
      ['line 2498', 'line 2499'],
    )
    assert.equal((await ask('lines=9999')).lines.length, 1000)
    assert.deepEqual(await ask(`after=${next}`), { lines: [], next })
    log.warn('one more')
    assert.match((await ask(`after=${next}`)).lines.join(), /\[warn\] one more$/)
    for (const query of ['lines=-1', 'after=x', 'lines=1&lines=2']) {
      assert.equal((await api.request('GET', `node/log?${query}`)).statusCode, 400, query)
    }
  })

  test('takes none of this from who is no administrator', async (t) => {
    const { api, stops, close } = await startNode()
    t.after(close)
    const requests = [
      ['PUT', 'node/settings'],
      ['GET', 'node/environment'],
      ['GET', 'node/log'],
      ['POST', 'node/rotate-logs'],
      ['POST', 'node/stop'],
    ] as const
    for (const [method, path] of requests) {
      assert.equal((await api.request(method, path, { as: 'monitoring' })).statusCode, 401, path)
    }
    assert.deepEqual(stops, [])
  })
})
