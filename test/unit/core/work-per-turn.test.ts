import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Client, CoreBench } from '../../support/core-bench.ts'
import { PagingStore } from '../../support/paging-store.ts'

const MANY = 3500

/** A queue with many messages, and where those go that die in it. */
async function start(ttlMs = -1): Promise<{ bench: CoreBench; client: Client; dead: () => number }> {
  const bench = await new CoreBench().start()
  const client = bench.client()
  client.declare('dead')
  client.declare('q', { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' })
  for (let i = 0; i < MANY; i++) client.publish('q', String(i), ttlMs < 0 ? {} : { ttlMs })
  bench.settle()
  return { bench, client, dead: () => bench.queue('dead').readyCount }
}

/** What each turn adds to a count, the present one first. */
function perTurn(bench: CoreBench, count: () => number, before: number): number[] {
  const steps = [count() - before]
  for (let last = count(); bench.turn.end(); last = count()) steps.push(count() - last)
  return steps.filter((step) => step > 0)
}

// What is done to many messages at once is done in parts, so that everybody else is served in between.
describe('in one turn no more than a part is done', () => {
  test('of what a new length limit drops', async () => {
    const { bench, client, dead } = await start()
    bench.broker.setPolicy('user', '/', 'p', { pattern: '^q$', definition: { 'max-length': 10 } })
    assert.equal(dead(), 1000)
    client.publish('q', 'one more')
    assert.equal(dead(), 2000)
    assert.deepEqual(perTurn(bench, dead, 2000), [1000, 491])
    assert.equal(bench.queue('q').readyCount, 10)
    assert.equal(client.get('q')!.body, String(MANY - 9))
  })

  test('of it, and none when the policy is taken back', async () => {
    const { bench, dead } = await start()
    bench.broker.setPolicy('user', '/', 'p', { pattern: '^q$', definition: { 'max-length': 10 } })
    bench.broker.deletePolicy('user', '/', 'p')
    bench.settle()
    assert.deepEqual([dead(), bench.queue('q').readyCount], [1000, MANY - 1000])
  })

  test('of what has expired before a consumer comes', async () => {
    const { bench, client, dead } = await start(50)
    client.publish('q', 'alive')
    bench.clock.lag(60)
    client.consume('q')
    assert.equal(dead(), 0)
    const parts = perTurn(bench, dead, 0)
    assert.ok(Math.max(...parts) <= 1001, String(parts))
    assert.deepEqual([dead(), client.take()], [MANY, ['alive']])
  })

  test('of what expires', async () => {
    const { bench, dead } = await start(50)
    const parts: number[] = []
    let last = 0
    bench.clock.advance(50, () => {
      if (dead() > last) parts.push(dead() - last)
      last = dead()
    })
    assert.deepEqual(parts, [1000, 1000, 1000, 500])
  })

  test('of dead letters that beget dead letters', async () => {
    const bench = await new CoreBench().start()
    const client = bench.client()
    client.exchange('mesh', 'fanout')
    for (let i = 0; i < 8; i++) {
      client.declare(`full-${i}`, { 'x-max-length': 0, 'x-dead-letter-exchange': 'mesh' })
      client.session.topology.bindQueue(`full-${i}`, 'mesh', '', new Map())
    }
    const died = (): number => bench.broker.counters.deadLettered.maxlen
    client.publish('full-0', 'one')
    assert.ok(died() < 10_000, `${died()} at once`)
    const parts = perTurn(bench, died, 0)
    // a message does not come back to a queue that it died in, so there is an end: each order of the eight has its own
    assert.ok(parts.length > 5 && Math.max(...parts) < 5000, String(parts))
    assert.equal(died(), 13_700)
    assert.equal(bench.broker.store.stats().messages, 0)
  })

  test('of what leaves memory', async () => {
    const bench = await new CoreBench({ messageMemoryBytes: Infinity }, undefined, new PagingStore({})).start()
    const client = bench.client()
    client.declare('q')
    for (let i = 0; i < 3 * MANY; i++) client.publish('q', String(i), { persistent: true })
    bench.settle()
    const queue = bench.queue('q')
    assert.equal(queue.readyInStore, 0)
    bench.broker.setPolicy('user', '/', 'p', { pattern: '^q$', definition: { 'queue-mode': 'lazy' } })
    const parts = perTurn(bench, () => queue.readyInStore, 0)
    assert.ok(parts.length > 1 && Math.max(...parts) <= 2 * 2048, String(parts))
    assert.equal(queue.readyInStore, 3 * MANY)
  })
})
