import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Automaton } from '../../src/util/pcre/automaton.ts'
import { backtracksWithin } from '../../src/util/pcre/backtracking.ts'
import { parseExpression } from '../../src/util/pcre/expression.ts'

/**
 * Expressions as the translator writes them. Few different characters, so that they often match; and none beyond U+FFFF, in the middle
 * of which V8 finds a place where no word ends (`/\B/v`).
 */
const { expression } = fc.letrec<{ expression: string; sequence: string; item: string; atom: string }>((tie) => ({
  expression: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    tie('sequence'),
    fc.tuple(tie('sequence'), tie('sequence')).map(([a, b]) => `${a}|${b}`),
  ),
  sequence: fc.array(tie('item'), { maxLength: 4 }).map((items) => items.join('')),
  item: fc.oneof(
    { depthSize: 'small' },
    tie('atom'),
    fc
      .tuple(tie('atom'), fc.constantFrom('*', '+', '?', '{2}', '{1,}', '{0,2}', '*?', '+?', '??', '{1,3}?'))
      .map((parts) => parts.join('')),
    fc.constantFrom('^', '$', '\\b', '\\B', '(?=\\n?$)'),
    fc.tuple(fc.constantFrom('(?=', '(?!', '(?<=', '(?<!'), tie('expression')).map(([open, body]) => `${open}${body})`),
  ),
  atom: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom('a', 'b', 'é', '\\.', '[^]', '[^\\n]', '[a-b]', '[^a[\\d]]', '\\p{Lu}', '\\w', '\\n'),
    tie('expression').map((body) => `(?:${body})`),
  ),
}))
const text = fc.array(fc.constantFrom('a', 'b', 'A', 'é', '.', '\n', '1'), { maxLength: 10 }).map((all) => all.join(''))

test('the automaton finds what the engine of JavaScript finds', () => {
  let found = 0
  fc.assert(
    fc.property(expression, fc.array(text, { minLength: 1, maxLength: 5 }), (source, texts) => {
      const tree = parseExpression(source)
      // the engine would never come to an end with some
      fc.pre(backtracksWithin(tree, 10) < 1e9)
      const automaton = new Automaton(tree, 100_000)
      const regexp = new RegExp(source, 'v')
      for (const each of texts) {
        const expected = regexp.test(each)
        if (expected) found++
        assert.equal(automaton.test(each), expected, `${source} and ${JSON.stringify(each)}`)
      }
    }),
    { numRuns: 2000 },
  )
  assert.ok(found > 500, `${found} matches`)
})
