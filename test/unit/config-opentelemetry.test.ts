import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Config } from '../../src/config/config.ts'
import { ConfigError } from '../../src/config/errors.ts'
import { loadConfig } from '../../src/config/load.ts'

const load = (...lines: string[]): Config =>
  loadConfig({
    argv: ['--config', '/w.conf'],
    env: {},
    readFile: (path) => (path === '/w.conf' ? lines.join('\n') : null),
    readDir: () => null,
  })

function problemOf(...lines: string[]): string {
  try {
    load(...lines)
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.problems.join('\n')
  }
  assert.fail('it was taken')
}

describe('the configuration of OpenTelemetry', () => {
  test('is off unless there is a collector', () => {
    assert.equal(load().opentelemetry, null)
    assert.equal(load('otel.sample_ratio = 0.5').opentelemetry, null)
    assert.equal(load('otel.endpoint = none').opentelemetry, null)
  })

  test('has what a collector may want', () => {
    const config = load(
      'otel.endpoint = https://collector:4318/base',
      'otel.sample_ratio = 0.25',
      'otel.headers.x-api-key = hush',
      'otel.service_name = orders',
    )
    assert.deepEqual(config.opentelemetry, {
      endpoint: 'https://collector:4318/base',
      sampleRatio: 0.25,
      headers: new Map([['x-api-key', 'hush']]),
      serviceName: 'orders',
    })
    assert.equal(JSON.stringify(config.effective).includes('hush'), false)
  })

  test('refuses what cannot be meant, and repeats no password', () => {
    const endpoint = 'otel.endpoint = http://localhost:4318'
    assert.match(problemOf('otel.endpoint = localhost:4318'), /is not an http or https URL/)
    assert.match(problemOf(`${endpoint}/?key=x`), /must have no query/)
    assert.match(problemOf('otel.sample_ratio = 1.5'), /not a number from 0 to 1/)
    assert.match(problemOf(endpoint, 'otel.headers.content-length = 3'), /is no header that can be set/)
    const problem = problemOf('otel.endpoint = http://user:hush@localhost:4318')
    assert.match(problem, /must have no password/)
    assert.equal(problem.includes('hush'), false)
    assert.equal(problemOf(endpoint, "otel.headers.x-api-key = '''hush\nhush'''").includes('hush'), false)
  })
})
