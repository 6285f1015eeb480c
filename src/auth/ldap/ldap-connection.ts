import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls'
import {
  Client,
  type Entry,
  EqualityFilter,
  InvalidCredentialsError,
  NoSuchObjectError,
  PresenceFilter,
  ResultCodeError,
} from 'ldapts'
import type { Clock } from '../../util/clock.ts'

export interface LdapTarget {
  readonly host: string
  readonly port: number
  readonly security: 'none' | 'tls' | 'starttls'
  readonly tls: ConnectionOptions
  /** Null: for as long as it takes. */
  readonly timeoutMs: number | null
  readonly clock: Clock
}

export interface LdapSearch {
  readonly base: string
  readonly scope: 'base' | 'one' | 'sub'
  /** Entries whose attribute has this value; null: all. */
  readonly filter: { readonly attribute: string; readonly value: string } | null
  /** Wanted of each entry. */
  readonly attributes: readonly string[]
}

/** Why the directory gave no answer. */
export class LdapError extends Error {
  /** As RabbitMQ tells clients. */
  readonly kind: 'ldap_connect_error' | 'ldap_bind_error' | 'ldap_evaluate_error'

  constructor(kind: LdapError['kind'], message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'LdapError'
    this.kind = kind
  }
}

/** The connection has gone, or was cut since it took too long. */
export class LdapClosedError extends LdapError {
  readonly late: boolean

  constructor(message: string, cause?: unknown, late = false) {
    super('ldap_connect_error', message, cause)
    this.name = 'LdapClosedError'
    this.late = late
  }
}

/** An answer that is longer is none. */
const ANSWER_BYTES_MAX = 8 * 1024 * 1024
const ENTRIES_MAX = 1000

/** One connection to a directory, on which one thing happens at a time. Once it is closed it stays so: nothing connects it again unasked. */
export class LdapConnection {
  /** Who it is bound as; null for nobody. */
  boundAs: string | null = null
  closed = false
  readonly #target: LdapTarget
  readonly #socket: Socket
  readonly #client: Client
  #received = 0
  #cut: (error: LdapClosedError) => void = () => {}
  readonly #gone: Promise<never>

  /** @throws (rejects with) LdapError */
  static async open(target: LdapTarget): Promise<LdapConnection> {
    const { host, port, security, tls } = target
    const secure = security === 'tls'
    const name = isIP(host) === 0 ? { servername: host } : {}
    const socket = secure ? connectTls({ ...name, ...tls, host, port }) : connectTcp({ host, port })
    const connection = new LdapConnection(target, socket)
    await connection.#race(
      new Promise<void>((resolve) => socket.once(secure ? 'secureConnect' : 'connect', () => resolve())),
      'no connection',
    )
    if (security === 'starttls') await connection.#startTls({ ...name, ...tls, host })
    return connection
  }

  private constructor(target: LdapTarget, socket: Socket) {
    this.#target = target
    this.#socket = socket
    this.#gone = new Promise((_, reject) => (this.#cut = reject))
    this.#gone.catch(() => {}) // nobody may be waiting
    this.#guard(socket)
    let used = false
    this.#client = new Client({
      url: 'ldap://directory', // never looked up
      strictDN: false,
      createConnection: () => {
        if (used) throw new LdapClosedError('connection closed')
        used = true
        return socket
      },
      createSecureConnection: ((options: ConnectionOptions) => {
        const secured = connectTls(options)
        this.#guard(secured)
        return secured
      }) as typeof connectTls,
    })
  }

  /** Whatever comes from the other side must not end the process, nor fill its memory. */
  #guard(socket: Socket | TLSSocket): void {
    const emit = socket.emit.bind(socket) as (event: string | symbol, ...args: unknown[]) => boolean
    socket.emit = (event: string | symbol, ...args: unknown[]): boolean => {
      if (event !== 'data') return emit(event, ...args)
      this.#received += (args[0] as Buffer).length
      try {
        if (this.#received <= ANSWER_BYTES_MAX) return emit(event, ...args)
        this.#destroy(new LdapClosedError('the answer is too long'))
      } catch (error) {
        this.#destroy(new LdapClosedError('the answer cannot be understood', error))
      }
      return true
    }
    socket.on('error', (error) => this.#destroy(new LdapClosedError(explain(error), error)))
    socket.on('close', () => this.#destroy(new LdapClosedError('connection closed')))
  }

  #destroy(error: LdapClosedError): void {
    this.closed = true
    this.#cut(error)
    this.#socket.destroy()
  }

  async #race<T>(work: Promise<T>, late: string): Promise<T> {
    const { timeoutMs, clock } = this.#target
    const onTimer = (): void => this.#destroy(new LdapClosedError(`${late} within ${timeoutMs} ms`, undefined, true))
    const timer = timeoutMs === null ? null : clock.schedule(timeoutMs, { onTimer })
    work.catch(() => {}) // it may be too late for anybody to wait
    this.#received = 0
    try {
      return await Promise.race([work, this.#gone])
    } finally {
      timer?.cancel()
    }
  }

  async #startTls(options: ConnectionOptions): Promise<void> {
    try {
      await this.#race(this.#client.startTLS(options), 'no answer to StartTLS')
    } catch (error) {
      this.#destroy(new LdapClosedError('StartTLS failed', error))
      throw error instanceof LdapError
        ? error
        : new LdapError('ldap_connect_error', `StartTLS: ${explain(error)}`, error)
    }
  }

  /** @returns whether the password is right @throws (rejects with) LdapError */
  async bind(dn: string, password: string): Promise<boolean> {
    this.boundAs = null
    try {
      await this.#race(this.#client.bind(dn, password), 'no answer to a bind')
      this.boundAs = dn
      return true
    } catch (error) {
      if (error instanceof LdapError) throw error
      if (error instanceof InvalidCredentialsError) return false
      throw new LdapError('ldap_bind_error', explain(error), error)
    }
  }

  /** Nothing is found where there is no such base. @throws (rejects with) LdapError */
  async search({ base, scope, filter, attributes }: LdapSearch): Promise<Entry[]> {
    if (this.closed) throw new LdapClosedError('connection closed')
    const wanted = filter === null ? new PresenceFilter({ attribute: 'objectClass' }) : new EqualityFilter(filter)
    const options = { scope, filter: wanted, attributes: [...attributes], sizeLimit: ENTRIES_MAX }
    try {
      const { searchEntries } = await this.#race(this.#client.search(base, options), 'no answer to a search')
      return searchEntries
    } catch (error) {
      if (error instanceof LdapError) throw error
      if (error instanceof NoSuchObjectError) return []
      throw new LdapError('ldap_evaluate_error', explain(error), error)
    }
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    this.#client.unbind().catch(() => {})
    this.#socket.destroySoon()
  }
}

/** Short, and without what the other side has said: that may name somebody. */
function explain(error: unknown): string {
  if (error instanceof ResultCodeError) return `result code ${error.code}`
  const { code, message } = error as NodeJS.ErrnoException
  return code ?? message.split('\n')[0]!.slice(0, 200)
}
