import type { Consumer } from '../consumer.ts'
import type { DeathReason, Message } from '../message.ts'
import type { Entry } from '../queues/entry.ts'
import type { Queue } from '../queues/queue.ts'
import type { ReturnKind } from '../queues/queue-type.ts'
import type { Target } from '../router.ts'
import type { Session } from '../session.ts'

/** A message that a session gets. */
export interface Delivered {
  /** By name, since behind direct reply-to there is none. */
  readonly queue: string
  readonly message: Message
  readonly redelivered: boolean
  /** Null for one that never queued. */
  readonly entry: Entry | null
  /** Null where it was fetched. */
  readonly consumer: Consumer | null
}

/** How a session has settled a delivery, or lost it. */
export type Settled = 'acknowledged' | 'discarded' | ReturnKind

/**
 * Is told what becomes of the messages of a virtual host, at once, on the message path: while nobody wants to know, it costs a test of one
 * field (`VHost.observer`). The bytes of messages are valid during the call.
 */
export abstract class MessageObserver {
  /** A session has published a message, and these take it next. */
  published(_session: Session, _message: Message, _targets: readonly Target[]): void {}
  /** It reached no queue. @param returned whether its publisher is told */
  unroutable(_session: Session, _message: Message, _returned: boolean): void {}
  /** A queue that is full has refused it. */
  refused(_queue: Queue, _message: Message): void {}
  /** A message that was kept until it was due is routed now, by nobody in particular. */
  cameDue(
    _place: { readonly kind: 'queue' | 'exchange'; readonly name: string },
    _message: Message,
    _targets: readonly Target[],
  ): void {}
  /** A message goes on as another one: what was kept until it is due, for example, differs in its headers. */
  became(_message: Message, _successor: Message): void {}
  /** An exchange or a queue keeps a message until it is due, at a place that it may leave memory from; and it is read back from there. */
  kept(_message: Message, _place: string): void {}
  readBack(_message: Message, _place: string): void {}
  /** A queue has taken a message under a number. */
  queued(_entry: Entry): void {}
  delivered(_session: Session, _delivered: Delivered): void {}
  settled(_session: Session, _entry: Entry, _how: Settled): void {}
  /** A message leaves its queue without having been acknowledged. @param deadLetters whether it goes on to a dead-letter exchange */
  died(_queue: Queue, _message: Message, _reason: DeathReason, _deadLetters: boolean): void {}
  /** A dead letter is routed. */
  deadLettered(_queue: Queue, _message: Message, _dead: Message, _targets: readonly Target[]): void {}
}

/** Several observers that are told the same. */
export class MessageObservers extends MessageObserver {
  readonly #all: readonly MessageObserver[]

  constructor(all: readonly MessageObserver[]) {
    super()
    this.#all = all
  }

  override published(...facts: Parameters<MessageObserver['published']>): void {
    for (const observer of this.#all) observer.published(...facts)
  }

  override unroutable(...facts: Parameters<MessageObserver['unroutable']>): void {
    for (const observer of this.#all) observer.unroutable(...facts)
  }

  override refused(...facts: Parameters<MessageObserver['refused']>): void {
    for (const observer of this.#all) observer.refused(...facts)
  }

  override cameDue(...facts: Parameters<MessageObserver['cameDue']>): void {
    for (const observer of this.#all) observer.cameDue(...facts)
  }

  override became(...facts: Parameters<MessageObserver['became']>): void {
    for (const observer of this.#all) observer.became(...facts)
  }

  override kept(...facts: Parameters<MessageObserver['kept']>): void {
    for (const observer of this.#all) observer.kept(...facts)
  }

  override readBack(...facts: Parameters<MessageObserver['readBack']>): void {
    for (const observer of this.#all) observer.readBack(...facts)
  }

  override queued(...facts: Parameters<MessageObserver['queued']>): void {
    for (const observer of this.#all) observer.queued(...facts)
  }

  override delivered(...facts: Parameters<MessageObserver['delivered']>): void {
    for (const observer of this.#all) observer.delivered(...facts)
  }

  override settled(...facts: Parameters<MessageObserver['settled']>): void {
    for (const observer of this.#all) observer.settled(...facts)
  }

  override died(...facts: Parameters<MessageObserver['died']>): void {
    for (const observer of this.#all) observer.died(...facts)
  }

  override deadLettered(...facts: Parameters<MessageObserver['deadLettered']>): void {
    for (const observer of this.#all) observer.deadLettered(...facts)
  }
}
