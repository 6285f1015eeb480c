import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Question = Readonly<Record<string, string>> & { readonly path: string; readonly method: string }

/** Text of an answer, a status without one, or what to do with the response itself. */
export type Reply = string | number | ((response: ServerResponse) => void)

/** A web service that logins are asked of, as `auth_http.*` has it: tells what it was asked, and answers as a test likes. */
export class LoginService {
  readonly questions: Question[] = []
  /** By path; what is not there is allowed. */
  readonly replies: Record<string, (question: Question) => Reply> = {}
  readonly #server = createServer((request, response) => void this.#answer(request, response))

  static async start(port = 0): Promise<LoginService> {
    const service = new LoginService()
    await new Promise<void>((resolve) => service.#server.listen(port, '127.0.0.1', resolve))
    return service
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** The flags that a broker asks it with. */
  flags(...more: string[]): string[] {
    const paths = ['user', 'vhost', 'resource', 'topic'].map(
      (name) => `--auth-http-${name}-path=http://127.0.0.1:${this.port}/${name}`,
    )
    return ['--auth-backends', 'http', ...paths, ...more]
  }

  /** The paths of what it was asked since the last time, with one of the fields. */
  asked(field = 'name'): string[] {
    return this.questions.splice(0).map((question) => `${question.path} ${question[field] ?? ''}`.trim())
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    const { pathname, searchParams } = new URL(request.url!, 'http://x')
    const fields = request.method === 'POST' ? new URLSearchParams(body) : searchParams
    const path = pathname.slice(1)
    const question = { ...Object.fromEntries(fields), path, method: request.method! }
    this.questions.push(question)
    const reply = this.replies[path]?.(question) ?? 'allow'
    if (typeof reply === 'number') response.writeHead(reply).end('oops')
    else if (typeof reply === 'string') response.end(reply)
    else reply(response)
  }

  /** Connections that are kept for the next question. */
  closeIdle(): void {
    this.#server.closeIdleConnections()
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
