import { invalidHeader } from './errors.ts'

export type Version = '1.0' | '1.1' | '1.2'

/** In the order in which they are preferred. */
export const VERSIONS: readonly Version[] = ['1.2', '1.1', '1.0']

export const NO_BODY = Buffer.alloc(0)

/** A frame from a client. Of a header that is repeated the first one counts. */
export class Frame {
  readonly command: string
  readonly headers: ReadonlyMap<string, string>
  /** A view of what was read. */
  readonly body: Buffer

  constructor(command: string, headers: ReadonlyMap<string, string>, body: Buffer = NO_BODY) {
    this.command = command
    this.headers = headers
    this.body = body
  }

  get(name: string): string | null {
    return this.headers.get(name) ?? null
  }

  /** `true` or `false`; null where the header is absent or says something else, which as in RabbitMQ is no mistake. */
  flag(name: string): boolean | null {
    const text = this.headers.get(name)
    if (text === 'true') return true
    return text === 'false' ? false : null
  }

  /** Null where the header is absent. @throws StompError */
  integer(name: string): number | null {
    const text = this.headers.get(name)
    if (text === undefined) return null
    const value = /^\s*[+-]?\d+\s*$/.test(text) ? Number(text) : Number.NaN
    if (!Number.isSafeInteger(value)) throw invalidHeader(`'${name}' must be an integer, and is '${text}'\n`)
    return value
  }

  /** Whether it asks for a durable subscription: two names for one thing. */
  get durable(): boolean | null {
    const durable = this.flag('durable')
    const persistent = this.flag('persistent')
    if (durable === true || persistent === true) return true
    return durable ?? persistent
  }
}
