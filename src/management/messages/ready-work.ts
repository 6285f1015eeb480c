import type { Message } from '../../core/message.ts'
import type { Entry } from '../../core/queues/entry.ts'
import type { Looked } from '../../core/queues/look.ts'
import type { Queue } from '../../core/queues/queue.ts'
import { takeNumbers, takeReady } from '../../core/queues/take.ts'
import { lookAt } from '../../core/queues/walk.ts'
import { type Job, JobFailure } from '../jobs/jobs.ts'
import type { Outcome, Republisher } from './republisher.ts'
import { isSelected, type Selection } from './selection.ts'

/** Messages that are read from the store in one go, and messages and bytes of bodies after which the others have their turn. */
const BATCH = 256
const BATCH_BYTES = 1024 * 1024
/** Reasons that are told apart. */
const REASONS_MAX = 10

/** What is done with each message. */
export interface Treatment {
  /** Whether messages that were treated leave the queue. */
  readonly takes: boolean
  /** Whether a full queue ends it: all that follow would be refused, too. */
  readonly stopsWhenRefused: boolean
  /** Null where nothing is published. */
  readonly republisher: Republisher | null
  /** @param message in the queue, in which it stays until this is over */
  readonly treat: (message: Message) => Outcome
}

/** Treats the selected messages of a queue one after the other, from its head on: those that are there when it begins. */
export class ReadyWork {
  readonly #job: Job
  readonly #queue: Queue
  readonly #selection: Selection
  readonly #treatment: Treatment
  /** What comes later is not selected: or a queue that feeds itself would never be through. */
  readonly #lastNumber: number
  #selected = 0
  /** Numbers of messages in the store that are to be treated next. */
  #stored: number[] = []
  #over = false
  #failure: Error | null = null
  /** Why messages stay, and how many. */
  readonly #stays = new Map<string, number>()
  #sinceBreath = 0
  #bytesSinceBreath = 0

  constructor(job: Job, queue: Queue, selection: Selection, treatment: Treatment) {
    this.#job = job
    this.#queue = queue
    this.#selection = selection
    this.#treatment = treatment
    this.#lastNumber = queue.nextNumber - 1
  }

  /** @throws JobFailure, and what ends the job */
  async run(): Promise<void> {
    const { ids, states } = this.#selection
    if (ids !== null && this.#treatment.takes) await this.#takeIds([...ids.queue].sort((a, b) => a - b))
    else await lookAt(this.#queue, { states, fromTail: false, after: null }, (looked) => this.#visit(looked))
    await this.#flush()
    if (this.#failure !== null) throw this.#failure
    await this.#treatment.republisher?.allSafe(this.#job)
    if (this.#stays.size > 0) throw new JobFailure(this.#describeStays())
  }

  async #takeIds(numbers: readonly number[]): Promise<void> {
    for (let i = 0; i < numbers.length && !this.#over; i += BATCH) {
      this.#stored = numbers.slice(i, i + BATCH)
      await this.#flush()
    }
  }

  #visit(looked: Looked): boolean | Promise<boolean> {
    const { entry, inMemory } = looked
    if (this.#over) return false
    const isLater = looked.place.section !== 'delayed' && looked.place.number > this.#lastNumber
    if (isLater || !isSelected(this.#selection, looked)) return true
    if (this.#selected === this.#selection.limit) return false
    this.#selected++
    if (!this.#treatment.takes) {
      this.#treat(looked.message)
      return this.#goesOn()
    }
    if (inMemory && this.#stored.length === 0) {
      takeReady(this.#queue, entry!, this.#agree)
      return this.#goesOn()
    }
    const { number } = entry!
    if (!inMemory) {
      this.#stored.push(number)
      return this.#stored.length < BATCH ? true : this.#flush()
    }
    // first come those before it; it may have left memory by then
    return this.#flush().then((goesOn) => {
      this.#stored.push(number)
      return goesOn
    })
  }

  readonly #agree = ({ message }: Entry): boolean => !this.#over && this.#treat(message)

  /** @returns whether the message was taken. Nothing is thrown: the store may be calling. */
  #treat(message: Message): boolean {
    try {
      const outcome = this.#treatment.treat(message)
      this.#sinceBreath++
      this.#bytesSinceBreath += message.bodyLength
      if (outcome === 'taken') {
        this.#job.done++
        return true
      }
      if (outcome === 'refused' && this.#treatment.stopsWhenRefused) this.#over = true
      this.#stay(outcome === 'refused' ? 'a queue that they would go to is full' : outcome.reason)
    } catch (error) {
      this.#failure = error as Error
      this.#over = true
    }
    return false
  }

  #stay(reason: string): void {
    const known = this.#stays.has(reason) || this.#stays.size < REASONS_MAX ? reason : 'other reasons'
    this.#stays.set(known, (this.#stays.get(known) ?? 0) + 1)
  }

  #describeStays(): string {
    return [...this.#stays].map(([reason, count]) => `${count} messages stay: ${reason}`).join('; ')
  }

  #goesOn(): boolean | Promise<boolean> {
    if (this.#over || this.#job.cancelled) return false
    if (this.#sinceBreath < BATCH && this.#bytesSinceBreath < BATCH_BYTES) return true
    return this.#breathe().then(() => true)
  }

  async #breathe(): Promise<void> {
    this.#sinceBreath = 0
    this.#bytesSinceBreath = 0
    await this.#job.breathe()
    await this.#treatment.republisher?.mayGoOn(this.#job)
  }

  /** Treats what is to be read from the store. @returns whether to go on */
  async #flush(): Promise<boolean> {
    const numbers = this.#stored
    this.#stored = []
    if (this.#over || numbers.length === 0) return !this.#over
    await takeNumbers(this.#queue, numbers, this.#agree)
    await this.#breathe()
    return !this.#over
  }
}
