import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MemoryMetadataStore } from '../../../../src/store/memory/memory-metadata-store.ts'
import { CoreBench, type Delivery } from '../../../support/core-bench.ts'
import { type PagingLog, PagingStore } from '../../../support/paging-store.ts'
import { type Choose, chooseBySeed } from '../../../support/simulated-inode.ts'
import { drain, levelsSettled, requestOf, type Setup, type Wanted } from './bench.ts'

// A queue is changed and changed again, at any pace of the disk, and the broker ends at any moment of it and of what a start does about it: the
// journal may have more of a change than the metadata, or less. Whatever the queue is then, its messages are at the levels that it tells apart.

/** How many seeds, and which is the first: `CHANGE_SEEDS=5000 CHANGE_SEED=1 node --test test/unit/core/changes/crashes.test.ts`. */
const SEEDS = Number(process.env['CHANGE_SEEDS'] ?? 60)
const FIRST_SEED = Number(process.env['CHANGE_SEED'] ?? 1)
const LIVES = 4
const STEPS_MAX = 60
const MESSAGES_MAX = 40
const PRIORITIES = 6

const SHAPES: readonly Wanted[] = [
  { type: 'classic', durable: true, arguments: { 'x-max-priority': null } },
  { type: 'classic', durable: true, arguments: { 'x-max-priority': 2 } },
  { type: 'classic', durable: true, arguments: { 'x-max-priority': 5 } },
  { type: 'quorum', durable: true, arguments: { 'x-max-priority': null, 'x-delivery-limit': -1 } },
]

/** Its queue is gone after a crash. */
const TRANSIENT_SHAPES: readonly Wanted[] = [
  { type: 'classic', durable: false },
  { type: 'classic', durable: false, arguments: { 'x-max-priority': 3 } },
]

/** Commits when told to: what is put meanwhile comes with the next commit. */
class SlowMetadataStore extends MemoryMetadataStore {
  #asked: (() => void)[] = []

  override commit(): Promise<void> {
    return new Promise((resolve) => this.#asked.push(resolve))
  }

  /** @returns whether there was anything to do */
  async go(): Promise<boolean> {
    const asked = this.#asked
    this.#asked = []
    if (asked.length === 0) return false
    await super.commit()
    for (const resolve of asked) resolve()
    return true
  }
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

interface Life extends Setup {
  readonly metadata: SlowMetadataStore
}

async function begin(budget: number, metadata: SlowMetadataStore, store: PagingStore, before?: Life): Promise<Life> {
  const bench = new CoreBench({ messageMemoryBytes: budget }, metadata, store, before?.bench.clock)
  await bench.start()
  bench.advance(0)
  return { bench, store, metadata, client: bench.client() }
}

/** The process ends: what was committed is there, and nothing else. */
async function crash(life: Life, budget: number): Promise<Life> {
  const { bench, store, metadata } = life
  bench.clock.timers.clear()
  const left = new SlowMetadataStore()
  for (const [key, value] of await metadata.load()) left.put(key, value)
  const going = left.commit()
  await left.go()
  await going
  const next = store.crash()
  bench.broker.close()
  return begin(budget, left, next, life)
}

/** Something goes on, by a little. */
async function step({ bench, store, metadata }: Life, choose: Choose): Promise<void> {
  switch (choose(5)) {
    case 0:
      bench.turn.end()
      return
    case 1:
      store.commit(1 + choose(4))
      return
    case 2:
      store.ioOne()
      return
    case 3:
      await metadata.go()
      return
    default:
      await nextTurn()
  }
}

async function settled(life: Life): Promise<void> {
  const { bench, metadata } = life
  let isSettled = false
  const levels = levelsSettled(life).then(() => (isSettled = true))
  while (!isSettled) {
    await metadata.go()
    await nextTurn()
  }
  await levels
  while (bench.settle() > 0 || (await metadata.go()));
}

interface Sent {
  readonly body: string
  readonly priority: number | null
  readonly persistent: boolean
}

/** @param persistent whether all of them are, or else by turns */
function publish({ client }: Life, sent: Sent[], choose: Choose, persistent = true): void {
  for (let count = choose(MESSAGES_MAX); count > 0; count--) {
    const priority = choose(PRIORITIES + 1)
    const one = {
      body: `m${sent.length}`,
      priority: priority === PRIORITIES ? null : priority,
      persistent: persistent || choose(2) === 0,
    }
    sent.push(one)
    const properties = one.priority === null ? {} : { priority: one.priority }
    client.publish('q', one.body, { persistent: one.persistent, ...properties })
  }
}

/** Messages that consumers have come back when the broker ends: to their places, or before all others where that is the rule. */
function takeSome({ client }: Life, choose: Choose): string[] {
  return Array.from({ length: choose(6) }, () => client.get('q')?.body ?? '')
}

/** Starts a change as soon as the one before is on disk, whether or not messages have been looked through for it. */
async function changeSome({ client }: Life, choose: Choose, shapes = SHAPES): Promise<void> {
  for (let count = choose(4); count > 0; count--) {
    await client.session.topology.changeQueue('q', requestOf(shapes[choose(shapes.length)]!), true)
  }
}

/** What the queue believes to be in the store only is there. */
function checkRanges({ bench }: Life): void {
  const { ready, log } = bench.queue('q').parts()
  for (const lane of ready.lanes) {
    if (lane === undefined || lane.paged === null) continue
    const { from, to, count } = lane.paged
    const found = (log as PagingLog).numbersIn({ from, to, level: lane.level })
    assert.equal(found.length, count, `level ${lane.level} from ${from} to ${to} has ${found.join(' ')}`)
  }
}

/** A consumer that comes and goes, and acknowledges what it gets, or gives it back. */
class Visitor {
  /** Bodies of what it has had. */
  readonly taken = new Set<string>()
  readonly acknowledged = new Set<string>()
  readonly #client: Life['client']
  readonly #choose: Choose
  readonly #deliveries: Pick<Delivery, 'body' | 'tag'>[] = []
  #isThere = false

  constructor({ client }: Life, choose: Choose) {
    this.#client = client
    this.#choose = choose
  }

  step(): void {
    this.look()
    switch (this.#choose(8)) {
      case 0:
        if (this.#isThere) this.#client.session.cancel('visitor')
        else this.#client.consume('q', { tag: 'visitor', prefetch: 3 })
        this.#isThere = !this.#isThere
        break
      case 1:
        if (this.#deliveries.length > 0) this.#giveBack(this.#choose(this.#deliveries.length))
        break
      case 2:
        if (this.#deliveries.length > 0) this.#acknowledge(this.#choose(this.#deliveries.length))
        break
      default:
    }
  }

  /** Notes what has come. */
  look(): void {
    for (const delivery of this.#client.deliveries.splice(0)) {
      assert.ok(!this.acknowledged.has(delivery.body), `${delivery.body} comes although it was acknowledged`)
      this.taken.add(delivery.body)
      this.#deliveries.push(delivery)
    }
  }

  #giveBack(index: number): void {
    this.#client.nack(this.#deliveries.splice(index, 1)[0]!.tag, false, true)
  }

  #acknowledge(index: number): void {
    const { body, tag } = this.#deliveries.splice(index, 1)[0]!
    this.#client.ack(tag)
    this.acknowledged.add(body)
  }

  leave(): void {
    if (this.#isThere) this.#client.session.cancel('visitor')
    this.look()
    while (this.#deliveries.length > 0) this.#giveBack(0)
  }
}

function inOrder(sent: readonly Sent[], { rules, settings }: ReturnType<CoreBench['queue']>): string[] {
  const levelOf = ({ priority }: Sent): number =>
    priority === null ? settings.defaultPriority : Math.min(priority, rules.levels(settings) - 1)
  return sent.toSorted((a, b) => levelOf(b) - levelOf(a)).map(({ body }) => body)
}

async function lives(seed: number, budget: number): Promise<void> {
  const choose = chooseBySeed(seed)
  let life = await begin(budget, new SlowMetadataStore(), new PagingStore({ readsEarly: choose(2) === 0 }))
  life.client.declare('q')
  void life.bench.broker.commitMetadata()
  await settled(life)
  const sent: Sent[] = []
  const taken = new Set<string>()
  for (let n = 0; n < LIVES; n++) {
    publish(life, sent, choose)
    life.bench.settle()
    for (const body of takeSome(life, choose)) taken.add(body)
    // its end is that of the process
    changeSome(life, choose).catch(() => {})
    for (let steps = choose(STEPS_MAX); steps > 0; steps--) await step(life, choose)
    life = await crash(life, budget)
  }
  await settled(life)
  const queue = life.bench.queue('q')
  const isComparable = (body: string): boolean => !queue.rules.returnsFirst || !taken.has(body)
  const found = drain(life)
  assert.equal(found.length, sent.length)
  assert.deepEqual(found.filter(isComparable), inOrder(sent, queue).filter(isComparable))
}

/** Nothing ends: a change comes while messages are looked through for the one before. */
async function changes(seed: number, budget: number): Promise<void> {
  const choose = chooseBySeed(seed)
  const store = new PagingStore({ readsEarly: choose(2) === 0, readsMax: choose(2) === 0 ? 1 + choose(4) : Infinity })
  const life = await begin(budget, new SlowMetadataStore(), store)
  life.client.declare('q')
  void life.bench.broker.commitMetadata()
  await settled(life)
  const sent: Sent[] = []
  publish(life, sent, choose, false)
  life.bench.settle()
  let isOver = false
  const changing = changeSome(life, choose, [...SHAPES, ...TRANSIENT_SHAPES]).then(() => (isOver = true))
  const visitor = new Visitor(life, choose)
  while (!isOver) {
    visitor.step()
    await step(life, choose)
  }
  await changing
  publish(life, sent, choose, false)
  for (let steps = choose(STEPS_MAX); steps > 0; steps--) {
    visitor.step()
    await step(life, choose)
  }
  await settled(life)
  checkRanges(life)
  const queue = life.bench.queue('q')
  if (choose(2) === 0 || !queue.durable) {
    visitor.leave()
    await settled(life)
    const isComparable = (body: string): boolean => !visitor.taken.has(body)
    const drained = drain(life)
    const left = sent.filter(({ body }) => !visitor.acknowledged.has(body))
    assert.deepEqual(drained.toSorted(), left.map(({ body }) => body).toSorted())
    assert.deepEqual(drained.filter(isComparable), inOrder(sent, queue).filter(isComparable))
    return
  }
  visitor.look()
  const after = await crash(life, budget)
  await settled(after)
  const found = drain(after)
  // what was in a quorum queue once survives as well
  const there = new Set(found)
  assert.equal(found.length, there.size, 'each once')
  const isComparable = (body: string): boolean => there.has(body) && !visitor.taken.has(body)
  assert.deepEqual(found.filter(isComparable), inOrder(sent, queue).filter(isComparable), 'in order')
  // what was acknowledged may come again: the disk is slow
  const lost = sent.filter(({ body, persistent }) => {
    return (persistent || queue.type === 'quorum') && !there.has(body) && !visitor.acknowledged.has(body)
  })
  assert.deepEqual(lost, [], 'lost by the restart')
}

for (const [where, budget] of [
  ['in memory', Infinity],
  ['in the store', 0],
  ['partly in memory', 3000],
] as const) {
  describe(`changes of a queue with messages ${where} (seeds from ${FIRST_SEED})`, () => {
    for (const [what, run] of [
      ['and a crash in the middle of them leave no message at a level of before', lives],
      ['that follow one another at once lose nothing', changes],
    ] as const) {
      test(what, async () => {
        for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
          try {
            await run(seed, budget)
          } catch (error) {
            throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error })
          }
        }
      })
    }
  })
}
