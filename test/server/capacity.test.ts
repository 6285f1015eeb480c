import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as m from '../../src/protocols/amqp091/wire/methods.gen.ts'
import { residentBytes, withoutProc } from '../support/process-memory.ts'
import { declareQueue, RawAmqp } from '../support/raw-amqp.ts'
import { startWarren, temporaryFolder } from '../support/warren-process.ts'
import { eventually, withBroker } from '../support/with-broker.ts'

// Many of something. Bounds are on counts and bytes; times depend on the machine and are only told.

const QUEUES = 10_000
const CONNECTIONS = 1_000

for (const kind of ['durable', 'transient'] as const) {
  test(`ten thousand ${kind} queues`, async (t) => {
    const durable = kind === 'durable'
    await withBroker(durable ? { dataDir: temporaryFolder(t) } : {}, async ({ server, port }) => {
      const { metadata, vhosts } = server.broker
      let commits = 0
      const commit = metadata.commit.bind(metadata)
      t.mock.method(metadata, 'commit', () => {
        commits++
        return commit()
      })
      const client = await RawAmqp.open(port)
      await client.openChannel()
      const started = performance.now()
      for (let i = 0; i < QUEUES; i++) client.send(1, declareQueue(`q${i}`, { durable }))
      for (let i = 0; i < QUEUES; i++) assert.equal((await client.expect(m.QueueDeclareOk)).queue, `q${i}`)
      const seconds = (performance.now() - started) / 1000
      t.diagnostic(`${QUEUES} ${kind} queues in ${seconds.toFixed(2)} s with ${commits} commits`)
      assert.equal(vhosts.get('/')!.queues.size, QUEUES)
      // What comes in one read goes to the disk in one piece; transient queues never do.
      if (durable) assert.ok(commits >= 1 && commits <= QUEUES / 20, `${commits} commits`)
      else assert.equal(commits, 0)
      client.destroy()
    })
  })
}

test('ten thousand durable queues are there again after a restart', async (t) => {
  const dataDir = temporaryFolder(t)
  const first = await startWarren(t, ['--data-dir', dataDir])
  const client = await RawAmqp.open(first.port())
  await client.openChannel()
  for (let i = 0; i < QUEUES; i++) client.send(1, declareQueue(`q${i}`, { durable: true }))
  for (let i = 0; i < QUEUES; i++) await client.expect(m.QueueDeclareOk)
  await first.stop('SIGKILL')
  const started = performance.now()
  const second = await startWarren(t, ['--data-dir', dataDir])
  t.diagnostic(`started with ${QUEUES} queues in ${Math.round(performance.now() - started)} ms`)
  const again = await RawAmqp.open(second.port())
  await again.openChannel()
  for (let i = 0; i < QUEUES; i++) again.send(1, declareQueue(`q${i}`, { passive: true }))
  for (let i = 0; i < QUEUES; i++) assert.equal((await again.expect(m.QueueDeclareOk)).queue, `q${i}`)
  again.destroy()
})

test('a thousand idle connections take little memory', { skip: withoutProc }, async (t) => {
  const warren = await startWarren(t)
  const port = warren.port()
  const open = async (): Promise<RawAmqp> => {
    const client = await RawAmqp.open(port, { heartbeatSec: 60 })
    await client.openChannel()
    return client
  }
  // The first few make the program grow for once: code is compiled, pools are filled.
  const clients: RawAmqp[] = []
  for (let i = 0; i < 50; i++) clients.push(await open())
  const before = residentBytes(warren.pid)
  for (let i = 0; i < CONNECTIONS; i += 50) clients.push(...(await Promise.all(Array.from({ length: 50 }, open))))
  const each = (residentBytes(warren.pid) - before) / CONNECTIONS
  t.diagnostic(`${Math.round(each / 1000)} kB for each of ${CONNECTIONS} idle connections with a channel`)
  assert.ok(each < 100_000, `${each} bytes`)
  for (const client of clients) client.destroy()
})

test('a consumer that never reads neither stalls others nor makes memory grow', { skip: withoutProc }, async (t) => {
  const warren = await startWarren(t)
  const port = warren.port()
  const [publisher, good, bad] = [await RawAmqp.open(port), await RawAmqp.open(port), await RawAmqp.open(port)]
  for (const client of [publisher, good, bad]) await client.openChannel()
  publisher.send(1, new m.ExchangeDeclare('x', 'fanout'))
  await publisher.expect(m.ExchangeDeclareOk)
  const body = Buffer.alloc(50_000)
  const count = 4000
  for (const [client, queue] of [
    [good, 'read'],
    [bad, 'unread'],
  ] as const) {
    // Both take part in `shared`, too: what the one does not take, the other has to get.
    for (const name of [queue, 'shared']) {
      client.send(1, declareQueue(name))
      await client.expect(m.QueueDeclareOk)
      client.send(1, new m.QueueBind(name, 'x'))
      await client.expect(m.QueueBindOk)
      client.send(1, new m.BasicConsume(name, '', false, true))
      await client.expect(m.BasicConsumeOk)
    }
  }
  bad.socket.pause()
  // Without the queue that nobody reads: what is queued takes memory by right.
  publisher.send(1, new m.QueueUnbind('unread', 'x'))
  await publisher.expect(m.QueueUnbindOk)
  for (let i = 0; i < 1000; i++) publisher.publish(1, '', 'unread', body)
  await publisher.sync(1)
  const before = residentBytes(warren.pid)
  for (let i = 0; i < count; i++) {
    if (!publisher.publish(1, 'x', '', body)) await new Promise((resolve) => publisher.socket.once('drain', resolve))
  }
  await publisher.sync(1)
  await eventually(() => good.bodyBytes >= count * body.length, 60_000)
  const passive = async (name: string): Promise<number> => {
    publisher.send(1, declareQueue(name, { passive: true }))
    return (await publisher.expect(m.QueueDeclareOk)).messageCount
  }
  await eventually(async () => (await passive('shared')) === 0)
  assert.equal(await passive('read'), 0)
  // The operating system's buffers take some megabytes, ours less than one.
  assert.ok((await passive('unread')) > 500, 'most wait in the queue')
  const grown = residentBytes(warren.pid) - before
  t.diagnostic(`grown by ${Math.round(grown / 1e6)} MB while ${(2 * count * body.length) / 1e6} MB were delivered`)
  assert.ok(grown < 250e6, `${grown} bytes`)
  for (const client of [publisher, good, bad]) client.destroy()
})
