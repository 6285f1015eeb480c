import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { compilePcre, escapePcre, PatternError } from '../../src/util/pcre.ts'

/** What Erlang's `re` says of the same pattern and subject. */
const MATCHES: readonly (readonly [pattern: string, matching: readonly string[], others: readonly string[]])[] = [
  ['', ['', 'a'], []],
  ['.*', ['', 'a', '\n'], []],
  ['^amq\\.', ['amq.direct'], ['amq', 'xamq.', 'amqx']],
  ['b', ['abc'], ['ac']],
  ['^$', ['', '\n'], ['a']],
  ['a$', ['a', 'a\n', 'ba'], ['a\n\n', 'ab']],
  ['^a.b$', ['a-b', 'a\rb', 'a\u2028b', 'a😀b'], ['a\nb', 'ab']],
  ['\\Aa\\z', ['a'], ['a\n', 'ba']],
  ['\\Aa\\Z', ['a', 'a\n'], ['ab']],
  ['(?i)^QUEUE-[a-c]$', ['queue-A', 'QueUe-b'], ['queue-d']],
  ['^(?i:a)b$', ['Ab', 'ab'], ['aB', 'AB']],
  ['^(a(?i)b|c)d$', ['aBd', 'abd', 'Cd', 'cd'], ['Abd', 'abD']],
  ['(?i)^(?-i)a$', ['a'], ['A']],
  ['(?i)^[^b-y][[:upper:]]\\x61$', ['azA', 'ZZa'], ['Baa', 'a1a']],
  ['(?i)[ba]', ['A'], ['C']],
  ['(?i:)[ba]', ['a'], ['A']],
  ['(?s)a.b', ['a\nb'], ['ab']],
  ['(?m)^b$', ['a\nb\nc', 'b'], ['ab\nc']],
  ['(?m)a\\n^', ['a\nb'], ['a\n']],
  ['(?x) ^ a b # comment\n + $', ['ab', 'abb'], ['a b']],
  ['^a(?#comment)+$', ['aaa'], ['']],
  ['^[[:alpha:]_]+$', ['ab_C'], ['a1', '']],
  ['^[[:^digit:]5]$', ['a', '5'], ['4']],
  ['^[^[:space:]]+$', ['ab'], ['a b', '\t']],
  ['^[]a]+$', [']a]'], ['b']],
  ['^[^]a]$', ['b'], [']', 'a']],
  ['^[\\d-z]+$', ['1-z'], ['y']],
  ['^[a&&b(){}|~~/-]+$', ['a&b-/(){}|~'], ['c']],
  ['^[\\w.\\-]+$', ['a.b-c_1'], ['a/b', 'é']],
  ['^[\\S\\n]$', ['a', '\n'], [' ']],
  ['^\\s$', [' ', '\v'], ['\u00a0', 'a']],
  ['^\\h\\v\\N\\R$', ['\t\na\r\n'], ['\t\n\n\n']],
  ['^\\x41\\x{42}\\103\\o{104}\\e\\cA\\0$', ['ABCD\u001b\u0001\u0000'], ['ABCD']],
  ['^\\Qa.*(\\E+$', ['a.*(((('], ['abc']],
  ['^\\Qa.b', ['a.b'], ['axb']],
  ['^a{,2}{$', ['a{,2}{'], ['aa']],
  ['^a{2}$', ['aa'], ['a', 'aaa']],
  ["^(?<n>a)(?P<m>b)(?'o'c)$", ['abc'], ['ab']],
  ['^(?=a)*b', ['b', 'bc'], ['ab']],
  ['^(?!amq\\.)', ['other'], ['amq.x']],
  ['(?<=a)b(?<!c)', ['ab'], ['cb']],
  ['^a+?b??$', ['aab', 'a'], ['b']],
  ['^\\pL\\p{Lu}\\P{^Nd}\\p{Greek}$', ['aB1α'], ['ab1α']],
  ['\\bfoo\\b\\/\\_\\-\\@', ['a foo/_-@'], []],
  ['^{username}$', ['{username}'], ['username']],
  ['^é+$', ['éé'], ['e']],
]

/** Pattern, and Erlang's answer to it. */
const ERRORS: Readonly<Record<string, string>> = {
  '(': '{"missing )",1}',
  '(abc': '{"missing )",4}',
  'é(': '{"missing )",3}',
  'a)': '{"unmatched parentheses",1}',
  '*': '{"nothing to repeat",0}',
  'a**': '{"nothing to repeat",2}',
  '{1}': '{"nothing to repeat",2}',
  '^*': '{"nothing to repeat",1}',
  '[a': '{"missing terminating ] for character class",2}',
  '[]': '{"missing terminating ] for character class",2}',
  'x[b-a]y': '{"range out of order in character class",4}',
  '[a-\\d]': '{"invalid range in character class",4}',
  '[a-[:digit:]]': '{"invalid range in character class",3}',
  '[[:foo:]]': '{"unknown POSIX class name",3}',
  '[:alpha:]': '{"POSIX named classes are supported only within a class",0}',
  '[[.x.]]': '{"POSIX collating elements are not supported",1}',
  'a\\': '{"\\\\ at end of pattern",2}',
  '\\c': '{"\\\\c at end of pattern",2}',
  'a{3,2}': '{"numbers out of order in {} quantifier",5}',
  'a{65536}': '{"number too big in {} quantifier",7}',
  '(?z)': '{"unrecognized character after (? or (?-",2}',
  '(?i': '{"unrecognized character after (? or (?-",3}',
  '(?Px': '{"unrecognized character after (?P",3}',
  '(?<1>a)': '{"group name must start with a non-digit",3}',
  '(?<n': '{"syntax error in subpattern name (missing terminator)",4}',
  '(?P<n>a)(?P<n>b)': '{"two named subpatterns have the same name",13}',
  '(?#abc': '{"missing ) after comment",6}',
  '\\p{Foo}': '{"unknown property name after \\\\P or \\\\p",6}',
  '\\p': '{"malformed \\\\P or \\\\p sequence",2}',
  '\\o{8}': '{"non-octal character in \\\\o{} (closing brace missing?)",3}',
  '\\x{zz}': '{"non-hex character in \\\\x{} (closing brace missing?)",3}',
  '\\x{110000}': '{"character value in \\\\x{} or \\\\o{} is too large",9}',
  '\\400': '{"octal value is greater than \\\\377 in 8-bit non-UTF-8 mode",3}',
  '\\u0041': '{"PCRE does not support \\\\L, \\\\l, \\\\N{name}, \\\\U, or \\\\u",1}',
  '\\N{U+41}': '{"PCRE does not support \\\\L, \\\\l, \\\\N{name}, \\\\U, or \\\\u",1}',
  '[\\N]': '{"\\\\N is not supported in a class",2}',
}

/** Fine in PCRE, but not here. */
const REFUSED: Readonly<Record<string, string>> = {
  '(a)\\1': '{"backreferences are not supported",3}',
  '(?<n>a)\\k<n>': '{"backreferences are not supported",7}',
  '(?P<n>a)(?P=n)': '{"backreferences are not supported",8}',
  'a++': '{"possessive quantifiers are not supported",2}',
  '(?>a)': '{"atomic groups are not supported",0}',
  '(a(?1)?)': '{"recursive patterns are not supported",2}',
  '(a)?(?(1)b|c)': '{"conditional groups are not supported",4}',
  '(?C1)a': '{"callouts are not supported",0}',
  '(*UTF8)a': '{"verbs are not supported",0}',
  'a\\X': '{"\\\\X is not supported",1}',
}

/** Pattern, a text that matches, and what does not when it comes after 254 times `a`. */
const SLOW: readonly (readonly [pattern: string, matching: string, other: string])[] = [
  ['^(a+)+$', 'aaa', 'b'],
  ['^(a|a)*$', 'aaa', 'b'],
  ['^(a|aa)+$', 'aaa', 'b'],
  ['(a*)*b', 'aab', 'c'],
  ['^(.*a){20}$', 'a'.repeat(20), 'b'],
  ['.*.*.*.*.*=.*', 'a=b', ''],
  ['^([a-z]+\\.)*[a-z]+$', 'a.b.c', '!'],
  ['^(?=(a+)+$)a', 'aaa', 'b'],
  ['^(?!(a+)+b)a', 'aaa', 'b'],
  ['(?<=^(a+)+)c', 'aac', 'b'],
  ['(?i)^(A+)+$', 'aaa', 'b'],
]

describe('PCRE patterns', () => {
  for (const [pattern, matching, others] of MATCHES) {
    it(`means what PCRE means by ${JSON.stringify(pattern)}`, () => {
      const regexp = compilePcre(pattern)
      for (const subject of matching) assert.ok(regexp.test(subject), `${JSON.stringify(subject)} should match`)
      for (const subject of others) assert.ok(!regexp.test(subject), `${JSON.stringify(subject)} should not match`)
    })
  }

  it('answers the same each time', () => {
    for (const pattern of ['a', '(a|aa)+$']) {
      const compiled = compilePcre(pattern)
      assert.deepEqual([compiled.test('a'), compiled.test('b'), compiled.test('ba')], [true, false, true], pattern)
    }
  })

  for (const [pattern, message] of Object.entries({ ...ERRORS, ...REFUSED })) {
    it(`refuses ${JSON.stringify(pattern)}`, () => {
      assert.throws(() => compilePcre(pattern), { name: 'PatternError', message })
    })
  }

  it('tells pattern, reason and offset apart', () => {
    try {
      compilePcre('(')
      assert.fail('should have thrown')
    } catch (error) {
      assert.ok(error instanceof PatternError)
      assert.deepEqual([error.pattern, error.reason, error.offset], ['(', 'missing )', 1])
    }
  })

  it('limits the length', () => {
    assert.ok(compilePcre('a'.repeat(1024)).test('a'.repeat(1024)))
    assert.throws(() => compilePcre('a'.repeat(1025)), {
      message: '{"pattern is longer than 1024 characters",1024}',
    })
    assert.ok(compilePcre('a'.repeat(2000), 2000).test('a'.repeat(2000)))
  })

  it('refuses what the engine finds too large', () => {
    assert.throws(() => compilePcre('(?:(?:(?:(?:a?b?){50}){50}){50}){50}'), {
      message: '{"regular expression is too large",36}',
    })
  })

  it('takes no longer with a pattern that JavaScript would try for ever', () => {
    const end = 'a'.repeat(254)
    for (const [pattern, matching, other] of SLOW) {
      const compiled = compilePcre(pattern)
      assert.ok(compiled.test(matching), pattern)
      assert.ok(!compiled.test(end + other), pattern)
    }
  })

  it('takes no longer with a long text either', () => {
    const compiled = compilePcre('a.*b.*c')
    const text = 'ab'.repeat(20_000)
    assert.ok(!compiled.test(text))
    assert.ok(compiled.test(`${text}c`))
  })

  it('has all of Unicode in patterns of both kinds', () => {
    for (const pattern of ['^a(.)b$', '^a(?:.|.)+b$']) {
      const compiled = compilePcre(pattern)
      assert.deepEqual(
        ['a😀b', 'aéb', 'a\ud83db', 'a\nb'].map((text) => compiled.test(text)),
        [true, true, true, false],
        pattern,
      )
    }
  })

  it('refuses what is both slow and large', () => {
    assert.ok(compilePcre('^a{3000}').test('a'.repeat(3000)), 'large alone')
    assert.throws(() => compilePcre('(a?){3000}b'), { message: '{"regular expression is too large",11}' })
  })

  it('escapes a text so that it matches itself alone', () => {
    const ascii = String.fromCharCode(...Array.from({ length: 128 }, (_, i) => i))
    for (const text of [ascii, 'a.b', 'C:\\Q\\E', '(?i)[x]{1}$', 'é 😀 #', '']) {
      assert.ok(compilePcre(`^${escapePcre(text)}\\z`).test(text), text)
      assert.ok(compilePcre(`(?x)^${escapePcre(text)}\\z`).test(text), text)
    }
    assert.ok(!compilePcre(escapePcre('a.b')).test('axb'))
  })
})
