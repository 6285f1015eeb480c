import type { FastifyRequest } from 'fastify'
import type { Broker } from '../core/broker.ts'
import { BrokerError } from '../core/errors.ts'
import type { Identity } from '../core/identity.ts'
import { filterDecided } from '../core/undecided.ts'
import type { VHost } from '../core/vhost.ts'
import { notAuthorized, objectNotFound } from './api-error.ts'

/** Who sends a request, and what of the API that opens. */
export interface Caller {
  readonly user: Identity
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

export function hasTag({ tags }: Pick<Identity, 'tags'>, wanted: ApiTag): boolean {
  return tags.some((tag) => tag === wanted || (INCLUDES[tag as ApiTag]?.includes(wanted) ?? false))
}

export function callerOf(request: FastifyRequest): Caller {
  if (request.caller === null) throw notAuthorized('Login failed')
  return request.caller
}

/** @throws ApiError 401, as RabbitMQ answers who has not enough tags */
export function requireTag(request: FastifyRequest, tag: ApiTag): Identity {
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

/**
 * Whether the user may look into a vhost: administrators and monitors into all, others where they have permissions.
 * @throws UndecidedError
 */
export const canSeeVhost = (user: Identity, vhost: string): boolean =>
  hasTag(user, 'monitoring') || hasAccess(user, vhost)

function hasAccess({ authorizer }: Identity, vhost: string): boolean {
  try {
    authorizer.requireVhost(vhost)
    return true
  } catch (error) {
    if (error instanceof BrokerError) return false
    throw error
  }
}

/** @throws ApiError 404 where there is no such vhost, 401 where it is not the caller's; UndecidedError */
export function requireVhost(request: FastifyRequest, broker: Broker, name: string): VHost {
  const user = requireTag(request, 'management')
  const vhost = broker.vhosts.get(name)
  if (vhost === undefined) throw objectNotFound()
  if (!canSeeVhost(user, name)) throw notAuthorized('User not authorised to access virtual host')
  return vhost
}

/** The vhosts that a list shows to the caller. @throws UndecidedError */
export function visibleVhosts(request: FastifyRequest, broker: Broker): VHost[] {
  const user = requireTag(request, 'management')
  return filterDecided(broker.vhosts.values(), ({ name }) => canSeeVhost(user, name))
}
