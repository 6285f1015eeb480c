import { Agent, request as requestHttp, type ClientRequest, type IncomingMessage } from 'node:http'
import { Agent as TlsAgent, request as requestHttps } from 'node:https'
import { CliError } from '../errors.ts'
import { EXIT } from '../exit-codes.ts'
import type { Target } from './target.ts'

/** The node answered, and did not do it. */
export class ApiError extends CliError {
  readonly status: number
  /** The node's `reason`, as text. */
  readonly reason: string
  /** The same as it came, where that was not a text. */
  readonly detail: unknown

  constructor(status: number, reason: unknown, what: string) {
    const text = reasonText(reason)
    super(status === 401 || status === 403 ? EXIT.noPermission : EXIT.unavailable, text === '' ? what : text)
    this.status = status
    this.reason = text
    this.detail = reason
  }
}

/** Nobody answered. */
export class UnreachableError extends CliError {
  readonly address: string

  constructor(address: string, cause: Error) {
    const { code, message } = cause as NodeJS.ErrnoException
    super(EXIT.unavailable, `${address}: ${explain(code, message)}`, { cause })
    this.address = address
  }
}

/** The node did not answer in the time given with `--timeout`. */
export class TimeoutError extends CliError {
  constructor(what: string, timeoutMs: number) {
    super(EXIT.temporary, `${what}: no answer within ${timeoutMs / 1000} s`)
  }
}

interface Sending {
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** Aborts the request. */
  readonly signal?: AbortSignal
}

/** The HTTP API of one node. Paths begin after `/api` and are percent-encoded: see `route`. */
export class HttpApi {
  readonly target: Target
  readonly #timeoutMs: number | null
  readonly #agent: Agent
  readonly #authorization: string
  #nodeName: string | null = null

  /** @param timeoutMs for each request; null is no limit */
  constructor(target: Target, timeoutMs: number | null) {
    this.target = target
    this.#timeoutMs = timeoutMs
    this.#authorization = `Basic ${Buffer.from(`${target.user}:${target.password}`).toString('base64')}`
    this.#agent =
      target.url.protocol === 'https:'
        ? new TlsAgent({ keepAlive: true, ...target.tls })
        : new Agent({ keepAlive: true })
  }

  async get<T>(path: string): Promise<T> {
    return (await this.send('GET', path)) as T
  }

  /** Null where the node says that there is no such thing. */
  async find<T>(path: string): Promise<T | null> {
    try {
      return await this.get<T>(path)
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return null
      throw error
    }
  }

  put(path: string, body: unknown): Promise<unknown> {
    return this.send('PUT', path, { body })
  }

  async post<T>(path: string, body: unknown): Promise<T> {
    return (await this.send('POST', path, { body })) as T
  }

  delete(path: string, headers: Readonly<Record<string, string>> = {}): Promise<unknown> {
    return this.send('DELETE', path, { headers })
  }

  /** The name of the node that answers. */
  async nodeName(): Promise<string> {
    this.#nodeName ??= (await this.get<{ node: string }>('/overview')).node
    return this.#nodeName
  }

  /**
   * @returns the answer's JSON; undefined where there is none
   * @throws ApiError when the node refuses
   * @throws UnreachableError when nobody answers
   * @throws TimeoutError when it takes too long
   */
  async send(method: string, path: string, sending: Sending = {}): Promise<unknown> {
    const timeout = this.#timeoutMs === null ? null : AbortSignal.timeout(this.#timeoutMs)
    try {
      const response = await this.#open(method, path, sending, timeout)
      const text = await readText(response)
      const status = response.statusCode!
      if (status < 300) return text === '' ? undefined : parseAnswer(text, this.#what(method, path))
      throw new ApiError(status, readReason(text), `${this.#what(method, path)}: status ${status}`)
    } catch (error) {
      if (timeout?.aborted === true) throw new TimeoutError(this.#what(method, path), this.#timeoutMs!)
      throw error
    }
  }

  /** A request of which the answer is read as it comes, such as a stream of events. */
  async stream(path: string, signal?: AbortSignal): Promise<IncomingMessage> {
    const response = await this.#open('GET', path, { ...(signal !== undefined && { signal }) }, null)
    const status = response.statusCode!
    if (status < 300) return response
    throw new ApiError(status, readReason(await readText(response)), `${this.#what('GET', path)}: status ${status}`)
  }

  close(): void {
    this.#agent.destroy()
  }

  #what(method: string, path: string): string {
    return `${method} ${this.#address()}/api${path}`
  }

  #address(): string {
    return `${this.target.url.origin}${this.target.url.pathname.replace(/\/+$/, '')}`
  }

  #open(method: string, path: string, sending: Sending, timeout: AbortSignal | null): Promise<IncomingMessage> {
    const body = sending.body === undefined ? null : Buffer.from(JSON.stringify(sending.body))
    const signals = [sending.signal, timeout].filter((signal) => signal !== undefined && signal !== null)
    const send = this.target.url.protocol === 'https:' ? requestHttps : requestHttp
    return new Promise((resolve, reject) => {
      const request: ClientRequest = send(`${this.#address()}/api${path}`, {
        method,
        agent: this.#agent,
        headers: {
          authorization: this.#authorization,
          // Not JSON alone: RabbitMQ would refuse what has no answer.
          accept: '*/*',
          ...(body !== null && { 'content-type': 'application/json', 'content-length': body.length }),
          ...sending.headers,
        },
        ...(signals.length > 0 && { signal: AbortSignal.any(signals) }),
      })
      request.on('response', resolve)
      request.on('error', (error) =>
        reject(error.name === 'AbortError' ? error : new UnreachableError(this.#address(), error)),
      )
      request.end(body)
    })
  }
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

function parseAnswer(text: string, what: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    throw new CliError(EXIT.unavailable, `${what}: the answer is not JSON; is this the HTTP API of a broker?`, {
      cause: error,
    })
  }
}

/** `{"error", "reason"}`, and `detail` where the reason does not say enough. The reason has its characters back where RabbitMQ made them safe for a web page. */
function readReason(text: string): unknown {
  try {
    const { detail, reason, error } = JSON.parse(text) as { detail?: unknown; reason?: unknown; error?: unknown }
    const said = detail ?? reason ?? error ?? ''
    return typeof said === 'string' ? unescapeHtml(said) : said
  } catch {
    return text.trim()
  }
}

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', '#39': "'" }

const unescapeHtml = (text: string): string =>
  text.replaceAll(/&(lt|gt|amp|quot|#39);/g, (_, name: string) => ENTITIES[name]!)

/** RabbitMQ lets some terms through as they are: lists of texts, and texts as lists of characters. */
function reasonText(reason: unknown): string {
  if (typeof reason === 'string') return reason
  if (!Array.isArray(reason)) return reason === undefined || reason === null ? '' : JSON.stringify(reason)
  if (reason.length > 0 && reason.every((item) => typeof item === 'number')) return String.fromCodePoint(...reason)
  return reason.map(reasonText).join(' ')
}

const EXPLANATIONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused: nothing listens there',
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'the host name could not be looked up',
  ECONNRESET: 'the connection was closed before there was an answer',
  DEPTH_ZERO_SELF_SIGNED_CERT:
    'the certificate is self-signed (--cacert names the authority to trust, --insecure trusts any)',
  SELF_SIGNED_CERT_IN_CHAIN: 'the certificate is of an unknown authority (--cacert names the authority to trust)',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'the certificate is of an unknown authority (--cacert names the authority to trust)',
  EPROTO: 'TLS failed: is this a port with TLS?',
}

function explain(code: string | undefined, message: string): string {
  return EXPLANATIONS[code ?? ''] ?? (message === '' ? (code ?? 'failed') : message)
}
