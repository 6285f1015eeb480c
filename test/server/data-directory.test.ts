import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import amqp from 'amqplib'
import * as m from '../../src/protocols/amqp091/wire/methods.gen.ts'
import { makeOlder } from '../support/older-directory.ts'
import { declareQueue, Ended, RawAmqp } from '../support/raw-amqp.ts'
import { runWarren, startWarren, temporaryFolder } from '../support/warren-process.ts'

// What a data directory keeps, whatever becomes of the process that uses it.

const STORM_ROUNDS = 4

test('a second process is told who uses the directory', async (t) => {
  const dataDir = temporaryFolder(t)
  const first = await startWarren(t, ['--data-dir', dataDir])
  assert.ok(/^  data +(.+)$/m.exec(first.stdout)?.[1] === dataDir, first.stdout)
  const { code, stdout, stderr } = await runWarren(t, ['start', '--data-dir', dataDir, '--port', '0'])
  assert.deepEqual(
    [code, stdout, stderr],
    [69, '', `warren: data directory ${dataDir} is in use by another process (pid ${first.pid})\n`],
  )
  await RawAmqp.open(first.port()).then((client) => client.destroy())
  await first.stop('SIGKILL')
  const next = await startWarren(t, ['--data-dir', dataDir])
  assert.deepEqual(await next.stop(), { code: 0, signal: null })
})

test('what cannot be a data directory is told in a line', async (t) => {
  const folder = temporaryFolder(t)
  const file = join(folder, 'file')
  writeFileSync(file, '')
  const damaged = join(folder, 'damaged')
  mkdirSync(damaged)
  writeFileSync(join(damaged, 'metadata.sqlite'), 'this is not a database, however long one looks at it')
  for (const [path, text] of [
    [file, /^warren: data directory \S+ cannot be made: EEXIST.*\n$/],
    [damaged, /^warren: data directory \S+ cannot be used: metadata\.sqlite: file is not a database\n$/],
    // refused with ENOENT, as if something above it were missing
    ...(existsSync('/proc/self')
      ? [['/proc/a/b', /^warren: data directory \S+ cannot be made: ENOENT.*\n$/] as const]
      : []),
  ] as const) {
    const { code, stderr } = await runWarren(t, ['start', '--data-dir', path, '--port', '0'])
    assert.equal(code, 69)
    assert.match(stderr, text)
  }
})

test('folders above a data directory are made', async (t) => {
  const dataDir = join(temporaryFolder(t), 'a', 'b', 'c')
  const warren = await startWarren(t, ['--data-dir', dataDir])
  await warren.stop()
  assert.ok(readdirSync(dataDir).length > 0)
})

test('in memory nothing is written', async (t) => {
  const cwd = temporaryFolder(t)
  const warren = await startWarren(t, [], { cwd })
  await warren.stop()
  assert.equal(existsSync(join(cwd, 'warren-data')), false)
})

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  test(`durable objects are there after ${signal}, others are not`, async (t) => {
    const dataDir = temporaryFolder(t)
    const first = await startWarren(t, ['--data-dir', dataDir])
    const connection = await amqp.connect(`amqp://guest:guest@localhost:${first.port()}`)
    connection.on('error', () => {})
    const channel = await connection.createChannel()
    await channel.assertExchange('kept', 'topic', { durable: true, alternateExchange: 'amq.fanout' })
    await channel.assertExchange('lost', 'direct', { durable: false })
    await channel.assertQueue('kept', { durable: true, maxLength: 3 })
    await channel.assertQueue('lost', { durable: false })
    await channel.assertQueue('deleted', { durable: true })
    await channel.bindQueue('kept', 'kept', 'a.*', { x: [1, 'two', true] })
    await channel.bindQueue('kept', 'kept', 'unbound')
    await channel.bindExchange('amq.direct', 'kept', 'through')
    await channel.unbindQueue('kept', 'kept', 'unbound')
    await channel.deleteQueue('deleted')
    await first.stop(signal)

    const second = await startWarren(t, ['--data-dir', dataDir])
    const again = await amqp.connect(`amqp://guest:guest@localhost:${second.port()}`)
    const checking = await again.createConfirmChannel()
    await checking.assertExchange('kept', 'topic', { durable: true, alternateExchange: 'amq.fanout' })
    await checking.assertQueue('kept', { durable: true, maxLength: 3 })
    for (const key of ['a.b', 'unbound', 'through']) checking.publish('kept', key, Buffer.from(key))
    await checking.waitForConfirms()
    assert.equal((await checking.checkQueue('kept')).messageCount, 1, 'only the binding that was left routes')
    for (const name of ['lost', 'deleted']) {
      const probing = await again.createChannel()
      probing.on('error', () => {})
      await assert.rejects(probing.checkQueue(name), { code: 404 })
    }
    const probing = await again.createChannel()
    probing.on('error', () => {})
    await assert.rejects(probing.checkExchange('lost'), { code: 404 })
    await again.close()
  })
}

interface Declared {
  readonly queues: string[]
  readonly exchanges: string[]
  /** Queue and routing key of bindings to amq.topic. */
  readonly bindings: [queue: string, key: string][]
  /** Queues that were declared, then deleted. */
  readonly deleted: string[]
}

/** Declares until the connection breaks, and notes what the broker has said yes to. */
async function declareUntilTheEnd(port: number, channel: number, prefix: string, done: Declared): Promise<void> {
  const client = await RawAmqp.open(port)
  try {
    await client.openChannel(channel)
    for (let i = 0; ; i++) {
      const name = `${prefix}-${i}`
      client.send(channel, declareQueue(name, { durable: true }))
      await client.expect(m.QueueDeclareOk)
      if (i % 5 === 4) {
        client.send(channel, new m.QueueDelete(name))
        await client.expect(m.QueueDeleteOk)
        done.deleted.push(name)
        continue
      }
      done.queues.push(name)
      client.send(channel, new m.QueueBind(name, 'amq.topic', name))
      await client.expect(m.QueueBindOk)
      done.bindings.push([name, name])
      client.send(channel, new m.ExchangeDeclare(`x-${name}`, 'direct', false, true))
      await client.expect(m.ExchangeDeclareOk)
      done.exchanges.push(`x-${name}`)
    }
  } catch (error) {
    if (!(error instanceof Ended)) throw error
  }
}

/** Everything confirmed is there, under passive declares that the broker would refuse otherwise. */
async function assertAllThere(port: number, done: Declared): Promise<void> {
  const client = await RawAmqp.open(port)
  await client.openChannel()
  for (const name of done.queues) client.send(1, declareQueue(name, { passive: true }))
  for (const name of done.queues) assert.equal((await client.expect(m.QueueDeclareOk)).queue, name)
  for (const name of done.exchanges) client.send(1, new m.ExchangeDeclare(name, 'direct', true))
  for (const _ of done.exchanges) await client.expect(m.ExchangeDeclareOk)
  for (const [, key] of done.bindings) client.publish(1, 'amq.topic', key, Buffer.from('x'))
  for (const [name] of done.bindings) client.send(1, declareQueue(name, { passive: true }))
  for (const [name] of done.bindings) {
    const { queue, messageCount } = await client.expect(m.QueueDeclareOk)
    assert.deepEqual([queue, messageCount > 0], [name, true])
  }
  for (const name of done.deleted) {
    client.send(1, declareQueue(name, { passive: true }))
    assert.equal((await client.expect(m.ChannelClose)).replyCode, 404, name)
    client.send(1, new m.ChannelCloseOk())
    await client.openChannel()
  }
  client.destroy()
}

test('every declaration that was answered is there after kill -9 at any moment', async (t) => {
  const dataDir = temporaryFolder(t)
  const done: Declared = { queues: [], exchanges: [], bindings: [], deleted: [] }
  for (let round = 0; round < STORM_ROUNDS; round++) {
    const warren = await startWarren(t, ['--data-dir', dataDir])
    await assertAllThere(warren.port(), done)
    const before = done.queues.length
    const clients = [1, 2, 3].map((n) => declareUntilTheEnd(warren.port(), n, `r${round}c${n}`, done))
    // A moment that is random, but not before there is something to lose.
    const enough = 10 + Math.random() * 60
    while (done.queues.length - before < enough) await new Promise((resolve) => setImmediate(resolve))
    await warren.stop('SIGKILL')
    await Promise.all(clients)
  }
  const last = await startWarren(t, ['--data-dir', dataDir])
  await assertAllThere(last.port(), done)
  assert.ok(done.deleted.length > 0)
  t.diagnostic(`${done.queues.length} queues, ${done.bindings.length} bindings, ${done.exchanges.length} exchanges`)
})

test('users, policies and limits made at run time survive kill -9', async (t) => {
  const dataDir = temporaryFolder(t)
  const file = join(temporaryFolder(t), 'definitions.json')
  const definitions = {
    users: [{ name: 'ann', password: 'secret', tags: 'management' }],
    vhosts: [{ name: 'shop', metadata: { description: 'the shop', tags: [] } }],
    permissions: [{ user: 'ann', vhost: 'shop', configure: '^own-', write: '.*', read: '.*' }],
    topic_permissions: [{ user: 'ann', vhost: 'shop', exchange: 'amq.topic', write: '^a\\.', read: '.*' }],
    policies: [{ vhost: 'shop', name: 'short', pattern: '^own-', definition: { 'max-length': 1 }, priority: 1 }],
    parameters: [{ vhost: 'shop', component: 'vhost-limits', name: 'limits', value: { 'max-queues': 1 } }],
  }
  writeFileSync(file, JSON.stringify(definitions))
  const first = await startWarren(t, ['--data-dir', dataDir, '--load-definitions', file])
  await first.stop('SIGKILL')

  const second = await startWarren(t, ['--data-dir', dataDir])
  const client = await RawAmqp.open(second.port(), { user: 'ann', password: 'secret', vhost: 'shop' })
  await client.openChannel()
  client.send(1, declareQueue('own-q', { durable: true }))
  await client.expect(m.QueueDeclareOk)
  for (let i = 0; i < 3; i++) client.publish(1, '', 'own-q', Buffer.from('x'))
  client.send(1, declareQueue('own-q', { passive: true }))
  assert.equal((await client.expect(m.QueueDeclareOk)).messageCount, 1, 'the policy')
  const refusals: [m.Method, number][] = [
    [declareQueue('other', { durable: true }), 403],
    [declareQueue('own-second', { durable: true }), 406],
  ]
  for (const [method, code] of refusals) {
    client.send(1, method)
    assert.equal((await client.expect(m.ChannelClose)).replyCode, code)
    client.send(1, new m.ChannelCloseOk())
    await client.openChannel()
  }
  client.publish(1, 'amq.topic', 'b.c', Buffer.from('x'))
  assert.equal((await client.expect(m.ChannelClose)).replyCode, 403, 'the topic permission')
  client.destroy()
})

test('a directory of an older format is upgraded, with a line about it', async (t) => {
  const dataDir = temporaryFolder(t)
  const first = await startWarren(t, ['--data-dir', dataDir])
  const earlier = await amqp.connect(`amqp://guest:guest@localhost:${first.port()}`)
  await (await earlier.createChannel()).assertQueue('old', { durable: true })
  await earlier.close()
  await first.stop()
  rmSync(join(dataDir, 'messages'), { recursive: true })
  await makeOlder(dataDir, 1)

  const second = await startWarren(t, ['--data-dir', dataDir])
  assert.match(second.stderr, /data directory upgraded from format 1/)
  const connection = await amqp.connect(`amqp://guest:guest@localhost:${second.port()}`)
  const channel = await connection.createConfirmChannel()
  channel.sendToQueue('old', Buffer.from('kept'), { persistent: true })
  await channel.waitForConfirms()
  await connection.close()
  await second.stop('SIGKILL')

  const third = await startWarren(t, ['--data-dir', dataDir])
  assert.doesNotMatch(third.stderr, /upgraded/)
  const again = await amqp.connect(`amqp://guest:guest@localhost:${third.port()}`)
  const message = await (await again.createChannel()).get('old', { noAck: true })
  assert.ok(message !== false)
  assert.equal(message.content.toString(), 'kept')
  await again.close()
})

test('messages of a newer format are refused, and nothing is touched', async (t) => {
  const dataDir = temporaryFolder(t)
  const first = await startWarren(t, ['--data-dir', dataDir])
  await first.stop('SIGKILL')
  const folder = join(dataDir, 'messages')
  const file = join(
    folder,
    readdirSync(folder).find((name) => name.endsWith('.journal'))!,
  )
  const bytes = readFileSync(file)
  bytes.writeUInt32LE(9, 8)
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 60)), 60)
  writeFileSync(file, bytes)
  const before = readdirSync(folder).map((name) => readFileSync(join(folder, name)))
  const { code, stderr } = await runWarren(t, ['start', '--data-dir', dataDir, '--port', '0'])
  assert.equal(code, 69)
  assert.match(
    stderr,
    /\.journal has format 9, written by a newer version of this program; this version reads up to format 1/,
  )
  const after = readdirSync(folder).map((name) => readFileSync(join(folder, name)))
  assert.deepEqual(after, before)
})
