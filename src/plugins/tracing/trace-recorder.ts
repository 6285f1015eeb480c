import type { Broker } from '../../core/broker.ts'
import { TopicTrie } from '../../core/exchanges/topic-trie.ts'
import type { Message } from '../../core/message.ts'
import type { Target } from '../../core/router.ts'
import type { Session } from '../../core/session.ts'
import { type Delivered, MessageObserver } from '../../core/tracing/message-observer.ts'
import type { RecordedTrace } from '../../core/tracing/recorded-traces.ts'
import { Queue } from '../../core/queues/queue.ts'
import { jsonEntry, textEntry, type TraceFacts } from './trace-entry.ts'
import type { TraceWriter } from './trace-writer.ts'

/** Writes down what is published and delivered in a virtual host, as far as it matches. */
export class TraceRecorder extends MessageObserver {
  readonly #broker: Broker
  readonly #trace: RecordedTrace
  readonly #writer: TraceWriter
  readonly #pattern = new TopicTrie<RecordedTrace>()

  constructor(broker: Broker, trace: RecordedTrace, writer: TraceWriter) {
    super()
    this.#broker = broker
    this.#trace = trace
    this.#writer = writer
    this.#pattern.insert(trace.pattern, trace)
  }

  override published(session: Session, message: Message, targets: readonly Target[]): void {
    if (!this.#isWanted(`publish.${message.exchange}`)) return
    const queues = targets.filter((target) => target instanceof Queue).map(({ name }) => name)
    this.#record({ session, message, routedQueues: queues, queue: null })
  }

  override delivered(session: Session, { queue, message }: Delivered): void {
    if (this.#isWanted(`deliver.${queue}`)) this.#record({ session, message, routedQueues: null, queue })
  }

  #isWanted(key: string): boolean {
    let matches = false
    this.#pattern.match(key, { add: () => (matches = true) })
    return matches
  }

  #record(facts: Omit<TraceFacts, 'node' | 'at'>): void {
    // what fills the disk must not go on
    if (this.#broker.alarms.disk) return this.#writer.drop('the disk is full')
    const { format, payloadBytesMax } = this.#trace
    const whole = { node: this.#broker.options.nodeName, at: this.#broker.clock.now(), ...facts }
    this.#writer.write(format === 'json' ? jsonEntry(whole, payloadBytesMax) : textEntry(whole, payloadBytesMax))
  }
}
