import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { array, long, longstr } from '../../../src/core/fields.ts'
import { MessageObserver } from '../../../src/core/tracing/message-observer.ts'
import type { MessageTrace, TraceWanted } from '../../../src/core/tracing/message-trace.ts'
import { MemoryMetadataStore } from '../../../src/store/memory/memory-metadata-store.ts'
import { type Client, CoreBench } from '../../support/core-bench.ts'
import { PagingStore } from '../../support/paging-store.ts'

const ANYTHING: TraceWanted = { queue: null, exchange: null, key: null, header: null, seconds: 60, limit: 1000 }

interface Traced {
  readonly bench: CoreBench
  readonly client: Client
  readonly follow: (wanted?: Partial<TraceWanted>) => MessageTrace
}

async function start(given: CoreBench = new CoreBench()): Promise<Traced> {
  const bench = await given.start()
  const follow = (wanted: Partial<TraceWanted> = {}): MessageTrace =>
    bench.vhost.traces.start('guest', { ...ANYTHING, ...wanted })
  return { bench, client: bench.client(), follow }
}

/** `message event queue|queues detail`. */
const lines = ({ events }: MessageTrace): string[] =>
  events.map(({ message, event, queue, queues, detail }) =>
    [message, event, queue ?? queues?.join('+') ?? '', detail ?? ''].join(' ').trim(),
  )

describe('a trace', () => {
  test('tells what becomes of a message, from its publishing to its end', async () => {
    const { bench, client, follow } = await start()
    client.declare('q')
    const trace = follow()
    client.publish('q', 'one')
    client.consume('q', { tag: 'c', prefetch: 1 })
    bench.settle()
    bench.advance(5)
    client.nack(1, false, true)
    bench.settle()
    client.ack(2)
    assert.deepEqual(lines(trace), [
      '1 publish',
      '1 route q',
      '1 deliver q',
      '1 requeue q',
      '1 deliver q redelivered',
      '1 ack q',
    ])
    const [published, , delivered] = trace.events
    assert.deepEqual(published, {
      n: 1,
      at: trace.startedAt,
      message: 1,
      event: 'publish',
      exchange: '',
      routingKey: 'q',
      payloadBytes: 3,
      connection: 'connection 0',
      channel: 'connection 0 (0)',
      user: 'guest',
    })
    assert.deepEqual([delivered!.consumerTag, delivered!.user], ['c', 'guest'])
    assert.equal(trace.events.at(-1)!.at, trace.startedAt + 5)
  })

  test('tells of gets, and of deliveries that need no acknowledgement', async () => {
    const { bench, client, follow } = await start()
    client.declare('q')
    const trace = follow()
    client.publish('q', 'one')
    client.get('q', true)
    client.consume('q', { tag: 'c', noAck: true })
    bench.settle()
    client.publish('q', 'two')
    bench.settle()
    const expected = ['1 publish', '1 route q', '1 get q', '2 publish', '2 route q', '2 deliver q']
    assert.deepEqual(lines(trace), expected)
  })

  test('tells of what goes nowhere, is refused, expires, is dropped, or dies', async () => {
    const { bench, client, follow } = await start()
    client.declare('full', { 'x-max-length': 1, 'x-overflow': 'reject-publish' })
    client.declare('short', { 'x-max-length': 1 })
    client.declare('graves')
    client.declare('mortal', { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'graves' })
    const trace = follow()
    client.publish('nobody', 'a', { mandatory: true })
    client.publish('nobody', 'b')
    client.publish('full', 'c')
    client.publish('full', 'd')
    client.publish('short', 'e')
    client.publish('short', 'f')
    client.publish('mortal', 'g', { ttlMs: 10 })
    bench.advance(10)
    client.publish('mortal', 'h')
    client.get('mortal')
    client.nack(1, false, false)
    bench.settle()
    assert.deepEqual(lines(trace), [
      '1 publish',
      '1 return  it reached no queue',
      '2 publish',
      '2 drop  it reached no queue',
      '3 publish',
      '3 route full',
      '4 publish',
      '4 route full',
      '4 drop full the queue is full',
      '5 publish',
      '5 route short',
      '6 publish',
      '6 route short',
      '5 drop short maxlen',
      '7 publish',
      '7 route mortal',
      '7 expire mortal',
      '7 dead-letter mortal',
      '8 publish',
      '8 route mortal',
      '8 get mortal',
      '8 reject mortal',
      '8 dead-letter mortal',
    ])
    assert.deepEqual(trace.events.at(-1)!.queues, ['graves'])
    // it is followed where it goes
    client.get('graves', true)
    assert.equal(lines(trace).at(-1), '7 get graves')
  })

  test('follows messages through delays, and knows them again when they come back from the store', async () => {
    const bench = new CoreBench({ messageMemoryBytes: 0 }, new MemoryMetadataStore(), new PagingStore())
    const { client, follow } = await start(bench)
    client.exchange('late', 'x-delayed-message', { 'x-delayed-type': 'direct' })
    client.declare('q', { 'x-delayed-message': true })
    client.session.topology.bindQueue('q', 'late', 'q', new Map())
    const trace = follow()
    client.publish('q', 'one', { exchange: 'late', headers: new Map([['x-delay', long(1000)]]) })
    client.publish('q', 'two', { headers: new Map([['x-delay', long(2000)]]) })
    bench.advance(3000)
    for (let i = 0; i < 5; i++) client.publish('q', 'other', { persistent: true })
    bench.settle()
    assert.ok(bench.queue('q').readyInStore > 0)
    client.consume('q', { tag: 'c' })
    bench.settle()
    const seen = lines(trace)
    assert.deepEqual(seen.slice(0, 6), [
      '1 publish',
      '1 route  kept until it is due',
      '2 publish',
      '2 route q',
      "1 route q now due in exchange 'late'",
      "2 route q now due in queue 'q'",
    ])
    const delivered = trace.events.filter(({ event }) => event === 'deliver').map(({ message }) => message)
    assert.deepEqual(delivered, [1, 2, 3, 4, 5, 6, 7])
  })

  test('is of what it was asked for: queue, exchange, key, header, together', async () => {
    const { bench, client, follow } = await start()
    client.exchange('x', 'topic')
    client.declare('a')
    client.declare('b')
    client.session.topology.bindQueue('a', 'x', 'a.#', new Map())
    client.session.topology.bindQueue('b', 'x', '#', new Map())
    const traces = {
      all: follow(),
      queue: follow({ queue: 'a' }),
      exchange: follow({ exchange: '' }),
      key: follow({ key: 'a.*' }),
      header: follow({ header: 'shade=blue' }),
      both: follow({ key: 'a.*', header: 'shade' }),
    }
    const blue = { headers: new Map([['shade', longstr('blue')]]) }
    client.publish('a.1', '1', { exchange: 'x' })
    client.publish('b.1', '2', { exchange: 'x', ...blue })
    client.publish('a', '3')
    client.publish('a.2', '4', { exchange: 'x', ...blue })
    bench.settle()
    const published = (trace: MessageTrace): string[] =>
      trace.events
        .filter(({ event }) => event === 'publish')
        .map(({ exchange, routingKey }) => `${exchange}:${routingKey}`)
    assert.deepEqual(published(traces.all), ['x:a.1', 'x:b.1', ':a', 'x:a.2'])
    assert.deepEqual(published(traces.queue), ['x:a.1', ':a', 'x:a.2'])
    assert.deepEqual(published(traces.exchange), [':a'])
    assert.deepEqual(published(traces.key), ['x:a.1', 'x:a.2'])
    assert.deepEqual(published(traces.header), ['x:b.1', 'x:a.2'])
    assert.deepEqual(published(traces.both), ['x:a.2'])
  })

  test('finds what was in the queue before', async () => {
    const { bench, client, follow } = await start()
    client.declare('q')
    client.publish('q', 'one')
    const trace = follow({ queue: 'q' })
    client.get('q')
    client.ack(1)
    bench.settle()
    assert.deepEqual(lines(trace), ['1 get q', '1 ack q'])
  })

  test('tells of deliveries that are lost, or too late', async () => {
    const { bench, client, follow } = await start()
    client.declare('q', { 'x-consumer-timeout': 1000 })
    const trace = follow()
    client.publish('q', 'one')
    client.consume('q', { tag: 'c' })
    bench.settle()
    bench.advance(1000)
    const other = bench.client()
    other.get('q')
    other.connection.close()
    bench.settle()
    const expected = [
      '1 deliver q',
      '1 requeue q not acknowledged in time',
      '1 get q redelivered',
      '1 requeue q the channel ended',
    ]
    assert.deepEqual(lines(trace).slice(2), expected)
  })

  test('ends by its time, its number of events, or when it is told to; then nobody observes', async () => {
    const { bench, client, follow } = await start()
    client.declare('q')
    const timed = follow({ seconds: 10 })
    const short = follow({ limit: 3 })
    const deleted = follow()
    assert.notEqual(bench.vhost.observer, null)
    for (let i = 0; i < 3; i++) client.publish('q', 'm')
    assert.deepEqual([short.events.length, short.endedAt === null], [3, false])
    bench.advance(10_000)
    client.publish('q', 'm')
    assert.deepEqual([timed.events.length, timed.endedAt], [6, timed.endsAt])
    bench.vhost.traces.delete(deleted)
    assert.equal(bench.vhost.observer, null)
    assert.deepEqual(
      bench.vhost.traces.list().map(({ id }) => id),
      ['1', '2'],
    )
    client.publish('q', 'm')
    assert.equal(deleted.events.length, 8)
  })

  test('is one of a few: those that are over give way', async () => {
    const { bench, follow } = await start()
    for (let i = 0; i < 10; i++) follow()
    assert.throws(() => follow(), /10 traces are running/)
    bench.vhost.traces.get('3')!.end()
    follow()
    assert.deepEqual(bench.vhost.traces.get('3'), undefined)
    bench.broker.deleteVhost('/')
    assert.equal(bench.clock.timers.next(), Infinity)
  })

  test('shows the keys of a message with several as one', async () => {
    const { client, follow } = await start()
    client.declare('a')
    client.declare('b')
    const trace = follow({ key: 'b' })
    const message = { headers: new Map([['CC', array([longstr('b')])]]) }
    client.publish('b', 'plain', message)
    assert.equal(trace.events.length, 2)
  })
})

test('several observers are told the same', async () => {
  const { bench, client } = await start()
  client.declare('q')
  const told: string[] = []
  class Recorder extends MessageObserver {
    readonly #name: string

    constructor(name: string) {
      super()
      this.#name = name
    }

    override published(): void {
      told.push(`${this.#name} published`)
    }

    override queued(): void {
      told.push(`${this.#name} queued`)
    }
  }
  const [first, second] = [new Recorder('first'), new Recorder('second')]
  bench.vhost.observe(first)
  bench.vhost.observe(second)
  client.publish('q', 'm')
  assert.deepEqual(told.splice(0), ['first published', 'second published', 'first queued', 'second queued'])
  bench.vhost.stopObserving(first)
  client.publish('q', 'm')
  assert.deepEqual(told, ['second published', 'second queued'])
  bench.vhost.stopObserving(second)
  assert.equal(bench.vhost.observer, null)
})
