import assert from 'node:assert/strict'
import { test } from 'node:test'

import { jmsTopic } from '../../../src/core/exchanges/jms-topic.ts'
import { bool, signedint } from '../../../src/core/fields.ts'
import { assertRefused, bindingTo, createRouter, facts, message, namesOf, queue, tableOf } from './exchange-fixtures.ts'

const erlang = (text: string) => tableOf({ rjms_erlang_selector: text })
const sql = (text: string) => tableOf({ 'x-jms-selector': text })

test("the client library's selector decides beside the key", () => {
  const router = createRouter(jmsTopic, tableOf({ rjms_version: '1.4.7' }))
  router.bind(bindingTo(queue('q'), 'select-key', erlang('{ident, <<"boolVal">>}.')))
  assert.deepEqual(namesOf(router, message('select-key', { headers: tableOf({ boolVal: bool(true) }) })), ['q'])
  assert.deepEqual(namesOf(router, message('select-key', { headers: tableOf({ boolVal: bool(false) }) })), [])
  assert.deepEqual(namesOf(router, message('select-key')), [])
  assert.deepEqual(namesOf(router, message('other-key', { headers: tableOf({ boolVal: bool(true) }) })), [])
})

test('a selector may be text, and may be absent', () => {
  const router = createRouter(jmsTopic)
  router.bind(bindingTo(queue('all'), 'stock.#'))
  const high = bindingTo(queue('high'), 'stock.*', sql('JMSPriority > 5 AND price >= 100'))
  router.bind(high)
  router.bind(bindingTo(queue('low'), 'stock.*', sql('price < 100')))
  const sent = (price: number) =>
    message('stock.nyse', { headers: tableOf({ price: signedint(price) }), properties: { priority: 6 } })
  assert.deepEqual(namesOf(router, sent(100)), ['all', 'high'])
  assert.deepEqual(namesOf(router, sent(99)), ['all', 'low'])
  assert.deepEqual(namesOf(router, message('stock')), ['all'])
  router.unbind(high)
  assert.deepEqual(namesOf(router, sent(100)), ['all'])
})

test('one queue with several selectors on one key', () => {
  const router = createRouter(jmsTopic)
  const q = queue('q')
  const first = bindingTo(q, 'k', sql("a = '1'"))
  router.bind(first)
  router.bind(bindingTo(q, 'k', sql("a = '2'")))
  assert.deepEqual(namesOf(router, message('k', { headers: tableOf({ a: '1' }) })), ['q'])
  router.unbind(first)
  assert.deepEqual(namesOf(router, message('k', { headers: tableOf({ a: '1' }) })), [])
  assert.deepEqual(namesOf(router, message('x', { extraKeys: ['k'], headers: tableOf({ a: '2' }) })), ['q'])
})

test('a bad selector is refused with the binding that it is for', () => {
  const validate = (args = tableOf(), key = 'k') => jmsTopic.validateBinding!(facts(), bindingTo(queue('q'), key, args))
  validate()
  validate(sql('a = 1'))
  validate(erlang('true.'))
  assertRefused(
    () => validate(sql('a =')),
    "cannot parse selector 'a =' binding destination 'q' to exchange 'x': unexpected end of selector at offset 3",
  )
  assertRefused(
    () => validate(erlang('a = 1')),
    /^cannot parse selector 'a = 1' binding destination 'q' to exchange 'x'/,
  )
  assertRefused(() => validate(erlang('"text".')), /unexpected character/)
  assertRefused(() => validate(tableOf({ 'x-jms-selector': signedint(1) })), /selector '1' .* expected longstr$/)
  assertRefused(
    () => validate(tableOf({ 'x-jms-selector': 'a', rjms_erlang_selector: 'true.' })),
    'rjms_erlang_selector and x-jms-selector are mutually exclusive',
  )
  assertRefused(() => validate(sql('a'), '#.#.#'), /at most 2 are allowed$/)
})
