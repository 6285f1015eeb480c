import fastifyCookie from '@fastify/cookie'
import { type FastifyInstance, fastify } from 'fastify'
import type { RequestListener, Server } from 'node:http'
import { requireTag } from '../access.ts'
import { answerError, send } from '../api-error.ts'
import { Authentication } from '../authentication.ts'
import type { ManagementHost } from '../management-host.ts'
import { type MetricsOptions, metricsRoutes } from './routes.ts'

/**
 * Metrics on a port of their own.
 * @param options with `authentication`, for users who may monitor only
 * @param createServer makes the HTTP server that hands requests over
 */
export async function createMetricsApp(
  host: ManagementHost,
  options: MetricsOptions & { readonly authentication: boolean },
  createServer: (handler: RequestListener) => Server,
): Promise<FastifyInstance> {
  const app = fastify({
    routerOptions: { ignoreTrailingSlash: true },
    serverFactory: (handler) => createServer(handler),
  })
  app.setErrorHandler((error, request, reply) => answerError(error, request, reply, host.log))
  app.setNotFoundHandler((_request, reply) => send(reply, 404, 'Object Not Found', 'Not Found'))
  if (options.authentication) {
    await app.register(fastifyCookie)
    guardMetrics(app, new Authentication(host))
  }
  metricsRoutes(app, host, options)
  return app
}

/** Lets in who may monitor. */
export function guardMetrics(app: FastifyInstance, authentication: Authentication): void {
  authentication.guard(app)
  app.addHook('preHandler', async (request) => void requireTag(request, 'monitoring'))
}
