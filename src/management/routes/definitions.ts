import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Readable } from 'node:stream'
import { Type } from 'typebox'
import type { Broker } from '../../core/broker.ts'
import { BrokerError } from '../../core/errors.ts'
import type { Identity } from '../../core/identity.ts'
import { requireTag } from '../access.ts'
import { ApiError, answerError, badRequest, vhostNotFound } from '../api-error.ts'
import type { Routes } from '../app.ts'
import { importDefinitions, importing, type ImportOptions, rowsIn } from '../definitions.ts'
import { type Definitions, definitionsJson, nodeDefinitions, vhostDefinitions } from '../definitions-export.ts'
import { changeAs } from '../in-process.ts'
import { answerJob } from '../jobs/answer-job.ts'
import type { Job, Jobs } from '../jobs/jobs.ts'
import type { ManagementHost } from '../management-host.ts'
import { bodyOf, parseJson } from '../request-body.ts'
import { described } from '../route-schema.ts'
import { JOB_BEGUN, NO_CONTENT } from '../openapi.ts'

const File = Type.Record(Type.String(), Type.Unknown(), {
  description: 'As it was exported, as JSON or as the file `file` of a form',
})

interface Params {
  readonly vhost?: string
}

const tag = 'Definitions'
const query = { download: Type.String({ description: 'Name of the file to save the answer as' }) }

export const definitionsRoutes: Routes = (app, { host, jobs }) => {
  // the second one is what it was called once
  for (const url of ['/definitions', '/all-configuration']) addRoutes(app, host, jobs, url, 'everything')
  addRoutes(app, host, jobs, '/definitions/:vhost', 'what is in a virtual host')
}

function addRoutes(app: FastifyInstance, host: ManagementHost, jobs: Jobs, url: string, what: string): void {
  const { broker } = host
  const config = { authInQuery: true, upload: true }
  app.get(url, { ...described(`Export ${what}`, { query, tag }), config }, (request, reply) => {
    requireTag(request, 'administrator')
    const { vhost: name } = request.params as Params
    if (name === undefined) return answer(request, reply, nodeDefinitions(host))
    const vhost = broker.vhosts.get(name)
    if (vhost === undefined) throw badRequest('vhost_not_found')
    return answer(request, reply, vhostDefinitions(host, vhost))
  })
  app.post(
    url,
    {
      ...described(`Import ${what}`, {
        body: File,
        query: { job: Type.Boolean({ description: 'Answers with a job' }) },
        tag,
        answers: { ...NO_CONTENT, ...JOB_BEGUN, 303: null },
      }),
      config,
      errorHandler: (error, request, reply) => void answerError(unparsed(error), request, reply, host.log),
    },
    async (request, reply) => {
      const user = requireTag(request, 'administrator')
      const { vhost } = request.params as Params
      const { file, redirect } = request.isMultipart()
        ? await readForm(request)
        : { file: fileOf(request), redirect: null }
      if (vhost !== undefined && !broker.vhosts.has(vhost)) throw vhostNotFound()
      if ((request.query as { job?: string }).job === 'true') {
        return answerJob(reply, importLater(broker, jobs, user, file, vhost))
      }
      await changeAs(broker, user, () => importInto(broker, file, { onlyVhost: vhost, user: user.name }))
      return redirect === null ? reply.code(204).send() : reply.redirect(redirect, 303)
    },
  )
}

/** Rows applied in one turn. */
const ROWS_PER_TURN = 100

/** Imports a part each turn. What was applied before a mistake, or before it is cancelled, stays. */
function importLater(broker: Broker, jobs: Jobs, user: Identity, file: unknown, vhost?: string): Job {
  const target = vhost === undefined ? 'the node' : `vhost '${vhost}'`
  return jobs.start({ kind: 'import', target, user, total: rowsIn(file) }, async (job) => {
    const steps = importing(broker, file, { onlyVhost: vhost, user: user.name })
    for (let isOver = false; !isOver;) {
      await changeAs(broker, user, () => {
        for (let i = 0; i < ROWS_PER_TURN && !isOver; i++) {
          isOver = steps.next().done === true
          if (!isOver) job.done++
        }
      })
      await job.breathe()
    }
    job.total = job.done
  })
}

/** What a file refers to and does not have is a mistake of the file. @throws ApiError 400, BrokerError */
function importInto(broker: Broker, file: unknown, options: ImportOptions): void {
  try {
    importDefinitions(broker, file, options)
  } catch (error) {
    if (error instanceof BrokerError && error.kind === 'notFound') throw badRequest(error.message)
    throw error
  }
}

function answer(request: FastifyRequest, reply: FastifyReply, definitions: Definitions): FastifyReply {
  const { download } = request.query as { download?: unknown }
  if (typeof download === 'string') {
    reply.header('content-disposition', `attachment; filename="${download.replaceAll(/[^\w.-]/g, '_')}"`)
  }
  return reply.type('application/json').send(Readable.from(definitionsJson(definitions)))
}

/** No body at all counts as an empty file. @throws ApiError 400 */
function fileOf(request: FastifyRequest): unknown {
  if (request.body === null || typeof request.body === 'boolean') throw badRequest(UNPARSED)
  return bodyOf(request)
}

interface Form {
  readonly file: unknown
  /** Where a page goes on after its form was sent; null to stay. */
  readonly redirect: string | null
}

/** @throws ApiError 400, 413 */
async function readForm(request: FastifyRequest): Promise<Form> {
  let file: unknown
  let redirect: string | null = null
  for await (const part of request.parts()) {
    if (part.type === 'file') {
      const text = (await part.toBuffer()).toString()
      if (part.fieldname === 'file') file = text.trim() === '' ? {} : parseJson(text)
    } else if (part.fieldname === 'redirect' && isWithinSite(part.value)) redirect = part.value
  }
  if (file === undefined) throw badRequest(UNPARSED)
  return { file, redirect }
}

/** Nobody else's site: an address that names no host. */
const isWithinSite = (value: unknown): value is string =>
  typeof value === 'string' && /^(?!\/\/)[\w./#?=&%-]+$/.test(value)

const UNPARSED = 'failed_to_parse_json'

/** RabbitMQ has a word of its own here. */
const unparsed = (error: unknown): unknown =>
  error instanceof ApiError && error.reason === 'not_json' ? badRequest(UNPARSED) : error
