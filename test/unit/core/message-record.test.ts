import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { MessageDecoder } from '../../../src/core/message-decoder.ts'
import { type Death, Message } from '../../../src/core/message.ts'
import { amqpPropertyFormat } from '../../../src/protocols/amqp091/wire/properties.ts'
import type { LoadedMessage } from '../../../src/store/message-store.ts'

const decoder = new MessageDecoder([amqpPropertyFormat])

/** What a store gives back: the head after some other bytes, properties and body behind it. */
function stored(message: Message, before = 7): LoadedMessage {
  const room = message.headRoom()
  const buffer = Buffer.alloc(before + room + 6, 0xee)
  const end = message.writeHead(buffer, before)
  assert.ok(end - before <= room, `${end - before} bytes in a room of ${room}`)
  return {
    number: 1,
    expiresAt: -1,
    level: 0,
    redelivered: false,
    deliveryCount: 0,
    acquiredCount: 0,
    state: 0,
    dueAt: 0,
    mark: 0,
    buffer,
    headOffset: before,
    headLength: end - before,
    propertiesOffset: end,
    propertiesLength: 2,
    bodyOffset: end + 2,
    bodyLength: 4,
  }
}

type Facts = Pick<
  Message,
  'exchange' | 'routingKey' | 'extraKeys' | 'persistent' | 'priority' | 'hasPriority' | 'ttlMs' | 'deaths'
>

const factsOf = (message: Message): Facts => {
  const { exchange, routingKey, extraKeys, persistent, priority, hasPriority, ttlMs, deaths } = message
  return { exchange, routingKey, extraKeys, persistent, priority, hasPriority, ttlMs, deaths }
}

function messageOf(facts: Partial<Facts>): Message {
  const message = new Message('', '', amqpPropertyFormat, Buffer.alloc(0), 0, 0, 0, 0)
  return Object.assign(message, facts)
}

const text = fc.string({ unit: 'grapheme', maxLength: 40 })
const death: fc.Arbitrary<Death> = fc.record({
  queue: text,
  reason: fc.constantFrom('rejected', 'expired', 'maxlen', 'delivery_limit'),
  count: fc.integer({ min: 1, max: 1e9 }),
  time: fc.nat(),
  exchange: text,
  routingKeys: fc.array(text, { maxLength: 3 }),
  originalExpiration: fc.option(fc.nat().map(String)),
})
/** Few values, so that heads repeat, and some that do not. */
const facts: fc.Arbitrary<Facts> = fc.record({
  exchange: fc.oneof(fc.constantFrom('', 'orders'), text),
  routingKey: fc.oneof(fc.constantFrom('a', 'b'), text, fc.constant('k'.repeat(2000))),
  extraKeys: fc.oneof({ weight: 5, arbitrary: fc.constant(null) }, fc.array(text, { maxLength: 3 })),
  persistent: fc.boolean(),
  priority: fc.constantFrom(0, 9, 255),
  hasPriority: fc.boolean(),
  ttlMs: fc.constantFrom(-1, 0, 1000, 315_360_000_000),
  deaths: fc.oneof({ weight: 5, arbitrary: fc.constant(null) }, fc.array(death, { maxLength: 3 })),
})

describe('the head of a message', () => {
  test('comes back as it was, whatever was written and read before it', () => {
    fc.assert(
      fc.property(fc.array(facts, { minLength: 1, maxLength: 20 }), (all) => {
        const records = all.map((given) => stored(messageOf(given)))
        for (const [i, record] of records.entries())
          assert.deepEqual(factsOf(decoder.decode(record)), JSON.parse(JSON.stringify(all[i])))
      }),
      { numRuns: 500 },
    )
  })

  test('shares its texts with the one before', () => {
    const record = stored(messageOf({ exchange: 'orders', routingKey: 'new' }))
    const [one, two] = [decoder.decode(record), decoder.decode(record)]
    assert.notEqual(one, two)
    assert.deepEqual(factsOf(one), factsOf(two))
  })

  test('comes with the places of properties and body', () => {
    const record = stored(messageOf({ exchange: 'orders' }))
    record.buffer.write('\0\0body', record.propertiesOffset, 'latin1')
    const message = decoder.decode(record)
    assert.equal(message.body().toString(), 'body')
    assert.deepEqual(message.properties().headers, null)
  })

  test('does without what is too much', () => {
    const huge = 'x'.repeat(9 * 1024 * 1024)
    const record = stored(messageOf({ routingKey: 'kept', extraKeys: [huge] }))
    assert.ok(record.headLength < 1000)
    const { routingKey, extraKeys } = decoder.decode(record)
    assert.deepEqual([routingKey, extraKeys], ['kept', null])
  })

  test('of an unknown format is refused', () => {
    const record = stored(messageOf({}))
    record.buffer[record.headOffset] = 99
    assert.throws(() => decoder.decode(record), /unknown format 99/)
  })
})
