import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Entry, GONE, READY } from '../../../src/core/queues/entry.ts'
import { Expiry } from '../../../src/core/queues/expiry.ts'
import { heapBytes } from '../../support/collect-garbage.ts'
import { CoreBench, StepClock } from '../../support/core-bench.ts'

const entryAt = (expiresAt: number): Entry => ({ expiresAt, state: READY }) as Entry

class Host {
  readonly clock = new StepClock()
  readonly start = this.clock.now()
  readonly expired: number[] = []
  waits = false
  /** How many went in each go. */
  readonly batches: number[] = []
  readonly expiry = new Expiry(this.clock, {
    expiryWaits: () => this.waits,
    onExpired: (entry) => {
      entry.state = GONE
      this.expired.push(entry.expiresAt - this.start)
      this.expiry.left()
    },
  })

  add(afterMs: number): Entry {
    const entry = entryAt(this.start + afterMs)
    this.expiry.add(entry)
    return entry
  }

  leave(entry: Entry): void {
    entry.state = GONE
    this.expiry.left()
  }

  advance(ms: number): void {
    let before = this.expired.length
    this.clock.advance(ms, () => {
      if (this.expired.length > before) this.batches.push(this.expired.length - before)
      before = this.expired.length
    })
  }
}

describe('expiry', () => {
  test('goes by time, whatever the order of arrival', () => {
    const host = new Host()
    for (const ms of [50, 10, 30, 10, 60, 20]) host.add(ms)
    host.advance(9)
    assert.deepEqual(host.expired, [])
    host.advance(21)
    assert.deepEqual(host.expired, [10, 10, 20, 30])
    host.advance(100)
    assert.deepEqual(host.expired, [10, 10, 20, 30, 50, 60])
    assert.equal(host.clock.timers.size, 0)
  })

  test('does not touch what has left', () => {
    const host = new Host()
    const entries = [host.add(10), host.add(10), host.add(10)]
    host.leave(entries[1]!)
    host.advance(10)
    assert.equal(host.expired.length, 2)
  })

  test('forgets what has left long before its time, and its timer with the last of it', () => {
    const host = new Host()
    for (let i = 0; i < 20_000; i++) host.leave(host.add(86_400_000))
    assert.ok(host.expiry.size <= 2048, `${host.expiry.size} kept`)
    const entries = Array.from({ length: 20_000 }, (_, i) => host.add(86_400_000 + (i % 7)))
    for (const entry of entries) host.leave(entry)
    assert.ok(host.expiry.size <= 2048, `${host.expiry.size} kept`)
    while (host.expiry.size > 0) host.leave(entryAt(0))
    assert.equal(host.clock.timers.size, 0)
  })

  test('sweeps seldom: what stays is looked at a few times at most', () => {
    let looks = 0
    const host = new Host()
    const counted = (): Entry =>
      Object.defineProperty(entryAt(host.start + 1e6), 'state', {
        get: () => {
          looks++
          return READY
        },
        set: () => {},
      })
    for (let i = 0; i < 5000; i++) host.expiry.add(counted())
    for (let i = 0; i < 50_000; i++) host.leave(host.add(2e6))
    assert.ok(looks < 10 * 5000, `${looks} looks`)
  })

  test('of many looks at each of them once', () => {
    let looks = 0
    const host = new Host()
    for (let i = 0; i < 5000; i++) {
      let state = READY
      const entry = Object.defineProperty(entryAt(host.start + 5), 'state', {
        get: () => {
          looks++
          return state
        },
        set: (next: number) => {
          state = next
        },
      })
      host.expiry.add(entry)
    }
    host.advance(5)
    assert.equal(host.expired.length, 5000)
    assert.ok(looks <= 2 * 5000, `${looks} looks`)
  })

  test('of many is done in parts', () => {
    const host = new Host()
    for (let i = 0; i < 3500; i++) host.add(5)
    host.advance(5)
    assert.deepEqual(host.batches, [1000, 1000, 1000, 500])
  })

  test('waits when it is told to', () => {
    const host = new Host()
    host.add(5)
    host.waits = true
    host.advance(50)
    assert.deepEqual(host.expired, [])
    host.waits = false
    host.advance(1)
    assert.deepEqual(host.expired, [5])
  })

  test('is over with close', () => {
    const host = new Host()
    host.add(5)
    host.expiry.close()
    assert.equal(host.clock.timers.size, 0)
  })
})

describe('a queue', () => {
  test('lets messages expire anywhere in it', async () => {
    const bench = await new CoreBench().start()
    const client = bench.client()
    client.declare('q')
    client.publish('q', 'a', { ttlMs: 60_000 })
    client.publish('q', 'b', { ttlMs: 50 })
    client.publish('q', 'c')
    bench.advance(50)
    assert.equal(bench.queue('q').readyCount, 2)
    bench.advance(59_950)
    assert.equal(client.get('q')!.body, 'c')
  })

  test('keeps the time of a message that comes back', async () => {
    const bench = await new CoreBench().start()
    const client = bench.client()
    client.declare('q', { 'x-message-ttl': 100 })
    client.publish('q', 'a')
    const { tag } = client.get('q')!
    bench.advance(60)
    client.nack(tag, false, true)
    bench.advance(39)
    assert.equal(bench.queue('q').readyCount, 1)
    bench.advance(1)
    assert.equal(bench.queue('q').readyCount, 0)
  })

  test('does not expire what a consumer holds, but does so when it comes back too late', async () => {
    const bench = await new CoreBench().start()
    const client = bench.client()
    client.declare('q', { 'x-message-ttl': 100 })
    client.publish('q', 'a')
    const { tag } = client.get('q')!
    bench.advance(200)
    assert.equal(bench.queue('q').unackedCount, 1)
    client.nack(tag, false, true)
    assert.deepEqual([bench.queue('q').readyCount, bench.queue('q').unackedCount], [0, 0])
    assert.equal(bench.store.stats().messages, 0)
  })

  test('does not remember what was consumed until its time would have come', async () => {
    const bench = await new CoreBench().start()
    const client = bench.client()
    client.declare('q', { 'x-message-ttl': 86_400_000 })
    const round = (): void => {
      for (let i = 0; i < 20_000; i++) client.publish('q', 'm')
      for (let i = 0; i < 20_000; i++) client.get('q', true)
    }
    round()
    const before = await heapBytes()
    round()
    round()
    const grown = (await heapBytes()) - before
    assert.ok(grown < 3_000_000, `${grown} bytes`)
  })

  test('gives consumers their turns also of messages that have no time', async () => {
    const bench = await new CoreBench().start()
    const client = bench.client()
    client.declare('q', { 'x-message-ttl': 0 })
    client.consume('q', { tag: 'a' })
    client.consume('q', { tag: 'b' })
    for (let i = 0; i < 4; i++) client.publish('q', String(i))
    assert.deepEqual(
      client.deliveries.map(({ consumer }) => consumer),
      ['a', 'b', 'a', 'b'],
    )
  })

  test('stops its timers when it is deleted', async () => {
    const bench = await new CoreBench().start()
    const client = bench.client()
    client.declare('q', {
      'x-message-ttl': 1000,
      'x-expires': 5000,
      'x-delayed-retry-type': 'all',
      'x-delayed-retry-min': 1000,
    })
    client.publish('q', 'a')
    client.publish('q', 'b')
    client.nack(client.get('q')!.tag, false, true)
    assert.equal(bench.queue('q').heldCount, 1)
    assert.equal(bench.clock.timers.size, 3)
    client.session.topology.deleteQueue('q', false, false)
    assert.equal(bench.clock.timers.size, 0)
    assert.equal(bench.store.stats().messages, 0)
  })
})
