import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Client, CoreBench } from '../../support/core-bench.ts'
import { PagingStore } from '../../support/paging-store.ts'

// The broker ends without a word, and another one opens what was safe on the disk.

interface Setup {
  readonly bench: CoreBench
  readonly store: PagingStore
  readonly client: Client
}

async function start(): Promise<Setup> {
  const store = new PagingStore()
  const bench = await new CoreBench({}, undefined, store).start()
  return { bench, store, client: bench.client() }
}

/** @param before what happens to the store in between */
async function crash({ bench, store }: Setup, before: (store: PagingStore) => void = () => {}): Promise<Setup> {
  await bench.broker.commitMetadata()
  bench.clock.timers.clear()
  const next = store.crash()
  before(next)
  const other = await new CoreBench({}, bench.metadata, next, bench.clock).start()
  other.advance(0)
  return { bench: other, store: next, client: other.client() }
}

function publishAll(client: Client, ...bodies: string[]): void {
  for (const body of bodies) client.publish('q', body, { persistent: true })
}

function drain(client: Client, queue = 'q'): string[] {
  const bodies: string[] = []
  for (let got = client.get(queue, true); got !== null; got = client.get(queue, true)) bodies.push(got.body)
  return bodies
}

const CLASSIC = { 'x-queue-type': 'classic' }
const QUORUM = { 'x-queue-type': 'quorum', 'x-delivery-limit': -1 }

describe('after a crash', () => {
  test('what was committed is there, with all that belongs to it, and nothing else', async () => {
    const setup = await start()
    const { bench, client } = setup
    client.declare('q', { 'x-max-priority': 3 })
    client.publish('q', 'low', { persistent: true, priority: 1 })
    client.publish('q', 'high', { persistent: true, priority: 3, ttlMs: 5000 })
    client.publish('q', 'transient')
    bench.settle()
    client.publish('q', 'not yet written', { persistent: true })
    const after = await crash(setup)
    const queue = after.bench.queue('q')
    assert.deepEqual([queue.readyCount, queue.readyInStore, queue.readyBytes], [2, 2, 7])
    const [high, low] = [after.client.get('q')!, after.client.get('q')!]
    assert.deepEqual([high.body, high.priority, high.expiration], ['high', 3, '5000'])
    assert.deepEqual([low.body, low.routingKey, low.exchange, low.redelivered], ['low', 'q', '', false])
  })

  test('what was settled and what was purged does not come back', async () => {
    const setup = await start()
    const { bench, client } = setup
    client.declare('q')
    client.declare('purged')
    publishAll(client, 'a', 'b', 'c')
    client.publish('purged', 'x', { persistent: true })
    bench.settle()
    client.ack(client.get('q')!.tag)
    client.get('q', true)
    bench.queue('purged').purge()
    bench.settle()
    const after = await crash(setup)
    assert.deepEqual([drain(after.client), drain(after.client, 'purged')], [['c'], []])
  })

  test('what was delivered counts as redelivered, even when the crash came at once', async () => {
    const setup = await start()
    const { bench, client } = setup
    client.declare('q')
    client.declare('idle')
    client.consume('q', { prefetch: 1 })
    publishAll(client, 'delivered at once', 'not delivered')
    client.publish('idle', 'x', { persistent: true })
    assert.deepEqual(client.take(), ['delivered at once'])
    bench.settle()
    const after = await crash(setup)
    const first = after.client.get('q')!
    assert.deepEqual([first.body, first.redelivered], ['delivered at once', true])
    assert.equal(after.client.get('idle')!.redelivered, false)
  })

  test('and from a backlog nothing is delivered before that is safe', async () => {
    const { bench, store, client } = await start()
    client.declare('q')
    publishAll(client, 'a', 'b')
    bench.settle()
    client.consume('q', { prefetch: 0 })
    while (bench.turn.end());
    assert.deepEqual([client.take(), store.calls['markDelivered']], [[], 1])
    const { markDelivered } = store.calls
    store.commit()
    while (bench.turn.end());
    assert.deepEqual(client.take(), ['a', 'b'])
    client.ack(0, true)
    // what is published now is recorded after the mark
    publishAll(client, 'c')
    assert.deepEqual([client.take(), store.calls['markDelivered']], [['c'], markDelivered])
  })

  test('counts and the order of returns are as they were', async () => {
    const setup = await start()
    const { bench, client } = setup
    client.declare('q', QUORUM)
    publishAll(client, 'a', 'b', 'c', 'd')
    const tags = ['a', 'b', 'c'].map(() => client.get('q')!.tag)
    client.session.reject(tags[2]!, true)
    client.session.reject(tags[0]!, true)
    bench.settle()
    const after = await crash(setup)
    const seen = Array.from({ length: 4 }, () => after.client.get('q')!)
    assert.deepEqual(
      seen.map(({ body, deliveryCount }) => [body, deliveryCount]),
      [
        ['c', 1],
        ['a', 1],
        ['b', 0],
        ['d', 0],
      ],
    )
    assert.ok(seen[0]!.redelivered)
  })

  test('new messages come after the old ones, and queues never get an old number', async () => {
    const setup = await start()
    const { bench, client } = setup
    client.declare('q')
    client.declare('gone')
    publishAll(client, 'a')
    client.publish('gone', 'x', { persistent: true })
    bench.settle()
    const { id } = bench.queue('gone')
    const after = await crash(setup)
    publishAll(after.client, 'b')
    assert.ok(after.client.declare('new').id > id)
    assert.deepEqual(drain(after.client), ['a', 'b'])
  })

  test('messages of queues that are not there are forgotten', async () => {
    const setup = await start()
    const { bench, client } = setup
    client.declare('q')
    publishAll(client, 'a')
    await bench.broker.commitMetadata()
    const lost = client.declare('never on disk')
    client.publish('never on disk', 'x', { persistent: true })
    bench.settle()
    bench.metadata.delete('queue/%2F/never%20on%20disk')
    const after = await crash(setup)
    assert.ok(after.client.declare('another').id > lost.id)
    assert.deepEqual([after.bench.vhost.queues.has('never on disk'), after.store.stored], [false, 1])
    assert.deepEqual(drain(after.client), ['a'])
  })

  test('limits and times to live hold', async () => {
    const setup = await start()
    const { bench, client } = setup
    client.declare('dead')
    client.declare('q', { 'x-max-length': 3, 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' })
    publishAll(client, 'a', 'b')
    const tags = [client.get('q')!.tag, client.get('q')!.tag]
    assert.equal(tags.length, 2)
    publishAll(client, 'c', 'd')
    client.publish('q', 'e', { persistent: true, ttlMs: 100 })
    bench.settle()
    bench.clock.lag(60)
    const after = await crash(setup)
    // the two that were out are back: the queue is too long
    assert.equal(after.bench.queue('q').readyCount, 3)
    after.bench.advance(39)
    assert.equal(after.bench.queue('q').readyCount, 3)
    after.bench.advance(1)
    assert.deepEqual(drain(after.client), ['c', 'd'])
    assert.deepEqual(drain(after.client, 'dead'), ['a', 'b', 'e'])
  })

  test('a queue that ends with the process leaves nothing', async () => {
    const setup = await start()
    const { bench, client } = setup
    client.declare('q', {}, { durable: false })
    publishAll(client, 'a')
    bench.settle()
    const after = await crash(setup)
    assert.deepEqual([after.store.stored, after.bench.vhost.queues.size], [0, 0])
  })
})

describe('a message that waits for its next try', () => {
  const RETRY = { 'delayed-retry-type': 'all', 'delayed-retry-min': 1000 }

  for (const [name, args] of [
    ['classic', CLASSIC],
    ['quorum', QUORUM],
  ] as const) {
    test(`waits the rest of its time after a crash: ${name}`, async () => {
      const setup = await start()
      const { bench, client } = setup
      bench.broker.setPolicy('user', '/', 'p', { pattern: '^q$', definition: RETRY })
      client.declare('q', args)
      publishAll(client, 'a', 'b')
      client.session.reject(client.get('q')!.tag, true)
      bench.settle()
      assert.equal(bench.queue('q').heldCount, 1)
      bench.advance(600)
      const after = await crash(setup)
      assert.deepEqual([after.bench.queue('q').heldCount, after.bench.queue('q').readyCount], [1, 1])
      after.bench.advance(399)
      assert.equal(after.bench.queue('q').heldCount, 1)
      after.bench.advance(1)
      assert.equal(after.bench.queue('q').readyCount, 2)
      const got = after.client.get('q')!
      assert.deepEqual([got.body, got.deliveryCount, got.redelivered], ['a', 1, true])
      assert.deepEqual(drain(after.client), ['b'])
    })
  }

  test('goes back to its place among what is still on disk, and what has come since', async () => {
    const setup = await start()
    const { bench, client } = setup
    bench.broker.setPolicy('user', '/', 'p', { pattern: '^q$', definition: RETRY })
    client.declare('q')
    publishAll(client, '1', '2', '3', '4', '5', '6')
    const tags = Array.from({ length: 6 }, () => client.get('q')!.tag)
    for (const at of [1, 3, 5]) client.session.reject(tags[at]!, true)
    bench.settle()
    const after = await crash(setup)
    publishAll(after.client, '7', '8')
    after.bench.settle()
    after.bench.advance(1000)
    assert.equal(after.bench.queue('q').readyCount, 8)
    assert.deepEqual(drain(after.client), ['1', '2', '3', '4', '5', '6', '7', '8'])
    after.bench.settle()
    assert.deepEqual([after.store.stored, after.bench.broker.memory.entries], [0, 0])
  })

  test('and when that is in memory by then, also if it leaves again', async () => {
    const setup = await start()
    const { bench, client } = setup
    bench.broker.setPolicy('user', '/', 'p', { pattern: '^q$', definition: RETRY })
    client.declare('q')
    publishAll(client, '1', '2', '3', '4', '5', '6')
    const tags = Array.from({ length: 6 }, () => client.get('q')!.tag)
    client.session.reject(tags[3]!, true)
    bench.settle()
    const after = await crash(setup)
    const consumer = after.bench.client()
    consumer.consume('q', { prefetch: 1 })
    after.bench.settle()
    assert.deepEqual(consumer.take(), ['1'])
    assert.equal(after.bench.queue('q').readyInStore, 0)
    after.bench.advance(1000)
    after.bench.broker.deletePolicy('user', '/', 'p')
    consumer.session.close()
    const policy = { pattern: '^q$', definition: { 'queue-mode': 'lazy' } }
    after.bench.broker.setPolicy('user', '/', 'p', policy)
    publishAll(after.client, '7')
    after.bench.settle()
    assert.ok(after.bench.queue('q').readyInStore > 0)
    assert.deepEqual(drain(after.client), ['1', '2', '3', '4', '5', '6', '7'])
  })
})

describe('a message on its way to a dead-letter exchange', () => {
  test('goes on after a crash, and once there is gone from where it was', async () => {
    const setup = await start()
    const { bench, client } = setup
    const args = {
      ...QUORUM,
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': 'dead',
      'x-dead-letter-strategy': 'at-least-once',
      'x-overflow': 'reject-publish',
    }
    client.declare('q', args)
    publishAll(client, 'a')
    client.nack(client.get('q')!.tag, false, false)
    bench.settle()
    assert.equal(bench.queue('q').heldCount, 1)
    const after = await crash(setup)
    assert.deepEqual([after.bench.queue('q').heldCount, after.bench.queue('q').readyCount], [1, 0])
    after.client.declare('dead')
    after.bench.advance(5000)
    const dead = after.client.get('dead')!
    assert.deepEqual([dead.body, dead.headers.get('x-first-death-reason')!.value], ['a', 'rejected'])
    after.client.ack(dead.tag)
    after.bench.settle()
    assert.deepEqual([after.bench.queue('q').heldCount, after.store.stored], [0, 0])
  })

  test('does not make the log longer with every try', async () => {
    const { bench, store, client } = await start()
    client.declare('q', {
      ...QUORUM,
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': 'dead',
      'x-dead-letter-strategy': 'at-least-once',
      'x-overflow': 'reject-publish',
    })
    publishAll(client, 'a')
    client.nack(client.get('q')!.tag, false, false)
    const { update } = store.calls
    bench.advance(60_000)
    assert.equal(store.calls['update'], update)
  })
})

describe('answers wait for the disk', () => {
  test('confirms, of persistent messages and of what comes after them', async () => {
    const { bench, store, client } = await start()
    client.declare('q')
    client.session.publishing.selectConfirms()
    client.publish('q', 'transient')
    bench.turn.end()
    publishAll(client, 'persistent')
    client.publish('q', 'transient')
    while (bench.turn.end());
    assert.deepEqual(client.told, [{ what: 'confirmed', sequence: 1, multiple: false }])
    store.commit()
    bench.turn.end()
    assert.deepEqual(client.told.at(-1), { what: 'confirmed', sequence: 3, multiple: true })
  })

  test('a commit that only settles', async () => {
    const { bench, store, client } = await start()
    client.declare('q')
    publishAll(client, 'a')
    const { tag } = client.get('q')!
    bench.settle()
    client.session.selectTransactions()
    client.ack(tag)
    client.session.commit()
    while (bench.turn.end());
    assert.deepEqual([client.session.committing, client.told], [true, []])
    store.commit()
    assert.deepEqual([client.session.committing, client.told], [false, [{ what: 'committed' }]])
  })

  test('a commit with nothing to write does not', async () => {
    const { client } = await start()
    client.declare('q')
    client.session.selectTransactions()
    client.publish('q', 'transient')
    client.session.commit()
    assert.deepEqual(client.told, [{ what: 'committed' }])
  })

  test('and nobody is told whose session has ended', async () => {
    const { store, client } = await start()
    client.declare('q')
    client.session.selectTransactions()
    publishAll(client, 'a')
    client.session.commit()
    client.session.close()
    store.commit()
    assert.deepEqual(client.told, [])
  })
})

describe('an orderly end', () => {
  test('changes nothing of what the store has', async () => {
    const setup = await start()
    const { bench, store, client } = setup
    client.declare('q', { 'x-message-ttl': 60_000 })
    publishAll(client, 'a', 'b')
    client.get('q')
    bench.settle()
    const calls = { ...store.calls }
    bench.broker.close()
    while (bench.turn.end());
    assert.deepEqual([store.calls, bench.clock.timers.size], [calls, 0])
    const after = await crash(setup)
    assert.deepEqual(drain(after.client), ['a', 'b'])
  })
})

describe('metadata that cannot be used', () => {
  const table = { arguments: {} }
  for (const [key, value, why] of [
    ['queue/%2F/u', { id: 900, type: 'weird', autoDelete: false, ...table }, /queue type 'weird' is not implemented$/],
    ['queue/nowhere/u', { id: 900, type: 'classic', autoDelete: false, ...table }, /vhost nowhere not found$/],
    ['binding/%2F/none/queue/q/k/', { order: 900, ...table }, /no queue 'q' in vhost '\/'$/],
    ['user/bad', { name: 5 }, /user has no name$/],
  ] as const) {
    test(`ends a start, and ${key} is named`, async () => {
      const { metadata } = await new CoreBench().start()
      metadata.put(key, value)
      await metadata.commit()
      await assert.rejects(new CoreBench({}, metadata).start(), (error: Error) => {
        assert.equal(error.name, 'MetadataStoreError')
        assert.ok(error.message.startsWith(`metadata that cannot be used: ${key}: `), error.message)
        assert.match(error.message, why)
        return true
      })
    })
  }
})
