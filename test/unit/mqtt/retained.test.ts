import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { composeMessage, type Message } from '../../../src/core/message.ts'
import { amqpPropertyFormat } from '../../../src/protocols/amqp091/wire/properties.ts'
import { toProperties } from '../../../src/protocols/mqtt/message-mapping.ts'
import { type RetainedLimits, RetainedMessages } from '../../../src/protocols/mqtt/retained/retained-messages.ts'
import { topicToKey } from '../../../src/protocols/mqtt/topics.ts'
import { MemoryMetadataStore } from '../../../src/store/memory/memory-metadata-store.ts'
import { CoreBench } from '../../support/core-bench.ts'
import { PagingStore } from '../../support/paging-store.ts'
import { collect, pump } from '../../support/pump.ts'

const PLAIN = { sparkplug: false }
const UNLIMITED: RetainedLimits = { messagesMax: -1, bytesMax: -1 }

function messageOf(topic: string, body: string, ttlMs = -1): Message {
  const properties = toProperties(topic, 0, null, PLAIN)
  const message = composeMessage('amq.topic', topicToKey(topic), properties, Buffer.from(body), amqpPropertyFormat)
  message.ttlMs = ttlMs
  return message
}

class Setup {
  readonly bench: CoreBench
  readonly retained: RetainedMessages

  constructor(bench: CoreBench, retained: RetainedMessages) {
    this.bench = bench
    this.retained = retained
  }

  put(topic: string, body: string | null, ttlMs = -1, vhost = '/'): number {
    const message = body === null ? null : messageOf(topic, body, ttlMs)
    return this.retained.put(this.bench.broker.findVhost(vhost), topic, message)
  }

  async matching(filter: string, vhost = '/'): Promise<string[]> {
    const matching = this.retained.matching(this.bench.broker.findVhost(vhost), filter)
    return (await pump(this.bench, collect(matching))).map(
      ({ topic, message }) => `${topic}=${message.body().toString()}`,
    )
  }
}

async function start(
  store?: PagingStore,
  {
    limits = UNLIMITED,
    metadata = new MemoryMetadataStore(),
  }: { limits?: RetainedLimits; metadata?: MemoryMetadataStore } = {},
): Promise<Setup> {
  const bench = await new CoreBench({}, metadata, store).start()
  return new Setup(bench, await pump(bench, RetainedMessages.open(bench.broker, limits, PLAIN)))
}

const STORES = { 'in memory': () => undefined, 'with a disk': () => new PagingStore() }
for (const [name, makeStore] of Object.entries(STORES)) {
  describe(`retained messages ${name}`, () => {
    test('are the last ones of their topics, and are found by filters in the order of topics', async () => {
      const setup = await start(makeStore())
      for (const topic of ['b', 'a/2', 'a/1', 'a.1', '$x/y']) setup.put(topic, topic)
      setup.put('a/1', 'again')
      assert.deepEqual(await setup.matching('#'), ['a/1=again', 'a/2=a/2', 'a.1=a.1', 'b=b'])
      assert.deepEqual(await setup.matching('a/+'), ['a/1=again', 'a/2=a/2'])
      assert.deepEqual(await setup.matching('$x/#'), ['$x/y=$x/y'])
      setup.put('a/1', null)
      setup.put('nothing/there', null)
      assert.deepEqual(await setup.matching('a/#'), ['a/2=a/2'])
      assert.equal(setup.retained.count, 4)
      assert.equal(setup.retained.countIn(setup.bench.vhost), 4)
    })

    test('are more than fit into one batch', async () => {
      const setup = await start(makeStore())
      const topics = Array.from({ length: 1500 }, (_, i) => `t/${String(i).padStart(4, '0')}`)
      for (const topic of topics.toReversed()) setup.put(topic, 'x')
      setup.bench.settle()
      assert.deepEqual(
        await setup.matching('t/+'),
        topics.map((topic) => `${topic}=x`),
      )
    })

    test('go when their time is up', async () => {
      const setup = await start(makeStore())
      const { bench, retained } = setup
      setup.put('short', 'x', 1000)
      setup.put('long', 'x', 5000)
      setup.put('replaced', 'x', 1000)
      setup.put('replaced', 'y')
      bench.settle()
      bench.advance(400)
      const [first] = await pump(bench, collect(retained.matching(bench.vhost, 'short')))
      assert.equal(first!.remainingMs, 600)
      bench.advance(600)
      assert.deepEqual(await setup.matching('#'), ['long=x', 'replaced=y'])
      assert.equal(retained.count, 2)
      bench.advance(4000)
      assert.deepEqual(await setup.matching('#'), ['replaced=y'])
      bench.settle()
      assert.equal(bench.broker.memory.entries, name === 'in memory' ? 1 : 0)
    })

    test('are of one virtual host, and go with it', async () => {
      const setup = await start(makeStore())
      setup.bench.broker.putVhost('other')
      setup.put('a', 'there', 1000, 'other')
      setup.put('a', 'here')
      assert.deepEqual(await setup.matching('#', 'other'), ['a=there'])
      setup.bench.broker.deleteVhost('other')
      setup.bench.advance(2000)
      assert.equal(setup.retained.count, 1)
      assert.equal(setup.retained.bytes, 'a'.length + 'here'.length)
      setup.bench.broker.putVhost('other')
      assert.deepEqual(await setup.matching('#', 'other'), [])
      assert.deepEqual(await setup.matching('#'), ['a=here'])
    })

    test('are refused beyond limits, with nothing changed', async () => {
      const setup = await start(makeStore(), { limits: { messagesMax: 2, bytesMax: 20 } })
      setup.put('a', '1')
      setup.put('b', '2')
      assert.throws(() => setup.put('c', '3'), {
        kind: 'preconditionFailed',
        message: "cannot retain a message on topic 'c': limit of 2 messages is reached",
      })
      setup.put('a', 'x'.repeat(17))
      assert.throws(() => setup.put('b', '22'), {
        message: "cannot retain a message on topic 'b': limit of 20 bytes is reached",
      })
      assert.deepEqual(await setup.matching('#'), [`a=${'x'.repeat(17)}`, 'b=2'])
      setup.put('b', null)
      setup.put('c', '')
      assert.deepEqual(await setup.matching('c'), ['c='])
      assert.equal(setup.retained.bytes, 19)
    })
  })
}

test('says from where in the log on a restart does not undo it', async () => {
  const store = new PagingStore()
  const setup = await start(store)
  setup.put('a', 'old')
  setup.bench.settle()
  const replaced = setup.put('a', 'new')
  assert.ok(replaced > store.committed)
  // nothing more is written for this one, but what it took the place of is not gone yet
  assert.ok(setup.put('a', null) >= replaced)
  setup.bench.settle()
  assert.ok(replaced <= store.committed)
  assert.ok(setup.put('b', null) <= store.committed)
})

test('the place for them is on disk before there are any', async () => {
  const metadata = new MemoryMetadataStore()
  const setup = await start(new PagingStore(), { metadata })
  assert.ok(!metadata.dirty)
  setup.bench.broker.putVhost('other')
  await metadata.commit()
  setup.put('a', 'x', -1, 'other')
  assert.ok(!metadata.dirty)
})

test('what was safe is there after a crash, as it was last', async () => {
  const metadata = new MemoryMetadataStore()
  const store = new PagingStore()
  const before = await start(store, { metadata })
  for (const topic of ['a', 'a/b', 'c.d', 'gone']) before.put(topic, `old ${topic}`)
  before.put('a/b', 'new')
  before.put('gone', null)
  before.put('short', 'x', 1000)
  before.put('long', 'x', 60_000)
  await metadata.commit()
  before.bench.settle()
  before.put('a', 'not safe')

  const bench = new CoreBench({}, metadata, store.crash(), before.bench.clock)
  await bench.start()
  bench.clock.lag(1000)
  const after = new Setup(bench, await pump(bench, RetainedMessages.open(bench.broker, UNLIMITED, PLAIN)))
  assert.deepEqual(await after.matching('#'), ['a=old a', 'a/b=new', 'c.d=old c.d', 'long=x'])
  assert.equal(after.retained.count, 4)
  after.put('a', null)
  bench.advance(60_000)
  assert.deepEqual(await after.matching('#'), ['a/b=new', 'c.d=old c.d'])
})

test('a message that the store has lost is none', async () => {
  const setup = await start(new PagingStore())
  setup.put('a', '1')
  setup.put('b', '2')
  setup.bench.settle()
  setup.bench.vhost.keptMessages('mqtt-retained').remove(1)
  assert.deepEqual(await setup.matching('#'), ['b=2'])
  assert.equal(setup.retained.count, 1)
})

test('ends its timers when it is closed', async () => {
  const setup = await start()
  setup.put('a', 'x', 1000)
  assert.notEqual(setup.bench.clock.timers.next(), Infinity)
  setup.retained.close()
  assert.equal(setup.bench.clock.timers.next(), Infinity)
})
