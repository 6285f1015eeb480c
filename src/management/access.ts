import type { FastifyRequest } from 'fastify'
import type { Broker } from '../core/broker.ts'
import { BrokerError } from '../core/errors.ts'
import type { Identity } from '../core/identity.ts'
import { filterDecided } from '../core/undecided.ts'
import type { VHost } from '../core/vhost.ts'
import { accessRefusedAnyhow, loginRefused, notAuthorized, objectNotFound } from './api-error.ts'

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
  if (request.caller === null) throw loginRefused()
  return request.caller
}

/** @throws ApiError 401, as RabbitMQ answers who has not enough tags */
export function requireTag(request: FastifyRequest, tag: ApiTag): Identity {
  const { user } = callerOf(request)
  if (!hasTag(user, tag)) throw notAuthorized(TAG_REFUSALS[tag])
  return user
}

const OBJECT_REFUSAL = 'User not authorised to access object'
const VHOST_REFUSAL = 'User not authorised to access virtual host'

const TAG_REFUSALS: Readonly<Record<ApiTag, string>> = {
  management: 'Not management user',
  policymaker: OBJECT_REFUSAL,
  monitoring: 'Not monitor user',
  administrator: 'Not administrator user',
}

// Where a back end outside has to be asked first, all of these throw an UndecidedError: the route is called again then.

/** Whether the user may see what is in a vhost: administrators in all, others where they have permissions. */
const canEnterVhost = (user: Identity, vhost: string): boolean =>
  hasTag(user, 'administrator') || hasAccess(user, vhost)

/** Whether the user may know that there is such a vhost: monitors may of all. */
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

/**
 * @param missing what to answer where there is no such vhost
 * @throws ApiError 404, and 401 where the caller has nothing in it
 */
export function requireVhost(request: FastifyRequest, broker: Broker, name: string, missing = objectNotFound): VHost {
  const user = requireTag(request, 'management')
  const vhost = broker.vhosts.get(name)
  if (vhost === undefined) throw missing()
  if (!canEnterVhost(user, name)) throw notAuthorized(VHOST_REFUSAL)
  return vhost
}

/**
 * As `requireVhost`, for what speaks AMQP: as with a client, permissions in the vhost are needed, and no tag stands for them.
 * @throws ApiError 401
 */
export function requireClientOf(request: FastifyRequest, broker: Broker, name: string): VHost {
  const vhost = requireVhost(request, broker, name, accessRefusedAnyhow)
  if (!hasAccess(callerOf(request).user, name)) throw accessRefusedAnyhow()
  return vhost
}

/** As `requireVhost`, for what monitors may see as well. @throws ApiError 404, 401 */
export function requireVisibleVhost(request: FastifyRequest, broker: Broker, name: string): VHost {
  const user = requireTag(request, 'management')
  const vhost = broker.vhosts.get(name)
  if (vhost === undefined) throw objectNotFound()
  if (!canSeeVhost(user, name)) throw notAuthorized(VHOST_REFUSAL)
  return vhost
}

/** For policies and parameters. @throws ApiError 404, and 401 for who is no policymaker or has nothing in the vhost */
export function requirePolicymaker(
  request: FastifyRequest,
  broker: Broker,
  name: string,
  missing = objectNotFound,
): VHost {
  const user = requireTag(request, 'policymaker')
  const vhost = broker.vhosts.get(name)
  if (vhost === undefined) throw missing()
  if (!canEnterVhost(user, name)) throw notAuthorized(OBJECT_REFUSAL)
  return vhost
}

/**
 * The vhosts whose content a list shows to the caller, by name; with the header `x-vhost`, that one only.
 * @throws ApiError 404 where the header names none
 */
export function visibleVhosts(request: FastifyRequest, broker: Broker): VHost[] {
  const user = requireTag(request, 'management')
  const only = request.headers['x-vhost']
  if (typeof only === 'string' && only !== '') return [requireVhost(request, broker, only)]
  return filterDecided(sortedVhosts(broker), ({ name }) => canEnterVhost(user, name))
}

/** All vhosts that the caller may know of, by name. */
export function knownVhosts(request: FastifyRequest, broker: Broker): VHost[] {
  const user = requireTag(request, 'management')
  return filterDecided(sortedVhosts(broker), ({ name }) => canSeeVhost(user, name))
}

const sortedVhosts = (broker: Broker): VHost[] => [...broker.vhosts.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
