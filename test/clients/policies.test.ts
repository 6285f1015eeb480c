import assert from 'node:assert/strict'
import { collect, confirmed, fetch, fetchTexts, readyCount, send, untilReady } from './bench.ts'
import { eventually, inProcess } from './support.ts'

inProcess('a policy limits queues that are there and queues to come', async (b, { broker }) => {
  const channel = await b.channel()
  await channel.assertQueue('limited-1')
  await send(channel, 'limited-1', ['a', 'b', 'c'])
  broker.setPolicy('user', '/', 'short', { pattern: '^limited', definition: { 'max-length': 2 } })
  await untilReady(channel, 'limited-1', 2)
  for (const queue of ['limited-2', 'free']) {
    await channel.assertQueue(queue)
    await send(channel, queue, ['a', 'b', 'c'])
  }
  assert.equal(await readyCount(channel, 'limited-2'), 2)
  assert.equal(await readyCount(channel, 'free'), 3)
  broker.deletePolicy('user', '/', 'short')
  await send(channel, 'limited-1', ['d', 'e'])
  assert.deepEqual(await fetchTexts(channel, 'limited-1'), ['b', 'c', 'd', 'e'])
})

inProcess('the policy with the highest priority applies alone', async (b, { broker }) => {
  const channel = await b.channel()
  broker.setPolicy('user', '/', 'low', {
    pattern: '.*',
    definition: { 'max-length': 1, 'message-ttl': 10 },
    priority: 1,
  })
  broker.setPolicy('user', '/', 'high', { pattern: '.*', definition: { 'max-length': 3 }, priority: 5 })
  const queue = await b.queue(channel)
  await send(channel, queue, ['a', 'b', 'c', 'd'])
  assert.deepEqual(await fetchTexts(channel, queue), ['b', 'c', 'd'])
})

inProcess('of argument, policy and operator policy the smallest number holds', async (b, { broker }) => {
  const channel = await b.channel()
  broker.setPolicy('user', '/', 'user', { pattern: '^q', definition: { 'max-length': 4 } })
  await channel.assertQueue('q-narrow', { maxLength: 2 })
  await channel.assertQueue('q-wide', { maxLength: 9 })
  for (const queue of ['q-narrow', 'q-wide']) await send(channel, queue, ['a', 'b', 'c', 'd', 'e'])
  assert.equal(await readyCount(channel, 'q-narrow'), 2)
  assert.equal(await readyCount(channel, 'q-wide'), 4)
  broker.setPolicy('operator', '/', 'operator', {
    pattern: '.*',
    definition: { 'max-length': 1 },
    'apply-to': 'queues',
  })
  for (const queue of ['q-narrow', 'q-wide']) await untilReady(channel, queue, 1)
  broker.deletePolicy('user', '/', 'user')
  await send(channel, 'q-wide', ['f'])
  assert.deepEqual(await fetchTexts(channel, 'q-wide'), ['f'])
})

inProcess('a dead letter exchange may come from a policy; the argument wins', async (b, { broker }) => {
  const channel = await b.channel()
  await channel.assertQueue('by-policy')
  await channel.assertQueue('by-argument')
  broker.setPolicy('user', '/', 'dlx', {
    pattern: '^work',
    definition: { 'dead-letter-exchange': '', 'dead-letter-routing-key': 'by-policy' },
  })
  await channel.assertQueue('work-1')
  await channel.assertQueue('work-2', { deadLetterExchange: '', deadLetterRoutingKey: 'by-argument' })
  for (const queue of ['work-1', 'work-2']) {
    await send(channel, queue, [queue])
    channel.reject(await fetch(channel, queue, {}), false)
  }
  await untilReady(channel, 'by-policy', 1)
  await untilReady(channel, 'by-argument', 1)
  assert.deepEqual(await fetchTexts(channel, 'by-policy'), ['work-1'])
  assert.deepEqual(await fetchTexts(channel, 'by-argument'), ['work-2'])
})

inProcess('an alternate exchange may come from a policy; the argument wins', async (b, { broker }) => {
  const channel = await b.channel()
  for (const name of ['by-policy', 'by-argument']) {
    await channel.assertExchange(name, 'fanout')
    await channel.assertQueue(name)
    await channel.bindQueue(name, name, '')
  }
  broker.setPolicy('user', '/', 'ae', {
    pattern: '^front',
    definition: { 'alternate-exchange': 'by-policy' },
    'apply-to': 'exchanges',
  })
  await channel.assertExchange('front-1', 'direct')
  await channel.assertExchange('front-2', 'direct', { alternateExchange: 'by-argument' })
  for (const name of ['front-1', 'front-2']) await confirmed(channel, name, 'nobody', name)
  assert.deepEqual(await fetchTexts(channel, 'by-policy'), ['front-1'])
  assert.deepEqual(await fetchTexts(channel, 'by-argument'), ['front-2'])
  broker.deletePolicy('user', '/', 'ae')
  await confirmed(channel, 'front-1', 'nobody', 'dropped')
  assert.deepEqual(await fetchTexts(channel, 'by-policy'), [])
})

inProcess('overflow by policy makes a full queue refuse', async (b, { broker }) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  broker.setPolicy('user', '/', 'full', {
    pattern: '.*',
    definition: { 'max-length': 1, overflow: 'reject-publish' },
  })
  assert.ok(await confirmed(channel, '', queue, 'a'))
  assert.equal(await confirmed(channel, '', queue, 'b'), false)
  broker.setPolicy('user', '/', 'full', { pattern: '.*', definition: { 'max-length': 1 } })
  assert.ok(await confirmed(channel, '', queue, 'c'))
  assert.deepEqual(await fetchTexts(channel, queue), ['c'])
})

inProcess('queues and messages expire by policy', async (b, { broker }) => {
  const channel = await b.channel()
  broker.setPolicy('user', '/', 'ttl', { pattern: '^short', definition: { 'message-ttl': 30 } })
  await channel.assertQueue('short')
  await send(channel, 'short', ['a'])
  await untilReady(channel, 'short', 0)
  await channel.assertQueue('doomed')
  broker.setPolicy('user', '/', 'expires', { pattern: '^doomed', definition: { expires: 50 } })
  await eventually(() => !broker.findVhost('/').queues.has('doomed'))
})

inProcess('a policy may be for one type of queue', async (b, { broker }) => {
  const channel = await b.channel()
  broker.setPolicy('user', '/', 'quorum', {
    pattern: '.*',
    definition: { 'max-length': 1 },
    'apply-to': 'quorum_queues',
  })
  const classic = await b.queue(channel)
  const quorum = await b.queue(channel, { 'x-queue-type': 'quorum' })
  for (const queue of [classic, quorum]) await send(channel, queue, ['a', 'b'])
  assert.equal(await readyCount(channel, classic), 2)
  assert.equal(await readyCount(channel, quorum), 1)
})

inProcess('a delivery limit by policy', async (b, { broker }) => {
  const channel = await b.channel()
  const queue = await b.queue(channel, { 'x-queue-type': 'quorum', 'x-delivery-limit': 10 })
  broker.setPolicy('user', '/', 'poison', { pattern: '.*', definition: { 'delivery-limit': 1 } })
  await send(channel, queue, ['x'])
  for (let i = 0; i < 2; i++) channel.reject(await fetch(channel, queue, {}), true)
  await untilReady(channel, queue, 0)
})

inProcess('the type of queues that name none is that of their vhost', async (b, { broker }) => {
  broker.putVhost('modern', { defaultQueueType: 'quorum' })
  broker.setPermission({ user: 'guest', vhost: 'modern', configure: '.*', write: '.*', read: '.*' })
  const connection = await b.connect(`${b.url}/modern`)
  const channel = await b.channel(connection)
  await channel.assertQueue('jobs')
  const { queues } = broker.findVhost('modern')
  assert.equal(queues.get('jobs')?.type, 'quorum')
  await channel.assertQueue('jobs')
  await channel.assertQueue('jobs', { arguments: { 'x-queue-type': 'quorum' } })
  const { queue } = await channel.assertQueue('', { exclusive: true })
  assert.equal(queues.get(queue)?.type, 'classic')
  const collector = await collect(channel, 'jobs')
  await send(channel, 'jobs', ['a'])
  assert.deepEqual(await collector.received(1), ['a'])
})
