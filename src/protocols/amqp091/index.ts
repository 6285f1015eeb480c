import type { Duplex } from 'node:stream'
import type { Peer } from '../../net/listener.ts'
import { Interner } from '../../util/interner.ts'
import { Connection } from './connection.ts'
import type { AmqpSettings } from './settings.ts'

export type { AmqpSettings } from './settings.ts'
export { amqpPropertyFormat } from './wire/properties.ts'

/** How long connections may take to say goodbye when the server stops. */
const GOODBYE_MS = 5_000

/** The AMQP 0-9-1 front end of a server: takes sockets, gives sessions. */
export class AmqpFrontEnd {
  readonly #settings: AmqpSettings
  readonly #connections = new Set<Connection>()
  readonly #interner = new Interner()
  #closing = false

  constructor(settings: AmqpSettings) {
    this.#settings = settings
  }

  /** Takes over a paused socket. */
  accept(socket: Duplex, peer: Peer): void {
    if (this.#closing) {
      socket.destroy()
      return
    }
    const connection = new Connection(socket, peer, this.#settings, this.#interner, (ended) =>
      this.#connections.delete(ended),
    )
    this.#connections.add(connection)
  }

  /** Tells every client that the server goes (320), waits for their goodbyes, and drops who says none. */
  async close(reason: string): Promise<void> {
    this.#closing = true
    const open = [...this.#connections]
    const ended = Promise.all(open.map((connection) => connection.ended()))
    for (const connection of open) connection.close(reason)
    let timer: NodeJS.Timeout | undefined
    const late = new Promise((resolve) => (timer = setTimeout(resolve, GOODBYE_MS)))
    await Promise.race([ended, late])
    clearTimeout(timer)
    for (const connection of this.#connections) connection.drop()
    await ended
  }
}
