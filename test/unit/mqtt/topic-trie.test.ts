import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TopicTrie } from '../../../src/protocols/mqtt/retained/topic-trie.ts'

const TOPICS = ['a', 'a/b', 'a/b/c', 'a/c', 'b', '/', '/a', 'a/', '$SYS/x', 'c/$x', 'a-b']

function trieOf(topics: readonly string[]): TopicTrie<string> {
  const trie = new TopicTrie<string>()
  for (const topic of topics) trie.set(topic, `at ${topic}`)
  return trie
}

const found = (trie: TopicTrie<string>, filter: string): string[] =>
  [...trie.match(filter)].map(([topic, value]) => {
    assert.equal(value, `at ${topic}`)
    return topic
  })

test('finds topics by filter, in the order of their levels', () => {
  const trie = trieOf(TOPICS)
  assert.deepEqual(found(trie, '#'), ['/', '/a', 'a', 'a/', 'a/b', 'a/b/c', 'a/c', 'a-b', 'b', 'c/$x'])
  assert.deepEqual(found(trie, '+'), ['a', 'a-b', 'b'])
  assert.deepEqual(found(trie, 'a/#'), ['a', 'a/', 'a/b', 'a/b/c', 'a/c'])
  assert.deepEqual(found(trie, 'a/+'), ['a/', 'a/b', 'a/c'])
  assert.deepEqual(found(trie, '+/+'), ['/', '/a', 'a/', 'a/b', 'a/c', 'c/$x'])
  assert.deepEqual(found(trie, '+/b/#'), ['a/b', 'a/b/c'])
  assert.deepEqual(found(trie, 'a/b'), ['a/b'])
  assert.deepEqual(found(trie, '$SYS/#'), ['$SYS/x'])
  assert.deepEqual(found(trie, '$SYS/+'), ['$SYS/x'])
  assert.deepEqual(found(trie, 'nowhere/#'), [])
  assert.deepEqual(found(trie, 'a/b/c/d'), [])
})

test('has one value for each topic, until it is deleted', () => {
  const trie = trieOf(TOPICS)
  assert.equal(trie.size, TOPICS.length)
  trie.set('a/b', 'another')
  assert.equal(trie.size, TOPICS.length)
  assert.equal(trie.get('a/b'), 'another')
  assert.equal(trie.get('a/x'), null)
  assert.equal(trie.get('a/b/x/y'), null)
  trie.delete('a/b')
  trie.delete('a/b')
  trie.delete('c')
  trie.delete('x/y/z')
  assert.equal(trie.size, TOPICS.length - 1)
  assert.equal(trie.get('a/b'), null)
  assert.deepEqual(found(trie, 'a/#'), ['a', 'a/', 'a/b/c', 'a/c'])
  for (const topic of TOPICS) trie.delete(topic)
  assert.equal(trie.size, 0)
  assert.deepEqual(found(trie, '#'), [])
})

test('looks at nothing beside the levels of a filter', (t) => {
  const trie = new TopicTrie<number>()
  for (let i = 0; i < 1000; i++) trie.set(`many/${i}/state`, i)
  const get = t.mock.method(Map.prototype, 'get')
  const found = [...trie.match('many/77/#')]
  get.mock.restore()
  assert.deepEqual(found, [['many/77/state', 77]])
  assert.ok(get.mock.callCount() < 10, `looked ${get.mock.callCount()} times`)
})

test('may change while it is looked through', () => {
  const trie = trieOf(['a/1', 'a/2', 'a/3'])
  const topics: string[] = []
  for (const [topic] of trie.match('a/+')) {
    topics.push(topic)
    trie.delete('a/2')
    trie.set('a/4', 'at a/4')
  }
  assert.deepEqual(topics, ['a/1', 'a/3'])
})
