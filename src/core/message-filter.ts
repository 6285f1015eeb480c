import type { Field } from './fields.ts'
import { fieldToJson } from './fields-json.ts'
import type { Message } from './message.ts'
import { matchesGlob } from '../util/glob.ts'

/** What messages are searched for: all of it has to be found. */
export interface MessageQuery {
  /** Each `name` or `name=value`. */
  readonly header?: readonly string[]
  /** Routing key, in which `*` stands for any text. */
  readonly key?: string
  /** Text in the body, as UTF-8. */
  readonly body?: string
}

interface HeaderQuery {
  readonly name: string
  /** The name's bytes: whether it is anywhere among the properties is asked first, since that costs less. */
  readonly bytes: Buffer
  /** Null for any. */
  readonly value: string | null
}

/** Tells the messages that are searched for. */
export class MessageFilter {
  /** Whether it lets everything pass. */
  readonly isEmpty: boolean
  readonly #headers: readonly HeaderQuery[]
  readonly #key: string | null
  readonly #body: Buffer | null

  constructor({ header = [], key = '', body = '' }: MessageQuery) {
    this.#headers = header.filter((text) => text !== '').map(parseHeader)
    this.#key = key === '' ? null : key
    this.#body = body === '' ? null : Buffer.from(body)
    this.isEmpty = this.#headers.length === 0 && this.#key === null && this.#body === null
  }

  matches(message: Message): boolean {
    if (this.#key !== null && !matchesGlob(this.#key, message.routingKey)) return false
    if (this.#headers.length > 0 && !this.#hasHeaders(message)) return false
    return this.#body === null || message.body().includes(this.#body)
  }

  #hasHeaders(message: Message): boolean {
    if (!this.#headers.every(({ bytes }) => message.mayHaveHeader(bytes))) return false
    const headers = message.headers()
    return this.#headers.every(({ name, value }) => {
      const field = headers?.get(name)
      return field !== undefined && (value === null || textOf(field) === value)
    })
  }
}

function parseHeader(text: string): HeaderQuery {
  const equals = text.indexOf('=')
  const name = equals < 0 ? text : text.slice(0, equals)
  return { name, bytes: Buffer.from(name), value: equals < 0 ? null : text.slice(equals + 1) }
}

/** Text as it is, all else as it is shown. */
function textOf(field: Field): string {
  const value = fieldToJson(field)
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
