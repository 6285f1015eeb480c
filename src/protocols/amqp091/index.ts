import type { Duplex } from 'node:stream'
import { duplexPair } from '../../net/duplex-pair.ts'
import type { Peer } from '../../net/listener.ts'
import { Interner } from '../../util/interner.ts'
import type { FrontEnd } from '../front-end.ts'
import { OpenConnections } from '../open-connections.ts'
import { Connection } from './connection.ts'
import type { AmqpSettings } from './settings.ts'

export type { AmqpSettings } from './settings.ts'
export { amqpPropertyFormat } from './wire/properties.ts'

const IN_PROCESS: Peer = {
  address: '127.0.0.1',
  port: 0,
  localAddress: '127.0.0.1',
  localPort: 0,
  tls: null,
  websocket: false,
}

/** The AMQP 0-9-1 front end of a server: takes sockets, gives sessions. */
export class AmqpFrontEnd implements FrontEnd {
  readonly #settings: AmqpSettings
  readonly #connections = new OpenConnections<Connection>()
  readonly #interner = new Interner()
  #lastInProcess = 0

  constructor(settings: AmqpSettings) {
    this.#settings = settings
  }

  /** Takes over a paused socket. */
  accept(socket: Duplex, peer: Peer): void {
    if (this.#connections.closing) {
      socket.destroy()
      return
    }
    this.#open(socket, peer, this.#settings)
  }

  /**
   * A stream, paused, over which the program that the broker runs in is served like any client, and may do without a password.
   * @param user whom it acts for when it logs in by EXTERNAL; null: it may do everything
   * @returns with it what the connection is called
   */
  openInProcess(user: string | null): { stream: Duplex; name: string } {
    const [stream, server] = duplexPair()
    const { nodeName } = this.#settings.broker.options
    const name = `<${nodeName}.${++this.#lastInProcess}>`
    if (this.#connections.closing) server.destroy()
    else this.#open(server, IN_PROCESS, { ...this.#settings, inProcess: { user, name } })
    return { stream, name }
  }

  #open(socket: Duplex, peer: Peer, settings: AmqpSettings): void {
    this.#connections.open((onEnd) => new Connection(socket, peer, settings, this.#interner, onEnd))
  }

  disconnect(reason: string): void {
    for (const connection of [...this.#connections]) if (!connection.isInProcess) connection.close(reason)
  }

  /** Tells every client that the server goes (320), waits for their goodbyes, and drops who says none. */
  async close(reason: string): Promise<void> {
    await this.#connections.close((connection) => connection.close(reason))
  }
}
