import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import type { Clock } from '../../util/clock.ts'
import { MessageSplitter } from './ber.ts'
import {
  bindRequest,
  INVALID_CREDENTIALS,
  type LdapAnswer,
  type LdapEntry,
  type LdapSearch,
  NO_SUCH_OBJECT,
  readAnswer,
  searchRequest,
  startTlsRequest,
  SUCCESS,
  unbindRequest,
} from './messages.ts'

export interface LdapTarget {
  readonly host: string
  readonly port: number
  readonly security: 'none' | 'tls' | 'starttls'
  readonly tls: ConnectionOptions
  /** Null: for as long as it takes. */
  readonly timeoutMs: number | null
  readonly clock: Clock
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

/** One connection to a directory, on which one thing happens at a time. Once it is closed it stays so. */
export class LdapConnection {
  /** Who it is bound as; null for nobody. */
  boundAs: string | null = null
  closed = false
  readonly #target: LdapTarget
  #socket: Socket
  /** Below it, after StartTLS. */
  #plain: Socket | null = null
  #splitter = new MessageSplitter()
  /** Of the request that waits for its answer. */
  #id = 0
  #onAnswer: ((answer: LdapAnswer) => void) | null = null
  /** Bytes that have come since the request. */
  #received = 0
  #cut: (error: LdapClosedError) => void = () => {}
  readonly #gone: Promise<never>

  /** @throws (rejects with) LdapError */
  static async open(target: LdapTarget): Promise<LdapConnection> {
    const { host, port, security, tls } = target
    const secure = security === 'tls'
    const named = { ...(isIP(host) === 0 ? { servername: host } : {}), ...tls, host }
    const socket = secure ? connectTls({ ...named, port }) : connectTcp({ host, port })
    const connection = new LdapConnection(target, socket)
    await connection.#within(eventOf(socket, secure ? 'secureConnect' : 'connect'), 'no connection')
    if (security === 'starttls') await connection.#startTls(named)
    return connection
  }

  private constructor(target: LdapTarget, socket: Socket) {
    this.#target = target
    this.#socket = socket
    this.#gone = new Promise((_, reject) => (this.#cut = reject))
    this.#gone.catch(() => {}) // nobody may be waiting
    this.#listen(socket)
  }

  #listen(socket: Socket): void {
    socket.on('data', this.#onData)
    socket.on('error', (error) => this.#destroy(new LdapClosedError(explain(error), error)))
    socket.on('close', () => this.#destroy(new LdapClosedError('connection closed')))
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#received += chunk.length
    if (this.#received > ANSWER_BYTES_MAX) {
      this.#destroy(new LdapClosedError('an answer is too long'))
      return
    }
    try {
      for (const message of this.#splitter.push(chunk)) {
        const answer = readAnswer(message)
        // 0 is a notice that nobody asked for
        if (answer.id === this.#id) this.#onAnswer?.(answer)
      }
    } catch (error) {
      this.#destroy(new LdapClosedError('an answer cannot be understood', error))
    }
  }

  #destroy(error: LdapClosedError): void {
    this.closed = true
    this.#cut(error)
    this.#socket.destroy()
    this.#plain?.destroy()
  }

  async #within<T>(work: Promise<T>, late: string): Promise<T> {
    const { timeoutMs, clock } = this.#target
    const onTimer = (): void => this.#destroy(new LdapClosedError(`${late} within ${timeoutMs} ms`, undefined, true))
    const timer = timeoutMs === null ? null : clock.schedule(timeoutMs, { onTimer })
    try {
      return await Promise.race([work, this.#gone])
    } finally {
      timer?.cancel()
    }
  }

  /** @param taken called with each answer, until it says that this was the last @throws (rejects with) LdapClosedError */
  #ask(request: (id: number) => Buffer, late: string, taken: (answer: LdapAnswer) => boolean): Promise<void> {
    const id = ++this.#id
    this.#received = 0
    const answered = new Promise<void>((resolve) => {
      this.#onAnswer = (answer) => {
        if (!taken(answer)) return
        this.#onAnswer = null
        resolve()
      }
    })
    if (!this.closed) this.#socket.write(request(id))
    return this.#within(answered, late)
  }

  async #startTls(options: ConnectionOptions): Promise<void> {
    let code = -1
    await this.#ask(startTlsRequest, 'no answer to StartTLS', (answer) => {
      code = answer.kind === 'extended' ? answer.code : -1
      return true
    })
    const { empty } = this.#splitter
    if (code !== SUCCESS || !empty) {
      const reason = empty ? `result code ${code}` : 'something came before it'
      const error = new LdapClosedError(`StartTLS: ${reason}`)
      this.#destroy(error)
      throw error
    }
    const plain = this.#socket
    this.#plain = plain
    plain.off('data', this.#onData)
    const secured = connectTls({ ...options, socket: plain })
    this.#socket = secured
    this.#listen(secured)
    await this.#within(eventOf(secured, 'secureConnect'), 'no TLS')
  }

  /** @returns whether the password is right @throws (rejects with) LdapError */
  async bind(dn: string, password: string): Promise<boolean> {
    this.boundAs = null
    let code = -1
    await this.#ask(
      (id) => bindRequest(id, dn, password),
      'no answer to a bind',
      (answer) => {
        code = answer.kind === 'bind' ? answer.code : -1
        return true
      },
    )
    if (code === INVALID_CREDENTIALS) return false
    if (code !== SUCCESS) throw new LdapError('ldap_bind_error', `bind: result code ${code}`)
    this.boundAs = dn === '' ? null : dn
    return true
  }

  /** Nothing is found where there is no such base. @throws (rejects with) LdapError */
  async search(search: LdapSearch): Promise<LdapEntry[]> {
    const entries: LdapEntry[] = []
    let code = -1
    await this.#ask(
      (id) => searchRequest(id, search, ENTRIES_MAX),
      'no answer to a search',
      (answer) => {
        if (answer.kind === 'other') return false
        if (answer.kind === 'entry') return entries.push(answer.entry) > ENTRIES_MAX
        code = answer.kind === 'done' ? answer.code : -1
        return true
      },
    )
    if (code === NO_SUCH_OBJECT) return []
    if (code !== SUCCESS) throw new LdapError('ldap_evaluate_error', `search: result code ${code}`)
    return entries
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    this.#cut(new LdapClosedError('connection closed'))
    this.#socket.end(unbindRequest(++this.#id))
    this.#socket.destroySoon()
  }
}

const eventOf = (socket: Socket, event: string): Promise<void> =>
  new Promise((resolve) => socket.once(event, () => resolve()))

/** Short: a client may be told. */
function explain(error: Error): string {
  const { code } = error as NodeJS.ErrnoException
  return code === undefined ? error.message.split('\n')[0]!.slice(0, 200) : code.toLowerCase()
}
