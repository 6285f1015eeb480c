import assert from 'node:assert/strict'
import { test } from 'node:test'

import { consistentHash } from '../../../src/core/exchanges/consistent-hash.ts'
import type { ExchangeRouter } from '../../../src/core/exchanges/exchange-type.ts'
import { modulusHash } from '../../../src/core/exchanges/modulus-hash.ts'
import { long, signedint } from '../../../src/core/fields.ts'
import type { Table } from '../../../src/core/fields.ts'
import type { Routable } from '../../../src/core/message.ts'
import {
  assertRefused,
  bindingTo,
  createRouter,
  exchange,
  facts,
  message,
  namesOf,
  queue,
  tableOf,
} from './exchange-fixtures.ts'

const KEYS = Array.from({ length: 20_000 }, (_, i) => `order.${i}`)

function only(router: ExchangeRouter, routable: Routable): string {
  const names = namesOf(router, routable)
  assert.equal(names.length, 1)
  return names[0]!
}

function spread(router: ExchangeRouter): Map<string, number> {
  const counts = new Map<string, number>()
  for (const key of KEYS) {
    const name = only(router, message(key))
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return counts
}

const assertNear = (actual: number, expected: number): void =>
  assert.ok(Math.abs(actual / expected - 1) < 0.1, `${actual} is not near ${expected}`)

test('consistent hash spreads by weight', () => {
  const router = createRouter(consistentHash)
  router.bind(bindingTo(queue('a'), '1'))
  router.bind(bindingTo(queue('b'), '2'))
  router.bind(bindingTo(queue('c'), '5'))
  const counts = spread(router)
  assertNear(counts.get('a')!, KEYS.length / 8)
  assertNear(counts.get('b')!, (KEYS.length * 2) / 8)
  assertNear(counts.get('c')!, (KEYS.length * 5) / 8)
})

test('consistent hash moves only the share of a queue that joins, and back when it leaves', () => {
  const router = createRouter(consistentHash)
  for (let i = 0; i < 9; i++) router.bind(bindingTo(queue(`q${i}`), '10'))
  const before = KEYS.map((key) => only(router, message(key)))
  const joined = bindingTo(queue('new'), '10')
  router.bind(joined)
  const after = KEYS.map((key) => only(router, message(key)))
  const moved = after.filter((name, i) => name !== before[i])
  assert.ok(moved.every((name) => name === 'new'))
  assertNear(moved.length, KEYS.length / 10)
  router.unbind(joined)
  assert.deepEqual(
    KEYS.map((key) => only(router, message(key))),
    before,
  )
})

test('consistent hash counts a destination once, with its oldest weight', () => {
  const router = createRouter(consistentHash)
  const a = queue('a')
  const light = bindingTo(a, '1')
  router.bind(light)
  router.bind(bindingTo(a, '100'))
  router.bind(bindingTo(queue('b'), '1'))
  assertNear(spread(router).get('a')!, KEYS.length / 2)
  router.unbind(light)
  assertNear(spread(router).get('a')!, (KEYS.length * 100) / 101)
})

test('consistent hash sends a message with CC keys to one destination', () => {
  const router = createRouter(consistentHash)
  for (let i = 0; i < 5; i++) router.bind(bindingTo(queue(`q${i}`), '1'))
  const plain = only(router, message('k'))
  assert.equal(only(router, message('k', { extraKeys: ['l', 'm', 'n', 'o'] })), plain)
})

test('consistent hash by a header', () => {
  const router = createRouter(consistentHash, tableOf({ 'hash-header': 'customer' }))
  for (let i = 0; i < 10; i++) router.bind(bindingTo(queue(`q${i}`), '1'))
  const by = (headers: Table, key: string) => only(router, message(key, { headers }))
  assert.equal(by(tableOf({ customer: 'ann' }), '1'), by(tableOf({ customer: 'ann' }), '2'))
  assert.equal(by(tableOf({ customer: signedint(5) }), '1'), by(tableOf({ customer: long(5) }), '2'))
  assert.equal(by(tableOf(), '1'), only(router, message('2')))
  const used = new Set(Array.from({ length: 200 }, (_, i) => by(tableOf({ customer: `c${i}` }), '')))
  assert.equal(used.size, 10)
})

test('consistent hash by a property', () => {
  const ids = ['correlation_id', 'message_id', 'timestamp'] as const
  const values = { correlation_id: { correlationId: 'x' }, message_id: { messageId: 'x' }, timestamp: { timestamp: 7 } }
  for (const property of ids) {
    const router = createRouter(consistentHash, tableOf({ 'hash-property': property }))
    for (let i = 0; i < 10; i++) router.bind(bindingTo(queue(`q${i}`), '1'))
    const properties = values[property]
    assert.equal(only(router, message('1', { properties })), only(router, message('2', { properties })))
    assert.equal(only(router, message('1')), only(router, message('2')))
  }
})

test('consistent hash refuses bad arguments and weights', () => {
  const validate = (args: Table) => consistentHash.validate!(facts(args))
  validate(tableOf())
  validate(tableOf({ 'hash-header': 'h' }))
  assertRefused(
    () => validate(tableOf({ 'hash-header': 'h', 'hash-property': 'message_id' })),
    'hash-header and hash-property are mutually exclusive',
  )
  assertRefused(() => validate(tableOf({ 'hash-property': 'app_id' })), 'Unsupported property: app_id')
  assertRefused(() => validate(tableOf({ 'hash-property': 'constructor' })), 'Unsupported property: constructor')
  assertRefused(() => validate(tableOf({ 'hash-header': signedint(1) })), /must be a string/)
  const bind = (key: string) => consistentHash.validateBinding!(facts(), bindingTo(queue('q'), key))
  for (const key of ['1', '10000', '+5']) bind(key)
  assertRefused(() => bind('0'), 'The binding key must be greater than 0')
  assertRefused(() => bind('-3'), 'The binding key must be greater than 0')
  assertRefused(() => bind('10001'), 'The binding key must not exceed 10000')
  assertRefused(() => bind('a'), 'The binding key must be an integer: <<"a">>')
  assertRefused(() => bind(''), 'The binding key must be an integer: <<>>')
  assertRefused(() => bind('1.5'), 'The binding key must be an integer: <<"1.5">>')
})

test('modulus hash spreads evenly over distinct destinations, in whatever order they were bound', () => {
  const names = ['a', 'b', 'c', 'd']
  const forward = createRouter(modulusHash)
  for (const name of names) forward.bind(bindingTo(queue(name)))
  const backward = createRouter(modulusHash)
  for (const name of names.toReversed()) {
    const destination = queue(name)
    backward.bind(bindingTo(destination, '1'))
    backward.bind(bindingTo(destination, '2'))
  }
  for (const name of names) assertNear(spread(forward).get(name)!, KEYS.length / 4)
  for (const key of KEYS.slice(0, 200)) assert.equal(only(forward, message(key)), only(backward, message(key)))
})

test('modulus hash takes further keys into account, and exchanges as destinations', () => {
  const router = createRouter(modulusHash)
  for (let i = 0; i < 8; i++) router.bind(bindingTo(i % 2 === 0 ? queue(`d${i}`) : exchange(`d${i}`)))
  const used = new Set(Array.from({ length: 200 }, (_, i) => only(router, message('same', { extraKeys: [`cc${i}`] }))))
  assert.equal(used.size, 8)
})
