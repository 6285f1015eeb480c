import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Exchange } from '../../../../src/core/exchange.ts'
import type { Client } from '../../../support/core-bench.ts'
import { crash, drain, send, start } from './bench.ts'

const DEDUPLICATED = { 'x-message-deduplication': true }
const PLUGIN = 'x-message-deduplication'

const exchange = (client: Client, name = 'x'): Exchange => client.session.vhost.findExchange(name)

function bind(client: Client, source: string, queue: string, key = ''): void {
  client.session.topology.bindQueue(queue, source, key, new Map())
}

function bindExchange(client: Client, source: string, destination: string): void {
  client.session.topology.bindExchange(destination, source, '', new Map())
}

for (const [type, args] of [
  [PLUGIN, { 'x-cache-size': 10 }],
  ['fanout', DEDUPLICATED],
  ['direct', DEDUPLICATED],
  ['topic', DEDUPLICATED],
  ['headers', DEDUPLICATED],
] as const) {
  test(`an exchange of the type ${type} leaves out what it has seen, and counts it`, async () => {
    const { bench, client } = await start()
    client.exchange('x', type, args)
    client.declare('q')
    client.declare('r')
    bind(client, 'x', 'q')
    bind(client, 'x', 'r')
    send(client, '', 'a', { exchange: 'x', value: '1' })
    send(client, '', 'b', { exchange: 'x', value: '1', mandatory: true })
    assert.deepEqual([drain(client), drain(client, 'r')], [['a'], ['a']])
    send(client, '', 'c', { exchange: 'x', value: '1' })
    send(client, '', 'd', { exchange: 'x', value: '2' })
    send(client, '', 'no value', { exchange: 'x' })
    send(client, '', 'no value', { exchange: 'x' })
    bench.settle()
    assert.deepEqual(
      [drain(client), drain(client, 'r')],
      [Array.of('d', 'no value', 'no value'), Array.of('d', 'no value', 'no value')],
    )
    const { deduplicated, publishedIn, publishedOut } = exchange(client)
    assert.deepEqual([deduplicated, publishedIn, publishedOut], [2, 6, 8])
    assert.equal(bench.broker.messageCounters().unroutable, 0)
    assert.deepEqual(client.told, [], 'a duplicate is not returned')
  })
}

test('the exchange of the plugin routes like a fanout', async () => {
  const { client } = await start()
  client.exchange('x', PLUGIN, { 'x-cache-size': 10 })
  client.declare('q')
  bind(client, 'x', 'q', 'whatever')
  send(client, 'something', 'a', { exchange: 'x', value: '1' })
  assert.deepEqual(drain(client), ['a'])
})

describe('the window', () => {
  test('has as many values as it is to, and 128 unless it is told', async () => {
    const { client } = await start()
    for (const [name, args] of [
      ['x', { 'x-cache-size': 3 }],
      ['y', {}],
    ] as const) {
      client.exchange(name, 'fanout', { ...DEDUPLICATED, ...args })
      client.declare('q')
      bind(client, name, 'q')
      for (let i = 0; i < 200; i++) send(client, '', 'm', { exchange: name, value: `${i}` })
    }
    assert.equal(exchange(client, 'x').deduplication!.seen.size.values, 3)
    assert.equal(exchange(client, 'y').deduplication!.seen.size.values, 128)
  })

  test('lasts as long as it is to; a message may say otherwise', async () => {
    const { bench, client } = await start()
    client.exchange('x', PLUGIN, { 'x-cache-size': 10, 'x-cache-ttl': 1000 })
    client.declare('q')
    bind(client, 'x', 'q')
    const twice = (body: string, sent: Parameters<typeof send>[3]): void => {
      send(client, '', body, { exchange: 'x', ...sent })
      send(client, '', body, { exchange: 'x', ...sent })
    }
    twice('a', { value: '1' })
    twice('b', { value: '2', ttlMs: 10 })
    bench.advance(10)
    twice('c', { value: '2' })
    bench.advance(990)
    twice('d', { value: '1' })
    assert.deepEqual(drain(client), ['a', 'b', 'c', 'd'])
  })

  test('survives a crash, unless it is to be in memory, or the exchange does not', async () => {
    const setup = await start()
    const { bench, client } = setup
    client.declare('q')
    client.exchange('disk', PLUGIN, { 'x-cache-size': 3 })
    client.exchange('memory', PLUGIN, { 'x-cache-size': 3, 'x-cache-persistence': 'memory' })
    const rest = { durable: false, autoDelete: false, internal: false, passive: false, type: 'fanout' }
    client.session.topology.declareExchange({ name: 'gone', ...rest, arguments: exchange(client, 'disk').arguments })
    for (const name of ['disk', 'memory']) {
      bind(client, name, 'q')
      for (const value of ['1', '2', '3', '4']) send(client, '', name, { exchange: name, value })
    }
    bench.settle()
    const after = await crash(setup)
    drain(after.client)
    for (const name of ['disk', 'memory']) {
      for (const value of ['4', '3', '2', '1']) send(after.client, '', `${name} ${value}`, { exchange: name, value })
    }
    assert.deepEqual(drain(after.client), ['disk 1', 'memory 4', 'memory 3', 'memory 2', 'memory 1'])
  })

  test('has what is on disk only: not the value of a message that no queue keeps', async () => {
    const setup = await start()
    const { bench, client } = setup
    client.exchange('x', 'direct', DEDUPLICATED)
    client.declare('q')
    client.declare('transient', {}, { durable: false })
    bind(client, 'x', 'q', 'q')
    bind(client, 'x', 'transient', 't')
    send(client, 'q', 'a', { exchange: 'x', value: '1', persistent: false })
    send(client, 't', 'b', { exchange: 'x', value: '2' })
    send(client, 'q', 'c', { exchange: 'x', value: '3' })
    bench.settle()
    send(client, 'q', 'not written', { exchange: 'x', value: '4' })
    const after = await crash(setup)
    for (const value of ['1', '2', '3', '4']) send(after.client, 'q', value, { exchange: 'x', value })
    assert.deepEqual(drain(after.client), ['c', '1', '2', '4'])
  })

  test('goes with the exchange', async () => {
    const { bench, store, client } = await start()
    client.exchange('x', 'fanout', DEDUPLICATED)
    client.declare('q')
    bind(client, 'x', 'q')
    send(client, '', 'a', { exchange: 'x', value: '1' })
    bench.settle()
    assert.equal([...store.logs].length, 2)
    client.session.topology.deleteExchange('x', false)
    bench.settle()
    assert.equal([...store.logs].length, 1)
  })
})

describe('only what was accepted counts', () => {
  test('what has no route is returned, and may be sent again', async () => {
    const { bench, client } = await start()
    client.exchange('x', 'fanout', DEDUPLICATED)
    for (let i = 0; i < 2; i++) send(client, '', 'a', { exchange: 'x', value: '1', mandatory: true })
    assert.deepEqual(
      client.told,
      Array.from({ length: 2 }, () => ({ what: 'returned', body: 'a' })),
    )
    send(client, '', 'a', { exchange: 'x', value: '1' })
    assert.equal(bench.broker.messageCounters().unroutable, 1)
    client.declare('q')
    bind(client, 'x', 'q')
    send(client, '', 'a', { exchange: 'x', value: '1', mandatory: true })
    assert.deepEqual(drain(client), ['a'])
  })

  test('what a queue refuses may be sent again', async () => {
    const { bench, client } = await start()
    client.session.publishing.selectConfirms()
    client.exchange('x', 'fanout', DEDUPLICATED)
    client.declare('q')
    client.declare('full', { 'x-max-length': 0, 'x-overflow': 'reject-publish' })
    bind(client, 'x', 'q')
    bind(client, 'x', 'full')
    for (let i = 0; i < 2; i++) send(client, '', 'a', { exchange: 'x', value: '1' })
    bench.settle()
    assert.deepEqual(client.told, [
      { what: 'rejected', sequence: 1 },
      { what: 'rejected', sequence: 2 },
    ])
    assert.deepEqual(drain(client), ['a', 'a'])
  })

  test('a duplicate is confirmed when the first one is safe, and not before', async () => {
    const { bench, store, client } = await start()
    client.exchange('x', 'fanout', DEDUPLICATED)
    client.declare('q')
    bind(client, 'x', 'q')
    bench.settle()
    send(client, '', 'a', { exchange: 'x', value: '1' })
    const other = bench.client()
    other.session.publishing.selectConfirms()
    send(other, '', 'b', { exchange: 'x', value: '1' })
    while (bench.turn.end());
    assert.deepEqual(other.told, [])
    store.commit()
    while (bench.turn.end());
    assert.deepEqual(other.told, [{ what: 'confirmed', sequence: 1, multiple: false }])
  })

  test('transactions are checked with the commit, in order', async () => {
    const { bench, client } = await start()
    client.session.selectTransactions()
    client.exchange('x', 'fanout', DEDUPLICATED)
    client.declare('q', { 'x-max-length': 3, 'x-overflow': 'reject-publish' })
    bind(client, 'x', 'q')
    send(client, '', 'rolled back', { exchange: 'x', value: '1' })
    client.session.rollback()
    for (let i = 0; i < 2; i++) {
      send(client, '', 'a', { exchange: 'x', value: '1', mandatory: true })
      send(client, '', 'b', { exchange: 'x', value: '2' })
      send(client, '', 'a', { exchange: 'x', value: '1' })
      send(bench.client(), '', `between ${i}`, { exchange: 'x', value: '2' })
      client.session.commit()
      bench.settle()
    }
    assert.deepEqual(drain(client), ['between 0', 'a'])
    assert.deepEqual(
      client.told.map(({ what }) => what),
      ['committed', 'committed'],
    )
    assert.equal(exchange(client).deduplicated, 2 + 1 + 3)
  })
})

describe('exchanges behind exchanges', () => {
  test('have windows of their own', async () => {
    const { client } = await start()
    client.exchange('first', 'fanout')
    client.exchange('other', 'fanout')
    client.exchange('x', 'fanout', DEDUPLICATED)
    client.declare('q')
    client.declare('all')
    bindExchange(client, 'first', 'x')
    bindExchange(client, 'other', 'x')
    bind(client, 'x', 'q')
    bind(client, 'first', 'all')
    send(client, '', 'a', { exchange: 'first', value: '1' })
    send(client, '', 'b', { exchange: 'first', value: '1' })
    send(client, '', 'c', { exchange: 'other', value: '1', mandatory: true })
    assert.deepEqual([drain(client), drain(client, 'all')], [['a'], ['a', 'b']])
    assert.deepEqual(client.told, [])
    assert.equal(exchange(client).deduplicated, 2)
  })

  test('remember what reached a queue through them', async () => {
    const { client } = await start()
    client.exchange('first', 'fanout', DEDUPLICATED)
    client.exchange('middle', 'fanout')
    client.exchange('x', 'fanout', DEDUPLICATED)
    client.exchange('nowhere', 'fanout')
    client.declare('q')
    client.declare('all')
    bindExchange(client, 'first', 'middle')
    bindExchange(client, 'middle', 'x')
    bindExchange(client, 'x', 'nowhere')
    bind(client, 'first', 'all')
    send(client, '', 'a', { exchange: 'first', value: '1' })
    assert.equal(exchange(client, 'first').deduplication!.seen.size.values, 1)
    assert.equal(exchange(client, 'x').deduplication!.seen.size.values, 0)
    bind(client, 'nowhere', 'q')
    send(client, '', 'b', { exchange: 'middle', value: '1' })
    send(client, '', 'c', { exchange: 'middle', value: '1' })
    assert.deepEqual(drain(client), ['b'])
  })

  test('may go round', async () => {
    const { client } = await start()
    client.exchange('x', 'fanout', DEDUPLICATED)
    client.exchange('y', 'fanout', DEDUPLICATED)
    client.declare('q')
    bindExchange(client, 'x', 'y')
    bindExchange(client, 'y', 'x')
    bind(client, 'y', 'q')
    send(client, '', 'a', { exchange: 'x', value: '1' })
    send(client, '', 'b', { exchange: 'y', value: '1' })
    assert.deepEqual(drain(client), ['a'])
  })

  test('as alternates get what has no route, and no duplicates', async () => {
    const { client } = await start()
    client.exchange('alternate', 'fanout')
    client.exchange('x', 'direct', { ...DEDUPLICATED, 'alternate-exchange': 'alternate' })
    client.declare('q')
    client.declare('rest')
    bind(client, 'x', 'q', 'q')
    bind(client, 'alternate', 'rest')
    for (const key of ['q', 'unknown', 'q']) send(client, key, key, { exchange: 'x', value: '1' })
    for (const key of ['unknown', 'unknown', 'q']) send(client, key, key, { exchange: 'x', value: '2' })
    assert.deepEqual([drain(client), drain(client, 'rest')], [['q'], ['unknown']])
  })

  test('get messages of a history once', async () => {
    const { client } = await start()
    client.exchange('history', 'x-recent-history')
    client.exchange('x', 'fanout', DEDUPLICATED)
    client.declare('q')
    bind(client, 'x', 'q')
    for (const body of ['a', 'b']) send(client, '', body, { exchange: 'history', value: '1' })
    bindExchange(client, 'history', 'x')
    send(client, '', 'c', { exchange: 'history', value: '1' })
    assert.deepEqual(drain(client), ['a'])
    assert.equal(exchange(client).deduplicated, 2)
  })
})

test('dead letters pass: they may have come by before', async () => {
  const { bench, client } = await start()
  client.exchange('x', 'fanout', DEDUPLICATED)
  client.declare('q', { 'x-dead-letter-exchange': 'x' })
  bind(client, 'x', 'q')
  send(client, '', 'a', { exchange: 'x', value: '1' })
  for (let i = 0; i < 3; i++) client.nack(client.get('q')!.tag, false, false)
  bench.settle()
  assert.deepEqual(drain(client), ['a'])
})

describe('a policy', () => {
  test('turns it on and off, with routes that are known', async () => {
    const { bench, store, client } = await start()
    client.exchange('x', 'fanout')
    client.declare('q')
    bind(client, 'x', 'q')
    send(client, '', 'a', { exchange: 'x', value: '1' })
    const definition = { 'message-deduplication': true, 'deduplication-header': 'id', 'cache-size': 2 }
    bench.broker.setPolicy('user', '/', 'p', { pattern: '^x$', 'apply-to': 'exchanges', definition })
    for (let i = 0; i < 2; i++) send(client, '', 'b', { exchange: 'x', header: 'id', value: '1' })
    bench.settle()
    assert.equal([...store.logs].length, 2)
    bench.broker.deletePolicy('user', '/', 'p')
    for (let i = 0; i < 2; i++) send(client, '', 'c', { exchange: 'x', header: 'id', value: '1' })
    bench.settle()
    assert.equal([...store.logs].length, 1)
    assert.deepEqual(drain(client), ['a', 'b', 'c', 'c'])
  })

  test('for everything leaves the default exchange alone', async () => {
    const { bench, client } = await start()
    const body = { pattern: '', 'apply-to': 'exchanges', definition: { 'message-deduplication': true } }
    bench.broker.setPolicy('user', '/', 'p', body)
    client.declare('q')
    for (let i = 0; i < 2; i++) send(client, 'q', 'a', { value: '1' })
    assert.deepEqual(drain(client), ['a', 'a'])
  })
})

describe('arguments', () => {
  const bad: [string, Record<string, string | number | boolean>, RegExp][] = [
    [PLUGIN, {}, /^Missing or invalid argument, 'x-cache-size' must be an integer greater than 0$/],
    [PLUGIN, { 'x-cache-size': 0 }, /'x-cache-size' must be an integer greater than 0/],
    [PLUGIN, { 'x-cache-size': 'ten' }, /'x-cache-size' must be an integer greater than 0/],
    [
      PLUGIN,
      { 'x-cache-size': 1, 'x-cache-ttl': 0 },
      /^Invalid argument, 'x-cache-ttl' must be an integer greater than 0$/,
    ],
    [
      PLUGIN,
      { 'x-cache-size': 1, 'x-cache-persistence': 'tape' },
      /^Invalid argument, 'x-cache-persistence' must be either 'disk' or 'memory'$/,
    ],
    [
      'fanout',
      { ...DEDUPLICATED, 'x-cache-size': '10' },
      /^invalid arg 'x-cache-size' for exchange 'x' in vhost '\/': "exp/,
    ],
    ['fanout', { 'x-message-deduplication': 'true' }, /\{unacceptable_type,longstr\}/],
  ]
  for (const [type, args, message] of bad) {
    test(`are checked: ${type} with ${JSON.stringify(args)}`, async () => {
      const { client } = await start()
      assert.throws(() => client.exchange('x', type, args), { kind: 'preconditionFailed', message })
    })
  }

  test('of the plugin may be digits', async () => {
    const { client } = await start()
    client.exchange('x', PLUGIN, { 'x-cache-size': '10', 'x-cache-ttl': '1000' })
    const { cacheSize, cacheTtlMs } = exchange(client).deduplication!.seen.settings
    assert.deepEqual([cacheSize, cacheTtlMs], [10, 1000])
  })

  test('must be the same when the exchange is declared again', async () => {
    const { client } = await start()
    client.exchange('x', 'fanout', DEDUPLICATED)
    client.exchange('x', 'fanout', DEDUPLICATED)
    assert.throws(
      () => client.exchange('x', 'fanout'),
      /inequivalent arg 'x-message-deduplication' for exchange 'x' in vhost '\/': received none but current is/,
    )
  })
})
