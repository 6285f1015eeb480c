import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Field, longstr, signedint, type Table } from '../../src/core/fields.ts'
import { Followed, MessageSpans } from '../../src/plugins/opentelemetry/message-spans.ts'
import type { Span } from '../../src/plugins/opentelemetry/span.ts'
import { CoreBench } from '../support/core-bench.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const PARENT = '00f067aa0ba902b7'

const headersOf = (traceparent: Field | string, more: Readonly<Record<string, string>> = {}): Table =>
  new Map<string, Field>([
    ...Object.entries(more).map(([name, value]) => [name, longstr(value)] as const),
    ['traceparent', typeof traceparent === 'string' ? longstr(traceparent) : traceparent],
  ])

const SAMPLED = headersOf(`00-${TRACE}-${PARENT}-01`)

/** A queue `q`, a client, and the spans that are made of what it does. */
async function traced(ratio = 1) {
  const bench = await new CoreBench().start()
  const spans: Span[] = []
  let dropped = 0
  const sink = { add: (span: Span) => void spans.push(span), drop: () => void dropped++ }
  const parts = { clock: bench.clock, ratio, sink, followed: new Followed() }
  bench.vhost.observe(new MessageSpans('/', parts))
  const client = bench.client()
  client.declare('q')
  return { bench, client, spans, droppedCount: () => dropped }
}

describe('the spans of a message', () => {
  test('are one of its publish and one of each delivery, children of what its headers say', async () => {
    const { bench, client, spans } = await traced()
    const headers = headersOf(`00-${TRACE}-${PARENT}-01`, { tracestate: 'vendor=1' })
    client.exchange('x', 'fanout')
    bench.vhost.bind(bench.vhost.findExchange('x'), bench.queue('q'), '', new Map())
    client.publish('key', 'four', { exchange: 'x', headers })
    bench.advance(250)
    const tag = client.consume('q')
    bench.settle()
    bench.advance(1000)
    client.ack(client.deliveries[0]!.tag)
    assert.equal(spans.length, 2)
    for (const { traceId, parentId, traceState, error } of spans) {
      assert.deepEqual([traceId, parentId, traceState, error], [TRACE, PARENT, 'vendor=1', null])
    }
    const [publish, deliver] = spans as [Span, Span]
    assert.notEqual(publish.spanId, deliver.spanId)
    const common = {
      'messaging.system': 'rabbitmq',
      'messaging.rabbitmq.destination.routing_key': 'key',
      'messaging.message.body.size': 4,
      'client.address': '127.0.0.1',
      'client.port': 1,
      'user.name': 'guest',
      'warrenmq.vhost': '/',
    }
    assert.deepEqual([publish.name, publish.kind, publish.endedAt - publish.startedAt], ['publish x', 'producer', 0])
    assert.deepEqual(publish.attributes, {
      ...common,
      'messaging.operation.name': 'publish',
      'messaging.operation.type': 'send',
      'messaging.destination.name': 'x:key',
      'warrenmq.queues': ['q'],
    })
    assert.deepEqual([deliver.name, deliver.kind, deliver.endedAt - deliver.startedAt], ['deliver q', 'consumer', 1000])
    assert.equal(deliver.startedAt - publish.startedAt, 250)
    assert.deepEqual(deliver.attributes, {
      ...common,
      'messaging.operation.name': 'deliver',
      'messaging.operation.type': 'process',
      'messaging.destination.name': 'x:key:q',
      'warrenmq.queue': 'q',
      'warrenmq.redelivered': false,
      'warrenmq.consumer_tag': tag,
      'warrenmq.outcome': 'acknowledged',
    })
  })

  test('say how a delivery ended', async () => {
    const { bench, client, spans } = await traced()
    client.publish('q', 'x', { headers: SAMPLED })
    client.nack(client.get('q')!.tag, false, true)
    client.nack(client.get('q')!.tag, false, false)
    client.publish('q', 'x', { headers: SAMPLED })
    client.get('q', true)
    client.publish('q', 'x', { headers: SAMPLED })
    client.get('q')
    client.connection.close()
    bench.settle()
    const gets = spans.filter(({ kind }) => kind === 'consumer')
    assert.deepEqual(
      gets.map(({ name, attributes, error }) => [name, attributes['warrenmq.outcome'], error]),
      [
        ['get q', 'returned', null],
        ['get q', 'discarded', 'discarded'],
        ['get q', 'sent', null],
        ['get q', 'lost', 'lost'],
      ],
    )
    assert.deepEqual(
      gets.map(({ attributes }) => [attributes['warrenmq.redelivered'], attributes['messaging.operation.type']]),
      [
        [false, 'process'],
        [true, 'process'],
        [false, 'receive'],
        [false, 'process'],
      ],
    )
  })

  test('say what went wrong with a publish, and with no other', async () => {
    const { client, spans } = await traced()
    client.declare('full', { 'x-max-length': 0, 'x-overflow': 'reject-publish' })
    client.publish('nowhere', 'x', { headers: SAMPLED })
    client.publish('nowhere', 'x', { headers: SAMPLED, mandatory: true })
    client.publish('full', 'x', { headers: SAMPLED })
    client.publish('q', 'x', { headers: SAMPLED })
    client.publish('nowhere', 'x')
    assert.deepEqual(
      spans.map(({ error, attributes }) => [error, attributes['error.type']]),
      [
        ['unroutable', 'unroutable'],
        ['returned', 'returned'],
        ['refused', 'refused'],
        [null, undefined],
      ],
    )
    assert.equal(spans[0]!.name, 'publish amq.default')
  })

  test('are there for messages that were sampled, and no others', async () => {
    const { client, spans } = await traced()
    const others: (Table | undefined)[] = [
      undefined,
      headersOf(`00-${TRACE}-${PARENT}-00`),
      headersOf(`00-${TRACE}-${PARENT}-02`),
      headersOf(`00-${TRACE}-${'0'.repeat(16)}-01`),
      headersOf(`00-${'0'.repeat(32)}-${PARENT}-01`),
      headersOf(`00-${TRACE.toUpperCase()}-${PARENT}-01`),
      headersOf(`ff-${TRACE}-${PARENT}-01`),
      headersOf(`00-${TRACE}-${PARENT}-01-more`),
      headersOf(`01-${TRACE}-${PARENT}-01more`),
      headersOf(`00-${TRACE}-${PARENT}-0`),
      headersOf('x'.repeat(55)),
      headersOf(''),
      headersOf(signedint(1)),
    ]
    for (const headers of others) {
      client.publish('q', 'x', headers === undefined ? {} : { headers })
      client.ack(client.get('q')!.tag)
    }
    assert.deepEqual(spans, [])
    for (const text of ['-01', '-03', '-ff']) {
      client.publish('q', 'x', { headers: headersOf(`00-${TRACE}-${PARENT}${text}`) })
    }
    client.publish('q', 'x', { headers: headersOf(`01-${TRACE}-${PARENT}-01-what.comes`) })
    assert.equal(spans.length, 4)
  })

  test('leave out a tracestate that nobody has to pass on', async () => {
    const { client, spans } = await traced()
    for (const tracestate of ['x'.repeat(513), 'a=\u0001', 'a=ü']) {
      client.publish('q', 'x', { headers: headersOf(`00-${TRACE}-${PARENT}-01`, { tracestate }) })
    }
    assert.deepEqual(
      spans.map(({ traceState }) => traceState),
      ['', '', ''],
    )
  })

  test('are of a share of the traces, and then of all of such a trace', async () => {
    const ids = Array.from(
      { length: 1000 },
      (_, i) =>
        `${TRACE.slice(0, 19)}${Math.floor((i + 0.5) * (16 ** 13 / 1000))
          .toString(16)
          .padStart(13, '0')}`,
    )
    const tracesWith = async (ratio: number): Promise<Set<string>> => {
      const { client, spans } = await traced(ratio)
      for (const id of ids) {
        client.publish('q', 'x', { headers: headersOf(`00-${id}-${PARENT}-01`) })
        client.get('q', true)
      }
      const found = new Set(spans.map(({ traceId }) => traceId))
      assert.equal(spans.length, 2 * found.size)
      return found
    }
    const [none, some, more, all] = await Promise.all([0, 0.25, 0.5, 1].map(tracesWith))
    assert.deepEqual([none!.size, some!.size, more!.size, all!.size], [0, 250, 500, 1000])
    assert.ok(some!.isSubsetOf(more!))
  })

  test('take no more memory than ten thousand open deliveries do', async () => {
    const { bench, client, spans, droppedCount } = await traced()
    for (let i = 0; i < 10_010; i++) client.publish('q', 'x', { headers: SAMPLED })
    client.consume('q', { prefetch: 0 })
    bench.settle()
    assert.equal(droppedCount(), 10)
    client.ack(0, true)
    assert.equal(spans.length, 10_010 + 10_000)
    assert.equal(droppedCount(), 10)
  })

  test('have one for each dead letter, with why and whereto', async () => {
    const { bench, client, spans } = await traced()
    client.exchange('dlx', 'fanout')
    client.declare('dead')
    bench.vhost.bind(bench.vhost.findExchange('dlx'), bench.queue('dead'), '', new Map())
    client.declare('short', { 'x-dead-letter-exchange': 'dlx', 'x-max-length': 1 })
    client.publish('short', 'a', { headers: SAMPLED })
    client.publish('short', 'b', { headers: SAMPLED })
    client.nack(client.get('short')!.tag, false, false)
    const letters = spans.filter(({ name }) => name.startsWith('dead-letter'))
    assert.deepEqual(
      letters.map(({ name, kind, traceId, parentId, error }) => [name, kind, traceId, parentId, error]),
      [
        ['dead-letter dlx', 'producer', TRACE, PARENT, null],
        ['dead-letter dlx', 'producer', TRACE, PARENT, null],
      ],
    )
    assert.deepEqual(
      letters.map(({ attributes }) => [attributes['warrenmq.reason'], attributes['warrenmq.queues']]),
      [
        ['maxlen', ['dead']],
        ['rejected', ['dead']],
      ],
    )
    assert.deepEqual(letters[0]!.attributes, {
      'messaging.system': 'rabbitmq',
      'messaging.operation.name': 'dead-letter',
      'messaging.operation.type': 'send',
      'messaging.destination.name': 'dlx:short',
      'messaging.rabbitmq.destination.routing_key': 'short',
      'messaging.message.body.size': 1,
      'warrenmq.vhost': '/',
      'warrenmq.queue': 'short',
      'warrenmq.reason': 'maxlen',
      'warrenmq.queues': ['dead'],
    })
    // what comes of the dead letter is in the same trace
    spans.length = 0
    client.get('dead', true)
    assert.deepEqual([spans[0]!.name, spans[0]!.traceId, spans[0]!.parentId], ['get dead', TRACE, PARENT])
  })

  test('say that a dead letter reached no queue', async () => {
    const { client, spans } = await traced()
    client.exchange('dlx', 'fanout')
    client.declare('dying', { 'x-dead-letter-exchange': 'dlx' })
    client.publish('dying', 'x', { headers: SAMPLED })
    client.nack(client.get('dying')!.tag, false, false)
    const letter = spans.find(({ name }) => name === 'dead-letter dlx')!
    assert.deepEqual([letter.error, letter.attributes['warrenmq.queues']], ['unroutable', []])
  })

  test('have one for what a queue drops', async () => {
    const { bench, client, spans } = await traced()
    client.declare('short', { 'x-max-length': 1, 'x-message-ttl': 1000 })
    client.publish('short', 'a', { headers: SAMPLED })
    client.publish('short', 'b', { headers: SAMPLED })
    client.publish('short', 'c')
    client.publish('short', 'd', { headers: SAMPLED })
    bench.advance(2000)
    const drops = spans.filter(({ name }) => name === 'drop short')
    assert.deepEqual(
      drops.map(({ error, kind }) => [error, kind]),
      [
        ['maxlen', 'internal'],
        ['maxlen', 'internal'],
        ['expired', 'internal'],
      ],
    )
  })

  test('have one until the publisher has its confirm, a child of the publish', async () => {
    const { bench, client, spans } = await traced()
    client.declare('full', { 'x-max-length': 0, 'x-overflow': 'reject-publish' })
    client.session.publishing.selectConfirms()
    client.publish('q', 'of nobody')
    client.publish('q', 'x', { headers: SAMPLED })
    client.publish('full', 'x', { headers: SAMPLED })
    client.publish('q', 'x', { headers: SAMPLED })
    assert.deepEqual(
      spans.map(({ name }) => name.split(' ')[0]),
      ['publish', 'publish', 'publish'],
    )
    bench.settle()
    const publishes = spans.filter(({ kind }) => kind === 'producer')
    const confirms = spans.filter(({ kind }) => kind === 'internal')
    assert.deepEqual(
      confirms.map(({ name, error, attributes }) => [name, error, attributes['warrenmq.outcome']]),
      [
        ['confirm amq.default', null, 'confirmed'],
        ['confirm amq.default', 'nacked', 'nacked'],
        ['confirm amq.default', null, 'confirmed'],
      ],
    )
    for (const [i, { traceId, parentId }] of confirms.entries()) {
      assert.deepEqual([traceId, parentId], [TRACE, publishes[i]!.spanId])
    }
  })

  test('tell of confirms that never came', async () => {
    const { bench, client, spans } = await traced()
    client.session.publishing.selectConfirms()
    client.publish('q', 'x', { headers: SAMPLED })
    client.connection.close()
    bench.settle()
    const [, confirm] = spans
    assert.deepEqual([confirm!.name, confirm!.error], ['confirm amq.default', 'lost'])
  })
})
