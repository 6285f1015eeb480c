import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import { TopicTrie } from '../../src/core/exchanges/topic-trie.ts'

/** The definition, as slow as it is short. */
function matchesNaively(pattern: readonly string[], words: readonly string[]): boolean {
  const [first, ...rest] = pattern
  if (first === undefined) return words.length === 0
  if (first === '#') {
    return matchesNaively(rest, words) || (words.length > 0 && matchesNaively(pattern, words.slice(1)))
  }
  return words.length > 0 && (first === '*' || first === words[0]) && matchesNaively(rest, words.slice(1))
}

const wordsOf = (key: string): string[] => (key === '' ? [] : key.split('.'))

const keyOf = (words: readonly string[]): string => words.join('.')
// Few different words, empty ones among them, so that patterns and keys often meet. `*` and `#` are ordinary words of a
// key.
const key = fc.array(fc.constantFrom('a', 'b', '', 'aa', '*', '#'), { maxLength: 7, size: 'max' }).map(keyOf)
const pattern = fc.array(fc.constantFrom('a', 'b', '', '*', '*', '#', '#'), { maxLength: 6, size: 'max' }).map(keyOf)

const matched = (trie: TopicTrie<string>, routingKey: string): string[] => {
  const found = new Set<string>()
  trie.match(routingKey, found)
  return [...found].sort()
}

test('the trie finds what the definition finds, whatever was bound and unbound', () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('bind' as const), pattern }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('unbind' as const), index: fc.nat() }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('match' as const), key }) },
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
      const trie = new TopicTrie<string>()
      // The target is the pattern, so a pattern bound twice is one target with two bindings.
      const bound: string[] = []
      for (const step of steps) {
        if (step.kind === 'bind') {
          trie.insert(step.pattern, step.pattern)
          bound.push(step.pattern)
        } else if (step.kind === 'unbind' && bound.length > 0) {
          const [removed] = bound.splice(step.index % bound.length, 1)
          trie.remove(removed!, removed!)
        } else if (step.kind === 'match') {
          const words = wordsOf(step.key)
          const expected = new Set(bound.filter((candidate) => matchesNaively(wordsOf(candidate), words)))
          assert.deepEqual(matched(trie, step.key), [...expected].sort())
        }
      }
      for (const left of bound) trie.remove(left, left)
      assert.equal(trie.isEmpty(), true)
    }),
    { numRuns: 500 },
  )
})

test('a pattern alone matches as the definition has it', () => {
  fc.assert(
    fc.property(pattern, key, (boundPattern, routingKey) => {
      const trie = new TopicTrie<string>()
      trie.insert(boundPattern, 'q')
      assert.equal(matched(trie, routingKey).length === 1, matchesNaively(wordsOf(boundPattern), wordsOf(routingKey)))
    }),
    { numRuns: 2000 },
  )
})

test('patterns without wildcards are found by nothing but themselves', () => {
  const plain = fc.array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 5 }).map(keyOf)
  fc.assert(
    fc.property(fc.uniqueArray(plain), plain, (patterns, routingKey) => {
      const trie = new TopicTrie<string>()
      for (const boundPattern of patterns) trie.insert(boundPattern, boundPattern)
      assert.deepEqual(matched(trie, routingKey), patterns.includes(routingKey) ? [routingKey] : [])
    }),
  )
})
