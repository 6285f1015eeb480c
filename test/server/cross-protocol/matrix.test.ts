/** Each of AMQP, MQTT and STOMP publishes to each of them. What docs/protocols/README.md says is carried over is. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { type ChannelModel, connect } from 'amqplib'
import { startBroker, type WarrenBroker } from '../../../src/testkit/start-broker.ts'
import { AmqpParty, type Facts, MqttParty, type Party, StompParty } from './parties.ts'

let broker: WarrenBroker
let connection: ChannelModel
let parties: readonly Party[]
before(async () => {
  broker = await startBroker({ protocols: ['mqtt', 'stomp'] })
  connection = await connect(broker.url)
  parties = [
    await AmqpParty.on(await connection.createChannel()),
    await MqttParty.at(broker.urls.mqtt!),
    await StompParty.at(broker.urls.stomp!),
  ]
})
after(async () => {
  for (const party of parties) await party.close()
  await connection.close()
  await broker.stop()
})

const BODIES: readonly (readonly [name: string, body: Buffer])[] = [
  ['of bytes', Buffer.from([0, 1, 2, 255, 0, 10, 13, 0xc3, 0])],
  ['of UTF-8', Buffer.from('grüße: €\u{1F407}\n')],
  ['that are empty', Buffer.alloc(0)],
  ['of 1 MiB', Buffer.from(Uint8Array.from({ length: 1024 * 1024 }, (_, i) => (i * 7 + (i >> 8)) % 256))],
]

/** What is tried of each fact, and how the table calls it. */
const TRIED: readonly (readonly [title: string, facts: Facts])[] = [
  ['content type', { contentType: 'text/plain' }],
  ['content encoding', { contentEncoding: 'gzip' }],
  ['correlation', { correlation: 'c:1' }],
  ['reply to', { replyTo: 'answers.here' }],
  ['headers', { headers: { unit: 'degrees:C', 'with\nlines': 'a\\b\nc', empty: '' } }],
  ['expiration', { expirationSec: 3600 }],
  ['persistence', { persistent: true }],
  ['priority', { priority: 7 }],
  ['message id', { messageId: 'm-1' }],
  ['timestamp', { timestamp: 1_700_000_000 }],
  ['type', { type: 'greeting' }],
  ['user id', { userId: 'guest' }],
  ['application id', { appId: 'app' }],
]

for (const publisher of [0, 1, 2]) {
  describe(`what ${['AMQP', 'MQTT', 'STOMP'][publisher]!} publishes`, () => {
    for (const [name, body] of BODIES) {
      test(`comes whole to all, with bodies ${name}`, async () => {
        await parties[publisher]!.publish(body, {})
        for (const receiver of parties) {
          const received = await receiver.next()
          assert.ok(received.body.equals(body), `${receiver.name} got ${received.body.length} bytes`)
        }
      })
    }

    test('has no property that it was not given', async () => {
      await parties[publisher]!.publish(Buffer.from('x'), {})
      for (const receiver of parties) {
        const { facts } = await receiver.next()
        assert.deepEqual(facts, { headers: {}, persistent: false }, receiver.name)
      }
    })
  })
}

/** `yes`, `no`, or `-` where the publisher's protocol has no word for it. */
async function tried(publisher: Party, facts: Facts): Promise<string[]> {
  const [fact] = Object.keys(facts) as [keyof Facts]
  if (!publisher.knows.has(fact)) return parties.map(() => '-')
  await publisher.publish(Buffer.from('x'), facts)
  const outcomes: string[] = []
  for (const receiver of parties) {
    const received = (await receiver.next()).facts[fact]
    // what the protocols add for each other is in headers, too
    const isThere =
      fact === 'headers'
        ? Object.entries(facts.headers!).every(([name, value]) => (received as Facts['headers'])?.[name] === value)
        : received === facts[fact]
    outcomes.push(isThere ? 'yes' : 'no')
  }
  return outcomes
}

test('properties are carried over as the table says', async () => {
  const rows: string[][] = []
  for (const [title, facts] of TRIED) {
    const row = [title]
    for (const publisher of parties) row.push(...(await tried(publisher, facts)))
    rows.push(row)
  }
  const page = readFileSync(new URL('../../../docs/protocols/README.md', import.meta.url), 'utf8')
  const cells = (line: string): string[] => line.split('|').map((cell) => cell.trim())
  // a title and an outcome for each pair: other tables have other widths
  const documented = page
    .split('\n')
    .map((line) => cells(line).slice(1, -1))
    .filter((row) => row.length === 10 && TRIED.some(([title]) => title === row[0]))
  assert.deepEqual(rows, documented)
})
