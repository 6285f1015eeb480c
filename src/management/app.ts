import fastifyCookie from '@fastify/cookie'
import fastifySwagger from '@fastify/swagger'
import { type FastifyInstance, type FastifyServerOptions, fastify } from 'fastify'
import type { RequestListener, Server } from 'node:http'
import { whenDecided } from '../core/undecided.ts'
import { answerError, send } from './api-error.ts'
import { Authentication } from './authentication.ts'
import type { ManagementHost } from './management-host.ts'
import { eventRoutes } from './routes/events.ts'
import { policyPreviewRoutes } from './routes/policy-preview.ts'
import { permissionRoutes } from './routes/permissions.ts'
import { queueContentsRoutes } from './routes/queue-contents.ts'
import { sessionRoutes } from './routes/session.ts'
import { whoamiRoutes } from './routes/whoami.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Anybody may ask, signed in or not. */
    open?: boolean
  }
}

/** RabbitMQ's limit for bodies. */
const BODY_BYTES_MAX = 20_000_000
/** Names have 255 bytes at most, each written as `%xx`. */
const PARAMETER_LENGTH_MAX = 255 * 3

/** What routes are made with. */
export interface RouteParts {
  readonly host: ManagementHost
  readonly authentication: Authentication
}

/** Adds the routes of one kind of resource; one file each in `routes/`. */
export type Routes = (app: FastifyInstance, parts: RouteParts) => void

const ROUTES: readonly Routes[] = [
  sessionRoutes,
  whoamiRoutes,
  permissionRoutes,
  queueContentsRoutes,
  eventRoutes,
  policyPreviewRoutes,
]

/**
 * The HTTP API and the web console.
 * @param createServer makes the HTTP server that hands requests over
 */
export async function createApp(
  host: ManagementHost,
  createServer: (handler: RequestListener) => Server,
): Promise<FastifyInstance> {
  const options: FastifyServerOptions = {
    bodyLimit: BODY_BYTES_MAX,
    exposeHeadRoutes: true,
    routerOptions: { maxParamLength: PARAMETER_LENGTH_MAX, ignoreTrailingSlash: true },
    serverFactory: (handler) => createServer(handler),
  }
  const app = fastify(options)
  app.setErrorHandler((error, request, reply) => answerError(error, request, reply, host.log))
  app.setNotFoundHandler((_request, reply) => send(reply, 404, 'Object Not Found', 'Not Found'))
  acceptAnyType(app)
  await app.register(fastifyCookie)
  await app.register(fastifySwagger, { openapi: { info: { title: 'WarrenMQ HTTP API', version: host.version } } })
  await app.register(
    async (api) => {
      const authentication = new Authentication(host)
      authentication.guard(api)
      waitForDecisions(api)
      api.addHook('onSend', async (_request, reply) => void reply.header('cache-control', 'no-cache'))
      api.get('/openapi.json', { config: { open: true }, schema: { hide: true } }, () => app.swagger())
      for (const routes of ROUTES) routes(api, { host, authentication })
      for (const addRoutes of host.pluginRoutes) addRoutes(api)
    },
    { prefix: '/api' },
  )
  return app
}

/** What a caller may see may have to be asked of a back end outside, before anything is done: the handler is called again then. */
function waitForDecisions(app: FastifyInstance): void {
  app.addHook('onRoute', (route) => {
    const { handler } = route
    route.handler = function (request, reply) {
      return whenDecided(() => handler.call(this, request, reply))
    }
  })
}

/** Like RabbitMQ, takes JSON whatever the client calls it: `curl -d` calls it a form. */
function acceptAnyType(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => {
    const text = body as string
    if (text.trim() === '') return done(null, undefined)
    try {
      return done(null, JSON.parse(text))
    } catch {
      return done(Object.assign(new Error('not_json'), { statusCode: 400 }))
    }
  })
}
