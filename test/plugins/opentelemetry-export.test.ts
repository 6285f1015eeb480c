import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { describe, type TestContext, test } from 'node:test'
import { longstr, type Table } from '../../src/core/fields.ts'
import { Properties } from '../../src/amqp-client/index.ts'
import { SpanExporter, WAITING_MAX } from '../../src/plugins/opentelemetry/span-exporter.ts'
import type { Span } from '../../src/plugins/opentelemetry/span.ts'
import { virtualClock } from '../../src/util/virtual-clock.ts'
import { StepClock } from '../support/core-bench.ts'
import { SpanCollector } from '../support/span-collector.ts'
import { clientOf, eventually, startBrokerFor } from './support.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const PARENT = '00f067aa0ba902b7'
const TRACEPARENT = `00-${TRACE}-${PARENT}-01`

test('a collector is sent the spans of a message, whose headers stay as they are', async (t) => {
  const collector = new SpanCollector()
  const endpoint = await collector.listen(t)
  const clock = virtualClock()
  const { server, url } = await startBrokerFor(t, {
    clock,
    flags: ['--otel-endpoint', `${endpoint}/`, '--otel-service-name', 'orders', '--node-name', 'warren@test'],
  })
  server.broker.putVhost('later')
  server.broker.setPermission({ user: 'guest', vhost: 'later', configure: '.*', write: '.*', read: '.*' })
  const headers: Table = new Map([
    ['traceparent', longstr(TRACEPARENT)],
    ['other', longstr('kept')],
  ])
  for (const vhost of ['', '/later']) {
    const { channel } = await clientOf(t, `${url}${vhost}`)
    await channel.declareQueue('q')
    channel.publish('', 'q', Object.assign(new Properties(), { headers, messageId: 'm1' }), Buffer.from('body'))
    channel.publish('', 'q', new Properties(), Buffer.from('of nobody'))
    const delivery = await channel.get('q')
    assert.deepEqual(delivery!.properties.headers, headers)
    channel.ack(delivery!.deliveryTag)
    channel.ack((await channel.get('q'))!.deliveryTag)
    // an answer says that what was sent before has been done
    await channel.checkQueue('q')
  }
  assert.equal(collector.requests.length, 0)
  await clock.advance('1s')
  await eventually(() => collector.spans.length === 4)
  const [{ path, headers: sent } = assert.fail()] = collector.requests
  assert.deepEqual([path, sent['content-type']], ['/v1/traces', 'application/json'])
  const { 'service.version': version, ...resource } = collector.resource
  assert.deepEqual(resource, { 'service.name': 'orders', 'service.instance.id': 'warren@test' })
  assert.match(String(version), /^\d+\.\d+/)
  assert.deepEqual(
    collector.spans.map(({ name, kind, attributes }) => [name, kind, attributes['warrenmq.vhost']]),
    [
      ['publish amq.default', 4, '/'],
      ['get q', 5, '/'],
      ['publish amq.default', 4, 'later'],
      ['get q', 5, 'later'],
    ],
  )
  const startedAt = `${Date.UTC(2025, 0, 1)}000000`
  for (const span of collector.spans) {
    assert.deepEqual([span.traceId, span.parentSpanId, span.startTimeUnixNano], [TRACE, PARENT, startedAt])
    assert.match(span.spanId, /^[\da-f]{16}$/)
    assert.deepEqual([span.attributes['messaging.message.id'], span.status], ['m1', {}])
  }
})

test('nobody looks at messages where there is no collector', async (t) => {
  const { server } = await startBrokerFor(t)
  assert.equal(server.broker.findVhost('/').observer, null)
})

const spanOf = (name: string): Span => ({
  traceId: TRACE,
  spanId: PARENT,
  parentId: PARENT,
  traceState: '',
  name,
  kind: 'producer',
  startedAt: 1,
  endedAt: 2,
  attributes: { text: 'x', flag: true, number: 3, list: ['a', 'b'] },
  error: name === 'bad' ? 'wrong' : null,
})

interface Line {
  readonly text: string
  readonly facts: Readonly<Record<string, unknown>>
}

/** An exporter, its collector, a clock that stands still, and what the log was told. */
async function exporting(t: TestContext, url?: string) {
  const collector = new SpanCollector()
  const endpoint = url ?? (await collector.listen(t))
  const clock = new StepClock()
  const lines: Line[] = []
  const note = (_key: string, text: string, facts: Line['facts'] = {}): void => void lines.push({ text, facts })
  const exporter = new SpanExporter({
    url: `${endpoint}/v1/traces`,
    headers: new Map([['x-api-key', 'hush']]),
    resource: { serviceName: 's', version: '1', nodeName: 'n' },
    clock,
    log: { error: note, warn: note, info: note },
  })
  const advance = (ms: number): void => clock.advance(ms, () => {})
  const add = (count: number, name = 'span'): void => {
    for (let i = 0; i < count; i++) exporter.add(spanOf(name))
  }
  /** Ms until the next request, once one is planned. */
  const nextIn = async (): Promise<number> => {
    await eventually(() => Number.isFinite(clock.timers.next()))
    return clock.timers.next() - clock.now()
  }
  return { collector, exporter, lines, advance, nextIn, add }
}

describe('the exporter', () => {
  test('says all that a span has, with the headers that the collector wants', async (t) => {
    const { collector, exporter, add } = await exporting(t)
    add(1, 'good')
    add(1, 'bad')
    await exporter.close()
    const [good, bad] = collector.spans
    assert.deepEqual(good!.attributes, { text: 'x', flag: true, number: 3, list: ['a', 'b'] })
    assert.deepEqual([good!.startTimeUnixNano, good!.endTimeUnixNano], ['1000000', '2000000'])
    assert.deepEqual([good!.status, bad!.status], [{}, { code: 2, message: 'wrong' }])
    assert.equal(collector.requests[0]!.headers['x-api-key'], 'hush')
  })

  test('gathers spans for a second, or until a batch is full', async (t) => {
    const { collector, advance, nextIn, add } = await exporting(t)
    add(3)
    advance(999)
    add(509)
    assert.equal(collector.requests.length, 0)
    advance(0)
    await eventually(() => collector.spans.length === 512)
    add(1)
    advance(await nextIn())
    await eventually(() => collector.spans.length === 513)
    assert.equal(collector.requests.length, 2)
  })

  test('keeps what a collector cannot take now, and comes back less and less often', async (t) => {
    const { collector, lines, advance, nextIn, add } = await exporting(t)
    collector.answer = (response) => void response.writeHead(503).end()
    add(1)
    const waits: number[] = []
    for (let i = 1; i <= 7; i++) {
      const wait = await nextIn()
      waits.push(wait)
      advance(wait)
      await eventually(() => lines.length === i)
    }
    assert.deepEqual(waits, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000])
    assert.deepEqual(lines[0]!.facts, { reason: 'status 503', dropped: 0 })
    collector.spans.length = 0
    collector.answer = (response) => void response.end('{}')
    advance(await nextIn())
    await eventually(() => collector.spans.length === 1)
  })

  test('drops what a collector refuses', async (t) => {
    const { collector, exporter, lines, advance, add } = await exporting(t)
    collector.answer = (response) => void response.writeHead(401).end()
    add(2)
    advance(1000)
    await eventually(() => lines.length === 1)
    assert.deepEqual(lines[0]!.facts, { reason: 'status 401', dropped: 2 })
    await exporter.close()
    assert.equal(collector.requests.length, 1)
  })

  test('drops spans while the collector does not keep up, and has room again when it does', async (t) => {
    const { collector, exporter, lines, advance, add } = await exporting(t)
    const { promise: held, resolve } = Promise.withResolvers<ServerResponse>()
    collector.answer = resolve
    add(512)
    advance(0)
    const response = await held
    add(WAITING_MAX + 5)
    assert.equal(lines.length, 5)
    assert.equal(lines.at(-1)!.facts['dropped'], 5)
    collector.answer = (other) => void other.end('{}')
    response.end('{}')
    await eventually(() => collector.spans.length === 512 + WAITING_MAX)
    await exporter.close()
    assert.equal(collector.spans.length, 512 + WAITING_MAX)
  })

  test('lets the broker stop when nobody listens', async (t) => {
    const closed = new SpanCollector()
    const port = new URL(await closed.listen(t)).port
    const { exporter, lines, add } = await exporting(t, `http://127.0.0.1:${port}/none`)
    closed.answer = (response) => void response.socket!.destroy()
    add(3)
    await exporter.close()
    assert.deepEqual(lines.at(-1), { text: 'spans are dropped: the broker stops', facts: { dropped: 3 } })
    add(1)
    await exporter.close()
    assert.equal(closed.requests.length, 1)
  })
})
