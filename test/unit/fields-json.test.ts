import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { BrokerError } from '../../src/core/errors.ts'
import { fieldFromJson, fieldToJson, tableFromJson, tableToJson } from '../../src/core/fields-json.ts'
import { array, bool, long, longstr, table, timestamp } from '../../src/core/fields.ts'
import type { Field, Table } from '../../src/core/fields.ts'

describe('from JSON', () => {
  test('every type of JSON has its type of field', () => {
    const json = { s: 'é', i: 5, big: 4_294_967_296, f: 1.5, t: true, n: null, a: [1, 'x'], o: { k: 'v' } }
    const expected: Table = new Map<string, Field>([
      ['s', longstr('é')],
      ['i', long(5)],
      ['big', long(4_294_967_296)],
      ['f', { type: 'double', value: 1.5 }],
      ['t', bool(true)],
      ['n', { type: 'void', value: null }],
      ['a', array([long(1), longstr('x')])],
      ['o', table(new Map([['k', longstr('v')]]))],
    ])
    assert.deepEqual(tableFromJson(json), expected)
  })

  test('the order of keys is kept', () => {
    assert.deepEqual([...tableFromJson({ b: 1, a: 2, c: 3 }).keys()], ['b', 'a', 'c'])
  })

  test('integers that a long cannot hold are doubles', () => {
    assert.deepEqual(fieldFromJson(1e300), { type: 'double', value: 1e300 })
    assert.deepEqual(fieldFromJson(2n ** 63n - 1n), long(2n ** 63n - 1n))
    assert.deepEqual(fieldFromJson(5n), long(5))
    assert.deepEqual(fieldFromJson(2n ** 63n), { type: 'double', value: 2 ** 63 })
  })

  test('nothing, null and an empty list stand for no arguments', () => {
    for (const empty of [undefined, null, [], {}]) assert.equal(tableFromJson(empty).size, 0)
    for (const bad of ['x', 5, [1], true]) assert.throws(() => tableFromJson(bad), BrokerError)
  })

  test('nesting has an end', () => {
    const nested = JSON.parse('['.repeat(5000) + ']'.repeat(5000)) as unknown
    assert.throws(() => fieldFromJson(nested), /nested more than 100 levels/)
    assert.throws(() => tableFromJson({ a: nested }), /nested more than 100 levels/)
    fieldFromJson(JSON.parse('['.repeat(100) + ']'.repeat(100)))
  })
})

describe('to JSON', () => {
  test('every type of field has a form', () => {
    const fields: readonly (readonly [Field, unknown])[] = [
      [longstr('é'), 'é'],
      [{ type: 'signedint', value: -5 }, -5],
      [{ type: 'unsignedbyte', value: 5 }, 5],
      [long(2 ** 53 - 1), 2 ** 53 - 1],
      [long(2n ** 63n - 1n), '9223372036854775807'],
      [timestamp(1_700_000_000), 1_700_000_000],
      [{ type: 'double', value: 1.5 }, 1.5],
      [{ type: 'double', value: NaN }, null],
      [{ type: 'float', value: Infinity }, null],
      [bool(false), false],
      [{ type: 'decimal', value: { scale: 2, unscaled: 314 } }, 3.14],
      [{ type: 'void', value: null }, null],
      [{ type: 'binary', value: Buffer.from('text') }, 'text'],
      [array([long(1), array([])]), [1, []]],
      [table(new Map([['k', table(new Map())]])), { k: {} }],
    ]
    for (const [field, json] of fields) assert.deepEqual(fieldToJson(field), json, field.type)
  })

  test('bytes that are not UTF-8 come out in base64, folded', () => {
    const bytes = Buffer.alloc(100, 0xff)
    for (const type of ['longstr', 'binary'] as const) {
      const text = fieldToJson({ type, value: bytes }) as string
      assert.ok(text.startsWith('Not UTF-8, base64 is: ///'))
      const base64 = text.slice('Not UTF-8, base64 is: '.length)
      assert.deepEqual(
        base64.split('\n').map((line) => line.length),
        [76, 60],
      )
      assert.deepEqual(Buffer.from(base64, 'base64'), bytes)
    }
  })

  test('a key that objects treat specially is a key like others', () => {
    const json = tableToJson(new Map([['__proto__', long(1)]]))
    assert.equal(JSON.stringify(json), '{"__proto__":1}')
    assert.deepEqual(tableFromJson(JSON.parse('{"__proto__":1}')), new Map([['__proto__', long(1)]]))
  })

  test('what came from JSON goes back to it unchanged', () => {
    const json = { a: [1, 'x', { b: null, c: [true, 1.25] }], 'x-max-length': 5 }
    assert.deepEqual(tableToJson(tableFromJson(json)), json)
  })
})
