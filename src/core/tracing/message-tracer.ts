import type { ClientConnection } from '../client-connection.ts'
import { sessionName } from '../event-facts.ts'
import type { DeathReason, Message } from '../message.ts'
import type { Entry } from '../queues/entry.ts'
import type { Queue } from '../queues/queue.ts'
import type { Target } from '../router.ts'
import type { Session } from '../session.ts'
import { type Delivered, MessageObserver, type Settled } from './message-observer.ts'
import { type MessageTrace, placeOf, type TraceFacts } from './message-trace.ts'

const SETTLED_EVENTS = {
  acknowledged: 'ack',
  discarded: 'reject',
  rejected: 'requeue',
  returned: 'requeue',
  lost: 'requeue',
  timedOut: 'requeue',
} as const satisfies Record<Settled, string>

const DETAILS: Readonly<Record<Settled, string | null>> = {
  acknowledged: null,
  discarded: null,
  rejected: 'rejected',
  returned: null,
  lost: 'the channel ended',
  timedOut: 'not acknowledged in time',
}

/** Tells the traces of a virtual host what becomes of messages. */
export class MessageTracer extends MessageObserver {
  readonly #traces: () => Iterable<MessageTrace>

  /** @param traces those that run */
  constructor(traces: () => Iterable<MessageTrace>) {
    super()
    this.#traces = traces
  }

  override published(session: Session, message: Message, targets: readonly Target[]): void {
    const queues = queuesOf(targets)
    const who = factsOf(session)
    const facts = routeFacts(targets, queues)
    for (const trace of this.#traces()) {
      trace.note('publish', message, queues, who)
      if (targets.length > 0) trace.note('route', message, queues, facts)
    }
  }

  override unroutable(session: Session, message: Message, returned: boolean): void {
    const facts = { ...factsOf(session), detail: 'it reached no queue' }
    for (const trace of this.#traces()) trace.note(returned ? 'return' : 'drop', message, [], facts)
  }

  override refused({ name }: Queue, message: Message): void {
    for (const trace of this.#traces())
      trace.note('drop', message, [name], { queue: name, detail: 'the queue is full' })
  }

  override cameDue(
    { kind, name }: { readonly kind: 'queue' | 'exchange'; readonly name: string },
    message: Message,
    targets: readonly Target[],
  ): void {
    const queues = queuesOf(targets)
    const facts = { ...routeFacts(targets, queues), detail: `now due in ${kind} '${name}'` }
    for (const trace of this.#traces()) trace.note('route', message, queues, facts)
  }

  override became(message: Message, successor: Message): void {
    for (const trace of this.#traces()) trace.became(message, successor)
  }

  override kept(message: Message, place: string): void {
    for (const trace of this.#traces()) trace.isAt(message, place)
  }

  override readBack(message: Message, place: string): void {
    for (const trace of this.#traces()) trace.comesFrom(message, place)
  }

  override queued(entry: Entry): void {
    for (const trace of this.#traces()) trace.isAt(entry.message, placeOf(entry))
  }

  override delivered(session: Session, { queue, message, redelivered, entry, consumer }: Delivered): void {
    const facts: TraceFacts = {
      ...factsOf(session),
      queue,
      ...(consumer === null ? {} : { consumerTag: consumer.tag }),
      ...(redelivered ? { detail: 'redelivered' } : {}),
    }
    const event = consumer === null ? 'get' : 'deliver'
    for (const trace of this.#traces()) trace.note(event, message, [queue], facts, entry ?? undefined)
  }

  override settled(session: Session, entry: Entry, how: Settled): void {
    const queue = entry.queue.name
    const detail = DETAILS[how]
    const facts: TraceFacts = {
      ...factsOf(session),
      queue,
      ...(entry.consumer === null ? {} : { consumerTag: entry.consumer.tag }),
      ...(detail === null ? {} : { detail }),
    }
    for (const trace of this.#traces()) {
      trace.note(SETTLED_EVENTS[how], entry.message, [queue], facts, entry)
      if (how === 'acknowledged') trace.left(placeOf(entry))
    }
  }

  override died({ name }: Queue, message: Message, reason: DeathReason, deadLetters: boolean): void {
    for (const trace of this.#traces()) {
      if (reason === 'expired') trace.note('expire', message, [name], { queue: name })
      // the rejection itself has been told
      else if (!deadLetters && reason !== 'rejected')
        trace.note('drop', message, [name], { queue: name, detail: reason })
    }
  }

  override deadLettered({ name }: Queue, message: Message, dead: Message, targets: readonly Target[]): void {
    const queues = queuesOf(targets)
    for (const trace of this.#traces()) {
      trace.became(message, dead)
      trace.note('dead-letter', dead, [name, ...queues], { ...routeFacts(targets, queues), queue: name })
    }
  }
}

const queuesOf = (targets: readonly Target[]): string[] =>
  targets.filter(({ kind }) => kind === 'queue').map((target) => (target as Queue).name)

const KINDS: Readonly<Record<Exclude<Target['kind'], 'queue'>, string>> = {
  reply: 'to who waits for a reply',
  delay: 'kept until it is due',
  retry: 'a request for a retry',
}

function routeFacts(targets: readonly Target[], queues: readonly string[]): TraceFacts {
  const others = new Set(targets.flatMap(({ kind }) => (kind === 'queue' ? [] : [KINDS[kind]])))
  return { queues, ...(others.size === 0 ? {} : { detail: [...others].join(', ') }) }
}

function factsOf(session: Session): { connection: string; channel: string; user: string } {
  const { facts, user }: ClientConnection = session.connection
  return { connection: facts.name, channel: sessionName(session), user: user.name }
}
