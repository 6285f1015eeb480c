/** ACK and NACK, in every mode. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { type FrameHeaders, StompWire } from '../../support/stomp-wire.ts'
import { isRabbit, stompTarget } from './target.ts'

const target = stompTarget()
/** RabbitMQ deletes what a test that failed has left. */
const EXPIRES = { 'x-expires': 60_000 }
let queues = 0

interface Fixture {
  readonly destination: string
  readonly client: StompWire
  /** A client with a subscription of id 0 to the queue. */
  readonly subscriber: (headers: FrameHeaders) => Promise<StompWire>
  readonly fill: (...bodies: string[]) => Promise<void>
  /** What a new client is sent at once: what has not been settled. */
  readonly left: () => Promise<string[]>
}

/** A queue of the test's own, which is gone at its end. */
async function fixture(t: TestContext): Promise<Fixture> {
  const destination = `/queue/stomp-acks-${process.pid}-${++queues}`
  const clients: StompWire[] = []
  t.after(() => clients.forEach((client) => client.cut()))
  const connect = async (): Promise<StompWire> => {
    const client = await StompWire.connect(target.url)
    clients.push(client)
    return client
  }
  const client = await connect()
  return {
    destination,
    client,
    async subscriber(headers) {
      const subscriber = await connect()
      await subscriber.sendSafely('SUBSCRIBE', { id: 0, destination, ...EXPIRES, ...headers })
      return subscriber
    },
    async fill(...bodies) {
      for (const body of bodies) await client.sendSafely('SEND', { destination, ...EXPIRES }, body)
    },
    async left() {
      const other = await connect()
      await other.send('SUBSCRIBE', { id: 'left', destination, ack: 'client', 'prefetch-count': 100, ...EXPIRES })
      // what was settled last may not have been, before something went to the same queue
      await other.send('SEND', { destination, ...EXPIRES }, 'end')
      const found: string[] = []
      for (;;) {
        const { text, headers } = await other.message()
        if (text === 'end') break
        found.push(`${text}${headers['redelivered'] === 'true' ? ' again' : ''}`)
      }
      return found
    },
  }
}

test('mode client: what was delivered before is acknowledged, too', async (t) => {
  const { subscriber, fill, left } = await fixture(t)
  await fill('a', 'b', 'c')
  const client = await subscriber({ ack: 'client' })
  const [, second] = [await client.message(), await client.message(), await client.message()]
  await client.sendSafely('ACK', { id: second.headers['ack']! })
  await client.disconnect()
  assert.deepEqual(await left(), ['c again'])
})

test('mode client-individual: nothing else is', async (t) => {
  const { subscriber, fill, left } = await fixture(t)
  await fill('a', 'b', 'c')
  const client = await subscriber({ ack: 'client-individual' })
  const [, second] = [await client.message(), await client.message(), await client.message()]
  await client.sendSafely('ACK', { id: second.headers['ack']! })
  await client.disconnect()
  assert.deepEqual(await left(), ['a again', 'c again'])
})

test('mode auto: what is sent is settled', async (t) => {
  const { subscriber, fill, left } = await fixture(t)
  await fill('a', 'b')
  const client = await subscriber({})
  const first = await client.message()
  assert.equal((await client.message()).text, 'b')
  assert.equal(first.headers['ack'], undefined)
  await client.send('ACK', { id: first.headers['message-id']! })
  assert.equal((await client.expect('ERROR')).body.toString(), 'PRECONDITION_FAILED - unknown delivery tag 1')
  await client.wire.untilClosed()
  assert.deepEqual(await left(), [])
})

test('of another subscription nothing is acknowledged', { skip: isRabbit && 'acknowledges all' }, async (t) => {
  const { subscriber, fill, left, client: other } = await fixture(t)
  await fill('a')
  const client = await subscriber({ ack: 'client' })
  await client.message()
  await client.sendSafely('SUBSCRIBE', { id: 1, destination: '/topic/acks.two', ack: 'client' })
  await other.sendSafely('SEND', { destination: '/topic/acks.two' }, 'b')
  await client.sendSafely('ACK', { id: (await client.message()).headers['ack']! })
  await client.disconnect()
  assert.deepEqual(await left(), ['a again'])
})

test('a message is acknowledged after its subscription has ended', { skip: isRabbit && 'refuses' }, async (t) => {
  const { subscriber, fill, left } = await fixture(t)
  await fill('a', 'b')
  const client = await subscriber({ ack: 'client' })
  await client.message()
  const { headers } = await client.message()
  await client.sendSafely('UNSUBSCRIBE', { id: 0 })
  await client.sendSafely('ACK', { id: headers['ack']! })
  await client.disconnect()
  assert.deepEqual(await left(), [])
})

for (const version of ['1.0', '1.1'] as const) {
  test(`in version ${version} by message-id`, async (t) => {
    const { fill, left, destination } = await fixture(t)
    await fill('a')
    const client = await StompWire.connect(target.url, { 'accept-version': version })
    await client.send('SUBSCRIBE', { id: 0, destination, ack: 'client', ...EXPIRES })
    const { headers } = await client.message()
    assert.equal(headers['ack'], undefined)
    await client.sendSafely('ACK', { 'message-id': headers['message-id']!, subscription: 0 })
    await client.disconnect()
    assert.deepEqual(await left(), [])
  })
}

test('NACK gives a message back', async (t) => {
  const { subscriber, fill } = await fixture(t)
  await fill('a')
  const client = await subscriber({ ack: 'client-individual' })
  const first = await client.message()
  assert.equal(first.headers['redelivered'], 'false')
  await client.send('NACK', { id: first.headers['ack']! })
  const again = await client.message()
  assert.deepEqual([again.text, again.headers['redelivered']], ['a', 'true'])
})

test('NACK with requeue:false dead-letters it', async (t) => {
  const { client, destination } = await fixture(t)
  const dead = { 'x-dead-letter-exchange': 'amq.topic', 'x-dead-letter-routing-key': `dead.${process.pid}` }
  await client.sendSafely('SUBSCRIBE', { id: 'dead', destination: `/topic/dead.${process.pid}` })
  await client.send('SUBSCRIBE', { id: 0, destination, ack: 'client-individual', ...EXPIRES, ...dead })
  await client.send('SEND', { destination, app: 'x' }, 'a')
  const { headers } = await client.message()
  await client.send('NACK', { id: headers['ack']!, requeue: false })
  const found = await client.message()
  assert.deepEqual([found.text, found.headers['subscription'], found.headers['app']], ['a', 'dead', 'x'])
})

test('a prefetch count holds messages back until others are acknowledged', async (t) => {
  const { subscriber, fill } = await fixture(t)
  await fill('a', 'b', 'c')
  const client = await subscriber({ ack: 'client-individual', 'prefetch-count': 2 })
  const [first] = [await client.message(), await client.message()]
  assert.deepEqual(await client.sync(), [])
  await client.send('ACK', { id: first.headers['ack']! })
  assert.equal((await client.message()).text, 'c')
})

test('an id of another connection is none of this one', { skip: isRabbit && 'takes it for its own' }, async (t) => {
  const { subscriber, fill, left } = await fixture(t)
  await fill('a')
  const client = await subscriber({ ack: 'client' })
  const { headers } = await client.message()
  const id = headers['ack']!.replace(/session-.*@@/, 'session-AAAAAAAAAAAAAAAAAAAAAA@@')
  await client.send('ACK', { id })
  assert.equal((await client.expect('ERROR')).headers['message'], 'Subscription not found')
  await client.disconnect()
  assert.deepEqual(await left(), ['a again'])
})
