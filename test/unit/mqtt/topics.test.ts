import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  filterProblem,
  filterToKey,
  keepsTopic,
  keyToTopic,
  matches,
  parseShared,
  topicProblem,
  topicToKey,
} from '../../../src/protocols/mqtt/topics.ts'

const SPARKPLUG = { sparkplug: true }

test('topics are routing keys with dots for slashes', () => {
  for (const [topic, key] of [
    ['a', 'a'],
    ['a/b/c', 'a.b.c'],
    ['/a', '.a'],
    ['a/', 'a.'],
    ['/', '.'],
    ['a//b', 'a..b'],
    ['$dev/x', '$dev.x'],
    ['a b/ö', 'a b.ö'],
  ] as const) {
    assert.equal(topicToKey(topic), key)
    assert.equal(keyToTopic(key), topic)
    assert.ok(keepsTopic(topic))
  }
})

test('a dot in a topic comes back as a slash, and an asterisk as a plus, as with RabbitMQ', () => {
  assert.equal(keyToTopic(topicToKey('a.b')), 'a/b')
  assert.equal(keyToTopic(topicToKey('a/*')), 'a/+')
  assert.equal(keepsTopic('a.b'), false)
  assert.equal(keepsTopic('a/*'), false)
})

test('filters are binding keys with asterisks for pluses', () => {
  assert.equal(filterToKey('a/+/c/#'), 'a.*.c.#')
  assert.equal(filterToKey('#'), '#')
  assert.equal(filterToKey('+'), '*')
})

test('the version in a name space of Sparkplug keeps its dot where that is asked for', () => {
  assert.equal(topicToKey('spBv1.0/group/NBIRTH/a.b', SPARKPLUG), 'spBv1___0.group.NBIRTH.a.b')
  assert.equal(filterToKey('spAv1.0/+/#', SPARKPLUG), 'spAv1___0.*.#')
  assert.equal(keyToTopic('spBv1___0.group.NBIRTH.*', SPARKPLUG), 'spBv1.0/group/NBIRTH/+')
  assert.ok(keepsTopic('spBv1.0/g', SPARKPLUG))
  assert.equal(topicToKey('spBv1.0/g'), 'spBv1.0.g')
  assert.equal(keyToTopic('spBv1___0.g'), 'spBv1___0/g')
  for (const other of ['xspBv1.0/g', 'spBv1.0', 'spCv1.0/g', 'a/spBv1.0/g']) {
    assert.equal(topicToKey(other, SPARKPLUG), topicToKey(other))
  }
})

test('says what is wrong with a topic', () => {
  for (const topic of ['a', '/', 'a/b', '$SYS/x', 'x'.repeat(255), 'ö'.repeat(127)])
    assert.equal(topicProblem(topic), null)
  assert.equal(topicProblem(''), 'is empty')
  assert.equal(topicProblem('a/+'), 'has a wildcard')
  assert.equal(topicProblem('a#'), 'has a wildcard')
  assert.equal(topicProblem('a\0'), 'has a null character')
  assert.equal(topicProblem('a\ud800'), 'is not UTF-8')
  assert.equal(topicProblem('x'.repeat(256)), 'is longer than 255 bytes')
  assert.equal(topicProblem('ö'.repeat(128)), 'is longer than 255 bytes')
})

test('says what is wrong with a filter', () => {
  for (const filter of ['a', '#', '+', 'a/#', '+/b/+', '/#', '$share/g/a/+', '$share/g/#', '$share/g//', '$shared/g'])
    assert.equal(filterProblem(filter), null, filter)
  assert.equal(filterProblem(''), 'is empty')
  assert.equal(filterProblem('a/#/b'), 'has # before its last level')
  assert.equal(filterProblem('#/'), 'has # before its last level')
  for (const filter of ['a#', 'a/b+', '++', '+#', '#+/a', '$share/g/a#'])
    assert.equal(filterProblem(filter), 'has a wildcard beside other characters', filter)
  assert.equal(filterProblem('$share/g'), 'is empty')
  assert.equal(filterProblem('$share/g/'), 'is empty')
  assert.equal(filterProblem('$share//a'), 'names no group after $share')
  assert.equal(filterProblem('$share/+/a'), 'has a wildcard in the name of its group')
  assert.equal(filterProblem('a\0/#'), 'has a null character')
})

test('takes the filter of a shared subscription apart', () => {
  assert.deepEqual(parseShared('$share/group/a/+'), { group: 'group', filter: 'a/+' })
  assert.deepEqual(parseShared('$share/group//'), { group: 'group', filter: '/' })
  assert.deepEqual(parseShared('$share/group'), { group: 'group', filter: '' })
  for (const filter of ['a/b', '$share', '$shared/g/a', 'x/$share/g/a']) assert.equal(parseShared(filter), null)
})

test('matches topics by level', () => {
  for (const [filter, topic] of [
    ['a/b', 'a/b'],
    ['+', 'a'],
    ['+/+', '/'],
    ['/+', '/finance'],
    ['+/+', '/finance'],
    ['a/+/c', 'a//c'],
    ['#', 'a/b/c'],
    ['#', '/'],
    ['a/#', 'a'],
    ['a/#', 'a/'],
    ['a/#', 'a/b/c'],
    ['a/+/#', 'a/b'],
    ['$SYS/#', '$SYS/broker/uptime'],
    ['$SYS/+', '$SYS/x'],
    ['a/$x', 'a/$x'],
    ['+/$x', 'a/$x'],
  ] as const)
    assert.ok(matches(filter, topic), `${filter} ${topic}`)
  for (const [filter, topic] of [
    ['a', 'b'],
    ['a', 'a/b'],
    ['a/b', 'a'],
    ['a', 'ab'],
    ['ab', 'a'],
    ['+', '/finance'],
    ['+', 'a/'],
    ['a/+', 'a'],
    ['a/+/#', 'a'],
    ['a/#', 'ab'],
    ['A', 'a'],
    ['#', '$SYS/x'],
    ['+/x', '$SYS/x'],
    ['+/+', '$SYS/x'],
  ] as const)
    assert.ok(!matches(filter, topic), `${filter} ${topic}`)
})
