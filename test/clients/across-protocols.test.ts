/** Every protocol to every protocol: bodies, and what docs/protocols/README.md says of properties. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { startBroker, type WarrenBroker } from '../../src/testkit/start-broker.ts'
import { virtualClock } from '../../src/util/virtual-clock.ts'
import { AmqpSide } from './across/amqp-side.ts'
import { MqttSide } from './across/mqtt-side.ts'
import type { Facts, Side } from './across/side.ts'
import { StompSide } from './across/stomp-side.ts'

const NAMES = ['AMQP', 'MQTT', 'STOMP'] as const

const BODIES: Readonly<Record<string, Buffer>> = {
  'with every byte there is, NUL too': Buffer.from(Array.from({ length: 512 }, (_, i) => i % 256)),
  'of text': Buffer.from('grün, 兎, 🐇\r\n\n'),
  'of nothing': Buffer.alloc(0),
  'of 1 MiB': Buffer.alloc(1024 * 1024, Buffer.from('0123456789abcde\0')),
}

const FACTS: Required<Facts> = {
  'content type': 'text/plain; charset=utf-8',
  'content encoding': 'gzip',
  'correlation id': 'c:1',
  'reply to': 'answers.here',
  'time to live': 60_000,
  persistent: true,
  priority: 7,
  'message id': 'm-1',
  timestamp: 1_700_000_000,
  type: 'greeting',
  'user id': 'guest',
  'application id': 'shop',
  headers: { colour: 'red', word: 'grün: ja\n', empty: '' },
}

/** What MQTT keeps in a header, and what STOMP takes for one although it is about the frame. */
const OWN_HEADERS = ['x-reply-to-topic', 'receipt']

function withoutOwn({ headers, ...facts }: Facts): Facts {
  const others = Object.entries(headers ?? {}).filter(([name]) => !OWN_HEADERS.includes(name))
  return others.length === 0 ? facts : { ...facts, headers: Object.fromEntries(others) }
}

describe('messages across protocols', () => {
  let broker: WarrenBroker
  let sides: Side[]
  before(async () => {
    // so that a time to live is what it was, however long the test takes
    broker = await startBroker({ protocols: ['amqp', 'mqtt', 'stomp'], clock: virtualClock() })
    sides = await Promise.all([
      AmqpSide.connect(broker.url),
      MqttSide.connect(broker.urls.mqtt!),
      StompSide.connect(broker.urls.webStomp!),
    ])
  })
  after(async () => {
    for (const side of sides) await side.close()
    await broker.stop()
  })
  const sideOf = (name: string): Side => sides.find((side) => side.name === name)!

  for (const from of NAMES) {
    for (const to of NAMES) {
      test(`bodies come from ${from} to ${to} as they are`, async () => {
        const key = `bodies.${from}.${to}`
        const inbox = await sideOf(to).subscribe(key)
        for (const [what, body] of Object.entries(BODIES)) {
          await sideOf(from).publish(key, body, {})
          const got = await inbox.next()
          assert.ok(got.body.equals(body), what)
          assert.deepEqual(withoutOwn(got.facts), {}, what)
        }
      })

      test(`properties come from ${from} to ${to} as the documentation says`, async () => {
        const key = `properties.${from}.${to}`
        const inbox = await sideOf(to).subscribe(key)
        await sideOf(from).publish(key, Buffer.from('x'), FACTS)
        const { facts } = await inbox.next()
        assert.deepEqual(withoutOwn(facts), carried(from, to))
      })
    }
  }
})

/** Of all facts those for which both protocols have a word in the table. */
function carried(from: string, to: string): Facts {
  const isWord = (cell: string | undefined): boolean => cell !== undefined && cell !== '–'
  return Object.fromEntries(
    Object.entries(FACTS).filter(([fact]) => {
      const row = TABLE.get(fact)
      assert.ok(row !== undefined, `the table has no row for ${fact}`)
      return isWord(row[from]) && isWord(row[to])
    }),
  )
}

const TABLE = readTable(readFileSync(join(import.meta.dirname, '../../docs/protocols/README.md'), 'utf8'))

/** The rows of the table of what is carried over by their first column, each by the titles of the others. */
function readTable(page: string): Map<string, Record<string, string>> {
  const [titles, , ...rows] = page
    .split(/^## /m)
    .find((section) => section.startsWith('What is carried over\n'))!
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
  return new Map(
    rows.map(([name, ...cells]) => [name!, Object.fromEntries(cells.map((cell, i) => [titles![i + 1]!, cell]))]),
  )
}
