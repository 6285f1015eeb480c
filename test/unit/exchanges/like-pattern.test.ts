import assert from 'node:assert/strict'
import { test } from 'node:test'

import { LikePattern } from '../../../src/core/exchanges/like-pattern.ts'

const CASES: readonly [
  pattern: string,
  escape: string | null,
  matching: readonly string[],
  other: readonly string[],
][] = [
  ['', null, [''], ['a']],
  ['abc', null, ['abc'], ['ab', 'abcd', 'ABC']],
  ['%', null, ['', 'a', 'a\nb'], []],
  ['a%', null, ['a', 'ab'], ['', 'ba']],
  ['%a', null, ['a', 'ba', 'aa'], ['', 'ab']],
  ['a%b%c', null, ['abc', 'axbxc', 'abcbc'], ['acb', 'ab']],
  ['_', null, ['a', '%', '😀'], ['', 'ab', '😀😀']],
  ['b_e', null, ['bee', 'b.e'], ['be', 'beee']],
  ['%_%', null, ['a', 'ab'], ['']],
  ['!_%', '!', ['_', '_a'], ['a', 'a_']],
  ['100!%', '!', ['100%'], ['100', '1000']],
  ['a!!b', '!', ['a!b'], ['a!!b']],
  ['a!', '!', ['a!'], ['a']],
  ['a.c*', null, ['a.c*'], ['abc', 'a.cc']],
  ['%😀_', null, ['😀x', 'a😀😀'], ['😀']],
]

for (const [pattern, escape, matching, other] of CASES) {
  test(`LIKE '${pattern}'${escape === null ? '' : ` ESCAPE '${escape}'`}`, () => {
    const like = new LikePattern(pattern, escape)
    for (const text of matching) assert.equal(like.matches(text), true, `'${text}' is like it`)
    for (const text of other) assert.equal(like.matches(text), false, `'${text}' is not like it`)
  })
}

test('many wildcards take no exponential time', () => {
  assert.equal(new LikePattern(`${'%a'.repeat(200)}%b`, null).matches('a'.repeat(5000)), false)
})
