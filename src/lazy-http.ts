import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import { createHttpServer } from './net/websocket.ts'
import type { Log } from './telemetry/log.ts'

interface App {
  ready(): PromiseLike<unknown>
  close(): Promise<void>
}

/**
 * An HTTP server whose application is made for its first request: routes and what they need take longer to load than the rest of the broker,
 * and more memory than the rest of an idle one.
 */
export class LazyHttp {
  readonly server: Server
  readonly #make: (createServer: (handler: RequestListener) => Server) => Promise<App>
  readonly #log: Log
  #app: Promise<App> | null = null
  #handler: RequestListener | null = null

  /** @param make the application, with a function that takes its handler of requests */
  constructor(make: (createServer: (handler: RequestListener) => Server) => Promise<App>, log: Log) {
    this.#make = make
    this.#log = log
    this.server = createHttpServer((request, response) => {
      if (this.#handler === null) void this.#serveFirst(request, response)
      else this.#handler(request, response)
    })
  }

  /** Makes the application now: what is wrong with it is told here and not to the first who asks. */
  load(): Promise<App> {
    return (this.#app ??= this.#load())
  }

  async close(): Promise<void> {
    await (await this.#app?.catch(() => null))?.close()
  }

  async #load(): Promise<App> {
    let handler: RequestListener | null = null
    const app = await this.#make((made) => {
      handler = made
      return this.server
    })
    await app.ready()
    // only now: it is not to be asked before it is whole
    this.#handler = handler
    return app
  }

  async #serveFirst(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await this.load()
      this.#handler!(request, response)
    } catch (err) {
      this.#log.error('the HTTP API could not be loaded', { err })
      response.writeHead(500, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ error: 'Internal Server Error', reason: 'the HTTP API could not be loaded' }))
    }
  }
}
