import type { Clock, Timer } from '../../util/clock.ts'
import { LdapClosedError, LdapConnection, LdapError, type LdapTarget } from './ldap-connection.ts'

export interface LdapPoolOptions {
  /** Tried in this order. */
  readonly servers: readonly string[]
  readonly target: Omit<LdapTarget, 'host'>
  /** Connections at the same time. */
  readonly size: number
  /** An unused connection is closed after this, 0 at once; null: never. */
  readonly idleTimeoutMs: number | null
  /** A server could not be reached. */
  readonly onUnreachable: (server: string, error: LdapError) => void
}

/** Who to bind as. */
export type Binding = 'anonymous' | { readonly dn: string; readonly password: string }

interface Idle {
  readonly connection: LdapConnection
  readonly timer: Timer | null
}

/** Connections to a directory, each of which is bound anew for what it is used for. */
export class LdapPool {
  readonly #options: LdapPoolOptions
  readonly #clock: Clock
  /** The one that was used last is at the end. */
  readonly #idle: Idle[] = []
  readonly #used = new Set<LdapConnection>()
  #opening = 0
  readonly #waiting: (() => void)[] = []
  #closed = false

  constructor(options: LdapPoolOptions) {
    this.#options = options
    this.#clock = options.target.clock
  }

  /**
   * Runs `work` on a connection that is bound so.
   * @returns null when the password is wrong
   * @throws (rejects with) LdapError, and whatever `work` rejects with
   */
  async use<T>(binding: Binding, work: (connection: LdapConnection) => Promise<T>): Promise<T | null> {
    const { connection, fresh } = await this.#acquire()
    try {
      return await this.#work(connection, binding, work)
    } catch (error) {
      // a connection that has been idle may be dead, and only tell so now; the others then are, too
      if (fresh || !(error instanceof LdapClosedError) || error.late) throw error
      this.#closeIdle()
    } finally {
      this.#release(connection)
    }
    const next = await this.#acquire()
    try {
      return await this.#work(next.connection, binding, work)
    } finally {
      this.#release(next.connection)
    }
  }

  async #work<T>(
    connection: LdapConnection,
    binding: Binding,
    work: (connection: LdapConnection) => Promise<T>,
  ): Promise<T | null> {
    return (await this.#bind(connection, binding)) ? work(connection) : null
  }

  async #bind(connection: LdapConnection, binding: Binding): Promise<boolean> {
    if (binding !== 'anonymous') return connection.bind(binding.dn, binding.password)
    // a bind without a name makes it nobody's again
    return connection.boundAs === null || connection.bind('', '')
  }

  async #acquire(): Promise<{ connection: LdapConnection; fresh: boolean }> {
    for (;;) {
      if (this.#closed) throw new LdapError('ldap_connect_error', 'the broker stops')
      const idle = this.#idle.pop()
      if (idle !== undefined) {
        idle.timer?.cancel()
        if (idle.connection.closed) continue
        this.#used.add(idle.connection)
        return { connection: idle.connection, fresh: false }
      }
      if (this.#used.size + this.#opening < this.#options.size) return { connection: await this.#open(), fresh: true }
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  async #open(): Promise<LdapConnection> {
    this.#opening++
    try {
      const connection = await this.#reach()
      this.#used.add(connection)
      return connection
    } catch (error) {
      this.#waiting.shift()?.()
      throw error
    } finally {
      this.#opening--
    }
  }

  async #reach(): Promise<LdapConnection> {
    const { servers, target, onUnreachable } = this.#options
    let last = new LdapError('ldap_connect_error', 'no servers')
    for (const host of servers) {
      try {
        return await LdapConnection.open({ ...target, host })
      } catch (error) {
        if (!(error instanceof LdapError)) throw error
        last = error
        onUnreachable(host, error)
      }
    }
    throw last
  }

  #release(connection: LdapConnection): void {
    this.#used.delete(connection)
    const { idleTimeoutMs } = this.#options
    if (this.#closed || idleTimeoutMs === 0) connection.close()
    else if (!connection.closed) {
      const onTimer = (): void => this.#expire(connection)
      const timer = idleTimeoutMs === null ? null : this.#clock.schedule(idleTimeoutMs, { onTimer })
      this.#idle.push({ connection, timer })
    }
    this.#waiting.shift()?.()
  }

  #expire(connection: LdapConnection): void {
    const at = this.#idle.findIndex((idle) => idle.connection === connection)
    if (at >= 0) this.#idle.splice(at, 1)
    connection.close()
  }

  #closeIdle(): void {
    for (const { connection, timer } of this.#idle.splice(0)) {
      timer?.cancel()
      connection.close()
    }
  }

  close(): void {
    this.#closed = true
    this.#closeIdle()
    for (const connection of this.#used) connection.close()
    for (const wake of this.#waiting.splice(0)) wake()
  }
}
