import assert from 'node:assert/strict'
import { test } from 'node:test'

import { direct } from '../../../src/core/exchanges/direct.ts'
import { fanout } from '../../../src/core/exchanges/fanout.ts'
import { bindingTo, createRouter, message, namesOf, queue, tableOf } from './exchange-fixtures.ts'

test('direct routes by the whole key, and by each further key', () => {
  const router = createRouter(direct)
  for (const name of ['a', 'b', 'c']) router.bind(bindingTo(queue(name), name))
  router.bind(bindingTo(queue('empty'), ''))
  assert.deepEqual(namesOf(router, message('a')), ['a'])
  assert.deepEqual(namesOf(router, message('')), ['empty'])
  assert.deepEqual(namesOf(router, message('A')), [])
  assert.deepEqual(namesOf(router, message('a', { extraKeys: ['c', 'd', 'a'] })), ['a', 'c'])
})

test('direct adds a destination that is bound with two sets of arguments once', () => {
  const router = createRouter(direct)
  const q = queue('q')
  const first = bindingTo(q, 'k', tableOf({ a: '1' }))
  const second = bindingTo(q, 'k', tableOf({ a: '2' }))
  router.bind(first)
  router.bind(second)
  const added: string[] = []
  router.route(message('k'), { add: (destination) => void added.push(destination.name) })
  assert.deepEqual(added, ['q'])
  router.unbind(first)
  assert.deepEqual(namesOf(router, message('k')), ['q'])
  router.unbind(second)
  assert.deepEqual(namesOf(router, message('k')), [])
})

test('fanout ignores keys and headers', () => {
  const router = createRouter(fanout)
  const q = queue('q')
  const first = bindingTo(q, 'a')
  router.bind(first)
  router.bind(bindingTo(q, 'b'))
  router.bind(bindingTo(queue('r'), 'c'))
  assert.deepEqual(namesOf(router, message('anything')), ['q', 'r'])
  router.unbind(first)
  assert.deepEqual(namesOf(router, message('')), ['q', 'r'])
})
