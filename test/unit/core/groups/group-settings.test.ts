import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { array, bool, type Field, long, longstr, signedint, type Table } from '../../../../src/core/fields.ts'
import { type Client, CoreBench } from '../../../support/core-bench.ts'
import { PagingStore } from '../../../support/paging-store.ts'

interface Setup {
  readonly bench: CoreBench
  readonly client: Client
}

async function start(args: Readonly<Record<string, string | boolean>> = {}, paging = false): Promise<Setup> {
  const bench = paging ? new CoreBench({ messageMemoryBytes: 0 }, undefined, new PagingStore()) : new CoreBench()
  await bench.start()
  const client = bench.client()
  client.declare('q', args)
  return { bench, client }
}

const headers = (...fields: readonly (readonly [string, Field])[]): Table => new Map(fields)
const inGroup = (client: Client, body: string): void =>
  client.publish('q', body, { persistent: true, headers: headers(['x-message-group', longstr(body.slice(0, 1))]) })

const setPolicy = (bench: CoreBench, definition: Record<string, unknown>): void =>
  bench.broker.setPolicy('user', '/', 'p', { pattern: '^q$', definition, 'apply-to': 'queues' })

function bodies({ bench, client }: Setup): string[] {
  bench.settle()
  return client.take()
}

/** Whether the two are taken for one group. */
async function areOneGroup(first: Table, second: Table, args: Readonly<Record<string, string>> = {}): Promise<boolean> {
  const setup = await start({ 'x-message-groups': true, ...args })
  const { client } = setup
  client.consume('q')
  client.publish('q', 'first', { headers: first })
  client.publish('q', 'second', { headers: second })
  return bodies(setup).length === 1
}

describe('what group a message belongs to', () => {
  const name = 'x-message-group'

  test('text and integers of any size say so, and the same number is the same group', async () => {
    assert.ok(await areOneGroup(headers([name, longstr('7')]), headers([name, signedint(7)])))
    assert.ok(await areOneGroup(headers([name, long(2n ** 62n)]), headers([name, longstr(String(2n ** 62n))])))
    assert.ok(!(await areOneGroup(headers([name, longstr('7')]), headers([name, longstr('8')]))))
  })

  test('text that is not UTF-8 does, too', async () => {
    const bytes = (...values: number[]): Table => headers([name, { type: 'longstr', value: Uint8Array.from(values) }])
    assert.ok(await areOneGroup(bytes(0xff, 1), bytes(0xff, 1)))
    assert.ok(!(await areOneGroup(bytes(0xff, 1), bytes(0xff, 2))))
  })

  test('long texts are told apart', async () => {
    const long = 'x'.repeat(5000)
    assert.ok(await areOneGroup(headers([name, longstr(long)]), headers([name, longstr(long)])))
    assert.ok(!(await areOneGroup(headers([name, longstr(`${long}a`)]), headers([name, longstr(`${long}b`)]))))
  })

  test('an empty text, and values of other types, are none', async () => {
    for (const field of [longstr(''), bool(true), array([longstr('a')]), { type: 'double', value: 1 } as const]) {
      assert.ok(!(await areOneGroup(headers([name, field]), headers([name, field]))), field.type)
    }
  })

  test('JMSXGroupID is looked at where there is no other', async () => {
    const jms = headers(['a', longstr('first of several')], ['JMSXGroupID', longstr('g')], ['z', signedint(1)])
    assert.ok(await areOneGroup(jms, headers([name, longstr('g')])))
    assert.ok(!(await areOneGroup(headers([name, longstr('h')], ['JMSXGroupID', longstr('g')]), jms)))
  })

  test('the header can be another one, whatever it is called', async () => {
    for (const other of ['order', 'größe', 'x'.repeat(255)]) {
      const args = { 'x-message-groups-header': other }
      assert.ok(await areOneGroup(headers([other, longstr('g')]), headers([other, longstr('g')]), args))
      assert.ok(!(await areOneGroup(headers([name, longstr('g')]), headers([name, longstr('g')]), args)))
    }
  })
})

describe('message groups by policy', () => {
  for (const paging of [false, true]) {
    const place = paging ? 'a store' : 'memory'

    test(`are kept from when it is set, with messages in ${place}`, async () => {
      const setup = await start({}, paging)
      const { bench, client } = setup
      client.consume('q', { prefetch: 2 })
      for (const body of ['a1', 'a2', 'a3', 'a4']) inGroup(client, body)
      assert.deepEqual(bodies(setup), ['a1', 'a2'])
      setPolicy(bench, { 'message-groups': true })
      client.ack(1)
      assert.deepEqual(bodies(setup), ['a3'])
      client.nack(2, false, true)
      assert.deepEqual(bodies(setup), [], 'what comes back is behind what is out')
      client.ack(3)
      assert.deepEqual(bodies(setup), ['a2'])
      client.ack(4)
      assert.deepEqual(bodies(setup), ['a4'])
      client.ack(0, true)
      bench.settle()
      assert.equal(bench.queue('q').groupCount, 0)
    })

    test(`end, and what waits is delivered in order, with messages in ${place}`, async () => {
      const setup = await start({}, paging)
      const { bench, client } = setup
      setPolicy(bench, { 'message-groups': true })
      client.consume('q', { prefetch: 10 })
      for (let i = 1; i <= 300; i++) for (const group of ['a', 'b']) inGroup(client, `${group}${i}`)
      assert.deepEqual(bodies(setup), ['a1', 'b1'])
      setPolicy(bench, { 'message-groups': false })
      const all: string[] = []
      for (let got = bodies(setup); got.length > 0; got = bodies(setup)) {
        all.push(...got)
        client.ack(0, true)
      }
      const rest = Array.from({ length: 299 }, (_, i) => i + 2)
      for (const group of ['a', 'b']) {
        assert.deepEqual(
          all.filter((body) => body.startsWith(group)),
          rest.map((i) => `${group}${i}`),
        )
      }
      bench.settle()
      assert.deepEqual([bench.queue('q').groupCount, bench.broker.memory.entries], [0, 0])
      for (const body of ['a301', 'a302']) inGroup(client, body)
      assert.deepEqual(bodies(setup), ['a301', 'a302'])
    })

    test(`can be switched on again while what waited is delivered, with messages in ${place}`, async () => {
      const setup = await start({}, paging)
      const { bench, client } = setup
      setPolicy(bench, { 'message-groups': true })
      client.consume('q', { prefetch: 2 })
      for (let i = 1; i <= 100; i++) inGroup(client, `a${i}`)
      assert.deepEqual(bodies(setup), ['a1'])
      setPolicy(bench, { 'message-groups': false })
      assert.deepEqual(bodies(setup), ['a2'])
      setPolicy(bench, { 'message-groups': true })
      client.ack(0, true)
      const all: string[] = []
      for (let got = bodies(setup); got.length > 0; got = bodies(setup)) {
        assert.equal(got.length, 1)
        all.push(...got)
        client.ack(0, true)
      }
      assert.deepEqual(
        all,
        Array.from({ length: 98 }, (_, i) => `a${i + 3}`),
      )
    })
  }

  test('of what was published with priorities before, go in the order of their numbers as far as they wait together', async () => {
    const setup = await start({}, true)
    const { bench, client } = setup
    client.session.topology.deleteQueue('q', false, false)
    client.declare('q', { 'x-queue-type': 'quorum' })
    const put = (body: string, priority: number): void =>
      client.publish('q', body, { priority, headers: headers(['x-message-group', longstr('a')]) })
    for (const [body, priority] of [
      ['a1', 1],
      ['a2', 9],
      ['a3', 9],
      ['a4', 2],
      ['a5', 9],
    ] as const)
      put(body, priority)
    bench.settle()
    setPolicy(bench, { 'message-groups': true })
    client.consume('q')
    const all = bodies(setup)
    for (let got = all; got.length > 0;) {
      client.ack(0, true)
      got = bodies(setup)
      all.push(...got)
    }
    assert.deepEqual(all, ['a2', 'a1', 'a3', 'a4', 'a5'])
    assert.equal(bench.queue('q').groupCount, 0)
  })

  test('go by the header that the policy names, unless the queue names one', async () => {
    const setup = await start()
    const { bench, client } = setup
    setPolicy(bench, { 'message-groups': true, 'message-groups-header': 'order' })
    client.consume('q')
    for (const body of ['1', '2']) client.publish('q', body, { headers: headers(['order', longstr('a')]) })
    assert.deepEqual(bodies(setup), ['1'])
    setPolicy(bench, { 'message-groups': true, 'message-groups-header': 'other' })
    for (const body of ['3', '4']) client.publish('q', body, { headers: headers(['other', longstr('b')]) })
    assert.deepEqual(bodies(setup), ['3'])
    client.ack(0, true)
    assert.deepEqual(bodies(setup), ['2', '4'])
  })
})

describe('message groups after a restart', () => {
  const args = { 'x-message-groups': true, 'x-delayed-retry-type': 'all', 'x-delayed-retry-min': 1000 }

  for (const type of ['classic', 'quorum']) {
    test(`of a ${type} queue: what was unacknowledged is the next of its group, what rests holds its group up`, async () => {
      const store = new PagingStore()
      const bench = await new CoreBench({ messageMemoryBytes: 0 }, undefined, store).start()
      const client = bench.client()
      client.declare('q', { 'x-queue-type': type, ...args })
      client.consume('q')
      for (let i = 1; i <= 50; i++) for (const group of ['a', 'b', 'c']) inGroup(client, `${group}${i}`)
      assert.deepEqual(bodies({ bench, client }), ['a1', 'b1', 'c1'])
      client.nack(2, false, true)
      client.ack(3)
      assert.deepEqual(bodies({ bench, client }), ['c2'])
      await bench.broker.commitMetadata()
      bench.settle()
      bench.clock.timers.clear()
      const next = await new CoreBench({ messageMemoryBytes: 0 }, bench.metadata, store.crash(), bench.clock).start()
      const other = next.client()
      other.consume('q')
      assert.deepEqual(bodies({ bench: next, client: other }), ['a1', 'c2'])
      next.advance(1000)
      assert.deepEqual(bodies({ bench: next, client: other }), ['b1'])
      const all: string[] = []
      other.ack(0, true)
      for (let got = bodies({ bench: next, client: other }); got.length > 0;) {
        all.push(...got)
        other.ack(0, true)
        got = bodies({ bench: next, client: other })
      }
      for (const [group, from] of [
        ['a', 2],
        ['b', 2],
        ['c', 3],
      ] as const) {
        assert.deepEqual(
          all.filter((body) => body.startsWith(group)),
          Array.from({ length: 51 - from }, (_, i) => `${group}${from + i}`),
        )
      }
    })
  }
})
