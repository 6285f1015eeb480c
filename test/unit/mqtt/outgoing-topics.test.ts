import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OutgoingTopics } from '../../../src/protocols/mqtt/outgoing-topics.ts'

const PLAIN = new OutgoingTopics({ sparkplug: false })
const SPARKPLUG = new OutgoingTopics({ sparkplug: true })

for (const key of ['a', 'a.b.c', '.a..b.', 'A z~!', 'x'.repeat(255)]) {
  test(`the bytes of ${JSON.stringify(key.slice(0, 10))} are the same whether they are remembered or not`, () => {
    const { topic, bytes } = PLAIN.of(key)
    assert.equal(PLAIN.passing(key)!.toString(), topic)
    assert.equal(bytes.toString(), topic)
  })
}

test('a key that is not ASCII, or may hide a version of Sparkplug, is looked at as a whole', () => {
  assert.equal(PLAIN.passing('ä.b'), null)
  assert.equal(PLAIN.of('ä.b').bytes.toString(), 'ä/b')
  assert.equal(SPARKPLUG.passing('spBv1___0.a'), null)
  assert.equal(SPARKPLUG.of('spBv1___0.a').topic, 'spBv1.0/a')
})

test('a key that stands for no topic that a message may have has none', () => {
  for (const key of ['', '*', 'a.*', 'a*b', '#', 'a.#', 'a+b', 'a\0b', 'ä.*', '\ud800']) {
    assert.equal(PLAIN.passing(key), null)
    assert.equal(PLAIN.of(key).topic, '')
  }
})

test('what is remembered keeps no more memory than its bytes', () => {
  const { bytes } = PLAIN.of('some.ä')
  assert.equal(bytes.toString(), 'some/ä')
  assert.equal(bytes.buffer.byteLength, 7)
})
