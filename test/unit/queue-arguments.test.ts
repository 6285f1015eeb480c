import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { BrokerError } from '../../src/core/errors.ts'
import { array, bool, long, longstr, signedint, table } from '../../src/core/fields.ts'
import type { Field, Table } from '../../src/core/fields.ts'
import {
  checkArgumentEquivalence,
  comparedArguments,
  injectQueueType,
  queueTypeOf,
  validateQueueArguments,
} from '../../src/core/queues/arguments.ts'
import type { QueueFacts, QueueProperties } from '../../src/core/queues/arguments.ts'

const durable: QueueProperties = {
  name: 'Q',
  vhost: 'V',
  durable: true,
  exclusive: false,
  autoDelete: false,
  serverNamed: false,
}
const Q = "queue 'Q' in vhost 'V'"

const double = (value: number): Field => ({ type: 'double', value })
const args = (fields: Record<string, Field>): Table => new Map(Object.entries(fields))

const refused = (text: string) => (error: unknown) => {
  assert.ok(error instanceof BrokerError)
  assert.equal(error.kind, 'preconditionFailed')
  assert.equal(error.message, text)
  return true
}

const check = (type: string, fields: Record<string, Field>, facts: Partial<QueueFacts> = {}): void =>
  validateQueueArguments({ ...durable, ...facts, type, arguments: args(fields) })

describe('values of arguments', () => {
  const cases: readonly (readonly [type: string, key: string, value: Field, reason: string])[] = [
    ['classic', 'x-message-ttl', signedint(-1), '{value_negative,-1}'],
    ['quorum', 'x-message-ttl', long(315_360_000_001), '{value_too_large,315360000001}'],
    ['classic', 'x-message-ttl', long(2n ** 62n), '{value_too_large,4611686018427387904}'],
    ['classic', 'x-message-ttl', longstr('1'), '"expected integer, got longstr"'],
    ['classic', 'x-expires', signedint(0), '{value_zero,0}'],
    ['classic', 'x-expires', signedint(-5), '{value_negative,-5}'],
    ['classic', 'x-expires', long(315_360_000_001), '{value_too_large,315360000001}'],
    ['classic', 'x-max-length', signedint(-2), '{value_negative,-2}'],
    ['stream', 'x-max-length-bytes', signedint(-2), '{value_negative,-2}'],
    ['classic', 'x-overflow', longstr('explode'), 'invalid_overflow'],
    ['classic', 'x-overflow', signedint(1), '{unacceptable_type,signedint}'],
    ['classic', 'x-dead-letter-routing-key', longstr('k'), 'routing_key_but_no_dlx_defined'],
    ['classic', 'x-dead-letter-routing-key', signedint(1), '{unacceptable_type,signedint}'],
    ['quorum', 'x-dead-letter-strategy', longstr('maybe'), 'invalid_dlx_strategy'],
    ['classic', 'x-max-priority', signedint(256), '{max_value_exceeded,256}'],
    ['classic', 'x-max-priority', signedint(-1), '{value_negative,-1}'],
    ['classic', 'x-max-priority', bool(true), '"expected integer, got bool"'],
    ['quorum', 'x-single-active-consumer', longstr('true'), '{unacceptable_type,longstr}'],
    ['quorum', 'x-queue-leader-locator', longstr('anywhere'), 'invalid_queue_locator_arg'],
    ['classic', 'x-queue-version', signedint(3), '"unsupported queue version \'3\'"'],
    ['classic', 'x-queue-mode', longstr('eager'), '"unsupported queue mode \'eager\'"'],
    ['quorum', 'x-quorum-initial-group-size', signedint(0), '{value_zero,0}'],
    ['classic', 'x-retry-max-attempts', signedint(0), '{value_zero,0}'],
    ['quorum', 'x-retry-max-attempts', signedint(65_536), '{max_value_exceeded,65536}'],
    ['quorum', 'x-retry-max-attempts', double(3), '"expected integer, got double"'],
    ['classic', 'x-retry-initial-delay', signedint(-1), '{value_negative,-1}'],
    ['classic', 'x-retry-max-delay', long(315_360_000_001), '{value_too_large,315360000001}'],
    ['classic', 'x-retry-multiplier', double(0.5), '{value_too_small,0.5}'],
    ['classic', 'x-retry-multiplier', signedint(-2), '{value_negative,-2}'],
    ['quorum', 'x-retry-multiplier', longstr('2'), '"expected number, got longstr"'],
    ['quorum', 'x-retry-jitter', double(1.5), '{value_too_large,1.5}'],
    ['quorum', 'x-retry-jitter', bool(true), '"expected number, got bool"'],
    ['quorum', 'x-consumer-timeout', signedint(-1), '{value_negative,-1}'],
    ['stream', 'x-max-age', longstr('1w'), 'invalid_max_age'],
    ['stream', 'x-max-age', longstr('0h'), 'invalid_max_age'],
    ['stream', 'x-max-age', signedint(1), '{unacceptable_type,signedint}'],
    ['stream', 'x-initial-cluster-size', signedint(0), '{value_zero,0}'],
    ['classic', 'x-message-groups', longstr('true'), '{unacceptable_type,longstr}'],
    ['quorum', 'x-message-groups', signedint(1), '{unacceptable_type,signedint}'],
    ['quorum', 'x-message-groups-header', signedint(1), '{unacceptable_type,signedint}'],
    ['classic', 'x-message-groups-header', longstr(''), 'invalid_header_name'],
  ]
  for (const [type, key, value, reason] of cases) {
    test(`${type} ${key} ${value.type} ${String(value.value)} is refused`, () => {
      assert.throws(() => check(type, { [key]: value }), refused(`invalid arg '${key}' for ${Q}: ${reason}`))
    })
  }

  test('a dead letter exchange has to be text', () => {
    const text = `invalid type 'signedint' for arg 'x-dead-letter-exchange' in ${Q}`
    assert.throws(() => check('classic', { 'x-dead-letter-exchange': signedint(1) }), refused(text))
  })

  test('the sizes of streams have texts of their own', () => {
    const bytes = 'x-stream-max-segment-size-bytes'
    assert.throws(() => check('stream', { [bytes]: long(3_000_000_001) }), refused(`Exceeded max value for ${bytes}`))
    const filter = 'x-stream-filter-size-bytes'
    assert.throws(() => check('stream', { [filter]: signedint(15) }), refused(`Invalid value for ${filter}`))
    assert.throws(() => check('stream', { [filter]: longstr('16') }), refused(`Invalid type for ${filter}`))
    check('stream', { [bytes]: long(3_000_000_000), [filter]: signedint(255) })
  })

  test('what is within the rules passes', () => {
    check('classic', {
      'x-message-ttl': signedint(0),
      'x-expires': long(315_360_000_000),
      'x-max-length': signedint(0),
      'x-max-length-bytes': long(2 ** 40),
      'x-overflow': longstr('reject-publish-dlx'),
      'x-dead-letter-exchange': longstr(''),
      'x-dead-letter-routing-key': longstr('k'),
      'x-max-priority': signedint(255),
      'x-single-active-consumer': bool(true),
      'x-queue-version': signedint(1),
      'x-queue-mode': longstr('lazy'),
      'x-queue-master-locator': longstr('min-masters'),
      'x-queue-leader-locator': longstr('balanced'),
    })
    check('quorum', {
      'x-queue-type': longstr('quorum'),
      'x-delivery-limit': signedint(-1),
      'x-max-in-memory-length': signedint(0),
      'x-overflow': longstr('reject-publish-dlx'),
      'x-consumer-disconnected-timeout': signedint(0),
      'x-quorum-initial-group-size': signedint(3),
    })
    check('stream', { 'x-max-age': longstr('7D'), 'x-max-length-bytes': long(1) })
  })

  test('classic queues know delivery limits, delayed retry, consumer timeouts and dead letter strategies too', () => {
    check('classic', {
      'x-delivery-limit': signedint(3),
      'x-consumer-timeout': signedint(1000),
      'x-dead-letter-strategy': longstr('at-least-once'),
      'x-delayed-retry-type': longstr('all'),
      'x-delayed-retry-min': signedint(1),
      'x-delayed-retry-max': signedint(2),
    })
  })

  test('arguments that no type knows are let be', () => {
    for (const type of ['classic', 'quorum', 'stream']) check(type, { 'x-colour': signedint(-1), ttl: longstr('1') })
  })
})

describe('arguments of another type', () => {
  const cases: readonly (readonly [type: string, key: string, module: string])[] = [
    ['classic', 'x-max-age', 'rabbit_classic_queue'],
    ['classic', 'x-max-in-memory-length', 'rabbit_classic_queue'],
    ['classic', 'x-consumer-disconnected-timeout', 'rabbit_classic_queue'],
    ['quorum', 'x-max-priority', 'rabbit_quorum_queue'],
    ['quorum', 'x-queue-mode', 'rabbit_quorum_queue'],
    ['stream', 'x-message-ttl', 'rabbit_stream_queue'],
    ['stream', 'x-dead-letter-exchange', 'rabbit_stream_queue'],
    ['stream', 'x-message-groups', 'rabbit_stream_queue'],
  ]
  for (const [type, key, module] of cases) {
    test(`${key} on a ${type} queue is refused`, () => {
      const text = `invalid arg '${key}' for ${Q} of queue type ${module}`
      assert.throws(() => check(type, { [key]: longstr('1') }), refused(text))
    })
  }
})

describe('properties', () => {
  test('only classic queues are transient, exclusive, auto-delete or named by the broker', () => {
    const all = { durable: false, exclusive: true, autoDelete: true }
    check('classic', {}, { ...all, serverNamed: true })
    const invalid = (property: string) => refused(`invalid property '${property}' for ${Q}`)
    assert.throws(() => check('quorum', {}, all), invalid('auto-delete'))
    assert.throws(() => check('quorum', {}, { ...all, autoDelete: false }), invalid('exclusive-owner'))
    assert.throws(() => check('stream', {}, { durable: false }), invalid('non-durable'))
    const text = 'Cannot declare a server-named queue for type rabbit_quorum_queue'
    assert.throws(() => check('quorum', {}, { serverNamed: true }), refused(text))
  })
})

describe('the type of a queue', () => {
  const typed = (value: Field): Table => args({ 'x-queue-type': value })

  test('is what the client says', () => {
    for (const type of ['classic', 'quorum', 'stream']) {
      assert.equal(queueTypeOf(typed(longstr(type)), 'quorum', 'quorum', durable), type)
    }
  })

  test('is the default of the virtual host, then of the node, then classic', () => {
    assert.equal(queueTypeOf(new Map(), 'quorum', 'stream', durable), 'quorum')
    assert.equal(queueTypeOf(new Map(), null, 'stream', durable), 'stream')
    assert.equal(queueTypeOf(new Map(), 'undefined', 'quorum', durable), 'quorum')
    assert.equal(queueTypeOf(new Map(), null, null, durable), 'classic')
    assert.equal(queueTypeOf(typed(longstr('')), 'quorum', null, durable), 'quorum')
    assert.equal(queueTypeOf(typed(longstr('undefined')), null, 'quorum', durable), 'quorum')
  })

  test('falls back to classic where the default does not suit the queue', () => {
    const unsuited: readonly Partial<QueueProperties>[] = [
      { durable: false },
      { exclusive: true },
      { autoDelete: true },
      { serverNamed: true },
    ]
    for (const property of unsuited) {
      assert.equal(queueTypeOf(new Map(), 'quorum', null, { ...durable, ...property }), 'classic')
    }
    assert.equal(queueTypeOf(typed(longstr('quorum')), null, null, { ...durable, durable: false }), 'quorum')
  })

  test('has to be one that exists', () => {
    const bad = (value: Field) => () => queueTypeOf(typed(value), null, null, durable)
    const text = `invalid arg 'x-queue-type' for ${Q}:`
    assert.throws(bad(longstr('zip')), refused(`${text} "unsupported queue type 'zip'"`))
    assert.throws(bad(signedint(1)), refused(`${text} {unacceptable_type,signedint}`))
  })

  test('is added to the stored arguments', () => {
    const given = args({ 'x-max-length': signedint(1) })
    assert.deepEqual(
      injectQueueType(given, 'quorum'),
      args({ 'x-max-length': signedint(1), 'x-queue-type': longstr('quorum') }),
    )
    assert.equal(given.size, 1)
    const named = typed(longstr('stream'))
    assert.equal(injectQueueType(named, 'stream'), named)
    assert.deepEqual(injectQueueType(typed(longstr('')), 'classic'), typed(longstr('classic')))
  })
})

describe('equivalence of arguments', () => {
  const compare = (current: Record<string, Field>, received: Record<string, Field>, type = 'classic'): void =>
    checkArgumentEquivalence('queue', 'Q', 'V', comparedArguments(type), args(current), args(received))
  const max = 'x-max-length'

  test('equal ones pass, whatever the width of their integers', () => {
    compare({}, {})
    compare({ [max]: signedint(1000) }, { [max]: long(1000) })
    compare({ [max]: long(1000n) }, { [max]: { type: 'short', value: 1000 } })
    compare({ 'x-overflow': longstr('drop-head') }, { 'x-overflow': longstr('drop-head') })
    compare({ [max]: signedint(5) }, { [max]: { type: 'timestamp', value: 5 } })
  })

  test('different ones are told with both values', () => {
    assert.throws(
      () => compare({ [max]: signedint(1000) }, { [max]: signedint(2000) }),
      refused(`inequivalent arg 'x-max-length' for ${Q}: received '2000' but current is '1000'`),
    )
    assert.throws(
      () => compare({ 'x-overflow': longstr('drop-head') }, { 'x-overflow': table(args({ a: longstr('b') })) }),
      refused(
        `inequivalent arg 'x-overflow' for ${Q}: received '[{<<"a">>,longstr,<<"b">>}]' but current is 'drop-head'`,
      ),
    )
    assert.throws(
      () => compare({ [max]: signedint(1) }, { [max]: array([bool(true), { type: 'double', value: 2 }]) }),
      refused(`inequivalent arg 'x-max-length' for ${Q}: received '[{bool,true},{double,2.0}]' but current is '1'`),
    )
  })

  test('absent ones are told with the type of the other', () => {
    const dlx = { 'x-dead-letter-exchange': longstr('z') }
    const arg = `inequivalent arg 'x-dead-letter-exchange' for ${Q}`
    const z = "the value 'z' of type 'longstr'"
    assert.throws(() => compare({}, dlx), refused(`${arg}: received ${z} but current is none`))
    assert.throws(() => compare(dlx, {}), refused(`${arg}: received none but current is ${z}`))
  })

  test('exchanges are compared in the same way', () => {
    assert.throws(
      () =>
        checkArgumentEquivalence(
          'exchange',
          'X',
          'V',
          ['alternate-exchange'],
          new Map(),
          args({ 'alternate-exchange': longstr('z') }),
        ),
      refused(
        "inequivalent arg 'alternate-exchange' for exchange 'X' in vhost 'V': " +
          "received the value 'z' of type 'longstr' but current is none",
      ),
    )
  })

  test('no queue type is the same as classic', () => {
    compare({}, { 'x-queue-type': longstr('classic') })
    compare({ 'x-queue-type': longstr('classic') }, {})
    assert.throws(
      () => compare({ 'x-queue-type': longstr('classic') }, { 'x-queue-type': longstr('quorum') }),
      refused(`inequivalent arg 'x-queue-type' for ${Q}: received 'quorum' but current is 'classic'`),
    )
    assert.throws(
      () => compare({}, { 'x-queue-type': longstr('quorum') }),
      refused(
        `inequivalent arg 'x-queue-type' for ${Q}: received the value 'quorum' of type 'longstr' but current is none`,
      ),
    )
  })

  test('only what the type knows is compared', () => {
    compare({ 'x-colour': longstr('red') }, { 'x-colour': longstr('blue') })
    compare({ 'x-max-age': longstr('1h') }, {}, 'classic')
    assert.throws(() => compare({ 'x-max-age': longstr('1h') }, {}, 'stream'), BrokerError)
    assert.ok(comparedArguments('quorum').includes('x-delivery-limit'))
    assert.ok(!comparedArguments('quorum').includes('x-max-priority'))
  })
})
