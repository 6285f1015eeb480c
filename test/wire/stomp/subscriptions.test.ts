/** Subscriptions to every kind of destination, and the queues behind them. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { StompWire } from '../../support/stomp-wire.ts'
import { isRabbit, stompTarget } from './target.ts'

const target = stompTarget()

async function connect(t: TestContext): Promise<StompWire> {
  const client = await StompWire.connect(target.url)
  t.after(() => client.cut())
  return client
}

/** The error that a client gets which subscribes to a queue that has to be there; null where it is. */
async function problemOf(t: TestContext, queue: string): Promise<string | null> {
  const client = await connect(t)
  await client.send('SUBSCRIBE', { id: 0, destination: `/amq/queue/${queue}`, receipt: 'there' })
  const frame = await client.next()
  if (frame?.command !== 'RECEIPT') return frame?.headers['message'] ?? 'gone'
  await client.disconnect()
  return null
}

test('every subscriber of a topic gets what matches', async (t) => {
  const [one, two] = [await connect(t), await connect(t)]
  await one.sendSafely('SUBSCRIBE', { id: 'one', destination: '/topic/news.#' })
  await two.sendSafely('SUBSCRIBE', { id: 'two', destination: '/topic/news.*.today' })
  await one.sendSafely('SEND', { destination: '/topic/news.local' }, 'x')
  await two.send('SEND', { destination: '/topic/news.local.today' }, 'y')
  const got = await two.message()
  assert.deepEqual([got.text, got.headers['subscription'], got.headers['destination']], ['y', 'two', '/topic/news.local.today']) // prettier-ignore
})

test('a durable subscription goes on where it was left', async (t) => {
  const headers = { id: 0, destination: '/topic/t3.#', durable: true, 'auto-delete': false }
  const first = await connect(t)
  await first.sendSafely('SUBSCRIBE', headers)
  await first.disconnect()
  // the name that RabbitMQ gives it
  const queue = 'stomp-subscription-qGv1NvToTSMgTsBvyy63FA'
  assert.equal(await problemOf(t, queue), null)
  const other = await connect(t)
  await other.sendSafely('SEND', { destination: '/topic/t3.x', persistent: true }, 'kept')
  const again = await connect(t)
  await again.send('SUBSCRIBE', headers)
  assert.equal((await again.message()).text, 'kept')
  await again.sendSafely('UNSUBSCRIBE', { id: 0, durable: true })
  assert.equal(await problemOf(t, queue), 'not_found')
})

test('an exchange has durable subscriptions, too', { skip: isRabbit && 'never deletes them' }, async (t) => {
  const client = await connect(t)
  const headers = { id: 0, persistent: true, 'auto-delete': false }
  await client.sendSafely('SUBSCRIBE', { ...headers, destination: '/exchange/amq.topic/t7' })
  const queue = 'stomp-subscription-lYm5uiSNfeBYPh4RmSg9SQ'
  assert.equal(await problemOf(t, queue), null)
  await client.sendSafely('UNSUBSCRIBE', { id: 0, persistent: true })
  assert.equal(await problemOf(t, queue), 'not_found')
})

test('a subscription that does not last has a queue that goes with it', async (t) => {
  const client = await connect(t)
  const queue = `stomp-mine-${process.pid}`
  await client.sendSafely('SUBSCRIBE', { id: 0, destination: '/topic/mine', 'x-queue-name': queue })
  assert.equal(await problemOf(t, queue), null)
  await client.sendSafely('UNSUBSCRIBE', { id: 0 })
  assert.equal(await problemOf(t, queue), 'not_found')
})

test('a client is told when the broker ends its subscription', async (t) => {
  const headers = { id: 'x', destination: '/topic/ending', durable: true, 'auto-delete': false }
  const [one, two] = [await connect(t), await connect(t)]
  await one.sendSafely('SUBSCRIBE', headers)
  await two.sendSafely('SUBSCRIBE', headers)
  await two.sendSafely('UNSUBSCRIBE', { id: 'x', durable: true })
  const error = await one.expect('ERROR')
  assert.equal(error.headers['message'], 'Server cancelled subscription')
  assert.equal(error.headers['subscription'], 'x')
  const detail = `The server has canceled a subscription.\nNo more messages will be delivered for "id='x'".\n`
  assert.equal(error.body.toString(), detail)
  // the connection goes on, and the id is free
  await one.sendSafely('SUBSCRIBE', { ...headers, destination: '/topic/other', durable: false, 'auto-delete': true })
})

test('a subscription without an id is known by its destination when the broker ends it', async (t) => {
  const [one, two] = [await connect(t), await connect(t)]
  const queue = `stomp-ending-${process.pid}`
  const destination = `/amq/queue/${queue}`
  const lasting = { id: 'x', destination: '/topic/ending', durable: true, 'auto-delete': false, 'x-queue-name': queue }
  await two.sendSafely('SUBSCRIBE', lasting)
  await one.sendSafely('SUBSCRIBE', { destination })
  await two.sendSafely('UNSUBSCRIBE', lasting)
  const { headers } = await one.expect('ERROR')
  assert.deepEqual([headers['message'], headers['subscription']], ['Server cancelled subscription', destination])
})

test('a request has its answer by a temporary queue', async (t) => {
  const [asker, answerer] = [await connect(t), await connect(t)]
  await answerer.sendSafely('SUBSCRIBE', { id: 'requests', destination: '/topic/requests' })
  const request = { destination: '/topic/requests', 'reply-to': '/temp-queue/answers' }
  for (const round of ['1', '2']) {
    await asker.send('SEND', { ...request, 'correlation-id': round }, 'what?')
    const asked = await answerer.message()
    const reply = asked.headers['reply-to']!
    assert.match(reply, /^\/reply-queue\/amq\.gen-/)
    await answerer.send('SEND', { destination: reply, 'correlation-id': asked.headers['correlation-id']! }, 'that')
    const { text, headers } = await asker.message()
    assert.deepEqual([text, headers['subscription'], headers['correlation-id']], ['that', '/temp-queue/answers', round])
  }
  // it is the asker's alone
  const queue = (await nextReplyQueue(asker, answerer)).slice('/reply-queue/'.length)
  assert.equal(await problemOf(t, queue), 'resource_locked')
})

async function nextReplyQueue(asker: StompWire, answerer: StompWire): Promise<string> {
  await asker.send('SEND', { destination: '/topic/requests', 'reply-to': '/temp-queue/answers' })
  return (await answerer.message()).headers['reply-to']!
}

test('one client has as many subscriptions as it wants, and ends them one by one', async (t) => {
  const client = await connect(t)
  for (const id of ['a', 'b', 'c']) await client.sendSafely('SUBSCRIBE', { id, destination: '/topic/many' })
  await client.sendSafely('UNSUBSCRIBE', { id: 'b' })
  await client.send('SEND', { destination: '/topic/many' }, 'x')
  const got = [await client.message(), await client.message()].map(({ headers }) => headers['subscription'])
  assert.deepEqual(new Set(got), new Set(['a', 'c']))
  assert.deepEqual(await client.sync(), [])
})

test('without an id, a subscription is called by its destination', async (t) => {
  const client = await connect(t)
  await client.sendSafely('SUBSCRIBE', { destination: '/topic/unnamed' })
  await client.send('SEND', { destination: '/topic/unnamed' }, 'x')
  assert.equal((await client.message()).headers['subscription'], undefined)
  await client.sendSafely('UNSUBSCRIBE', { destination: '/topic/unnamed' })
  await client.send('SEND', { destination: '/topic/unnamed' }, 'y')
  assert.deepEqual(await client.sync(), [])
})

test('arguments reach the queue: what is beyond its length goes', async (t) => {
  const client = await connect(t)
  const destination = `/queue/stomp-short-${process.pid}`
  const queue = { destination, 'x-max-length': 1, 'x-expires': 60_000 }
  for (const body of ['a', 'b', 'c']) await client.sendSafely('SEND', queue, body)
  await client.send('SUBSCRIBE', { ...queue, id: 0 })
  assert.equal((await client.message()).text, 'c')
})

test('a message without a queue that wants it is confirmed', async (t) => {
  const client = await connect(t)
  assert.deepEqual(await client.sendSafely('SEND', { destination: '/topic/nobody', persistent: true }, 'x'), [])
})
