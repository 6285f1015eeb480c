import { clearTimeout, setTimeout } from '../util/real-time.ts'
import { Roster } from '../util/roster.ts'

/** How long connections may take to say goodbye when the server stops. */
const GOODBYE_MS = 5_000

/** A connection of a front end, as far as its end goes. */
export interface OpenConnection {
  /** Resolves when nothing of it is left. */
  ended(): Promise<void>
  /** Ends it without a word. */
  drop(): void
}

/** What a front end serves, and how it stops. */
export class OpenConnections<C extends OpenConnection> implements Iterable<C> {
  /** Whoever comes from now on is turned away. */
  closing = false
  readonly #all = new Roster<C>()
  #last = 0

  /** @param create makes one, with what is to be called when nothing of it is left */
  open(create: (onEnd: () => void) => C): void {
    const id = ++this.#last
    this.#all.add(
      id,
      create(() => this.#all.delete(id)),
    )
  }

  [Symbol.iterator](): Iterator<C> {
    return this.#all[Symbol.iterator]()
  }

  /** Has every client told that the server goes, waits for their goodbyes, and drops who says none. */
  async close(tell: (connection: C) => void): Promise<void> {
    this.closing = true
    const open = [...this.#all]
    const ended = Promise.all(open.map((connection) => connection.ended()))
    for (const connection of open) tell(connection)
    let timer: NodeJS.Timeout | undefined
    const late = new Promise((resolve) => (timer = setTimeout(resolve, GOODBYE_MS)))
    await Promise.race([ended, late])
    clearTimeout(timer)
    for (const connection of this.#all) connection.drop()
    await ended
  }
}
