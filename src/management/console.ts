import fastifyStatic from '@fastify/static'
import type { FastifyInstance } from 'fastify'
import type { ManagementHost } from './management-host.ts'
import { sendPage } from './pages.ts'

/** Files of the build have a hash of their content in the name, so they never change. */
const HASHED = /[/\\]assets[/\\]/
const FOR_EVER = 'public, max-age=31536000, immutable'

/** The web console's files. */
export async function serveConsole(app: FastifyInstance, { consoleDir, http }: ManagementHost): Promise<void> {
  const home = `${http.pathPrefix}/`
  if (consoleDir !== null) {
    await app.register(fastifyStatic, {
      root: consoleDir,
      prefix: '/',
      index: false,
      preCompressed: true,
      cacheControl: false,
      setHeaders: (reply, path) => void reply.header('cache-control', HASHED.test(path) ? FOR_EVER : 'no-cache'),
    })
  }
  app.get('/', { config: { open: true }, schema: { hide: true } }, (request, reply) => {
    // without the slash at its end, the page would look for its files one level too high
    if (request.url.split('?', 1)[0] !== home) return reply.redirect(home, 301)
    if (consoleDir !== null) return reply.sendFile('index.html')
    return sendPage(reply.code(404), 'The web console is not there', NOT_BUILT)
  })
}

const NOT_BUILT = `<p>It is built with the package: <code>npm run build</code>.</p>
<ul><li><a href="api/index.html">HTTP API</a></li><li><a href="cli/index.html">rabbitmqadmin</a></li></ul>`
