import { STATE_DYING, STATE_HELD, STATE_READY, STATE_RETURNED } from '../../src/store/message-store.ts'
import type { Choose } from '../support/simulated-inode.ts'
import { type Driver, nextTurn, pagedOf } from './driver.ts'
import { currentState, type Fact, NEVER, type QueueModel } from './model.ts'

const EXPIRY_MAX = 1000

/** Of three. In whatever order some of them happen, a message has the same level, or keeps the one that it had. */
const RELEVELS: readonly (readonly number[])[] = [[1], [0, 1, 1]]

/** Does things at random, as core might. */
export class Scenario {
  readonly #driver: Driver
  readonly #choose: Choose
  /** Loads and spills that go on. They do not end when the process dies. */
  readonly #background = new Set<Promise<void>>()
  /** Messages that nobody may touch while they are being written. */
  readonly #spilling = new Set<Fact>()
  problem: Error | null = null

  constructor(driver: Driver, choose: Choose) {
    this.#driver = driver
    this.#choose = choose
  }

  /** One step. @returns once its own part is done; what goes on by itself is waited for by `finish` */
  async step(): Promise<void> {
    const driver = this.#driver
    while (driver.queues.size < 3) driver.addQueue()
    const model = this.#pick([...driver.queues.values()])
    const what = this.#choose(100)
    if (what < 24) this.#publish([model])
    else if (what < 29) this.#publish([...driver.queues.values()])
    else if (what < 34) this.#transaction()
    else if (what < 50) this.#settle(model)
    else if (what < 58) this.#update(model)
    else if (what < 62) this.#markDelivered(model)
    else if (what < 68) this.#evict(model)
    else if (what < 73) this.#load(model)
    else if (what < 75) this.#drop(model)
    else if (what < 78) this.#spill(model)
    else if (what < 79) this.#gather(model)
    else if (what < 80) this.#expire(model)
    else if (what < 81 && this.#choose(4) === 0) driver.deleteQueue(model)
    else if (what < 83) this.#relevel(model)
    else if (what < 85) this.#promote(model)
    else if (what < 87) this.#settleNumbers(model)
    else if (what < 89) this.#look(model)
    else await this.#pause()
    if (this.problem !== null) throw this.problem
  }

  /** Waits for what goes on. */
  async finish(): Promise<void> {
    while (this.#background.size > 0 && !this.#driver.failed) {
      if (this.problem !== null) throw this.problem
      await nextTurn()
    }
    if (this.problem !== null) throw this.problem
  }

  #inBackground(work: Promise<void>): void {
    const guarded = work.catch((error: unknown) => {
      this.problem ??= error as Error
    })
    this.#background.add(guarded)
    void guarded.then(() => this.#background.delete(guarded))
  }

  #pick<T>(some: readonly T[]): T {
    return some[this.#choose(some.length)]!
  }

  async #pause(): Promise<void> {
    for (let turns = this.#choose(5); turns >= 0; turns--) await nextTurn()
  }

  #options(): { level: number; expiresAt: number; bodyLength: number } {
    const size = this.#choose(60)
    return {
      level: this.#choose(4) === 0 ? this.#choose(3) : 0,
      expiresAt: this.#choose(4) === 0 ? this.#choose(EXPIRY_MAX) : -1,
      bodyLength: size === 0 ? 70_000 : size < 4 ? this.#choose(5000) : this.#choose(200),
    }
  }

  #publish(models: readonly QueueModel[]): void {
    for (let count = 1 + this.#choose(4); count > 0; count--) this.#driver.publish(models, this.#options())
  }

  #transaction(): void {
    const models = [...this.#driver.queues.values()]
    this.#driver.begin()
    for (let count = 1 + this.#choose(3); count > 0; count--) {
      this.#publish(this.#choose(2) === 0 ? models : [this.#pick(models)])
      if (this.#choose(2) === 0) this.#settle(this.#pick(models))
    }
    this.#driver.end()
  }

  /** Messages in memory that may be touched. */
  #touchable(model: QueueModel): Fact[] {
    return model.inMemory().filter((fact) => !this.#spilling.has(fact))
  }

  #relevel(model: QueueModel): void {
    const isBusy = model.inMemory().some((fact) => this.#spilling.has(fact))
    if (!isBusy) this.#driver.relevel(model, this.#pick(RELEVELS))
  }

  #promote(model: QueueModel): void {
    for (const fact of this.#touchable(model)) {
      if (!fact.durable && this.#choose(3) !== 0) this.#driver.promote(model, fact)
    }
  }

  /** Not while they are being read: who reads a range would take them for lost. */
  #settleNumbers(model: QueueModel): void {
    const ranges = model.ranges.filter(({ level }) => !model.loading.has(level))
    const away = ranges.flatMap((range) => pagedOf(model, range))
    const facts = away.filter(() => this.#choose(4) === 0)
    if (facts.length > 0) this.#driver.settleNumbers(model, facts)
  }

  #settle(model: QueueModel): void {
    for (let count = 1 + this.#choose(4); count > 0; count--) {
      const facts = this.#touchable(model)
      if (facts.length === 0) return
      this.#driver.settle(model, this.#choose(2) === 0 ? facts[0]! : this.#pick(facts))
    }
  }

  #update(model: QueueModel): void {
    const facts = this.#touchable(model)
    if (facts.length === 0) return
    const fact = this.#pick(facts)
    const before = currentState(fact)
    // what becomes ready while its number is among those that are not in memory, or are just being read, would be had twice
    const isAmongPaged = model.isPaged(fact.level, fact.number) || model.loading.has(fact.level)
    const ready = isAmongPaged ? STATE_RETURNED : STATE_READY
    const state = this.#pick([ready, STATE_RETURNED, STATE_HELD, STATE_DYING])
    this.#driver.update(model, fact, {
      state,
      dueAt: state === STATE_HELD ? 1 + this.#choose(1_000_000) : 0,
      mark: state === STATE_DYING ? this.#choose(256) : 0,
      redelivered: true,
      deliveryCount: before.deliveryCount + this.#choose(2),
      acquiredCount: before.acquiredCount + 1,
    })
  }

  #markDelivered(model: QueueModel): void {
    if (model.lastNumber > 5) this.#driver.markDelivered(model, model.lastNumber - this.#choose(5))
  }

  #evict(model: QueueModel): void {
    const facts = this.#touchable(model).filter((fact) => currentState(fact).state === STATE_READY)
    if (facts.length === 0) return
    const { level, number } = this.#pick(facts)
    const to = number + this.#choose(20)
    this.#driver.evict(model, level, number, to)
  }

  #range(model: QueueModel): QueueModel['ranges'][number] | null {
    const free = model.ranges.filter(({ level }) => !model.loading.has(level))
    return free.length === 0 ? null : this.#pick(free)
  }

  #load(model: QueueModel): void {
    const range = this.#range(model)
    if (range === null) return
    const bytesMax = this.#choose(2) === 0 ? 10_000_000 : 1 + this.#choose(3000)
    this.#inBackground(this.#driver.load(model, range, 1 + this.#choose(20), bytesMax))
  }

  #look(model: QueueModel): void {
    const range = this.#range(model)
    if (range === null) return
    const facts = pagedOf(model, range)
    const how = this.#choose(3)
    if (how === 0) this.#inBackground(this.#driver.lookAtLast(model, range, 1 + this.#choose(20)))
    else if (how === 1) this.#inBackground(this.#driver.look(model, facts))
    else this.#inBackground(this.#driver.findPresent(model, facts))
  }

  #expire(model: QueueModel): void {
    const range = this.#range(model)
    if (range === null) return
    const now = this.#choose(EXPIRY_MAX)
    const earliest = this.#driver.log(model).earliestExpiry(range)
    const due = pagedOf(model, range).some(({ expiresAt }) => expiresAt >= 0 && expiresAt < earliest)
    if (due || (earliest < 0 && pagedOf(model, range).some(({ expiresAt }) => expiresAt >= 0))) {
      throw new Error(`the earliest expiry is said to be ${earliest}`)
    }
    this.#inBackground(this.#driver.loadExpired(model, range, now))
  }

  /** Also while it is being read. */
  #drop(model: QueueModel): void {
    if (model.ranges.length > 0) this.#driver.drop(model, this.#pick(model.ranges))
  }

  #spill(model: QueueModel): void {
    const { level, expiresAt } = this.#options()
    const facts = this.#driver.hold(model, 1 + this.#choose(10), { level, expiresAt })
    if (this.#choose(4) === 0) return
    for (const fact of facts) this.#spilling.add(fact)
    const ended = this.#driver.spill(model, facts).then(() => {
      for (const fact of facts) this.#spilling.delete(fact)
    })
    this.#inBackground(ended)
    // some are gone before they are written
    for (const fact of facts) {
      if (this.#choose(5) === 0) this.#driver.settle(model, fact)
    }
  }

  #gather(model: QueueModel): void {
    const facts = this.#touchable(model).filter(
      ({ entry, gone }) => gone === NEVER && this.#driver.log(model).isStored(entry!),
    )
    const { level } = facts[0] ?? { level: 0 }
    const together = facts.filter((fact) => fact.level === level && currentState(fact).state === STATE_READY)
    if (together.length === 0) return
    this.#inBackground(this.#driver.gather(model, together))
  }
}
