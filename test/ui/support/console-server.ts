import { createReadStream, existsSync, statSync } from 'node:fs'
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join } from 'node:path'

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
}

/** As strict as a policy can be: what the console needs beyond it would be found by its tests. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

export interface ConsoleServer {
  /** Ends in a slash. */
  readonly url: string
  readonly close: () => Promise<void>
}

/**
 * Serves a built console, with the API of any broker behind it: RabbitMQ's own does not serve ours.
 * @param apiUrl ends in `/api`
 */
export async function serveConsole(folder: string, apiUrl: string): Promise<ConsoleServer> {
  const api = new URL(apiUrl)
  const server = createServer((incoming, outgoing) => {
    if (incoming.url!.startsWith('/api/')) passOn(api, incoming, outgoing)
    else answerFile(folder, incoming, outgoing)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function passOn(api: URL, incoming: IncomingMessage, outgoing: ServerResponse): void {
  const { method, headers, url } = incoming
  const onward = request({ hostname: api.hostname, port: api.port, path: url, method, headers }, (answer) => {
    // Else the browser asks for a password by itself.
    delete answer.headers['www-authenticate']
    outgoing.writeHead(answer.statusCode!, answer.headers)
    answer.pipe(outgoing)
  })
  onward.on('error', () => outgoing.writeHead(502).end())
  outgoing.on('close', () => onward.destroy())
  incoming.pipe(onward)
}

function answerFile(folder: string, incoming: IncomingMessage, outgoing: ServerResponse): void {
  const { pathname } = new URL(incoming.url!, 'http://console')
  const file = join(folder, pathname === '/' ? 'index.html' : pathname)
  if (!existsSync(file) || !statSync(file).isFile()) return void outgoing.writeHead(404).end()
  const type = TYPES[extname(file)] ?? 'application/octet-stream'
  outgoing.writeHead(200, { 'content-type': type, 'content-security-policy': POLICY })
  createReadStream(file).pipe(outgoing)
}
