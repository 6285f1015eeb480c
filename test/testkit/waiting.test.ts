import assert, { AssertionError } from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { startBroker, type WarrenBroker } from '../../src/index.ts'

/** Short, for waits that are in vain. */
const SOON = { timeoutMs: 30 }

describe('waiting and asserting', () => {
  let broker: WarrenBroker

  beforeEach(async () => {
    broker = await startBroker()
  })

  afterEach(() => broker.stop())

  const failure = async (promise: Promise<unknown>): Promise<AssertionError> => {
    try {
      await promise
    } catch (error) {
      assert.ok(error instanceof AssertionError)
      return error
    }
    return assert.fail('did not fail')
  }

  test('waits for a queue to appear and to be as wanted', async () => {
    const waiting = broker.waitForQueue('later', ({ ready }) => ready === 2)
    await broker.declareQueue('later')
    await broker.sendToQueue('later', '1')
    await broker.sendToQueue('later', '2')
    assert.equal((await waiting).ready, 2)
    const { message } = await failure(broker.waitForQueue('later', ({ consumers }) => consumers > 0, SOON))
    assert.equal(
      message,
      "after 30 ms: the condition does not hold for queue 'later' (2 ready, 0 unacknowledged, 0 delayed, 0 consumers):\n" +
        `  1. "1" from the default exchange by 'later'\n  2. "2" from the default exchange by 'later'`,
    )
  })

  test('waits for messages that come late', async () => {
    const waiting = broker.waitForMessages('q', 2)
    await broker.declareQueue('q')
    await broker.sendToQueue('q', '1')
    await new Promise((resolve) => setTimeout(resolve, 20)) // longer than the quick looks take
    await broker.sendToQueue('q', '2')
    assert.deepEqual(
      (await waiting).map((message) => message.text()),
      ['1', '2'],
    )
    assert.equal(broker.queue('q').ready, 2)
  })

  test('shows what there was instead of the messages', async () => {
    await broker.declareExchange('events', 'fanout')
    await broker.declareQueue('q')
    await broker.bind('q', 'events')
    await broker.publish('events', 'order.created', { id: 1 }, { headers: { attempt: 2 } })
    await broker.sendToQueue('q', 'x'.repeat(200))
    const error = await failure(broker.waitForMessages('q', 3, SOON))
    assert.equal(
      error.message,
      "after 30 ms: expected 3 messages in queue 'q', found 2 (2 ready, 0 unacknowledged, 0 delayed, 0 consumers):\n" +
        `  1. "{\\"id\\":1}" from exchange 'events' by 'order.created', headers {"attempt":2}\n` +
        `  2. "${'x'.repeat(80)}… (200 bytes)" from the default exchange by 'q'`,
    )
    assert.deepEqual([error.actual, error.expected], [2, 3])
    for (let i = 0; i < 10; i++) await broker.sendToQueue('q', 'more')
    const { message } = await failure(broker.waitForMessages('q', 99, SOON))
    assert.match(message, /\n {2}10\. .*\n {2}… and 2 more$/)
  })

  test('names the queues there are when one is missing', async () => {
    const { message } = await failure(broker.waitForMessages('order', 1, SOON))
    assert.equal(message, "after 30 ms: expected 1 message in queue 'order', found 0: there is no such queue")
    await broker.declareQueue('orders')
    await broker.declareQueue('audit')
    const named = await failure(broker.waitForMessages('order', 1, SOON))
    assert.match(named.message, /: there is no such queue \(there are 'orders', 'audit'\)$/)
    assert.match((await failure(broker.assertMessage('order', {}, SOON))).message, /there is no such queue/)
  })

  test('finds the message that is as expected, and only by what is named', async () => {
    await broker.declareQueue('q')
    const at = new Date('2026-01-01T00:00:00Z')
    await broker.sendToQueue('q', 'first')
    await broker.sendToQueue(
      'q',
      { id: 7, lines: [{ sku: 'a' }] },
      { headers: { tenant: 't1', attempt: 1 }, persistent: true, expiration: 90_000, timestamp: at, type: 'order' },
    )
    const found = await broker.assertMessage('q', {
      body: { id: 7, lines: [{ sku: 'a' }] },
      headers: { tenant: 't1' },
      properties: { persistent: true, expiration: 90_000, timestamp: at },
      exchange: '',
      routingKey: 'q',
      redelivered: false,
    })
    assert.deepEqual(found.json(), { id: 7, lines: [{ sku: 'a' }] })
    await broker.assertMessage('q', { body: /"sku":"a"/ })
    await broker.assertMessage('q', { body: 'first' })
    await broker.assertMessage('q', { body: Buffer.from('first') })
    await broker.assertMessage('q', { body: new TextEncoder().encode('first') })
    await broker.assertMessage('q', {})
    assert.equal(broker.queue('q').ready, 2)
  })

  test('waits for the message', async () => {
    const waiting = broker.assertMessage('q', { body: 'wanted' })
    await broker.declareQueue('q')
    await broker.sendToQueue('q', 'other')
    await broker.sendToQueue('q', 'wanted')
    assert.equal((await waiting).text(), 'wanted')
  })

  test('shows how the most similar message differs', async () => {
    await broker.declareQueue('q')
    await broker.sendToQueue('q', 'far off')
    await broker.sendToQueue('q', { id: 7, total: 10 }, { headers: { tenant: 't2', trace: 'abc' }, type: 'order' })
    const error = await failure(
      broker.assertMessage(
        'q',
        { body: { id: 7, total: 12 }, headers: { tenant: 't2', region: 'eu' }, properties: { type: 'order' } },
        SOON,
      ),
    )
    assert.match(error.message, /^after 30 ms: no message in queue 'q' is as expected \(2 ready, /)
    assert.match(
      error.message,
      /the most similar one is number 2:\nExpected values to be strictly deep-equal:\n\+ actual - expected/,
    )
    assert.match(error.message, /^\+ +total: 10$/m)
    assert.match(error.message, /^- +total: 12$/m)
    assert.match(error.message, /^- +region: 'eu'/m)
    assert.doesNotMatch(error.message, /^[+-].*(trace|tenant|type)/m)
    assert.deepEqual(error.actual, {
      body: { id: 7, total: 10 },
      headers: { tenant: 't2' },
      properties: { type: 'order' },
    })
    assert.deepEqual(error.expected, {
      body: { id: 7, total: 12 },
      headers: { tenant: 't2', region: 'eu' },
      properties: { type: 'order' },
    })
  })

  test('a body that is no JSON differs from an object, and a pattern from what it does not match', async () => {
    await broker.declareQueue('q')
    await broker.sendToQueue('q', 'text')
    assert.deepEqual((await failure(broker.assertMessage('q', { body: { a: 1 } }, SOON))).actual, { body: 'text' })
    assert.deepEqual((await failure(broker.assertMessage('q', { body: /^no/ }, SOON))).actual, { body: 'text' })
    assert.deepEqual((await failure(broker.assertMessage('q', { body: Buffer.from('x') }, SOON))).actual, {
      body: Buffer.from('text'),
    })
    const global = /t/g
    for (let i = 0; i < 3; i++) await broker.assertMessage('q', { body: global }, SOON)
  })

  test('a queue is empty when nothing is left in it anywhere', async () => {
    await broker.declareQueue('q')
    await broker.assertEmpty('q')
    await broker.sendToQueue('q', 'left')
    const { message } = await failure(broker.assertEmpty('q', SOON))
    assert.equal(
      message,
      "after 30 ms: expected queue 'q' to be empty (1 ready, 0 unacknowledged, 0 delayed, 0 consumers):\n" +
        `  1. "left" from the default exchange by 'q'`,
    )
    const mayEnd = Promise.withResolvers<void>()
    using _worker = await broker.consume('q', () => mayEnd.promise)
    assert.match(
      (await failure(broker.assertEmpty('q', SOON))).message,
      /\(0 ready, 1 unacknowledged, .* 1 consumer\)$/,
    )
    const empty = broker.assertEmpty('q')
    mayEnd.resolve()
    await empty
  })

  test('a queue that is not there yet is waited for, as everywhere', async () => {
    const empty = broker.assertEmpty('late')
    await broker.declareQueue('late')
    await empty
    assert.equal(
      (await failure(broker.assertEmpty('nope', SOON))).message,
      "after 30 ms: expected queue 'nope' to be empty: there is no such queue (there are 'late')",
    )
  })
})
