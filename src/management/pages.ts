import type { FastifyInstance, FastifyReply } from 'fastify'
import { readFile } from 'node:fs/promises'
import type { ManagementHost } from './management-host.ts'

/** Of the OpenAPI document, what the index shows. */
export interface Documented {
  readonly paths?: Readonly<Record<string, object | undefined>>
}

const OPEN = { config: { open: true }, schema: { hide: true } }
const ADMIN = new URL('./rabbitmqadmin.py', import.meta.url)

/** The pages beside the console, at RabbitMQ's addresses: an index of the HTTP API, and the command-line tool to download. */
export function servePages(
  app: FastifyInstance,
  { announced, http }: ManagementHost,
  documented: () => Documented,
): void {
  const home = http.pathPrefix
  for (const [from, to] of [
    ['/api', '/api/index.html'],
    ['/cli', '/cli/index.html'],
    ['/stats', '/api/index.html'],
    ['/doc/stats.html', '/api/index.html'],
    ['/mgmt', '/'],
  ] as const) {
    app.get(from, OPEN, (_request, reply) => reply.redirect(home + to, 301))
  }
  let index: string | null = null
  app.get('/api/index.html', OPEN, (_request, reply) => {
    index ??= indexOf(documented())
    return sendPage(reply, 'HTTP API', index)
  })
  app.get('/cli/index.html', OPEN, (_request, reply) => sendPage(reply, 'rabbitmqadmin', ABOUT_ADMIN))
  app.get('/cli/rabbitmqadmin', OPEN, async (_request, reply) => {
    // of RabbitMQ, as it is announced: scripts look here for the version of the server
    const program = (await readFile(ADMIN, 'utf8')).replace('%%VERSION%%', announced.version)
    return reply.type('application/octet-stream').header('cache-control', 'no-cache').send(program)
  })
}

const METHODS = ['get', 'put', 'post', 'delete'] as const

function indexOf({ paths = {} }: Documented): string {
  const rows = Object.entries(paths).flatMap(([path, item]) => {
    const operations = item as Readonly<Record<string, { readonly summary?: string } | undefined>>
    return METHODS.filter((method) => operations[method] !== undefined).map((method) => {
      const summary = escapeHtml(operations[method]!.summary ?? '')
      return `<tr><td>${method.toUpperCase()}</td><td><code>${escapeHtml(path)}</code></td><td>${summary}</td></tr>`
    })
  })
  return `<p>Names in paths are percent-encoded: the virtual host <code>/</code> is <code>%2F</code>, the default exchange is
<code>amq.default</code>. The same as an <a href="openapi.json">OpenAPI document</a>.</p>
<table><thead><tr><th>Method</th><th>Path</th><th>What it does</th></tr></thead><tbody>
${rows.join('\n')}
</tbody></table>`
}

const ABOUT_ADMIN = `<p>A program for the command line that speaks to the HTTP API. It needs Python 3.6 or later, and nothing else:</p>
<ol>
<li>Download <a href="rabbitmqadmin">rabbitmqadmin</a>.</li>
<li>Make it executable (<code>chmod +x rabbitmqadmin</code>) and put it where your shell looks for programs.</li>
<li><code>rabbitmqadmin --help</code> says what it can do, <code>rabbitmqadmin help subcommands</code> what it can be asked.</li>
</ol>`

/** These pages have their few styles inline, and no scripts at all. */
const PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"

/** @param content HTML */
export function sendPage(reply: FastifyReply, title: string, content: string): FastifyReply {
  reply.header('content-security-policy', PAGE_POLICY).header('cache-control', 'no-cache')
  return reply.type('text/html; charset=utf-8').send(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>
:root { color-scheme: light dark }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse } th, td { text-align: left; vertical-align: top; padding: 0.25rem 0.75rem 0.25rem 0 }
tr { border-bottom: 1px solid color-mix(in srgb, currentColor 15%, transparent) }
</style></head>
<body><main><h1>${escapeHtml(title)}</h1>
${content}
</main></body></html>
`)
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

const escapeHtml = (text: string): string => text.replace(/[&<>"]/g, (char) => ENTITIES[char]!)
