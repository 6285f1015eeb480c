/** BEGIN, COMMIT and ABORT. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { StompWire } from '../../support/stomp-wire.ts'
import { isRabbit, stompTarget } from './target.ts'

const target = stompTarget()

async function subscriber(t: TestContext, destination: string, ack = 'client-individual'): Promise<StompWire> {
  const client = await StompWire.connect(target.url)
  t.after(() => client.cut())
  await client.sendSafely('SUBSCRIBE', { id: 0, destination, ack })
  return client
}

const transaction = 'tx'

test('what is sent in a transaction comes with its commit, and its receipts then', async (t) => {
  const destination = '/topic/tx.commit'
  const client = await subscriber(t, destination, 'auto')
  await client.send('BEGIN', { transaction })
  await client.send('SEND', { destination, transaction, receipt: 'a' }, 'a')
  await client.send('SEND', { destination, transaction }, 'b')
  assert.deepEqual(await client.sync(), [])
  await client.send('COMMIT', { transaction, receipt: 'done' })
  const got = [await client.next(), await client.next(), await client.next(), await client.next()]
  const of = (command: string) => got.filter((frame) => frame?.command === command)
  assert.deepEqual(
    of('MESSAGE').map((frame) => frame!.body.toString()),
    ['a', 'b'],
  )
  const receipts = of('RECEIPT').map((frame) => frame!.headers['receipt-id'])
  assert.deepEqual(new Set(receipts), new Set(['a', 'done']))
})

test('an abort forgets it, and its name is free again', async (t) => {
  const destination = '/topic/tx.abort'
  const client = await subscriber(t, destination, 'auto')
  await client.send('BEGIN', { transaction })
  await client.send('SEND', { destination, transaction, receipt: 'never' }, 'a')
  await client.sendSafely('ABORT', { transaction })
  await client.send('BEGIN', { transaction })
  await client.send('SEND', { destination, transaction }, 'b')
  await client.send('COMMIT', { transaction })
  assert.equal((await client.message()).text, 'b')
  assert.deepEqual(await client.sync(), [])
})

test('the end of the connection forgets it, too', async (t) => {
  const destination = '/topic/tx.end'
  const client = await subscriber(t, destination, 'auto')
  const other = await StompWire.connect(target.url)
  await other.send('BEGIN', { transaction })
  await other.sendSafely('BEGIN', { transaction: 'second' })
  await other.send('SEND', { destination, transaction }, 'a')
  await other.disconnect()
  assert.deepEqual(await client.sync(), [])
})

test('acknowledgements are part of it', async (t) => {
  const destination = `/queue/stomp-tx-${process.pid}`
  const client = await StompWire.connect(target.url)
  t.after(() => client.cut())
  const queue = { destination, 'x-expires': 60_000 }
  for (const body of ['a', 'b', 'c']) await client.sendSafely('SEND', queue, body)
  await client.send('SUBSCRIBE', { ...queue, id: 0, ack: 'client-individual' })
  const [a, b, c] = [await client.message(), await client.message(), await client.message()].map(
    ({ headers }) => headers['ack']!,
  ) as [string, string, string]
  await client.send('BEGIN', { transaction })
  await client.send('ACK', { id: a, transaction })
  await client.sendSafely('ABORT', { transaction })
  await client.send('BEGIN', { transaction })
  await client.send('ACK', { id: b, transaction })
  await client.send('NACK', { id: c, transaction, requeue: false })
  await client.sendSafely('COMMIT', { transaction })
  await client.disconnect()
  const other = await StompWire.connect(target.url)
  t.after(() => other.cut())
  await other.send('SUBSCRIBE', { ...queue, id: 0 })
  assert.equal((await other.message()).text, 'a')
  assert.deepEqual(await other.sync(), [])
})

test('an error in it leaves the rest', async (t) => {
  const destination = '/topic/tx.error'
  const client = await subscriber(t, destination, 'auto')
  await client.send('BEGIN', { transaction })
  await client.send('SEND', { destination: '/foo/x', transaction })
  assert.equal((await client.expect('ERROR')).headers['message'], 'Unknown destination')
  await client.send('SEND', { destination, transaction }, 'a')
  await client.send('COMMIT', { transaction })
  assert.equal((await client.message()).text, 'a')
})

test('a queue that is full refuses all of it', { skip: isRabbit && 'does what it can' }, async (t) => {
  const destination = '/topic/tx.full'
  const client = await subscriber(t, destination, 'auto')
  const queue = '/queue/stomp-tx-full'
  const full = { destination: queue, 'x-max-length': 1, 'x-overflow': 'reject-publish' }
  await client.sendSafely('SEND', full, 'first')
  await client.send('BEGIN', { transaction })
  await client.send('SEND', { destination, transaction }, 'a')
  await client.send('SEND', { destination: queue, transaction }, 'second')
  await client.send('COMMIT', { transaction, receipt: 'r' })
  const error = await client.expect('ERROR')
  assert.deepEqual([error.headers['message'], error.headers['receipt-id']], ['Transaction failed', 'r'])
  assert.deepEqual(await client.sync(), [])
  // without a transaction, who asks is told as well
  await client.send('SEND', { destination: queue, receipt: 's' }, 'second')
  const rejected = await client.expect('ERROR')
  assert.deepEqual([rejected.headers['message'], rejected.headers['receipt-id']], ['Message rejected', 's'])
})

test('transactions of a connection are bounded', { skip: isRabbit && 'has no bounds' }, async (t) => {
  const client = await subscriber(t, '/topic/tx.bounds', 'auto')
  for (let i = 0; i < 16; i++) await client.sendSafely('BEGIN', { transaction: i })
  await client.send('BEGIN', { transaction: 16 })
  assert.equal((await client.expect('ERROR')).body.toString(), 'At most 16 transactions may be open\n')
  const frame = Buffer.from('SEND\ndestination:/topic/tx.bounds\ntransaction:3\n\nx\0')
  await client.wire.send(Buffer.concat(Array.from({ length: 10_001 }, () => frame)))
  assert.equal((await client.expect('ERROR')).headers['message'], 'Transaction too large')
  await client.send('COMMIT', { transaction: 3 })
  assert.equal((await client.expect('ERROR')).headers['message'], 'Bad transaction')
  // the others go on, and have the room
  await client.send('SEND', { destination: '/topic/tx.bounds', transaction: 4 }, 'y')
  await client.send('COMMIT', { transaction: 4 })
  assert.equal((await client.message()).text, 'y')
})

test('and so are their bytes', { skip: isRabbit && 'has no bounds' }, async (t) => {
  const client = await subscriber(t, '/topic/tx.bytes', 'auto')
  await client.send('BEGIN', { transaction })
  const body = Buffer.alloc(13 * 1024 * 1024, 'x')
  const headers = { destination: '/topic/nobody', transaction, 'content-length': body.length }
  for (let i = 0; i < 5; i++) await client.send('SEND', headers, body)
  assert.equal((await client.expect('ERROR')).headers['message'], 'Transaction too large')
})
