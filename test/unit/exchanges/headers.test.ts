import assert from 'node:assert/strict'
import { test } from 'node:test'

import { headers } from '../../../src/core/exchanges/headers.ts'
import { array, bool, long, signedint, table, timestamp } from '../../../src/core/fields.ts'
import type { Field } from '../../../src/core/fields.ts'
import { assertRefused, bindingTo, createRouter, facts, message, namesOf, queue, tableOf } from './exchange-fixtures.ts'

type Entries = Readonly<Record<string, Field | string>>

const isRouted = (args: Entries, sent: Entries | null): boolean => {
  const router = createRouter(headers)
  router.bind(bindingTo(queue('q'), 'ignored', tableOf(args)))
  const routed = namesOf(router, message('key', sent === null ? {} : { headers: tableOf(sent) }))
  return routed.length === 1
}

const NOTHING: Field = { type: 'void', value: null }

const MODES: readonly [name: string, args: Entries, sent: Entries | null, routed: boolean][] = [
  ['all is the default', { a: '1', b: '2' }, { a: '1' }, false],
  ['all with all of them', { 'x-match': 'all', a: '1', b: '2' }, { b: '2', a: '1', c: '3' }, true],
  ['all with a different value', { 'x-match': 'all', a: '1', b: '2' }, { a: '1', b: '3' }, false],
  ['any with one of them', { 'x-match': 'any', a: '1', b: '2' }, { b: '2' }, true],
  ['any with none of them', { 'x-match': 'any', a: '1', b: '2' }, { c: '2' }, false],
  ['all without arguments', { 'x-match': 'all' }, { a: '1' }, true],
  ['all without arguments and headers', {}, null, true],
  ['any without arguments', { 'x-match': 'any' }, { a: '1' }, false],
  ['all, and no headers', { a: '1' }, null, false],
  ['any, and no headers', { 'x-match': 'any', a: '1' }, null, false],
  ['all skips x- arguments', { 'x-match': 'all', 'x-a': '1', b: '2' }, { b: '2' }, true],
  ['any skips x- arguments', { 'x-match': 'any', 'x-a': '1' }, { 'x-a': '1' }, false],
  ['all-with-x does not', { 'x-match': 'all-with-x', 'x-a': '1', b: '2' }, { b: '2' }, false],
  ['all-with-x with all of them', { 'x-match': 'all-with-x', 'x-a': '1', b: '2' }, { b: '2', 'x-a': '1' }, true],
  ['any-with-x with one of them', { 'x-match': 'any-with-x', 'x-a': '1', b: '2' }, { 'x-a': '1' }, true],
  ['with-x skips x-match itself', { 'x-match': 'all-with-x' }, { a: '1' }, true],
  ['void wants the header, whatever it is', { a: NOTHING }, { a: signedint(7) }, true],
  ['void wants the header', { a: NOTHING }, { b: '1' }, false],
  ['any with void', { 'x-match': 'any', a: NOTHING, b: '1' }, { a: bool(false) }, true],
]

for (const [name, args, sent, routed] of MODES) {
  test(`headers: ${name}`, () => assert.equal(isRouted(args, sent), routed))
}

const bytes = (text: string): Field => ({ type: 'binary', value: Buffer.from(text) })
const double = (value: number): Field => ({ type: 'double', value })
const float = (value: number): Field => ({ type: 'float', value })

const VALUES: readonly [name: string, expected: Field | string, actual: Field | string, same: boolean][] = [
  ['integers of different widths', signedint(1), long(1), true],
  ['a small integer and a big one', long(5n), { type: 'byte', value: 5 }, true],
  ['integers beyond 2^53', long(9007199254740993n), long(9007199254740993n), true],
  ['neighbours beyond 2^53', long(9007199254740993n), long(9007199254740992n), false],
  ['an integer and a string', signedint(1), '1', false],
  ['an integer and a float of its value', signedint(1), double(1), true],
  ['a float and an integer of its value', double(2), long(2n), true],
  ['an integer and a float beside it', signedint(1), double(1.5), false],
  ['a float and the neighbour of its value', double(2 ** 53), long(9007199254740993n), false],
  ['a float and a double', float(1.5), double(1.5), true],
  ['booleans', bool(true), bool(true), true],
  ['different booleans', bool(true), bool(false), false],
  ['a boolean and a string', bool(true), 'true', false],
  ['strings', 'a', 'a', true],
  ['strings in different case', 'a', 'A', false],
  ['a string and the same bytes', 'é', bytes('é'), true],
  ['bytes and another string', bytes('a'), 'b', false],
  ['timestamps', timestamp(5), timestamp(5), true],
  ['different timestamps', timestamp(5), timestamp(6), false],
  ['an integer in seconds and a timestamp', signedint(5), timestamp(5), true],
  ['an integer in ms and a timestamp', long(5000), timestamp(5), true],
  ['a value and void', 'a', NOTHING, false],
  ['arrays', array([signedint(1)]), array([signedint(1)]), true],
  ['different arrays', array([signedint(1)]), array([signedint(2)]), false],
  ['tables', table(tableOf({ a: '1' })), table(tableOf({ a: '1' })), true],
]

for (const [name, expected, actual, same] of VALUES) {
  test(`headers compare ${name}: ${same ? 'equal' : 'different'}`, () => {
    assert.equal(isRouted({ a: expected }, { a: actual }), same)
  })
}

test('headers refuse a bad x-match', () => {
  const validate = (mode: Field | string) =>
    headers.validateBinding!(facts(), bindingTo(queue('q'), '', tableOf({ 'x-match': mode })))
  for (const mode of ['all', 'any', 'all-with-x', 'any-with-x']) validate(mode)
  headers.validateBinding!(facts(), bindingTo(queue('q')))
  assertRefused(
    () => validate('zip'),
    'Invalid x-match field value <<"zip">>; expected all, any, all-with-x, or any-with-x',
  )
  assertRefused(() => validate(signedint(1)), 'Invalid x-match field type signedint (value 1); expected longstr')
  assertRefused(
    () => validate(table(tableOf({ a: array([bool(true)]) }))),
    'Invalid x-match field type table (value [{<<"a">>,array,[{bool,true}]}]); expected longstr',
  )
})

test('headers bindings with equal keys are told apart when unbound', () => {
  const router = createRouter(headers)
  const first = bindingTo(queue('q'), '', tableOf({ a: '1' }))
  const second = bindingTo(queue('q'), '', tableOf({ a: '2' }))
  router.bind(first)
  router.bind(second)
  router.unbind(first)
  assert.deepEqual(namesOf(router, message('', { headers: tableOf({ a: '1' }) })), [])
  assert.deepEqual(namesOf(router, message('', { headers: tableOf({ a: '2' }) })), ['q'])
})
