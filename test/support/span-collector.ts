import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import type { TestContext } from 'node:test'

/** A span as it came over the network, its attributes as plain values. */
export interface CollectedSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string
  readonly traceState?: string
  readonly name: string
  readonly kind: number
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: Readonly<Record<string, unknown>>
  readonly status: { readonly code?: number; readonly message?: string }
}

interface Attribute {
  readonly key: string
  readonly value: Readonly<Record<string, unknown>>
}

type Sent = Omit<CollectedSpan, 'attributes'> & { readonly attributes: readonly Attribute[] }

interface Request {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] }
    readonly scopeSpans: readonly { readonly spans: readonly Sent[] }[]
  }[]
}

/** What takes spans by OTLP over HTTP. It answers 200 unless told otherwise. */
export class SpanCollector {
  readonly spans: CollectedSpan[] = []
  readonly requests: { readonly path: string; readonly headers: IncomingHttpHeaders }[] = []
  resource: Readonly<Record<string, unknown>> = {}
  answer: (response: ServerResponse) => void = (response) => void response.end('{}')
  readonly #server = createServer((request, response) => void this.#take(request, response))

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requests.push({ path: request.url!, headers: request.headers })
    const { resourceSpans } = (await json(request)) as Request
    for (const { resource, scopeSpans } of resourceSpans) {
      this.resource = plain(resource.attributes)
      const sent = scopeSpans.flatMap(({ spans }) => spans)
      this.spans.push(...sent.map((span) => ({ ...span, attributes: plain(span.attributes) })))
    }
    this.answer(response)
  }

  /** Gone when the test is over. */
  async listen(t: TestContext): Promise<string> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    t.after(() => {
      this.#server.closeAllConnections()
      this.#server.close()
    })
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }
}

const plain = (attributes: readonly Attribute[]): Record<string, unknown> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, valueOf(value)]))

function valueOf(value: Readonly<Record<string, unknown>>): unknown {
  const [[kind, content] = []] = Object.entries(value)
  if (kind !== 'arrayValue') return kind === 'intValue' ? Number(content) : content
  return (content as { values: Record<string, unknown>[] }).values.map(valueOf)
}
