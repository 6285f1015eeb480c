import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { KeptMessages } from '../../../src/core/kept/kept-messages.ts'
import { composeMessage, type Message, Properties } from '../../../src/core/message.ts'
import { amqpPropertyFormat } from '../../../src/protocols/amqp091/wire/properties.ts'
import { MemoryMetadataStore } from '../../../src/store/memory/memory-metadata-store.ts'
import { CoreBench } from '../../support/core-bench.ts'
import { PagingStore } from '../../support/paging-store.ts'
import { collect, pump } from '../../support/pump.ts'

const messageOf = (body: string): Message =>
  composeMessage('amq.topic', `key.${body[0]!}`, new Properties(), Buffer.from(body), amqpPropertyFormat)

async function read(bench: CoreBench, kept: KeptMessages, numbers: readonly number[]): Promise<unknown[]> {
  const found = await pump(bench, collect(kept.read(numbers)))
  return found.map(({ number, message, expiresAt }) => [number, message.body().toString(), expiresAt])
}

async function startOn(store: PagingStore, metadata: MemoryMetadataStore): Promise<CoreBench> {
  return new CoreBench({}, metadata, store).start()
}

async function recovered(bench: CoreBench, purpose: string): Promise<unknown[]> {
  const found: unknown[] = []
  await pump(
    bench,
    bench.vhost.keptMessages(purpose).recover((number, message, expiresAt) => {
      found.push([number, message.routingKey, message.body().toString(), expiresAt])
    }),
  )
  return found
}

const STORES = { 'in memory': () => undefined, 'with a disk': () => new PagingStore() }
for (const [name, makeStore] of Object.entries(STORES)) {
  describe(`messages that are kept ${name}`, () => {
    test('are read by number, in the order that is asked for, until they are taken out', async () => {
      const bench = await new CoreBench({}, undefined, makeStore()).start()
      const kept = bench.vhost.keptMessages('test')
      assert.equal(bench.vhost.keptMessages('test'), kept)
      const numbers = ['a', 'b', 'c', 'd'].map((body) => kept.add(messageOf(body), body === 'b' ? 5 : -1, 0))
      assert.deepEqual(numbers, [1, 2, 3, 4])
      for (const after of ['at once', 'when they are safe']) {
        assert.deepEqual(
          await read(bench, kept, [3, 1, 2]),
          [
            [3, 'c', -1],
            [1, 'a', -1],
            [2, 'b', 5],
          ],
          after,
        )
        bench.settle()
      }
      kept.remove(1)
      assert.equal(kept.add(messageOf('e'), -1, 3), 5)
      assert.deepEqual(await read(bench, kept, [1, 2, 3, 4, 5, 6]), [
        [2, 'b', 5],
        [4, 'd', -1],
        [5, 'e', -1],
      ])
      bench.settle()
      assert.deepEqual(await read(bench, kept, [1, 5]), [[5, 'e', -1]])
    })

    test('share their bytes with queues', async () => {
      const bench = await new CoreBench({}, undefined, makeStore()).start()
      const client = bench.client()
      client.declare('q')
      const message = messageOf('both')
      const number = bench.vhost.keptMessages('test').add(message, -1, 0)
      message.exchange = ''
      message.routingKey = 'q'
      client.session.publishing.publish(client.session.publishing.access(''), message, false)
      bench.settle()
      assert.equal(client.get('q', true)?.body, 'both')
      assert.deepEqual(await read(bench, bench.vhost.keptMessages('test'), [number]), [[number, 'both', -1]])
      bench.vhost.keptMessages('test').remove(number)
      bench.settle()
      assert.equal(bench.store.stats().messages, 0)
      assert.equal(bench.broker.memory.entries, 0)
    })

    test('go with their virtual host', async () => {
      const bench = await new CoreBench({}, undefined, makeStore()).start()
      const other = bench.broker.putVhost('other')
      other.keptMessages('test').add(messageOf('x'), -1, 0)
      bench.broker.deleteVhost('other')
      bench.settle()
      assert.equal(bench.store.stats().messages, 0)
      assert.equal(bench.broker.memory.entries, 0)
    })
  })
}

test('what is safe has left memory, and is there after a crash', async () => {
  const metadata = new MemoryMetadataStore()
  const store = new PagingStore()
  const bench = await startOn(store, metadata)
  const kept = bench.vhost.keptMessages('test')
  const message = messageOf('a')
  kept.add(message, 77, 0)
  kept.add(messageOf('b'), -1, 0)
  await bench.broker.commitMetadata()
  assert.ok(message.position > store.committed)
  bench.settle()
  assert.ok(message.position <= store.committed)
  assert.equal(bench.broker.memory.entries, 0)
  assert.equal(store.stats().messages, 0)
  kept.add(messageOf('c'), -1, 2)
  const removal = kept.remove(1)
  bench.settle()
  assert.ok(removal <= store.committed)
  // neither of these is safe
  kept.add(messageOf('d'), -1, 3)

  const next = await startOn(store.crash(), metadata)
  assert.deepEqual(await recovered(next, 'test'), [[3, 'key.c', 'c', -1]])
  const again = next.vhost.keptMessages('test')
  assert.ok(again.add(messageOf('e'), -1, 0) > 3)
  assert.deepEqual(await recovered(next, 'other'), [])
})

test('a broker that does not ask for it keeps it for one that does', async () => {
  const metadata = new MemoryMetadataStore()
  const store = new PagingStore()
  const bench = await startOn(store, metadata)
  bench.vhost.keptMessages('test').add(messageOf('a'), -1, 0)
  await bench.broker.commitMetadata()
  bench.settle()
  const unasked = store.crash()
  await startOn(unasked, metadata)
  await metadata.commit()
  assert.deepEqual(await recovered(await startOn(unasked.crash(), metadata), 'test'), [[1, 'key.a', 'a', -1]])
})

test('many large ones are read a part at a time', async () => {
  const store = new PagingStore()
  const bench = await startOn(store, new MemoryMetadataStore())
  const kept = bench.vhost.keptMessages('test')
  const bodies = Array.from({ length: 8 }, (_, i) => String(i).repeat(300_000))
  const numbers = bodies.map((body) => kept.add(messageOf(body), -1, 0))
  bench.settle()
  const loadsBefore = store.calls.loadNumbers ?? 0
  assert.deepEqual(
    (await read(bench, kept, numbers)).map((row) => (row as [number, string])[1]),
    bodies,
  )
  assert.ok((store.calls.loadNumbers ?? 0) - loadsBefore > 1)
})
