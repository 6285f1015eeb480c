import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Config } from '../../src/config/config.ts'
import { ConfigError } from '../../src/config/errors.ts'
import { loadConfig } from '../../src/config/load.ts'
import { DEFAULT_RETENTION } from '../../src/config/retention.ts'

const load = (...lines: string[]): Config =>
  loadConfig({
    argv: ['--config', '/w.conf'],
    env: {},
    readFile: (path) => (path === '/w.conf' ? lines.join('\n') : null),
    readDir: () => null,
  })

const problems = (...lines: string[]): readonly string[] => {
  try {
    load(...lines)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

describe('the configuration of statistics', () => {
  test("is RabbitMQ's unless given", () => {
    assert.deepEqual(load().statistics, {
      intervalMs: 5000,
      ratesMode: 'basic',
      retention: DEFAULT_RETENTION,
      disableStats: false,
      enableQueueTotals: false,
    })
  })

  test("has RabbitMQ's keys", () => {
    const { statistics } = load(
      'collect_statistics_interval = 10000',
      'management.rates_mode = detailed',
      'management.sample_retention_policies.global.minute = 5',
      'management.sample_retention_policies.global.hour = 60',
      'management.sample_retention_policies.detailed.10 = 5',
      'management_agent.disable_metrics_collector = true',
      'management.enable_queue_totals = true',
    )
    assert.deepEqual(statistics, {
      intervalMs: 10_000,
      ratesMode: 'detailed',
      retention: {
        global: [
          { seconds: 60, everySec: 5 },
          { seconds: 3600, everySec: 60 },
        ],
        basic: DEFAULT_RETENTION.basic,
        detailed: [{ seconds: 10, everySec: 5 }],
      },
      disableStats: true,
      enableQueueTotals: true,
    })
  })

  test('is checked', () => {
    const key = 'management.sample_retention_policies'
    assert.deepEqual(
      problems(
        `${key}.other.minute = 5`,
        `${key}.basic.month = 5`,
        `${key}.basic.day = 1`,
        'management.rates_mode = some',
      ),
      [
        "/w.conf line 4: management.rates_mode: 'some' is not one of basic, detailed, none",
        `${key}.other.minute: the policies are global, basic and detailed`,
        `${key}.basic.month: 'month' is not a length of time`,
        `${key}.basic.day: more than 10000 samples`,
      ],
    )
  })
})

describe('the configuration of metrics', () => {
  test('is port 15692 without login unless given', () => {
    const { plain, isPlainGiven, tls, ...rest } = load().prometheus
    assert.deepEqual([plain!.port, isPlainGiven, tls], [15_692, false, null])
    assert.deepEqual(rest, { path: '/metrics', perObject: false, authentication: false })
  })

  test('has no plain port beside one with TLS, unless both are given', () => {
    const secured = ['prometheus.ssl.port = 15691', 'prometheus.ssl.certfile = /c', 'prometheus.ssl.keyfile = /k']
    const { plain, tls } = load(...secured).prometheus
    assert.deepEqual([plain, tls!.listener.port, tls!.settings.certFile], [null, 15_691, '/c'])
    assert.equal(load(...secured, 'prometheus.tcp.port = 1234').prometheus.plain!.port, 1234)
  })

  test('is checked', () => {
    assert.deepEqual(problems('prometheus.ssl.port = 1', 'prometheus.ssl.verify = verify_peer'), [
      'prometheus.ssl.port: needs prometheus.ssl.certfile',
      'prometheus.ssl.port: needs prometheus.ssl.keyfile',
      'prometheus.ssl.verify: verify_peer needs prometheus.ssl.cacertfile',
    ])
  })
})
