import type { ReceivedFrame } from '../../support/stomp-wire.ts'
import { hashedBody, idOf } from '../hashed-body.ts'

/*
 * What clients of STOMP sent and got over the lives of a broker. In the end
 *
 * - each message whose receipt has come, or that of its transaction's COMMIT, has come to its subscriber;
 * - where a message of a transaction has come in a later life, the transaction was on disk, and all its messages have come. Before it is on disk
 *   its messages may come as well, as those of no transaction may, and may be all that ever comes of it: its receipt tells when it is safe;
 * - what was acknowledged in a transaction whose receipt has come does not come again;
 * - what comes again is marked as redelivered, and each message is as it was sent.
 */

/** The two subscribers: to a durable queue, and to topics by a durable subscription. */
export const SUBSCRIBERS = ['queue', 'topics'] as const
export type SubscriberName = (typeof SUBSCRIBERS)[number]

interface Publication {
  readonly to: SubscriberName
  readonly transaction: string | null
  /** The life in which it was sent. */
  readonly life: number
  confirmed: boolean
  received: boolean
  /** It came in a later life than it was sent in. */
  hasSurvived: boolean
  settled: boolean
}

/** A body that tells what it should be, with octets in it that are none of a text. */
export const bodyOf = (id: string, padding: number): Buffer => hashedBody(id, '\0'.repeat(padding))

export class StompBook {
  readonly mistakes: string[] = []
  /** Of the broker, from 1. */
  life = 0
  readonly #publications = new Map<string, Publication>()

  complain(text: string): void {
    this.mistakes.push(`life ${this.life}: ${text}`)
  }

  get count(): number {
    return this.#publications.size
  }

  /** @returns what to call when it is confirmed */
  sends(id: string, to: SubscriberName, transaction: string | null): () => void {
    const { life } = this
    const unseen = { confirmed: false, received: false, hasSurvived: false, settled: false }
    const publication: Publication = { to, transaction, life, ...unseen }
    this.#publications.set(id, publication)
    return () => (publication.confirmed = true)
  }

  /** @returns what to call when it is acknowledged for good */
  receives(subscriber: SubscriberName, { headers, body }: ReceivedFrame): () => void {
    const id = idOf(body)
    const known = id === null ? undefined : this.#publications.get(id)
    if (known === undefined) {
      this.complain(`${subscriber} got a message that nobody has sent: ${body.toString('latin1', 0, 100)}`)
      return () => {}
    }
    if (known.to !== subscriber) this.complain(`${subscriber} got ${id}, which was for ${known.to}`)
    if (known.settled) this.complain(`${subscriber} got ${id} again, though that it has it was committed`)
    if (known.received && headers['redelivered'] !== 'true') this.complain(`${id} comes again as if it were new`)
    if (headers['persistent'] !== 'true') this.complain(`${id} is not persistent any more`)
    known.received = true
    known.hasSurvived ||= this.life > known.life
    return () => (known.settled = true)
  }

  hasSettled(id: string): boolean {
    return this.#publications.get(id)?.settled === true
  }

  /** All that is there has come. */
  check(): void {
    const onDisk = new Set<string>()
    for (const { transaction, hasSurvived } of this.#publications.values()) {
      if (transaction !== null && hasSurvived) onDisk.add(transaction)
    }
    for (const [id, { to, transaction, confirmed, received }] of this.#publications) {
      if (received) continue
      if (confirmed) this.complain(`${id} was confirmed, and has not come to ${to}`)
      else if (transaction !== null && onDisk.has(transaction))
        this.complain(
          `${id} has not come to ${to}, and other messages of transaction ${transaction} have outlived the broker`,
        )
    }
  }

  /** Everything has come and gone: what happens from now on is looked at. */
  forget(): void {
    this.#publications.clear()
  }
}
