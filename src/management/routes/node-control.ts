import type { FastifyInstance, FastifyReply } from 'fastify'
import { getCiphers } from 'node:tls'
import { Type } from 'typebox'
import { requireTag } from '../access.ts'
import { ApiError, badRequest } from '../api-error.ts'
import type { Routes } from '../app.ts'
import type { ManagementHost } from '../management-host.ts'
import { settingsFromJson, settingsToJson, type SettingChanges } from '../node-settings.ts'
import { bodyOf } from '../request-body.ts'
import { described } from '../route-schema.ts'
import { ANY_OBJECT, NO_CONTENT } from '../openapi.ts'

const tag = 'The node'

const Size = Type.Union([Type.String(), Type.Integer()], { description: 'A size such as `2GB`, or bytes' })
const Settings = Type.Partial(
  Type.Object({
    vm_memory_high_watermark: Type.Union([
      Type.Number({ minimum: 0, maximum: 1, description: 'Of the memory of the machine' }),
      Type.Object({ absolute: Size }),
    ]),
    disk_free_limit: Type.Union([
      Size,
      Type.Object({
        mem_relative: Type.Number({ minimum: 0, description: 'A multiple of the memory of the machine' }),
      }),
    ]),
    log_level: Type.String({ description: 'debug, info, warning, error, critical or none' }),
  }),
)

/** What operators do to a node that runs, which RabbitMQ offers to its command line only. */
export const nodeControlRoutes: Routes = (app, { host }) => {
  addSettings(app, host)
  app.get('/node/environment', described('The configuration and what the node runs on', { tag }), (request) => {
    requireTag(request, 'administrator')
    return {
      configuration: Object.fromEntries(host.effective.map(({ key, value }) => [key, value])),
      os_env: host.control.environment,
      runtime: { node: process.version, tls_versions: TLS_VERSIONS, cipher_suites: cipherSuites() },
    }
  })
  app.get('/node/log', described('The last lines of the log', { query: LOG_QUERY, tag }), (request) => {
    requireTag(request, 'administrator')
    const { log } = host.control
    if (log === null) throw withoutLog()
    const { lines = '50', after } = request.query as { lines?: string; after?: string }
    return after === undefined ? log.recent.last(natural('lines', lines)) : log.recent.after(natural('after', after))
  })
  app.post('/node/rotate-logs', described('Open the log file anew', { tag, answers: NO_CONTENT }), (request, reply) => {
    requireTag(request, 'administrator')
    const { log } = host.control
    if (log === null) throw withoutLog()
    try {
      log.reopen()
    } catch (error) {
      throw new ApiError(500, 'internal_server_error', `the log file cannot be opened: ${(error as Error).message}`)
    }
    return reply.code(204).send()
  })
  addMaintenance(app, host)
  app.post(
    '/node/stop',
    described('Stop the node, and its process', { tag, answers: { 202: ANY_OBJECT } }),
    (request, reply) => {
      const user = requireTag(request, 'administrator')
      const { requestStop } = host.control
      if (requestStop === null) throw conflict('the broker runs inside of another program, which alone can stop it')
      afterAnswer(reply, () => requestStop(`a request of ${user.name}`))
      return reply.code(202).send({ stopping: true })
    },
  )
}

function addMaintenance(app: FastifyInstance, host: ManagementHost): void {
  const { maintenance } = host.control
  const drain = described('Put the node into maintenance mode: it goes on, and serves no clients', {
    tag,
    answers: NO_CONTENT,
  })
  app.post('/node/drain', drain, async (request, reply) => {
    const user = requireTag(request, 'administrator')
    host.log.info('maintenance mode wanted', { user: user.name })
    await maintenance.drain()
    return reply.code(204).send()
  })
  const revive = described('End maintenance mode', { tag, answers: NO_CONTENT })
  app.post('/node/revive', revive, async (request, reply) => {
    const user = requireTag(request, 'administrator')
    host.log.info('end of maintenance mode wanted', { user: user.name })
    try {
      await maintenance.revive()
    } catch (error) {
      throw new ApiError(500, 'internal_server_error', `still in maintenance mode: ${(error as Error).message}`)
    }
    return reply.code(204).send()
  })
}

const LOG_QUERY = {
  lines: Type.Integer({ minimum: 0, description: 'How many; the last 1,000 are kept', default: 50 }),
  after: Type.Integer({ minimum: 0, description: 'In place of `lines`: `next` of the answer before' }),
}

/** @throws ApiError 400 */
function natural(key: string, text: unknown): number {
  if (typeof text === 'string' && /^\d{1,15}$/.test(text)) return Number(text)
  throw badRequest(`${key} has to be a number from 0 on`)
}

function addSettings(app: FastifyInstance, host: ManagementHost): void {
  const { limits, log } = host.control
  app.get('/node/settings', described('What can be set while the node runs', { tag }), (request) => {
    requireTag(request, 'monitoring')
    return settingsToJson(host.control)
  })
  const options = described('Set limits and log level until the node stops', { body: Settings, tag })
  app.put('/node/settings', options, async (request, reply) => {
    const user = requireTag(request, 'administrator')
    const changes = settingsFromJson(bodyOf(request))
    requireChangeable(host, changes)
    if (changes.memory !== undefined || changes.disk !== undefined) await limits.change(changes)
    if (changes.logLevel !== undefined) log!.setLevel(changes.logLevel)
    host.log.info('settings changed', { user: user.name, ...settingsToJson(host.control) })
    return reply.code(204).send()
  })
}

/** All of it or nothing. @throws ApiError 409 */
function requireChangeable({ control }: ManagementHost, { memory, disk, logLevel }: SettingChanges): void {
  if ((memory !== undefined || disk !== undefined) && !control.limits.isWatched) {
    throw conflict('this broker does not watch memory and disk: it was started without')
  }
  if (logLevel !== undefined && control.log === null) throw withoutLog()
}

const conflict = (reason: string): ApiError => new ApiError(409, 'conflict', reason)
const withoutLog = (): ApiError => conflict('this broker writes no log of its own')

/** What ends the listeners must not cut off the answer that says so. */
function afterAnswer(reply: FastifyReply, act: () => void): void {
  reply.raw.once('close', act)
}

/** What Node.js accepts unless it is started with other flags; a listener may be narrowed by `ssl_options.versions`. */
const TLS_VERSIONS = ['tlsv1.3', 'tlsv1.2']

const cipherSuites = (): string[] => getCiphers().map((name) => name.toUpperCase())
