import { decodeJwt, decodeProtectedHeader, errors, jwtVerify } from 'jose'
import type { LoginFacts, Renewal } from '../../core/identity.ts'
import type { Clock } from '../../util/clock.ts'
import {
  type Answer,
  type AuthBackend,
  type BackendOutcome,
  type Credentials,
  decisionOf,
  type Grants,
  type ResourceCheck,
  type TopicCheck,
} from '../backend.ts'
import { type Claims, type ResourceServer, resourceServerFor, scopesOf, usernameOf } from './claims.ts'
import type { KeySet } from './key-set.ts'
import { Scopes } from './scopes.ts'

export interface OAuth2Settings {
  readonly servers: readonly ResourceServer[]
  /** By the names that servers give. */
  readonly providers: ReadonlyMap<string, KeySet>
}

/** A token that is valid, and what it says. */
interface Token {
  readonly user: string
  readonly scopes: Scopes
  /** In ms since the epoch. */
  readonly expiresAt: number
}

/** Longer ones are none: the work to look at one has a bound. */
const TOKEN_LENGTH_MAX = 128 * 1024

/**
 * Takes tokens (JWT) in place of passwords. Nobody is asked what somebody may do: the token's scopes say it, for as long as it is valid;
 * a new one in its place says the rest.
 */
export class OAuth2Backend implements AuthBackend {
  readonly name = 'rabbit_auth_backend_oauth2'
  readonly #settings: OAuth2Settings
  readonly #clock: Clock

  constructor(settings: OAuth2Settings, clock: Clock) {
    this.#settings = settings
    this.#clock = clock
  }

  async authenticate({ password }: Credentials, _facts: LoginFacts): Promise<BackendOutcome> {
    if (password === null) return refused('no token')
    const token = await this.#read(password)
    if (typeof token === 'string') return refused(token)
    const grants = new TokenGrants(token)
    const renew = (secret: string): Promise<Renewal> => this.#renew(grants, secret)
    const { user: name, scopes, expiresAt } = token
    return { outcome: 'ok', user: { name, tags: scopes.tags, grants, expiresAt, renew } }
  }

  /** Its tags do not count then: that is RabbitMQ's way. */
  async authorize(who: Credentials, facts: LoginFacts): Promise<BackendOutcome> {
    const found = await this.authenticate(who, facts)
    if (found.outcome !== 'ok') return found
    const { renew } = found.user
    const renewUntagged = async (secret: string): Promise<Renewal> => {
      const renewal = await renew!(secret)
      return renewal.outcome === 'ok' ? { ...renewal, tags: [] } : renewal
    }
    return { outcome: 'ok', user: { ...found.user, tags: [], renew: renewUntagged } }
  }

  async #renew(grants: TokenGrants, secret: string): Promise<Renewal> {
    const token = await this.#read(secret)
    if (typeof token === 'string') return refused(token)
    if (token.user !== grants.token.user) {
      return { outcome: 'refused', reason: 'not allowed to change the user name with a refreshed token' }
    }
    grants.token = token
    return { outcome: 'ok', tags: token.scopes.tags, expiresAt: token.expiresAt }
  }

  /** @returns or why it is not taken; the token itself is never part of that */
  async #read(text: string): Promise<Token | string> {
    if (text.length > TOKEN_LENGTH_MAX) return 'provided token is too long'
    let kid: string | undefined
    let audience: unknown
    try {
      kid = decodeProtectedHeader(text).kid
      audience = decodeJwt(text).aud
    } catch {
      return 'provided token is invalid'
    }
    const server = resourceServerFor(audience, this.#settings.servers)
    if (typeof server === 'string') return server
    const keys = this.#settings.providers.get(server.provider)!
    const key = await keys.find(typeof kid === 'string' ? kid : null)
    if (typeof key === 'string') return key
    const claims = await this.#verify(text, key, keys.algorithms)
    return typeof claims === 'string' ? claims : this.#tokenOf(claims, server)
  }

  async #verify(
    text: string,
    key: Parameters<typeof jwtVerify>[1],
    algorithms: readonly string[],
  ): Promise<Claims | string> {
    const currentDate = new Date(this.#clock.now())
    try {
      const allowed = algorithms.length === 0 ? {} : { algorithms: [...algorithms] }
      const { payload } = await jwtVerify(text, key, { ...allowed, currentDate, requiredClaims: ['exp'] })
      return payload
    } catch (error) {
      if (error instanceof errors.JWTExpired) return `the token has expired (validated at ${currentDate.toISOString()})`
      if (error instanceof errors.JWSSignatureVerificationFailed) return 'signature_invalid'
      if (error instanceof errors.JOSEError) return error.message
      // a key that the algorithm of the token cannot use
      if (error instanceof TypeError || error instanceof DOMException) return 'the token does not fit its key'
      throw error
    }
  }

  #tokenOf(claims: Claims, server: ResourceServer): Token | string {
    const scopes = scopesOf(claims, server)
    if (scopes === null) return 'too many scopes'
    const expiresAt = Math.floor(claims['exp'] as number) * 1000
    return { user: usernameOf(claims, server), scopes: new Scopes(scopes, claims), expiresAt }
  }

  close(): void {
    for (const keys of this.#settings.providers.values()) keys.close()
  }
}

const refused = (reason: string): { readonly outcome: 'refused'; readonly reason: string } => ({
  outcome: 'refused',
  reason: `Authentication using an OAuth 2/JWT token failed: ${reason}`,
})

/** Of one connection: with a new token it says what that one says. */
class TokenGrants implements Grants {
  token: Token

  constructor(token: Token) {
    this.token = token
  }

  vhost(vhost: string): Answer {
    return decisionOf(this.token.scopes.allowVhost(vhost))
  }

  resource({ vhost, name, verb }: ResourceCheck): Answer {
    return decisionOf(this.token.scopes.allow(verb, vhost, name))
  }

  topic({ vhost, exchange, verb, routingKey }: TopicCheck): Answer {
    return decisionOf(this.token.scopes.allowTopic(verb, vhost, exchange, routingKey))
  }
}
