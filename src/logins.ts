import type { AuthBackend } from './auth/backend.ts'
import { BackendChain, type ChainLink } from './auth/backend-chain.ts'
import { CacheBackend } from './auth/cache-backend.ts'
import { AuthSettingsError, loadClientTls } from './auth/client-tls.ts'
import {
  acceptEverything,
  type CredentialValidator,
  minPasswordLength,
  passwordRegexp,
} from './auth/credential-validator.ts'
import { InternalBackend } from './auth/internal-backend.ts'
import type { Binding } from './auth/ldap/ldap-pool.ts'
import { LoginAttempts } from './auth/login-attempts.ts'
import type { Config } from './config/config.ts'
import { ConfigError } from './config/errors.ts'
import { type BackendName, isPluginBackend } from './config/login-options.ts'
import type { Broker } from './core/broker.ts'
import type { Clock } from './util/clock.ts'
import { compilePcre } from './util/pcre.ts'

/** An answer of the HTTP service is a few words, a key set a few keys. */
const ANSWER_BYTES_MAX = 64 * 1024
const KEYS_BYTES_MAX = 1024 * 1024
const KEYS_TIMEOUT_MS = 15_000

/**
 * Puts the back ends of logins together. Those that are not configured are not even loaded.
 * @param networkClock of the time-outs of what is asked over the network
 * @param added those of plugins, by name
 * @throws (rejects with) ConfigError
 */
export async function createLogins(
  { logins }: Config,
  broker: Broker,
  networkClock: Clock,
  added: ReadonlyMap<string, AuthBackend>,
): Promise<BackendChain> {
  const { users, permissions, clock, log, events } = broker
  const creator = new BackendCreator(logins, broker, networkClock, added)
  try {
    const links: ChainLink[] = []
    for (const { authn, authz } of logins.backends) links.push(await creator.link(authn, authz))
    const attempts = new LoginAttempts(logins.trackSources)
    return new BackendChain(links, { users, permissions, clock, log, events, attempts })
  } catch (error) {
    if (error instanceof AuthSettingsError) throw new ConfigError([error.message])
    throw error
  }
}

/** What passwords have to be like. */
export function credentialValidator({ auth }: Config): CredentialValidator {
  const { kind, bytesMin, pattern } = auth.credentialValidator
  switch (kind) {
    case 'rabbit_credential_validator_accept_everything':
      return acceptEverything
    case 'rabbit_credential_validator_min_password_length':
      return minPasswordLength(bytesMin)
    case 'rabbit_credential_validator_password_regexp':
      return passwordRegexp(compilePcre(pattern!))
  }
}

class BackendCreator {
  readonly #logins: Config['logins']
  readonly #broker: Broker
  readonly #networkClock: Clock
  readonly #added: ReadonlyMap<string, AuthBackend>
  /** One of a kind serves all who ask for it. */
  readonly #created = new Map<BackendName, AuthBackend>()

  constructor(logins: Config['logins'], broker: Broker, networkClock: Clock, added: ReadonlyMap<string, AuthBackend>) {
    this.#added = added
    this.#logins = logins
    this.#broker = broker
    this.#networkClock = networkClock
  }

  async link(authn: BackendName, authz: readonly BackendName[] | null): Promise<ChainLink> {
    const { cache } = this.#logins
    const backend = await this.#get(authn)
    // as in RabbitMQ: a cache over two back ends is asked for both
    if (authz === null)
      return { authn: backend, authz: authn === 'cache' && cache.authn !== cache.authz ? [backend] : null }
    const others: AuthBackend[] = []
    for (const name of authz) others.push(await this.#get(name))
    return { authn: backend, authz: others }
  }

  async #get(name: BackendName): Promise<AuthBackend> {
    let backend = this.#created.get(name)
    if (backend === undefined) this.#created.set(name, (backend = await this.#create(name)))
    return backend
  }

  #create(name: BackendName): AuthBackend | Promise<AuthBackend> {
    if (isPluginBackend(name)) return this.#findAdded(name.slice('plugin.'.length))
    switch (name) {
      case 'internal':
        return new InternalBackend(this.#broker.users, this.#broker.permissions)
      case 'ldap':
        return this.#createLdap()
      case 'http':
        return this.#createHttp()
      case 'oauth2':
        return this.#createOAuth2()
      case 'cache':
        return this.#createCache()
    }
  }

  #findAdded(name: string): AuthBackend {
    const backend = this.#added.get(name)
    if (backend === undefined) throw new ConfigError([`auth_backends: no plugin has a back end '${name}'`])
    return backend
  }

  async #createCache(): Promise<AuthBackend> {
    const { authn, authz, ...settings } = this.#logins.cache
    return new CacheBackend(await this.#get(authn!), await this.#get(authz!), settings, this.#broker.clock)
  }

  async #createLdap(): Promise<AuthBackend> {
    const { LdapBackend } = await import('./auth/ldap/ldap-backend.ts')
    const { ldap } = this.#logins
    const { dnLookupBind, dnLookupBindDn, dnLookupBindPassword, otherBind, otherBindDn, otherBindPassword } = ldap
    const settings = {
      ...ldap,
      security: ldap.useTls ? ('tls' as const) : ldap.useStartTls ? ('starttls' as const) : ('none' as const),
      dnLookupBind: bindingOf(dnLookupBind, dnLookupBindDn, dnLookupBindPassword),
      otherBind: bindingOf(otherBind, otherBindDn, otherBindPassword),
    }
    const { log, limitedLog } = this.#broker
    const tls = loadClientTls(ldap, 'auth_ldap.ssl_options')
    return new LdapBackend(settings, { tls, clock: this.#networkClock, log, limitedLog })
  }

  async #createHttp(): Promise<AuthBackend> {
    const { HttpBackend } = await import('./auth/http/http-backend.ts')
    const { HttpClient } = await import('./auth/http/http-client.ts')
    const { http } = this.#logins
    const { requestTimeoutMs, connectionTimeoutMs } = http
    const tls = loadClientTls(http, 'auth_http.ssl_options')
    const times = { clock: this.#networkClock, requestTimeoutMs, connectionTimeoutMs }
    const client = new HttpClient({ tls, ...times, bodyBytesMax: ANSWER_BYTES_MAX })
    return new HttpBackend(http, client, this.#broker.limitedLog)
  }

  async #createOAuth2(): Promise<AuthBackend> {
    const { OAuth2Backend } = await import('./auth/oauth2/oauth2-backend.ts')
    const { KeySet } = await import('./auth/oauth2/key-set.ts')
    const { HttpClient } = await import('./auth/http/http-client.ts')
    const { servers, providers } = this.#logins.oauth2
    const { clock, limitedLog } = this.#broker
    const times = { requestTimeoutMs: KEYS_TIMEOUT_MS, connectionTimeoutMs: KEYS_TIMEOUT_MS, clock: this.#networkClock }
    const sets = [...providers].map(([name, provider]) => {
      const { verify, caFile } = provider
      const prefix = name === '' ? 'auth_oauth2.https' : `auth_oauth2.oauth_providers.${name}.https`
      const tls = loadClientTls({ ...NO_CERTIFICATE, verify, caFile }, prefix)
      const client = new HttpClient({ tls, ...times, bodyBytesMax: KEYS_BYTES_MAX })
      return [name, new KeySet(provider, client, clock, limitedLog)] as const
    })
    return new OAuth2Backend({ servers, providers: new Map(sets) }, clock)
  }
}

const NO_CERTIFICATE = { certFile: null, keyFile: null, password: null, serverName: null, versions: [] } as const

/** What is said outright comes before a DN and a password. */
function bindingOf(given: 'as_user' | 'anon' | null, dn: string | null, password: string | null): Binding | 'as_user' {
  if (given === 'anon') return 'anonymous'
  return given === 'as_user' || dn === null || password === null ? 'as_user' : { dn, password }
}
