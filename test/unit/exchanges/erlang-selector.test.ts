import assert from 'node:assert/strict'
import { test } from 'node:test'

import { parseErlangSelector } from '../../../src/core/exchanges/erlang-selector.ts'
import { parseJmsSelector } from '../../../src/core/exchanges/jms-selector.ts'
import { evaluate, SelectorError } from '../../../src/core/exchanges/selector.ts'
import { bool, signedint } from '../../../src/core/fields.ts'
import { message, tableOf } from './exchange-fixtures.ts'

const CAR = message('', {
  headers: tableOf({
    JMSType: 'car',
    colour: 'blue',
    altcol: "'blue",
    likevar: 'bl_ue',
    weight: signedint(2501),
    afloat: { type: 'float', value: 0.5 },
    abool: bool(false),
    odd: 'say "\\hi"',
  }),
})

const valueOf = (text: string) => evaluate(parseErlangSelector(text), CAR)

const TRUE = [
  'true.',
  "'true'",
  `{'=',{'ident',<<"JMSType">>},<<"car">>}.`,
  `{'not',{'ident',<<"abool">>}}`,
  `{'=',{'ident',<<"weight">>},2501}`,
  `{'=',2501,{'ident',<<"weight">>}}`,
  `{'=',{'ident',<<"afloat">>},5.0e-1}`,
  `{'=',{'ident',<<"afloat">>},5.0E-1}`,
  `{'>',{'ident',<<"weight">>},2500}`,
  `{'<>',{'ident',<<"weight">>},-2501}`,
  `{'between',{'ident',<<"weight">>},0,2501}`,
  `{'between',{'ident',<<"weight">>},{'range',0,2501}}`,
  `{'not_between',16,17,18}`,
  `{'like',{'ident',<<"colour">>},<<"bl%">>,'no_escape'}`,
  `{'like',{'ident',<<"likevar">>},<<"b_!_ue">>,<<"!">>}`,
  `{'like',{'ident',<<"likevar">>},{<<"b_!_ue">>,<<"!">>}}`,
  `{'not_like',{'ident',<<"colour">>},{<<"l%">>,no_escape}}`,
  `{'like',{'ident',<<"altcol">>},<<"'bl%">>,'no_escape'}`,
  `{'in',{'ident',<<"colour">>},[<<"blue">>,<<"green">>]}`,
  `{'not_in',{'ident',<<"colour">>},[<<"grue">>,<<"bleen">>]}`,
  `{'not_in',{'ident',<<"colour">>},[]}`,
  `{'is_null',{'ident',<<"missing">>}}`,
  `{'not_null',{'ident',<<"colour">>}}`,
  `{'=',{'+',{'ident',<<"weight">>},1},2502}`,
  `{'=',{'-',{'ident',<<"weight">>}},-2501}`,
  `{'=',{'+',{'*',2,3},{'/',8,2}},10}`,
  `{'=',{'+',5},5}`,
  `{'or',{'and',{'like',{'ident',<<"colour">>},<<"bl%">>,'no_escape'},{'>',{'ident',<<"weight">>},2500}},false}`,
  `{'=',{'ident',<<"odd">>},<<"say \\"\\\\hi\\"">>}`,
  ` { '=' , { ident , << "colour" >> } ,\n<<"blue"/utf8>> } .\n`,
  `{'<>',{'ident',<<"colour">>},<<>>}`,
]

for (const text of TRUE) test(`Erlang selector is true: ${text}`, () => assert.equal(valueOf(text), true))

test('Erlang selectors are false or unknown like any other', () => {
  assert.equal(valueOf(`{ident, <<"abool">>}.`), false)
  assert.equal(valueOf(`{'<=',{'ident',<<"weight">>},2500}`), false)
  assert.equal(valueOf(`{'<=',{'ident',<<"missing">>},2500}`), null)
  assert.equal(valueOf(`{'in',{'ident',<<"missing">>},[<<"blue">>]}`), null)
  assert.equal(valueOf(`{'and',{'ident',<<"missing">>},false}`), false)
})

test('both languages give the same tree', () => {
  const pairs: readonly (readonly [sql: string, erlang: string])[] = [
    ["a = 'x' AND NOT b > 1.5", `{'and',{'=',{'ident',<<"a">>},<<"x">>},{'not',{'>',{'ident',<<"b">>},1.5}}}.`],
    [
      'a NOT BETWEEN -b AND 9007199254740993',
      `{'not_between',{'ident',<<"a">>},{'-',{'ident',<<"b">>}},9007199254740993}`,
    ],
    ["a IN ('x','y') OR c", `{'or',{'in',{'ident',<<"a">>},[<<"x">>,<<"y">>]},{'ident',<<"c">>}}`],
    ['a IS NOT NULL', `{'not_null',{'ident',<<"a">>}}`],
    ['a + 1 <= 2 * b', `{'<=',{'+',{'ident',<<"a">>},1},{'*',2,{'ident',<<"b">>}}}`],
  ]
  for (const [sql, erlang] of pairs) assert.deepEqual(parseErlangSelector(erlang), parseJmsSelector(sql))
})

const BAD = [
  '',
  '.',
  'true. false',
  'true false',
  'maybe',
  "'no_escape'",
  '[]',
  '{}',
  '{1,2}',
  '{<<"a">>}',
  "{'ident'}",
  "{'ident',name}",
  `{'ident',<<"a">>,1}`,
  "{'=',1}",
  "{'=',1,2,3}",
  "{'in',1,2}",
  "{'in',1,[true]}",
  '{\'like\',1,<<"a">>}',
  `{'like',1,<<"a">>,maybe}`,
  `{'like',1,<<"a">>,<<"ab">>}`,
  `{'like',1,{'regex',<<"a*">>}}`,
  "{'between',1,2}",
  "{'between',1,2,3,4}",
  "{'not_equal',1,2}",
  "{'is_null'}",
  "{'is_null',1,2}",
  "{'apply',1,2}",
  "{'not',1,2}",
  '{true',
  '{true,',
  '{true,}',
  '<<"abc',
  "'abc",
  '<<1,2>>',
  '<<"a">',
  '"text"',
  'X',
  '#{}',
  '- x',
  '1.0e999',
  '9'.repeat(101),
]

for (const text of BAD) {
  test(`Erlang selector is refused: ${text}`, () => assert.throws(() => parseErlangSelector(text), SelectorError))
}

test('Erlang selectors have limits', () => {
  const nested = (depth: number) => `${"{'not',".repeat(depth)}true${'}'.repeat(depth)}`
  assert.equal(valueOf(nested(256)), true)
  assert.throws(() => parseErlangSelector(nested(257)), /nested deeper than 256/)
  assert.throws(() => parseErlangSelector(`<<"${'x'.repeat(20_000)}">>`), /longer than 16384 characters/)
  assert.throws(
    () => parseErlangSelector(`{'in',1,[${Array.from({ length: 1001 }, () => '1').join(',')}]}`),
    /more than 1000 terms/,
  )
})
