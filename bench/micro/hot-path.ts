/**
 * The parts that run per message, one by one, in nanoseconds: to see what a change to one of them does before the whole is
 * measured (bench/macro). Run with `node bench/micro/hot-path.ts`.
 */
import { Bench } from 'tinybench'
import { builtInExchangeTypes } from '../../src/core/exchanges/index.ts'
import type { Destination } from '../../src/core/exchanges/exchange-type.ts'
import { Message } from '../../src/core/message.ts'
import { amqpPropertyFormat, PropertyScan, scanProperties } from '../../src/protocols/amqp091/wire/properties.ts'
import { encodeMethodFrame, FRAME_END } from '../../src/protocols/amqp091/wire/frames.ts'
import { FrameParser } from '../../src/protocols/amqp091/wire/frame-parser.ts'
import { BasicPublish } from '../../src/protocols/amqp091/wire/methods.gen.ts'
import { MemoryMessageStore } from '../../src/store/memory/memory-message-store.ts'
import { Interner } from '../../src/util/interner.ts'
import { RingDeque } from '../../src/util/ring-deque.ts'

const PERSISTENT = Buffer.from([0x10, 0x00, 2])
const bench = new Bench({ time: 300 })

const ring = new RingDeque<number>()
for (let i = 0; i < 1000; i++) ring.push(i)
bench.add('RingDeque: push and shift', () => {
  ring.push(1)
  ring.shift()
})

const interner = new Interner()
const name = Buffer.from('orders.created.eu')
interner.remember(name, 0, name.length, name.toString())
bench.add('Interner: a known key of 17 bytes', () => {
  interner.find(name, 0, name.length)
})

const scan = new PropertyScan()
bench.add('scanProperties: delivery mode alone', () => {
  scanProperties(PERSISTENT, 0, PERSISTENT.length, scan)
})

const chunk = Buffer.concat(Array.from({ length: 100 }, publishFrames))
const parser = new FrameParser({ onMethod() {}, onHeader() {}, onBody() {}, onHeartbeat() {}, onUnknown() {} }, 131_072)
bench.add('FrameParser: 100 messages of 16 bytes', () => {
  parser.push(chunk)
})

const store = new MemoryMessageStore()
const held = new RingDeque<Message>()
bench.add('MemoryMessageStore: adopt and release 100 bytes behind 1,000 others', () => {
  const message = new Message('', 'q', amqpPropertyFormat, Buffer.from(body), 0, 3, 3, 100)
  store.adopt(message)
  message.references++
  held.push(message)
  if (held.size > 1000) store.release(held.shift()!)
})
const body = Buffer.alloc(103)

for (const bindings of [10, 10_000]) {
  const topic = builtInExchangeTypes.find((type) => type.name === 'topic')!
  const facts = { name: 't', vhost: '/', durable: true, arguments: new Map() }
  const router = topic.create(facts, { retain() {}, release() {} })
  for (let i = 0; i < bindings; i++) {
    const destination: Destination = { kind: 'queue', name: `q${i}`, type: 'classic' }
    router.bind({ source: 't', destination, key: `orders.${i}.*`, arguments: new Map() })
  }
  const message = new Message('t', 'orders.7.created', amqpPropertyFormat, body, 0, 3, 3, 100)
  const sink = { add() {} }
  bench.add(`topic: one of ${bindings} bindings matches`, () => {
    router.route(message, sink)
  })
}

await bench.run()
console.table(bench.tasks.map(({ name: task, result }) => ({ task, ns: nanoseconds(result) })))

function nanoseconds(result: unknown): number {
  const { latency } = result as { latency: { mean: number } }
  return Math.round(latency.mean * 1e6)
}

function publishFrames(): Buffer {
  const method = encodeMethodFrame(1, new BasicPublish('', 'orders', false, false))
  const head = Buffer.from([2, 0, 1, 0, 0, 0, 15, 0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 16, ...PERSISTENT, FRAME_END])
  const content = Buffer.from([3, 0, 1, 0, 0, 0, 16, ...new Array<number>(16).fill(0x78), FRAME_END])
  return Buffer.concat([method, head, content])
}
