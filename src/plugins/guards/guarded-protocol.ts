import type { Duplex } from 'node:stream'
import type { Peer } from '../../net/listener.ts'
import type { FrontEnd } from '../../protocols/front-end.ts'
import type { PluginProtocol, ProtocolParts } from '../protocol.ts'
import { type PluginGuard, requireFunctions } from './plugin-guard.ts'
import { withinStopTime } from './stop-time.ts'

/** A client that the front end fails for is disconnected. @throws TypeError when it is no protocol */
export function guardProtocol(protocol: PluginProtocol, guard: PluginGuard): PluginProtocol {
  const { name } = protocol
  const what = `protocol '${name}'`
  requireFunctions(what, protocol, ['listeners', 'create'])
  return {
    name,
    listeners: () => protocol.listeners(),
    create(parts: ProtocolParts): FrontEnd {
      const frontEnd = protocol.create({ ...parts, log: parts.log.child({ plugin: guard.plugin }) })
      requireFunctions('what create() returns', frontEnd, ['accept', 'close'])
      return new GuardedFrontEnd(frontEnd, guard, what)
    },
  }
}

class GuardedFrontEnd implements FrontEnd {
  readonly #frontEnd: FrontEnd
  readonly #guard: PluginGuard
  readonly #of: string

  constructor(frontEnd: FrontEnd, guard: PluginGuard, of: string) {
    this.#frontEnd = frontEnd
    this.#guard = guard
    this.#of = of
  }

  accept(socket: Duplex, peer: Peer): void {
    try {
      this.#frontEnd.accept(socket, peer)
    } catch (error) {
      this.#guard.report(`accept() of ${this.#of}`, error)
      socket.destroy()
    }
  }

  disconnect(reason: string): void {
    try {
      this.#frontEnd.disconnect?.(reason)
    } catch (error) {
      this.#guard.report(`disconnect() of ${this.#of}`, error)
    }
  }

  async close(reason: string): Promise<void> {
    try {
      await withinStopTime(this.#frontEnd.close(reason))
    } catch (error) {
      this.#guard.report(`close() of ${this.#of}`, error)
    }
  }
}
