import assert from 'node:assert/strict'
import { existsSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import amqp from 'amqplib'
import * as m from '../../src/protocols/amqp091/wire/methods.gen.ts'
import { declareQueue, RawAmqp } from '../support/raw-amqp.ts'
import { startWarren, temporaryFolder } from '../support/warren-process.ts'
import { eventually } from '../support/with-broker.ts'

// SIGTERM: consumers first, then connections, then data, then the process.

const FORCED = "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'"

/** A connection with a consumer on `q` that acknowledges nothing, and as many deliveries as there are. */
async function openConsumer(port: number): Promise<RawAmqp> {
  const client = await RawAmqp.open(port)
  await client.openChannel()
  client.send(1, new m.BasicConsume('q'))
  await client.expect(m.BasicConsumeOk)
  return client
}

test('clients are told with 320 and the process ends well', async (t) => {
  const warren = await startWarren(t)
  const connection = await amqp.connect(warren.url('AMQP').replace('//', '//guest:guest@'))
  const closed = new Promise<Error>((resolve) => connection.once('close', resolve)) // 320 is no error to amqplib
  const raw = await RawAmqp.open(warren.port())
  const halfOpen = await RawAmqp.tcp(warren.port())

  warren.kill('SIGTERM')
  const { replyCode, replyText, classId, methodId } = await raw.expect(m.ConnectionClose)
  assert.deepEqual([replyCode, replyText, classId, methodId], [320, FORCED, 0, 0])
  raw.send(0, new m.ConnectionCloseOk())
  const error = await closed
  assert.equal((error as Error & { code?: number }).code, 320)
  assert.ok(error.message.includes(FORCED), error.message)
  assert.deepEqual(await raw.rest(), [])
  assert.deepEqual(await halfOpen.rest(), [])
  assert.deepEqual(await warren.exited, { code: 0, signal: null })
  assert.match(warren.stderr, /\[info\] stopping signal=SIGTERM\n(.*\n)*.*\[info\] stopped\n$/)
  assert.doesNotMatch(warren.stderr, /\[(warn|error)\]/)
})

test('no new connections are taken once it stops', async (t) => {
  const warren = await startWarren(t)
  const port = warren.port()
  const silent = await RawAmqp.open(port)
  warren.kill('SIGTERM')
  await silent.expect(m.ConnectionClose)
  await assert.rejects(RawAmqp.tcp(port), { code: 'ECONNREFUSED' })
  silent.send(0, new m.ConnectionCloseOk())
  assert.deepEqual(await warren.exited, { code: 0, signal: null })
})

test('what one consumer held is not passed on to the next that is about to go', async (t) => {
  const warren = await startWarren(t)
  const publisher = await RawAmqp.open(warren.port())
  await publisher.openChannel()
  publisher.send(1, declareQueue('q'))
  await publisher.expect(m.QueueDeclareOk)
  const consumers = [await openConsumer(warren.port()), await openConsumer(warren.port())]
  for (let i = 0; i < 20; i++) publisher.publish(1, '', 'q', Buffer.from('x'))
  for (const consumer of consumers) for (let i = 0; i < 10; i++) await consumer.expect(m.BasicDeliver)
  warren.kill('SIGTERM')
  for (const client of [...consumers, publisher]) {
    await client.expect(m.ConnectionClose)
    client.send(0, new m.ConnectionCloseOk())
    assert.deepEqual(await client.rest(), [])
  }
  assert.equal((await warren.exited).code, 0)
})

test('a client that never answers holds the end up for some seconds only', async (t) => {
  const warren = await startWarren(t)
  const silent = await RawAmqp.open(warren.port())
  warren.kill('SIGTERM')
  await silent.expect(m.ConnectionClose)
  assert.deepEqual(await silent.rest(), [], 'nothing follows the close')
  assert.deepEqual(await warren.exited, { code: 0, signal: null })
})

for (const [signal, code] of [
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const) {
  test(`a second ${signal} ends the process at once`, async (t) => {
    const warren = await startWarren(t)
    const silent = await RawAmqp.open(warren.port())
    warren.kill(signal)
    await silent.expect(m.ConnectionClose)
    warren.kill(signal)
    assert.deepEqual(await warren.exited, { code, signal: null })
    assert.doesNotMatch(warren.stderr, /\bstopped\b/)
  })
}

test('SIGINT stops as well', async (t) => {
  const warren = await startWarren(t)
  assert.deepEqual(await warren.stop('SIGINT'), { code: 0, signal: null })
  assert.match(warren.stderr, /stopping signal=SIGINT/)
})

test('SIGHUP opens the log anew, and ends nothing', async (t) => {
  const file = join(temporaryFolder(t), 'warren.log')
  const warren = await startWarren(t, ['--log-file', file])
  renameSync(file, `${file}.1`)
  warren.kill('SIGHUP')
  await eventually(() => existsSync(file) && readFileSync(file, 'utf8').includes('log opened anew'))
  assert.deepEqual(await warren.stop('SIGTERM'), { code: 0, signal: null })
})

test('a publisher that an alarm holds is told too', async (t) => {
  const warren = await startWarren(t, ['--vm-memory-high-watermark-absolute', '1MB'])
  const client = await RawAmqp.open(warren.port())
  await client.openChannel()
  client.publish(1, '', 'nowhere', Buffer.from('x'))
  await client.expect(m.ConnectionBlocked)
  warren.kill('SIGTERM')
  assert.equal((await client.expect(m.ConnectionClose)).replyCode, 320)
  client.send(0, new m.ConnectionCloseOk())
  assert.deepEqual(await warren.exited, { code: 0, signal: null })
})

test('declarations that are under way when it stops are kept if they are answered', async (t) => {
  const dataDir = temporaryFolder(t)
  const first = await startWarren(t, ['--data-dir', dataDir])
  const client = await RawAmqp.open(first.port())
  await client.openChannel()
  const answered: string[] = []
  for (let i = 0; i < 2000; i++) client.send(1, declareQueue(`q${i}`, { durable: true }))
  answered.push((await client.expect(m.QueueDeclareOk)).queue)
  first.kill('SIGTERM')
  for (;;) {
    const method = await client.next()
    if (method.id === m.ConnectionClose.id) break
    answered.push((method as m.QueueDeclareOk).queue)
  }
  client.send(0, new m.ConnectionCloseOk())
  assert.deepEqual(await first.exited, { code: 0, signal: null })

  const second = await startWarren(t, ['--data-dir', dataDir])
  const again = await RawAmqp.open(second.port())
  await again.openChannel()
  for (const name of answered) again.send(1, declareQueue(name, { passive: true }))
  for (const name of answered) assert.equal((await again.expect(m.QueueDeclareOk)).queue, name)
  again.destroy()
})
