import type { VHost } from '../vhost.ts'
import { preconditionFailed } from '../errors.ts'
import { MessageTrace, type TraceWanted } from './message-trace.ts'
import { MessageTracer } from './message-tracer.ts'

/** Traces of one virtual host, those that are over included; the oldest of these give way to new ones. */
const TRACES_MAX = 10
/** How long a trace is kept that is over. */
const KEPT_MS = 3_600_000

/** The traces of messages in a virtual host. */
export class MessageTraces {
  readonly #vhost: VHost
  readonly #traces = new Map<string, MessageTrace>()
  readonly #running = new Set<MessageTrace>()
  readonly #tracer = new MessageTracer(() => this.#running)
  #lastId = 0

  constructor(vhost: VHost) {
    this.#vhost = vhost
  }

  /** @throws BrokerError preconditionFailed when too many run */
  start(user: string, wanted: TraceWanted): MessageTrace {
    this.#forget()
    if (this.#traces.size >= TRACES_MAX) {
      throw preconditionFailed(`${TRACES_MAX} traces are running in vhost '${this.#vhost.name}': end one of them first`)
    }
    const facts = { id: String(++this.#lastId), vhost: this.#vhost.name, user, wanted }
    const trace = new MessageTrace(this.#vhost.clock, facts, (ended) => this.#ended(ended))
    this.#traces.set(trace.id, trace)
    this.#running.add(trace)
    this.#vhost.observe(this.#tracer)
    return trace
  }

  #ended(trace: MessageTrace): void {
    this.#running.delete(trace)
    if (this.#running.size === 0) this.#vhost.stopObserving(this.#tracer)
  }

  /** Of those that are over, what is old, or has to make room for one more. */
  #forget(): void {
    const before = this.#vhost.clock.now() - KEPT_MS
    for (const [id, { endedAt }] of this.#traces) {
      if (endedAt !== null && (endedAt <= before || this.#traces.size >= TRACES_MAX)) this.#traces.delete(id)
    }
  }

  get(id: string): MessageTrace | undefined {
    return this.#traces.get(id)
  }

  /** The newest last. */
  list(): MessageTrace[] {
    return [...this.#traces.values()]
  }

  /** Ends a trace and forgets it. */
  delete(trace: MessageTrace): void {
    trace.end()
    this.#traces.delete(trace.id)
  }

  close(): void {
    for (const trace of this.#traces.values()) trace.end()
    this.#traces.clear()
  }
}
