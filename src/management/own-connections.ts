import type { FastifyRequest } from 'fastify'
import type { ClientConnection } from '../core/client-connection.ts'
import { type ApiTag, hasTag, requireTag } from './access.ts'
import { notAuthorized } from './api-error.ts'

/** Whose connections, channels and consumers a caller sees: who may monitor all, others their own. */
export function connectionFilter(request: FastifyRequest): (connection: ClientConnection) => boolean {
  const user = requireTag(request, 'management')
  const seesAll = hasTag(user, 'monitoring')
  return (connection) => seesAll || connection.user.name === user.name
}

/** @throws ApiError 401 for who is neither its user nor has the tag */
export function requireOwn(request: FastifyRequest, connection: ClientConnection, tag: ApiTag): void {
  const user = requireTag(request, 'management')
  if (connection.user.name === user.name || hasTag(user, tag)) return
  throw notAuthorized('User not authorised to access object')
}
