import assert from 'node:assert/strict'
import { resolve } from 'node:path'
import { describe, test } from 'node:test'
import type { Config } from '../../src/config/config.ts'
import { loadConfig } from '../../src/config/load.ts'
import { printErlangTerm } from '../../src/util/erlang-syntax.ts'
import { problemsOf } from '../support/config-problems.ts'

function load(
  lines: readonly string[],
  more: { advanced?: string; argv?: string[]; env?: Record<string, string> } = {},
) {
  const files: Record<string, string> = { '/etc/w/warren.conf': lines.join('\n') }
  if (more.advanced !== undefined) files['/etc/w/advanced.config'] = more.advanced
  return loadConfig({
    argv: ['--config', '/etc/w/warren.conf', ...(more.argv ?? [])],
    env: more.env ?? {},
    readFile: (path) => files[path] ?? null,
    readDir: () => null,
  })
}

const logins = (...lines: string[]): Config['logins'] => load(lines).logins
const advanced = (text: string, ...lines: string[]): Config['logins'] => load(lines, { advanced: text }).logins

const LDAP = ['auth_ldap.servers.1 = ldap.example.com']

describe('back ends of logins', () => {
  test('are the internal one unless others are named', () => {
    assert.deepEqual(logins().backends, [{ authn: 'internal', authz: null }])
  })

  test('are asked in the order of their numbers, under any of their names', () => {
    const { backends } = logins(
      'auth_backends.10 = internal',
      'auth_backends.2.authn = rabbit_auth_backend_ldap',
      'auth_backends.2.authz = rabbit_auth_backend_internal',
      'auth_backends.1 = http',
      ...LDAP,
    )
    assert.deepEqual(backends, [
      { authn: 'http', authz: null },
      { authn: 'ldap', authz: ['internal'] },
      { authn: 'internal', authz: null },
    ])
  })

  test('can be given by flag and variable, with commas', () => {
    const expected = [
      { authn: 'http', authz: null },
      { authn: 'internal', authz: null },
    ]
    assert.deepEqual(load([], { argv: ['--auth-backends', 'http,internal'] }).logins.backends, expected)
    assert.deepEqual(load([], { env: { WARREN_AUTH_BACKENDS: 'http, internal' } }).logins.backends, expected)
  })

  test('that are half there are refused', () => {
    assert.deepEqual(
      problemsOf(() => logins('auth_backends.1.authz = internal', 'auth_backends.x = http')),
      [
        'auth_backends.x: is not a known key (auth_backends.1, .1.authn and .1.authz are)',
        'auth_backends.1: has to be one back end, or .authn and .authz with one each',
      ],
    )
    assert.match(
      problemsOf(() => logins('auth_backends.1 = internal', 'auth_backends.1.authz = http')).join(),
      /has to be one back end/,
    )
  })

  test('need what they cannot do without', () => {
    assert.deepEqual(
      problemsOf(() => logins('auth_backends.1 = ldap')),
      ['auth_backends: needs auth_ldap.servers'],
    )
    assert.deepEqual(
      problemsOf(() => logins('auth_backends.1 = oauth2')),
      ['auth_backends: needs auth_oauth2.resource_server_id'],
    )
    assert.deepEqual(
      problemsOf(() => logins('auth_backends.1 = oauth2', 'auth_oauth2.resource_server_id = r')),
      ['auth_oauth2: needs issuer, jwks_uri or signing_keys'],
    )
    assert.deepEqual(
      problemsOf(() => logins('auth_backends.1 = cache')),
      ['auth_backends: needs auth_cache.cached_backend'],
    )
    assert.deepEqual(
      problemsOf(() => logins('auth_backends.1 = cache', 'auth_cache.cached_backend = ldap')),
      ['auth_backends: needs auth_ldap.servers'],
    )
  })
})

describe('LDAP settings', () => {
  test('are those of RabbitMQ, with a time-out', () => {
    const { ldap } = logins()
    assert.equal(ldap.port, 389)
    assert.equal(ldap.poolSize, 64)
    assert.equal(ldap.timeoutMs, 15_000)
    assert.equal(ldap.idleTimeoutMs, 300_000)
    assert.equal(ldap.userDnPattern, '${username}')
    assert.equal(printErlangTerm(ldap.tagQueries), '[{administrator,{constant,false}}]')
    assert.equal(printErlangTerm(ldap.vhostQuery), '{constant,true}')
    assert.equal(logins('auth_ldap.timeout = infinity').ldap.timeoutMs, null)
  })

  test('have queries over several lines', () => {
    const { ldap } = logins(
      "auth_ldap.queries.tags = '''",
      '[{administrator, {in_group, "cn=admins,dc=x"}}, % who may all',
      ' {management, {constant, true}}]',
      "'''",
      "auth_ldap.queries.vhost_access = '''{in_group, \"ou=${vhost},dc=x\"}''' # in one",
      'auth_ldap.port = 636',
    )
    assert.equal(
      printErlangTerm(ldap.tagQueries),
      '[{administrator,{in_group,"cn=admins,dc=x"}},{management,{constant,true}}]',
    )
    assert.equal(printErlangTerm(ldap.vhostQuery), '{in_group,"ou=${vhost},dc=x"}')
    assert.equal(ldap.port, 636)
  })

  test('with a query that is none are refused with its place', () => {
    const [problem] = problemsOf(() => logins('auth_ldap.queries.vhost_access = {constant, true'))
    assert.match(problem!, /line 1: auth_ldap\.queries\.vhost_access: .* line 1, column 16: expected '}'$/)
    const [open] = problemsOf(() => logins("auth_ldap.queries.tags = '''", '[]'))
    assert.match(open!, /line 1: auth_ldap\.queries\.tags: the ''' is not closed$/)
  })

  test('that do not go together are refused', () => {
    const lines = ['auth_backends.1 = ldap', ...LDAP]
    const both = ['auth_ldap.use_ssl = true', 'auth_ldap.use_starttls = true']
    const half = ['auth_ldap.other_bind.user_dn = cn=x', 'auth_ldap.dn_lookup_attribute = uid']
    assert.deepEqual(
      problemsOf(() => logins(...lines, ...both, ...half)),
      [
        'auth_ldap.use_starttls: cannot be used with use_ssl',
        'auth_ldap.dn_lookup_attribute: needs auth_ldap.dn_lookup_base',
        'auth_ldap.other_bind: user_dn and password need each other',
      ],
    )
  })
})

describe('OAuth 2 settings', () => {
  test('name servers, providers and keys', () => {
    const { oauth2 } = logins(
      'auth_oauth2.resource_server_id = rabbitmq',
      'auth_oauth2.issuer = https://id.example/realm',
      'auth_oauth2.signing_keys.key-1 = keys/one.pem',
      'auth_oauth2.https.cacertfile = /ca.pem',
      'auth_oauth2.scope_aliases.admin = rabbitmq.tag:administrator rabbitmq.read:*/*',
      'auth_oauth2.scope_aliases.1.alias = api://x',
      'auth_oauth2.scope_aliases.1.scope = rabbitmq.tag:management',
      'auth_oauth2.preferred_username_claims.2 = email',
      'auth_oauth2.preferred_username_claims.1 = user_name',
      'auth_oauth2.resource_servers.a.id = rabbit-a',
      "auth_oauth2.resource_servers.a.scope_prefix = 'api://'",
      'auth_oauth2.resource_servers.a.oauth_provider_id = uaa',
      'auth_oauth2.resource_servers.a.verify_aud = false',
      'auth_oauth2.oauth_providers.uaa.jwks_uri = https://uaa.example/keys',
      'auth_oauth2.oauth_providers.uaa.https.verify = verify_none',
      'auth_oauth2.oauth_providers.uaa.algorithms.1 = RS256',
      'auth_oauth2.oauth_providers.uaa.token_endpoint = https://uaa.example/token',
    )
    const aliases = new Map([
      ['admin', ['rabbitmq.tag:administrator', 'rabbitmq.read:*/*']],
      ['api://x', ['rabbitmq.tag:management']],
    ])
    const common = {
      type: null,
      usernameClaims: ['user_name', 'email'],
      additionalScopesKey: null,
      scopeAliases: aliases,
    }
    assert.deepEqual(oauth2.servers, [
      { ...common, id: 'rabbitmq', scopePrefix: 'rabbitmq.', verifyAudience: true, provider: '' },
      { ...common, id: 'rabbit-a', scopePrefix: 'api://', verifyAudience: false, provider: 'uaa' },
    ])
    const root = oauth2.providers.get('')!
    assert.equal(root.issuer, 'https://id.example/realm')
    assert.deepEqual(root.signingKeys, new Map([['key-1', resolve('keys/one.pem')]]))
    assert.equal(root.caFile, '/ca.pem')
    const uaa = oauth2.providers.get('uaa')!
    assert.equal(uaa.jwksUrl, 'https://uaa.example/keys')
    assert.equal(uaa.verify, 'verify_none')
    assert.deepEqual(uaa.algorithms, ['RS256'])
  })

  test('may have an empty prefix', () => {
    const { oauth2 } = logins('auth_oauth2.resource_server_id = r', "auth_oauth2.scope_prefix = ''")
    assert.equal(oauth2.servers[0]!.scopePrefix, '')
    assert.match(problemsOf(() => logins("cluster_name = ''"))[0]!, /cluster_name: has no value$/)
  })

  test('do not take keys over a connection that anybody can change', () => {
    const [problem] = problemsOf(() => logins('auth_oauth2.jwks_url = http://id.example/keys'))
    assert.match(problem!, /auth_oauth2\.jwks_url: 'http:\/\/id\.example\/keys' is not an https URL/)
    const { oauth2 } = logins('auth_oauth2.jwks_url = http://127.0.0.1:8080/keys')
    assert.equal(oauth2.providers.get('')!.jwksUrl, 'http://127.0.0.1:8080/keys')
  })

  test('that do not fit are refused by name', () => {
    const problems = problemsOf(() =>
      logins(
        'auth_backends.1 = oauth2',
        'auth_oauth2.resource_server_id = r',
        'auth_oauth2.issuer = https://a.example',
        'auth_oauth2.resource_servers.a.oauth_provider_id = nobody',
        'auth_oauth2.resource_servers.b.verify_aud = maybe',
        'auth_oauth2.oauth_providers.p.nonsense = 1',
        'auth_oauth2.scope_aliases.1.alias = x',
      ),
    )
    assert.deepEqual(problems, [
      'auth_oauth2.oauth_providers.p.nonsense: is not a known key',
      'auth_oauth2.scope_aliases.1: needs .alias and .scope',
      "auth_oauth2.resource_servers.b.verify_aud: 'maybe' is neither true nor false",
      'auth_oauth2: a: there is no auth_oauth2.oauth_providers.nobody',
    ])
  })
})

describe('advanced.config', () => {
  test('has the LDAP settings in RabbitMQ’s words, and wins', () => {
    const text = `
      %% what rabbitmq.conf could not say
      [{rabbit, [{auth_backends, [{rabbit_auth_backend_ldap, [rabbit_auth_backend_internal, rabbit_auth_backend_http]},
                                  rabbit_auth_backend_internal]}]},
       {rabbitmq_auth_backend_ldap, [
         {servers, ["a.example", "b.example"]},
         {pool_size, 8},
         {timeout, 500},
         {use_starttls, true},
         {ssl_options, [{verify, verify_none}, {versions, ['tlsv1.2']}]},
         {dn_lookup_bind, {"cn=reader,dc=x", "secret"}},
         {other_bind, anon},
         {tag_queries, [{administrator, {constant, false}}, {management, {exists, "cn=\${username}"}}]},
         {vhost_access_query, {in_group, "cn=\${vhost}"}},
         {resource_access_query, {for, [{permission, configure, {constant, true}}]}},
         {topic_access_query, {constant, false}}]},
       {kernel, [{net_ticktime, 60}]}].`
    const config = load(['auth_ldap.port = 390', 'auth_backends.1 = internal', 'auth_backends.9 = http'], {
      advanced: text,
    })
    const { ldap, backends } = config.logins
    assert.deepEqual(backends, [
      { authn: 'ldap', authz: ['internal', 'http'] },
      { authn: 'internal', authz: null },
    ])
    assert.deepEqual(ldap.servers, ['a.example', 'b.example'])
    assert.deepEqual(
      [ldap.port, ldap.poolSize, ldap.timeoutMs, ldap.useStartTls, ldap.verify, ldap.versions],
      [390, 8, 500, true, 'verify_none', ['tlsv1.2']],
    )
    assert.deepEqual(
      [ldap.dnLookupBindDn, ldap.dnLookupBindPassword, ldap.otherBind],
      ['cn=reader,dc=x', 'secret', 'anon'],
    )
    assert.equal(printErlangTerm(ldap.vhostQuery), '{in_group,"cn=${vhost}"}')
    assert.equal(printErlangTerm(ldap.topicQuery), '{constant,false}')
    assert.deepEqual(config.ignored, ['/etc/w/advanced.config: kernel'])
    assert.deepEqual(config.files, ['/etc/w/warren.conf', '/etc/w/advanced.config'])
  })

  test('has the others as well', () => {
    const { http, cache, oauth2 } = advanced(
      `[{rabbitmq_auth_backend_http, [{http_method, post}, {user_path, "http://h/u"}]},
        {rabbitmq_auth_backend_cache, [{cached_backend, {rabbit_auth_backend_http, rabbit_auth_backend_internal}},
                                       {cache_ttl, 60000}]},
        {rabbitmq_auth_backend_oauth2, [
          {resource_server_id, <<"rabbitmq">>},
          {extra_scopes_source, <<"roles">>},
          {scope_aliases, #{<<"a">> => [<<"rabbitmq.read:*/*">>, <<"rabbitmq.tag:x">>]}},
          {key_config, [
            {default_key, <<"k">>},
            {signing_keys, #{<<"k">> => {map, #{<<"kty">> => <<"MAC">>, <<"alg">> => <<"HS256">>, <<"value">> => <<"shh">>}},
                             <<"p">> => {pem, <<"-----BEGIN PUBLIC KEY-----\nabc\n-----END PUBLIC KEY-----">>}}}]}]}].`,
    )
    assert.deepEqual([http.method, http.userUrl], ['post', 'http://h/u'])
    assert.deepEqual([cache.authn, cache.authz, cache.ttlMs], ['http', 'internal', 60_000])
    const [server] = oauth2.servers
    assert.deepEqual([server!.id, server!.additionalScopesKey], ['rabbitmq', 'roles'])
    assert.deepEqual(server!.scopeAliases, new Map([['a', ['rabbitmq.read:*/*', 'rabbitmq.tag:x']]]))
    const keys = oauth2.providers.get('')!
    assert.equal(keys.defaultKey, 'k')
    assert.deepEqual(JSON.parse(keys.signingKeys.get('k')!), { kty: 'oct', alg: 'HS256', k: 'c2ho' })
    assert.match(keys.signingKeys.get('p')!, /^-----BEGIN PUBLIC KEY-----\nabc/)
  })

  test('is refused where it says more than can be done', () => {
    const text = `[{rabbit, [{tcp_listeners, [5672]}]}, {rabbitmq_shovel, []},
      {rabbitmq_auth_backend_ldap, [{servers, "no list"}, {nonsense, 1}, {use_ssl, [1]}]}].`
    assert.deepEqual(
      problemsOf(() => advanced(text)),
      [
        '/etc/w/advanced.config: rabbit.tcp_listeners: cannot be set here; use the keys of rabbitmq.conf',
        '/etc/w/advanced.config: rabbitmq_shovel: cannot be set here; use the keys of rabbitmq.conf',
        '/etc/w/advanced.config: rabbitmq_auth_backend_ldap.servers: expected a list in place of "no list"',
        '/etc/w/advanced.config: rabbitmq_auth_backend_ldap.nonsense: cannot be set here; use the keys of rabbitmq.conf',
        '/etc/w/advanced.config: rabbitmq_auth_backend_ldap.use_ssl: expected a word, a number or a text in place of [1]',
      ],
    )
    assert.match(
      problemsOf(() => advanced('[{rabbit, [}].'))[0]!,
      /advanced\.config: line 1, column 12: expected a term/,
    )
    assert.match(problemsOf(() => advanced('rabbit.'))[0]!, /expected a list in place of rabbit/)
  })

  test('is looked for where it is said to be', () => {
    const files: Record<string, string> = { '/x/more.config': '[{rabbit, [{track_auth_attempt_source, true}]}].' }
    const config = (env: Record<string, string>) =>
      loadConfig({ argv: [], env, readFile: (path) => files[path] ?? null, readDir: () => null })
    assert.equal(config({ RABBITMQ_ADVANCED_CONFIG_FILE: '/x/more' }).logins.trackSources, true)
    assert.match(
      problemsOf(() => config({ RABBITMQ_ADVANCED_CONFIG_FILE: '/x/none' }))[0]!,
      /there is no file \/x\/none/,
    )
  })
})

test('secrets are not among the settings that are shown', () => {
  const lines = [
    'auth_ldap.dn_lookup_bind.user_dn = cn=broker',
    'auth_ldap.dn_lookup_bind.password = hidden',
    'auth_ldap.other_bind.user_dn = cn=broker',
    'auth_ldap.other_bind.password = hidden',
    'auth_ldap.ssl_options.password = hidden',
    'auth_http.ssl_options.password = hidden',
    'auth_http.user_path = http://broker:hidden@example.com/user',
    'auth_oauth2.oauth_providers.p.jwks_uri = https://broker:hidden@example.com/keys',
  ]
  const keys = `[{rabbitmq_auth_backend_oauth2, [{key_config, [{signing_keys,
    #{<<"k">> => {map, #{<<"kty">> => <<"MAC">>, <<"alg">> => <<"HS256">>, <<"value">> => <<"hidden">>}}}}]}]}].`
  const { effective, logins } = load(lines, { advanced: keys })
  const shown = JSON.stringify(effective.filter(({ source }) => source !== 'default'))
  assert.doesNotMatch(shown, /hidden|aGlkZGVu/)
  assert.match(shown, /http:\/\/broker:\*\*\*@example\.com\/user/)
  assert.match(logins.http.userUrl, /hidden/)
})
