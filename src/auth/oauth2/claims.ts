import { Wildcard } from './wildcard.ts'

/** What the broker is called in tokens, and how to read those that are for it. */
export interface ResourceServer {
  readonly id: string
  /** Of the `authorization_details` that are for it; null: none are. */
  readonly type: string | null
  readonly scopePrefix: string
  readonly verifyAudience: boolean
  readonly usernameClaims: readonly string[]
  /** Further claims with scopes: paths with dots, separated by blanks. */
  readonly additionalScopesKey: string | null
  readonly scopeAliases: ReadonlyMap<string, readonly string[]>
  /** Whose tokens it takes. */
  readonly provider: string
}

/** Of a token: JSON, and nothing more is known of it. */
export type Claims = Readonly<Record<string, unknown>>

/** Where Keycloak has what a requesting party may do. */
const REQUESTING_PARTY_SCOPES = 'authorization.permissions.scopes'
const SCOPES_MAX = 2048
/** Values that a path may lead through, for a token is the client's. */
const VALUES_MAX = 10_000

/** For whom a token is: the one server that its audience names, or, if none, the one that does not look at it. @returns or why there is none */
export function resourceServerFor(audience: unknown, servers: readonly ResourceServer[]): ResourceServer | string {
  const named = words(audience)
  const matching = servers.filter(({ id }) => named.includes(id))
  if (matching.length === 1) return matching[0]!
  if (matching.length > 1) return 'the audience matches several resource servers'
  const open = servers.filter(({ verifyAudience }) => !verifyAudience)
  if (open.length === 1) return open[0]!
  if (open.length > 1) return 'no audience, and several resource servers that do not look at it'
  return audience === undefined ? 'the token has no audience' : 'the audience matches no resource server'
}

/** The scopes that are for a resource server, without their prefix. @returns null when there are too many */
export function scopesOf(claims: Claims, server: ResourceServer): string[] | null {
  const own = words(claims['scope'])
  const party = scopesAt(claims, REQUESTING_PARTY_SCOPES, server)
  const additional = words(server.additionalScopesKey ?? '').flatMap((path) => scopesAt(claims, path, server))
  const named = [...additional, ...party, ...own]
  const meant = named.flatMap((scope) => server.scopeAliases.get(scope) ?? [])
  const rich = richScopes(claims['authorization_details'], server)
  const { scopePrefix } = server
  const found = new Set<string>()
  for (const scope of [...rich, ...named, ...meant]) {
    if (scope.startsWith(scopePrefix)) found.add(scope.slice(scopePrefix.length))
  }
  return found.size > SCOPES_MAX ? null : [...found]
}

/** The first of the claims that is a text. */
export function usernameOf(claims: Claims, { usernameClaims }: ResourceServer): string {
  for (const name of usernameClaims) {
    const value = Object.hasOwn(claims, name) ? claims[name] : undefined
    if (typeof value === 'string') return value
  }
  return 'unknown'
}

/** A text of words, or a list of them. */
function words(value: unknown): string[] {
  if (typeof value === 'string') return value.split(' ').filter((word) => word !== '')
  return Array.isArray(value) ? value.filter((word) => typeof word === 'string') : []
}

/** What a path such as `realm_access.roles` leads to, through objects and lists of them. */
function scopesAt(claims: Claims, path: string, server: ResourceServer): string[] {
  let values: unknown[] = [claims]
  for (const key of path.split('.').filter((part) => part !== '')) {
    values = values
      .flatMap((value) => (Array.isArray(value) ? (value as unknown[]) : [value]))
      .filter((value) => isObject(value) && Object.hasOwn(value, key))
      .map((value) => (value as Claims)[key])
      .slice(0, VALUES_MAX)
  }
  return values.flatMap((value) => (isObject(value) ? scopesByServer(value, server) : words(value)))
}

/** `{"rabbitmq": "read:a/b write:a/b"}`: by the id of the server, without prefix. */
function scopesByServer(value: Claims, { id }: ResourceServer): string[] {
  return Object.hasOwn(value, id) ? words(value[id]).map((scope) => `${id}.${scope}`) : []
}

const isObject = (value: unknown): value is Claims =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const TAGS = new Set(['monitoring', 'administrator', 'management', 'policymaker'])
const VERBS = new Set(['configure', 'write', 'read'])

/**
 * Rich authorization requests (RFC 9396): `{"type": "rabbitmq", "locations": ["cluster:c/vhost:v/queue:q"], "actions": ["read"]}`.
 * What is left out of a location is everything; a tag counts if any location is for this server.
 */
function richScopes(details: unknown, server: ResourceServer): string[] {
  if (!Array.isArray(details) || server.type === null) return []
  return details.flatMap((detail: unknown) => {
    if (!isObject(detail) || detail['type'] !== server.type) return []
    const paths = (typeof detail['locations'] === 'string' ? [detail['locations']] : words(detail['locations']))
      .map((location) => pathOf(location, server))
      .filter((path) => path !== null)
    if (paths.length === 0) return []
    const actions = typeof detail['actions'] === 'string' ? [detail['actions']] : words(detail['actions'])
    return actions.flatMap((action) => {
      if (TAGS.has(action)) return [`${server.scopePrefix}tag:${action}`]
      return VERBS.has(action) ? paths.map((path) => `${server.scopePrefix}${action}:${path}`) : []
    })
  })
}

/** @returns null where the location is not for this server */
function pathOf(location: string, server: ResourceServer): string | null {
  const parts = new Map<string, string>()
  for (const part of location.split('/')) {
    const [key, value] = part.split(':').filter((word) => word !== '')
    if (key !== undefined && value !== undefined) parts.set(key, value)
  }
  const cluster = parts.get('cluster')
  if (cluster === undefined || !new Wildcard(cluster).matches(server.id)) return null
  const [queue, exchange] = [parts.get('queue'), parts.get('exchange')]
  if (queue !== undefined && exchange !== undefined && queue !== exchange) return null
  return [parts.get('vhost') ?? '*', queue ?? exchange ?? '*', parts.get('routing-key') ?? '*'].join('/')
}
