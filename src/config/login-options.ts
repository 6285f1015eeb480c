import { type ErlangTerm, parseErlangTerm, printErlangTerm } from '../util/erlang-syntax.ts'
import { list, named, one } from './option.ts'
import {
  boolean,
  choice,
  duration,
  integer,
  oneOf,
  only,
  type OptionType,
  optional,
  path,
  pattern,
  port,
  text,
  tlsVersion,
} from './option-types.ts'

/** Options of the back ends that logins are asked of, besides the broker's own users. */

const BACKENDS = {
  internal: 'internal',
  ldap: 'ldap',
  http: 'http',
  oauth2: 'oauth2',
  cache: 'cache',
  rabbit_auth_backend_internal: 'internal',
  rabbit_auth_backend_ldap: 'ldap',
  rabbit_auth_backend_http: 'http',
  rabbit_auth_backend_oauth2: 'oauth2',
  rabbit_auth_backend_uaa: 'oauth2',
  rabbit_auth_backend_cache: 'cache',
} as const

type OwnBackend = (typeof BACKENDS)[keyof typeof BACKENDS]
/** One that a plugin brings: whether it is there is found out when the plugins have been loaded. */
export type PluginBackend = `plugin.${string}`
export type BackendName = OwnBackend | PluginBackend

export const isPluginBackend = (name: string): name is PluginBackend => /^plugin\.[\w-]+$/.test(name)

const orOfPlugin = <T extends OwnBackend>(own: OptionType<T>): OptionType<T | PluginBackend> => ({
  hint: `${own.hint}|plugin.NAME`,
  parse(value) {
    if (isPluginBackend(value)) return value
    try {
      return own.parse(value)
    } catch (error) {
      throw new Error(`${(error as Error).message}, plugin.NAME`, { cause: error })
    }
  },
  format: (value) => value,
})

const backend = orOfPlugin(choice<OwnBackend>(BACKENDS))
const cacheable = orOfPlugin(
  choice<Exclude<OwnBackend, 'cache'>>(
    Object.fromEntries(Object.entries(BACKENDS).filter(([, name]) => name !== 'cache')) as Record<
      string,
      Exclude<OwnBackend, 'cache'>
    >,
  ),
)

/** Several are asked in their order. */
export const backends: OptionType<readonly BackendName[]> = {
  hint: backend.hint,
  parse: (value) => value.split(',').map((name) => backend.parse(name.trim())),
  format: (value) => value.join(','),
}

/** What passwords have to be like. */
export const credentialValidator = {
  validator: one(
    'credential_validator.validation_backend',
    oneOf(
      'rabbit_credential_validator_accept_everything',
      'rabbit_credential_validator_min_password_length',
      'rabbit_credential_validator_password_regexp',
    ),
    'rabbit_credential_validator_accept_everything',
    'Which passwords users may be given. What comes as a hash is not looked at.',
  ),
  passwordBytesMin: one(
    'credential_validator.min_length',
    integer(0, 1000),
    5,
    'For `rabbit_credential_validator_min_password_length`: bytes that a password needs.',
  ),
  passwordPattern: one(
    'credential_validator.regexp',
    optional(pattern),
    null,
    'For `rabbit_credential_validator_password_regexp`: a PCRE that a password has to match.',
  ),
}

const term: OptionType<ErlangTerm> = { hint: 'QUERY', parse: parseErlangTerm, format: printErlangTerm }

const constant = (name: 'true' | 'false'): ErlangTerm => ({
  type: 'tuple',
  items: [
    { type: 'atom', name: 'constant' },
    { type: 'atom', name },
  ],
})

const NO_ADMINISTRATORS: ErlangTerm = {
  type: 'list',
  items: [{ type: 'tuple', items: [{ type: 'atom', name: 'administrator' }, constant('false')] }],
}

/** A setting that may hold a secret besides what it is for: the password of a URL, or a key in place of a file's name. */
function withoutSecret(value: string): string {
  if (/^\s*(\{|-----BEGIN)/.test(value)) return '***'
  return value.replace(/^(https?:\/\/[^/:@]*):[^/@]*@/i, '$1:***@')
}

const guardedText: OptionType<string> = { ...text, format: withoutSecret }
const keyFile: OptionType<string> = { ...path, format: withoutSecret }

const url: OptionType<string> = {
  hint: 'URL',
  parse(value) {
    if (!/^https?:\/\//i.test(value) || !URL.canParse(value)) throw new Error('is not an http or https URL')
    return value
  },
  format: withoutSecret,
}

/** Keys that say whose tokens are taken must not be changed on their way. */
const secureUrl: OptionType<string> = {
  hint: 'URL',
  parse(value) {
    const { protocol, hostname } = new URL(url.parse(value))
    const local = hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.')
    if (protocol !== 'https:' && !local) throw new Error('is not an https URL (http is for this machine only)')
    return value
  },
  format: withoutSecret,
}

const emptyText: OptionType<string> = { ...text, mayBeEmpty: true }

const verification = oneOf('verify_peer', 'verify_none')

const noTexts: ReadonlyMap<string, string> = new Map()

/** TLS towards a server. @param what the server is called */
const clientTls = (prefix: string, what: string) => ({
  verify: one(`${prefix}.verify`, verification, 'verify_peer', `Whether the certificate of the ${what} is checked.`),
  caFile: one(
    `${prefix}.cacertfile`,
    optional(path),
    null,
    `PEM file of the authorities that it is checked against; those of Node.js unless given.`,
  ),
  certFile: one(`${prefix}.certfile`, optional(path), null, "PEM file of the broker's own certificate for it."),
  keyFile: one(`${prefix}.keyfile`, optional(path), null, 'PEM file of the private key.'),
  password: one(`${prefix}.password`, optional(text), null, 'Password of the private key.', { secret: true }),
  serverName: one(
    `${prefix}.sni`,
    optional(text),
    null,
    'Name that the certificate has to have; that of the server unless given.',
  ),
  versions: list(`${prefix}.versions`, tlsVersion, [], 'TLS versions to use; those of Node.js unless given.'),
  crlCheck: one(
    `${prefix}.crl_check`,
    only(['false'], 'revocation lists are not checked here'),
    'false',
    'Accepted as `false` only: revocation lists are not checked.',
  ),
})

export const ldap = {
  servers: list(
    'auth_ldap.servers',
    text,
    [],
    'Host names of the directory servers; the next is tried where one cannot be reached.',
  ),
  port: one('auth_ldap.port', port, 389, 'Their port.'),
  poolSize: one('auth_ldap.connection_pool_size', integer(1, 1000), 64, 'Connections to them at the same time.'),
  timeoutMs: one(
    'auth_ldap.timeout',
    optional(duration('ms', 1)),
    15_000,
    'Time for connecting, and for each answer; `infinity` is no limit.',
  ),
  idleTimeoutMs: one(
    'auth_ldap.idle_timeout',
    optional(duration('ms')),
    300_000,
    'An unused connection is closed after this; 0 closes each after its use, `infinity` never.',
  ),
  useTls: one('auth_ldap.use_ssl', boolean, false, 'TLS from the beginning (usually on port 636).'),
  useStartTls: one('auth_ldap.use_starttls', boolean, false, 'TLS by StartTLS.'),
  log: one(
    'auth_ldap.log',
    choice<'false' | 'true' | 'network'>({
      false: 'false',
      true: 'true',
      network: 'network',
      network_unsafe: 'network',
    }),
    'false',
    'Log each check and decision (`true`), and the requests as well (`network`); passwords never, not even with `network_unsafe`.',
  ),
  userDnPattern: one(
    'auth_ldap.user_dn_pattern',
    text,
    '${username}',
    "The user's DN, with `${username}` in it; or, for a lookup, what is looked for.",
  ),
  userBindPattern: one(
    'auth_ldap.user_bind_pattern',
    optional(text),
    null,
    'Who to bind as, where that is not the DN: `${username}@example.com`, `${ad_domain}`, `${ad_user}`.',
  ),
  dnLookupAttribute: one(
    'auth_ldap.dn_lookup_attribute',
    optional(text),
    null,
    'Attribute by which the DN is looked up.',
  ),
  dnLookupBase: one('auth_ldap.dn_lookup_base', optional(text), null, 'Where it is looked up.'),
  dnLookupBind: one(
    'auth_ldap.dn_lookup_bind',
    optional(oneOf('as_user', 'anon')),
    null,
    'As whom: as the user, after the bind, unless a DN and a password are given.',
  ),
  dnLookupBindDn: one('auth_ldap.dn_lookup_bind.user_dn', optional(text), null, 'The DN to look it up with.'),
  dnLookupBindPassword: one('auth_ldap.dn_lookup_bind.password', optional(text), null, 'Its password.', {
    secret: true,
  }),
  otherBind: one(
    'auth_ldap.other_bind',
    optional(oneOf('as_user', 'anon')),
    null,
    'As whom queries are asked: as the user, unless a DN and a password are given.',
  ),
  otherBindDn: one('auth_ldap.other_bind.user_dn', optional(text), null, 'The DN to ask queries with.'),
  otherBindPassword: one('auth_ldap.other_bind.password', optional(text), null, 'Its password.', { secret: true }),
  groupLookupBase: one(
    'auth_ldap.group_lookup_base',
    optional(text),
    null,
    'Where `in_group_nested` looks for groups; `dn_lookup_base` unless given.',
  ),
  tagQueries: one('auth_ldap.queries.tags', term, NO_ADMINISTRATORS, 'Query for each tag: `[{administrator, QUERY}]`.'),
  vhostQuery: one('auth_ldap.queries.vhost_access', term, constant('true'), 'Who may use a virtual host.'),
  resourceQuery: one(
    'auth_ldap.queries.resource_access',
    term,
    constant('true'),
    'Who may do what with queues and exchanges.',
  ),
  topicQuery: one(
    'auth_ldap.queries.topic_access',
    term,
    constant('true'),
    'Who may use which routing keys of topic exchanges.',
  ),
  ...clientTls('auth_ldap.ssl_options', 'directory server'),
}

export const httpLogins = {
  method: one('auth_http.http_method', oneOf('get', 'post'), 'get', 'How to ask.'),
  userUrl: one('auth_http.user_path', url, 'http://localhost:8000/auth/user', 'Who somebody is.'),
  vhostUrl: one('auth_http.vhost_path', url, 'http://localhost:8000/auth/vhost', 'Who may use a virtual host.'),
  resourceUrl: one(
    'auth_http.resource_path',
    url,
    'http://localhost:8000/auth/resource',
    'Who may do what with queues and exchanges.',
  ),
  topicUrl: one(
    'auth_http.topic_path',
    url,
    'http://localhost:8000/auth/topic',
    'Who may use which routing keys of topic exchanges.',
  ),
  requestTimeoutMs: one(
    'auth_http.request_timeout',
    duration('ms', 1),
    15_000,
    'Time for an answer, connecting included.',
  ),
  connectionTimeoutMs: one('auth_http.connection_timeout', duration('ms', 1), 15_000, 'Time for connecting.'),
  disclosesReasons: one(
    'auth_http.authorization_failure_disclosure',
    boolean,
    false,
    'Tell clients the reason that an answer `deny REASON` gives.',
  ),
  ...clientTls('auth_http.ssl_options', 'HTTP service'),
}

export const loginCache = {
  both: one('auth_cache.cached_backend', optional(cacheable), null, 'Back end whose answers are kept.'),
  authn: one('auth_cache.cached_backend.authn', optional(cacheable), null, 'The same, for who somebody is.'),
  authz: one('auth_cache.cached_backend.authz', optional(cacheable), null, 'The same, for what they may do.'),
  ttlMs: one('auth_cache.cache_ttl', duration('ms', 1), 15_000, 'For how long.'),
  refusals: one('auth_cache.cache_refusals', boolean, false, 'Keep refusals as well.'),
}

export const oauth2 = {
  resourceServerId: one(
    'auth_oauth2.resource_server_id',
    optional(text),
    null,
    'What the broker is called in tokens: it has to be in `aud`, and scopes begin with it.',
  ),
  resourceServerType: one(
    'auth_oauth2.resource_server_type',
    optional(text),
    null,
    'The `type` of those `authorization_details` that are for the broker.',
  ),
  scopePrefix: one(
    'auth_oauth2.scope_prefix',
    optional(emptyText),
    null,
    'What scopes begin with; `resource_server_id` and a dot unless given.',
  ),
  additionalScopesKey: one(
    'auth_oauth2.additional_scopes_key',
    optional(text),
    null,
    'Claims that have scopes besides `scope`, as paths with dots, separated by blanks.',
  ),
  usernameClaims: list(
    'auth_oauth2.preferred_username_claims',
    text,
    ['sub', 'client_id'],
    "Claims that may have the user's name; the first that is there counts.",
  ),
  verifyAudience: one('auth_oauth2.verify_aud', boolean, true, 'Whether `aud` has to have `resource_server_id`.'),
  scopeAliases: named(
    'auth_oauth2.scope_aliases',
    text,
    noTexts,
    'What other scopes mean: `NAME = scope scope`, or `N.alias = NAME` and `N.scope = scope scope`.',
  ),
  resourceServers: named(
    'auth_oauth2.resource_servers',
    text,
    noTexts,
    'Further ids with what differs: `NAME.id`, `NAME.scope_prefix`, `NAME.oauth_provider_id` and so on.',
  ),
  issuer: one(
    'auth_oauth2.issuer',
    optional(secureUrl),
    null,
    'Who issues tokens; its discovery document has the URL of the keys.',
  ),
  discoveryPath: one(
    'auth_oauth2.discovery_endpoint_path',
    text,
    '.well-known/openid-configuration',
    'Where that document is, below the issuer.',
  ),
  discoveryParams: named('auth_oauth2.discovery_endpoint_params', text, noTexts, 'Query parameters of that document.'),
  jwksUrl: one('auth_oauth2.jwks_uri', optional(secureUrl), null, 'URL of the key set (JWKS).', {
    aliases: ['auth_oauth2.jwks_url'],
  }),
  signingKeys: named('auth_oauth2.signing_keys', keyFile, noTexts, 'Keys by their ids: PEM files.'),
  defaultKey: one('auth_oauth2.default_key', optional(text), null, 'Id of the key of tokens that name none.'),
  algorithms: list(
    'auth_oauth2.algorithms',
    text,
    [],
    'Signature algorithms to take; unless given, those that fit the key.',
  ),
  providers: named(
    'auth_oauth2.oauth_providers',
    guardedText,
    noTexts,
    'Further issuers by name: `NAME.issuer`, `NAME.jwks_uri`, `NAME.signing_keys.ID`, `NAME.https.cacertfile` and so on.',
  ),
  defaultProvider: one(
    'auth_oauth2.default_oauth_provider',
    optional(text),
    null,
    'The one of these that counts where none is named.',
  ),
  verify: one(
    'auth_oauth2.https.peer_verification',
    verification,
    'verify_peer',
    'Whether the certificate of the issuer is checked.',
  ),
  caFile: one(
    'auth_oauth2.https.cacertfile',
    optional(path),
    null,
    'PEM file of the authorities that it is checked against.',
  ),
  crlCheck: one(
    'auth_oauth2.https.crl_check',
    only(['false'], 'revocation lists are not checked here'),
    'false',
    'Accepted as `false` only: revocation lists are not checked.',
  ),
}
