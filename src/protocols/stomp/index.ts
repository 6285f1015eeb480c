import type { Duplex } from 'node:stream'
import type { Peer } from '../../net/listener.ts'
import type { FrontEnd } from '../front-end.ts'
import { Connection } from './connection.ts'
import type { StompSettings } from './settings.ts'

export type { StompSettings } from './settings.ts'

/** How long connections may take to close when the server stops. */
const GOODBYE_MS = 5_000

/** The STOMP front end of a server: takes sockets, gives sessions. */
export class StompFrontEnd implements FrontEnd {
  readonly #settings: StompSettings
  readonly #connections = new Set<Connection>()
  #closing = false

  constructor(settings: StompSettings) {
    this.#settings = settings
  }

  accept(socket: Duplex, peer: Peer): void {
    if (this.#closing) {
      socket.destroy()
      return
    }
    this.#connections.add(new Connection(socket, peer, this.#settings, (ended) => this.#connections.delete(ended)))
  }

  async close(reason: string): Promise<void> {
    this.#closing = true
    const open = [...this.#connections]
    const ended = Promise.all(open.map((connection) => connection.ended()))
    for (const connection of open) connection.goodbye(reason)
    let timer: NodeJS.Timeout | undefined
    const late = new Promise((resolve) => (timer = setTimeout(resolve, GOODBYE_MS)))
    await Promise.race([ended, late])
    clearTimeout(timer)
    for (const connection of this.#connections) connection.drop()
    await ended
  }
}
