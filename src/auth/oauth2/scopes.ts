import type { Verb } from '../../core/access-control.ts'
import { escapeWildcard, Wildcard } from './wildcard.ts'

interface Permission {
  readonly verb: Verb
  readonly vhost: Wildcard
  readonly name: Wildcard
  /** Null: nothing about routing keys. */
  readonly routingKey: Wildcard | null
}

/**
 * What the scopes of a token allow, without their prefix:
 *
 *     read:VHOST/NAME        configure, write and read alike
 *     write:VHOST/EXCHANGE/ROUTING_KEY
 *     tag:administrator
 *
 * `{vhost}` and `{claim}` in them stand for the vhost at hand and for a claim of the token.
 */
export class Scopes {
  readonly tags: readonly string[]
  readonly #scopes: readonly string[]
  readonly #claims: Readonly<Record<string, unknown>>
  /** By vhost, since that may be filled in. */
  readonly #permissions = new Map<string, readonly Permission[]>()

  constructor(scopes: readonly string[], claims: Readonly<Record<string, unknown>>) {
    this.#scopes = scopes.filter((scope) => VERB.test(scope))
    this.#claims = claims
    const tags = scopes.filter((scope) => scope.startsWith('tag:')).map((scope) => scope.slice('tag:'.length))
    this.tags = [...new Set(tags)].sort()
  }

  allowVhost(vhost: string): boolean {
    return this.#permissionsIn(vhost).some((permission) => permission.vhost.matches(vhost))
  }

  allow(verb: Verb, vhost: string, name: string): boolean {
    return this.#permissionsIn(vhost).some(
      (permission) => permission.verb === verb && permission.vhost.matches(vhost) && permission.name.matches(name),
    )
  }

  /** A scope without a routing key says nothing about these. */
  allowTopic(verb: Verb, vhost: string, exchange: string, routingKey: string): boolean {
    return this.#permissionsIn(vhost).some(
      (permission) =>
        permission.verb === verb &&
        permission.routingKey !== null &&
        permission.vhost.matches(vhost) &&
        permission.name.matches(exchange) &&
        permission.routingKey.matches(routingKey),
    )
  }

  #permissionsIn(vhost: string): readonly Permission[] {
    let found = this.#permissions.get(vhost)
    if (found === undefined) {
      found = this.#scopes.flatMap((scope) => parsePermission(this.#fill(scope, vhost)))
      if (this.#permissions.size >= VHOSTS_MAX) this.#permissions.clear()
      this.#permissions.set(vhost, found)
    }
    return found
  }

  /** A variable that nothing stands for is its own name. */
  #fill(scope: string, vhost: string): string {
    return scope.replace(/\{([^{}]*)\}/g, (_, name: string) => {
      const value = name === 'vhost' ? vhost : this.#claims[name]
      return escapeWildcard(typeof value === 'string' ? value : name)
    })
  }
}

/** A connection is in one; who asks by HTTP may look at many. */
const VHOSTS_MAX = 64
const VERB = /^(configure|write|read):/

function parsePermission(scope: string): Permission[] {
  const [, verb] = VERB.exec(scope)!
  const parts = scope.slice(verb!.length + 1).split('/')
  const [vhost, name, routingKey] = parts
  if (name === undefined || parts.length > 3) return []
  return [
    {
      verb: verb as Verb,
      vhost: new Wildcard(vhost!),
      name: new Wildcard(name),
      routingKey: routingKey === undefined ? null : new Wildcard(routingKey),
    },
  ]
}
