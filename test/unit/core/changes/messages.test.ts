import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { longstr } from '../../../../src/core/fields.ts'
import { assertEmpty, change, crash, drain, numbered, type Setup, start } from './bench.ts'

// What becomes of messages when their queue is changed, in memory and in the store.

const BUDGETS: Readonly<Record<string, number>> = { 'in memory': Infinity, 'in the store': 0 }

function publish(
  { client }: Setup,
  bodies: readonly string[],
  options: Parameters<Setup['client']['publish']>[2] = {},
): void {
  for (const body of bodies) client.publish('q', body, { persistent: true, ...options })
}

for (const [place, budget] of Object.entries(BUDGETS)) {
  describe(`a changed queue, ${place}`, () => {
    test('classic becomes quorum and classic again, in order, with what comes meanwhile and over restarts', async () => {
      let setup = await start(budget)
      setup.client.declare('q')
      publish(setup, numbered('a', 1, 300))
      setup.bench.settle()
      assert.equal((await change(setup, { type: 'quorum' })).changed, true)
      publish(setup, numbered('b', 1, 300))
      setup.bench.settle()
      setup = await crash(setup, budget)
      assert.equal(setup.bench.queue('q').type, 'quorum')
      publish(setup, numbered('c', 1, 10))
      setup.bench.settle()
      await change(setup, { type: 'classic' })
      publish(setup, numbered('d', 1, 10))
      setup.bench.settle()
      setup = await crash(setup, budget)
      assert.equal(setup.bench.queue('q').type, 'classic')
      const all = [...numbered('a', 1, 300), ...numbered('b', 1, 300), ...numbered('c', 1, 10), ...numbered('d', 1, 10)]
      assert.deepEqual(drain(setup), all)
      assertEmpty(setup)
    })

    test('messages take the priorities that the queue begins to tell apart', async () => {
      const setup = await start(budget)
      setup.client.declare('q')
      for (const n of [1, 2, 3, 4, 5, 6]) publish(setup, [`m${n}`], { priority: n % 3 })
      publish(setup, ['plain'])
      setup.bench.settle()
      await change(setup, { arguments: { 'x-max-priority': 9 } })
      publish(setup, ['late'], { priority: 1 })
      assert.deepEqual(drain(setup), ['m2', 'm5', 'm1', 'm4', 'late', 'm3', 'm6', 'plain'])
      assertEmpty(setup)
    })

    test('fewer priorities: messages of levels that become one are in the order in which they came', async () => {
      let setup = await start(budget)
      setup.client.declare('q', { 'x-max-priority': 9 })
      for (let n = 1; n <= 60; n++) publish(setup, [`m${n}`], { priority: n % 10 })
      setup.bench.settle()
      await change(setup, { arguments: { 'x-max-priority': null } })
      publish(setup, ['m61'], { priority: 9 })
      setup.bench.settle()
      setup = await crash(setup, budget)
      assert.deepEqual(drain(setup), numbered('m', 1, 61))
      assertEmpty(setup)
    })

    test('quorum to classic with priorities: who has none comes last', async () => {
      let setup = await start(budget)
      setup.client.declare('q', { 'x-queue-type': 'quorum' })
      publish(setup, ['plain1', 'plain2'])
      publish(setup, ['five'], { priority: 5 })
      publish(setup, ['two'], { priority: 2 })
      publish(setup, ['thirty'], { priority: 30 })
      setup.bench.settle()
      await change(setup, { type: 'classic', arguments: { 'x-max-priority': 5 } })
      setup = await crash(setup, budget)
      assert.deepEqual(drain(setup), ['five', 'thirty', 'two', 'plain1', 'plain2'])
      assertEmpty(setup)
    })

    test('what consumers have stays theirs: it is acknowledged, or comes back to its place, once', async () => {
      const setup = await start(budget)
      const { bench, client } = setup
      client.declare('q', { 'x-max-priority': 3 })
      for (let n = 1; n <= 40; n++) publish(setup, [`m${n}`], { priority: n > 30 ? 3 : 0 })
      bench.settle()
      client.consume('q', { tag: 'c', prefetch: 4 })
      bench.settle()
      const held = client.deliveries.splice(0)
      assert.deepEqual(
        held.map(({ body }) => body),
        numbered('m', 31, 34),
      )
      const report = (await change(setup, { arguments: { 'x-max-priority': null } })).report
      assert.equal(report.consumersStaying, 1)
      assert.equal(bench.queue('q').unackedCount, 4)
      client.ack(held[0]!.tag)
      client.session.cancel('c')
      for (const { tag } of held.slice(1)) client.nack(tag, false, true)
      bench.settle()
      assert.deepEqual(drain(setup), [...numbered('m', 1, 30), ...numbered('m', 32, 40)])
      assertEmpty(setup)
    })

    test('counts, time to live and the wait for a retry go with the messages', async () => {
      let setup = await start(budget)
      setup.client.declare('q', { 'x-delayed-retry-type': 'all', 'x-delayed-retry-min': 60_000 })
      publish(setup, ['short'], { ttlMs: 30_000 })
      publish(setup, ['tried'])
      publish(setup, ['last'])
      setup.bench.settle()
      const short = setup.client.get('q')!
      const tried = setup.client.get('q')!
      setup.client.nack(tried.tag, false, true)
      setup.client.session.reject(short.tag, true)
      setup.bench.settle()
      assert.equal(setup.bench.queue('q').heldCount, 2)
      await change(setup, { type: 'quorum', arguments: { 'x-delivery-limit': 5 } })
      assert.deepEqual([setup.bench.queue('q').heldCount, setup.bench.queue('q').readyCount], [2, 1])
      setup = await crash(setup, budget)
      assert.deepEqual([setup.bench.queue('q').heldCount, setup.bench.queue('q').readyCount], [2, 1])
      setup.bench.advance(60_000)
      const got = [setup.client.get('q')!, setup.client.get('q')!]
      const byBody = new Map(got.map((one) => [one.body, one]))
      assert.deepEqual([...byBody.keys()].sort(), ['last', 'tried'])
      assert.equal(byBody.get('tried')!.deliveryCount, 1)
      assert.equal(setup.client.get('q'), null)
    })

    test('who waited for a retry when priorities changed comes back as one of its own, after a restart as well', async () => {
      let setup = await start(budget)
      setup.client.declare('q', { 'x-delayed-retry-type': 'all', 'x-delayed-retry-min': 60_000 })
      publish(setup, ['urgent'], { priority: 5 })
      setup.bench.settle()
      setup.client.nack(setup.client.get('q')!.tag, false, true)
      publish(setup, ['soon'], { priority: 3 })
      setup.bench.settle()
      await change(setup, { arguments: { 'x-max-priority': 9 } })
      setup = await crash(setup, budget)
      assert.deepEqual([setup.bench.queue('q').heldCount, setup.bench.queue('q').readyCount], [1, 1])
      setup.bench.advance(60_000)
      assert.deepEqual(drain(setup), ['urgent', 'soon'])
      assertEmpty(setup)
    })

    test('delayed messages come when they are due', async () => {
      let setup = await start(budget)
      setup.client.declare('q', { 'x-delayed-message': true })
      setup.client.publish('q', 'later', { persistent: true, headers: new Map([['x-delay', longstr('5000')]]) })
      setup.bench.settle()
      const { report } = await change(setup, { type: 'quorum', arguments: { 'x-delayed-message': null } })
      assert.deepEqual(
        report.effects.map(({ effect, messages }) => [effect, messages]),
        [['delays-kept', 1]],
      )
      setup = await crash(setup, budget)
      assert.deepEqual(drain(setup), [])
      setup.bench.advance(5000)
      assert.deepEqual(drain(setup), ['later'])
    })
  })
}

/** A client has m10, and by a change of priorities its place is between others, which have left memory. */
async function holdBetweenOthers(): Promise<{ setup: Setup; tag: number }> {
  const setup = await start(4000)
  const { bench, client } = setup
  const transient = { persistent: false }
  client.declare('q', { 'x-max-priority': 3 })
  publish(setup, numbered('m', 1, 9), transient)
  publish(setup, ['m10'], { ...transient, priority: 1 })
  bench.settle()
  publish(setup, numbered('m', 11, 17), transient)
  const { body, tag } = client.get('q')!
  assert.equal(body, 'm10')
  await change(setup, { arguments: { 'x-max-priority': null } })
  return { setup, tag }
}

test('what a consumer gives back between messages that left memory meanwhile goes to its place among them', async () => {
  const { setup, tag } = await holdBetweenOthers()
  const { bench, client } = setup
  const queue = bench.queue('q')
  assert.ok(queue.readyInStore > 7, 'those around it are in the store')
  client.nack(tag, false, true)
  bench.advance(100)
  assert.deepEqual([queue.readyCount, queue.heldCount], [17, 0])
  assert.deepEqual(drain(setup), numbered('m', 1, 17))
  assertEmpty(setup)
})

test('what a consumer has just given back, and has no place yet, goes with a purge', async () => {
  const { setup, tag } = await holdBetweenOthers()
  const { bench, client } = setup
  const queue = bench.queue('q')
  client.nack(tag, false, true)
  assert.deepEqual([queue.readyCount, queue.heldCount], [16, 1])
  assert.equal(client.session.topology.purgeQueue('q'), 17)
  assert.deepEqual([queue.readyCount, queue.heldCount], [0, 0])
  bench.advance(100)
  assert.deepEqual(drain(setup), [])
  assertEmpty(setup)
})

test('what waits for a retry, and is written for a change, does not go with what is purged around it', async () => {
  const setup = await start(4000)
  const { bench, client } = setup
  const transient = { persistent: false }
  client.declare('q', { 'x-max-priority': 3, 'x-delayed-retry-type': 'all', 'x-delayed-retry-min': 60_000 })
  publish(setup, numbered('m', 1, 7))
  publish(setup, numbered('m', 8, 47), { ...transient, priority: 3 })
  bench.settle()
  client.nack(client.get('q')!.tag, false, true)
  await change(setup, { arguments: { 'x-max-priority': null } })
  const queue = bench.queue('q')
  assert.ok(queue.readyInStore > 30, 'those around it are in the store')
  client.session.topology.purgeQueue('q')
  assert.deepEqual([queue.readyCount, queue.heldCount], [0, 1])
  bench.advance(60_100)
  assert.deepEqual(drain(setup), ['m8'])
  assertEmpty(setup)
})

test('what comes back before it was written has the level of the change in the store', async () => {
  const setup = await start(0)
  const { bench, client } = setup
  client.declare('q', { 'x-max-priority': 3 })
  // they go out, and the second comes back, before the store has written anything
  publish(setup, ['m1'], { priority: 0 })
  const first = client.get('q')!
  publish(setup, ['m2'], { priority: 1 })
  client.nack(client.get('q')!.tag, false, true)
  await change(setup, { arguments: { 'x-max-priority': null } })
  assert.equal(bench.queue('q').readyInStore, 1)
  client.nack(first.tag, false, true)
  bench.advance(100)
  assert.deepEqual(drain(setup), ['m1', 'm2'])
  assertEmpty(setup)
})

describe('what survives a restart', () => {
  test('transient messages survive it in what became a quorum queue', async () => {
    for (const budget of Object.values(BUDGETS)) {
      let setup = await start(budget)
      setup.client.declare('q')
      const bodies = numbered('m', 1, 20)
      for (const body of bodies) setup.client.publish('q', body)
      setup.bench.settle()
      const got = setup.client.get('q')!
      await change(setup, { type: 'quorum' })
      setup = await crash(setup)
      const back = drain(setup)
      assert.deepEqual(back.toSorted(byNumber), bodies, got.body)
      assert.equal(new Set(back).size, back.length)
    }
  })

  test('transient messages survive it that wait for a retry in the store only', async () => {
    let setup = await start(0)
    setup.client.declare('q', { 'x-delayed-retry-type': 'all', 'x-delayed-retry-min': 60_000 })
    const bodies = numbered('m', 1, 300)
    for (const body of bodies) setup.client.publish('q', body)
    setup.bench.settle()
    for (let i = 0; i < bodies.length; i++) setup.client.nack(setup.client.get('q')!.tag, false, true)
    setup.bench.settle()
    // one of them was never written: it was taken as soon as it came
    assert.equal(setup.bench.queue('q').heldInStore.count, 299)
    await change(setup, { type: 'quorum', arguments: { 'x-delivery-limit': 5 } })
    assert.equal(setup.bench.queue('q').heldInStore.count, 300, 'all have left memory')
    setup = await crash(setup, 0)
    setup.bench.advance(59_999)
    assert.deepEqual([setup.bench.queue('q').heldCount, setup.bench.queue('q').readyCount], [300, 0])
    setup.bench.advance(1)
    setup.bench.settle()
    assert.deepEqual(drain(setup).toSorted(byNumber), bodies)
    assertEmpty(setup)
  })

  test('what cannot be had before the change keeps it from being made: messages of a busy group on disk only', async () => {
    const setup = await start(0)
    const { client, bench } = setup
    client.declare('q', { 'x-message-groups': true }, { durable: false })
    const headers = new Map([['x-message-group', longstr('busy')]])
    publish(setup, numbered('m', 1, 50), { headers })
    const { tag } = client.get('q')!
    assert.equal(client.get('q'), null, 'the others have been looked through, and parked')
    bench.settle()
    await assert.rejects(
      change(setup, { durable: true }),
      /or make it durable, while messages of busy groups are on disk only/,
    )
    client.ack(tag)
    assert.equal(drain(setup).length, 49)
    await change(setup, { durable: true })
    assert.ok(bench.queue('q').durable)
  })

  test('a transient queue becomes durable, with bindings and persistent messages, and transient again', async () => {
    let setup = await start()
    const { client, bench } = setup
    client.declare('q', {}, { durable: false })
    client.session.topology.bindQueue('q', 'amq.direct', 'k', new Map())
    publish(setup, ['kept', 'too'])
    client.publish('q', 'transient')
    const unacked = client.get('q')!
    bench.settle()
    await change(setup, { durable: true })
    setup = await crash(setup)
    assert.deepEqual(drain(setup), [unacked.body, 'too'])
    publish(setup, ['routed'], { exchange: 'amq.direct' })
    setup.client.publish('k', 'routed', { exchange: 'amq.direct', persistent: true })
    assert.deepEqual(drain(setup), ['routed'])
    const { report } = await change(setup, { durable: false })
    assert.deepEqual(
      report.effects.map(({ effect, loses }) => [effect, loses]),
      [['gone-on-restart', true]],
    )
    setup.client.publish('k', 'last', { exchange: 'amq.direct', persistent: true })
    assert.equal(setup.bench.queue('q').readyCount, 1)
    setup = await crash(setup)
    assert.equal(setup.bench.vhost.queues.size, 0)
  })
})

const byNumber = (a: string, b: string): number => Number(a.slice(1)) - Number(b.slice(1))
