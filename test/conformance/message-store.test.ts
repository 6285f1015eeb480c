import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Content, MessageStore } from '../../src/store/message-store.ts'
import { JournalStore } from '../../src/store/journal/journal-store.ts'
import { MemoryMessageStore } from '../../src/store/memory/memory-message-store.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { Turn } from '../../src/util/turn.ts'
import { SimulatedDisk } from '../support/simulated-disk.ts'

/** What an empty store may keep for itself, and what fragmentation may cost on top of the contents. */
const IDLE_BYTES_MAX = 48 * 1024 * 1024
const WASTE_FACTOR_MAX = 10
/** The same where no content was large. */
const IDLE_PACKED_BYTES_MAX = 10 * 1024 * 1024

const implementations: Readonly<Record<string, () => MessageStore | Promise<MessageStore>>> = {
  memory: () => new MemoryMessageStore(),
  journal: openJournal,
}

/** Contents alone write nothing, so the disk may be one in memory. */
function openJournal(): Promise<MessageStore> {
  return JournalStore.open({
    files: new SimulatedDisk(),
    turn: new Turn(),
    log: silentLog,
    segmentBytes: 1024 * 1024,
    indexBytesMax: 1024 * 1024,
    checkpointBytes: 1024 * 1024,
    housekeepingMs: 0,
    onFailure: (error) => assert.fail(error),
  })
}

/** How properties and body lie: next to each other, with a frame boundary between, apart, the wrong way round, in the store's own buffer. */
type Layout = 'adjacent' | 'framed' | 'apart' | 'reversed' | 'owned'
const LAYOUTS: readonly Layout[] = ['adjacent', 'framed', 'apart', 'reversed', 'owned']

let seed = 1
const fill = (bytes: Buffer): Buffer => {
  for (let i = 0; i < bytes.length; i++) {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
    bytes[i] = seed >>> 16
  }
  return bytes
}

function contentOf(store: MessageStore, propertiesLength: number, bodyLength: number, layout: Layout): Content {
  const gap = { adjacent: 0, framed: 8, apart: 100, reversed: 0, owned: 0 }[layout]
  const bytes = propertiesLength + gap + bodyLength
  const before = layout === 'owned' ? 0 : 11
  const length = before + bytes + before
  // what was read from the network is a part of a larger buffer
  const read = fill(layout === 'owned' ? store.allocate(length) : Buffer.allocUnsafeSlow(length + 1).subarray(1))
  return {
    buffer: read,
    propertiesOffset: layout === 'reversed' ? before + bodyLength : before,
    propertiesLength,
    bodyOffset: layout === 'reversed' ? before : before + propertiesLength + gap,
    bodyLength,
    slab: null,
    position: 0,
    references: 0,
    pending: null,
    headRoom: () => 0,
    writeHead: (_out, at) => at,
  }
}

const digest = ({ buffer, propertiesOffset, propertiesLength, bodyOffset, bodyLength }: Content): string =>
  createHash('md5')
    .update(buffer.subarray(propertiesOffset, propertiesOffset + propertiesLength))
    .update(`|${propertiesLength}|`)
    .update(buffer.subarray(bodyOffset, bodyOffset + bodyLength))
    .digest('hex')

interface Held {
  readonly content: Content
  readonly digest: string
}

/** Hands a content to the store, and overwrites what it came from unless the store may keep that. */
function adopt(
  store: MessageStore,
  propertiesLength: number,
  bodyLength: number,
  layout: Layout,
  references = 1,
): Held {
  const content = contentOf(store, propertiesLength, bodyLength, layout)
  const { buffer: read } = content
  const held = { content, digest: digest(content) }
  store.adopt(content)
  content.references = references
  if (layout !== 'owned') read.fill(0xee)
  return held
}

function assertIntact(held: Iterable<Held>): void {
  for (const { content, digest: expected } of held) assert.equal(digest(content), expected)
}

for (const [name, open] of Object.entries(implementations)) {
  describe(`message store: ${name}`, () => {
    test('keeps the bytes of all that is held, whatever comes and goes', async () => {
      const step = fc.record({
        adopt: fc.integer({ min: 0, max: 40 }),
        release: fc.integer({ min: 0, max: 45 }),
        pick: fc.nat(),
        properties: fc.oneof(fc.constant(2), fc.nat(300)),
        body: fc.oneof(
          { weight: 6, arbitrary: fc.nat(3000) },
          { weight: 1, arbitrary: fc.constant(0) },
          { weight: 1, arbitrary: fc.integer({ min: 20_000, max: 70_000 }) },
        ),
        layout: fc.constantFrom(...LAYOUTS),
        references: fc.integer({ min: 1, max: 3 }),
      })
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 30, size: 'max' }), async (steps) => {
          const store = await open()
          const held: Held[] = []
          for (const { adopt: count, release, pick, properties, body, layout, references } of steps) {
            for (let i = 0; i < count; i++) held.push(adopt(store, properties, body, layout, references))
            for (let i = 0; i < release && held.length > 0; i++) {
              const at = (pick + i * 7919) % held.length
              const { content } = held[at]!
              store.release(content)
              if (content.references === 0) held.splice(at, 1)
            }
            assertIntact(held.slice(-5))
            assert.equal(store.stats().messages, held.length)
          }
          assertIntact(held)
          const bytes = held.reduce((sum, { content }) => sum + content.propertiesLength + content.bodyLength, 0)
          assert.equal(store.stats().contentBytes, bytes)
          for (const { content } of held) while (content.references > 0) store.release(content)
          const { messages, contentBytes, memoryBytes } = store.stats()
          assert.deepEqual([messages, contentBytes], [0, 0])
          assert.ok(memoryBytes <= IDLE_BYTES_MAX, `${memoryBytes} bytes kept`)
          await store.close()
        }),
        { numRuns: 30 },
      )
    })

    test('holds a content until its last reference goes', async () => {
      const store = await open()
      const { content, digest: expected } = adopt(store, 10, 100, 'framed', 3)
      store.release(content)
      store.release(content)
      assert.equal(digest(content), expected)
      assert.equal(store.stats().messages, 1)
      store.release(content)
      assert.equal(store.stats().messages, 0)
      await store.close()
    })

    test('does not keep the bytes of who is released alive through an object that somebody still has', async () => {
      const store = await open()
      const { content } = adopt(store, 10, 1_000_000, 'apart')
      store.release(content)
      assert.equal(content.buffer.length, 0)
      await store.close()
    })

    test('does not grow while as much goes as comes', async () => {
      const store = await open()
      const queue: Held[] = []
      const most: number[] = []
      for (let i = 0; i < 60_000; i++) {
        queue.push(adopt(store, 20, 200, 'framed'))
        if (queue.length > 500) store.release(queue.shift()!.content)
        if (i % 20_000 === 19_999) most.push(store.stats().memoryBytes)
      }
      assert.equal(most[2], most[0])
      assertIntact(queue)
      for (const { content } of queue) store.release(content)
      await store.close()
    })

    test('is not held up by stragglers: memory follows what is held, not what once was', async () => {
      const store = await open()
      const stragglers: Held[] = []
      const wave: Held[] = []
      for (let round = 0; round < 10; round++) {
        for (let i = 0; i < 10_000; i++) {
          const held = adopt(store, 12, 500, LAYOUTS[i % 4]!)
          if (i % 200 === 0) stragglers.push(held)
          else wave.push(held)
        }
        for (const { content } of wave.splice(0)) store.release(content)
      }
      assertIntact(stragglers)
      const { messages, contentBytes, memoryBytes } = store.stats()
      assert.equal(messages, stragglers.length)
      const most = IDLE_PACKED_BYTES_MAX + WASTE_FACTOR_MAX * contentBytes
      assert.ok(memoryBytes <= most, `${memoryBytes} bytes for ${contentBytes}`)
      for (const { content } of stragglers) store.release(content)
      assert.deepEqual([store.stats().messages, store.stats().contentBytes], [0, 0])
      assert.ok(store.stats().memoryBytes <= IDLE_PACKED_BYTES_MAX)
      await store.close()
    })

    test('survives that what was moved is moved again', async () => {
      const store = await open()
      let alive: Held[] = []
      for (let round = 0; round < 30; round++) {
        for (let i = 0; i < 2000; i++) alive.push(adopt(store, 4, 300, 'framed'))
        const kept = alive.filter((_, i) => i % 16 === 0)
        for (const [i, { content }] of alive.entries()) if (i % 16 !== 0) store.release(content)
        alive = kept
        assertIntact(alive)
      }
      for (const { content } of alive) store.release(content)
      assert.equal(store.stats().contentBytes, 0)
      await store.close()
    })

    test('counts large contents by what they take, and uses their buffers again', async () => {
      const store = await open()
      const before = store.stats().memoryBytes
      const after: number[] = []
      for (const layout of LAYOUTS) {
        const held = adopt(store, 100, 5_000_000, layout)
        const { memoryBytes } = store.stats()
        assert.ok(memoryBytes >= before + 5_000_000 && memoryBytes < before + 6_300_000, `${layout}: ${memoryBytes}`)
        assertIntact([held])
        store.release(held.content)
        after.push(store.stats().memoryBytes)
      }
      assert.ok(
        after.every((bytes) => bytes === after[0]),
        String(after),
      )
      await store.close()
    })
  })
}
