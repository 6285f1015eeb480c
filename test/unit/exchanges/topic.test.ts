import assert from 'node:assert/strict'
import { test } from 'node:test'

import { topic } from '../../../src/core/exchanges/topic.ts'
import { TopicTrie } from '../../../src/core/exchanges/topic-trie.ts'
import { assertRefused, bindingTo, createRouter, facts, message, namesOf, queue } from './exchange-fixtures.ts'

const PATTERNS: readonly [pattern: string, matching: readonly string[], other: readonly string[]][] = [
  ['', [''], ['a', '.']],
  ['a', ['a'], ['', 'a.', '.a', 'a.b', 'A']],
  ['*', ['a', '*', '#'], ['', '.', 'a.b']],
  ['#', ['', 'a', '.', 'a.b', '..', 'a..b'], []],
  ['*.b', ['.b', 'a.b'], ['b', 'a.b.', '..b']],
  ['a.#', ['a', 'a.', 'a.b', 'a.b.c', 'a..'], ['', 'b', 'ab', '.a']],
  ['#.a', ['a', '.a', 'b.a', 'a.a'], ['', 'a.', 'ab']],
  ['a.#.b', ['a.b', 'a..b', 'a.c.d.b', 'a.b.b'], ['a', 'b', 'a.b.', 'a.b.c']],
  ['#.a.#', ['a', 'a.a', 'b.a', 'a.b', 'b.a.c', '.a.'], ['', 'b', 'b.c']],
  ['#.*', ['a', 'a.b', '.'], ['']],
  ['*.#', ['a', 'a.b', '.'], ['']],
  ['#.#', ['', 'a', 'a.b'], []],
  ['*.*', ['a.b', '.'], ['a', '', 'a.b.c']],
  ['a..b', ['a..b'], ['a.b', 'a.c.b']],
  ['a.*b', ['a.*b'], ['a.b', 'a.cb']],
  ['a.b#', ['a.b#'], ['a.b', 'a.bc']],
]

for (const [pattern, matching, other] of PATTERNS) {
  test(`topic pattern '${pattern}'`, () => {
    const router = createRouter(topic)
    router.bind(bindingTo(queue('q'), pattern))
    for (const key of matching) assert.deepEqual(namesOf(router, message(key)), ['q'], `'${key}' matches`)
    for (const key of other) assert.deepEqual(namesOf(router, message(key)), [], `'${key}' does not match`)
  })
}

test('topic routes by each further key', () => {
  const router = createRouter(topic)
  router.bind(bindingTo(queue('q'), 'a.*'))
  router.bind(bindingTo(queue('r'), 'b.#'))
  assert.deepEqual(namesOf(router, message('c', { extraKeys: ['b', 'a.x'] })), ['q', 'r'])
})

test('topic binding keys have at most two # words', () => {
  const validate = (key: string) => topic.validateBinding!(facts(), bindingTo(queue('q'), key))
  for (const key of ['#', '#.#', '#.a.#', '##.#a.#.#', '*.*.*']) validate(key)
  assertRefused(
    () => validate('#.a.#.b.#'),
    "Topic binding key '#.a.#.b.#' uses 3 '#' wildcards, at most 2 are allowed",
  )
})

test('unbinding prunes what no pattern needs any more', () => {
  const trie = new TopicTrie<string>()
  for (const pattern of ['a.b.c', 'a.#.c', 'a.*', '', '#']) trie.insert(pattern, 'q')
  trie.insert('a.b', 'q')
  trie.remove('a.b', 'r')
  trie.remove('a.b.c.d', 'q')
  for (const pattern of ['a.b', 'a.b.c', '#', 'a.#.c', 'a.*']) {
    assert.equal(trie.isEmpty(), false)
    trie.remove(pattern, 'q')
  }
  assert.equal(trie.isEmpty(), false)
  trie.remove('', 'q')
  assert.equal(trie.isEmpty(), true)
})

test('hostile patterns and keys take no exponential time', () => {
  const trie = new TopicTrie<string>()
  for (let i = 1; i < 60; i++) trie.insert(`${'#.a.'.repeat(i)}b`, `${i}`)
  for (let i = 1; i < 120; i++)
    trie.insert(Array.from({ length: i }, (_, at) => (at % 2 === 0 ? '#' : '*')).join('.'), `m${i}`)
  const found = new Set<string>()
  trie.match(Array.from({ length: 127 }, () => 'a').join('.'), found)
  assert.equal(found.size, 119)
  found.clear()
  trie.match(`${'a.'.repeat(60)}b`, found)
  assert.equal(found.has('59'), true)
})

test('a hundred thousand bindings', () => {
  const router = createRouter(topic)
  const bindings = Array.from({ length: 100_000 }, (_, i) =>
    bindingTo(queue(`q${i}`), `device.${i}.${i % 2 === 0 ? '*' : '#'}`),
  )
  for (const binding of bindings) router.bind(binding)
  assert.deepEqual(namesOf(router, message('device.4242.up')), ['q4242'])
  assert.deepEqual(namesOf(router, message('device.4243')), ['q4243'])
  assert.deepEqual(namesOf(router, message('device.4242')), [])
  for (const binding of bindings) router.unbind(binding)
  assert.deepEqual(namesOf(router, message('device.4242.up')), [])
})

test('what a topic route costs grows with the words of the key, not with the bindings', (t) => {
  const WORDS = 4
  const lookUps = (bindings: number): number => {
    const trie = new TopicTrie<string>()
    for (let i = 0; i < bindings; i++) trie.insert(`region${i % 10}.site${i % 100}.*.device${i}`, `q${i}`)
    const found: string[] = []
    const look = t.mock.method(Map.prototype, 'get')
    trie.match('region5.site25.x.device25', { add: (target) => found.push(target) })
    const calls = look.mock.callCount()
    look.mock.restore()
    assert.deepEqual(found, ['q25'])
    return calls
  }
  const few = lookUps(100)
  assert.ok(few > 0 && few <= WORDS, String(few))
  assert.equal(lookUps(100_000), few)
})
