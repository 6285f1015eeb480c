import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { DelayLine } from '../../../src/core/delays/delay-line.ts'
import { type Field, long, longstr, signedint, type Table } from '../../../src/core/fields.ts'
import { composeMessage, Properties } from '../../../src/core/message.ts'
import { amqpPropertyFormat } from '../../../src/protocols/amqp091/wire/properties.ts'
import { MemoryMetadataStore } from '../../../src/store/memory/memory-metadata-store.ts'
import type { MessageStore } from '../../../src/store/message-store.ts'
import { type Client, CoreBench } from '../../support/core-bench.ts'
import { PagingStore } from '../../support/paging-store.ts'

const HOUR = 3_600_000
const YEAR = 365 * 24 * HOUR
const TYPE = 'x-delayed-message'

const headers = (entries: Record<string, Field>): Table => new Map(Object.entries(entries))
const delay = (ms: number): { headers: Table } => ({ headers: headers({ 'x-delay': long(ms) }) })

interface Setup {
  readonly bench: CoreBench
  readonly client: Client
  readonly metadata: MemoryMetadataStore
}

async function start(store?: MessageStore, metadata = new MemoryMetadataStore()): Promise<Setup> {
  const bench = await new CoreBench({ messageMemoryBytes: store === undefined ? -1 : 50_000 }, metadata, store).start()
  return { bench, client: bench.client(), metadata }
}

/** An exchange of the plugin's type with one queue, and a consumer that settles at once. */
async function startDelayed(store?: MessageStore): Promise<Setup & { late: DelayLine }> {
  const setup = await start(store)
  const { client, bench } = setup
  client.exchange('late', TYPE, { 'x-delayed-type': 'direct' })
  client.declare('q')
  client.session.topology.bindQueue('q', 'late', 'k', new Map())
  client.consume('q', { noAck: true })
  return { ...setup, late: bench.vhost.findExchange('late').delays! }
}

const publish = (client: Client, body: string, properties: Parameters<Client['publish']>[2] = {}): void =>
  client.publish('k', body, { exchange: 'late', persistent: true, ...properties })

/** Lets a command to a line end. */
async function done<T>(bench: CoreBench, command: Promise<T>): Promise<T> {
  let isOver = false
  const over = command.finally(() => (isOver = true))
  while (!isOver) {
    bench.settle()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return over
}

/** Another broker on what the last one left. */
async function restart({ bench, metadata }: Setup): Promise<Setup> {
  bench.settle()
  await metadata.commit()
  const store = (bench.store as PagingStore).crash()
  const next = new CoreBench({ messageMemoryBytes: 50_000 }, metadata, store, bench.clock)
  bench.clock.close()
  await next.start()
  next.settle()
  return { bench: next, client: next.client(), metadata }
}

const STORES: Record<string, () => MessageStore | undefined> = {
  'in memory': () => undefined,
  'with a disk': () => new PagingStore(),
}

for (const [name, makeStore] of Object.entries(STORES)) {
  describe(`a delayed exchange ${name}`, () => {
    test('gives messages to their queues when they are due, in the order of due times', async () => {
      const { bench, client } = await startDelayed(makeStore())
      publish(client, 'second', delay(200))
      publish(client, 'first', delay(100))
      publish(client, 'third', delay(200))
      publish(client, 'now')
      bench.settle()
      assert.deepEqual(client.take(), ['now'])
      bench.advance(99)
      assert.deepEqual(client.take(), [])
      bench.advance(1)
      assert.deepEqual(client.take(), ['first'])
      bench.advance(100)
      assert.deepEqual(client.take(), ['second', 'third'])
    })

    test('does so after years, and in no order of publishing', async () => {
      const { bench, client, late } = await startDelayed(makeStore())
      for (let i = 0; i < 40; i++) publish(client, String((i * 7) % 40), delay((((i * 7) % 40) + 1) * YEAR))
      bench.settle()
      assert.deepEqual([late.count, late.bytes], [40, 70])
      for (let i = 0; i < 40; i++) {
        bench.advance(YEAR - 1)
        assert.deepEqual(client.take(), [])
        bench.advance(1)
        assert.deepEqual(client.take(), [String(i)])
      }
      assert.deepEqual([late.count, late.bytes], [0, 0])
      assert.deepEqual([bench.broker.memory.entries, bench.store.stats().messages], [0, 0])
    })

    test('keeps thousands that are due at once, whatever the budget', async () => {
      const { bench, client, late } = await startDelayed(makeStore())
      const bodies = Array.from({ length: 5000 }, (_, i) => `body ${i}`)
      for (const [i, body] of bodies.entries()) {
        publish(client, body, { ...delay(HOUR), persistent: i % 2 === 0 })
        if (i % 100 === 0) bench.settle()
      }
      bench.settle()
      if (bench.store.spills) assert.ok(bench.broker.memory.used <= 50_000, String(bench.broker.memory.used))
      bench.advance(HOUR)
      assert.deepEqual(client.take(), bodies)
      assert.deepEqual([late.count, bench.broker.memory.entries, bench.store.stats().messages], [0, 0, 0])
    })

    test('cancels and hastens by message id, and lists what waits', async () => {
      const { bench, client, late } = await startDelayed(makeStore())
      const { session } = client
      for (const [i, ms] of [4, 1, 3, 2].entries()) {
        publish(client, `m${i}`, delay(ms * HOUR))
        bench.settle()
      }
      const listed = await done(bench, late.commands.list(3))
      assert.deepEqual(
        listed.map(({ message }) => message.body().toString()),
        ['m1', 'm3', 'm2'],
      )
      assert.equal(listed[0]!.dueAt, bench.clock.now() + HOUR)
      assert.equal(session.vhost, bench.vhost)
    })
  })
}

test('what may be a delay', async () => {
  const { bench, client, late } = await startDelayed()
  const isDelayed = (entries: Record<string, Field>): boolean => {
    const before = late.count
    publish(client, 'x', { headers: headers(entries) })
    return late.count > before
  }
  assert.ok(isDelayed({ 'x-delay': signedint(1) }))
  assert.ok(isDelayed({ 'x-delay': longstr('1500') }))
  assert.ok(isDelayed({ 'x-delay': { type: 'double', value: 1.9 } }))
  assert.ok(isDelayed({ 'x-delay': long(2 ** 40) }))
  assert.ok(isDelayed({ 'x-deliver-at': long(bench.clock.now() + 1) }))
  assert.ok(isDelayed({ 'x-deliver-at': { type: 'timestamp', value: bench.clock.now() / 1000 + 1 } }))
  for (const field of [
    signedint(0),
    signedint(-5),
    longstr('soon'),
    longstr(''),
    { type: 'bool', value: true } as const,
  ]) {
    assert.ok(!isDelayed({ 'x-delay': field }), JSON.stringify(field))
  }
  assert.ok(!isDelayed({ 'x-delay': { type: 'double', value: Number.NaN } }))
  assert.ok(!isDelayed({ 'x-delay': { type: 'double', value: 0.9 } }))
  assert.ok(!isDelayed({ 'x-deliver-at': long(bench.clock.now()) }))
  assert.ok(!isDelayed({}))
})

test('the delay is negative when the message comes', async () => {
  const { bench, client } = await startDelayed()
  const at = bench.clock.now() + 50
  publish(client, 'a', delay(70))
  publish(client, 'b', { headers: headers({ 'x-deliver-at': long(at), other: longstr('kept') }) })
  bench.advance(100)
  const [b, a] = client.deliveries
  assert.deepEqual(a!.headers, headers({ 'x-delay': long(-70) }))
  assert.deepEqual(b!.headers, headers({ 'x-deliver-at': long(-at), other: longstr('kept') }))
  assert.deepEqual([a!.exchange, a!.routingKey], ['late', 'k'])
})

test('a delayed message is confirmed when it is on disk, and is not returned as unroutable', async () => {
  const { bench, client } = await startDelayed(new PagingStore())
  client.session.publishing.selectConfirms()
  publish(client, 'x', { ...delay(HOUR), mandatory: true })
  while (bench.turn.end());
  assert.deepEqual(client.told, [])
  bench.settle()
  assert.deepEqual(client.told, [{ what: 'confirmed', sequence: 1, multiple: false }])
})

test('what no binding wants when it is due goes to the alternate exchange', async () => {
  const { bench, client } = await start()
  client.exchange('others', 'fanout')
  client.exchange('late', TYPE, { 'x-delayed-type': 'direct', 'alternate-exchange': 'others' })
  client.declare('q')
  client.publish('nobody', 'lost', { exchange: 'late', ...delay(10) })
  bench.advance(10)
  assert.equal(bench.broker.messageCounters().unroutable, 1)
  client.session.topology.bindQueue('q', 'others', '', new Map())
  client.publish('nobody', 'found', { exchange: 'late', ...delay(10) })
  bench.advance(10)
  assert.equal(client.get('q', true)?.body, 'found')
})

test('any exchange or queue delays by argument or policy, and what waits stays when that ends', async () => {
  const { bench, client } = await start(new PagingStore())
  client.exchange('plain', 'direct')
  client.exchange('own', 'direct', { [TYPE]: true })
  client.declare('q')
  client.declare('slow', { [TYPE]: true })
  for (const exchange of ['plain', 'own']) client.session.topology.bindQueue('q', exchange, 'k', new Map())
  client.publish('k', 'at once', { exchange: 'plain', ...delay(HOUR) })
  client.publish('k', 'own', { exchange: 'own', ...delay(20) })
  client.publish('slow', 'slow', delay(10))
  bench.settle()
  assert.equal(client.get('q', true)?.body, 'at once')
  bench.advance(20)
  assert.equal(client.get('q', true)?.body, 'own')
  assert.equal(client.get('slow', true)?.body, 'slow')
  bench.broker.setPolicy('user', '/', 'p', { pattern: '^plain$', definition: { 'delayed-message': true } })
  client.publish('k', 'by policy', { exchange: 'plain', ...delay(HOUR) })
  bench.settle()
  assert.equal(client.get('q', true), null)
  bench.broker.deletePolicy('user', '/', 'p')
  client.publish('k', 'not any more', { exchange: 'plain', ...delay(HOUR) })
  assert.equal(client.get('q', true)?.body, 'not any more')
  bench.advance(HOUR)
  assert.equal(client.get('q', true)?.body, 'by policy')
})

test('time to live and priority count from when it is due', async () => {
  const { bench, client } = await start()
  client.declare('slow', { [TYPE]: true, 'x-max-priority': 3, 'x-message-ttl': 50 })
  client.publish('slow', 'low', { ...delay(100), priority: 1 })
  client.publish('slow', 'high', { ...delay(100), priority: 2 })
  bench.advance(100)
  assert.equal(bench.queue('slow').readyCount, 2)
  bench.advance(49)
  assert.equal(client.get('slow', true)?.body, 'high')
  bench.advance(1)
  assert.equal(bench.queue('slow').readyCount, 0)
})

test('a full queue that rejects makes what is due wait', async () => {
  const { bench, client } = await start(new PagingStore())
  client.declare('slow', { [TYPE]: true, 'x-max-length': 1, 'x-overflow': 'reject-publish' })
  client.publish('slow', 'first')
  client.publish('slow', 'late', { ...delay(10), persistent: true })
  bench.advance(5000)
  assert.equal(bench.queue('slow').readyCount, 1)
  assert.equal(client.get('slow', true)?.body, 'first')
  bench.advance(1000)
  assert.equal(client.get('slow', true)?.body, 'late')
})

test('a transaction delays what it commits', async () => {
  const { bench, client, late } = await startDelayed(new PagingStore())
  client.session.selectTransactions()
  publish(client, 'x', delay(100))
  bench.advance(100)
  assert.equal(late.count, 0)
  client.session.commit()
  bench.settle()
  assert.equal(late.count, 1)
  bench.advance(99)
  assert.deepEqual(client.take(), [])
  bench.advance(1)
  assert.deepEqual(client.take(), ['x'])
})

test('deleting the exchange ends what waits', async () => {
  const { bench, client } = await startDelayed(new PagingStore())
  publish(client, 'x', delay(100))
  bench.settle()
  client.session.topology.deleteExchange('late', false)
  bench.advance(HOUR)
  assert.deepEqual(client.take(), [])
  assert.deepEqual([bench.broker.memory.entries, bench.store.stats().messages], [0, 0])
  assert.equal((bench.store as PagingStore).stored, 0)
})

describe('after a restart', () => {
  test('what is not due goes on waiting; what came due comes at once, in that order', async () => {
    const setup = await startDelayed(new PagingStore())
    const { bench, client } = setup
    client.declare('slow', { [TYPE]: true })
    for (const i of [5, 3, 1, 4, 2]) publish(client, `m${i}`, delay(i * HOUR))
    publish(client, 'transient', { ...delay(HOUR), persistent: false })
    client.publish('slow', 'slow', { ...delay(2 * HOUR), persistent: true })
    bench.settle()
    bench.clock.lag(3 * HOUR)
    const next = await restart(setup)
    next.client.consume('q', { noAck: true })
    next.client.consume('slow', { noAck: true, tag: 'slow' })
    next.bench.settle()
    assert.deepEqual(next.client.take(), ['m1', 'm2', 'm3', 'slow'])
    next.bench.advance(HOUR)
    assert.deepEqual(next.client.take(), ['m4'])
    const last = await restart(next)
    last.client.consume('q', { noAck: true })
    last.bench.advance(HOUR)
    assert.deepEqual(last.client.take(), ['m5'])
  })

  test('what was released is in its queue, once', async () => {
    const setup = await startDelayed(new PagingStore())
    const { bench, client } = setup
    client.session.cancel('amq.none')
    client.exchange('to-slow', TYPE, { 'x-delayed-type': 'fanout' })
    client.declare('slow')
    client.session.topology.bindQueue('slow', 'to-slow', '', new Map())
    for (let i = 0; i < 600; i++) client.publish('', `m${i}`, { exchange: 'to-slow', persistent: true, ...delay(10) })
    bench.advance(10)
    const next = await restart(setup)
    assert.equal(next.bench.queue('slow').readyCount, 600)
    assert.equal(next.bench.vhost.findExchange('to-slow').delays!.count, 0)
  })
})

test('commands by message, from any client', async () => {
  for (const store of [undefined, new PagingStore()]) {
    const { bench, client, late } = await startDelayed(store)
    const { publishing } = client.session
    const withId = (id: string, ms: number): void => {
      const message = messageWithId(id, ms)
      publishing.publish(publishing.access('late'), message, false)
    }
    withId('a', HOUR)
    withId('b', 2 * HOUR)
    withId('c', 3 * HOUR)
    bench.settle()
    assert.equal(await done(bench, late.commands.cancel('none')), 0)
    assert.equal(await done(bench, late.commands.cancel('a')), 1)
    publish(client, '', { headers: headers({ 'x-delayed-hasten': longstr('c'), 'x-delay': signedint(1000) }) })
    await done(bench, late.commands.list(1))
    assert.equal(late.count, 2)
    bench.advance(1000)
    assert.deepEqual(client.take(), ['c'])
    publish(client, '', { headers: headers({ 'x-delayed-cancel': longstr('b') }) })
    await done(bench, late.commands.list(1))
    assert.equal(late.count, 0)
    bench.advance(3 * HOUR)
    assert.deepEqual(client.take(), [])
    assert.deepEqual([bench.broker.memory.entries, bench.store.stats().messages], [0, 0])
  }
})

function messageWithId(id: string, ms: number) {
  const properties = new Properties()
  properties.messageId = id
  properties.deliveryMode = 2
  properties.headers = headers({ 'x-delay': long(ms) })
  return composeMessage('late', 'k', properties, Buffer.from(id), amqpPropertyFormat)
}

test('the arguments of the plugin are checked in its words', async () => {
  const { client } = await start()
  const refuses = (args: Record<string, string | boolean>, text: RegExp, type = TYPE): void =>
    assert.throws(() => client.exchange('x', type, args), text)
  refuses({}, /Invalid argument, 'x-delayed-type' must be an existing exchange type/)
  refuses({ 'x-delayed-type': 'nothing' }, /Invalid argument, 'x-delayed-type' must be an existing exchange type/)
  refuses({ 'x-delayed-type': TYPE }, /'x-delayed-message' can't be used for 'x-delayed-type'/)
  refuses({ [TYPE]: 'yes' }, /invalid arg 'x-delayed-message' for exchange 'x' in vhost '\/'/, 'direct')
  assert.throws(() => client.declare('x', { [TYPE]: 'yes' }), /invalid arg 'x-delayed-message' for queue 'x'/)
  client.exchange('x', TYPE, { 'x-delayed-type': 'topic' })
  refuses({ 'x-delayed-type': 'direct' }, /inequivalent arg 'x-delayed-type' for exchange 'x'/)
})

describe('with de-duplication', () => {
  const numbered = (id: string, ms: number): Parameters<Client['publish']>[2] => ({
    persistent: true,
    headers: headers({ 'x-delay': long(ms), 'x-deduplication-header': longstr(id) }),
  })

  test('an exchange leaves out what it keeps already, and is no stranger to it when it is due', async () => {
    const { bench, client } = await start(new PagingStore())
    client.exchange('late', TYPE, { 'x-delayed-type': 'direct', 'x-message-deduplication': true })
    client.declare('q')
    client.session.topology.bindQueue('q', 'late', 'k', new Map())
    client.consume('q', { noAck: true })
    publish(client, 'first', numbered('a', 100))
    publish(client, 'again', numbered('a', 10))
    publish(client, 'other', numbered('b', 200))
    bench.advance(200)
    assert.deepEqual(client.take(), ['first', 'other'])
    publish(client, 'again', numbered('a', 10))
    bench.advance(10)
    assert.deepEqual(client.take(), [])
  })

  test('a queue with a window does too; without one it looks when the message comes into it', async () => {
    const { bench, client } = await start(new PagingStore())
    const delaying = { [TYPE]: true, 'x-message-deduplication': true }
    client.declare('window', { ...delaying, 'x-cache-size': 10 })
    client.declare('present', delaying)
    for (const queue of ['window', 'present']) {
      client.publish(queue, 'first', numbered('a', 100))
      client.publish(queue, 'second', numbered('a', 200))
    }
    bench.advance(100)
    assert.equal(client.get('window', true)?.body, 'first')
    assert.equal(client.get('present')?.body, 'first')
    bench.advance(100)
    assert.equal(client.get('window'), null)
    // the first one is still there, unacknowledged
    assert.equal(client.get('present'), null)
    assert.equal(bench.queue('present').counters.deduplicated, 1)
  })

  test('what a publisher has numbered is not left out for coming out of order', async () => {
    const { bench, client } = await start(new PagingStore())
    client.declare('q', { [TYPE]: true, 'x-publisher-deduplication': true })
    for (const [id, ms] of [
      [1, 300],
      [2, 100],
      [3, 200],
      [2, 10],
    ] as const) {
      const by = { 'x-publisher-name': longstr('p'), 'x-publishing-id': long(id) }
      client.publish('q', `m${id}`, { persistent: true, headers: headers({ ...by, 'x-delay': long(ms) }) })
    }
    client.consume('q', { noAck: true })
    bench.advance(300)
    assert.deepEqual(client.take(), ['m2', 'm3', 'm1'])
  })
})
