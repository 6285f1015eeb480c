import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { indentJson, inexactNumber } from '../../ui/src/exact-json.ts'

describe('JSON laid out to be read', () => {
  test('has the tokens that it had', () => {
    const text = '{"id":9007199254740993,"price":1.0, "2":"b","1":"a","id":[] ,"n":{ },"l":[1,{"x":-1e400}]}'
    assert.equal(
      indentJson(text),
      [
        '{',
        '  "id": 9007199254740993,',
        '  "price": 1.0,',
        '  "2": "b",',
        '  "1": "a",',
        '  "id": [],',
        '  "n": {},',
        '  "l": [',
        '    1,',
        '    {',
        '      "x": -1e400',
        '    }',
        '  ]',
        '}',
      ].join('\n'),
    )
  })

  test('leaves strings as they are, whatever is in them', () => {
    const text = String.raw`["a, {b}: [c]","\"\\","é😀\ud83d","\u2028"]`
    assert.equal(indentJson(text)?.replaceAll('\n', '').replaceAll('  ', ''), text)
  })

  test('is none where the text is none, or neither an object nor a list', () => {
    for (const text of ['{"a":1', '[1,]', 'text', '17', '"a"', '', '{a:1}']) assert.equal(indentJson(text), null, text)
  })
})

describe('numbers that JavaScript does not hold exactly', () => {
  test('are found', () => {
    for (const number of ['9007199254740993', '-9223372036854775808', '1e400', '12345678901234567890.0'])
      assert.equal(inexactNumber(`{"a":[true, ${number}]}`), number)
  })

  test('are not seen in what is exact, or no number', () => {
    for (const text of ['9007199254740991', '1.5', '{"a":"9007199254740993","b":null,"c":0.1,"d":-0}', 'Infinity', 'x'])
      assert.equal(inexactNumber(text), null, text)
  })
})
