import type { Session } from '../../core/session.ts'
import type { Frame } from './frame.ts'
import { namedQueue } from './subscription-queue.ts'

/** Queues that are known to have been declared; beyond it, all are forgotten and declared anew. */
const DECLARED_MAX = 4096

/** The queues of one client's `/queue` destinations: as in RabbitMQ, the first frame that names one declares it, and its headers say how. */
export class NamedQueues {
  readonly #session: Session
  readonly #declared = new Set<string>()

  constructor(session: Session) {
    this.#session = session
  }

  /** @param durable what the frame says of that @throws StompError, BrokerError, UndecidedError */
  declare(frame: Frame, name: string, durable: boolean | null): void {
    const { topology, vhost } = this.#session
    // it may have been deleted since
    if (this.#declared.has(name) && vhost.queues.has(name)) return
    topology.declareQueue(namedQueue(frame, name, durable))
    if (this.#declared.size >= DECLARED_MAX) this.#declared.clear()
    this.#declared.add(name)
  }
}
