import assert from 'node:assert/strict'
import { test } from 'node:test'

import { parseJmsSelector } from '../../../src/core/exchanges/jms-selector.ts'
import { evaluate, SelectorError } from '../../../src/core/exchanges/selector.ts'
import type { SelectorValue } from '../../../src/core/exchanges/selector.ts'
import { bool, long, longstr, signedint, timestamp } from '../../../src/core/fields.ts'
import { message, tableOf } from './exchange-fixtures.ts'

const CAR = message('', {
  headers: tableOf({
    colour: 'blue',
    quoted: "it's",
    weight: signedint(2501),
    WeIgHt: signedint(2),
    big: long(9007199254740993n),
    ratio: { type: 'double', value: 0.03 },
    price: { type: 'decimal', value: { scale: 2, unscaled: 1999 } },
    sold: bool(false),
    new: bool(true),
    built: timestamp(5),
    blob: { type: 'binary', value: Buffer.from('blue') },
    'a.b': 'dotted',
  }),
  properties: {
    priority: 7,
    deliveryMode: 2,
    messageId: 'ID:1',
    timestamp: 1_700_000_000,
    correlationId: 'c1',
    type: 'car',
  },
})

/** `t`, `f`, `u` for true, false, unknown. */
const truth = (text: string, routable = CAR): string => {
  const value: SelectorValue = evaluate(parseJmsSelector(text), routable)
  return value === null ? 'u' : value === true ? 't' : value === false ? 'f' : String(value)
}

const TRUE = [
  "colour = 'blue'",
  "colour <> 'red'",
  "quoted = 'it''s'",
  'weight = 2501',
  'WeIgHt = 2',
  '2501 = weight',
  'weight > 2500 AND weight < 2502 AND weight >= 2501 AND weight <= 2501',
  'weight = 2501.0',
  'weight = 2.501E3',
  'weight = 0x9C5',
  'weight = 2501L',
  'big = 9007199254740993',
  'big <> 9007199254740992',
  'big > 9007199254740992',
  'ratio = 3e-2 and ratio = .03 AND ratio < 7.',
  'price = 19.99',
  'NOT sold',
  'new',
  'new = TRUE',
  'sold <> true',
  'built = 5000',
  "a.b = 'dotted'",
  'weight BETWEEN 2501 AND 2501',
  'weight NOT BETWEEN 0 AND 2500',
  "colour BETWEEN 'a' AND 'c'",
  "colour IN ('red', 'blue')",
  "colour NOT IN ('red')",
  'weight IN (1, 2501, -3)',
  "colour LIKE 'bl%'",
  "colour NOT LIKE 'l%'",
  "colour like 'b!_ue' escape '!' or colour like 'b_ue'",
  'missing IS NULL',
  'blob IS NULL',
  'colour IS NOT NULL',
  'weight + 1 = 2502',
  '-weight = -2501',
  '- -weight = +2501',
  '2 + 3 * 4 = 14',
  '(2 + 3) * 4 = 20',
  '10 - 2 - 3 = 5',
  '12 / 2 / 3 = 2',
  '1 / 2 = 0.5',
  '1 / 0 > 1000000',
  'TRUE OR FALSE AND FALSE',
  'NOT FALSE AND TRUE',
  "NOT colour = 'red'",
  '(weight > 1) = TRUE',
  'JMSPriority = 7',
  "JMSDeliveryMode = 'PERSISTENT'",
  "JMSMessageID = 'ID:1'",
  'JMSTimestamp = 1700000000000',
  "JMSCorrelationID = 'c1'",
  "JMSType LIKE 'c%'",
  '\t(\n(new) )\r\n',
]

for (const text of TRUE) test(`selector is true: ${text}`, () => assert.equal(truth(text), 't'))

const FALSE = [
  "colour = 'Blue'",
  'weight <> 2501',
  'colour = 5',
  'colour <> 5',
  "weight > 'a'",
  'new > sold',
  "weight LIKE '2%'",
  'FALSE AND missing',
  'weight IS NULL',
  "colour IN ('red')",
  'weight BETWEEN 3000 AND missing',
  '0 / 0 = 0 / 0',
  '(TRUE OR FALSE) AND FALSE',
  'NOT (new AND weight = 2501)',
  "JMSType = 'bus'",
]

for (const text of FALSE) test(`selector is false: ${text}`, () => assert.equal(truth(text), 'f'))

const UNKNOWN = [
  'missing',
  'missing = 1',
  'missing <> missing',
  'NOT missing',
  "missing LIKE '%'",
  "missing NOT LIKE '%'",
  "missing IN ('a')",
  "missing NOT IN ('a')",
  'missing BETWEEN 1 AND 2',
  'weight BETWEEN missing AND 3000',
  'missing + 1 = 2',
  '-missing = 1',
  '-colour = 1',
  'colour + 1 = 2',
  "JMSReplyTo = 'x'",
]

for (const text of UNKNOWN) test(`selector is unknown: ${text}`, () => assert.equal(truth(text), 'u'))

test('the truth tables of three-valued logic', () => {
  const operands: Readonly<Record<string, string>> = { t: 'TRUE', f: 'FALSE', u: 'missing' }
  const tables = {
    AND: { tt: 't', tf: 'f', tu: 'u', ft: 'f', ff: 'f', fu: 'f', ut: 'u', uf: 'f', uu: 'u' },
    OR: { tt: 't', tf: 't', tu: 't', ft: 't', ff: 'f', fu: 'u', ut: 't', uf: 'u', uu: 'u' },
  }
  for (const [operator, table] of Object.entries(tables)) {
    for (const [pair, expected] of Object.entries(table)) {
      const text = `${operands[pair[0]!]} ${operator} ${operands[pair[1]!]}`
      assert.equal(truth(text), expected, text)
    }
  }
  for (const [operand, expected] of [
    ['t', 'f'],
    ['f', 't'],
    ['u', 'u'],
  ] as const) {
    assert.equal(truth(`NOT ${operands[operand]}`), expected)
  }
})

test('JMS headers win over properties, and absent properties are null', () => {
  const sent = message('', {
    headers: tableOf({ JMSPriority: signedint(1), JMSType: longstr('h') }),
    properties: { type: 'p' },
  })
  assert.equal(truth("JMSPriority = 1 AND JMSType = 'h'", sent), 't')
  const bare = message('')
  assert.equal(truth("JMSDeliveryMode = 'NON_PERSISTENT'", bare), 't')
  for (const name of ['JMSPriority', 'JMSMessageID', 'JMSTimestamp', 'JMSCorrelationID', 'JMSType']) {
    assert.equal(truth(`${name} IS NULL`, bare), 't')
  }
})

const BAD: readonly [text: string, reason: RegExp][] = [
  ['', /unexpected end of selector at offset 0/],
  ['   ', /unexpected end/],
  ['colour =', /unexpected end/],
  ['= 1', /unexpected symbol = at offset 0/],
  ["colour = 'blue", /unterminated string at offset 9/],
  ["colour = 'blue''", /unterminated string/],
  ['colour == 1', /unexpected symbol =/],
  ['a = 1 b', /unexpected identifier b at offset 6/],
  ['a = b = c', /unexpected symbol =/],
  ['(a = 1', /unexpected end/],
  ['a = 1)', /unexpected symbol \)/],
  ['a IN ()', /unexpected symbol \)/],
  ["a IN ('x' 'y')", /unexpected string y/],
  ['a IN (b)', /unexpected identifier b/],
  ["a IN (-'x')", /unexpected string/],
  ['a LIKE b', /unexpected identifier b/],
  ["a LIKE 'x' ESCAPE 'ab'", /ESCAPE must be followed by one character/],
  ["a LIKE 'x' ESCAPE ''", /ESCAPE must be followed by one character/],
  ['a BETWEEN 1 OR 2', /unexpected keyword OR/],
  ['a IS 5', /unexpected number 5/],
  ['a = NULL', /unexpected keyword NULL/],
  ['a NOT 5', /unexpected number 5/],
  ['a ; b', /unexpected character at offset 2/],
  ['"a" = 1', /unexpected character at offset 0/],
  ['a = 12x', /unexpected character at offset 4/],
  ['a = 1.2.3', /unexpected character/],
  ['a = 0x', /unexpected character/],
  ['a = 9223372036854775809', /number out of range/],
  ['a = 1e999', /number out of range/],
  ["'text'", /expected a condition instead of a string/],
  ['1 + 1', /expected a condition instead of a number/],
  ["a AND 'x'", /expected a condition instead of a string/],
  ['NOT 5', /expected a condition instead of a number/],
  ["a + 'x' = 1", /expected a number instead of a string/],
  ['-TRUE = 1', /expected a number instead of a condition/],
  ['AND', /unexpected keyword AND/],
]

for (const [text, reason] of BAD) {
  test(`selector is refused: ${text}`, () => {
    assert.throws(
      () => parseJmsSelector(text),
      (error) => error instanceof SelectorError && reason.test(error.message),
    )
  })
}

test('selectors have limits', () => {
  const refused = (text: string, reason: RegExp) => assert.throws(() => parseJmsSelector(text), reason)
  refused(`a = '${'x'.repeat(20_000)}'`, /longer than 16384 characters/)
  refused(`${'('.repeat(65)}a${')'.repeat(65)}`, /nested deeper than 64/)
  refused(`${'NOT '.repeat(65)}a`, /nested deeper than 64/)
  refused(`${'- '.repeat(2000)}1 = 1`, /nested deeper than 64/)
  refused(Array.from({ length: 600 }, () => 'a').join(' OR '), /more than 1000 terms/)
  refused(`a IN (${Array.from({ length: 1001 }, () => '1').join(',')})`, /more than 1000 terms/)
  refused(`${'9'.repeat(16_000)}x = 1`, /unexpected character/)
  assert.equal(truth(`${'('.repeat(64)}new${')'.repeat(64)}`), 't')
  assert.equal(truth(Array.from({ length: 300 }, () => 'sold').join(' OR ')), 'f')
})
