import type { FastifyInstance, FastifyRequest } from 'fastify'
import { tableFromJson } from '../core/fields-json.ts'
import type { Table } from '../core/fields.ts'
import { badRequest } from './api-error.ts'

// Bodies of requests as RabbitMQ reads them: JSON whatever the content type says, and its words for what is wrong with them.

export type Json = Record<string, unknown>

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Takes what an HTML form sends as well. */
    form?: boolean
  }
  interface FastifyRequest {
    /** The body as it came. */
    bodyText: string
  }
}

/** `curl -d` calls JSON a form, and RabbitMQ takes it all the same. */
export function acceptAnyType(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.decorateRequest('bodyText', '')
  app.addContentTypeParser('*', { parseAs: 'string' }, (request, body, done) => {
    const text = body as string
    request.bodyText = text
    if (text.trim() === '') return done(null, undefined)
    try {
      return done(null, parseJson(text))
    } catch (error) {
      if (request.routeOptions.config.form === true) return done(null, Object.fromEntries(new URLSearchParams(text)))
      return done(error as Error)
    }
  })
}

/** What is kept has to be written and read again by functions that call themselves for each level. */
const DEPTH_MAX = 128

/** Editors on Windows put it before what they save. */
const BYTE_ORDER_MARK = '\uFEFF'

/** @throws ApiError 400 */
export function parseJson(text: string): unknown {
  if (isDeep(text)) throw badRequest(`the body is nested more than ${DEPTH_MAX} levels deep`)
  try {
    return JSON.parse(text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text)
  } catch {
    throw badRequest('not_json')
  }
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPENING: ReadonlySet<number> = new Set([0x5b, 0x7b])
const CLOSING: ReadonlySet<number> = new Set([0x5d, 0x7d])

function isDeep(text: string): boolean {
  let depth = 0
  let quoted = false
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === QUOTE) quoted = !quoted
    else if (code === BACKSLASH && quoted) i++
    else if (quoted) continue
    else if (OPENING.has(code) && ++depth > DEPTH_MAX) return true
    else if (CLOSING.has(code)) depth--
  }
  return false
}

const DOUBLY_ENCODED = 'invalid payload: the request body JSON-decoded to a string. Is the input doubly-JSON-encoded?'

/**
 * The body as an object; none at all, `null`, `true` and `false` count as an empty one.
 * @param required keys that have to be there
 * @throws ApiError 400
 */
export function bodyOf(request: FastifyRequest, ...required: readonly string[]): Json {
  const body = objectOf(request.body)
  const missing = required.filter((key) => body[key] === undefined)
  if (missing.length > 0) throw badRequest(missingText(missing))
  return body
}

function objectOf(body: unknown): Json {
  if (typeof body === 'string') throw badRequest(DOUBLY_ENCODED)
  if (typeof body === 'number' || Array.isArray(body)) throw badRequest('not_json')
  return typeof body === 'object' && body !== null ? (body as Json) : {}
}

const LINE_MAX = 80

/** `[{key_missing,a},{key_missing,b}]`, with a line for each where one line would be too long. */
function missingText(keys: readonly string[]): string {
  const terms = keys.map((key) => `{key_missing,${key}}`)
  const line = `[${terms.join(',')}]`
  return line.length <= LINE_MAX ? line : `[${terms.join(',\n ')}]`
}

/** Sixteen digits are the fewest that an integer beyond 2^53 has. */
const LONG_NUMBER = /\d{16}/

/**
 * The same with integers beyond 2^53 as bigints: for arguments and headers, where they go on as they came.
 * @throws ApiError 400
 */
export function exactBodyOf(request: FastifyRequest, ...required: readonly string[]): Json {
  const body = bodyOf(request, ...required)
  if (!LONG_NUMBER.test(request.bodyText)) return body
  return objectOf(JSON.parse(request.bodyText, exactNumber))
}

/**
 * Arguments or headers. No field of a table stands for null in RabbitMQ's API.
 * @throws ApiError 400, BrokerError preconditionFailed
 */
export function tableOf(value: unknown): Table {
  if (typeof value === 'object' && value !== null && hasNull(value)) throw badRequest('null_not_allowed')
  return tableFromJson(value)
}

const hasNull = (value: unknown): boolean =>
  value === null || (typeof value === 'object' && Object.values(value).some(hasNull))

function exactNumber(this: unknown, _key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
  const source = context?.source ?? ''
  return /^-?\d+$/.test(source) ? BigInt(source) : value
}

/** True and false may be texts. @throws ApiError 400 */
export function booleanOf(value: unknown, absent: boolean): boolean {
  if (value === undefined) return absent
  if (value === true || value === 'true') return true
  if (value === false || value === 'false') return false
  throw badRequest(['not_boolean', value])
}

/** Numbers may be texts. @throws ApiError 400 */
export function integerOf(value: unknown): number {
  const number = typeof value === 'string' && /^[+-]?\d+$/.test(value) ? Number(value) : value
  if (typeof number === 'number' && Number.isSafeInteger(number)) return number
  throw badRequest(['not_integer', value])
}

/** @throws ApiError 400 */
export function textOf(value: unknown, key: string): string {
  if (typeof value === 'string') return value
  throw badRequest(['not_string', key])
}
