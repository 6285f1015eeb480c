import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { OutgoingTopics } from '../../../src/protocols/mqtt/outgoing-topics.ts'
import { PacketReader } from '../../../src/protocols/mqtt/wire/packet-reader.ts'

function read(text: Buffer | string, likely: string): string {
  const bytes = Buffer.from(text)
  const reader = new PacketReader()
  reader.reset(Buffer.concat([Buffer.of(bytes.length >> 8, bytes.length & 255), bytes]), 0, bytes.length + 2)
  return reader.text(null, likely)
}

describe('topics that come again', () => {
  test('are read as they are, whatever came before', () => {
    const texts = ['', 'a', 'b', 'a/b', 'a/c', 'ä/b', 'a/ä', '\u00e9', '\u20ac', 'x'.repeat(300)]
    for (const text of texts) for (const likely of texts) assert.equal(read(text, likely), text)
  })

  test('are refused where they are no text, also where they look like the one before', () => {
    // a text of Latin-1 letters has these bytes as its characters
    assert.throws(() => read(Buffer.of(0xe9), '\u00e9'), /not UTF-8/)
    assert.throws(() => read(Buffer.of(0x61, 0), 'ab'), /null character/)
  })

  test('are remembered by their routing keys, so many and no more', () => {
    const topics = new OutgoingTopics({ sparkplug: false })
    const first = topics.of('a.b')
    assert.deepEqual([first.topic, first.bytes.toString()], ['a/b', 'a/b'])
    assert.equal(topics.of('a.b'), first)
    for (let i = 0; i < 20_000; i++) assert.equal(topics.of(`k.${i}`).topic, `k/${i}`)
    assert.notEqual(topics.of('a.b'), first)
    assert.equal(topics.of('ä.ö').bytes.toString(), 'ä/ö')
    const long = 'x'.repeat(300)
    assert.notEqual(topics.of(long), topics.of(long))
  })
})
