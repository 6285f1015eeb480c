import assert from 'node:assert/strict'
import {
  LEFT_MEMORY,
  type LoadedMessage,
  type MessageStore,
  PENDING,
  type QueueEntry,
  type QueueLog,
  STATE_READY,
} from '../../src/store/message-store.ts'
import type { Choose } from '../support/simulated-inode.ts'
import { checkLevels, checkPrefix, checkReturned, type Found, type Loss } from './check.ts'
import {
  currentState,
  describeFact,
  type Fact,
  FRESH,
  loadedDigest,
  NEVER,
  QueueModel,
  type Recovered,
  recoveredOf,
  sameState,
  type State,
  TestContent,
  TestEntry,
} from './model.ts'

/** A store, and what it may be asked for besides its interface. */
export interface OpenStore {
  readonly store: MessageStore
  /** What it said of why it cannot go on. */
  readonly failures: readonly Error[]
  /** Stops what it would still do by itself, such as work at the end of the turn: its process is dead. */
  abandon(): void
}

export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

export interface ReadBack {
  readonly found: Found[]
  readonly losses: Loss[]
  /** Of what is in memory now. */
  readonly entries: ReadonlyMap<Recovered, TestEntry>
}

interface FinishedLoad {
  readonly expected: readonly Fact[]
  readonly loaded: readonly number[]
  readonly messagesMax: number
  readonly bytesMax: number
}

const TURNS_MAX = 20_000

/** Waits for something that the store will do by itself. */
export async function until(what: string, check: () => boolean): Promise<void> {
  for (let turns = 0; !check(); turns++) {
    assert.ok(turns < TURNS_MAX, `still waiting: ${what}`)
    await nextTurn()
  }
}

export interface PublishOptions {
  readonly bodyLength?: number
  readonly level?: number
  readonly expiresAt?: number
}

/**
 * Uses a store as core does, and remembers what it was told. Whatever becomes of the disk, `reopened` compares what another store finds
 * there with what must and what may be there.
 */
export class Driver {
  /** Rises with everything that is recorded. */
  now = 0
  queues = new Map<number, QueueModel>()
  store!: MessageStore
  nextQueueId = 1
  readonly #choose: Choose
  #open: OpenStore | null = null
  #logs = new Map<number, QueueLog>()
  /** Positions that the store gave, each higher than all before it, and when. */
  #positions: { readonly at: number; readonly position: number }[] = []
  /** When the transaction began that is open, or 0. */
  #begunAt = 0

  constructor(choose: Choose) {
    this.#choose = choose
  }

  /** A driver that knows what this one knows, and has no store yet: for one of several ways in which it may go on. */
  copy(choose: Choose): Driver {
    const copy = new Driver(choose)
    copy.now = this.now
    copy.nextQueueId = this.nextQueueId
    copy.#positions = [...this.#positions]
    for (const [id, model] of this.queues) copy.queues.set(id, model.copy())
    return copy
  }

  // ---- life ----

  /** A store on an empty disk. */
  started(open: OpenStore): void {
    this.#open = open
    this.store = open.store
    this.#logs = new Map()
    this.#positions = []
  }

  /** Whether the store has said that it cannot go on. */
  get failed(): boolean {
    return this.#open !== null && this.#open.failures.length > 0
  }

  /** The process is dead. */
  abandon(): void {
    this.#open?.abandon()
    this.#open = null
  }

  /** When the last thing that is safe for sure was recorded. */
  safeUpTo(committed = this.store.committed): number {
    return this.#positions.findLast(({ position }) => position <= committed)?.at ?? 0
  }

  /** Another store was opened on what is left of the disk: everything that it has. */
  async readBack(open: OpenStore): Promise<ReadBack> {
    this.started(open)
    const found: Found[] = []
    const losses: Loss[] = []
    const entries = new Map<Recovered, TestEntry>()
    for (const model of this.queues.values()) {
      const log = this.log(model)
      const lost = (number: number, level: number): void => void losses.push({ queueId: model.id, number, level })
      const unready: Recovered[] = []
      await this.#loadAll(
        (visitor) => log.loadRecovered(visitor),
        (loaded) => {
          const one = recoveredOf(model.id, loaded)
          unready.push(one)
          const entry = this.#entryOf(loaded)
          entries.set(one, entry)
          return entry
        },
        lost,
      )
      const ready: Recovered[] = []
      const levels = log.recovered()
      for (const { from, to, level } of levels) {
        await this.#readRange(log, { from, to, level }, (loaded) => ready.push(recoveredOf(model.id, loaded)), lost)
      }
      found.push({ model, ready, unready, levels, lastNumber: log.lastNumber, deliveredUpTo: log.deliveredUpTo })
    }
    return { found, losses, entries }
  }

  /**
   * Another store was opened on a disk that keeps its promises: compares, and goes on with what is there.
   * @param committed what the old store said last; Infinity when it was closed, which makes everything safe
   * @param isOrderly it was closed: nothing is under way to anybody
   */
  async reopened(open: OpenStore, committed: number, isOrderly = false): Promise<void> {
    const safe = committed === Infinity ? this.now : this.safeUpTo(committed)
    if (isOrderly) for (const model of this.queues.values()) model.marks = model.marks.filter(({ at }) => at === 0)
    await this.reopenedAt(open, safe)
  }

  /** As `reopened`, where it is known up to which step of the log everything is safe. */
  async reopenedAt(open: OpenStore, safe: number): Promise<void> {
    const back = await this.readBack(open)
    assert.deepEqual(back.losses, [], 'nothing is lost')
    for (const one of back.found) {
      checkReturned(one)
      checkLevels(one)
    }
    checkPrefix(back.found, safe, this.now)
    assert.ok(open.store.highestQueueId < this.nextQueueId)
    open.store.forgetUnclaimed()
    this.#continueWith(back)
  }

  /** Facts that are not there are forgotten; the others are as they were found, and safe. */
  #continueWith({ found, entries }: ReadBack): void {
    for (const { model, ready, unready, levels, lastNumber, deliveredUpTo } of found) {
      const facts = new Map<number, Fact>()
      for (const one of [...ready, ...unready]) {
        facts.set(one.number, {
          ...model.facts.get(one.number)!,
          born: 0,
          position: 0,
          level: one.level,
          levels: [{ at: 0, level: one.level }],
          states: [{ at: 0, value: one.state }],
          gone: NEVER,
          entry: entries.get(one) ?? null,
        })
      }
      model.facts = facts
      model.ranges = levels.map(({ from, to, level }) => ({ from, to, level }))
      model.lastNumber = lastNumber
      model.marks = [{ at: 0, upTo: deliveredUpTo }]
      model.loading.clear()
    }
  }

  // ---- what core does ----

  log(model: QueueModel): QueueLog {
    let log = this.#logs.get(model.id)
    if (log === undefined) {
      log = this.store.queue(model.id)
      this.#logs.set(model.id, log)
    }
    return log
  }

  addQueue(): QueueModel {
    const model = new QueueModel(this.nextQueueId++)
    this.queues.set(model.id, model)
    this.log(model)
    return model
  }

  deleteQueue(model: QueueModel): void {
    this.#step()
    for (const fact of model.inMemory()) this.store.release(fact.entry!.message)
    this.log(model).delete()
    this.queues.delete(model.id)
    this.#logs.delete(model.id)
  }

  publish(models: readonly QueueModel[], options: PublishOptions = {}): Fact[] {
    const content = this.#content(options)
    content.references = models.length
    this.store.adopt(content)
    let first: Fact | null = null
    return models.map((model) => {
      const fact = this.#fact(model, content, options, true)
      const position = this.log(model).enqueue(fact.entry!)
      if (position > content.position) content.position = position
      fact.position = position
      // what shares a record has one place in the log
      if (position === content.position && first !== null) fact.born = first.born
      first ??= fact
      fact.states[0] = { at: fact.born, value: FRESH }
      fact.levels[0] = { at: fact.born, level: fact.level }
      this.#note(position)
      return fact
    })
  }

  /** Messages that are not recorded: in memory, until they are spilled. */
  hold(model: QueueModel, count: number, options: PublishOptions = {}): Fact[] {
    return Array.from({ length: count }, () => {
      const content = this.#content(options)
      content.references = 1
      this.store.adopt(content)
      return this.#fact(model, content, options, false)
    })
  }

  settle(model: QueueModel, fact: Fact): void {
    const at = this.#step()
    const { entry } = fact
    if (entry!.location === PENDING && fact.durable) fact.cancelled = true
    if (entry!.location !== 0) this.log(model).settle(entry!)
    this.store.release(entry!.message)
    fact.gone = at
    fact.entry = null
    if (!fact.durable) model.facts.delete(fact.number)
  }

  update(model: QueueModel, fact: Fact, value: State): void {
    const at = this.#step()
    const entry = fact.entry!
    entry.redelivered = value.redelivered
    entry.deliveryCount = value.deliveryCount
    entry.acquiredCount = value.acquiredCount
    if (entry.location !== 0) this.log(model).update(entry, value.state, value.dueAt, value.mark)
    fact.states.push({ at, value })
  }

  markDelivered(model: QueueModel, number: number): void {
    const at = this.#step()
    this.#note(this.log(model).markDelivered(number))
    model.marks.push({ at, upTo: number })
  }

  /**
   * All messages of a queue change their level.
   * @returns whether they did: not where what is in memory would lie within what is in the store only
   */
  relevel(model: QueueModel, levels: readonly number[]): boolean {
    const levelOf = (level: number): number => levels[level] ?? level
    const ranges = model.ranges.map((range) => ({ ...range, level: levelOf(range.level) }))
    const isAmong = (fact: Fact): boolean =>
      ranges.some(({ from, to, level }) => level === levelOf(fact.level) && fact.number >= from && fact.number <= to)
    const meets = ranges.some((one, i) =>
      ranges.some((other, k) => k < i && one.level === other.level && one.from <= other.to && one.to >= other.from),
    )
    if (model.loading.size > 0 || meets || model.inMemory().some(isAmong)) return false
    const at = this.#step()
    for (const fact of model.facts.values()) {
      const level = levelOf(fact.level)
      if (level === fact.level) continue
      fact.level = level
      fact.levels.push({ at, level })
      if (fact.entry !== null) fact.entry.level = level
    }
    model.ranges = ranges
    this.#note(this.log(model).relevel(levels))
    return true
  }

  begin(): void {
    this.store.begin()
    this.#begunAt = ++this.now
  }

  end(): void {
    this.#note(this.store.end())
    this.#begunAt = 0
  }

  /** Core forgets everything of a level in this range that is stored and ready. @returns whether there was anything */
  evict(model: QueueModel, level: number, from: number, to: number): boolean {
    const log = this.log(model)
    const facts = model
      .inMemory()
      .filter((fact) => fact.level === level && currentState(fact).state === STATE_READY)
      .filter(({ number }) => number >= from && number <= to)
    const isReady = facts.length > 0 && facts.every(({ entry }) => log.isStored(entry!))
    if (!isReady || model.ranges.some((range) => range.level === level && range.from <= to && range.to >= from))
      return false
    for (const fact of facts) {
      // as it may be gathered
      fact.entry!.location = LEFT_MEMORY
      this.store.release(fact.entry!.message)
      fact.entry = null
    }
    model.ranges.push({ from: facts[0]!.number, to: facts.at(-1)!.number, level })
    return true
  }

  spill(model: QueueModel, facts: readonly Fact[]): Promise<void> {
    return new Promise((resolve) =>
      this.log(model).spill(
        facts.map(({ entry }) => entry!),
        resolve,
      ),
    )
  }

  gather(model: QueueModel, facts: readonly Fact[]): Promise<void> {
    return new Promise((resolve) => {
      if (
        !this.log(model).gather(
          facts.map(({ entry }) => entry!),
          resolve,
        )
      )
        resolve()
    })
  }

  /** A message that only was in memory, or had left it, is recorded from now on. */
  promote(model: QueueModel, fact: Fact): void {
    const at = this.#step()
    const value = currentState(fact)
    const position = this.log(model).promote(fact.entry!)
    assert.ok(position > 0, 'it was not recorded before')
    Object.assign(fact, { durable: true, born: at, position })
    fact.states = [{ at, value: FRESH }]
    fact.levels = [{ at, level: fact.level }]
    this.#note(position)
    // what has become of it already is recorded apart
    if (!sameState(value, FRESH)) this.update(model, fact, value)
  }

  /** Messages that are not in memory go. */
  settleNumbers(model: QueueModel, facts: readonly Fact[]): void {
    const at = this.#step()
    this.log(model).settleNumbers(facts.map(({ number }) => number))
    for (const fact of facts) {
      fact.gone = at
      if (!fact.durable) model.facts.delete(fact.number)
    }
  }

  /** Everything that is ready in a range that is not in memory goes. */
  drop(model: QueueModel, range: QueueModel['ranges'][number]): void {
    const at = this.#step()
    this.log(model).drop(range)
    for (const fact of model.facts.values()) {
      if (fact.level !== range.level || fact.number < range.from || fact.number > range.to) continue
      if (fact.entry !== null || fact.gone !== NEVER) continue
      fact.gone = at
      if (!fact.durable) model.facts.delete(fact.number)
    }
    model.ranges.splice(model.ranges.indexOf(range), 1)
  }

  /** Reads the first messages of a range back into memory, and compares. */
  async load(
    model: QueueModel,
    range: QueueModel['ranges'][number],
    messagesMax: number,
    bytesMax: number,
  ): Promise<void> {
    if (model.loading.has(range.level)) return
    model.loading.add(range.level)
    const log = this.log(model)
    const expected = pagedOf(model, range)
    const loaded: number[] = []
    await this.#loadAll(
      (visitor) => log.load(range, messagesMax, bytesMax, visitor),
      (message) => {
        loaded.push(message.number)
        return this.#takeIn(model, message)
      },
      isLostOf(model),
      () => this.#loadEnded(model, range, { expected, loaded, messagesMax, bytesMax }),
    )
  }

  #loadEnded(model: QueueModel, range: QueueModel['ranges'][number], load: FinishedLoad): void {
    const { expected, loaded, messagesMax, bytesMax } = load
    model.loading.delete(range.level)
    if (!this.queues.has(model.id)) return
    // what was dropped meanwhile may be among them or not
    const kept = expected.filter(({ gone }) => gone === NEVER).map(({ number }) => number)
    const numbers = loaded.filter((number) => model.facts.get(number)?.gone === NEVER)
    assert.deepEqual(numbers, kept.slice(0, numbers.length), `queue ${model.id}: in order, none left out`)
    assert.ok(loaded.length <= messagesMax)
    assert.ok(loaded.length > 0 || kept.length === 0, `queue ${model.id}: a load finds something`)
    if (bytesMax > 1_000_000 && kept.length === expected.length) {
      assert.equal(loaded.length, Math.min(kept.length, messagesMax), `queue ${model.id}: as many as there are`)
    }
    if (!model.ranges.includes(range)) return
    range.from = (loaded.at(-1) ?? range.to) + 1
    if (range.from > range.to) model.ranges.splice(model.ranges.indexOf(range), 1)
  }

  /** Reads messages that are not in memory by number, and leaves them where they are. */
  async look(model: QueueModel, facts: readonly Fact[]): Promise<void> {
    const seen = new Map<number, string>()
    await this.#loadAll(
      (visitor) =>
        this.log(model).loadNumbers(
          facts.map(({ number }) => number),
          10_000_000,
          visitor,
        ),
      (message) => {
        seen.set(message.number, loadedDigest(message))
        return null
      },
      isLostOf(model),
      () => {
        if (!this.queues.has(model.id)) return
        const there = facts.filter(({ gone }) => gone === NEVER)
        for (const { number, digest } of there) assert.equal(seen.get(number), digest, `message ${number} is found`)
      },
    )
  }

  /** Reads the last messages of a range, and leaves them where they are. */
  async lookAtLast(model: QueueModel, range: QueueModel['ranges'][number], messagesMax: number): Promise<void> {
    if (model.loading.has(range.level)) return
    model.loading.add(range.level)
    const expected = pagedOf(model, range)
    const seen: number[] = []
    await this.#loadAll(
      (visitor) => this.log(model).loadLast(range, messagesMax, 10_000_000, visitor),
      (message) => {
        seen.push(message.number)
        return null
      },
      isLostOf(model),
      () => {
        model.loading.delete(range.level)
        if (!this.queues.has(model.id) || expected.some(({ gone }) => gone !== NEVER)) return
        const last = expected.slice(-messagesMax).toReversed()
        assert.deepEqual(
          seen,
          last.map(({ number }) => number),
          `queue ${model.id}: the last ones`,
        )
      },
    )
  }

  /** Asks which messages a restart would find. */
  findPresent(model: QueueModel, facts: readonly Fact[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.log(model).findPresent(
        facts.map(({ number }) => number),
        (present) => {
          const missing = facts.filter(({ number, gone, durable }) => durable && gone === NEVER && !present.has(number))
          if (this.queues.has(model.id) && missing.length > 0)
            reject(new Error(`${describeFact(missing[0]!)} is missing`))
          else resolve()
        },
      )
    })
  }

  async loadExpired(model: QueueModel, range: QueueModel['ranges'][number], now: number): Promise<void> {
    if (model.loading.has(range.level)) return
    model.loading.add(range.level)
    const expected = pagedOf(model, range).filter(({ expiresAt }) => expiresAt >= 0 && expiresAt <= now)
    const loaded: number[] = []
    await this.#loadAll(
      (visitor) => this.log(model).loadExpired(range, now, 10, visitor),
      (message) => {
        loaded.push(message.number)
        return this.#takeIn(model, message)
      },
      isLostOf(model),
      () => this.#expiredLoadEnded(model, range, expected, loaded),
    )
  }

  #expiredLoadEnded(
    model: QueueModel,
    { level }: QueueModel['ranges'][number],
    expected: Fact[],
    loaded: number[],
  ): void {
    model.loading.delete(level)
    if (!this.queues.has(model.id)) return
    const kept = expected.filter(({ gone }) => gone === NEVER).map(({ number }) => number)
    const numbers = loaded.filter((number) => model.facts.get(number)?.gone === NEVER)
    assert.deepEqual(numbers, kept.slice(0, 10), `queue ${model.id}: what has expired`)
    for (const number of numbers) this.settle(model, model.facts.get(number)!)
  }

  /** Waits until everything that was recorded is safe. */
  async settled(): Promise<void> {
    const last = this.#positions.at(-1)?.position ?? 0
    await until(`position ${last}`, () => this.store.committed >= last || this.failed)
  }

  // ---- how ----

  /** Of what is recorded now. What is in a transaction counts from where that began. */
  #step(): number {
    return this.#begunAt > 0 ? this.#begunAt : ++this.now
  }

  /** The log up to now is safe when this position is, since positions that were given before are lower. */
  #note(position: number): void {
    if (position > (this.#positions.at(-1)?.position ?? 0)) this.#positions.push({ at: this.now, position })
  }

  #content({ bodyLength = this.#choose(300) }: PublishOptions): TestContent {
    const bytes = (length: number): Buffer => {
      const start = this.#choose(1 << 20)
      return Buffer.from(Array.from({ length }, (_, i) => Math.imul(start + i, 0x9e3779b1) >>> 24))
    }
    const [head, properties] = [bytes(this.#choose(40)), bytes(this.#choose(20))]
    const body = bodyLength > 4096 ? Buffer.alloc(bodyLength, bytes(4093)) : bytes(bodyLength)
    return new TestContent(head, properties, body)
  }

  #fact(
    model: QueueModel,
    content: TestContent,
    { level = 0, expiresAt = -1 }: PublishOptions,
    durable: boolean,
  ): Fact {
    const entry = new TestEntry(++model.lastNumber, content, level, expiresAt)
    const at = this.#step()
    const fact: Fact = {
      queueId: model.id,
      number: entry.number,
      level,
      levels: [{ at, level }],
      expiresAt,
      digest: content.digest(),
      bodyLength: content.bodyLength,
      durable,
      born: at,
      position: 0,
      gone: NEVER,
      cancelled: false,
      states: [{ at, value: FRESH }],
      entry,
    }
    model.facts.set(entry.number, fact)
    return fact
  }

  #entryOf(loaded: LoadedMessage): TestEntry {
    const part = (at: number, length: number): Buffer => Buffer.from(loaded.buffer.subarray(at, at + length))
    const content = new TestContent(
      part(loaded.headOffset, loaded.headLength),
      part(loaded.propertiesOffset, loaded.propertiesLength),
      part(loaded.bodyOffset, loaded.bodyLength),
    )
    content.references = 1
    this.store.adopt(content)
    const entry = new TestEntry(loaded.number, content, loaded.level, loaded.expiresAt)
    entry.redelivered = loaded.redelivered
    entry.deliveryCount = loaded.deliveryCount
    entry.acquiredCount = loaded.acquiredCount
    return entry
  }

  #takeIn(model: QueueModel, message: LoadedMessage): TestEntry | null {
    const fact = model.facts.get(message.number)
    assert.ok(fact !== undefined, `message ${message.number} of queue ${model.id} came back, and is not known`)
    if (fact.gone !== NEVER) return null
    assert.ok(fact.entry === null, `message ${message.number} of queue ${model.id} is in memory already`)
    assert.equal(loadedDigest(message), fact.digest, `the bytes of message ${message.number} of queue ${model.id}`)
    const { state } = recoveredOf(model.id, message)
    const expected = currentState(fact)
    const redelivered = expected.redelivered || (state.redelivered && fact.born === 0)
    assert.ok(
      sameState(state, { ...expected, redelivered }),
      `${JSON.stringify([state, expected])} of ${message.number}`,
    )
    assert.deepEqual([message.level, message.expiresAt], [fact.level, fact.expiresAt])
    fact.entry = this.#entryOf(message)
    return fact.entry
  }

  /** @returns once the load has ended, and the number of messages */
  #loadAll(
    start: (visitor: {
      onLoaded(m: LoadedMessage): QueueEntry | null
      onLost(n: number, l: number): void
      onLoadEnd(): void
    }) => void,
    onLoaded: (message: LoadedMessage) => QueueEntry | null,
    onLost: (number: number, level: number) => void,
    onEnd: () => void = () => {},
  ): Promise<number> {
    let count = 0
    return new Promise((resolve, reject) => {
      const guarded = <T>(action: () => T, otherwise: T): T => {
        try {
          return action()
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)))
          return otherwise
        }
      }
      let returned = false
      start({
        onLoaded: (message) => {
          count++
          return guarded(() => {
            assert.ok(returned, 'calls come in a later turn')
            return onLoaded(message)
          }, null)
        },
        onLost: (number, level) => {
          count++
          guarded(() => onLost(number, level), undefined)
        },
        onLoadEnd: () => {
          guarded(onEnd, undefined)
          resolve(count)
        },
      })
      returned = true
    })
  }

  /** Reads a range bit by bit without taking anything in. */
  async #readRange(
    log: QueueLog,
    range: { from: number; to: number; level: number },
    onLoaded: (message: LoadedMessage) => void,
    onLost: (number: number, level: number) => void,
  ): Promise<void> {
    for (let from = range.from; from <= range.to;) {
      let last = from - 1
      const [messagesMax, bytesMax] = [1 + this.#choose(50), 1 + this.#choose(20_000)]
      const count = await this.#loadAll(
        (visitor) => log.load({ ...range, from }, messagesMax, bytesMax, visitor),
        (message) => {
          last = Math.max(last, message.number)
          onLoaded(message)
          return null
        },
        (number, level) => {
          last = Math.max(last, number)
          onLost(number, level)
        },
      )
      if (count === 0) return
      from = last + 1
    }
  }
}

const isLostOf =
  (model: QueueModel) =>
  (number: number): never =>
    assert.fail(`message ${number} of queue ${model.id} is lost`)

/** Live facts of a range that are in the store alone. */
export function pagedOf(model: QueueModel, { from, to, level }: QueueModel['ranges'][number]): Fact[] {
  return [...model.facts.values()]
    .filter((fact) => fact.level === level && fact.number >= from && fact.number <= to)
    .filter((fact) => fact.entry === null && fact.gone === NEVER && currentState(fact).state === STATE_READY)
    .sort((a, b) => a.number - b.number)
}
