import type { Duplex } from 'node:stream'
import type { Peer } from '../net/listener.ts'

/** A protocol as the server sees it: takes connections, whatever they came over, and turns them into sessions of the core. */
export interface FrontEnd {
  /** Takes over a stream that is paused. */
  accept(socket: Duplex, peer: Peer): void
  /** Tells every client that the server goes, as far as the protocol can, and resolves when all of them are gone. */
  close(reason: string): Promise<void>
  /**
   * Ends what came over the network, and goes on taking connections: the node is put into maintenance mode. Without it, clients that
   * have logged in are ended all the same, by their connections in the broker.
   */
  disconnect?(reason: string): void
}
