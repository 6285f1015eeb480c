import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startBroker, type WarrenBroker } from '../../src/index.ts'

// What JavaScript lets through.

const BODY = 'give a string, a Buffer, or an object to send as JSON'

const VALUES = 'a string, a number, a bigint, true or false, null, a Date, a Buffer, an array, or an object'

/** One byte more than a name may have, and how a message shows it. */
const LONG = 'n'.repeat(256)
const LONG_SHOWN = `'${'n'.repeat(59)}…`

const endless: Record<string, unknown> = {}
endless.again = [endless, endless]

type Loose = Record<string, (...given: unknown[]) => unknown>

/** A helper, what it is given, the kind of error, and its text. */
const WRONG: readonly (readonly [
  helper: string,
  given: readonly unknown[],
  error: 'TypeError' | 'RangeError',
  text: string,
])[] = [
  ['declareQueue', [], 'TypeError', "'name' is missing: give a string"],
  ['declareQueue', ['y', { durabel: false }], 'TypeError', "unknown key 'options.durabel' (did you mean 'durable'?)"],
  ['declareQueue', ['y', { durable: 'no' }], 'TypeError', "'options.durable' is 'no': give true or false"],
  ['declareQueue', ['y', { arguments: [] }], 'TypeError', "'options.arguments' is []: give an object"],
  ['declareQueue', [LONG], 'RangeError', `'name' is ${LONG_SHOWN}: give at most 255 bytes`],
  [
    'declareQueue',
    ['y', { arguments: { 'x-message-ttl': Symbol('ttl') } }],
    'TypeError',
    `'options.arguments['x-message-ttl']' is Symbol(ttl): give ${VALUES}`,
  ],
  ['declareExchange', [LONG, 'fanout'], 'RangeError', `'name' is ${LONG_SHOWN}: give at most 255 bytes`],
  ['declareExchange', ['e'], 'TypeError', "'type' is missing: give a string"],
  ['bind', ['t', 'amq.topic', ['a']], 'TypeError', "'routingKey' is [ 'a' ]: give a string"],
  ['setPolicy', ['p'], 'TypeError', "'policy' is missing: give an object with pattern, definition, priority, applyTo"],
  ['setPolicy', ['p', { pattern: '' }], 'TypeError', "'policy.definition' is missing: give an object"],
  [
    'setPolicy',
    ['p', { pattern: '', definition: {}, applyTo: 'queue' }],
    'RangeError',
    "'policy.applyTo' is 'queue': give one of 'all', 'queues', 'exchanges', 'classic_queues', 'quorum_queues', 'streams' (did you mean 'queues'?)",
  ],
  ['publish', ['', 't', 5], 'TypeError', "'body' is 5: give a string, a Buffer, or an object to send as JSON"],
  [
    'publish',
    ['', 't', 'x', { priority: 256 }],
    'RangeError',
    "'properties.priority' is 256: give a whole number from 0 to 255",
  ],
  [
    'sendToQueue',
    ['t', Promise.resolve('x')],
    'TypeError',
    `'body' is a promise (is there an await missing?): ${BODY}`,
  ],
  ['sendToQueue', ['t', new Map()], 'TypeError', `'body' is Map(0) {}: ${BODY}`],
  ['sendToQueue', ['t', new Float64Array()], 'TypeError', `'body' is Float64Array(0) []: ${BODY}`],
  [
    'sendToQueue',
    ['t', 'x', { timestamp: new Date(NaN) }],
    'TypeError',
    "'properties.timestamp' is Invalid Date: give a Date, or whole seconds since the epoch",
  ],
  ['sendToQueue', ['t'], 'TypeError', "'body' is missing: give a string, a Buffer, or an object to send as JSON"],
  [
    'sendToQueue',
    ['t', 'x', { foo: 1 }],
    'TypeError',
    "unknown key 'properties.foo': there are contentType, contentEncoding, persistent, priority, correlationId, replyTo, expiration, messageId, timestamp, type, userId, appId, headers",
  ],
  [
    'sendToQueue',
    ['t', 'x', { correlationID: 1 }],
    'TypeError',
    "unknown key 'properties.correlationID' (did you mean 'correlationId'?)",
  ],
  ['sendToQueue', ['t', 'x', { headers: 'a' }], 'TypeError', "'properties.headers' is 'a': give an object"],
  [
    'sendToQueue',
    ['t', 'x', { timestamp: 'now' }],
    'TypeError',
    "'properties.timestamp' is 'now': give a Date, or whole seconds since the epoch",
  ],
  [
    'sendToQueue',
    ['t', 'x', { headers: { order: { total: () => 5 } } }],
    'TypeError',
    `'properties.headers.order.total' is [Function: total]: give ${VALUES}`,
  ],
  [
    'sendToQueue',
    ['t', 'x', { headers: { trace: Promise.resolve('id') } }],
    'TypeError',
    `'properties.headers.trace' is a promise (is there an await missing?): give ${VALUES}`,
  ],
  [
    'sendToQueue',
    ['t', 'x', { headers: { at: new Date(NaN) } }],
    'TypeError',
    `'properties.headers.at' is Invalid Date: give ${VALUES}`,
  ],
  [
    'sendToQueue',
    ['t', 'x', { headers: { list: [1, undefined] } }],
    'TypeError',
    `'properties.headers.list[1]' is missing: give ${VALUES}`,
  ],
  [
    'sendToQueue',
    ['t', 'x', { headers: endless }],
    'RangeError',
    "'properties.headers' is { again: [Array] }: give at most 100 levels, none of them within itself",
  ],
  [
    'sendToQueue',
    ['t', 'x', { headers: { [LONG]: 1 } }],
    'RangeError',
    `'properties.headers' is { ${'n'.repeat(58)}…: give keys of at most 255 bytes`,
  ],
  [
    'sendToQueue',
    ['t', 'x', { correlationId: LONG }],
    'RangeError',
    `'properties.correlationId' is ${LONG_SHOWN}: give at most 255 bytes`,
  ],
  ['publish', ['', LONG, 'x'], 'RangeError', `'routingKey' is ${LONG_SHOWN}: give at most 255 bytes`],
  ['consume', ['t', 'notfn'], 'TypeError', "'handler' is 'notfn': give a function"],
  [
    'consume',
    ['t', () => {}, { prefetch: -1 }],
    'RangeError',
    "'options.prefetch' is -1: give a whole number from 0 to 65535",
  ],
  ['get', [], 'TypeError', "'queue' is missing: give a string"],
  ['queue', [], 'TypeError', "'name' is missing: give a string"],
  ['waitForQueue', ['t', { timeoutMs: 5 }], 'TypeError', "'condition' is { timeoutMs: 5 }: give a function"],
  [
    'waitForMessages',
    ['t', { timeoutMs: 5 }],
    'TypeError',
    "'count' is { timeoutMs: 5 }: give a whole number of at least 0",
  ],
  [
    'waitForMessages',
    ['t', 1, { timeout: 5 }],
    'TypeError',
    "unknown key 'options.timeout' (did you mean 'timeoutMs'?)",
  ],
  ['waitForMessages', ['t', 1, 500], 'TypeError', "'options' is 500: give an object with timeoutMs"],
  ['assertMessage', ['t', { boddy: 'x' }], 'TypeError', "unknown key 'expected.boddy' (did you mean 'body'?)"],
  [
    'assertMessage',
    ['t', { properties: { contenttype: 'x' } }],
    'TypeError',
    "unknown key 'expected.properties.contenttype' (did you mean 'contentType'?)",
  ],
  [
    'assertMessage',
    ['t', 'x'],
    'TypeError',
    "'expected' is 'x': give an object with body, headers, properties, exchange, routingKey, redelivered",
  ],
  ['assertEmpty', ['t', { timeoutMs: '5' }], 'TypeError', "'options.timeoutMs' is '5': give a number of milliseconds"],
  ['delayedMessages', [], 'TypeError', "'where' is missing: give { exchange } or { queue }"],
  ['delayedMessages', [{ qeue: 't' }], 'TypeError', "unknown key 'where.qeue' (did you mean 'queue'?)"],
  ['rescheduleDelayed', [{ queue: 't' }, 'id', 5], 'TypeError', "'dueAt' is 5: give a Date"],
  ['setAlarm', ['cpu', true], 'RangeError', "'resource' is 'cpu': give one of 'memory', 'disk'"],
  ['setAlarm', ['memory'], 'TypeError', "'on' is missing: give true or false"],
  ['closeConnections', [5], 'TypeError', "'reason' is 5: give a string"],
  ['vhost', [], 'TypeError', "'name' is missing: give a string"],
]

describe('arguments of helpers that are wrong', () => {
  let broker: WarrenBroker

  before(async () => {
    broker = await startBroker()
    await broker.declareQueue('t')
  })

  after(() => broker.stop())

  for (const [helper, given, name, text] of WRONG) {
    test(`${helper}: ${text}`, async () => {
      const call = async (): Promise<unknown> => (broker as unknown as Loose)[helper]!(...given)
      await assert.rejects(call, { name, message: `${helper}: ${text}` })
      assert.deepEqual([broker.queues().length, broker.queue('t').ready], [1, 0])
    })
  }
})
