import type { FastifyRequest } from 'fastify'
import type { Broker } from '../core/broker.ts'
import type { User } from '../core/users.ts'
import type { VHost } from '../core/vhost.ts'
import { notAuthorized, objectNotFound } from './api-error.ts'

/** Who sends a request, and what of the API that opens. */
export interface Caller {
  readonly user: User
  /** Whether the browser sent the cookie on its own: then requests that change something have to prove that the console sent them. */
  readonly byCookie: boolean
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Null before the sign-in was checked, and for what anybody may ask. */
    caller: Caller | null
  }
}

export type ApiTag = 'management' | 'policymaker' | 'monitoring' | 'administrator'

/** What each tag includes. */
const INCLUDES: Readonly<Record<ApiTag, readonly ApiTag[]>> = {
  management: [],
  policymaker: ['management'],
  monitoring: ['management'],
  administrator: ['management', 'policymaker', 'monitoring'],
}

export function hasTag({ tags }: Pick<User, 'tags'>, wanted: ApiTag): boolean {
  return tags.some((tag) => tag === wanted || (INCLUDES[tag as ApiTag]?.includes(wanted) ?? false))
}

export function callerOf(request: FastifyRequest): Caller {
  if (request.caller === null) throw notAuthorized('Login failed')
  return request.caller
}

/** @throws ApiError 401, as RabbitMQ answers who has not enough tags */
export function requireTag(request: FastifyRequest, tag: ApiTag): User {
  const { user } = callerOf(request)
  if (!hasTag(user, tag)) throw notAuthorized(TAG_REFUSALS[tag])
  return user
}

const TAG_REFUSALS: Readonly<Record<ApiTag, string>> = {
  management: 'Not management user',
  policymaker: 'Not policymaker user',
  monitoring: 'Not monitor user',
  administrator: 'Not administrator user',
}

/** Whether the user may look into a vhost: administrators and monitors into all, others where they have permissions. */
export const canSeeVhost = (broker: Broker, user: User, vhost: string): boolean =>
  hasTag(user, 'monitoring') || broker.permissions.hasAccess(user.name, vhost)

/** @throws ApiError 404 where there is no such vhost, 401 where it is not the caller's */
export function requireVhost(request: FastifyRequest, broker: Broker, name: string): VHost {
  const user = requireTag(request, 'management')
  const vhost = broker.vhosts.get(name)
  if (vhost === undefined) throw objectNotFound()
  if (!canSeeVhost(broker, user, name)) throw notAuthorized('User not authorised to access virtual host')
  return vhost
}

/** The vhosts that a list shows to the caller. */
export function visibleVhosts(request: FastifyRequest, broker: Broker): VHost[] {
  const user = requireTag(request, 'management')
  return [...broker.vhosts.values()].filter(({ name }) => canSeeVhost(broker, user, name))
}
