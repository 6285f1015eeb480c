import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { ExchangeRouter } from '../../../src/core/exchanges/exchange-type.ts'
import { recentHistory } from '../../../src/core/exchanges/recent-history.ts'
import { bool, longstr, signedint } from '../../../src/core/fields.ts'
import type { Field } from '../../../src/core/fields.ts'
import {
  assertRefused,
  bindingTo,
  CountingHost,
  createRouter,
  facts,
  message,
  namesOf,
  queue,
  tableOf,
} from './exchange-fixtures.ts'

const limited = (length: number) => tableOf({ 'x-recent-history-length': signedint(length) })

function publish(router: ExchangeRouter, count: number): void {
  for (let i = 1; i <= count; i++) namesOf(router, message(`${i}`))
}

function replayed(router: ExchangeRouter): string[] {
  const keys: string[] = []
  const binding = bindingTo(queue('late'))
  router.bind(binding)
  router.onBound!(binding, (routable) => void keys.push(routable.routingKey))
  return keys
}

test('recent history fans out', () => {
  const router = createRouter(recentHistory)
  router.bind(bindingTo(queue('a'), 'k'))
  router.bind(bindingTo(queue('b')))
  assert.deepEqual(namesOf(router, message('other')), ['a', 'b'])
})

test('a new binding gets the last messages, oldest first', () => {
  const router = createRouter(recentHistory, limited(3))
  assert.deepEqual(replayed(router), [])
  publish(router, 2)
  assert.deepEqual(replayed(router), ['1', '2'])
  publish(router, 5)
  assert.deepEqual(replayed(router), ['3', '4', '5'])
  publish(router, 1)
  assert.deepEqual(replayed(router), ['4', '5', '1'])
})

test('twenty messages by default', () => {
  const router = createRouter(recentHistory)
  publish(router, 25)
  assert.equal(replayed(router).length, 20)
  assert.equal(replayed(router)[0], '6')
})

test('a message may ask not to be remembered', () => {
  const router = createRouter(recentHistory)
  namesOf(router, message('yes', { headers: tableOf({ 'x-recent-history-no-store': bool(false) }) }))
  namesOf(router, message('no', { headers: tableOf({ 'x-recent-history-no-store': bool(true) }) }))
  namesOf(router, message('text', { headers: tableOf({ 'x-recent-history-no-store': longstr('true') }) }))
  assert.deepEqual(replayed(router), ['yes', 'text'])
})

test('what is forgotten is released, and the rest at the end', () => {
  const host = new CountingHost()
  const router = createRouter(recentHistory, limited(4), host)
  publish(router, 10)
  assert.deepEqual([...host.references.values()], [1, 1, 1, 1])
  replayed(router)
  assert.deepEqual([...host.references.values()], [1, 1, 1, 1])
  router.close!()
  assert.equal(host.references.size, 0)
})

test('messages stay alive while they go to a destination that leads back', () => {
  const host = new CountingHost()
  const router = createRouter(recentHistory, limited(2), host)
  publish(router, 2)
  const keys: string[] = []
  router.onBound!(bindingTo(queue('loop')), (routable) => {
    assert.ok(host.references.has(routable))
    keys.push(routable.routingKey)
    publish(router, 3)
  })
  assert.deepEqual(keys, ['1', '2'])
  assert.equal(host.references.size, 2)
})

test('the length must be a positive integer', () => {
  const validate = (length: Field) => recentHistory.validate!(facts(tableOf({ 'x-recent-history-length': length })))
  validate(signedint(1))
  recentHistory.validate!(facts())
  for (const [length, shown] of [
    [signedint(0), '0'],
    [signedint(-1), '-1'],
    [longstr('5'), '<<"5">>'],
    [{ type: 'double', value: 2 } as const, '2.0'],
  ] as const) {
    assertRefused(
      () => validate(length),
      `Invalid argument ${shown}, 'x-recent-history-length' must be a positive integer`,
    )
  }
})
