import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { BrokerError } from '../../../src/core/errors.ts'
import { array, bool, type Field, long, longstr, signedint, type Table } from '../../../src/core/fields.ts'
import { type Client, CoreBench, messageOf } from '../../support/core-bench.ts'
import { PagingStore } from '../../support/paging-store.ts'

// A consumer says how long a delivery is to rest, and gives it back.

async function start(
  args: Readonly<Record<string, string | number>> = {},
): Promise<{ bench: CoreBench; client: Client }> {
  const bench = await new CoreBench().start()
  const client = bench.client()
  client.declare('q', args)
  return { bench, client }
}

const headersOf = (fields: Readonly<Record<string, Field>>): Table => new Map(Object.entries(fields))

function ask(client: Client, tag: number, delayMs: number): void {
  client.publish('amq.retry', '', {
    headers: headersOf({ 'x-delivery-tag': long(tag), 'x-retry-delay': long(delayMs) }),
  })
}

/** How long until something is ready, at most ten minutes. */
function restOf(bench: CoreBench): number {
  const before = bench.clock.now()
  while (bench.queue('q').readyCount === 0 && bench.clock.now() < before + 600_000) bench.advance(1)
  return bench.clock.now() - before
}

const BACK: Readonly<Record<string, (client: Client, tag: number) => void>> = {
  reject: (client, tag) => client.session.reject(tag, true),
  nack: (client, tag) => client.nack(tag, false, true),
  recover: (client) => client.session.recover(),
}

for (const type of ['classic', 'quorum']) {
  describe(`${type}: a pause that a consumer asks for`, () => {
    for (const [name, back] of Object.entries(BACK)) {
      test(`holds for one return, by ${name}`, async () => {
        const { bench, client } = await start({ 'x-queue-type': type, 'x-retry-initial-delay': 100 })
        client.publish('q', 'm')
        const { tag } = client.get('q')!
        ask(client, tag, 777)
        back(client, tag)
        assert.equal(bench.queue('q').heldCount, 1)
        assert.equal(restOf(bench), 777)
        const again = client.get('q')!
        assert.equal(again.retry?.count, 1)
        back(client, again.tag)
        assert.equal(restOf(bench), 200)
      })
    }

    test('needs no queue that retries, and leaves none behind', async () => {
      const { bench, client } = await start({ 'x-queue-type': type })
      client.publish('q', 'm')
      let { tag } = client.get('q')!
      ask(client, tag, 300)
      client.nack(tag, false, true)
      const time = Math.floor((bench.clock.now() + 300) / 1000)
      assert.equal(restOf(bench), 300)
      const got = client.get('q')!
      assert.deepEqual(got.retry, { count: 1, reason: 'returned', time })
      client.nack(got.tag, false, true)
      assert.equal(restOf(bench), 0)
      tag = client.get('q')!.tag
      ask(client, tag, 1)
      client.session.reject(tag, true)
      assert.equal(restOf(bench), 1)
      assert.equal(client.get('q')!.retry?.count, 3)
    })

    test('is not for what is lost', async () => {
      const { bench, client } = await start({ 'x-queue-type': type })
      client.publish('q', 'm')
      const other = bench.client()
      ask(other, other.get('q')!.tag, 5000)
      other.session.close()
      assert.equal(bench.queue('q').readyCount, 1)
      assert.equal(client.get('q')!.retry, null)
    })

    test('may be none, and the last one that is asked for holds', async () => {
      const { bench, client } = await start({ 'x-queue-type': type, 'x-retry-initial-delay': 100 })
      client.publish('q', 'm')
      const { tag } = client.get('q')!
      ask(client, tag, 5000)
      ask(client, tag, 0)
      client.nack(tag, false, true)
      assert.equal(restOf(bench), 0)
    })

    test('counts as an attempt', async () => {
      const { bench, client } = await start({ 'x-queue-type': type, 'x-retry-max-attempts': 2 })
      client.publish('q', 'm')
      for (const rest of [10, 0]) {
        const { tag } = client.get('q')!
        ask(client, tag, 10)
        client.nack(tag, false, true)
        assert.equal(restOf(bench) % 600_000, rest)
      }
      assert.equal(bench.store.stats().messages, 0)
    })

    test('is over with an acknowledgement', async () => {
      const { bench, client } = await start({ 'x-queue-type': type })
      client.publish('q', 'm')
      const { tag } = client.get('q')!
      ask(client, tag, 10)
      client.ack(tag)
      bench.advance(10)
      assert.equal(bench.store.stats().messages, 0)
    })

    test('concerns its delivery alone, among many settled at once', async () => {
      const { bench, client } = await start({ 'x-queue-type': type })
      for (const body of ['a', 'b', 'c']) client.publish('q', body)
      const tags = Array.from({ length: 3 }, () => client.get('q')!.tag)
      ask(client, tags[1]!, 50)
      client.nack(0, true, true)
      assert.deepEqual([bench.queue('q').readyCount, bench.queue('q').heldCount], [2, 1])
    })
  })
}

describe('in a transaction', () => {
  async function transaction(): Promise<{ bench: CoreBench; client: Client; tag: number }> {
    const { bench, client } = await start()
    client.publish('q', 'm')
    client.session.selectTransactions()
    return { bench, client, tag: client.get('q')!.tag }
  }

  test('it takes effect with the commit', async () => {
    const { bench, client, tag } = await transaction()
    ask(client, tag, 400)
    client.nack(tag, false, true)
    assert.equal(bench.queue('q').unackedCount, 1)
    client.session.commit()
    assert.deepEqual(client.told.at(-1), { what: 'committed' })
    assert.equal(restOf(bench), 400)
  })

  test('a rollback undoes it', async () => {
    const { bench, client, tag } = await transaction()
    ask(client, tag, 400)
    client.nack(tag, false, true)
    client.session.rollback()
    client.nack(tag, false, true)
    client.session.commit()
    assert.equal(restOf(bench), 0)
    assert.equal(bench.store.stats().messages, 1)
  })

  test('after the nack it is too late', async () => {
    const { client, tag } = await transaction()
    client.nack(tag, false, true)
    assert.throws(() => ask(client, tag, 400), /^BrokerError: unknown delivery tag 1$/)
  })

  test('it does not reach a delivery that has been taken back meanwhile', async () => {
    const bench = await new CoreBench().start()
    const client = bench.client()
    client.declare('q', { 'x-consumer-timeout': 1000 })
    client.publish('q', 'm')
    client.consume('q', { tag: 'c' })
    bench.settle()
    client.session.selectTransactions()
    ask(client, 1, 400)
    const other = bench.client()
    other.consume('q')
    bench.advance(1000)
    assert.deepEqual(other.take(), ['m'])
    client.session.commit()
    other.nack(1, false, true)
    bench.settle()
    assert.deepEqual(other.take(), ['m'])
  })
})

describe('the message to amq.retry', () => {
  const good = { 'x-delivery-tag': signedint(1), 'x-retry-delay': signedint(5) }

  async function outstanding(): Promise<{ bench: CoreBench; client: Client }> {
    const { bench, client } = await start()
    client.publish('q', 'm')
    client.get('q')
    return { bench, client }
  }

  const wrong: readonly (readonly [headers: Readonly<Record<string, Field>> | null, text: string])[] = [
    [null, "invalid message to 'amq.retry': header 'x-delivery-tag' is missing"],
    [{ 'x-delivery-tag': signedint(1) }, "invalid message to 'amq.retry': header 'x-retry-delay' is missing"],
    [
      { ...good, 'x-delivery-tag': longstr('1') },
      "invalid message to 'amq.retry': header 'x-delivery-tag' must be an integer, got longstr",
    ],
    [
      { ...good, 'x-retry-delay': bool(true) },
      "invalid message to 'amq.retry': header 'x-retry-delay' must be an integer, got bool",
    ],
    [
      { ...good, 'x-retry-delay': signedint(-1) },
      "invalid message to 'amq.retry': header 'x-retry-delay' must not be negative, got -1",
    ],
    [
      { ...good, 'x-retry-delay': long(315_360_000_001) },
      "invalid message to 'amq.retry': header 'x-retry-delay' must be at most 315360000000, got 315360000001",
    ],
    [{ ...good, 'x-delivery-tag': signedint(2) }, 'unknown delivery tag 2'],
    [{ ...good, 'x-delivery-tag': signedint(0) }, 'unknown delivery tag 0'],
    [{ ...good, 'x-delivery-tag': signedint(-1) }, 'unknown delivery tag -1'],
  ]
  for (const [headers, text] of wrong) {
    test(`is refused: ${text}`, async () => {
      const { client } = await outstanding()
      const properties = headers === null ? {} : { headers: headersOf(headers) }
      assert.throws(
        () => client.publish('amq.retry', '', properties),
        (error) => error instanceof BrokerError && error.kind === 'preconditionFailed' && error.message === text,
      )
    })
  }

  test('is refused with further keys, since it goes nowhere', async () => {
    const { client } = await outstanding()
    const headers = headersOf({ ...good, CC: array([longstr('q')]) })
    const message = messageOf('', 'amq.retry', '', { headers })
    message.extraKeys = ['q']
    const { publishing } = client.session
    assert.throws(() => publishing.publish(publishing.access(''), message, false), /CC and BCC are not allowed/)
  })

  test('is refused for what is settled, delivered without acknowledgement, or another session\u2019s', async () => {
    const { bench, client } = await outstanding()
    client.publish('q', 'n')
    const fetched = client.get('q', true)!
    assert.throws(() => ask(client, fetched.tag, 1), /unknown delivery tag 2/)
    assert.throws(() => ask(bench.client(), 1, 1), /unknown delivery tag 1/)
    client.ack(1)
    assert.throws(() => ask(client, 1, 1), /unknown delivery tag 1/)
  })

  test('finds a delivery that has been out for long', async () => {
    const { bench, client } = await start()
    client.publish('q', 'old')
    const { tag } = client.get('q')!
    for (let i = 0; i < 1000; i++) {
      client.publish('q', 'm')
      client.ack(client.get('q')!.tag)
    }
    ask(client, tag, 30)
    client.nack(tag, false, true)
    assert.equal(restOf(bench), 30)
  })

  test('is confirmed, and not returned', async () => {
    const { bench, client } = await outstanding()
    client.session.publishing.selectConfirms()
    client.publish('amq.retry', '', { headers: headersOf(good), mandatory: true })
    bench.settle()
    assert.deepEqual(client.told, [{ what: 'confirmed', sequence: 1, multiple: false }])
  })

  test('is one only on its way to the default exchange', async () => {
    const { client } = await outstanding()
    client.publish('amq.retry', '', { exchange: 'amq.direct', mandatory: true })
    assert.deepEqual(client.told, [{ what: 'returned', body: '' }])
  })

  test('does not take what is dead-lettered to that name', async () => {
    const { bench, client } = await start({ 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'amq.retry' })
    client.publish('q', 'm')
    client.nack(client.get('q')!.tag, false, false)
    assert.equal(bench.store.stats().messages, 0)
  })

  test('does not make a consumer wait for an alarm', async () => {
    const { bench, client } = await outstanding()
    bench.broker.alarms.set('memory', true)
    ask(client, 1, 1)
    assert.equal(client.connection.blocked, false)
    client.publish('q', 'x')
    assert.equal(client.connection.blocked, true)
  })

  test('needs the permission to write to the default exchange', async () => {
    const { bench, client } = await outstanding()
    bench.broker.setPermission({ user: 'guest', vhost: '/', configure: '', write: '^q$', read: '.*' })
    assert.throws(() => ask(client, 1, 1), /write access to exchange 'amq.default'/)
  })
})

test('a pause that was asked for outlives the broker', async () => {
  const bench = await new CoreBench({}, undefined, new PagingStore()).start()
  const client = bench.client()
  client.declare('q')
  client.publish('q', 'm', { persistent: true })
  const { tag } = client.get('q')!
  ask(client, tag, 90_000)
  client.session.reject(tag, true)
  const time = Math.floor((bench.clock.now() + 90_000) / 1000)
  bench.advance(50_000)
  await bench.broker.commitMetadata()
  bench.clock.timers.clear()
  const after = await new CoreBench({}, bench.metadata, (bench.store as PagingStore).crash(), bench.clock).start()
  after.advance(0)
  assert.equal(restOf(after), 40_000)
  assert.deepEqual(after.client().get('q')!.retry, { count: 1, reason: 'rejected', time })
})
