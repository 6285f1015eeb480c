import fastifyCookie from '@fastify/cookie'
import fastifyMultipart from '@fastify/multipart'
import fastifySwagger from '@fastify/swagger'
import { type FastifyInstance, type FastifyServerOptions, fastify } from 'fastify'
import type { RequestListener, Server } from 'node:http'
import { whenDecided } from '../core/undecided.ts'
import { ApiError, answerError, send } from './api-error.ts'
import { Authentication } from './authentication.ts'
import { compressAnswers } from './compression.ts'
import { serveConsole } from './console.ts'
import { allowOrigin } from './cross-origin.ts'
import { Jobs } from './jobs/jobs.ts'
import type { ManagementHost, PluginRoutes } from './management-host.ts'
import { guardMetrics } from './prometheus/app.ts'
import { metricsRoutes } from './prometheus/routes.ts'
import { channelRoutes } from './routes/channels.ts'
import { connectionRoutes } from './routes/connections.ts'
import { consumerRoutes } from './routes/consumers.ts'
import { healthRoutes } from './routes/health.ts'
import { nodeControlRoutes } from './routes/node-control.ts'
import { nodeRoutes } from './routes/nodes.ts'
import { overviewRoutes } from './routes/overview.ts'
import { eventRoutes } from './routes/events.ts'
import { linkRoutes } from './routes/links.ts'
import { policyKeyRoutes } from './routes/policy-keys.ts'
import { policyPreviewRoutes } from './routes/policy-preview.ts'
import { watchMethods } from './other-methods.ts'
import { openApiSettings } from './openapi.ts'
import { servePages } from './pages.ts'
import { acceptAnyType } from './request-body.ts'
import { alivenessRoutes } from './routes/aliveness-test.ts'
import { attemptRoutes } from './routes/auth-attempts.ts'
import { authRoutes } from './routes/auth.ts'
import { bindingRoutes } from './routes/bindings.ts'
import { clusterRoutes } from './routes/cluster.ts'
import { configRoutes } from './routes/config.ts'
import { definitionsRoutes } from './routes/definitions.ts'
import { exchangeRoutes } from './routes/exchanges.ts'
import { featureRoutes } from './routes/features.ts'
import { globalParameterRoutes } from './routes/global-parameters.ts'
import { jobRoutes } from './routes/jobs.ts'
import { loginRoutes } from './routes/login.ts'
import { messageActionRoutes } from './routes/message-actions.ts'
import { messageTraceRoutes } from './routes/message-traces.ts'
import { parameterRoutes } from './routes/parameters.ts'
import { permissionRoutes } from './routes/permissions.ts'
import { policyRoutes } from './routes/policies.ts'
import { publishRoutes } from './routes/publish.ts'
import { queueActionRoutes } from './routes/queue-actions.ts'
import { queueContentsRoutes } from './routes/queue-contents.ts'
import { queueListRoutes } from './routes/queue-lists.ts'
import { queueDeclarationRoutes } from './routes/queue-declarations.ts'
import { queueGetRoutes } from './routes/queue-get.ts'
import { queueChangeRoutes } from './routes/queue-change.ts'
import { queuePauseRoutes } from './routes/queue-pause.ts'
import { queueMessagesRoutes } from './routes/queue-messages.ts'
import { quorumQueueRoutes } from './routes/quorum-queues.ts'
import { recordedTraceRoutes } from './routes/recorded-traces.ts'
import { resetRoutes } from './routes/reset.ts'
import { routeExplanationRoutes } from './routes/route-explanation.ts'
import { sessionRoutes } from './routes/session.ts'
import { topicPermissionRoutes } from './routes/topic-permissions.ts'
import { topologyRoutes } from './routes/topology.ts'
import { userLimitRoutes } from './routes/user-limits.ts'
import { userRoutes } from './routes/users.ts'
import { versionRoutes } from './routes/version.ts'
import { vhostLimitRoutes } from './routes/vhost-limits.ts'
import { vhostRoutes } from './routes/vhosts.ts'
import { whoamiRoutes } from './routes/whoami.ts'
import { setSecurityHeaders } from './security-headers.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Anybody may ask, signed in or not. */
    open?: boolean
    /** The plugin whose route it is. */
    plugin?: string
    /** Credentials may come as `?auth=` or `?token=`. */
    authInQuery?: boolean
    /** Takes files as an HTML form sends them. */
    upload?: boolean
  }
}

/** Names have 255 bytes at most, each written as `%xx`; and the text of a binding's key may have each of these escaped once more. */
const PARAMETER_LENGTH_MAX = 255 * 5 + 64

const JSON_WITH_CHARSET = 'application/json; charset=utf-8'

/** What routes are made with. */
export interface RouteParts {
  readonly host: ManagementHost
  readonly authentication: Authentication
  readonly jobs: Jobs
}

/** Adds the routes of one kind of resource; one file each in `routes/`. */
export type Routes = (app: FastifyInstance, parts: RouteParts) => void

const ROUTES: readonly Routes[] = [
  sessionRoutes,
  loginRoutes,
  whoamiRoutes,
  authRoutes,
  attemptRoutes,
  userRoutes,
  userLimitRoutes,
  permissionRoutes,
  topicPermissionRoutes,
  vhostRoutes,
  vhostLimitRoutes,
  exchangeRoutes,
  publishRoutes,
  queueDeclarationRoutes,
  queueContentsRoutes,
  queueGetRoutes,
  queueActionRoutes,
  quorumQueueRoutes,
  bindingRoutes,
  policyRoutes,
  parameterRoutes,
  globalParameterRoutes,
  definitionsRoutes,
  featureRoutes,
  clusterRoutes,
  configRoutes,
  versionRoutes,
  alivenessRoutes,
  eventRoutes,
  policyPreviewRoutes,
  policyKeyRoutes,
  linkRoutes,
  overviewRoutes,
  nodeRoutes,
  resetRoutes,
  nodeControlRoutes,
  connectionRoutes,
  channelRoutes,
  consumerRoutes,
  queueListRoutes,
  healthRoutes,
  queueMessagesRoutes,
  queueChangeRoutes,
  queuePauseRoutes,
  routeExplanationRoutes,
  messageActionRoutes,
  messageTraceRoutes,
  recordedTraceRoutes,
  jobRoutes,
  topologyRoutes,
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
    bodyLimit: host.http.bodyBytesMax,
    exposeHeadRoutes: true,
    routerOptions: { maxParamLength: PARAMETER_LENGTH_MAX, ignoreTrailingSlash: true },
    frameworkErrors: (error, request, reply) => void answerError(error, request, reply, host.log),
    serverFactory: (handler) => createServer(handler),
  }
  const app = fastify(options)
  app.setErrorHandler((error, request, reply) => answerError(error, request, reply, host.log))
  app.setNotFoundHandler((_request, reply) => send(reply, 404, 'Object Not Found', 'Not Found'))
  app.addHook('onRequest', async (request, reply) => {
    allowOrigin(request, reply, host.http)
    setSecurityHeaders(request, reply, host.http)
  })
  app.addHook('onSend', async (_request, reply) => {
    // as RabbitMQ has it, which some clients compare
    if (reply.getHeader('content-type') === JSON_WITH_CHARSET) reply.header('content-type', 'application/json')
  })
  acceptAnyType(app)
  await app.register(fastifyCookie)
  await app.register(fastifySwagger, openApiSettings(host.version))
  const authentication = new Authentication(host)
  await app.register(async (metrics) => {
    guardMetrics(metrics, authentication)
    metricsRoutes(metrics, host, { path: `${host.http.pathPrefix}/metrics`, perObject: false })
  })
  const jobs = new Jobs(host.broker.clock, host.log)
  app.addHook('onClose', () => jobs.close())
  await app.register(async (api) => serveApi(api, app, { host, authentication, jobs }), {
    prefix: `${host.http.pathPrefix}/api`,
  })
  await app.register(async (pages) => servePages(pages, host, () => app.swagger()), { prefix: host.http.pathPrefix })
  await app.register(async (files) => serveConsole(files, host), { prefix: host.http.pathPrefix })
  return app
}

async function serveApi(api: FastifyInstance, app: FastifyInstance, parts: RouteParts): Promise<void> {
  const { host, authentication } = parts
  const answerOtherMethods = watchMethods(api, host.http)
  await api.register(fastifyMultipart, {
    limits: { fileSize: host.http.bodyBytesMax, files: 1, fields: 10, fieldSize: 4096 },
  })
  authentication.guard(api)
  waitForDecisions(api)
  api.addHook('preValidation', async (request) => {
    if (request.isMultipart() && request.routeOptions.config.upload !== true) {
      throw new ApiError(415, 'bad_request', 'the body has to be JSON')
    }
  })
  compressAnswers(api)
  api.addHook('onSend', async (_request, reply) => {
    if (reply.statusCode === 200) reply.header('cache-control', 'no-cache')
  })
  api.get('/openapi.json', { config: { open: true }, schema: { hide: true } }, () => app.swagger())
  for (const routes of ROUTES) routes(api, parts)
  for (const routes of host.pluginRoutes) await addPluginRoutes(api, routes)
  answerOtherMethods()
}

/** In a scope of their own: hooks that a plugin adds are for its routes alone. */
async function addPluginRoutes(api: FastifyInstance, { plugin, add }: PluginRoutes): Promise<void> {
  await api.register(async (scope) => {
    scope.addHook('onRoute', (route) => {
      route.config = { ...route.config, plugin }
    })
    await add(scope)
  })
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
