import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { long, longstr } from '../../../src/core/fields.ts'
import { idOf, type Looked, type LookedState, parseId, type Place } from '../../../src/core/queues/look.ts'
import type { Queue } from '../../../src/core/queues/queue.ts'
import { lookAt } from '../../../src/core/queues/walk.ts'
import { MemoryMetadataStore } from '../../../src/store/memory/memory-metadata-store.ts'
import { type Client, CoreBench } from '../../support/core-bench.ts'
import { PagingStore } from '../../support/paging-store.ts'

/** What was seen of a message: copied, since its bytes are only valid during the call. */
interface Seen {
  readonly place: Place
  readonly body: string
  readonly state: LookedState
  readonly inMemory: boolean
  readonly wait: string | null
  readonly dueAt: number
  readonly consumer: string | null
}

const seenOf = ({ place, message, state, inMemory, wait, dueAt, entry, holder }: Looked): Seen => ({
  place,
  body: message.body().toString(),
  state,
  inMemory,
  wait,
  dueAt,
  consumer: holder === null ? null : (entry?.consumer?.tag ?? 'none'),
})

const ALL: ReadonlySet<LookedState> = new Set(['ready', 'unacked', 'delayed'])

interface Options {
  readonly states?: ReadonlySet<LookedState>
  readonly fromTail?: boolean
  readonly after?: Place | null
  readonly max?: number
}

async function look(bench: CoreBench, queue: Queue, options: Options = {}): Promise<Seen[]> {
  const { states = ALL, fromTail = false, after = null, max = Infinity } = options
  const seen: Seen[] = []
  let done = false
  const looking = lookAt(queue, { states, fromTail, after }, (looked) => {
    seen.push(seenOf(looked))
    return seen.length < max
  }).then(() => (done = true))
  while (!done) {
    bench.settle()
    await new Promise((resolve) => setImmediate(resolve))
  }
  await looking
  return seen
}

/** In steps of a few, each from where the last one ended. */
async function lookInSteps(bench: CoreBench, queue: Queue, fromTail: boolean, max: number): Promise<Seen[]> {
  const all: Seen[] = []
  for (let after: Place | null = null; ;) {
    const part = await look(bench, queue, { fromTail, after, max })
    all.push(...part)
    if (part.length < max) return all
    after = part.at(-1)!.place
  }
}

const bodiesOf = (seen: readonly Seen[]): string[] => seen.map(({ body }) => body)
const named = (name: string, from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => `${name}${from + i}`)

function publish(client: Client, bodies: readonly string[], properties: Parameters<Client['publish']>[2] = {}): void {
  for (const body of bodies) client.publish('q', body, { persistent: true, ...properties })
}

const start = async (place: 'memory' | 'store', budget = 0): Promise<{ bench: CoreBench; client: Client }> => {
  const store = place === 'store' ? new PagingStore() : undefined
  const bench = await new CoreBench({ messageMemoryBytes: budget }, new MemoryMetadataStore(), store).start()
  return { bench, client: bench.client() }
}

for (const place of ['memory', 'store'] as const) {
  describe(`a look at messages, in the ${place}`, () => {
    test('finds them wherever they are, in the order of delivery, from both ends and in steps', async () => {
      const { bench, client } = await start(place)
      const queue = client.declare('q', { 'x-max-priority': 2, 'x-delayed-message': true })
      publish(client, named('low', 1, 1200))
      publish(client, named('high', 1, 800), { priority: 2 })
      bench.settle()
      const consumer = client.consume('q', { prefetch: 3, tag: 'c' })
      bench.settle()
      // what comes back has its place between what is out and what is ready
      client.nack(2, false, true)
      client.session.cancel(consumer)
      publish(client, named('late', 1, 3), { headers: new Map([['x-delay', long(5000)]]) })
      bench.settle()
      const expected = ['high1', 'high3', 'high2', ...named('high', 4, 800), ...named('low', 1, 1200)]
      // after its return it went out again, before the cancellation
      const out = bodiesOf(await look(bench, queue, { states: new Set(['unacked']) }))
      const ready = expected.filter((body) => !out.includes(body))
      assert.ok(out.includes('high1') && out.includes('high3'))
      const all = [...out, ...ready, ...named('late', 1, 3)]
      const seen = await look(bench, queue)
      assert.deepEqual(bodiesOf(seen), all)
      assert.deepEqual(bodiesOf(await look(bench, queue, { fromTail: true })), all.toReversed())
      for (const [fromTail, max] of [
        [false, 7],
        [true, 7],
        [false, 600],
        [true, 600],
      ] as const) {
        const steps = await lookInSteps(bench, queue, fromTail, max)
        assert.deepEqual(bodiesOf(steps), fromTail ? all.toReversed() : all, `${String(fromTail)} ${max}`)
      }
      assert.equal(
        seen.some(({ inMemory }) => !inMemory),
        place === 'store',
      )
      assert.equal(new Set(seen.map((one) => idOf(one.place))).size, seen.length)
      assert.deepEqual([queue.readyCount, queue.unackedCount], [ready.length, out.length])
    })

    test('tells who has a message, and what another one waits for', async () => {
      const { bench, client } = await start(place)
      const queue = client.declare('q', {
        'x-delayed-message': true,
        'x-retry-max-attempts': 5,
        'x-retry-initial-delay': 60_000,
        'x-retry-jitter': 0,
      })
      publish(client, ['a', 'b', 'c'])
      publish(client, ['due'], { headers: new Map([['x-delay', long(90_000)]]) })
      client.consume('q', { prefetch: 1, tag: 'mine' })
      bench.settle()
      client.nack(1, false, true)
      bench.settle()
      const got = client.get('q')
      assert.equal(got?.body, 'c')
      const now = bench.clock.now()
      const seen = await look(bench, queue)
      const facts = seen.map(({ body, state, wait, dueAt, consumer }) => ({ body, state, wait, dueAt, consumer }))
      assert.deepEqual(facts, [
        { body: 'b', state: 'unacked', wait: null, dueAt: -1, consumer: 'mine' },
        { body: 'c', state: 'unacked', wait: null, dueAt: -1, consumer: 'none' },
        { body: 'a', state: 'delayed', wait: 'next attempt', dueAt: now + 60_000, consumer: null },
        { body: 'due', state: 'delayed', wait: 'due time', dueAt: now + 90_000, consumer: null },
      ])
      assert.deepEqual(bodiesOf(await look(bench, queue, { states: new Set(['delayed']) })), ['a', 'due'])
    })

    test('sees what a transaction has settled and not committed', async () => {
      const { bench, client } = await start(place)
      const queue = client.declare('q')
      publish(client, ['a'])
      bench.settle()
      client.session.selectTransactions()
      client.consume('q', { tag: 'c' })
      bench.settle()
      client.ack(1)
      assert.deepEqual(bodiesOf(await look(bench, queue)), ['a'])
      client.session.commit()
      assert.deepEqual(await look(bench, queue), [])
    })

    test('finds what is parked behind a busy group', async () => {
      const { bench, client } = await start(place)
      const queue = client.declare('q', { 'x-message-groups': true, 'x-message-groups-header': 'g' })
      const headers = new Map([['g', longstr('one')]])
      publish(client, named('m', 1, 700), { headers })
      client.consume('q', { prefetch: 1, tag: 'c' })
      bench.settle()
      const all = named('m', 1, 700)
      assert.deepEqual(bodiesOf(await look(bench, queue)), all)
      assert.deepEqual(bodiesOf(await lookInSteps(bench, queue, false, 99)), all)
      assert.deepEqual(bodiesOf(await lookInSteps(bench, queue, true, 99)), all.toReversed())
    })

    test('goes on where what it ended with is gone', async () => {
      const { bench, client } = await start(place)
      const queue = client.declare('q')
      publish(client, named('m', 1, 20))
      bench.settle()
      const first = await look(bench, queue, { max: 5 })
      const after = first.at(-1)!.place
      for (let i = 0; i < 8; i++) client.get('q', true)
      const rest = await look(bench, queue, { after, states: new Set(['ready']) })
      assert.deepEqual(bodiesOf(rest), named('m', 9, 20))
    })

    test('ends with a purge', async () => {
      const { bench, client } = await start(place)
      const queue = client.declare('q')
      publish(client, named('m', 1, 2000))
      bench.settle()
      let seen = 0
      let done = false
      const states = new Set<LookedState>(['ready'])
      void lookAt(queue, { states, fromTail: false, after: null }, () => {
        if (++seen === 100) queue.purge()
        return true
      }).then(() => (done = true))
      while (!done) {
        bench.settle()
        await new Promise((resolve) => setImmediate(resolve))
      }
      assert.equal(seen, 100)
    })
  })
}

test('ids are read back', () => {
  assert.deepEqual(parseId('1842'), { number: 1842, delayed: false })
  assert.deepEqual(parseId('d7'), { number: 7, delayed: true })
  for (const wrong of ['', '0', '-1', 'd', '1.5', 'x1', '1e3', '99999999999999999']) assert.equal(parseId(wrong), null)
})
