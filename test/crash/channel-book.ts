import { type Copy, type MessageFacts, OPEN, SENT, SURE, Transaction, Transfer } from './copy.ts'
import type { Delivery, Ledger, QueueBook } from './ledger.ts'

/** A settlement or a return that is on disk when something sent later is confirmed. */
interface Effect {
  readonly copy: Copy
  readonly becomesSure: () => void
}

/** A message that was sent to the broker, and what its confirm will tell. */
export interface Publication {
  readonly copies: readonly Copy[]
  effects: Effect[]
  done: boolean
}

/** How a message goes back: both requeue it, and only the second counts as a failure in a quorum queue. */
export type ReturnKind = 'nack' | 'reject'

/** The books of one channel. Call it before the broker is told anything, and right after the broker says something. */
export class ChannelBook {
  readonly name: string
  readonly held = new Map<number, Copy>()
  readonly #ledger: Ledger
  readonly consumed = new Set<QueueBook>()
  /** Done since the last publish. */
  #effects: Effect[] = []
  /** Copies with effects that are not sure yet, and how many. */
  readonly #unsure = new Map<Copy, number>()
  #transaction: Transaction | null = null
  #transactional = false
  #ended = false

  constructor(ledger: Ledger, name: string) {
    this.#ledger = ledger
    this.name = name
  }

  // ---- publishing ----

  publish(message: MessageFacts, queues: readonly string[]): Publication {
    const copies = queues.map((name) => this.#ledger.expect(this.#ledger.queue(name), message))
    if (this.#transactional) {
      const transaction = this.#openTransaction()
      for (const copy of copies) {
        copy.publishedIn = transaction
        transaction.published.push(copy)
      }
      return { copies, effects: [], done: true }
    }
    const effects = this.#effects
    this.#effects = []
    return { copies, effects, done: false }
  }

  confirmed(publication: Publication): void {
    if (publication.done || this.#ended) return
    publication.done = true
    for (const copy of publication.copies) {
      copy.arrived = true
      copy.note('confirmed')
    }
    const { effects } = publication
    publication.effects = []
    // what needs no disk says nothing about what is on disk
    if (!publication.copies.some((copy) => copy.persistent)) this.#effects.unshift(...effects)
    else for (const effect of effects) this.#happens(effect)
  }

  /** The broker refused it: at most one queue was asked, which does not have it. */
  refused(publication: Publication): void {
    if (publication.done || this.#ended) return
    publication.done = true
    this.#effects.unshift(...publication.effects)
    publication.effects = []
    for (const copy of publication.copies) copy.end()
  }

  #happens({ copy, becomesSure }: Effect): void {
    const left = this.#unsure.get(copy)! - 1
    if (left > 0) this.#unsure.set(copy, left)
    else this.#unsure.delete(copy)
    becomesSure()
  }

  #later(copy: Copy, becomesSure: () => void): void {
    this.#unsure.set(copy, (this.#unsure.get(copy) ?? 0) + 1)
    this.#effects.push({ copy, becomesSure })
  }

  // ---- consuming ----

  consumes(queue: string): void {
    const book = this.#ledger.queue(queue)
    book.touched = true
    this.consumed.add(book)
  }

  delivered(queue: string, tag: number, delivery: Delivery): Copy | null {
    const copy = this.#ledger.delivered(this.#ledger.queue(queue), delivery, this)
    if (copy === null) return null
    // what comes with the end of its connection, and is heard of after it, is nobody's
    if (this.#ended) copy.holder = null
    else this.held.set(tag, copy)
    return copy
  }

  ack(tag: number, multiple = false): void {
    for (const copy of this.#take(tag, multiple)) this.#settle(copy)
  }

  #settle(copy: Copy): void {
    copy.settled = SENT
    copy.note('acknowledged')
    if (this.#transactional) {
      const transaction = this.#openTransaction()
      copy.settledIn = transaction
      transaction.settled.push(copy)
      return
    }
    this.#later(copy, () => copy.end())
  }

  requeue(tag: number, kind: ReturnKind, multiple = false): void {
    for (const copy of this.#take(tag, multiple)) {
      const fails = kind === 'reject'
      copy.note(`given back by ${kind}`)
      copy.returnsMost++
      copy.maybeReturned = true
      if (fails) copy.failuresMost++
      this.#later(copy, () => {
        copy.returnsSure++
        if (fails) copy.failuresSure++
      })
    }
  }

  /** Without requeue: off to the dead-letter queue, if there is one. */
  reject(tag: number, multiple = false): void {
    if (this.#transactional) throw new Error('the books know no rejections in transactions')
    for (const copy of this.#take(tag, multiple)) {
      const { dead } = copy.queue.facts
      if (dead === undefined) this.#settle(copy)
      else this.#bury(copy, this.#ledger.queue(dead.queue), dead.atLeastOnce)
    }
  }

  #bury(source: Copy, queue: QueueBook, atLeastOnce: boolean): void {
    const { incarnation } = this.#ledger
    const target = this.#ledger.expect(queue, source.message)
    const transfer = new Transfer(source, target, atLeastOnce, incarnation)
    source.settled = SENT
    source.note('rejected')
    source.transfer = transfer
    target.origin = transfer
    this.#later(source, () => {
      source.end()
      source.transfer = null
      target.arrived = true
    })
  }

  #take(tag: number, multiple: boolean): Copy[] {
    const tags = multiple ? [...this.held.keys()].filter((held) => tag === 0 || held <= tag) : [tag]
    const copies: Copy[] = []
    for (const held of tags) {
      const copy = this.held.get(held)
      if (copy === undefined) continue
      this.held.delete(held)
      copy.holder = null
      copies.push(copy)
    }
    return copies
  }

  // ---- transactions ----

  selectTransactions(): void {
    this.#transactional = true
  }

  #openTransaction(): Transaction {
    this.#transaction ??= new Transaction(this.#ledger.incarnation)
    return this.#transaction
  }

  commitSent(): void {
    if (this.#transaction !== null) this.#transaction.commitSent = true
  }

  committed(): void {
    const transaction = this.#transaction
    this.#transaction = null
    if (transaction === null || this.#ended) return
    for (const copy of transaction.published) {
      copy.arrived = true
      copy.publishedIn = null
    }
    for (const copy of transaction.settled) copy.end()
  }

  /** The broker says that it did not happen. @param tags of the settled deliveries, which are the client's again */
  rolledBack(tags: ReadonlyMap<number, Copy>): void {
    this.#undo()
    for (const [tag, copy] of tags) {
      copy.holder = this
      this.held.set(tag, copy)
    }
  }

  #undo(): void {
    const transaction = this.#transaction
    this.#transaction = null
    for (const copy of transaction?.published ?? []) copy.end()
    for (const copy of transaction?.settled ?? []) {
      copy.settled = OPEN
      copy.settledIn = null
    }
  }

  // ---- the end ----

  /** The connection ended: with the broker, cut by the client, or closed by it. In the latter cases what was delivered goes back. */
  lost(how: 'broker' | 'cut' | 'closed'): void {
    if (this.#ended) return
    this.#ended = true
    if (this.#transaction?.commitSent === false) this.#undo()
    for (const copy of this.#transaction?.settled ?? []) copy.doubtful = true
    for (const copy of this.#unsure.keys()) if (copy.settled !== SURE) copy.doubtful = true
    const held = [...this.held.values()]
    for (const copy of held) {
      copy.holder = null
      copy.note(`held when its connection was ${how === 'broker' ? 'lost' : how}`)
    }
    this.held.clear()
    if (how === 'broker') return
    this.#ledger.forgetChannel(this)
    if (how === 'closed') for (const copy of held) copy.mayHaveReturned()
    // what was on its way to the client goes back as well
    else for (const queue of this.consumed) queue.consumerCut()
  }

  /** The broker has done all that was asked; a stop in good order writes it down. */
  settled(): void {
    for (const effect of this.#effects.splice(0)) this.#happens(effect)
  }
}
