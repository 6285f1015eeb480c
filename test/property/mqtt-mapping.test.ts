/** MQTT's properties and topics through the broker's form and back, and topics found by filters. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { composeMessage } from '../../src/core/message.ts'
import { amqpPropertyFormat } from '../../src/protocols/amqp091/wire/properties.ts'
import {
  fromProperties,
  type MessageProperties,
  qosOf,
  toProperties,
  topicOf,
} from '../../src/protocols/mqtt/message-mapping.ts'
import { TopicTrie } from '../../src/protocols/mqtt/retained/topic-trie.ts'
import { filterProblem, matches, topicProblem, topicToKey } from '../../src/protocols/mqtt/topics.ts'

const text = (maxLength: number): fc.Arbitrary<string> =>
  fc.string({ unit: 'grapheme', maxLength }).filter((value) => !value.includes('\0'))

const topic = fc
  .array(fc.oneof(fc.constantFrom('', 'a', 'b', 'a.b', '*', '$x', 'spBv1.0'), text(8)), { minLength: 1, maxLength: 6 })
  .map((levels) => levels.join('/'))
  .filter((value) => topicProblem(value) === null)

/** 255 bytes at most are a name of AMQP's. */
const userName = fc.oneof(text(10), text(300), fc.constantFrom('a', 'b', '1', '10', '__proto__', 'x-mqtt-topic'))
const userProperties = fc.array(fc.tuple(userName, text(300)), { minLength: 1, maxLength: 6 })

const properties: fc.Arbitrary<MessageProperties> = fc.record(
  {
    payloadFormatIndicator: fc.boolean(),
    messageExpiryInterval: fc.nat(315_360_000),
    responseTopic: topic,
    correlationData: fc
      .oneof(fc.uint8Array({ maxLength: 600 }), text(300))
      .map((bytes) => Buffer.from(bytes as string)),
    userProperties,
    contentType: text(300),
  },
  { requiredKeys: [], noNullPrototype: true },
)
const mapping = fc.record({ sparkplug: fc.boolean() })

test('whatever a publisher by MQTT says, a subscriber by MQTT is told', () => {
  fc.assert(
    fc.property(topic, fc.nat(2), properties, mapping, (name, qos, given, by) => {
      const message = composeMessage(
        'amq.topic',
        topicToKey(name, by),
        toProperties(name, qos, given, by),
        Buffer.from('body'),
        amqpPropertyFormat,
      )
      assert.equal(message.persistent, qos > 0)
      assert.equal(qosOf(message), qos)
      assert.equal(topicOf(message, by), name)
      const remaining = (given.messageExpiryInterval ?? 0) * 1000
      assert.deepEqual(fromProperties(message.properties(), remaining, by) ?? {}, given)
    }),
    { numRuns: 2000 },
  )
})

/** The rule of the specification, level by level. */
function matchesNaively(filter: string[], levels: string[]): boolean {
  const [first, ...rest] = filter
  if (first === undefined) return levels.length === 0
  if (first === '#') return true
  const [level, ...below] = levels
  if (level === undefined) return false
  return (first === '+' || first === level) && matchesNaively(rest, below)
}

test('topics match filters as the specification has it', () => {
  const level = fc.constantFrom('', 'a', 'b', 'ab', '+', '#', '$a')
  const levels = fc.array(level, { minLength: 1, maxLength: 5 })
  let seen = 0
  fc.assert(
    fc.property(levels, levels, (f, t) => {
      const [filter, name] = [f.join('/'), t.join('/')]
      fc.pre(filterProblem(filter) === null && topicProblem(name) === null)
      const reserved = name.startsWith('$') && (f[0] === '+' || f[0] === '#')
      const expected = !reserved && matchesNaively(f, t)
      if (expected) seen++
      assert.equal(matches(filter, name), expected, `${filter} ${name}`)
      const trie = new TopicTrie<true>()
      trie.set(name, true)
      assert.deepEqual([...trie.match(filter)], expected ? [[name, true]] : [])
    }),
    { numRuns: 3000 },
  )
  assert.ok(seen > 100)
})
