import { createHash } from 'node:crypto'
import { type Content, type LoadedMessage, type QueueEntry, STATE_READY } from '../../src/store/message-store.ts'
import { StoreTestEntry } from '../support/store-test-entry.ts'

/** A message as core would have it: what the store is given, and moves. */
export class TestContent implements Content {
  buffer: Buffer
  propertiesOffset: number
  propertiesLength: number
  bodyOffset: number
  bodyLength: number
  slab: object | null = null
  position = 0
  references = 0
  pending: QueueEntry | null = null
  readonly head: Buffer

  constructor(head: Buffer, properties: Buffer, body: Buffer) {
    this.head = head
    this.buffer = Buffer.concat([properties, body])
    this.propertiesOffset = 0
    this.propertiesLength = properties.length
    this.bodyOffset = properties.length
    this.bodyLength = body.length
  }

  headRoom(): number {
    return this.head.length + 3
  }

  writeHead(out: Buffer, at: number): number {
    this.head.copy(out, at)
    return at + this.head.length
  }

  /** Of what a reader must find. */
  digest(): string {
    return digestOf(
      this.head,
      this.buffer.subarray(this.propertiesOffset, this.propertiesOffset + this.propertiesLength),
      this.buffer.subarray(this.bodyOffset, this.bodyOffset + this.bodyLength),
    )
  }
}

function digestOf(...parts: Buffer[]): string {
  const hash = createHash('md5')
  for (const part of parts) hash.update(`${part.length}:`).update(part)
  return hash.digest('base64')
}

export const loadedDigest = (loaded: LoadedMessage): string =>
  digestOf(
    loaded.buffer.subarray(loaded.headOffset, loaded.headOffset + loaded.headLength),
    loaded.buffer.subarray(loaded.propertiesOffset, loaded.propertiesOffset + loaded.propertiesLength),
    loaded.buffer.subarray(loaded.bodyOffset, loaded.bodyOffset + loaded.bodyLength),
  )

export class TestEntry extends StoreTestEntry<TestContent> {}

/** What a restart has to know of a message in a queue besides what it is. */
export interface State {
  readonly state: number
  readonly dueAt: number
  readonly mark: number
  readonly redelivered: boolean
  readonly deliveryCount: number
  readonly acquiredCount: number
}

export const FRESH: State = {
  state: STATE_READY,
  dueAt: 0,
  mark: 0,
  redelivered: false,
  deliveryCount: 0,
  acquiredCount: 0,
}

export const NEVER = Infinity

/** One message in one queue, as the test remembers it. Times are numbers of steps, see `Driver.now`. */
export interface Fact {
  readonly queueId: number
  readonly number: number
  /** The one that it has now. */
  level: number
  /** What it had before and since when, and the one that it has now, oldest first. */
  levels: { readonly at: number; readonly level: number }[]
  readonly expiresAt: number
  readonly digest: string
  readonly bodyLength: number
  /** A journal has it, or would have. */
  durable: boolean
  /** When it was recorded: at its own step, or that of the transaction, or of the record that it shares. */
  born: number
  /** Its place in the order of the log; entries of one content share theirs. */
  position: number
  /** When somebody first said that it is gone. */
  gone: number
  /** It was gone before its record was put together: it never is. */
  cancelled: boolean
  /** What was recorded of it, oldest first. */
  states: { readonly at: number; readonly value: State }[]
  /** While core would hold it in memory. */
  entry: TestEntry | null
}

/** What is recorded of it in a log that ends at `at`. */
export const stateAt = ({ states }: Fact, at: number): State => states.findLast((state) => state.at <= at)!.value

/** Its level in a log that ends at `at`. */
export const levelAt = ({ levels }: Fact, at: number): number => levels.findLast((one) => one.at <= at)!.level

/** Whether it is in a log that ends at `at`. */
export const isThereAt = ({ born, gone, durable, cancelled }: Fact, at: number): boolean =>
  durable && !cancelled && born <= at && gone > at

export const currentState = ({ states }: Fact): State => states.at(-1)!.value

/** The queue as core would have it. */
export class QueueModel {
  readonly id: number
  lastNumber = 0
  /** Every fact that was ever recorded and is not known to be gone for good. */
  facts = new Map<number, Fact>()
  /** What may be in the store alone: no message of these levels and numbers that is ready is in memory. */
  ranges: { from: number; to: number; level: number }[] = []
  /** Calls of `markDelivered`, oldest first. */
  marks: { readonly at: number; readonly upTo: number }[] = []
  /** Levels and ranges that are being read. */
  readonly loading = new Set<number>()

  constructor(id: number) {
    this.id = id
  }

  /** What is in memory stays behind: it belongs to a store. */
  copy(): QueueModel {
    const copy = new QueueModel(this.id)
    copy.lastNumber = this.lastNumber
    for (const [number, fact] of this.facts) {
      copy.facts.set(number, { ...fact, states: [...fact.states], levels: [...fact.levels], entry: null })
    }
    copy.ranges = this.ranges.map((range) => ({ ...range }))
    copy.marks = [...this.marks]
    return copy
  }

  deliveredUpTo(at: number): number {
    return this.marks.reduce((most, mark) => (mark.at <= at ? Math.max(most, mark.upTo) : most), 0)
  }

  isPaged(level: number, number: number): boolean {
    return this.ranges.some((range) => range.level === level && number >= range.from && number <= range.to)
  }

  /** Live facts that core would have in memory. */
  inMemory(): Fact[] {
    return [...this.facts.values()].filter(({ entry, gone }) => entry !== null && gone === NEVER)
  }
}

/** What came back from a store that was opened. */
export interface Recovered {
  readonly queueId: number
  readonly number: number
  readonly level: number
  readonly expiresAt: number
  readonly digest: string
  readonly state: State
}

export function recoveredOf(queueId: number, loaded: LoadedMessage): Recovered {
  const { state, dueAt, mark, redelivered, deliveryCount, acquiredCount } = loaded
  return {
    queueId,
    number: loaded.number,
    level: loaded.level,
    expiresAt: loaded.expiresAt,
    digest: loadedDigest(loaded),
    state: { state, dueAt, mark, redelivered, deliveryCount, acquiredCount },
  }
}

export function sameState(a: State, b: State): boolean {
  return (
    a.state === b.state &&
    a.dueAt === b.dueAt &&
    a.mark === b.mark &&
    a.redelivered === b.redelivered &&
    a.deliveryCount === b.deliveryCount &&
    a.acquiredCount === b.acquiredCount
  )
}

export const describeFact = ({ queueId, number, level, born, gone, position }: Fact): string =>
  `message ${number} of queue ${queueId} (level ${level}, recorded at ${born}, position ${position}, gone at ${gone})`
