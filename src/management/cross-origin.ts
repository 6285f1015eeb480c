import type { FastifyReply, FastifyRequest } from 'fastify'

export interface CrossOriginSettings {
  /** Origins whose pages may use the API; `*` is any. */
  readonly corsOrigins: readonly string[]
  readonly corsMaxAgeSec: number | null
}

/** Lets pages of other origins ask, where the configuration does (CORS): for every answer. */
export function allowOrigin(request: FastifyRequest, reply: FastifyReply, { corsOrigins }: CrossOriginSettings): void {
  reply.header('vary', 'origin')
  const { origin } = request.headers
  if (origin === undefined || !isAllowed(origin, corsOrigins)) return
  reply.header('access-control-allow-origin', origin)
  reply.header('access-control-allow-credentials', 'true')
}

/** What a browser wants to know before it sends such a request. @param methods that the address takes */
export function answerPreflight(
  request: FastifyRequest,
  reply: FastifyReply,
  { corsOrigins, corsMaxAgeSec }: CrossOriginSettings,
  methods: string,
): void {
  const { origin, 'access-control-request-headers': headers } = request.headers
  if (origin === undefined || !isAllowed(origin, corsOrigins)) return
  if (corsMaxAgeSec !== null) reply.header('access-control-max-age', corsMaxAgeSec)
  if (headers !== undefined) reply.header('access-control-allow-headers', headers)
  reply.header('access-control-allow-methods', methods)
}

/** `null` is what a browser says for a page that has no origin of its own. */
const isAllowed = (origin: string, origins: readonly string[]): boolean =>
  origin !== 'null' && (origins.includes(origin) || origins.includes('*'))
