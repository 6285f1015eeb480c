import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { bool, longstr, table, timestamp, type Field } from '../../../../src/core/fields.ts'
import { Identity, Key } from '../../../../src/core/deduplication/identity.ts'
import { composeMessage, Properties } from '../../../../src/core/message.ts'
import { amqpPropertyFormat } from '../../../../src/protocols/amqp091/wire/properties.ts'
import { crash, drain, send, start } from './bench.ts'

const DEDUPLICATED = { 'x-message-deduplication': true }
const TYPES = [{}, { 'x-queue-type': 'quorum' }]

for (const type of TYPES) {
  const name = 'x-queue-type' in type ? 'quorum' : 'classic'

  describe(`a queue without a cache, ${name}`, () => {
    const ARGS = { ...DEDUPLICATED, ...type }

    test('leaves out what has the value of a message that it has, and counts it', async () => {
      const { bench, client } = await start()
      const queue = client.declare('q', ARGS)
      send(client, 'q', 'a', { value: '1' })
      send(client, 'q', 'b', { value: '1' })
      send(client, 'q', 'c', { value: '2' })
      send(client, 'q', 'no value')
      send(client, 'q', 'no value')
      const { tag } = client.get('q')!
      send(client, 'q', 'while it is unacknowledged', { value: '1' })
      client.ack(tag)
      send(client, 'q', 'd', { value: '1' })
      bench.settle()
      assert.equal(queue.counters.deduplicated, 2)
      assert.deepEqual(drain(client), ['c', 'no value', 'no value', 'd'])
      assert.equal(queue.counters.published, 5)
    })

    test('takes a message for none of itself when it comes back', async () => {
      const { client } = await start()
      client.declare('q', ARGS)
      send(client, 'q', 'a', { value: '1' })
      client.nack(client.get('q')!.tag, false, true)
      send(client, 'q', 'b', { value: '1' })
      client.session.reject(client.get('q')!.tag, true)
      send(client, 'q', 'b', { value: '1' })
      assert.deepEqual(drain(client), ['a'])
    })

    test('frees the value of what expired, was rejected or dropped', async () => {
      const { bench, client } = await start()
      client.declare('dead')
      client.declare('q', {
        ...ARGS,
        'x-dead-letter-exchange': '',
        'x-dead-letter-routing-key': 'dead',
        'x-max-length': 2,
      })
      send(client, 'q', 'expires', { value: '1', expiresMs: 10 })
      bench.advance(11)
      send(client, 'q', 'rejected', { value: '1' })
      client.nack(client.get('q')!.tag, false, false)
      send(client, 'q', 'dropped', { value: '1' })
      send(client, 'q', 'a', { value: '2' })
      send(client, 'q', 'b', { value: '3' })
      send(client, 'q', 'at last', { value: '1' })
      bench.settle()
      assert.deepEqual(drain(client), ['b', 'at last'])
      assert.deepEqual(drain(client, 'dead'), ['expires', 'rejected', 'dropped', 'a'])
    })

    test('remembers nothing of what did not stay', async () => {
      const { bench, client } = await start()
      const queue = client.declare('q', ARGS)
      send(client, 'q', 'no time', { value: '1', expiresMs: 0 })
      assert.equal(queue.deduplication!.seen.size.values, 0)
      client.consume('q', { noAck: true })
      send(client, 'q', 'a', { value: '1' })
      send(client, 'q', 'b', { value: '1' })
      bench.settle()
      assert.deepEqual(client.take(), ['a', 'b'])
      assert.equal(queue.deduplication!.seen.size.values, 0)
    })

    test('counts what a consumer has at once', async () => {
      const { bench, client } = await start()
      client.declare('q', ARGS)
      client.consume('q', { prefetch: 10 })
      send(client, 'q', 'a', { value: '1' })
      send(client, 'q', 'b', { value: '1' })
      bench.settle()
      assert.deepEqual(client.take(), ['a'])
      client.ack(1)
      send(client, 'q', 'c', { value: '1' })
      assert.deepEqual(client.take(), ['c'])
    })

    test('forgets all values when it is purged', async () => {
      const { bench, client } = await start()
      const queue = client.declare('q', ARGS)
      for (let i = 0; i < 300; i++) send(client, 'q', `${i}`, { value: `${i}` })
      queue.purge()
      for (let i = 0; i < 300; i++) send(client, 'q', `again ${i}`, { value: `${i}` })
      bench.settle()
      assert.equal(queue.readyCount, 300)
      send(client, 'q', 'no', { value: '7' })
      assert.equal(queue.readyCount, 300)
    })

    test('knows its messages after a crash, in memory or not', async () => {
      const setup = await start({ messageMemoryBytes: 1 })
      const { bench, client } = setup
      client.declare('q', ARGS)
      for (let i = 0; i < 1000; i++) send(client, 'q', `${i}`, { value: `value ${i}` })
      bench.settle()
      client.ack(client.get('q')!.tag)
      const held = client.get('q')!
      bench.settle()
      assert.equal(held.body, '1')
      const after = await crash(setup)
      const queue = after.bench.queue('q')
      assert.equal(queue.deduplication!.seen.size.values, 999)
      send(after.client, 'q', 'acknowledged before', { value: 'value 0' })
      send(after.client, 'q', 'unacknowledged before', { value: 'value 1' })
      send(after.client, 'q', 'in the store only', { value: 'value 500' })
      assert.deepEqual([queue.readyCount, queue.counters.deduplicated], [1000, 2])
      assert.equal(drain(after.client).length, 1000)
      assert.equal(queue.deduplication!.seen.size.values, 0)
      after.bench.settle()
      assert.equal((await crash(after)).bench.queue('q').deduplication!.seen.size.values, 0)
    })
  })

  describe(`a queue with a cache, ${name}`, () => {
    test('remembers as many values as it is to, consumed or not', async () => {
      const { client } = await start()
      const queue = client.declare('q', { ...DEDUPLICATED, ...type, 'x-cache-size': 2 })
      send(client, 'q', 'a', { value: '1' })
      assert.deepEqual(drain(client), ['a'])
      send(client, 'q', 'a again', { value: '1' })
      send(client, 'q', 'b', { value: '2' })
      send(client, 'q', 'c', { value: '3' })
      assert.equal(queue.deduplication!.seen.size.values, 2)
      send(client, 'q', 'a as new', { value: '1' })
      send(client, 'q', 'c again', { value: '3' })
      assert.deepEqual(drain(client), ['b', 'c', 'a as new'])
    })

    test('remembers for as long as it is to; a message may say otherwise', async () => {
      const { bench, client } = await start()
      const queue = client.declare('q', { ...DEDUPLICATED, ...type, 'x-cache-ttl': 1000 })
      send(client, 'q', 'a', { value: '1' })
      send(client, 'q', 'b', { value: '2', ttlMs: 5000 })
      send(client, 'q', 'c', { value: '3', ttlMs: 10 })
      bench.advance(10)
      send(client, 'q', 'c as new', { value: '3' })
      bench.advance(989)
      send(client, 'q', 'no', { value: '1' })
      bench.advance(1)
      send(client, 'q', 'a as new', { value: '1' })
      send(client, 'q', 'no', { value: '2' })
      bench.advance(4000)
      send(client, 'q', 'b as new', { value: '2' })
      bench.settle()
      assert.deepEqual(drain(client), ['a', 'b', 'c', 'c as new', 'a as new', 'b as new'])
      assert.equal(queue.counters.deduplicated, 2)
    })

    test('has 128 values unless it is told', async () => {
      const { client } = await start()
      const queue = client.declare('q', { ...DEDUPLICATED, ...type, 'x-cache-ttl': 1000 })
      for (let i = 0; i < 200; i++) send(client, 'q', `${i}`, { value: `${i}` })
      assert.equal(queue.deduplication!.seen.size.values, 128)
    })

    test('survives a crash, with the times', async () => {
      const setup = await start()
      const { bench, client } = setup
      client.declare('q', { ...DEDUPLICATED, ...type, 'x-cache-size': 3, 'x-cache-ttl': 1000 })
      for (const value of ['0', '1', '2']) send(client, 'q', value, { value })
      bench.advance(600)
      send(client, 'q', '3', { value: '3' })
      bench.settle()
      assert.equal(drain(client).length, 4)
      bench.settle()
      const after = await crash(setup)
      const queue = after.bench.queue('q')
      assert.equal(queue.deduplication!.seen.size.values, 3)
      for (const value of ['1', '2', '3']) send(after.client, 'q', value, { value })
      assert.equal(queue.counters.deduplicated, 3)
      after.bench.advance(400)
      for (const value of ['1', '3']) send(after.client, 'q', value, { value })
      assert.equal(queue.counters.deduplicated, 4)
      after.bench.advance(600)
      const later = await crash(after)
      send(later.client, 'q', '3', { value: '3' })
      assert.equal(later.bench.queue('q').counters.deduplicated, 0)
    })
  })
}

describe('values', () => {
  const scalars: [string, Field, Field][] = [
    ['text', longstr('1'), longstr('01')],
    ['bytes', { type: 'longstr', value: Buffer.from([255, 1]) }, { type: 'longstr', value: Buffer.from([255, 2]) }],
    ['integers', { type: 'byte', value: 1 }, { type: 'long', value: 2n ** 60n }],
    ['truth values', bool(true), bool(false)],
    ['doubles', { type: 'double', value: 1.5 }, { type: 'float', value: 2.5 }],
    ['times', timestamp(1), timestamp(2)],
    [
      'decimals',
      { type: 'decimal', value: { scale: 1, unscaled: 1 } },
      { type: 'decimal', value: { scale: 2, unscaled: 1 } },
    ],
    ['long text', longstr('x'.repeat(10_000)), longstr(`${'x'.repeat(9_999)}y`)],
  ]
  for (const [name, one, other] of scalars) {
    test(`may be ${name}`, async () => {
      const { client } = await start()
      client.declare('q', DEDUPLICATED)
      for (const value of [one, one, other, other]) send(client, 'q', 'x', { value })
      assert.equal(drain(client).length, 2)
    })
  }

  test('of different types differ, but those of integers are one', async () => {
    const { client } = await start()
    client.declare('q', DEDUPLICATED)
    send(client, 'q', 'text', { value: '1' })
    send(client, 'q', 'integer', { value: { type: 'signedint', value: 1 } })
    send(client, 'q', 'the same', { value: { type: 'long', value: 1 } })
    send(client, 'q', 'double', { value: { type: 'double', value: 1 } })
    assert.deepEqual(drain(client), ['text', 'integer', 'double'])
  })

  test('that are no scalars are none', async () => {
    const { client } = await start()
    client.declare('q', DEDUPLICATED)
    for (const value of [table(new Map()), { type: 'void', value: null } as Field]) {
      send(client, 'q', 'x', { value })
      send(client, 'q', 'x', { value })
    }
    assert.equal(drain(client).length, 4)
  })

  test('may be in a header of another name', async () => {
    const { client } = await start()
    client.declare('q', { ...DEDUPLICATED, 'x-deduplication-header': 'order' })
    send(client, 'q', 'a', { value: '1', header: 'order' })
    send(client, 'q', 'b', { value: '1', header: 'order' })
    send(client, 'q', 'c', { value: '1' })
    send(client, 'q', 'd', { value: '1' })
    assert.deepEqual(drain(client), ['a', 'c', 'd'])
  })
})

describe('only what was accepted counts', () => {
  const FULL = { 'x-max-length': 1, 'x-overflow': 'reject-publish' }

  for (const cache of [{}, { 'x-cache-size': 10 }]) {
    const how = 'x-cache-size' in cache ? 'with' : 'without'

    test(`a full queue refuses, and takes the same message later, ${how} a cache`, async () => {
      const { bench, client } = await start()
      client.session.publishing.selectConfirms()
      client.declare('q', { ...DEDUPLICATED, ...FULL, ...cache })
      send(client, 'q', 'a', { value: '1' })
      send(client, 'q', 'b', { value: '2' })
      send(client, 'q', 'a again', { value: '1' })
      bench.settle()
      assert.deepEqual(
        client.told.map((told) => [told.what, 'sequence' in told && told.sequence]),
        [
          ['confirmed', 1],
          ['rejected', 2],
          ['confirmed', 3],
        ],
      )
      assert.deepEqual(drain(client), ['a'])
      send(client, 'q', 'b', { value: '2' })
      assert.deepEqual(drain(client), ['b'])
    })

    test(`what it dead-letters instead may come back, ${how} a cache`, async () => {
      const { bench, client } = await start()
      client.declare('q', {
        ...DEDUPLICATED,
        ...cache,
        'x-max-length': 1,
        'x-overflow': 'reject-publish-dlx',
        'x-dead-letter-exchange': '',
        'x-dead-letter-routing-key': 'dead',
      })
      client.declare('dead')
      send(client, 'q', 'a', { value: '1' })
      send(client, 'q', 'b', { value: '2' })
      bench.settle()
      assert.deepEqual(drain(client, 'dead'), ['b'])
      drain(client)
      send(client, 'q', 'b', { value: '2' })
      assert.deepEqual(drain(client), ['b'])
    })
  }
})

describe('confirms', () => {
  test('a duplicate is confirmed when the first one is safe, and not before', async () => {
    const { bench, store, client } = await start()
    client.session.publishing.selectConfirms()
    client.declare('q', DEDUPLICATED)
    send(client, 'q', 'a', { value: '1' })
    const other = bench.client()
    other.session.publishing.selectConfirms()
    send(other, 'q', 'b', { value: '1' })
    while (bench.turn.end());
    assert.deepEqual([client.told, other.told], [[], []])
    store.commit()
    while (bench.turn.end());
    assert.equal(other.told[0]?.what, 'confirmed')
  })

  test('what was not safe when the broker ended may be sent again', async () => {
    const setup = await start()
    const { bench, client } = setup
    for (const [name, cache] of [
      ['present', {}],
      ['window', { 'x-cache-size': 9 }],
    ] as const) {
      client.declare(name, { ...DEDUPLICATED, ...cache })
    }
    bench.settle()
    for (const name of ['present', 'window']) {
      send(client, name, 'not written', { value: '1' })
      send(client, name, 'transient', { value: '2', persistent: false })
    }
    const after = await crash(setup)
    for (const name of ['present', 'window']) {
      send(after.client, name, 'a', { value: '1' })
      send(after.client, name, 'b', { value: '2' })
      assert.deepEqual(drain(after.client, name), ['a', 'b'])
    }
  })

  test('a transient message is forgotten with the process, what is consumed included', async () => {
    const setup = await start()
    const { bench, client } = setup
    client.declare('q', { ...DEDUPLICATED, 'x-cache-size': 9 })
    send(client, 'q', 'a', { value: '1', persistent: false })
    send(client, 'q', 'b', { value: '2' })
    drain(client)
    bench.settle()
    const after = await crash(setup)
    send(after.client, 'q', 'a', { value: '1' })
    send(after.client, 'q', 'b', { value: '2' })
    assert.deepEqual(drain(after.client), ['a'])
  })

  test('a cache in memory is forgotten with the process', async () => {
    const setup = await start()
    const { bench, client } = setup
    client.declare('q', { ...DEDUPLICATED, 'x-cache-size': 9, 'x-cache-persistence': 'memory' })
    send(client, 'q', 'a', { value: '1' })
    drain(client)
    bench.settle()
    assert.equal([...setup.store.logs].length, 1, 'the queue has a log, and its cache has none')
    const after = await crash(setup)
    send(after.client, 'q', 'b', { value: '1' })
    assert.deepEqual(drain(after.client), ['b'])
  })
})

describe('transactions', () => {
  test('are checked with the commit, in order', async () => {
    const { bench, client } = await start()
    client.session.selectTransactions()
    client.declare('q', DEDUPLICATED)
    send(client, 'q', 'a', { value: '1' })
    send(client, 'q', 'b', { value: '1' })
    const other = bench.client()
    send(other, 'q', 'before the commit', { value: '1' })
    send(client, 'q', 'c', { value: '2' })
    client.session.commit()
    bench.settle()
    assert.equal(client.told.at(-1)?.what, 'committed')
    assert.deepEqual(drain(client), ['before the commit', 'c'])
  })

  test('that were rolled back leave nothing', async () => {
    const { client } = await start()
    client.session.selectTransactions()
    client.declare('q', { ...DEDUPLICATED, 'x-cache-size': 10 })
    send(client, 'q', 'a', { value: '1' })
    client.session.rollback()
    send(client, 'q', 'b', { value: '1' })
    client.session.commit()
    assert.deepEqual(drain(client), ['b'])
  })

  test('can be repeated when their messages have filled the queue', async () => {
    const { bench, client } = await start()
    client.session.selectTransactions()
    client.declare('q', { ...DEDUPLICATED, 'x-max-length': 2, 'x-overflow': 'reject-publish' })
    for (let i = 0; i < 2; i++) {
      send(client, 'q', 'a', { value: '1' })
      send(client, 'q', 'b', { value: '2' })
      client.session.commit()
      bench.settle()
    }
    assert.deepEqual(
      client.told.map(({ what }) => what),
      ['committed', 'committed'],
    )
    assert.deepEqual(drain(client), ['a', 'b'])
  })

  test('are whole after a crash, or are not there', async () => {
    const setup = await start()
    const { bench, client } = setup
    client.session.selectTransactions()
    client.declare('q', DEDUPLICATED)
    bench.settle()
    send(client, 'q', 'a', { value: '1' })
    client.session.commit()
    const after = await crash(setup)
    send(after.client, 'q', 'a', { value: '1' })
    assert.deepEqual(drain(after.client), ['a'])
  })
})

describe('dead letters', () => {
  test('are checked like any message', async () => {
    const { bench, client } = await start()
    const dead = client.declare('dead', DEDUPLICATED)
    client.declare('q', { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' })
    send(client, 'q', 'a', { value: '1' })
    send(client, 'q', 'b', { value: '1' })
    for (let i = 0; i < 2; i++) client.nack(client.get('q')!.tag, false, false)
    bench.settle()
    assert.equal(dead.counters.deduplicated, 1)
    assert.deepEqual(drain(client, 'dead'), ['a'])
  })

  for (const cache of [{}, { 'x-cache-size': 10 }]) {
    for (const strategy of ['at-most-once', 'at-least-once']) {
      const how = `${'x-cache-size' in cache ? 'with' : 'without'} a cache, ${strategy}`
      const args = {
        ...DEDUPLICATED,
        ...cache,
        'x-dead-letter-exchange': '',
        'x-dead-letter-strategy': strategy,
        'x-overflow': 'reject-publish',
      }

      test(`come back to the queue that they died in, at once, ${how}`, async () => {
        const { bench, client } = await start()
        client.declare('q', { ...args, 'x-dead-letter-routing-key': 'q' })
        send(client, 'q', 'a', { value: '1' })
        for (let i = 0; i < 3; i++) client.nack(client.get('q')!.tag, false, false)
        bench.settle()
        send(client, 'q', 'again', { value: '1' })
        assert.deepEqual(drain(client), ['a'])
      })

      test(`come back after a pause, ${how}`, async () => {
        const { bench, client } = await start()
        client.declare('q', { ...args, 'x-dead-letter-routing-key': 'wait' })
        client.declare('wait', {
          'x-message-ttl': 100,
          'x-dead-letter-exchange': '',
          'x-dead-letter-routing-key': 'q',
        })
        send(client, 'q', 'a', { value: '1' })
        for (let i = 0; i < 3; i++) {
          client.nack(client.get('q')!.tag, false, false)
          bench.advance(100)
        }
        assert.deepEqual(drain(client), ['a'])
        bench.settle()
      })
    }
  }
})

describe('policies', () => {
  const put = ({ bench }: Awaited<ReturnType<typeof start>>, definition: Record<string, unknown>): void =>
    bench.broker.setPolicy('user', '/', 'p', { pattern: '^q$', definition })

  test('turn it on and off', async () => {
    const setup = await start()
    const { bench, client } = setup
    const queue = client.declare('q')
    send(client, 'q', 'a', { value: '1' })
    put(setup, { 'message-deduplication': true })
    send(client, 'q', 'what was there before is not known', { value: '1' })
    send(client, 'q', 'no', { value: '1' })
    assert.equal(queue.readyCount, 2)
    bench.broker.deletePolicy('user', '/', 'p')
    assert.equal(queue.deduplication, null)
    send(client, 'q', 'b', { value: '1' })
    assert.equal(queue.readyCount, 3)
    assert.equal(drain(client).length, 3)
    bench.settle()
    assert.equal([...setup.store.logs].length, 1, 'the log of the values is gone')
  })

  test('have the names of the plugin, too', async () => {
    const setup = await start()
    const queue = setup.client.declare('q')
    put(setup, {
      'x-message-deduplication': true,
      'x-cache-size': 1,
      'x-cache-ttl': 5,
      'x-cache-persistence': 'memory',
    })
    assert.deepEqual(queue.deduplication!.seen.settings, {
      header: 'x-deduplication-header',
      cacheSize: 1,
      cacheTtlMs: 5,
      persistent: false,
      publishers: false,
    })
  })

  test('meet arguments: the smaller number, and the argument for the rest', async () => {
    const setup = await start()
    const queue = setup.client.declare('q', {
      ...DEDUPLICATED,
      'x-cache-size': 5,
      'x-cache-ttl': 5,
      'x-deduplication-header': 'a',
    })
    put(setup, {
      'message-deduplication': false,
      'cache-size': 9,
      'cache-ttl': 3,
      'deduplication-header': 'b',
      'publisher-deduplication': true,
    })
    assert.deepEqual(queue.deduplication!.seen.settings, {
      header: 'a',
      cacheSize: 5,
      cacheTtlMs: 3,
      persistent: true,
      publishers: true,
    })
  })

  test('change the size at once; another header, or another rule, begins anew', async () => {
    const setup = await start()
    const { client } = setup
    const queue = client.declare('q', DEDUPLICATED)
    put(setup, { 'cache-size': 10 })
    for (let i = 0; i < 10; i++) send(client, 'q', `${i}`, { value: `${i}` })
    put(setup, { 'cache-size': 4 })
    assert.equal(queue.deduplication!.seen.size.values, 4)
    send(client, 'q', 'no', { value: '9' })
    send(client, 'q', 'yes', { value: '5' })
    assert.equal(queue.readyCount, 11)
    put(setup, { 'cache-size': 4, 'deduplication-header': 'other' })
    assert.equal(queue.deduplication!.seen.size.values, 0)
    put(setup, { 'deduplication-header': 'other' })
    assert.equal(queue.deduplication!.seen.goesWithMessages, true)
  })
})

describe('what happens while a message is taken', () => {
  for (const cache of [{}, { 'x-cache-size': 10 }]) {
    test(`another one like it is ${'x-cache-size' in cache ? 'a duplicate' : 'taken where the first does not stay'}`, async () => {
      const { client } = await start()
      const queue = client.declare('q', { ...DEDUPLICATED, ...cache })
      client.consume('q', { noAck: true })
      let sent = 0
      client.onDelivery = () => {
        if (sent++ < 2) send(client, 'q', `from within ${sent}`, { value: sent === 1 ? '1' : '2' })
      }
      send(client, 'q', 'a', { value: '1' })
      const isWindow = 'x-cache-size' in cache
      assert.deepEqual(client.take(), isWindow ? ['a'] : ['a', 'from within 1', 'from within 2'])
      assert.equal(queue.deduplication!.seen.size.values, isWindow ? 1 : 0)
    })
  }

  for (const definition of [
    { 'deduplication-header': 'other' },
    { 'message-deduplication': false },
    { 'cache-persistence': 'memory' },
  ]) {
    test(`a policy may change: ${JSON.stringify(definition)}`, async () => {
      const { bench, store, client } = await start()
      const put = (more: Record<string, unknown>): void => {
        const all = { 'message-deduplication': true, 'publisher-deduplication': true, ...more }
        bench.broker.setPolicy('user', '/', 'p', { pattern: '', 'apply-to': 'queues', definition: all })
      }
      const queue = client.declare('q')
      put({})
      client.consume('q', { noAck: true })
      client.onDelivery = () => put({ ...definition, 'publisher-deduplication': false })
      send(client, 'q', 'a', { value: '1', publisher: 'p', id: 1 })
      bench.settle()
      assert.deepEqual(client.take(), ['a'])
      assert.equal(queue.deduplication?.seen.size.values ?? 0, 0)
      assert.equal([...store.logs].length, 1)
    })
  }

  test('the value of a message that does not stay is not that of one that comes meanwhile', async () => {
    const { client } = await start()
    const queue = client.declare('q', DEDUPLICATED)
    client.consume('q', { noAck: true })
    client.onDelivery = () => {
      client.onDelivery = null
      client.session.cancel([...client.session.consumers.keys()][0]!)
      send(client, 'q', 'stays', { value: '2' })
    }
    send(client, 'q', 'a', { value: '1' })
    assert.equal(queue.deduplication!.seen.size.values, 1)
    send(client, 'q', 'b', { value: '2' })
    send(client, 'q', 'c', { value: '1' })
    assert.deepEqual(drain(client), ['stays', 'c'])
    assert.equal(queue.deduplication!.seen.size.values, 0)
  })
})

test('the value goes first: after a crash in between, the message may come again, and is not lost', async () => {
  const { bench, store, client } = await start()
  client.declare('q', DEDUPLICATED)
  send(client, 'q', 'a', { value: '1' })
  bench.settle()
  const settled: string[] = []
  for (const [i, log] of [...store.logs].entries()) {
    const settle = log.settle.bind(log)
    log.settle = (entry) => {
      settled.push(i === 0 ? 'message' : 'value')
      settle(entry)
    }
  }
  client.ack(client.get('q')!.tag)
  assert.deepEqual(settled, ['value', 'message'])
})

describe('damage', () => {
  test('a value whose message is lost ends with the last message of the queue', async () => {
    const { client } = await start()
    const queue = client.declare('q', DEDUPLICATED)
    send(client, 'q', 'lost', { value: '1' })
    send(client, 'q', 'kept', { value: '2' })
    // as after a start that found the record of a message damaged, and that of its value whole
    const lost = composeMessage('', 'q', new Properties(), Buffer.alloc(0), amqpPropertyFormat)
    queue.deduplication!.seen.begin(lost, new Identity(new Key(Buffer.from('of a lost one'), 0, 13), null, 0))
    send(client, 'q', 'not yet', { value: 'of a lost one' })
    assert.deepEqual(drain(client), ['lost', 'kept'])
    send(client, 'q', 'now', { value: 'of a lost one' })
    assert.deepEqual(drain(client), ['now'])
  })
})

describe('the end of the queue', () => {
  test('is the end of its values', async () => {
    const setup = await start()
    const { bench, client } = setup
    client.declare('q', { ...DEDUPLICATED, 'x-cache-size': 10 })
    send(client, 'q', 'a', { value: '1' })
    bench.settle()
    client.session.topology.deleteQueue('q', false, false)
    bench.settle()
    assert.deepEqual([...setup.store.logs], [])
    client.declare('q', { ...DEDUPLICATED, 'x-cache-size': 10 })
    send(client, 'q', 'b', { value: '1' })
    assert.deepEqual(drain(client), ['b'])
    bench.settle()
    const after = await crash(setup)
    assert.equal(after.bench.queue('q').deduplication!.seen.size.values, 1)
  })
})

describe('arguments', () => {
  const bad: [string, Record<string, string | number | boolean>, RegExp][] = [
    [
      'truth',
      { 'x-message-deduplication': 'yes' },
      /invalid arg 'x-message-deduplication' .*\{unacceptable_type,longstr\}/,
    ],
    ['size', { 'x-cache-size': 0 }, /invalid arg 'x-cache-size' for queue 'q' in vhost '\/': \{value_zero,0\}/],
    ['type of size', { 'x-cache-size': 'many' }, /"expected integer, got longstr"/],
    ['time', { 'x-cache-ttl': -5 }, /\{value_negative,-5\}/],
    ['persistence', { 'x-cache-persistence': 'tape' }, /invalid_cache_persistence/],
    ['header', { 'x-deduplication-header': '' }, /invalid_header_name/],
    ['publishers', { 'x-publisher-deduplication': 1 }, /\{unacceptable_type,signedint\}/],
  ]
  for (const [what, args, text] of bad) {
    test(`are checked: ${what}`, async () => {
      const { client } = await start()
      assert.throws(() => client.declare('q', { ...DEDUPLICATED, ...args }), text)
    })
  }

  test('must be the same when the queue is declared again', async () => {
    const { client } = await start()
    client.declare('q', { ...DEDUPLICATED, 'x-cache-size': 5 })
    client.declare('q', { ...DEDUPLICATED, 'x-cache-size': 5 })
    assert.throws(
      () => client.declare('q', { ...DEDUPLICATED, 'x-cache-size': 6 }),
      /inequivalent arg 'x-cache-size' for queue 'q' in vhost '\/': received '6' but current is '5'/,
    )
  })
})
