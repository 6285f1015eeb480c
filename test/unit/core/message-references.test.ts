import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { bool, longstr } from '../../../src/core/fields.ts'
import { type Client, CoreBench } from '../../support/core-bench.ts'

// Whatever way a message goes, its bytes are held as long as anything needs them, and freed once nothing does.

const held = (bench: CoreBench): number[] => {
  const { messages, contentBytes } = bench.store.stats()
  return [messages, contentBytes]
}

async function start(): Promise<{ bench: CoreBench; client: Client }> {
  const bench = await new CoreBench().start()
  return { bench, client: bench.client() }
}

function drain(client: Client, queue: string): string[] {
  const bodies: string[] = []
  for (let got = client.get(queue, true); got !== null; got = client.get(queue, true)) bodies.push(got.body)
  return bodies
}

describe('a message in several queues', () => {
  test('keeps its bytes when the first queue drops it at once', async () => {
    const { bench, client } = await start()
    client.exchange('x', 'fanout')
    client.declare('none', { 'x-max-length': 0 })
    client.declare('all')
    for (const queue of ['none', 'all']) client.session.topology.bindQueue(queue, 'x', '', new Map())
    for (let i = 0; i < 5; i++) client.publish('', `message ${i}`, { exchange: 'x' })
    assert.deepEqual(drain(client, 'all'), ['message 0', 'message 1', 'message 2', 'message 3', 'message 4'])
    assert.deepEqual(held(bench), [0, 0])
  })

  test('keeps its bytes when the first consumer acknowledges within the delivery', async () => {
    const { bench, client } = await start()
    client.exchange('x', 'fanout')
    for (const queue of ['one', 'two']) {
      client.declare(queue)
      client.session.topology.bindQueue(queue, 'x', '', new Map())
    }
    client.onDelivery = ({ tag }) => client.ack(tag)
    client.consume('one')
    for (let i = 0; i < 3; i++) client.publish('', `message ${i}`, { exchange: 'x' })
    assert.deepEqual(client.take(), ['message 0', 'message 1', 'message 2'])
    assert.deepEqual(drain(client, 'two'), ['message 0', 'message 1', 'message 2'])
    assert.deepEqual(held(bench), [0, 0])
  })

  test('is one content, freed with the last of them', async () => {
    const { bench, client } = await start()
    for (const queue of ['a', 'b']) {
      client.declare(queue)
      client.session.topology.bindQueue(queue, 'amq.fanout', '', new Map())
    }
    client.publish('', 'body', { exchange: 'amq.fanout' })
    assert.equal(bench.store.stats().messages, 1)
    bench.queue('a').purge()
    assert.equal(bench.store.stats().messages, 1)
    client.session.topology.deleteQueue('b', false, false)
    assert.deepEqual(held(bench), [0, 0])
  })

  test('keeps its bytes when it is dead-lettered to several of which one drops it', async () => {
    const { bench, client } = await start()
    client.exchange('dlx', 'fanout')
    client.declare('none', { 'x-max-length': 0 })
    client.declare('all')
    for (const queue of ['none', 'all']) client.session.topology.bindQueue(queue, 'dlx', '', new Map())
    client.declare('q', { 'x-dead-letter-exchange': 'dlx' })
    client.publish('q', 'dead')
    client.nack(client.get('q')!.tag, false, false)
    client.publish('all', 'other')
    assert.deepEqual(drain(client, 'all'), ['dead', 'other'])
    assert.deepEqual(held(bench), [0, 0])
  })
})

describe('bytes are freed', () => {
  test('by acknowledgement, rejection and automatic acknowledgement', async () => {
    const { bench, client } = await start()
    client.declare('q')
    for (const body of ['a', 'b', 'c', 'd']) client.publish('q', body)
    client.ack(client.get('q')!.tag)
    client.nack(client.get('q')!.tag, false, false)
    client.get('q', true)
    client.consume('q', { noAck: true })
    bench.settle()
    assert.deepEqual(client.take(), ['d'])
    client.publish('q', 'e')
    assert.deepEqual(held(bench), [0, 0])
  })

  test('by deleting a queue, for what is ready at once and for the rest when it is settled', async () => {
    const { bench, client } = await start()
    client.declare('q', { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' })
    client.declare('dead')
    for (const body of ['a', 'b', 'c', 'd', 'e']) client.publish('q', body)
    const tags = [client.get('q')!.tag, client.get('q')!.tag, client.get('q')!.tag]
    assert.equal(client.session.topology.deleteQueue('q', false, false), 2)
    assert.equal(bench.store.stats().messages, 3)
    client.ack(tags[0]!)
    client.nack(tags[1]!, false, false)
    client.nack(tags[2]!, false, true)
    assert.deepEqual(held(bench), [0, 0])
    assert.equal(bench.queue('dead').readyCount, 0, 'what a deleted queue had is not dead-lettered')
  })

  test('by purging many, a part each turn, and all of them', async () => {
    const { bench, client } = await start()
    client.declare('q')
    for (let i = 0; i < 25_000; i++) client.publish('q', 'x')
    assert.equal(client.session.topology.purgeQueue('q'), 25_000)
    assert.equal(bench.queue('q').readyCount, 0)
    client.publish('q', 'kept')
    const left: number[] = []
    while (bench.turn.end()) left.push(bench.store.stats().messages)
    assert.deepEqual(left, [15_001, 5_001, 1])
    assert.deepEqual(drain(client, 'q'), ['kept'])
    assert.deepEqual(held(bench), [0, 0])
  })

  test('by purging what also expires meanwhile', async () => {
    const { bench, client } = await start()
    client.declare('dead')
    client.declare('q', { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' })
    for (let i = 0; i < 15_000; i++) client.publish('q', 'x', { ttlMs: 5 })
    client.session.topology.purgeQueue('q')
    client.publish('q', 'later', { ttlMs: 5 })
    // the time passes before a turn ends
    bench.clock.advance(5, () => {})
    assert.equal(bench.queue('q').readyCount, 1)
    bench.advance(1)
    assert.equal(bench.queue('q').readyCount, 0)
    assert.deepEqual(drain(client, 'dead'), ['later'])
    assert.deepEqual(held(bench), [0, 0])
  })

  test('by the rollback of a transaction, its commit, and the end of its session', async () => {
    const { bench, client } = await start()
    client.declare('q')
    client.session.selectTransactions()
    client.publish('q', 'rolled back')
    assert.equal(bench.store.stats().messages, 1)
    client.session.rollback()
    assert.deepEqual(held(bench), [0, 0])
    client.publish('q', 'committed')
    client.publish('nowhere', 'unroutable')
    client.session.commit()
    assert.equal(bench.store.stats().messages, 1)
    client.publish('q', 'never committed')
    client.session.close()
    assert.deepEqual(drain(bench.client(), 'q'), ['committed'])
    assert.deepEqual(held(bench), [0, 0])
  })

  test('by a transaction whose queue is gone at its commit', async () => {
    const { bench, client } = await start()
    client.declare('q')
    client.session.selectTransactions()
    client.publish('q', 'late')
    bench.client().session.topology.deleteQueue('q', false, false)
    client.session.commit()
    assert.deepEqual(held(bench), [0, 0])
  })

  test('by a transaction that a full queue refuses, from all of its queues', async () => {
    const { bench, client } = await start()
    client.declare('full', { 'x-max-length': 1, 'x-overflow': 'reject-publish' })
    client.declare('open')
    client.session.selectTransactions()
    client.publish('open', 'a')
    client.publish('full', 'b')
    client.publish('full', 'c')
    assert.throws(() => client.session.commit(), /partial tx completion/)
    assert.deepEqual([bench.queue('open').readyCount, bench.queue('full').readyCount], [0, 0])
    assert.deepEqual(held(bench), [0, 0])
  })

  test('by the end of a connection with an exclusive queue', async () => {
    const { bench, client } = await start()
    const declared = client.declare('', {}, { exclusive: true, durable: false })
    client.publish(declared.name, 'a')
    client.publish(declared.name, 'b')
    client.get(declared.name)
    client.connection.close()
    assert.equal(bench.vhost.queues.size, 0)
    assert.deepEqual(held(bench), [0, 0])
  })

  test('by an exchange that remembers, when it forgets or goes', async () => {
    const { bench, client } = await start()
    client.exchange('x', 'x-recent-history', { 'x-recent-history-length': 2 })
    for (let i = 0; i < 5; i++) client.publish('', `m${i}`, { exchange: 'x' })
    client.publish('', 'not this', {
      exchange: 'x',
      headers: new Map([['x-recent-history-no-store', bool(true)]]),
    })
    assert.equal(bench.store.stats().messages, 2)
    client.declare('late')
    client.session.topology.bindQueue('late', 'x', '', new Map())
    assert.deepEqual(drain(client, 'late'), ['m3', 'm4'])
    client.session.topology.deleteExchange('x', false)
    assert.deepEqual(held(bench), [0, 0])
  })
})

describe('a direct reply', () => {
  test('goes to the session that asked, and to nobody once that has ended', async () => {
    const { bench, client } = await start()
    client.consume('amq.rabbitmq.reply-to', { tag: 'replies', noAck: true })
    const name = client.session.replyName()
    const server = bench.client()
    server.publish(name, 'first', { mandatory: true })
    server.publish(name, 'second', { mandatory: true })
    assert.deepEqual(client.take(), ['first', 'second'])
    client.session.close()
    server.publish(name, 'third', { mandatory: true })
    assert.deepEqual(client.take(), [])
    assert.deepEqual(server.told, [{ what: 'returned', body: 'third' }])
    assert.deepEqual(held(bench), [0, 0])
  })

  test('that waits for a commit is dropped when nobody waits for it any longer', async () => {
    const { bench, client } = await start()
    client.consume('amq.rabbitmq.reply-to', { tag: 'replies', noAck: true })
    const server = bench.client()
    server.session.selectTransactions()
    server.publish(client.session.replyName(), 'late')
    client.session.cancel('replies')
    server.session.commit()
    assert.deepEqual(client.take(), [])
    assert.deepEqual(held(bench), [0, 0])
  })
})

test('a dead letter has bytes of its own', async () => {
  const { bench, client } = await start()
  client.declare('dead')
  client.declare('q', { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' })
  client.publish('q', 'body', { headers: new Map([['mine', longstr('kept')]]) })
  client.nack(client.get('q')!.tag, false, false)
  for (let i = 0; i < 3; i++) client.publish('q', `another ${i}`)
  const dead = client.get('dead')!
  assert.equal(dead.body, 'body')
  assert.equal(dead.headers.get('mine')!.value, 'kept')
  assert.equal(bench.store.stats().messages, 4)
})
