import type { Consumer } from './consumer.ts'
import { Message, type PropertyFormat } from './message.ts'
import { Entry } from './queues/entry.ts'
import type { Session } from './session.ts'

const NO_BYTES = Buffer.alloc(0)

/**
 * The last of each kind of object that comes and goes with clients: of the sessions of each protocol that can shed, with its connection and socket; of the
 * consumers, with its queue; an entry with its message.
 *
 * Nobody asks for them. But when nothing has happened for some seconds, V8 collects garbage to save memory, and then it forgets the hidden
 * classes of which there is no object. With them goes all compiled code that knows them, and what it compiles for the next clients was often
 * little more than half as fast, for as long as the process lived (1.3 million messages a second in place of 2.3).
 */
export class Keepsakes {
  readonly #format: PropertyFormat
  readonly #sessions = new Map<string, Session>()
  #consumer: Consumer | null = null
  #entry: Entry | null = null

  constructor(format: PropertyFormat) {
    this.#format = format
  }

  /** What is kept, for tests. */
  get all(): { sessions: readonly Session[]; consumer: Consumer | null; entry: Entry | null } {
    return { sessions: [...this.#sessions.values()], consumer: this.#consumer, entry: this.#entry }
  }

  /** Of a session that has ended. */
  keepSession(session: Session): void {
    const { sink, connection } = session
    if (sink.shed === undefined || connection.facts.network === null) return
    sink.shed()
    this.#sessions.set(connection.facts.protocol, session)
  }

  /** Of a consumer that has ended. */
  keepConsumer(consumer: Consumer): void {
    if (consumer.session.sink.shed === undefined) return
    this.#consumer = consumer
    this.#entry = new Entry(consumer.queue, new Message('', '', this.#format, NO_BYTES, 0, 0, 0, 0), 0, -1, 0)
  }
}
