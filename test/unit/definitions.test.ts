import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { tableToJson } from '../../src/core/fields-json.ts'
import { importDefinitions } from '../../src/management/definitions.ts'
import { CoreBench } from '../support/core-bench.ts'

const read = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../fixtures/${name}.json`, import.meta.url), 'utf8'))

async function imported(name: string): Promise<CoreBench> {
  const bench = await new CoreBench().start()
  importDefinitions(bench.broker, read(name))
  return bench
}

const LOOPBACK = { loopback: true }

for (const [name, again] of [
  ['once', false],
  ['twice, which changes nothing', true],
] as const) {
  test(`what rabbitmqctl of RabbitMQ 3.10 exports is imported ${name}`, async () => {
    const { broker } = await imported('definitions-3.10')
    if (again) importDefinitions(broker, read('definitions-3.10'))
    const vhost = broker.findVhost('orders/eu')
    assert.deepEqual(broker.limitsOf('orders/eu'), { maxConnections: 100, maxQueues: 50 })
    assert.deepEqual(broker.users.get('defs-shop')!.tags, ['management', 'policymaker'])
    assert.deepEqual(broker.users.get('defs-shop')!.limits, { maxConnections: 20, maxChannels: 200 })
    assert.equal(broker.users.authenticate('defs-shop', 'correct horse', LOOPBACK), 'ok')
    assert.equal(broker.users.authenticate('defs-shop', 'wrong', LOOPBACK), 'refused')
    assert.equal(broker.users.authenticate('defs-nobody', '', LOOPBACK), 'refused')
    assert.equal(broker.permissions.get('defs-shop', 'orders/eu')!.configure, '^(shop|amq\\.gen).*')
    assert.equal(broker.permissions.getTopic('defs-shop', 'orders/eu', 'amq.topic')!.write, '^{username}\\.')
    assert.deepEqual([...vhost.queues.keys()].sort(), ['shop.dead', 'shop.mail', 'shop.orders', 'shop.transient'])
    const orders = vhost.findQueue('shop.orders')
    assert.deepEqual(
      [orders.type, orders.settings.deliveryLimit, orders.settings.ttlMs, orders.settings.maxLength],
      ['quorum', 5, 60_000, 500],
    )
    assert.deepEqual([orders.policy!.name, orders.policy!.operatorName], ['shop-ttl', 'shop-cap'])
    const mail = vhost.findQueue('shop.mail')
    assert.deepEqual(
      [mail.settings.maxPriority, mail.settings.expiresMs, mail.settings.ttlMs, mail.settings.maxLength],
      [10, 86_400_000, 5000, 20],
    )
    assert.deepEqual([vhost.findQueue('shop.transient').durable, vhost.findQueue('shop.dead').durable], [false, true])
    assert.equal(vhost.findExchange('shop.events').alternate, 'shop.unrouted')
    const bindings = [...vhost.exchanges.values()].flatMap((exchange) =>
      [...exchange.bindings.values()].map((binding) => `${binding.source} ${binding.key} ${binding.destination.name}`),
    )
    assert.deepEqual(bindings.sort(), [
      'amq.fanout  shop.transient',
      'shop.dead orders shop.dead',
      'shop.events order.# shop.orders',
      'shop.events order.*.paid shop.mail',
      'shop.unrouted  shop.dead',
    ])
  })
}

describe('what RabbitMQ 4 exports', () => {
  test('is imported, but for streams', async () => {
    const { broker } = await imported('definitions-4.1')
    const vhost = broker.findVhost('shop')
    assert.deepEqual(vhost.metadata, {
      description: 'The shop',
      tags: ['production'],
      defaultQueueType: 'quorum',
      protectedFromDeletion: true,
    })
    assert.equal(broker.users.authenticate('shop', 'correct horse', LOOPBACK), 'ok')
    assert.deepEqual([...vhost.queues.keys()].sort(), ['mail', 'orders'])
    const orders = vhost.findQueue('orders')
    assert.deepEqual(
      [orders.settings.deadLetterStrategy, orders.settings.deliveryLimit, tableToJson(orders.arguments)],
      ['at-least-once', 7, { 'x-queue-type': 'quorum' }],
    )
    assert.equal(vhost.findExchange('dead').internal, true)
    assert.deepEqual(
      [...vhost.findExchange('shards').bindings.values()].map(({ key }) => key),
      ['2', '1'],
    )
    assert.deepEqual(
      broker.parameters.listGlobal().map((parameter) => parameter.name),
      ['cluster_name', 'internal_cluster_id', 'cluster_tags'],
    )
  })

  test('lets a client declare again what was imported', async () => {
    const bench = await imported('definitions-4.1')
    bench.broker.setPermission({ user: 'guest', vhost: 'shop', configure: '.*', write: '.*', read: '.*' })
    const client = bench.client(bench.connect('shop'))
    client.declare('orders')
    client.declare('orders', { 'x-queue-type': 'quorum' })
    client.declare('mail', { 'x-queue-type': 'classic' })
    assert.throws(() => client.declare('orders', { 'x-queue-type': 'classic' }), /inequivalent arg 'x-queue-type'/)
  })
})

describe('definitions', () => {
  test('of one vhost go to the vhost that is named', async () => {
    const bench = await new CoreBench().start()
    importDefinitions(
      bench.broker,
      {
        queues: [{ name: 'q', durable: true, auto_delete: false, arguments: {} }],
        exchanges: [{ name: 'x', type: 'topic' }],
        bindings: [{ source: 'x', destination: 'q', destination_type: 'queue', routing_key: '#', arguments: {} }],
        policies: [{ name: 'p', pattern: '.*', definition: { 'max-length': 3 } }],
      },
      { onlyVhost: '/' },
    )
    assert.equal(bench.queue('q').settings.maxLength, 3)
    assert.equal(bench.vhost.findExchange('x').bindings.size, 1)
  })

  test('need not say what is usual', async () => {
    const { broker } = await new CoreBench().start()
    importDefinitions(broker, {
      users: [{ name: 'ann', password_hash: '' }],
      queues: [{ vhost: '/', name: 'q' }],
      bindings: [{ vhost: '/', source: 'amq.direct', destination: 'q', routing_key: 'k' }],
    })
    const { durable, autoDelete } = broker.findVhost('/').findQueue('q')
    assert.deepEqual([broker.users.get('ann')?.tags, durable, autoDelete], [[], true, false])
    assert.equal(broker.findVhost('/').findExchange('amq.direct').bindings.size, 1)
  })

  test('have tags of virtual hosts in a list, or in a text with commas', async () => {
    const { broker } = await new CoreBench().start()
    importDefinitions(broker, {
      vhosts: [
        { name: 'a', tags: 'one, two' },
        { name: 'b', tags: ['one'] },
      ],
    })
    assert.deepEqual(broker.findVhost('a').metadata.tags, ['one', 'two'])
    assert.deepEqual(broker.findVhost('b').metadata.tags, ['one'])
  })

  for (const [section, row, name] of [
    ['vhosts', { name: 'v', tags: [5] }, 'v'],
    ['users', { name: 'ann', tags: '', password_hash: '', hashing_algorithm: 'no' }, 'ann'],
    ['permissions', { user: 'ann', vhost: '/', configure: '', write: '', read: '' }, '//ann'],
    ['topic_permissions', { user: 'ann', vhost: '/', exchange: 'x', write: '', read: '' }, '//ann/x'],
    ['parameters', { vhost: '/', component: 'vhost-limits', name: 'limits', value: 1 }, '//vhost-limits/limits'],
    ['policies', { vhost: '/', name: 'p', pattern: '(', definition: { 'max-length': 1 } }, '//p'],
    ['exchanges', { vhost: '/', name: 'x', type: 'no' }, '//x'],
    ['queues', { vhost: '/', name: 'q', durable: true, auto_delete: false, arguments: { 'x-expires': 0 } }, '//q'],
    ['bindings', { vhost: 'none', source: 'x', destination: 'q', destination_type: 'queue' }, 'none/x -> q'],
  ] as const) {
    test(`with a mistake among ${section} say in which of them it is`, async () => {
      const bench = await new CoreBench().start()
      assert.throws(
        () => importDefinitions(bench.broker, { [section]: [row] }),
        ({ message }: Error) => message.endsWith(` (${name})`),
      )
    })
  }

  for (const [what, file, expected] of [
    ['a list', [], /definitions is not an object/],
    ['a section that is no list', { queues: {} }, /'queues' is not a list/],
    ['a queue without a name', { queues: [{ vhost: '/' }] }, /'name' is missing/],
    ['a vhost that is not there', { queues: [{ vhost: 'none', name: 'q' }] }, /vhost none not found/],
    ['an unknown exchange type', { exchanges: [{ vhost: '/', name: 'x', type: 'no' }] }, /unknown exchange type 'no'/],
    [
      'arguments that a client could not declare',
      { queues: [{ vhost: '/', name: 'q', arguments: { 'x-max-length': -1 } }] },
      /invalid arg 'x-max-length'/,
    ],
  ] as const) {
    test(`with ${what} are refused`, async () => {
      const bench = await new CoreBench().start()
      assert.throws(() => importDefinitions(bench.broker, file), expected)
    })
  }
})
