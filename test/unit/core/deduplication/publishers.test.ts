import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Client } from '../../../support/core-bench.ts'
import { crash, drain, type Sent, send, start } from './bench.ts'

const NUMBERED = { 'x-publisher-deduplication': true }

/** Sends messages whose bodies are their ids. */
function sendIds(
  client: Client,
  key: string,
  publisher: string,
  ids: readonly (number | bigint)[],
  sent: Sent = {},
): void {
  for (const id of ids) send(client, key, `${id}`, { publisher, id, ...sent })
}

for (const where of ['queue', 'exchange'] as const) {
  describe(`messages that their publisher numbers, ${where}`, () => {
    const setUp = async () => {
      const setup = await start()
      const { client } = setup
      client.declare('q', where === 'queue' ? NUMBERED : {})
      client.exchange('x', 'fanout', where === 'exchange' ? NUMBERED : {})
      client.session.topology.bindQueue('q', 'x', '', new Map())
      return { ...setup, x: { exchange: 'x' } }
    }
    const counted = (client: Client): number => {
      const { vhost } = client.session
      return where === 'queue' ? vhost.findQueue('q').counters.deduplicated : vhost.findExchange('x').deduplicated
    }

    test('are taken as long as their numbers rise', async () => {
      const { client, x } = await setUp()
      sendIds(client, '', 'p', [0, 1, 5, 3, 5, 6], x)
      assert.deepEqual(drain(client), ['0', '1', '5', '6'])
      sendIds(client, '', 'p', [6], x)
      sendIds(client, '', 'other', [2, 1], x)
      assert.deepEqual(drain(client), ['2'])
      assert.equal(counted(client), 4)
    })

    test('need both a name and a number', async () => {
      const { client, x } = await setUp()
      for (let i = 0; i < 2; i++) {
        send(client, '', 'no id', { ...x, publisher: 'p' })
        send(client, '', 'no name', { ...x, id: 1 })
        send(client, '', 'negative', { ...x, publisher: 'p', id: -1 })
        send(client, '', 'long name', { ...x, publisher: 'p'.repeat(256), id: 1 })
        send(client, '', 'empty name', { ...x, publisher: '', id: 1 })
      }
      assert.equal(drain(client).length, 10)
    })

    test('may have numbers of 64 bits', async () => {
      const setup = await setUp()
      const { bench, client, x } = setup
      const big = 2n ** 62n
      sendIds(client, '', 'p', [7, big, big - 1n, big, big + 1n], x)
      bench.settle()
      const after = await crash(setup)
      sendIds(after.client, '', 'p', [big + 1n, big + 2n, 8], x)
      assert.deepEqual(drain(after.client), ['7', `${big}`, `${big + 1n}`, `${big + 2n}`])
    })

    test('are known after a crash as far as they are safe', async () => {
      const setup = await setUp()
      const { bench, client, x } = setup
      for (let id = 1; id <= 100; id++) {
        sendIds(client, '', `p${id % 3}`, [id], x)
        if (id % 7 === 0) bench.settle()
      }
      bench.settle()
      sendIds(client, '', 'p0', [200], x)
      const after = await crash(setup)
      assert.equal(drain(after.client).length, 100)
      sendIds(after.client, '', 'p0', [99, 200], x)
      sendIds(after.client, '', 'p1', [100, 101], x)
      sendIds(after.client, '', 'p2', [98], x)
      assert.deepEqual(drain(after.client), ['200', '101'])
      after.bench.settle()
      // what was last known of each publisher is all that stays: of two of them in one record, which was written last
      const records = [...after.store.logs].map((log) => log.counts().messages)
      assert.deepEqual(
        records.filter((count) => count > 0),
        [2],
      )
    })

    test('that were refused may come again, below others', async () => {
      const setup = await setUp()
      const { bench, client, x } = setup
      client.declare('full', { 'x-max-length': 1, 'x-overflow': 'reject-publish', ...NUMBERED })
      const to = where === 'queue' ? 'full' : ''
      const via = where === 'queue' ? {} : x
      if (where === 'exchange') {
        client.session.topology.bindQueue('full', 'x', '', new Map())
        client.session.topology.unbindQueue('q', 'x', '', new Map())
      }
      sendIds(client, to, 'p', [1, 2, 3], via)
      drain(client, 'full')
      sendIds(client, to, 'p', [4], via)
      drain(client, 'full')
      bench.settle()
      const after = await crash(setup)
      sendIds(after.client, to, 'p', [3], via)
      assert.deepEqual(drain(after.client, 'full'), ['3'])
      sendIds(after.client, to, 'p', [3, 4, 1], via)
      assert.deepEqual(drain(after.client, 'full'), [])
      sendIds(after.client, to, 'p', [2], via)
      assert.deepEqual(drain(after.client, 'full'), ['2'])
    })

    test('are kept of so many publishers, of the latest', async () => {
      const setup = await setUp()
      const { bench, client, x } = setup
      for (let i = 0; i < 10_000; i++) sendIds(client, '', `p${i}`, [1], x)
      sendIds(client, '', 'p0', [2], x)
      sendIds(client, '', 'new', [1], x)
      drain(client)
      sendIds(client, '', 'p0', [1], x)
      sendIds(client, '', 'p2', [1], x)
      assert.deepEqual(drain(client), [])
      sendIds(client, '', 'p1', [1], x)
      assert.deepEqual(drain(client), ['1'])
      bench.settle()
      const after = await crash(setup)
      const { vhost } = after.client.session
      const owner = where === 'queue' ? vhost.findQueue('q') : vhost.findExchange('x')
      assert.equal(owner.deduplication!.seen.size.publishers, 10_000)
    })
  })
}

test('numbers and values can be asked for at the same time', async () => {
  const { client } = await start()
  client.declare('q', { ...NUMBERED, 'x-message-deduplication': true, 'x-cache-size': 10 })
  sendIds(client, 'q', 'p', [1], { value: 'a' })
  sendIds(client, 'q', 'p', [1], { value: 'b' })
  sendIds(client, 'q', 'p', [2], { value: 'a' })
  sendIds(client, 'q', 'p', [2], { value: 'c' })
  assert.deepEqual(drain(client), ['1', '2'])
})

test('a record stays until the one that says more is safe', async () => {
  const { bench, store, client } = await start()
  client.declare('q', NUMBERED)
  sendIds(client, 'q', 'p', [1])
  bench.settle()
  sendIds(client, 'q', 'p', [2])
  while (bench.turn.end());
  assert.equal(store.calls['settle'], undefined)
  store.commit()
  assert.equal(store.calls['settle'], 1)
})

test('a purge leaves the numbers', async () => {
  const { bench, client } = await start()
  const queue = client.declare('q', NUMBERED)
  sendIds(client, 'q', 'p', [1, 2])
  queue.purge()
  bench.settle()
  sendIds(client, 'q', 'p', [2, 3])
  assert.deepEqual(drain(client), ['3'])
})

test('dead letters are not numbered, in whatever order they come', async () => {
  const { bench, client } = await start()
  client.declare('dead', NUMBERED)
  client.declare('q', { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' })
  sendIds(client, 'q', 'p', [1, 2])
  const tags = [client.get('q')!.tag, client.get('q')!.tag]
  for (const tag of tags.toReversed()) client.nack(tag, false, false)
  bench.settle()
  sendIds(client, 'dead', 'p', [1])
  assert.deepEqual(drain(client, 'dead'), ['2', '1', '1'])
})

test('of what is refused, only so much is kept', async () => {
  const { client } = await start()
  client.declare('q', { ...NUMBERED, 'x-max-length': 1, 'x-overflow': 'reject-publish' })
  sendIds(
    client,
    'q',
    'p',
    Array.from({ length: 300 }, (_, i) => i),
  )
  drain(client)
  sendIds(client, 'q', 'p', [300])
  drain(client)
  for (const id of [43, 44]) {
    sendIds(client, 'q', 'p', [id])
    assert.deepEqual(drain(client), id === 43 ? [] : ['44'])
  }
})
