import assert from 'node:assert/strict'
import { type Bench, callRaw, collect, fetchTexts, readyCount, send, sendRaw } from './bench.ts'
import { brokerUnderTest, eventually } from './support.ts'

const { scenario } = brokerUnderTest()

const lockedText = (b: Bench, queue: string): string =>
  `cannot obtain exclusive access to locked ${b.queueText(queue)}. It could be originally declared on another ` +
  'connection or the exclusive property value does not match that of the original declaration.'

scenario('a declaration answers with name, ready messages and consumers', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  await send(channel, queue, ['a', 'b', 'c'])
  await channel.get(queue)
  assert.deepEqual(await channel.assertQueue(queue), { queue, messageCount: 2, consumerCount: 0 })
  await channel.prefetch(1)
  await collect(channel, queue)
  await collect(channel, queue)
  assert.equal((await channel.checkQueue(queue)).consumerCount, 2)
})

scenario('the broker names a queue that has no name', async (b) => {
  const channel = await b.channel()
  const { queue } = await channel.assertQueue('', { exclusive: true })
  assert.match(queue, /^amq\.gen-[\w-]{22}$/)
  const other = await channel.assertQueue('', { exclusive: true })
  assert.notEqual(other.queue, queue)
})

scenario('names of the broker are reserved', async (b) => {
  await b.refuses(403, "queue name 'amq.mine' contains reserved prefix 'amq.*'", (c) => c.assertQueue('amq.mine'))
  const channel = await b.channel()
  const { queue } = await channel.assertQueue('', { exclusive: true })
  await b.refuses(403, `queue name '${queue}' contains reserved prefix 'amq.*'`, (c) =>
    c.assertQueue(queue, { exclusive: true }),
  )
  await channel.checkQueue(queue)
})

scenario('a passive declaration needs the queue, and nothing else', async (b) => {
  const channel = await b.channel()
  await b.refuses(404, `no ${b.queueText('no-such-queue')}`, (c) => c.checkQueue('no-such-queue'))
  await b.refuses(404, `no ${b.queueText('')}`, (c) => c.checkQueue(''))
  const queue = await b.queue(channel, { 'x-max-length': 5 })
  await channel.checkQueue(queue)
})

scenario('another declaration of a queue is refused with the first property that differs', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel, { 'x-message-ttl': 60_000 })
  const inequivalent = (arg: string, rest: string): string =>
    `inequivalent arg '${arg}' for ${b.queueText(queue)}: received ${rest}`
  const args = { 'x-message-ttl': 60_000 }
  await b.refuses(406, inequivalent('durable', "'false' but current is 'true'"), (c) =>
    c.assertQueue(queue, { durable: false, autoDelete: true, arguments: args }),
  )
  await b.refuses(406, inequivalent('auto_delete', "'true' but current is 'false'"), (c) =>
    c.assertQueue(queue, { autoDelete: true }),
  )
  await b.refuses(
    406,
    inequivalent('x-message-ttl', "none but current is the value '60000' of type 'signedint'"),
    (c) => c.assertQueue(queue),
  )
  await b.refuses(406, inequivalent('x-message-ttl', "'1000' but current is '60000'"), (c) =>
    c.assertQueue(queue, { messageTtl: 1000 }),
  )
  await b.refuses(406, inequivalent('x-max-length', "the value '5' of type 'signedint' but current is none"), (c) =>
    c.assertQueue(queue, { messageTtl: 60_000, arguments: { 'x-max-length': { '!': 'int', value: 5 } } }),
  )
  await channel.assertQueue(queue, { arguments: { 'x-message-ttl': { '!': 'long', value: 60_000 }, 'x-mine': 'a' } })
})

scenario('the type of a queue is compared; absent means classic', async (b) => {
  const channel = await b.channel()
  const classic = await b.queue(channel)
  await channel.assertQueue(classic, { arguments: { 'x-queue-type': 'classic' } })
  const quorum = await b.queue(channel, { 'x-queue-type': 'quorum' })
  await b.refuses(
    406,
    `inequivalent arg 'x-queue-type' for ${b.queueText(quorum)}: received 'classic' but current is 'quorum'`,
    (c) => c.assertQueue(quorum, { arguments: { 'x-queue-type': 'classic' } }),
  )
})

scenario('an exclusive queue belongs to its connection', async (b) => {
  const owner = await b.channel()
  const queue = b.queueName()
  await owner.assertQueue(queue, { exclusive: true })
  await owner.assertQueue(queue, { exclusive: true })
  const stranger = await b.connect()
  const locked = lockedText(b, queue)
  await b.refuses(405, locked, (c) => c.assertQueue(queue, { exclusive: true }), stranger)
  await b.refuses(405, locked, (c) => c.checkQueue(queue), stranger)
  await b.refuses(405, locked, (c) => c.get(queue), stranger)
  await b.refuses(405, locked, (c) => collect(c, queue), stranger)
  await b.refuses(405, locked, (c) => c.bindQueue(queue, 'amq.direct', 'x'), stranger)
  await owner.bindQueue(queue, 'amq.direct', queue)
  await b.refuses(405, locked, (c) => c.unbindQueue(queue, 'amq.direct', queue), stranger)
  await (await b.channel(stranger)).unbindQueue(queue, 'amq.direct', 'never bound')
  await b.refuses(405, locked, (c) => c.purgeQueue(queue), stranger)
  await b.refuses(405, locked, (c) => c.deleteQueue(queue), stranger)
  await b.refuses(405, locked, (c) => c.assertQueue(queue))
  const publisher = await b.channel(stranger)
  await send(publisher, queue, ['welcome'])
  assert.deepEqual(await fetchTexts(owner, queue), ['welcome'])
})

scenario('a queue that is not exclusive does not become so', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  await b.refuses(405, lockedText(b, queue), (c) => c.assertQueue(queue, { exclusive: true }))
})

scenario('exclusive queues are gone when the connection has been closed', async (b) => {
  const connection = await b.connect()
  const channel = await b.channel(connection)
  const queue = b.queueName()
  await channel.assertQueue(queue, { exclusive: true })
  await connection.close()
  await b.refuses(404, `no ${b.queueText(queue)}`, (c) => c.checkQueue(queue))
})

scenario('an auto-delete queue goes with its last consumer, and not before it had one', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel, {}, { autoDelete: true })
  await channel.get(queue)
  await channel.checkQueue(queue)
  const other = await b.channel()
  const [one, two] = [await collect(channel, queue), await collect(other, queue)]
  await channel.cancel(one.tag)
  assert.equal((await channel.checkQueue(queue)).consumerCount, 1)
  assert.equal(two.cancelled, false)
  await other.close()
  await b.refuses(404, `no ${b.queueText(queue)}`, (c) => c.checkQueue(queue))
})

scenario('an auto-delete queue goes with the connection of its last consumer', async (b) => {
  const connection = await b.connect()
  const consumer = await b.channel(connection)
  const queue = await b.queue(consumer, {}, { autoDelete: true })
  await collect(consumer, queue)
  await connection.close()
  const channel = await b.channel()
  await eventually(() => b.misses((probe) => probe.checkQueue(queue)))
  await channel.assertQueue(queue, { autoDelete: true })
})

scenario('the empty name stands for the queue declared last', async (b) => {
  const channel = await b.channel()
  await b.queue(channel)
  const queue = await b.queue(channel)
  await channel.bindQueue('', 'amq.direct', '')
  channel.publish('amq.direct', queue, Buffer.from('by its name as key'))
  await channel.waitForConfirms()
  const message = await channel.get('')
  assert.ok(message !== false)
  assert.equal(message.content.toString(), 'by its name as key')
  channel.ack(message)
  await send(channel, queue, ['a', 'b'])
  assert.deepEqual(await channel.purgeQueue(''), { messageCount: 2 })
  const collector = await collect(channel, '')
  await send(channel, queue, ['c'])
  assert.deepEqual(await collector.received(1), ['c'])
  await channel.unbindQueue('', 'amq.direct', '')
  await channel.deleteQueue('')
  await b.refuses(404, `no ${b.queueText(queue)}`, (c) => c.checkQueue(queue))
})

scenario('a declaration without an answer counts as the last one too', async (b) => {
  const channel = await b.channel()
  const queue = b.queueName()
  sendRaw(channel, 50, 10, { queue, durable: true, nowait: true, arguments: {} })
  assert.equal((await channel.checkQueue(queue)).queue, queue)
  const passive = await b.queue(channel)
  sendRaw(channel, 50, 10, { queue, durable: true, nowait: true, passive: true, arguments: {} })
  await send(channel, queue, ['x'])
  assert.deepEqual(await channel.purgeQueue(''), { messageCount: 1 })
  assert.equal(await readyCount(channel, passive), 0)
})

scenario('without a declaration the empty name stands for nothing', async (b) => {
  const text = 'no previously declared queue'
  await b.refuses(404, text, (c) => c.purgeQueue(''))
  await b.refuses(404, text, (c) => c.get(''))
  await b.refuses(404, text, (c) => c.deleteQueue(''))
  await b.refuses(404, text, (c) => collect(c, ''))
  await b.refuses(404, text, (c) => c.bindQueue('', 'amq.direct', 'a'))
})

scenario('deleting answers with the ready messages; a missing queue counts as deleted', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  await send(channel, queue, ['a', 'b', 'c'])
  await channel.get(queue)
  assert.deepEqual(await channel.deleteQueue(queue), { messageCount: 2 })
  assert.deepEqual(await channel.deleteQueue(queue), { messageCount: 0 })
})

scenario('if-unused and if-empty protect a classic queue', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  await send(channel, queue, ['a'])
  await b.refuses(406, `${b.queueText(queue)} not empty`, (c) => c.deleteQueue(queue, { ifEmpty: true }))
  const collector = await collect(channel, queue)
  await collector.received(1)
  await b.refuses(406, `${b.queueText(queue)} in use`, (c) => c.deleteQueue(queue, { ifUnused: true, ifEmpty: true }))
  await channel.cancel(collector.tag)
  assert.deepEqual(await channel.deleteQueue(queue, { ifUnused: true, ifEmpty: true }), { messageCount: 0 })
})

scenario('a quorum queue knows no conditions for its deletion', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel, { 'x-queue-type': 'quorum' })
  const text = (flag: string): string =>
    `cannot delete ${b.queueText(queue)}. queue.delete operations with ${flag} flag set are not supported by quorum queues`
  await b.refusesConnection(540, text('if-unused'), (c) => c.deleteQueue(queue, { ifUnused: true }))
  await b.refusesConnection(540, text('if-empty'), (c) => c.deleteQueue(queue, { ifEmpty: true }))
  assert.deepEqual(await channel.deleteQueue(queue), { messageCount: 0 })
})

scenario('a purge removes what is ready, not what is with consumers', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  await send(channel, queue, ['a', 'b', 'c'])
  const held = await channel.get(queue)
  assert.ok(held !== false)
  assert.deepEqual(await channel.purgeQueue(queue), { messageCount: 2 })
  channel.nack(held)
  assert.deepEqual(await fetchTexts(channel, queue), ['a'])
  await b.refuses(404, `no ${b.queueText('no-such-queue')}`, (c) => c.purgeQueue('no-such-queue'))
})

scenario('acknowledging what came from a deleted queue is harmless', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  await send(channel, queue, ['a', 'b'])
  const [first, second] = [await channel.get(queue), await channel.get(queue)]
  assert.ok(first !== false && second !== false)
  await channel.deleteQueue(queue)
  channel.ack(first)
  channel.nack(second)
  await channel.checkExchange('amq.direct')
})

scenario('a queue deleted and declared anew starts empty', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  await channel.bindQueue(queue, 'amq.fanout', '')
  await send(channel, queue, ['a'])
  await channel.deleteQueue(queue)
  await channel.assertQueue(queue, { durable: false })
  channel.publish('amq.fanout', '', Buffer.from('not bound any more'))
  await channel.waitForConfirms()
  assert.equal(await readyCount(channel, queue), 0)
})

scenario('access.request, long out of use, is still answered', async (b) => {
  const channel = await b.plainChannel()
  const answer = await callRaw(channel, 30, [10, 11], { realm: '/data', active: true })
  assert.equal(answer['ticket'], 1)
})
