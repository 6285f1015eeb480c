import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { AttemptCounts, LoginAttempts } from '../../auth/login-attempts.ts'
import { requireTag } from '../access.ts'
import { objectNotFound } from '../api-error.ts'
import type { Routes } from '../app.ts'
import type { ManagementHost } from '../management-host.ts'
import { described } from '../route-schema.ts'
import { LIST_OF_OBJECTS } from '../openapi.ts'

const tag = 'Users'

export const attemptRoutes: Routes = (app, { host }) => {
  addRoutes(app, host, {
    url: '/auth/attempts/:node',
    what: 'Logins by protocol',
    list: (counts) => counts.byProtocol().map(countsObject),
    reset: (counts) => counts.reset(),
  })
  addRoutes(app, host, {
    url: '/auth/attempts/:node/source',
    what: 'Logins by address and user',
    list: (counts) =>
      counts.bySource().map((row) => ({ remote_address: row.address, username: row.user, ...countsObject(row) })),
    reset: (counts) => counts.resetSources(),
  })
}

interface AttemptView {
  readonly url: string
  readonly what: string
  readonly list: (counts: LoginAttempts) => object[]
  readonly reset: (counts: LoginAttempts) => void
}

function addRoutes(app: FastifyInstance, { broker, authenticator }: ManagementHost, view: AttemptView): void {
  const { url, what, list, reset } = view
  const requireOwn = (request: FastifyRequest): void => {
    requireTag(request, 'monitoring')
    if ((request.params as { node: string }).node !== broker.options.nodeName) throw objectNotFound()
  }
  app.get(url, described(what, { tag, answers: { 200: LIST_OF_OBJECTS } }), (request) => {
    requireOwn(request)
    return list(authenticator.attempts)
  })
  app.delete(url, described(`${what}: count anew`, { tag }), (request, reply) => {
    requireOwn(request)
    reset(authenticator.attempts)
    return reply.code(204).send()
  })
}

const countsObject = ({ protocol, succeeded, failed }: AttemptCounts): Record<string, unknown> => ({
  protocol,
  auth_attempts: succeeded + failed,
  auth_attempts_failed: failed,
  auth_attempts_succeeded: succeeded,
})
