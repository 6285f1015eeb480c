import type { Duplex } from 'node:stream'
import type { Peer } from '../../net/listener.ts'
import type { FrontEnd } from '../front-end.ts'
import { OpenConnections } from '../open-connections.ts'
import { Connection } from './connection.ts'
import type { StompSettings } from './settings.ts'

export type { StompSettings } from './settings.ts'

/** The STOMP front end of a server: takes sockets, gives sessions. */
export class StompFrontEnd implements FrontEnd {
  readonly #settings: StompSettings
  readonly #connections = new OpenConnections<Connection>()

  constructor(settings: StompSettings) {
    this.#settings = settings
  }

  accept(socket: Duplex, peer: Peer): void {
    if (this.#connections.closing) {
      socket.destroy()
      return
    }
    this.#connections.open((onEnd) => new Connection(socket, peer, this.#settings, onEnd))
  }

  disconnect(reason: string): void {
    for (const connection of [...this.#connections]) connection.goodbye(reason)
  }

  async close(reason: string): Promise<void> {
    await this.#connections.close((connection) => connection.goodbye(reason))
  }
}
