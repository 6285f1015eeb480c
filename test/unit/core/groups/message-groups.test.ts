import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Field, longstr, type Table } from '../../../../src/core/fields.ts'
import { type Client, CoreBench, lookAtReady } from '../../../support/core-bench.ts'
import { PagingStore } from '../../../support/paging-store.ts'

// Bodies name group and place: `a1` is the first message of group `a`, `-1` belongs to none.

type Arguments = Readonly<Record<string, string | number | boolean>>
interface Setup {
  readonly bench: CoreBench
  readonly client: Client
}

const headersOf = (field: Field, name = 'x-message-group'): Table => new Map([[name, field]])

function publish(client: Client, ...bodies: string[]): void {
  for (const body of bodies) {
    const group = body.slice(0, 1)
    client.publish('q', body, { persistent: true, ...(group === '-' ? {} : { headers: headersOf(longstr(group)) }) })
  }
}

/** What has come, and the tag of each. */
function take(bench: CoreBench, client: Client): Map<string, number> {
  bench.settle()
  return new Map(client.deliveries.splice(0).map(({ body, tag }) => [body, tag]))
}

const bodies = (bench: CoreBench, client: Client): string[] => [...take(bench, client).keys()]

const settle = (client: Client, got: Map<string, number>, body: string, how: 'ack' | 'requeue' | 'discard'): void => {
  const tag = got.get(body)
  assert.ok(tag !== undefined, `${body} has been delivered`)
  if (how === 'ack') client.ack(tag)
  else client.nack(tag, false, how === 'requeue')
}

/** Consumes and acknowledges until nothing comes any more. */
function drain(bench: CoreBench, client: Client, prefetch = 1): string[] {
  const all: string[] = []
  client.consume('q', { tag: 'drain', prefetch })
  for (let got = take(bench, client); got.size > 0; got = take(bench, client)) {
    for (const [body, tag] of got) {
      all.push(body)
      client.ack(tag)
    }
  }
  client.session.cancel('drain')
  return all
}

const ofGroup = (all: readonly string[], group: string): string[] => all.filter((body) => body.startsWith(group))
const numbered = (group: string, from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => `${group}${from + i}`)

const places: Readonly<Record<string, () => CoreBench>> = {
  memory: () => new CoreBench(),
  'a store': () => new CoreBench({ messageMemoryBytes: 0 }, undefined, new PagingStore()),
}
const combinations = ['classic', 'quorum'].flatMap((type) =>
  Object.entries(places).map(([place, open]) => ({ type, place, open })),
)

for (const { type, place, open } of combinations) {
  describe(`message groups of a ${type} queue, with messages in ${place}`, () => {
    const start = async (args: Arguments = {}): Promise<Setup> => {
      const bench = await open().start()
      const client = bench.client()
      client.declare('dead', { 'x-queue-type': 'quorum' })
      client.declare('q', {
        'x-queue-type': type,
        'x-message-groups': true,
        'x-dead-letter-exchange': '',
        'x-dead-letter-routing-key': 'dead',
        ...args,
      })
      return { bench, client }
    }
    const dead = (client: Client): string[] => {
      const all: string[] = []
      for (let got = client.get('dead', true); got !== null; got = client.get('dead', true)) all.push(got.body)
      return all
    }

    test('one message of a group is out at a time; other groups, and what has none, flow', async () => {
      const { bench, client } = await start()
      client.consume('q')
      publish(client, 'a1', 'a2', 'b1', '-1', 'a3', '-2', 'b2', '-3')
      const got = take(bench, client)
      assert.deepEqual([...got.keys()], ['a1', 'b1', '-1', '-2', '-3'])
      const queue = bench.queue('q')
      assert.deepEqual([queue.readyCount, queue.readyBytes, queue.unackedCount, queue.groupCount], [3, 6, 5, 2])
      settle(client, got, 'a1', 'ack')
      const next = take(bench, client)
      assert.deepEqual([...next.keys()], ['a2'])
      settle(client, next, 'a2', 'discard')
      settle(client, got, 'b1', 'ack')
      assert.deepEqual(bodies(bench, client).sort(), ['a3', 'b2'])
      assert.deepEqual(dead(client), ['a2'])
      client.ack(0, true)
      bench.settle()
      assert.deepEqual([queue.readyCount, queue.unackedCount, queue.groupCount], [0, 0, 0])
    })

    test('a backlog goes to as many groups as there is prefetch, over all consumers', async () => {
      const { bench, client } = await start()
      publish(client, ...['a', 'b', 'c', 'd', 'e'].flatMap((group) => numbered(group, 1, 5)))
      bench.settle()
      const other = bench.client()
      client.consume('q', { prefetch: 2 })
      other.consume('q', { prefetch: 2 })
      const first = bodies(bench, client)
      const second = bodies(bench, other)
      assert.deepEqual([first.length, second.length], [2, 2])
      assert.deepEqual([...first, ...second].sort(), ['a1', 'b1', 'c1', 'd1'])
      client.session.close()
      other.ack(0, true)
      const all = [...second]
      for (let got = take(bench, other); got.size > 0; got = take(bench, other)) {
        all.push(...got.keys())
        other.ack(0, true)
      }
      for (const group of 'abcde') assert.deepEqual(ofGroup(all, group), numbered(group, 1, 5))
    })

    test('what comes back is the next of its group, for whoever has room', async () => {
      const { bench, client } = await start()
      const other = bench.client()
      client.consume('q', { prefetch: 1 })
      publish(client, 'a1', 'a2', 'b1')
      const got = take(bench, client)
      assert.deepEqual([...got.keys()], ['a1'])
      other.consume('q', { prefetch: 1 })
      assert.deepEqual(bodies(bench, other), ['b1'])
      client.session.cancel([...client.session.consumers.keys()][0]!)
      settle(client, got, 'a1', 'requeue')
      assert.deepEqual(bodies(bench, other), [])
      other.ack(0, true)
      assert.deepEqual(bodies(bench, other), ['a1'])
      other.session.close()
      const third = bench.client()
      assert.deepEqual(drain(bench, third), ['a1', 'a2'])
    })

    test('a message that rests for a retry holds up its own group only', async () => {
      const { bench, client } = await start({ 'x-delayed-retry-type': 'all', 'x-delayed-retry-min': 1000 })
      client.consume('q', { prefetch: 10 })
      publish(client, 'a1', 'a2', 'b1')
      const got = take(bench, client)
      settle(client, got, 'a1', 'requeue')
      settle(client, got, 'b1', 'ack')
      publish(client, 'b2', 'a3')
      assert.deepEqual(bodies(bench, client), ['b2'])
      bench.advance(999)
      assert.deepEqual(bodies(bench, client), [])
      bench.advance(1)
      const again = take(bench, client)
      assert.deepEqual([...again.keys()], ['a1'])
      settle(client, again, 'a1', 'ack')
      assert.deepEqual(bodies(bench, client), ['a2'])
    })

    test('a message that has had its tries is dead-lettered, and its group goes on', async () => {
      const { bench, client } = await start({ 'x-delivery-limit': 1 })
      client.consume('q', { prefetch: 10 })
      publish(client, 'a1', 'a2')
      client.session.reject(take(bench, client).get('a1')!, true)
      client.session.reject(take(bench, client).get('a1')!, true)
      assert.deepEqual(bodies(bench, client), ['a2'])
      assert.deepEqual(dead(client), ['a1'])
    })

    test('a group does not wait for the dead-letter target of what it has given up', async () => {
      const { bench, client } = await start({
        'x-dead-letter-strategy': 'at-least-once',
        'x-overflow': 'reject-publish',
      })
      client.session.topology.deleteQueue('dead', false, false)
      client.declare('dead', { 'x-queue-type': 'quorum', 'x-max-length': 1, 'x-overflow': 'reject-publish' })
      client.publish('dead', 'in the way', { persistent: true })
      client.consume('q')
      publish(client, 'a1', 'a2')
      settle(client, take(bench, client), 'a1', 'discard')
      assert.deepEqual(bodies(bench, client), ['a2'])
      assert.equal(bench.queue('q').heldCount, 1)
      client.ack(0, true)
      bench.settle()
      assert.equal(bench.queue('q').groupCount, 0)
      assert.deepEqual(dead(client), ['in the way'])
      bench.advance(5000)
      assert.deepEqual(dead(client), ['a1'])
    })

    test('what waits in a group expires there, and what has come back makes room for the next', async () => {
      const { bench, client } = await start()
      client.consume('q', { tag: 'c' })
      publish(client, 'a1')
      for (const [body, ttlMs] of [
        ['a2', 20],
        ['a3', 10],
        ['a4', 30],
      ] as const) {
        client.publish('q', body, { ttlMs, persistent: true, headers: headersOf(longstr('a')) })
      }
      publish(client, 'a5')
      const got = take(bench, client)
      assert.equal(bench.queue('q').readyCount, 4)
      bench.advance(10)
      assert.deepEqual([bench.queue('q').readyCount, dead(client)], [3, ['a3']])
      settle(client, got, 'a1', 'ack')
      const second = take(bench, client)
      client.session.cancel('c')
      settle(client, second, 'a2', 'requeue')
      bench.advance(10)
      assert.deepEqual([bench.queue('q').readyCount, dead(client)], [2, ['a2']])
      assert.deepEqual(drain(bench, client), ['a4', 'a5'])
    })

    test('a message without any time needs a free group', async () => {
      const { bench, client } = await start()
      client.consume('q')
      publish(client, 'a1')
      for (const body of ['a2', 'b1']) {
        client.publish('q', body, { ttlMs: 0, headers: headersOf(longstr(body.slice(0, 1))) })
      }
      assert.deepEqual([bodies(bench, client), dead(client)], [['a1', 'b1'], ['a2']])
    })

    test('a purge takes what waits, and leaves what is out', async () => {
      const { bench, client } = await start()
      client.consume('q', { prefetch: 2 })
      publish(client, 'a1', 'b1', ...numbered('a', 2, 200), ...numbered('b', 2, 3))
      const got = take(bench, client)
      assert.equal(client.session.topology.purgeQueue('q'), 201)
      publish(client, 'a201', 'b4')
      assert.deepEqual(bodies(bench, client), [])
      settle(client, got, 'a1', 'ack')
      settle(client, got, 'b1', 'requeue')
      const after = take(bench, client)
      assert.deepEqual([...after.keys()].sort(), ['a201', 'b1'])
      settle(client, after, 'b1', 'ack')
      settle(client, after, 'a201', 'ack')
      const last = take(bench, client)
      assert.deepEqual([...last.keys()], ['b4'])
      settle(client, last, 'b4', 'ack')
      bench.settle()
      const { readyCount, readyBytes, groupCount } = bench.queue('q')
      assert.deepEqual([readyCount, readyBytes, groupCount, dead(client)], [0, 0, 0, []])
      assert.equal(bench.broker.memory.entries, 0)
      if (bench.store instanceof PagingStore) assert.equal(bench.store.stored, 0)
    })

    test('a purge frees a group whose message came back', async () => {
      const { bench, client } = await start()
      client.consume('q', { tag: 'c', prefetch: 1 })
      publish(client, 'a1', 'a2')
      const got = take(bench, client)
      client.session.cancel('c')
      settle(client, got, 'a1', 'requeue')
      bench.settle()
      assert.equal(client.session.topology.purgeQueue('q'), 2)
      assert.equal(bench.queue('q').groupCount, 0)
      publish(client, 'a3')
      assert.deepEqual(drain(bench, client), ['a3'])
    })

    test('too many messages: the oldest is dropped, in its group or not', async () => {
      const { bench, client } = await start({ 'x-max-length': 4 })
      client.consume('q', { prefetch: 1 })
      publish(client, 'a1', 'a2', '-1', 'b1', 'a3')
      const got = take(bench, client)
      publish(client, 'b2')
      bench.settle()
      assert.deepEqual(dead(client), ['a2'])
      publish(client, 'b3')
      bench.settle()
      assert.deepEqual(dead(client), ['-1'])
      publish(client, 'b4', 'b5')
      bench.settle()
      assert.deepEqual(dead(client).sort(), ['a3', 'b1'])
      settle(client, got, 'a1', 'ack')
      assert.deepEqual(bodies(bench, client), ['b2'])
    })

    test('a queue that refuses what is too much counts what waits in groups', async () => {
      const { bench, client } = await start({ 'x-max-length': 2, 'x-overflow': 'reject-publish' })
      client.session.publishing.selectConfirms()
      client.consume('q')
      publish(client, 'a1', 'a2', 'a3')
      bench.settle()
      publish(client, 'a4')
      bench.settle()
      assert.deepEqual(client.told.filter(({ what }) => what === 'rejected').length, 1)
      assert.equal(bench.queue('q').readyCount, 2)
    })

    test('a single get takes the next that may go out, and its group waits', async () => {
      const { client } = await start()
      publish(client, 'a1', 'a2', 'b1')
      const [first, second] = [client.get('q')!, client.get('q')!]
      assert.deepEqual([first.body, second.body, client.get('q')], ['a1', 'b1', null])
      client.nack(first.tag, false, true)
      const again = client.get('q')!
      assert.equal(again.body, 'a1')
      client.ack(again.tag)
      assert.deepEqual([client.get('q', true)?.body, client.get('q')], ['a2', null])
    })

    test('a single get is answered when all that waited in a group has expired', async () => {
      const { bench, client } = await start({ 'x-delayed-retry-type': 'all', 'x-delayed-retry-min': 1000 })
      for (const body of ['-1', 'a1', 'a2', '-2']) {
        const headers = body.startsWith('-') ? new Map() : headersOf(longstr('a'))
        client.publish('q', body, { ttlMs: 10, persistent: true, headers })
      }
      bench.settle()
      client.consume('q', { tag: 'c', prefetch: 2 })
      const got = take(bench, client)
      assert.deepEqual([...got.keys()], ['-1', 'a1'])
      client.session.reject(got.get('a1')!, true)
      assert.deepEqual(bodies(bench, client), ['-2'])
      // first the one that rests, and so it is the turn of the other
      bench.advance(10)
      let isEmpty = false
      client.session.get(
        'q',
        false,
        () => assert.fail(),
        () => (isEmpty = true),
      )
      bench.settle()
      assert.ok(isEmpty)
      assert.deepEqual(dead(client).sort(), ['a1', 'a2'])
    })

    test('what is settled when it is sent blocks nothing, and comes in order', async () => {
      const { bench, client } = await start()
      publish(client, 'a1', 'a2', '-1', 'a3')
      client.consume('q', { noAck: true })
      publish(client, 'a4')
      assert.deepEqual(ofGroup(bodies(bench, client), 'a'), ['a1', 'a2', 'a3', 'a4'])
      publish(client, 'a5', 'a6')
      assert.deepEqual(bodies(bench, client), ['a5', 'a6'])
      assert.equal(bench.queue('q').groupCount, 0)
    })

    test('a consumer that need not acknowledge waits for one that has to', async () => {
      const { bench, client } = await start()
      const hasty = bench.client()
      client.consume('q', { tag: 'c', prefetch: 1 })
      publish(client, 'a1', 'a2', 'a3')
      const got = take(bench, client)
      hasty.consume('q', { noAck: true })
      client.session.cancel('c')
      assert.deepEqual(bodies(bench, hasty), [])
      settle(client, got, 'a1', 'ack')
      assert.deepEqual(bodies(bench, hasty), ['a2', 'a3'])
    })

    test('the priority of messages with a group does not count', async () => {
      const { bench, client } = await start(type === 'classic' ? { 'x-max-priority': 9 } : {})
      const grouped = (body: string, priority: number): void =>
        client.publish('q', body, { priority, persistent: true, headers: headersOf(longstr(body.slice(0, 1))) })
      grouped('a1', 1)
      grouped('a2', 9)
      grouped('b1', 7)
      client.publish('q', '-1', { priority: 9, persistent: true })
      bench.settle()
      assert.deepEqual(drain(bench, client), ['-1', 'a1', 'a2', 'b1'])
    })

    test('urgent messages without a group are delivered before what waits in groups', async () => {
      const { bench, client } = await start(type === 'classic' ? { 'x-max-priority': 9 } : {})
      client.consume('q', { prefetch: 1 })
      publish(client, 'a1', 'a2', 'a3')
      let got = take(bench, client)
      const order: string[] = [...got.keys()]
      for (let i = 1; i <= 3; i++) client.publish('q', `-${i}`, { priority: 9, persistent: true })
      while (got.size > 0) {
        client.ack(0, true)
        got = take(bench, client)
        order.push(...got.keys())
      }
      assert.deepEqual(order, ['a1', '-1', '-2', '-3', 'a2', 'a3'])
    })

    test('the single active consumer has different groups, and its successor goes on', async () => {
      const { bench, client } = await start({ 'x-single-active-consumer': true })
      const other = bench.client()
      client.consume('q', { prefetch: 3 })
      other.consume('q', { prefetch: 3 })
      publish(client, 'a1', 'a2', 'b1', 'b2')
      const got = take(bench, client)
      assert.deepEqual([...got.keys(), ...bodies(bench, other)], ['a1', 'b1'])
      settle(client, got, 'b1', 'ack')
      assert.deepEqual(bodies(bench, client), ['b2'])
      client.session.close()
      assert.deepEqual(bodies(bench, other).sort(), ['a1', 'b2'])
      other.ack(0, true)
      assert.deepEqual(bodies(bench, other), ['a2'])
    })

    test('a message that is settled in a transaction holds its group until the commit', async () => {
      const { bench, client } = await start()
      publish(client, 'a1', 'a2')
      const other = bench.client()
      other.session.selectTransactions()
      other.consume('q')
      const got = take(bench, other)
      settle(other, got, 'a1', 'ack')
      assert.deepEqual(bodies(bench, other), [])
      other.session.commit()
      assert.deepEqual(bodies(bench, other), ['a2'])
    })

    test('a huge group and others share consumers', async () => {
      const { bench, client } = await start()
      publish(client, ...numbered('a', 1, 100), ...numbered('b', 1, 50), ...'cdefg'.split('').map((name) => `${name}1`))
      bench.settle()
      const all = drain(bench, client)
      assert.deepEqual(ofGroup(all, 'a'), numbered('a', 1, 100))
      // with no memory at all messages are read one by one: first in, first out
      if (place !== 'memory') return
      for (const group of 'abcdefg') assert.ok(all.indexOf(`${group}1`) < 20, `${group} comes soon`)
      assert.ok(ofGroup(all.slice(0, 60), 'b').length > 20)
    })

    test('everything that waits is browsed once, by age', async () => {
      const { bench, client } = await start()
      client.consume('q', { prefetch: 1 })
      publish(client, 'a1', ...numbered('a', 2, 300), '-1', 'b1')
      bench.settle()
      const seen: string[] = []
      let done = false
      const look = async (): Promise<void> => {
        await lookAtReady(bench.queue('q'), ({ message }) => seen.push(message.body().toString()))
        done = true
      }
      void look()
      while (!done) {
        bench.settle()
        await new Promise((resolve) => setImmediate(resolve))
      }
      assert.deepEqual(seen, [...numbered('a', 2, 300), '-1', 'b1'])
      const { readyCount } = bench.queue('q')
      assert.equal(readyCount, 301)
      const inMemory = [...bench.queue('q').browseMemory()].length
      assert.equal(inMemory + bench.queue('q').readyInStore, readyCount)
    })

    test('a deleted queue leaves nothing', async () => {
      const { bench, client } = await start({ 'x-delayed-retry-type': 'all', 'x-delayed-retry-min': 1000 })
      client.consume('q', { prefetch: 2 })
      publish(client, 'a1', 'b1', ...numbered('a', 2, 100))
      const got = take(bench, client)
      settle(client, got, 'b1', 'requeue')
      client.session.topology.deleteQueue('q', false, false)
      bench.settle()
      client.session.close()
      bench.advance(2000)
      assert.equal(bench.broker.memory.entries, 0)
      assert.equal(bench.store.stats().messages, 0)
    })
  })
}
