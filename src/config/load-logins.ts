import { resolve } from 'node:path'
import type { Config, OAuthProviderConfig, ResourceServerConfig } from './config.ts'
import type { BackendName } from './login-options.ts'
import { oneOf, type OptionType, optional, boolean, path, text } from './option-types.ts'
import { OPTIONS, type OptionValues } from './options.ts'
import { RANK, type Settings } from './settings.ts'

/** What is wrong with it is told to `settings`. */
export function buildLogins(values: OptionValues, settings: Settings): Config['logins'] {
  const { auth, ldap, httpLogins, loginCache, oauth2 } = values
  const backends = buildBackends(auth.backends, settings)
  const cache = buildCache(loginCache)
  const named = new Set(backends.flatMap(({ authn, authz }) => [authn, ...(authz ?? [])]))
  if (named.has('cache')) {
    if (cache.authn === null || cache.authz === null) need(settings, 'auth_backends', 'auth_cache.cached_backend')
    else for (const name of [cache.authn, cache.authz]) named.add(name)
  }
  if (named.has('ldap')) checkLdap(ldap, settings)
  const tokens = buildOAuth(oauth2, settings)
  if (named.has('oauth2')) checkOAuth(oauth2, tokens, settings)
  return { backends, trackSources: auth.trackSources, ldap, http: httpLogins, cache, oauth2: tokens }
}

const problem = (settings: Settings, where: string, what: string): void =>
  settings.problem({ rank: RANK.file, where }, what)

const need = (settings: Settings, where: string, key: string): void => problem(settings, where, `needs ${key}`)

/** `N`, `N.authn` and `N.authz`, in the order of the numbers. */
function buildBackends(
  entries: ReadonlyMap<string, readonly BackendName[]>,
  settings: Settings,
): Config['logins']['backends'] {
  const rows = new Map<string, Map<string, readonly BackendName[]>>()
  for (const [key, names] of entries) {
    const [, number = '', part = ''] = /^(\d+)(?:\.(authn|authz))?$/.exec(key) ?? []
    if (number === '') {
      problem(settings, `auth_backends.${key}`, 'is not a known key (auth_backends.1, .1.authn and .1.authz are)')
      continue
    }
    if (!rows.has(number)) rows.set(number, new Map())
    rows.get(number)!.set(part, names)
  }
  const sorted = [...rows].sort(([a], [b]) => Number(a) - Number(b))
  return sorted.flatMap(([number, row]) => {
    const [both, authn, authz] = [row.get(''), row.get('authn'), row.get('authz')]
    if (both !== undefined && (authn ?? authz) === undefined) return both.map((name) => ({ authn: name, authz: null }))
    if (both !== undefined || authn?.length !== 1) {
      problem(settings, `auth_backends.${number}`, 'has to be one back end, or .authn and .authz with one each')
      return []
    }
    return [{ authn: authn[0]!, authz: authz ?? null }]
  })
}

/** One of two that is not given is the other. */
function buildCache({ both, authn, authz, ttlMs, refusals }: OptionValues['loginCache']): Config['logins']['cache'] {
  return { authn: both ?? authn ?? authz, authz: both ?? authz ?? authn, ttlMs, refusals }
}

function checkLdap(ldap: OptionValues['ldap'], settings: Settings): void {
  if (ldap.servers.length === 0) need(settings, 'auth_backends', 'auth_ldap.servers')
  if (ldap.useTls && ldap.useStartTls) problem(settings, 'auth_ldap.use_starttls', 'cannot be used with use_ssl')
  if (ldap.dnLookupAttribute !== null && ldap.dnLookupBase === null) {
    need(settings, 'auth_ldap.dn_lookup_attribute', 'auth_ldap.dn_lookup_base')
  }
  if ((ldap.dnLookupBindDn === null) !== (ldap.dnLookupBindPassword === null)) {
    problem(settings, 'auth_ldap.dn_lookup_bind', 'user_dn and password need each other')
  }
  if ((ldap.otherBindDn === null) !== (ldap.otherBindPassword === null)) {
    problem(settings, 'auth_ldap.other_bind', 'user_dn and password need each other')
  }
}

function checkOAuth(
  given: OptionValues['oauth2'],
  { servers, providers }: Config['logins']['oauth2'],
  settings: Settings,
): void {
  if (servers.length === 0) need(settings, 'auth_backends', 'auth_oauth2.resource_server_id')
  for (const { id, provider } of servers) {
    if (!providers.has(provider)) {
      problem(settings, `auth_oauth2: ${id}`, `there is no auth_oauth2.oauth_providers.${provider}`)
    }
  }
  const keyless = [...providers].filter(([, each]) => each.issuer === null && each.jwksUrl === null)
  for (const [name, { signingKeys }] of keyless) {
    if (signingKeys.size > 0 || !servers.some(({ provider }) => provider === name)) continue
    const where = name === '' ? 'auth_oauth2' : `auth_oauth2.oauth_providers.${name}`
    problem(settings, where, 'needs issuer, jwks_uri or signing_keys')
  }
  if (given.defaultProvider !== null && !providers.has(given.defaultProvider)) {
    problem(settings, 'auth_oauth2.default_oauth_provider', 'names no auth_oauth2.oauth_providers')
  }
}

function buildOAuth(given: OptionValues['oauth2'], settings: Settings): Config['logins']['oauth2'] {
  const { verify, caFile, defaultKey, algorithms, jwksUrl, issuer, discoveryPath, discoveryParams } = given
  const root: OAuthProviderConfig = {
    issuer,
    discoveryPath,
    discoveryParams,
    jwksUrl,
    signingKeys: keyFiles(given.signingKeys),
    defaultKey,
    algorithms,
    verify,
    caFile: caFile === null ? null : resolve(caFile),
  }
  const providers = new Map([['', root]])
  for (const [name, fields] of byFirst(given.providers)) {
    providers.set(name, buildProvider(`auth_oauth2.oauth_providers.${name}`, fields, root, settings))
  }
  return { servers: buildServers(given, settings), providers }
}

const keyFiles = (given: ReadonlyMap<string, string>): ReadonlyMap<string, string> =>
  new Map([...given].map(([id, key]) => [id, /^\s*(-----BEGIN|\{)/.test(key) ? key : resolve(key)]))

function buildServers(given: OptionValues['oauth2'], settings: Settings): ResourceServerConfig[] {
  const { resourceServerId: id, resourceServerType: type, verifyAudience, usernameClaims, additionalScopesKey } = given
  const provider = given.defaultProvider ?? ''
  const scopeAliases = buildAliases('auth_oauth2.scope_aliases', given.scopeAliases, settings)
  const common = { type, verifyAudience, usernameClaims, additionalScopesKey, provider, scopeAliases }
  const prefixOf = (server: string): string => given.scopePrefix ?? `${server}.`
  const servers: ResourceServerConfig[] = id === null ? [] : [{ ...common, id, scopePrefix: prefixOf(id) }]
  for (const [name, fields] of byFirst(given.resourceServers)) {
    const reader = new FieldReader(`auth_oauth2.resource_servers.${name}`, fields, settings)
    const own = reader.read('id', text) ?? name
    const aliases = reader.below('scope_aliases')
    servers.push({
      id: own,
      type: reader.read('resource_server_type', text) ?? type,
      scopePrefix: reader.read('scope_prefix', text) ?? prefixOf(own),
      verifyAudience: reader.read('verify_aud', boolean) ?? verifyAudience,
      usernameClaims: reader.list('preferred_username_claims') ?? usernameClaims,
      additionalScopesKey: reader.read('additional_scopes_key', text) ?? additionalScopesKey,
      provider: reader.read('oauth_provider_id', text) ?? provider,
      scopeAliases:
        aliases.size === 0 ? scopeAliases : buildAliases(`${reader.where}.scope_aliases`, aliases, settings),
    })
    reader.refuseOthers()
  }
  return servers
}

const url = OPTIONS.oauth2.issuer.type as OptionType<string | null>

function buildProvider(
  where: string,
  fields: ReadonlyMap<string, string>,
  root: OAuthProviderConfig,
  settings: Settings,
): OAuthProviderConfig {
  const reader = new FieldReader(where, fields, settings)
  for (const key of ['token_endpoint', 'authorization_endpoint', 'end_session_endpoint']) reader.read(key, text)
  for (const key of ['depth', 'hostname_verification', 'fail_if_no_peer_cert']) reader.read(`https.${key}`, text)
  const caFile = reader.read('https.cacertfile', optional(path))
  const verification = oneOf('verify_peer', 'verify_none')
  const provider = {
    issuer: reader.read('issuer', url),
    discoveryPath: reader.read('discovery_endpoint_path', text) ?? root.discoveryPath,
    discoveryParams: reader.below('discovery_endpoint_params'),
    jwksUrl: reader.read('jwks_uri', url),
    signingKeys: keyFiles(reader.below('signing_keys')),
    defaultKey: reader.read('default_key', text),
    algorithms: reader.list('algorithms') ?? [],
    verify:
      reader.read('https.verify', verification) ??
      reader.read('https.peer_verification', verification) ??
      'verify_peer',
    caFile: caFile === null ? null : resolve(caFile),
  }
  reader.refuseOthers()
  return provider
}

/** `NAME = scopes`, or `N.alias` and `N.scope`. */
function buildAliases(
  where: string,
  given: ReadonlyMap<string, string>,
  settings: Settings,
): ReadonlyMap<string, readonly string[]> {
  const aliases = new Map<string, readonly string[]>()
  const pairs = new Map<string, { alias?: string; scope?: string }>()
  for (const [key, value] of given) {
    const [, index, part] = /^(.+)\.(alias|scope)$/.exec(key) ?? []
    if (index === undefined) aliases.set(key, words(value))
    else pairs.set(index, { ...pairs.get(index), [part!]: value })
  }
  for (const [index, { alias, scope }] of pairs) {
    if (alias === undefined || scope === undefined) problem(settings, `${where}.${index}`, 'needs .alias and .scope')
    else aliases.set(alias, words(scope))
  }
  return aliases
}

const words = (value: string): string[] => value.split(' ').filter((word) => word !== '')

/** `NAME.field = value` by name. */
function byFirst(given: ReadonlyMap<string, string>): Map<string, Map<string, string>> {
  const found = new Map<string, Map<string, string>>()
  for (const [key, value] of given) {
    const dot = key.indexOf('.')
    const name = dot < 0 ? key : key.slice(0, dot)
    if (!found.has(name)) found.set(name, new Map())
    found.get(name)!.set(dot < 0 ? '' : key.slice(dot + 1), value)
  }
  return found
}

/** The fields of one name, and what is left of them. */
class FieldReader {
  readonly where: string
  readonly #fields: Map<string, string>
  readonly #settings: Settings

  constructor(where: string, fields: ReadonlyMap<string, string>, settings: Settings) {
    this.where = where
    this.#fields = new Map(fields)
    this.#settings = settings
  }

  read<T>(name: string, type: OptionType<T>): T | null {
    const value = this.#fields.get(name)
    if (value === undefined) return null
    this.#fields.delete(name)
    try {
      return type.parse(value)
    } catch (error) {
      problem(this.#settings, `${this.where}.${name}`, `'${value}' ${(error as Error).message}`)
      return null
    }
  }

  /** All that is below a name. */
  below(name: string): ReadonlyMap<string, string> {
    const found = new Map<string, string>()
    for (const [key, value] of this.#fields) {
      if (!key.startsWith(`${name}.`)) continue
      found.set(key.slice(name.length + 1), value)
      this.#fields.delete(key)
    }
    return found
  }

  /** `name.1`, `name.2` in the order of the numbers. */
  list(name: string): string[] | null {
    const found = [...this.below(name)].sort(([a], [b]) => Number(a) - Number(b))
    return found.length === 0 ? null : found.map(([, value]) => value)
  }

  refuseOthers(): void {
    for (const key of this.#fields.keys()) {
      problem(this.#settings, key === '' ? this.where : `${this.where}.${key}`, 'is not a known key')
    }
  }
}
