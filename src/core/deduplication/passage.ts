import type { MessageStore } from '../../store/message-store.ts'
import type { Message } from '../message.ts'
import type { Target } from '../router.ts'
import type { ExchangeDeduplication } from './exchange-deduplication.ts'
import type { Identity } from './identity.ts'

/** An exchange that has let a message in, on its way from another such exchange or from its publisher. */
export class Gate {
  readonly deduplication: ExchangeDeduplication
  readonly identity: Identity
  readonly #before: Gate | null
  /** Whether a queue was reached from here. */
  reached = false

  constructor(deduplication: ExchangeDeduplication, identity: Identity, before: Gate | null) {
    this.deduplication = deduplication
    this.identity = identity
    this.#before = before
  }

  reach(): void {
    this.reached = true
    for (let gate = this.#before; gate !== null && !gate.reached; gate = gate.#before) gate.reached = true
  }
}

/** What the exchanges that keep duplicates out had to do with one message. */
export class Passage {
  readonly #gates: Gate[] = []
  readonly #duplicateIn: ExchangeDeduplication[] = []

  /** Whether the message was a duplicate somewhere: then it is not without a route, even if it reaches nobody. */
  get isDuplicate(): boolean {
    return this.#duplicateIn.length > 0
  }

  enter(deduplication: ExchangeDeduplication, identity: Identity, before: Gate | null): Gate {
    identity.key?.own()
    const gate = new Gate(deduplication, identity, before)
    this.#gates.push(gate)
    return gate
  }

  refuse(deduplication: ExchangeDeduplication): void {
    this.#duplicateIn.push(deduplication)
  }

  /**
   * Gives the message to its targets, and has the exchanges remember it if that is what they are to do. After a crash both are
   * there, or neither is.
   * @param give says whether a target refused
   */
  give(store: MessageStore, message: Message, targets: readonly Target[], give: () => boolean): boolean {
    store.begin()
    try {
      const refused = give()
      const logged = targets.some((target) => target.logs(message))
      for (const { deduplication, identity, reached } of this.#gates) {
        if (reached && !refused) deduplication.accept(message, identity, logged)
        else deduplication.refuse(identity)
      }
      for (const deduplication of this.#duplicateIn) deduplication.count(message)
      return refused
    } finally {
      store.end()
    }
  }
}
