import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import { MemoryMetadataStore } from '../../src/store/memory/memory-metadata-store.ts'
import { type Client, CoreBench, type Delivery, StepClock } from '../support/core-bench.ts'
import { PagingStore } from '../support/paging-store.ts'
import { SimulatedDisk } from '../support/simulated-disk.ts'
import type { Choose } from '../support/simulated-inode.ts'
import { type OpenJournal, openJournal, TINY } from '../store/journal.ts'
import {
  ackAll,
  beginChange,
  change,
  crash,
  drain,
  isFindingLevels,
  levelsSettled,
  metadataAfterCrash,
  type Setup,
  start,
  type Wanted,
} from '../unit/core/changes/bench.ts'

/** A broker's core, and a store in which things take their time. */
export interface World {
  readonly bench: CoreBench
  readonly client: Client
  /** Everything has happened that waited to. */
  settle(): Promise<void>
  /** So has everything that falls due on the way. */
  advance(ms: number): Promise<void>
  get(): Promise<Delivery | null>
  /** The store begins to tidy up. */
  tidy(): void
  change(wanted: Wanted): Promise<void>
  /** A change is begun, a part of it happens, and the process ends. @returns the next one */
  changeAndCrash(wanted: Wanted, after: number): Promise<World>
  crash(): Promise<World>
  /** Takes all that is ready, and has it settled. */
  drain(): Promise<string[]>
  close(): Promise<void>
}

/** Over a store whose disk is a Map, in which everything happens when it is asked to. */
export class PagingWorld implements World {
  readonly bench: CoreBench
  readonly client: Client
  readonly #setup: Setup
  readonly #budget: number

  private constructor(setup: Setup, budget: number) {
    this.bench = setup.bench
    this.client = setup.client
    this.#setup = setup
    this.#budget = budget
  }

  /** @param readsEarly whether a load gives what was there when it was asked for */
  static async start(budget: number, readsEarly: boolean): Promise<World> {
    return new PagingWorld(await start(budget, new PagingStore({ readsEarly })), budget)
  }

  async settle(): Promise<void> {
    this.bench.settle()
  }

  async advance(ms: number): Promise<void> {
    this.bench.advance(ms)
  }

  async get(): Promise<Delivery | null> {
    return this.client.get('q')
  }

  tidy(): void {}

  async change(wanted: Wanted): Promise<void> {
    await change(this.#setup, wanted)
  }

  async changeAndCrash(wanted: Wanted, after: number): Promise<World> {
    beginChange(this, wanted)
    for (let i = 0; i < after; i++) {
      await setImmediate()
      if (i % 2 === 0) this.bench.turn.end()
      else this.#setup.store.io()
    }
    return this.crash()
  }

  async crash(): Promise<World> {
    const next = await crash(this.#setup, this.#budget)
    await levelsSettled(next)
    return new PagingWorld(next, this.#budget)
  }

  async drain(): Promise<string[]> {
    return drain(this.#setup)
  }

  async close(): Promise<void> {}
}

/** Turns of the event loop without anything to do, after which there is nothing. */
const QUIET_TURNS = 6
const TURNS_MAX = 20_000

/** Over the journal, on a disk that loses what was not safe. */
export class JournalWorld implements World {
  readonly bench: CoreBench
  readonly client: Client
  readonly #disk: SimulatedDisk
  readonly #open: OpenJournal
  readonly #budget: number
  readonly #choose: Choose

  private constructor(bench: CoreBench, disk: SimulatedDisk, open: OpenJournal, budget: number, choose: Choose) {
    this.bench = bench
    this.client = bench.client()
    this.#disk = disk
    this.#open = open
    this.#budget = budget
    this.#choose = choose
  }

  /** @param choose decides what a crash leaves */
  static async start(budget: number, choose: Choose): Promise<World> {
    const disk = new SimulatedDisk({ pace: 'microtask' })
    return JournalWorld.#on(disk, budget, choose, new MemoryMetadataStore(), new StepClock())
  }

  static async #on(
    disk: SimulatedDisk,
    budget: number,
    choose: Choose,
    metadata: MemoryMetadataStore,
    clock: StepClock,
  ): Promise<JournalWorld> {
    const open = await openJournal(disk, TINY)
    const bench = await new CoreBench({ messageMemoryBytes: budget }, metadata, open.store, clock).start()
    return new JournalWorld(bench, disk, open, budget, choose)
  }

  async settle(): Promise<void> {
    const { store } = this.#open
    let quiet = 0
    for (let turns = 0; quiet < QUIET_TURNS; turns++) {
      assert.ok(turns < TURNS_MAX, 'there is always something left to do')
      const isBusy = this.bench.settle() > 0 || store.committed < store.lastPosition
      quiet = isBusy ? 0 : quiet + 1
      await setImmediate()
    }
    assert.deepEqual([...this.#open.failures, ...this.bench.failures, ...this.#open.damages], [])
  }

  async advance(ms: number): Promise<void> {
    const { clock } = this.bench
    const end = clock.now() + ms
    await this.settle()
    // from one moment at which something is due to the next, since what it takes happens in later turns
    for (let due = clock.timers.next(); due <= end; due = clock.timers.next()) {
      this.bench.advance(Math.max(0, due - clock.now()))
      await this.settle()
    }
    this.bench.advance(end - clock.now())
  }

  async get(): Promise<Delivery | null> {
    return this.client.getLater('q', () => this.settle())
  }

  tidy(): void {
    void this.#open.store.tidy()
  }

  async change(wanted: Wanted): Promise<void> {
    await change(this, wanted)
  }

  async changeAndCrash(wanted: Wanted, after: number): Promise<World> {
    beginChange(this, wanted)
    for (let i = 0; i < after; i++) {
      await setImmediate()
      this.bench.turn.end()
    }
    return this.crash()
  }

  async crash(): Promise<World> {
    const { bench } = this
    const metadata = await metadataAfterCrash(bench)
    const chance = { choose: this.#choose }
    const options = { pace: 'microtask' } as const
    const left = this.#choose(2) === 0 ? this.#disk.kill(chance, options) : this.#disk.powerCut(chance, options)
    bench.broker.close()
    this.#open.abandon()
    const next = await JournalWorld.#on(left, this.#budget, this.#choose, metadata, bench.clock)
    await next.settle()
    while (isFindingLevels(next.bench)) await next.settle()
    return next
  }

  async drain(): Promise<string[]> {
    const bodies: string[] = []
    const { client } = this
    client.consume('q', { tag: 'drain', prefetch: 10 })
    for (let got = ['']; got.length > 0;) {
      await this.settle()
      got = ackAll(client)
      bodies.push(...got)
    }
    client.session.cancel('drain')
    return bodies
  }

  async close(): Promise<void> {
    this.bench.clock.timers.clear()
    this.bench.broker.close()
    await this.#open.close()
  }
}
