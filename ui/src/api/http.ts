import { signal } from '@preact/signals'

/** An answer of the API that is no success, or none at all (`status` 0). */
export class ApiError extends Error {
  /** HTTP status; 0 when the broker could not be reached. */
  readonly status: number
  /** The API's short name of the error, such as `bad_request`. */
  readonly code: string
  /** Seconds after which it may be tried again; null when the broker named none. */
  readonly retryAfterSec: number | null

  constructor(status: number, code: string, reason: string, retryAfterSec: number | null = null) {
    super(reason)
    this.name = 'ApiError'
    this.status = status
    this.code = code
    this.retryAfterSec = retryAfterSec
  }
}

/** Whether nobody answered, so that it is worth trying again. */
export const isUnreachable = (error: unknown): boolean => error instanceof ApiError && error.code === 'unreachable'

export type Method = 'GET' | 'PUT' | 'POST' | 'DELETE'
export type QueryValue = string | number | boolean | null | undefined

export interface RequestOptions {
  /** Null, undefined and '' are left out. An array repeats the parameter. */
  readonly query?: Readonly<Record<string, QueryValue | readonly string[]>>
  /** Sent as JSON, unless it is a form or a file. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal | undefined
}

/** Kept in memory only: neither survives a reload, and no other page of the browser can read them. */
export const credentials: { csrfToken: string | null; basic: string | null } = { csrfToken: null, basic: null }

/**
 * Counts answers with status 401. The session may be over; but RabbitMQ's API says the same where a user lacks a tag, so
 * whoever keeps the session has to find out.
 */
export const unauthorized = signal(0)

/**
 * Called when the token does not fit the cookie: another tab has signed in anew. Fetches the one that does, and says
 * whether to try again.
 */
export const onTokenRefused: { renew: () => Promise<boolean> } = { renew: async () => false }

/** What is asked to find out: an answer of theirs is no reason to ask again. */
const IDENTITY: ReadonlySet<string> = new Set(['session', 'whoami'])

/**
 * Whether no browser can ask for something of that name: in an address `.` and `..` are steps, percent-encoded or not, and are
 * walked before anything is sent. What is asked for then is something else.
 */
export const isUnaddressable = (name: string): boolean => name === '.' || name === '..'

/**
 * The path of a resource below `api/`: what is filled in is percent-encoded.
 * @throws ApiError `unaddressable` for a name that would lead elsewhere
 */
export function path(parts: TemplateStringsArray, ...values: readonly (string | number)[]): string {
  const lost = values.find((value) => isUnaddressable(String(value)))
  if (lost !== undefined) throw new ApiError(0, 'unaddressable', String(lost))
  return parts.reduce((text, part, i) => `${text}${encodeURIComponent(values[i - 1]!)}${part}`)
}

/**
 * Asks the API. The path is relative to where the console is served from, so that a path prefix needs no setting.
 * @returns the answer's JSON; undefined when it has no body
 * @throws ApiError for any status that is no success, and when the broker cannot be reached
 */
export async function request<T>(method: Method, resource: string, options: RequestOptions = {}): Promise<T> {
  const response = await send(method, resource, options)
  const text = await response.text()
  return (text === '' ? undefined : parse(text, response)) as T
}

/** Deletes it. What somebody else has deleted meanwhile is as wanted. @throws ApiError as `request` does otherwise */
export async function remove(resource: string, options: RequestOptions = {}): Promise<void> {
  await isThere(request('DELETE', resource, options))
}

/** For what PUT would write over. @throws ApiError `taken` where there is such a thing already */
export async function expectNew(resource: string): Promise<void> {
  if (await isThere(request('GET', resource))) throw new ApiError(409, 'taken', '')
}

async function isThere(answer: Promise<unknown>): Promise<boolean> {
  try {
    await answer
    return true
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return false
    throw error
  }
}

/** Like `request`, for an answer that is not JSON: a file to save, a stream of events. */
export async function send(method: Method, resource: string, options: RequestOptions = {}): Promise<Response> {
  try {
    return await sendOnce(method, resource, options)
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== 'csrf' || !(await onTokenRefused.renew())) throw error
    return sendOnce(method, resource, options)
  }
}

async function sendOnce(method: Method, resource: string, options: RequestOptions): Promise<Response> {
  const headers = new Headers(options.headers)
  let body: BodyInit | undefined
  if (options.body instanceof FormData || options.body instanceof Blob) body = options.body
  else if (options.body !== undefined) {
    body = JSON.stringify(options.body)
    headers.set('content-type', 'application/json')
  }
  if (credentials.basic !== null) headers.set('authorization', `Basic ${credentials.basic}`)
  // Also where nothing is changed: it tells the broker to leave asking for a password to the console.
  else if (credentials.csrfToken !== null) headers.set('x-csrf-token', credentials.csrfToken)
  const response = await reach(`api/${resource}${queryString(options.query)}`, {
    method,
    headers,
    body: body ?? null,
    signal: options.signal ?? null,
    cache: 'no-store',
    credentials: credentials.basic === null ? 'same-origin' : 'omit',
  })
  if (response.ok) return response
  if (response.status === 401 && !IDENTITY.has(resource)) unauthorized.value++
  throw await toError(response)
}

async function reach(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(new URL(url, document.baseURI), init)
  } catch (error) {
    if (init.signal?.aborted === true) throw error
    throw new ApiError(0, 'unreachable', error instanceof Error ? error.message : String(error))
  }
}

function queryString(query: RequestOptions['query']): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query ?? {})) {
    const values = Array.isArray(value) ? (value as readonly string[]) : [value as QueryValue]
    for (const one of values) if (one !== null && one !== undefined && one !== '') parameters.append(name, String(one))
  }
  const text = parameters.toString()
  return text === '' ? '' : `?${text}`
}

function parse(text: string, response: Response): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new ApiError(response.status, 'not_json', text.slice(0, 200))
  }
}

async function toError(response: Response): Promise<ApiError> {
  const text = await response.text()
  const retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN)
  const { code, reason } = explain(text, response)
  return new ApiError(response.status, code, reason, Number.isFinite(retryAfter) ? retryAfter : null)
}

function explain(text: string, response: Response): { code: string; reason: string } {
  try {
    const { error, detail, reason = error } = JSON.parse(text) as Record<'error' | 'detail' | 'reason', unknown>
    const code = typeof error === 'string' ? error : String(response.status)
    const said = detail ?? reason
    return { code, reason: unescapeHtml(typeof said === 'string' ? said : JSON.stringify(said)) }
  } catch {
    return { code: String(response.status), reason: text.slice(0, 200) || response.statusText }
  }
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'", '#x27': "'" }

/** The API escapes reasons for pages that put them in as HTML. Here they are text. */
function unescapeHtml(text: string): string {
  return text.replaceAll(/&(amp|lt|gt|quot|#39|#x27);/g, (_, name: string) => ENTITIES[name]!)
}
