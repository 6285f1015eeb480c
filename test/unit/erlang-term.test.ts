import assert from 'node:assert/strict'
import { test } from 'node:test'
import { erlangBinary, erlangFloat, erlangPairs, erlangTerm } from '../../src/util/erlang-term.ts'

test('text is a binary, printable or not', () => {
  assert.equal(erlangBinary(''), '<<>>')
  assert.equal(erlangBinary('zip'), '<<"zip">>')
  assert.equal(erlangBinary('a "b"\\\n'), '<<"a \\"b\\"\\\\\\n">>')
  assert.equal(erlangBinary('é'), '<<"é"/utf8>>')
  assert.equal(erlangBinary('\u0000\u0014'), '<<0,20>>')
  assert.equal(erlangBinary(Buffer.from([0, 255])), '<<0,255>>')
})

test('floats show their point', () => {
  assert.equal(erlangFloat(1.5), '1.5')
  assert.equal(erlangFloat(2), '2.0')
  assert.equal(erlangFloat(-1e21), '-1.0e21')
  assert.equal(erlangFloat(1.5e-7), '1.5e-7')
})

test('JSON prints as Erlang’s terms, keys in order', () => {
  assert.equal(erlangTerm({ b: [1, true, null], a: 1.5 }), '#{<<"a">> => 1.5,<<"b">> => [1,true,null]}')
  assert.equal(erlangTerm(1e21), '1000000000000000000000')
  assert.equal(erlangPairs({ b: 'x', a: {} }), '[{<<"a">>,#{}},{<<"b">>,<<"x">>}]')
})
