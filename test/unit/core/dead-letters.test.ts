import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { addDeath, isCycle } from '../../../src/core/dead-letter.ts'
import { array, type Field, longstr } from '../../../src/core/fields.ts'
import type { Death, DeathReason } from '../../../src/core/message.ts'
import { type Client, CoreBench, type Delivery, messageOf } from '../../support/core-bench.ts'

async function start(): Promise<{ bench: CoreBench; client: Client }> {
  const bench = await new CoreBench().start()
  return { bench, client: bench.client() }
}

const plain = (field: Field): unknown => {
  if (field.type === 'array') return field.value.map(plain)
  if (field.type === 'table') return Object.fromEntries([...field.value].map(([key, value]) => [key, plain(value)]))
  return field.value
}

const header = (delivery: Delivery, name: string): unknown => {
  const field = delivery.headers.get(name)
  return field === undefined ? undefined : plain(field)
}

const reject = (client: Client, queue: string): void => client.nack(client.get(queue)!.tag, false, false)

describe('x-death', () => {
  test('tells where, why, when and how often, newest first', async () => {
    const { bench, client } = await start()
    client.declare('first', { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'second' })
    client.declare('second', {
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': 'first',
      'x-message-ttl': 10,
    })
    const seconds = Math.floor(bench.clock.now() / 1000)
    client.publish('first', 'm', { ttlMs: 5000, priority: 3, persistent: true })
    reject(client, 'first')
    bench.advance(3010)
    // expired in `second`: `first` rejected it, so it comes back there
    const back = client.get('first')!
    assert.equal(back.priority, 3)
    assert.equal(back.expiration, null)
    assert.deepEqual(header(back, 'x-death'), [
      {
        count: 1,
        reason: 'expired',
        queue: 'second',
        time: seconds,
        exchange: '',
        'routing-keys': ['second'],
      },
      {
        count: 1,
        reason: 'rejected',
        queue: 'first',
        time: seconds,
        exchange: '',
        'routing-keys': ['first'],
        'original-expiration': '5000',
      },
    ])
    client.nack(back.tag, false, false)
    bench.advance(10)
    const again = client.get('first')!
    const deaths = header(again, 'x-death') as { count: number; queue: string; time: number }[]
    assert.deepEqual(
      deaths.map(({ queue, count, time }) => [queue, count, time]),
      [
        ['second', 2, seconds],
        ['first', 2, seconds],
      ],
    )
    assert.equal(header(again, 'x-first-death-queue'), 'first')
    assert.equal(header(again, 'x-first-death-reason'), 'rejected')
    assert.equal(header(again, 'x-last-death-queue'), 'second')
    assert.equal(header(again, 'x-last-death-reason'), 'expired')
  })

  test('of a client is not counted on, but replaced', async () => {
    const { client } = await start()
    client.declare('dead')
    client.declare('q', { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' })
    client.publish('q', 'm', {
      headers: new Map([
        ['x-death', array([longstr('forged')])],
        ['x-first-death-queue', longstr('forged')],
        ['own', longstr('kept')],
      ]),
    })
    reject(client, 'q')
    const dead = client.get('dead')!
    assert.equal((header(dead, 'x-death') as { queue: string }[])[0]!.queue, 'q')
    assert.equal(header(dead, 'x-first-death-queue'), 'q')
    assert.equal(header(dead, 'own'), 'kept')
  })

  test('a routing key of the queue takes the place of the message\u2019s own and of its CC', async () => {
    const { client } = await start()
    for (const name of ['own', 'copy', 'named']) client.declare(name)
    client.exchange('dlx', 'direct')
    for (const name of ['own', 'copy', 'named']) client.session.topology.bindQueue(name, 'dlx', name, new Map())
    client.declare('keeps', { 'x-dead-letter-exchange': 'dlx' })
    client.declare('names', { 'x-dead-letter-exchange': 'dlx', 'x-dead-letter-routing-key': 'named' })
    for (const queue of ['keeps', 'names']) {
      client.session.topology.bindQueue(queue, 'amq.fanout', '', new Map())
      const message = messageOf('amq.fanout', 'own', queue, {
        headers: new Map([['CC', array([longstr('copy')])]]),
      })
      message.extraKeys = ['copy']
      client.session.publishing.publish(client.session.publishing.access('amq.fanout'), message, false)
      client.session.topology.unbindQueue(queue, 'amq.fanout', '', new Map())
    }
    reject(client, 'keeps')
    reject(client, 'names')
    assert.equal(client.get('own', true)!.body, 'keeps')
    assert.equal(client.get('copy', true)!.body, 'keeps')
    const named = client.get('named', true)!
    assert.equal(named.body, 'names')
    assert.equal(named.headers.has('CC'), false)
    assert.deepEqual((header(named, 'x-death') as { 'routing-keys': string[] }[])[0]!['routing-keys'], ['own', 'copy'])
    for (const queue of ['own', 'copy', 'named']) assert.equal(client.get(queue), null)
  })

  test('one entry for each queue and reason', () => {
    const message = messageOf('x', 'key', '')
    message.deaths = addDeath(message, 'q', 'expired', 1_000_000)
    message.deaths = addDeath(message, 'q', 'rejected', 2_000_000)
    message.deaths = addDeath(message, 'q', 'expired', 3_000_000)
    assert.deepEqual(
      message.deaths.map(({ queue, reason, count, time }) => [queue, reason, count, time]),
      [
        ['q', 'expired', 2, 1000],
        ['q', 'rejected', 1, 2000],
      ],
    )
  })
})

describe('cycles', () => {
  const death = (queue: string, reason: DeathReason): Death => ({
    queue,
    reason,
    count: 1,
    time: 0,
    exchange: '',
    routingKeys: [],
    originalExpiration: null,
  })

  test('are those in which nobody rejected the message since it was here', () => {
    const expired = [death('b', 'expired'), death('a', 'maxlen')]
    assert.equal(isCycle(expired, 'a'), true)
    assert.equal(isCycle(expired, 'b'), true)
    assert.equal(isCycle(expired, 'c'), false)
    assert.equal(isCycle([death('b', 'rejected'), death('a', 'expired')], 'a'), false)
    assert.equal(isCycle([death('a', 'expired'), death('b', 'rejected')], 'a'), true)
    assert.equal(isCycle([death('a', 'delivery_limit')], 'a'), true)
  })

  test('end: an expired message does not come back to its queue', async () => {
    const { bench, client } = await start()
    client.declare('a', {
      'x-message-ttl': 10,
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': 'b',
    })
    client.declare('b', {
      'x-message-ttl': 10,
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': 'a',
    })
    client.publish('a', 'm')
    bench.advance(10)
    assert.deepEqual([bench.queue('a').readyCount, bench.queue('b').readyCount], [0, 1])
    bench.advance(1000)
    assert.equal(bench.store.stats().messages, 0)
  })

  test('end: a queue that drops its head for what it dropped', async () => {
    const { bench, client } = await start()
    client.declare('q', { 'x-max-length': 2, 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'q' })
    for (let i = 0; i < 5; i++) client.publish('q', String(i))
    assert.deepEqual([client.get('q')!.body, client.get('q')!.body, client.get('q')], ['3', '4', null])
    assert.equal(bench.store.stats().messages, 2)
  })

  test('are allowed by rejection: a queue may be its own target', async () => {
    const { bench, client } = await start()
    client.declare('q', { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'q' })
    client.onDelivery = ({ tag, headers }) => {
      const deaths = headers.get('x-death')
      const count = deaths === undefined ? 0 : (plain(deaths) as { count: number }[])[0]!.count
      if (count < 3) client.nack(tag, false, false)
    }
    client.consume('q')
    client.publish('q', 'again')
    bench.settle()
    assert.equal(client.deliveries.length, 4)
    assert.deepEqual([bench.queue('q').readyCount, bench.queue('q').unackedCount], [0, 1])
  })

  test('a long chain of queues that die one into the other does not go deep', async () => {
    assert.equal(await depthOfChain(40), await depthOfChain(3))
  })
})

/** How deep the stack is where a message arrives that died in so many queues, each of which takes nothing. */
async function depthOfChain(length: number): Promise<number> {
  const { client } = await start()
  for (let i = 0; i < length; i++) {
    client.declare(`q${i}`, {
      'x-max-length': 0,
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': `q${i + 1}`,
    })
  }
  client.declare(`q${length}`)
  let depth = 0
  client.onDelivery = ({ headers }) => {
    assert.equal((plain(headers.get('x-death')!) as unknown[]).length, length)
    const usual = Error.stackTraceLimit
    Error.stackTraceLimit = Infinity
    depth = new Error('here').stack!.split('\n').length
    Error.stackTraceLimit = usual
  }
  client.consume(`q${length}`)
  client.publish('q0', 'm')
  assert.ok(depth > 0)
  return depth
}

describe('at least once', () => {
  const safe = {
    'x-queue-type': 'quorum',
    'x-dead-letter-exchange': 'dlx',
    'x-dead-letter-strategy': 'at-least-once',
    'x-overflow': 'reject-publish',
  }

  test('a message stays until there is an exchange that takes it to a queue', async () => {
    const { bench, client } = await start()
    const queue = client.declare('q', { ...safe, 'x-max-length-bytes': 10 })
    client.session.publishing.selectConfirms()
    client.publish('q', 'first')
    client.publish('q', 'four')
    reject(client, 'q')
    reject(client, 'q')
    assert.deepEqual([queue.heldCount, queue.heldBytes, queue.readyCount], [2, 9, 0])
    client.publish('q', 'full')
    bench.settle()
    assert.deepEqual(client.told.at(-1), { what: 'rejected', sequence: 3 }, 'held messages count')
    client.exchange('dlx', 'fanout')
    bench.advance(5000)
    assert.equal(queue.heldCount, 2, 'an exchange without a queue is not enough')
    client.declare('dead')
    client.session.topology.bindQueue('dead', 'dlx', '', new Map())
    bench.advance(5000)
    assert.deepEqual([queue.heldCount, queue.heldBytes, queue.counters.deadLettered], [0, 0, 2])
    assert.deepEqual([client.get('dead')!.body, client.get('dead')!.body], ['first', 'four'])
    assert.deepEqual(bench.broker.counters.deadLettered.rejected, 2)
  })

  test('a message stays while its target is full', async () => {
    const { bench, client } = await start()
    client.exchange('dlx', 'fanout')
    client.declare('dead', { 'x-max-length': 1, 'x-overflow': 'reject-publish' })
    client.session.topology.bindQueue('dead', 'dlx', '', new Map())
    const queue = client.declare('q', { ...safe, 'x-message-ttl': 10, 'x-max-length': 2 })
    client.publish('q', 'a')
    client.publish('q', 'b')
    bench.advance(10)
    assert.deepEqual([queue.heldCount, bench.queue('dead').readyCount], [1, 1])
    client.publish('q', 'c')
    client.publish('q', 'one too many')
    assert.equal(client.session.topology.purgeQueue('q'), 1)
    client.get('dead', true)
    bench.advance(5000)
    assert.deepEqual([queue.heldCount, client.get('dead', true)!.body], [0, 'b'])
    assert.equal(bench.store.stats().messages, 0)
  })

  test('a target that has taken its copy gets no other while the message waits for the rest', async () => {
    const { bench, client } = await start()
    client.exchange('dlx', 'fanout')
    client.declare('free')
    client.declare('full', { 'x-max-length': 1, 'x-overflow': 'reject-publish' })
    for (const name of ['free', 'full']) client.session.topology.bindQueue(name, 'dlx', '', new Map())
    client.publish('full', 'before')
    const queue = client.declare('q', safe)
    client.publish('q', 'm')
    reject(client, 'q')
    bench.advance(12_000)
    assert.deepEqual([queue.heldCount, bench.queue('free').readyCount], [1, 1])
    client.get('full', true)
    bench.advance(5000)
    assert.deepEqual([queue.heldCount, queue.counters.deadLettered], [0, 1])
    assert.deepEqual([bench.queue('free').readyCount, client.get('full', true)!.body], [1, 'm'])
  })

  test('one that is deleted and declared anew meanwhile does', async () => {
    const { bench, client } = await start()
    client.exchange('dlx', 'fanout')
    client.declare('full', { 'x-max-length': 0, 'x-overflow': 'reject-publish' })
    client.session.topology.bindQueue('full', 'dlx', '', new Map())
    const declareOther = (): void => {
      client.declare('other')
      client.session.topology.bindQueue('other', 'dlx', '', new Map())
    }
    declareOther()
    client.declare('q', safe)
    client.publish('q', 'm')
    reject(client, 'q')
    client.session.topology.deleteQueue('other', false, false)
    declareOther()
    bench.advance(5000)
    assert.equal(client.get('other', true)!.body, 'm')
  })

  test('a message that would go round stays where it is', async () => {
    const { bench, client } = await start()
    const queue = client.declare('q', {
      ...safe,
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': 'q',
      'x-message-ttl': 10,
    })
    client.publish('q', 'm')
    bench.advance(6000)
    assert.deepEqual([queue.heldCount, queue.counters.deadLettered], [1, 0])
  })

  test('a message without any time to live waits for its target, too', async () => {
    const { bench, client } = await start()
    const queue = client.declare('q', safe)
    client.publish('q', 'm', { ttlMs: 0 })
    assert.equal(queue.heldCount, 1)
    client.session.topology.deleteQueue('q', false, false)
    assert.deepEqual([bench.store.stats().messages, bench.clock.timers.size], [0, 0])
  })

  test('a policy may end the waiting', async () => {
    const { bench, client } = await start()
    const args = { 'x-queue-type': 'quorum', 'x-overflow': 'reject-publish', 'x-dead-letter-strategy': 'at-least-once' }
    const queue = client.declare('q', args)
    bench.broker.setPolicy('user', '/', 'p', { pattern: '^q$', definition: { 'dead-letter-exchange': 'missing' } })
    client.publish('q', 'm')
    reject(client, 'q')
    assert.equal(queue.heldCount, 1)
    bench.broker.deletePolicy('user', '/', 'p')
    bench.advance(5000)
    assert.deepEqual([queue.heldCount, bench.store.stats().messages], [0, 0])
  })
})

describe('at most once', () => {
  test('what cannot be delivered is gone', async () => {
    const { bench, client } = await start()
    client.declare('q', { 'x-dead-letter-exchange': 'missing' })
    client.publish('q', 'm')
    reject(client, 'q')
    assert.equal(bench.store.stats().messages, 0)
  })

  test('a purged or deleted queue lets nothing die', async () => {
    const { bench, client } = await start()
    client.declare('dead')
    client.declare('q', { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' })
    client.publish('q', 'm')
    client.session.topology.purgeQueue('q')
    client.publish('q', 'm')
    client.session.topology.deleteQueue('q', false, false)
    assert.deepEqual([bench.queue('dead').readyCount, bench.store.stats().messages], [0, 0])
  })

  test('a refused message goes to the dead letter exchange where the overflow says so', async () => {
    const { bench, client } = await start()
    client.declare('dead')
    client.declare('q', {
      'x-max-length': 1,
      'x-overflow': 'reject-publish-dlx',
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': 'dead',
    })
    client.session.publishing.selectConfirms()
    for (const body of ['a', 'b', 'c']) client.publish('q', body)
    bench.settle()
    assert.deepEqual(client.told, [
      { what: 'confirmed', sequence: 1, multiple: false },
      { what: 'rejected', sequence: 2 },
      { what: 'rejected', sequence: 3 },
    ])
    const dead = client.get('dead', true)!
    assert.deepEqual([dead.body, header(dead, 'x-first-death-reason')], ['b', 'maxlen'])
  })
})
