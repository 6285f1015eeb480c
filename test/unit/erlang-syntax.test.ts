import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ErlangSyntaxError, type ErlangTerm, parseErlangTerm, printErlangTerm } from '../../src/util/erlang-syntax.ts'

const atom = (name: string): ErlangTerm => ({ type: 'atom', name })
const number = (value: number): ErlangTerm => ({ type: 'number', value })
const string = (text: string): ErlangTerm => ({ type: 'string', text })
const binary = (text: string): ErlangTerm => ({ type: 'binary', text })
const list = (...items: ErlangTerm[]): ErlangTerm => ({ type: 'list', items })
const tuple = (...items: ErlangTerm[]): ErlangTerm => ({ type: 'tuple', items })

describe('terms of Erlang', () => {
  const cases: [string, ErlangTerm][] = [
    ['abc', atom('abc')],
    ['abc@Host_1', atom('abc@Host_1')],
    ["'not'", atom('not')],
    ["'it\\'s'", atom("it's")],
    ['"a ${b}"', string('a ${b}')],
    ['"a" "b"\n "c"', string('abc')],
    ['"\\"\\\\\\n\\t\\x41\\x{20ac}\\101"', string('"\\\n\tA€A')],
    ['""', string('')],
    ['<<"text">>', binary('text')],
    ['<<"täxt"/utf8>>', binary('täxt')],
    ['<<97,98,"c">>', binary('abc')],
    ['<<>>', binary('')],
    ['-12', number(-12)],
    ['1_000', number(1000)],
    ['16#ff', number(255)],
    ['1.5e3', number(1500)],
    ['$a', number(97)],
    ['[]', list()],
    ['[a,[],"b"]', list(atom('a'), list(), string('b'))],
    ['{}', tuple()],
    ['{a, 1 , "x"}.', tuple(atom('a'), number(1), string('x'))],
    ['% first\n{a, % second\n b}\n% last', tuple(atom('a'), atom('b'))],
    ['#{<<"k">> => {pem, <<"v">>}}', { type: 'map', entries: [[binary('k'), tuple(atom('pem'), binary('v'))]] }],
  ]
  for (const [source, term] of cases) {
    test(`${JSON.stringify(source)} is read`, () => assert.deepEqual(parseErlangTerm(source), term))
  }

  const broken: [string, RegExp][] = [
    ['', /^line 1, column 1: expected a term$/],
    ['{a,\n b', /^line 2, column 3: expected '}'$/],
    ['[a b]', /^line 1, column 4: expected '\]'$/],
    ['"abc', /the " is not closed/],
    ["'abc", /the ' is not closed/],
    ['a. b', /^line 1, column 4: there is something after the term$/],
    ['{a,}', /expected a term/],
    ['Variable', /expected a term/],
    ['<<256>>', /expected a text or a byte/],
    ['#{a, b}', /expected '=>'/],
    ['"\\x{110000}"', /is not a character/],
    ['36#!', /expected|something after/],
    ['['.repeat(1000), /nested too deeply/],
  ]
  for (const [source, problem] of broken) {
    test(`${JSON.stringify(source.slice(0, 20))} is refused with the place`, () =>
      assert.throws(
        () => parseErlangTerm(source),
        (error: Error) => error instanceof ErlangSyntaxError && problem.test(error.message),
      ))
  }

  test('what is printed reads as the same again', () => {
    const { term } = fc.letrec<{ term: ErlangTerm }>((tie) => ({
      term: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        fc.string({ minLength: 1 }).map(atom),
        fc.integer().map(number),
        fc.string({ unit: 'grapheme' }).map(string),
        fc.string({ unit: 'grapheme' }).map(binary),
        fc.array(tie('term'), { maxLength: 4 }).map((items) => list(...items)),
        fc.array(tie('term'), { maxLength: 4 }).map((items) => tuple(...items)),
        fc
          .array(fc.tuple(tie('term'), tie('term')), { maxLength: 3 })
          .map((entries): ErlangTerm => ({ type: 'map', entries })),
      ),
    }))
    fc.assert(
      fc.property(term, (given) => assert.deepEqual(parseErlangTerm(printErlangTerm(given)), given)),
      { seed: 1, numRuns: 300 },
    )
  })
})
