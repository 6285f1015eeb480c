import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { bool, longstr, signedint } from '../../src/core/fields.ts'
import type { Field, Table } from '../../src/core/fields.ts'
import type { PolicyValue } from '../../src/core/policy-keys.ts'
import type { EffectivePolicy } from '../../src/core/policy.ts'
import { computeQueueSettings } from '../../src/core/queues/queue-settings.ts'
import type { QueueSettings } from '../../src/core/queues/queue-settings.ts'

const policy = (definition: Record<string, PolicyValue>): EffectivePolicy => ({
  name: 'p',
  operatorName: null,
  definition: new Map(Object.entries(definition)),
})

const settings = (
  type: string,
  args: Record<string, Field> = {},
  definition: Record<string, PolicyValue> | null = null,
): QueueSettings => {
  const table: Table = new Map(Object.entries(args))
  return computeQueueSettings(type, table, definition === null ? null : policy(definition))
}

describe('defaults', () => {
  test('a classic queue has no limits', () => {
    assert.deepEqual(Object.fromEntries(Object.entries(settings('classic'))), {
      ttlMs: -1,
      expiresMs: -1,
      maxLength: -1,
      maxLengthBytes: -1,
      overflow: 'drop-head',
      deadLetterExchange: null,
      deadLetterRoutingKey: null,
      deadLetterStrategy: 'at-most-once',
      maxPriority: 0,
      defaultPriority: 0,
      singleActiveConsumer: false,
      deliveryLimit: -1,
      consumerTimeoutMs: -1,
      consumerDisconnectedTimeoutMs: -1,
      delayedRetry: { type: 'disabled', minMs: 0, maxMs: 0 },
      delaying: false,
      groups: null,
      retry: null,
      lazy: false,
    })
  })

  test('a quorum queue has priorities and a delivery limit', () => {
    const quorum = settings('quorum')
    assert.equal(quorum.maxPriority, 31)
    assert.equal(quorum.defaultPriority, 4)
    assert.equal(quorum.deliveryLimit, 20)
    assert.equal(quorum.consumerDisconnectedTimeoutMs, 60_000)
  })
})

describe('numbers', () => {
  const keys = [
    ['message-ttl', 'ttlMs'],
    ['expires', 'expiresMs'],
    ['max-length', 'maxLength'],
    ['max-length-bytes', 'maxLengthBytes'],
    ['consumer-timeout', 'consumerTimeoutMs'],
    ['consumer-disconnected-timeout', 'consumerDisconnectedTimeoutMs'],
  ] as const
  for (const [key, field] of keys) {
    test(`${key} is the smaller of argument and policy`, () => {
      assert.equal(settings('quorum', { [`x-${key}`]: signedint(7) })[field], 7)
      assert.equal(settings('quorum', {}, { [key]: 9 })[field], 9)
      assert.equal(settings('quorum', { [`x-${key}`]: signedint(7) }, { [key]: 9 })[field], 7)
      assert.equal(settings('quorum', { [`x-${key}`]: signedint(7) }, { [key]: 0 })[field], 0)
    })
  }

  test('a delivery limit is the smaller one, unless one of them is negative', () => {
    const limit = (argument: number | null, byPolicy: number | null, type = 'quorum'): number =>
      settings(
        type,
        argument === null ? {} : { 'x-delivery-limit': signedint(argument) },
        byPolicy === null ? null : { 'delivery-limit': byPolicy },
      ).deliveryLimit
    assert.equal(limit(5, null), 5)
    assert.equal(limit(null, 5), 5)
    assert.equal(limit(5, 3), 3)
    assert.equal(limit(-1, 3), 3)
    assert.equal(limit(5, -1), 5)
    assert.equal(limit(-7, null), -1)
    assert.equal(limit(-7, -3), -1)
    assert.equal(limit(0, null), 0)
    assert.equal(limit(5, null, 'classic'), 5)
    assert.equal(settings('quorum', { 'x-delivery-limit': longstr('5') }).deliveryLimit, 20)
  })

  test('a time that a policy gives is ten years at most: the store has no room for the largest', () => {
    const decade = 315_360_000_000
    const given = settings(
      'quorum',
      {},
      {
        'message-ttl': 2 ** 48,
        expires: 2 ** 60,
        'delayed-retry-type': 'all',
        'delayed-retry-min': 2 ** 60,
      },
    )
    assert.equal(given.ttlMs, decade)
    assert.equal(given.expiresMs, decade)
    assert.deepEqual(given.delayedRetry, { type: 'all', minMs: decade, maxMs: decade })
  })

  test('priorities come from the argument alone', () => {
    assert.equal(settings('classic', { 'x-max-priority': signedint(0) }).maxPriority, 1)
    assert.equal(settings('classic', { 'x-max-priority': signedint(10) }).maxPriority, 10)
    assert.equal(settings('classic', {}, { 'max-priority': 10 }).maxPriority, 0)
  })
})

describe('retry', () => {
  const double = (value: number): Field => ({ type: 'double', value })

  test('is on by attempts or an initial delay, and by nothing else', () => {
    const others = {
      'x-retry-multiplier': signedint(3),
      'x-retry-max-delay': signedint(5),
      'x-retry-jitter': double(1),
    }
    assert.equal(settings('classic', others).retry, null)
    assert.deepEqual(settings('classic', { 'x-retry-max-attempts': signedint(3) }).retry, {
      maxAttempts: 3,
      initialDelayMs: -1,
      multiplier: 2,
      maxDelayMs: 86_400_000,
      jitter: 0,
    })
    assert.deepEqual(settings('quorum', { ...others, 'x-retry-initial-delay': signedint(0) }).retry, {
      maxAttempts: -1,
      initialDelayMs: 0,
      multiplier: 3,
      maxDelayMs: 5,
      jitter: 1,
    })
  })

  test('an initial delay of more than a day is its own maximum', () => {
    assert.equal(settings('classic', {}, { 'retry-initial-delay': 90_000_000 }).retry?.maxDelayMs, 90_000_000)
  })

  test('of argument and policy the gentler holds', () => {
    const args = {
      'x-retry-max-attempts': signedint(5),
      'x-retry-initial-delay': signedint(100),
      'x-retry-multiplier': double(1.5),
      'x-retry-max-delay': signedint(1000),
      'x-retry-jitter': double(0.25),
    }
    const policies = {
      'retry-max-attempts': 7,
      'retry-initial-delay': 200,
      'retry-multiplier': 1.25,
      'retry-max-delay': 500,
      'retry-jitter': 0.5,
    }
    assert.deepEqual(settings('classic', args, policies).retry, {
      maxAttempts: 5,
      initialDelayMs: 200,
      multiplier: 1.5,
      maxDelayMs: 500,
      jitter: 0.5,
    })
  })

  test('numbers may be integers, floats, doubles or decimals', () => {
    const multiplier = (value: Field): number | undefined =>
      settings('classic', { 'x-retry-max-attempts': signedint(1), 'x-retry-multiplier': value }).retry?.multiplier
    assert.equal(multiplier({ type: 'float', value: 1.5 }), 1.5)
    assert.equal(multiplier({ type: 'decimal', value: { scale: 1, unscaled: 25 } }), 2.5)
    assert.equal(multiplier({ type: 'byte', value: 4 }), 4)
  })

  test('the limit that quorum queues have by themselves is not for who says how many attempts there are', () => {
    assert.equal(settings('quorum', { 'x-retry-max-attempts': signedint(50) }).deliveryLimit, -1)
    assert.equal(settings('quorum', { 'x-retry-initial-delay': signedint(50) }).deliveryLimit, 20)
    const both = { 'x-retry-max-attempts': signedint(50), 'x-delivery-limit': signedint(7) }
    assert.equal(settings('quorum', both).deliveryLimit, 7)
  })
})

describe('dead letters', () => {
  test('the argument wins', () => {
    const both = settings(
      'classic',
      { 'x-dead-letter-exchange': longstr(''), 'x-dead-letter-routing-key': longstr('a') },
      { 'dead-letter-exchange': 'p', 'dead-letter-routing-key': 'b' },
    )
    assert.equal(both.deadLetterExchange, '')
    assert.equal(both.deadLetterRoutingKey, 'a')
    const byPolicy = settings('quorum', {}, { 'dead-letter-exchange': 'p', 'dead-letter-routing-key': 'b' })
    assert.equal(byPolicy.deadLetterExchange, 'p')
    assert.equal(byPolicy.deadLetterRoutingKey, 'b')
  })

  test('at-least-once needs an exchange and reject-publish', () => {
    const strategy = { 'x-dead-letter-strategy': longstr('at-least-once') }
    const exchange = { 'x-dead-letter-exchange': longstr('x') }
    const overflow = { 'x-overflow': longstr('reject-publish') }
    assert.equal(settings('quorum', { ...strategy, ...exchange, ...overflow }).deadLetterStrategy, 'at-least-once')
    assert.equal(settings('quorum', { ...strategy, ...exchange }).deadLetterStrategy, 'at-most-once')
    assert.equal(settings('quorum', { ...strategy, ...overflow }).deadLetterStrategy, 'at-most-once')
    assert.equal(settings('quorum', { ...exchange, ...overflow }).deadLetterStrategy, 'at-most-once')
  })
})

describe('overflow', () => {
  const overflow = (type: string, argument: string | null, byPolicy: string | null): string =>
    settings(
      type,
      argument === null ? {} : { 'x-overflow': longstr(argument) },
      byPolicy === null ? null : { overflow: byPolicy },
    ).overflow

  test('of a classic queue: the argument wins', () => {
    assert.equal(overflow('classic', 'reject-publish', 'drop-head'), 'reject-publish')
    assert.equal(overflow('classic', null, 'reject-publish-dlx'), 'reject-publish-dlx')
  })

  test('of a quorum queue: the policy wins, and reject-publish-dlx is drop-head', () => {
    assert.equal(overflow('quorum', 'reject-publish', 'drop-head'), 'drop-head')
    assert.equal(overflow('quorum', 'reject-publish', null), 'reject-publish')
    assert.equal(overflow('quorum', 'reject-publish-dlx', null), 'drop-head')
  })
})

describe('delayed retry', () => {
  const retry = (args: Record<string, Field>, definition: Record<string, PolicyValue> | null = null) =>
    settings('quorum', args, definition).delayedRetry

  test('needs a type and a minimum; the maximum is the minimum by default', () => {
    const off = { type: 'disabled', minMs: 0, maxMs: 0 }
    assert.deepEqual(retry({ 'x-delayed-retry-type': longstr('all') }), off)
    assert.deepEqual(retry({ 'x-delayed-retry-min': signedint(5) }), off)
    assert.deepEqual(retry({ 'x-delayed-retry-type': longstr('sometimes'), 'x-delayed-retry-min': signedint(5) }), off)
    const on = { 'x-delayed-retry-type': longstr('failed'), 'x-delayed-retry-min': signedint(5) }
    assert.deepEqual(retry(on), { type: 'failed', minMs: 5, maxMs: 5 })
    assert.deepEqual(retry({ ...on, 'x-delayed-retry-max': signedint(50) }), { type: 'failed', minMs: 5, maxMs: 50 })
  })

  test('the type of the policy wins; of the times, the longer minimum and the shorter maximum do', () => {
    const args = {
      'x-delayed-retry-type': longstr('failed'),
      'x-delayed-retry-min': signedint(5),
      'x-delayed-retry-max': signedint(50),
    }
    const definition = { 'delayed-retry-type': 'all', 'delayed-retry-min': 10, 'delayed-retry-max': 40 }
    assert.deepEqual(retry(args, definition), { type: 'all', minMs: 10, maxMs: 40 })
    assert.deepEqual(retry(args, { 'delayed-retry-type': 'disabled' }), { type: 'disabled', minMs: 0, maxMs: 0 })
  })
})

test('single active consumer and queue mode are taken over', () => {
  assert.equal(settings('classic', { 'x-single-active-consumer': bool(true) }).singleActiveConsumer, true)
  assert.equal(settings('classic', { 'x-single-active-consumer': bool(false) }).singleActiveConsumer, false)
  assert.equal(settings('classic', {}, { 'queue-mode': 'lazy' }).lazy, true)
  assert.equal(settings('classic', { 'x-queue-mode': longstr('default') }, { 'queue-mode': 'lazy' }).lazy, false)
})
