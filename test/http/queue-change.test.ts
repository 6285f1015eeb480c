import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startApi } from './support.ts'

interface Report {
  changed: boolean
  type: { from: string; to: string }
  arguments: { name: string; from: unknown; to: unknown }[]
  consumers: { stay: number; end: { consumer_tag: string; reason: string }[] }
  effects: { effect: string; messages: number | null; loses: boolean; text: string }[]
  messages: { ready: number }
}

const URL = 'queues/%2F/q/change'

test('a queue is changed, with what is in it, and declarations are compared with what it is now', async () => {
  const { bench, request } = await startApi()
  const client = bench.client()
  client.declare('q', { 'x-max-priority': 3 })
  for (const body of ['a', 'b']) client.publish('q', body, { persistent: true })
  client.consume('q', { tag: 'c', prefetch: 1 })
  bench.settle()
  const body = { type: 'quorum', arguments: { 'x-max-priority': null, 'x-delivery-limit': 5 } }
  const preview = await request('POST', `${URL}?preview=true`, { body })
  assert.equal(preview.statusCode, 200)
  const shown = preview.json<Report>()
  assert.deepEqual([shown.changed, shown.type, shown.consumers.stay], [false, { from: 'classic', to: 'quorum' }, 1])
  assert.equal(bench.queue('q').type, 'classic')
  const events: string[] = []
  bench.broker.events.listen(({ name, actor }) => events.push(`${name} ${actor}`))
  const done = (await request('POST', URL, { body })).json<Report>()
  assert.equal(done.changed, true)
  assert.deepEqual(events, ['queue.changed guest'])
  assert.deepEqual(
    done.arguments.filter(({ name }) => name !== 'x-queue-type'),
    [
      { name: 'x-max-priority', from: 3, to: null },
      { name: 'x-delivery-limit', from: null, to: 5 },
    ],
  )
  bench.settle()
  assert.deepEqual(client.take(), ['a'])
  client.ack(1)
  bench.settle()
  assert.deepEqual(client.take(), ['b'])
  client.declare('q', { 'x-queue-type': 'quorum', 'x-delivery-limit': 5 })
  assert.throws(() => client.declare('q', { 'x-max-priority': 3 }), /inequivalent arg/)
  assert.equal((await request('POST', URL, { body })).json<Report>().changed, false)
})

test('what is impossible is refused with a sentence', async () => {
  const { bench, request } = await startApi()
  const client = bench.client()
  client.declare('q', { 'x-max-priority': 3 })
  const refusals: [body: object, reason: RegExp][] = [
    [{ type: 'quorum' }, /invalid arg 'x-max-priority'/],
    [{ type: 'stream', arguments: { 'x-max-priority': null } }, /cannot change .* to a stream/],
    [{ type: 'nonsense' }, /unknown queue type 'nonsense'/],
    [{ type: 'quorum', durable: false, arguments: { 'x-max-priority': null } }, /non-durable/],
    [{ arguments: { 'x-max-length': -1 } }, /x-max-length/],
    [{ arguments: { 'x-queue-type': 'quorum' } }, /say 'type'/],
  ]
  for (const [body, reason] of refusals) {
    for (const url of [URL, `${URL}?preview=true`]) {
      const { statusCode, payload } = await request('POST', url, { body })
      assert.equal(statusCode, 400, payload)
      assert.match(payload, reason)
    }
  }
  assert.equal((await request('POST', 'queues/%2F/none/change', { body: {} })).statusCode, 404)
  bench.broker.setPermission({ user: 'management', vhost: '/', configure: '', write: '.*', read: '.*' })
  assert.equal((await request('POST', URL, { as: 'management', body: { durable: false } })).statusCode, 401)
  assert.deepEqual([bench.queue('q').type, bench.queue('q').durable], ['classic', true])
})

test('consumers that the new type does not have end, and keep what they have', async () => {
  const { bench, request } = await startApi()
  const client = bench.client()
  client.declare('q')
  for (const body of ['a', 'b']) client.publish('q', body)
  client.session.setPrefetch(1, true)
  client.consume('q', { tag: 'shared' })
  bench.settle()
  const { consumers } = (await request('POST', URL, { body: { type: 'quorum' } })).json<Report>()
  assert.deepEqual(
    consumers.end.map(({ consumer_tag, reason }) => [consumer_tag, reason]),
    [['shared', 'a quorum queue does not support global qos']],
  )
  assert.deepEqual(client.told.at(-1), { what: 'cancelled', consumer: 'shared' })
  assert.equal(bench.queue('q').unackedCount, 1)
  client.ack(1)
  assert.equal(bench.queue('q').unackedCount, 0)
  assert.equal(bench.client().get('q')!.body, 'b')
})

test('a shorter limit drops what is too much, and says so before', async () => {
  const { bench, request } = await startApi()
  const client = bench.client()
  client.declare('q')
  for (const body of ['a', 'b', 'c']) client.publish('q', body)
  const body = { arguments: { 'x-max-length': 1 } }
  const { effects } = (await request('POST', `${URL}?preview=true`, { body })).json<Report>()
  assert.deepEqual(
    effects.map(({ effect, messages, loses }) => [effect, messages, loses]),
    [['too-long', 2, true]],
  )
  await request('POST', URL, { body })
  bench.settle()
  assert.equal(bench.queue('q').readyCount, 1)
  assert.equal(client.get('q')!.body, 'c')
})
