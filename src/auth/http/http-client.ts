import { Agent as HttpAgent, type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { ConnectionOptions } from 'node:tls'
import type { Clock, Timer } from '../../util/clock.ts'

export interface HttpAnswer {
  readonly status: number
  readonly body: string
}

export interface HttpClientOptions {
  readonly tls: ConnectionOptions
  /** For the time-outs. */
  readonly clock: Clock
  /** For an answer, connecting included. */
  readonly requestTimeoutMs: number
  readonly connectionTimeoutMs: number
  /** An answer with a longer body is none. */
  readonly bodyBytesMax: number
}

/** The server could not be asked. `message` names neither addresses nor credentials: a client may be told. */
export class HttpError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'HttpError'
  }
}

const SOCKETS_MAX = 64
const CODES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection closed',
  ENOTFOUND: 'host not found',
  EAI_AGAIN: 'host not found',
  EHOSTUNREACH: 'host unreachable',
  ETIMEDOUT: 'connection timed out',
}

/** Asks web servers, over connections that are kept. */
export class HttpClient {
  readonly #options: HttpClientOptions
  readonly #http = new HttpAgent({ keepAlive: true, maxSockets: SOCKETS_MAX })
  readonly #https: HttpsAgent

  constructor(options: HttpClientOptions) {
    this.#options = options
    this.#https = new HttpsAgent({ ...options.tls, keepAlive: true, maxSockets: SOCKETS_MAX })
  }

  /** @param form null for a GET; else posted @throws (rejects with) HttpError */
  async ask(url: URL, form: string | null): Promise<HttpAnswer> {
    try {
      return await this.#ask(url, form)
    } catch (error) {
      // a kept connection that the server closes just then says nothing about the server
      if (!(error instanceof StaleConnectionError)) throw error
      return this.#ask(url, form)
    }
  }

  async #ask(url: URL, form: string | null): Promise<HttpAnswer> {
    const request = this.#open(url, form)
    const deadline = new Deadline(this.#options.clock, this.#options.requestTimeoutMs, 'no answer', request)
    try {
      const response = await this.#response(request, form)
      return { status: response.statusCode ?? 0, body: await this.#body(response) }
    } catch (error) {
      request.destroy()
      throw deadline.error ?? explain(error as Error, request)
    } finally {
      deadline.cancel()
    }
  }

  #response(request: ClientRequest, form: string | null): Promise<IncomingMessage> {
    const { clock, connectionTimeoutMs } = this.#options
    return new Promise((resolve, reject) => {
      request.on('socket', (socket) => {
        if (!socket.connecting) return
        const connecting = new Deadline(clock, connectionTimeoutMs, 'no connection', request)
        socket.once('connect', () => connecting.cancel())
        request.once('close', () => connecting.cancel())
      })
      request.once('response', resolve)
      request.once('close', () => reject(new HttpError('connection closed')))
      request.on('error', reject)
      request.end(form ?? undefined)
    })
  }

  #open(url: URL, form: string | null): ClientRequest {
    const headers = form === null ? {} : { 'content-type': 'application/x-www-form-urlencoded' }
    const method = form === null ? 'GET' : 'POST'
    if (url.protocol === 'https:') return httpsRequest(url, { method, headers, agent: this.#https })
    return httpRequest(url, { method, headers, agent: this.#http })
  }

  async #body(response: IncomingMessage): Promise<string> {
    const chunks: Buffer[] = []
    let bytes = 0
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > this.#options.bodyBytesMax) throw new HttpError('the answer is too long')
      chunks.push(chunk)
    }
    return Buffer.concat(chunks).toString()
  }

  close(): void {
    this.#http.destroy()
    this.#https.destroy()
  }
}

class StaleConnectionError extends HttpError {}

/** Ends a request that takes too long. */
class Deadline {
  /** When it has been. */
  error: HttpError | null = null
  readonly #timer: Timer

  constructor(clock: Clock, ms: number, what: string, request: ClientRequest) {
    const onTimer = (): void => {
      this.error = new HttpError(`${what} within ${ms} ms`)
      request.destroy(this.error)
    }
    this.#timer = clock.schedule(ms, { onTimer })
  }

  cancel(): void {
    this.#timer.cancel()
  }
}

function explain(error: Error, request: ClientRequest): Error {
  if (error instanceof HttpError) return error
  const { code = '' } = error as NodeJS.ErrnoException
  if (code === 'ECONNRESET' && request.reusedSocket) return new StaleConnectionError('connection closed', error)
  return new HttpError(CODES[code] ?? (code === '' ? 'request failed' : code.toLowerCase()), error)
}
