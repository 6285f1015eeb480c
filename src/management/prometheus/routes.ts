import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { pipeline, Readable } from 'node:stream'
import { constants, createGzip } from 'node:zlib'
import type { ManagementHost } from '../management-host.ts'
import { aggregated, detailed, memoryBreakdown, perObject } from './endpoints.ts'
import { CONTENT_TYPES, type Format, formatFor } from './exposition.ts'
import { Scrapes } from './scrapes.ts'

export interface MetricsOptions {
  /** Where the metrics are: `/metrics`. */
  readonly path: string
  /** Each object on its own there, and not their sums. */
  readonly perObject: boolean
}

/** Adds `/metrics` and what is below it. */
export function metricsRoutes(app: FastifyInstance, host: ManagementHost, options: MetricsOptions): void {
  const get = (registry: string, text: Render, ...morePaths: readonly string[]): void => {
    const scrapes = new Scrapes(registry)
    for (const path of [`${options.path}/${registry}`, ...morePaths]) {
      app.get(path, { exposeHeadRoute: false, schema: { hide: true } }, (request, reply) =>
        answer(request, reply, (format) => scrapes.measure(text(format, request.query as Query), format)),
      )
    }
  }
  const main = options.perObject ? perObject : aggregated
  get('default', (format) => main(host, format), options.path)
  get('per-object', (format) => perObject(host, format))
  get('detailed', (format, { family, vhost }) =>
    detailed(host, { families: listOf(family), vhosts: listOf(vhost) }, format),
  )
  get('memory-breakdown', (format) => memoryBreakdown(host, format))
  app.get(`${options.path}/:registry`, { schema: { hide: true } }, (_request, reply) =>
    reply.code(404).type('text/plain').send('Unknown Registry'),
  )
}

type Query = Readonly<Record<'family' | 'vhost', string | readonly string[] | undefined>>
type Render = (format: Format, query: Query) => AsyncIterable<string>

/** A query parameter that may be given several times. */
const listOf = (given: string | readonly string[] | undefined): readonly string[] =>
  given === undefined ? [] : typeof given === 'string' ? [given] : given

/** Sends text as it is made, no faster than the client takes it. */
function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  render: (format: Format) => AsyncIterable<string>,
): FastifyReply {
  const format = formatFor(request.headers.accept)
  const text = Readable.from(render(format), { objectMode: false })
  reply.type(CONTENT_TYPES[format]).header('vary', 'accept, accept-encoding')
  if (!/\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''))) return reply.send(text)
  const zipped = createGzip({ level: constants.Z_BEST_SPEED })
  // a client that goes away ends both; there is nobody to tell
  pipeline(text, zipped, () => {})
  return reply.header('content-encoding', 'gzip').send(zipped)
}
