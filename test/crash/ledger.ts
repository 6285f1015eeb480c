import { ChannelBook } from './channel-book.ts'
import { Copy, type MessageFacts, OPEN, SENT, SURE, type Transaction, type Transfer } from './copy.ts'
import { orderMistakes } from './order.ts'

/*
 * The books of the crash harness: what clients sent and were told, message by message and queue by queue, and from it what the broker
 * may and must have after it was killed. The rules:
 *
 * - A message is sure to be there once its publish was confirmed (or its transaction), until a client settles it.
 * - A settlement is sure once something that the same channel sent later was confirmed. Until then it may or may not have survived.
 * - What is not sure is found out by looking at the whole queue after a restart: from then on it is sure, one way or the other.
 * - What is gone for good and shows up again is a mistake, as is what is sure and does not.
 */

export interface QueueFacts {
  readonly name: string
  readonly type: 'classic' | 'quorum'
  /** Highest priority of a classic queue, 0 for none. */
  readonly maxPriority: number
  readonly durable: boolean
  /** The queue that rejected messages go to, with an exchange between the two. */
  readonly dead?: { readonly queue: string; readonly atLeastOnce: boolean }
}

/** What a client sees of a delivery. */
export interface Delivery {
  readonly id: string
  /** What is wrong with body, properties or headers, or null. */
  readonly damage: string | null
  readonly redelivered: boolean
  /** The headers x-delivery-count and x-acquired-count, 0 without. */
  readonly deliveryCount: number
  readonly acquiredCount: number
  /** From x-death. */
  readonly deaths: readonly { readonly queue: string; readonly reason: string }[]
}

export class QueueBook {
  readonly facts: QueueFacts
  readonly copies = new Map<string, Copy>()
  /** Somebody has consumed from it, ever. */
  touched = false
  /** Consumers whose connection was cut in this life. */
  consumersCut = 0
  /** Dead letters may come more than once. */
  readonly repeats: boolean

  constructor(facts: QueueFacts, repeats: boolean) {
    this.facts = facts
    this.repeats = repeats
  }

  /** A consumer is gone, and nobody knows what was on its way to it. */
  consumerCut(): void {
    this.consumersCut++
    for (const copy of this.copies.values()) {
      copy.maybeSeen = true
      copy.mayHaveReturned()
    }
  }

  count(presence: 'sure' | 'maybe'): number {
    let count = 0
    for (const copy of this.copies.values()) if (copy.presence === presence) count++
    return count
  }
}

/**
 * How a life ends: the broker is killed; stopped while clients work; stopped when all is quiet. Or, for comparison, it goes on, and all clients
 * close their connections with whatever they hold.
 */
export type Ending = 'killed' | 'stopped' | 'quiet' | 'closed'

/** Lives of the broker after which a message that is gone is forgotten; it would be a message that nobody has published then. */
const REMEMBERED_LIVES = 5

export class Ledger {
  /** Rises with each restart of the broker. */
  incarnation = 0
  readonly queues = new Map<string, QueueBook>()
  /** What went wrong, in words. */
  readonly mistakes: string[] = []
  readonly #channels = new Set<ChannelBook>()

  addQueue(facts: QueueFacts): QueueBook {
    const repeats = [...this.queues.values()].some(
      ({ facts: { dead } }) => dead?.atLeastOnce === true && dead.queue === facts.name,
    )
    const book = new QueueBook(facts, repeats)
    this.queues.set(facts.name, book)
    return book
  }

  queue(name: string): QueueBook {
    const book = this.queues.get(name)
    if (book === undefined) throw new Error(`no queue ${name}`)
    return book
  }

  openChannel(name: string): ChannelBook {
    const channel = new ChannelBook(this, name)
    this.#channels.add(channel)
    return channel
  }

  forgetChannel(channel: ChannelBook): void {
    this.#channels.delete(channel)
  }

  complain(text: string): void {
    this.mistakes.push(`life ${this.incarnation}: ${text}`)
  }

  #complainOf(copy: Copy, what: string): void {
    this.complain(`${copy.title}: ${what} (${copy.history})`)
  }

  /** A message is on its way to a queue. Where a dead letter comes again, the old copy is as good. */
  expect(queue: QueueBook, message: MessageFacts): Copy {
    const copy = new Copy(queue, message, this.incarnation)
    queue.copies.set(message.id, copy)
    // the broker may not have noticed yet that a consumer is gone
    if (queue.consumersCut > 0) {
      copy.maybeSeen = true
      copy.mayHaveReturned(Math.min(2, queue.consumersCut))
    }
    return copy
  }

  // ---- deliveries ----

  /** A client got a message. @returns null for one that cannot be */
  delivered(queue: QueueBook, delivery: Delivery, channel: ChannelBook): Copy | null {
    const copy = queue.copies.get(delivery.id)
    if (copy === undefined) {
      this.complain(`message ${delivery.id} in queue ${queue.facts.name}: nobody has published it there`)
      return null
    }
    if (delivery.damage !== null) this.#complainOf(copy, delivery.damage)
    if (!queue.repeats) this.#checkOnce(copy)
    this.#checkFlags(copy, delivery)
    this.#checkCounts(copy, delivery)
    this.#checkDeaths(copy, delivery)
    this.#isThere(copy)
    copy.note(`${delivery.redelivered ? 're' : ''}delivered to ${channel.name}`)
    copy.seen = true
    copy.holder = channel
    if (queue.facts.type === 'quorum') copy.rank = -1
    return copy
  }

  #checkOnce(copy: Copy): void {
    if (copy.presence === 'gone') this.#complainOf(copy, 'came back, though it was gone for good')
    else if (copy.holder !== null) this.#complainOf(copy, `delivered while ${copy.holder.name} holds it`)
    else if (copy.settled === SENT && !copy.doubtful) {
      this.#complainOf(copy, 'delivered again after it was settled, on a connection that is still there')
    }
  }

  #checkFlags(copy: Copy, { redelivered }: Delivery): void {
    if (copy.queue.repeats) return
    if (copy.seen && !redelivered) this.#complainOf(copy, 'redelivered is false, though a client has seen it')
    if (!copy.seen && redelivered && !copy.maybeSeen) {
      this.#complainOf(copy, 'redelivered is true, though it was never delivered')
    }
  }

  #checkCounts(copy: Copy, { deliveryCount, acquiredCount }: Delivery): void {
    if (copy.queue.repeats) return
    const { type } = copy.queue.facts
    const check = (header: string, value: number, least: number, most: number): void => {
      if (value >= least && value <= most) return
      this.#complainOf(copy, `${header} is ${value}, not ${least} to ${most}`)
    }
    if (type === 'quorum') check('x-acquired-count', acquiredCount, copy.returnsSure, copy.returnsMost)
    const failures = type === 'quorum' ? [copy.failuresSure, copy.failuresMost] : [copy.returnsSure, copy.returnsMost]
    check('x-delivery-count', deliveryCount, failures[0]!, failures[1]!)
  }

  #checkDeaths(copy: Copy, { deaths }: Delivery): void {
    const source = copy.origin?.source.queue.facts.name
    if (source === undefined) {
      if (deaths.length > 0) this.#complainOf(copy, 'has x-death, though nobody rejected it')
      return
    }
    if (deaths[0]?.queue === source && deaths[0].reason === 'rejected') return
    this.#complainOf(copy, `x-death is ${JSON.stringify(deaths)}, not rejected in ${source}`)
  }

  // ---- after a restart ----

  /** What is in the queue, all of it and in this order, before anybody else touches it. */
  observed(queue: QueueBook, copies: readonly Copy[]): void {
    const there = new Set(copies)
    if (!queue.repeats && there.size < copies.length) {
      this.complain(`queue ${queue.facts.name}: ${copies.length - there.size} messages more than once`)
    }
    for (const copy of queue.copies.values()) {
      if (there.has(copy) || copy.presence === 'gone') continue
      if (copy.presence === 'sure') this.#complainOf(copy, 'lost, though it was confirmed and not acknowledged')
      this.#isNotThere(copy)
    }
    if (!queue.repeats) for (const mistake of orderMistakes(queue.facts, copies)) this.complain(mistake)
    for (const [rank, copy] of copies.entries()) copy.rank = rank
  }

  /** How many messages the broker says are ready, when nobody holds any. */
  counted(queue: QueueBook, ready: number): void {
    const sure = queue.count('sure')
    const most = sure + queue.count('maybe')
    if (ready >= sure && (ready <= most || queue.repeats)) return
    this.complain(`queue ${queue.facts.name}: has ${ready} messages, not ${sure} to ${most}`)
  }

  #isThere(copy: Copy): void {
    this.#settleDoubts(copy, true)
    copy.settled = OPEN
    copy.doubtful = false
    if (copy.incarnation < this.incarnation) copy.arrived = true
  }

  #isNotThere(copy: Copy): void {
    this.#settleDoubts(copy, false)
    copy.end()
  }

  /** What an earlier life left open is decided by whether the copy is there now. */
  #settleDoubts(copy: Copy, there: boolean): void {
    const { publishedIn, settledIn, transfer, origin } = copy
    const where = `${copy.title} is ${there ? '' : 'not '}there`
    if (publishedIn !== null && publishedIn.incarnation < this.incarnation) {
      copy.publishedIn = null
      // what was published and acknowledged since proves nothing by its absence
      if (there || copy.settled === OPEN) this.#proof(publishedIn, there, `${where}, which it published`)
    }
    if (settledIn !== null && settledIn.incarnation < this.incarnation) {
      copy.settledIn = null
      if (there || copy.arrived) this.#proof(settledIn, !there, `${where}, which it acknowledged`)
    }
    if (transfer !== null && there) {
      copy.transfer = null
      transfer.sourceThere = true
      this.#sourceIsThere(transfer)
    } else if (transfer !== null && transfer.incarnation < this.incarnation) {
      copy.transfer = null
      if (copy.arrived) this.#sourceIsGone(transfer)
    }
    if (origin !== null && origin.incarnation < this.incarnation && origin.targetThere === null) {
      if (there) this.#targetIsThere(origin)
      else if (copy.settled === OPEN) this.#targetIsMissing(origin)
    }
  }

  #proof(transaction: Transaction, happened: boolean, what: string): void {
    const mistake = transaction.evidence(happened, what)
    if (mistake !== null) this.complain(mistake)
  }

  #sourceIsThere({ source, target, targetThere, atLeastOnce }: Transfer): void {
    if (atLeastOnce) return
    if (targetThere === true) this.#complainOf(source, `is there and also in ${target.queue.facts.name}`)
    else target.end()
  }

  #sourceIsGone(transfer: Transfer): void {
    const { source, target, targetThere } = transfer
    transfer.sourceThere = false
    if (targetThere === false) {
      this.#complainOf(source, `rejected and lost on the way to ${target.queue.facts.name}`)
    } else if (targetThere === null) target.arrived = true
  }

  #targetIsThere(transfer: Transfer): void {
    transfer.targetThere = true
    if (transfer.sourceThere === null && !transfer.atLeastOnce) transfer.source.end()
  }

  #targetIsMissing(transfer: Transfer): void {
    const { source, target, sourceThere } = transfer
    transfer.targetThere = false
    if (sourceThere === false) {
      this.#complainOf(source, `rejected and lost on the way to ${target.queue.facts.name}`)
    } else if (source.transfer === transfer) {
      // not looked at yet: it never left
      source.transfer = null
      source.settled = OPEN
    }
  }

  // ---- the end of a life ----

  /** Every connection is gone. A kill gives nothing back: what was with a client has its old place. A stop closes connections first. */
  restarted(how: Ending): void {
    const consumers = new Map<QueueBook, number>()
    for (const channel of this.#channels) {
      for (const queue of channel.consumed) consumers.set(queue, (consumers.get(queue) ?? 0) + 1)
    }
    const held = new Set([...this.#channels].flatMap((channel) => [...channel.held.values()]))
    for (const channel of this.#channels) channel.lost('broker')
    this.#channels.clear()
    this.incarnation++
    for (const queue of this.queues.values()) {
      queue.consumersCut = 0
      if (!queue.facts.durable && how !== 'closed') queue.copies.clear()
      for (const [id, copy] of queue.copies) {
        copy.note(how)
        if (!copy.persistent && how !== 'closed') copy.end()
        if (copy.settled === SURE && copy.incarnation + REMEMBERED_LIVES < this.incarnation) queue.copies.delete(id)
        if (!queue.touched) continue
        if (how !== 'quiet') copy.maybeSeen = true
        // what one consumer gives back another one gets, and gives it back in its turn
        const times = how === 'quiet' ? Number(held.has(copy)) : Math.max(1, consumers.get(queue) ?? 0)
        if (how === 'killed') copy.mayHaveCounted()
        else copy.mayHaveReturned(times)
      }
    }
  }

  /** A queue is deleted, and may come again as a new one. */
  deleted(name: string): void {
    const { facts } = this.queue(name)
    this.queues.delete(name)
    this.addQueue(facts)
  }

  /** Everything that is on its way is settled: asked for before and after a stop in good order. */
  requireCertainty(): void {
    for (const queue of this.queues.values()) {
      const doubts = [...queue.copies.values()].filter(({ presence, persistent }) => persistent && presence === 'maybe')
      if (doubts.length > 0) {
        this.complain(`queue ${queue.facts.name}: ${doubts.length} doubts left, as ${doubts[0]!.message.id}`)
      }
    }
  }
}
