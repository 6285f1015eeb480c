import { type ErlangTerm, parseErlangTerm, printErlangTerm } from '../util/erlang-syntax.ts'
import type { Option } from './option.ts'
import { OPTIONS } from './options.ts'
import type { Origin, Settings } from './settings.ts'

/**
 * `advanced.config`: RabbitMQ's settings as Erlang terms. What it has about logins, traces, MQTT and STOMP is set as the keys of `rabbitmq.conf`
 * that mean the same, and wins over these; what else it has is refused rather than not obeyed.
 *
 *     [{rabbitmq_auth_backend_ldap, [
 *        {vhost_access_query, {in_group, "cn=${vhost}-users,ou=groups,dc=example,dc=com"}}]}].
 */
export function readAdvanced(content: string, file: string, settings: Settings, origin: Origin): void {
  const reader = new AdvancedReader(file, settings, origin)
  try {
    reader.read(parseErlangTerm(content))
  } catch (error) {
    settings.problem(origin, (error as Error).message)
  }
}

/** Of Erlang itself: nothing of it is here. */
const RUNTIME = new Set([
  'kernel',
  'stdlib',
  'sasl',
  'mnesia',
  'os_mon',
  'ssl',
  'lager',
  'syslog',
  'ra',
  'osiris',
  'aten',
])

type Translate = (value: ErlangTerm, reader: AdvancedReader) => void

/** One value for one key. */
const plain =
  (key: string): Translate =>
  (value, reader) =>
    reader.set(key, scalar(value))

const query =
  (key: string): Translate =>
  (value, reader) =>
    reader.set(key, printErlangTerm(value))

/** `as_user`, `anon`, or a DN and a password. */
const binding =
  (key: string): Translate =>
  (value, reader) => {
    if (value.type !== 'tuple') return reader.set(key, scalar(value))
    if (value.items.length !== 2) throw new Error('expected {"DN", "password"}')
    reader.set(`${key}.user_dn`, scalar(value.items[0]!))
    reader.set(`${key}.password`, scalar(value.items[1]!))
  }

const numbered =
  (key: string): Translate =>
  (value, reader) => {
    for (const [i, item] of itemsOf(value).entries()) reader.set(`${key}.${i + 1}`, scalar(item))
  }

/** A list of pairs, each a key below this one. */
const below =
  (key: string): Translate =>
  (value, reader) => {
    for (const [name, item] of pairsOf(value)) {
      if (item.type === 'list') numbered(`${key}.${name}`)(item, reader)
      else reader.set(`${key}.${name === 'server_name_indication' ? 'sni' : name}`, scalar(item))
    }
  }

const same = (prefix: string, ...names: string[]): Record<string, Translate> =>
  Object.fromEntries(names.map((name) => [name, plain(`${prefix}.${name}`)]))

const LDAP: Readonly<Record<string, Translate>> = {
  ...same('auth_ldap', 'port', 'timeout', 'idle_timeout', 'log', 'use_ssl', 'use_starttls'),
  ...same(
    'auth_ldap',
    'user_dn_pattern',
    'user_bind_pattern',
    'dn_lookup_attribute',
    'dn_lookup_base',
    'group_lookup_base',
  ),
  servers: numbered('auth_ldap.servers'),
  pool_size: plain('auth_ldap.connection_pool_size'),
  dn_lookup_bind: binding('auth_ldap.dn_lookup_bind'),
  other_bind: binding('auth_ldap.other_bind'),
  ssl_options: below('auth_ldap.ssl_options'),
  tag_queries: query('auth_ldap.queries.tags'),
  vhost_access_query: query('auth_ldap.queries.vhost_access'),
  resource_access_query: query('auth_ldap.queries.resource_access'),
  topic_access_query: query('auth_ldap.queries.topic_access'),
}

const HTTP: Readonly<Record<string, Translate>> = {
  ...same('auth_http', 'http_method', 'user_path', 'vhost_path', 'resource_path', 'topic_path'),
  ...same('auth_http', 'request_timeout', 'connection_timeout', 'authorization_failure_disclosure'),
  ssl_options: below('auth_http.ssl_options'),
}

const CACHE: Readonly<Record<string, Translate>> = {
  ...same('auth_cache', 'cache_ttl', 'cache_refusals', 'cache_module'),
  cached_backend(value, reader) {
    if (value.type !== 'tuple') return reader.set('auth_cache.cached_backend', scalar(value))
    const [authn, authz] = value.items
    if (authn === undefined || authz === undefined) throw new Error('expected a back end, or two')
    reader.set('auth_cache.cached_backend.authn', scalar(authn))
    reader.set('auth_cache.cached_backend.authz', scalar(authz))
  },
}

const OAUTH2: Readonly<Record<string, Translate>> = {
  ...same(
    'auth_oauth2',
    'resource_server_id',
    'resource_server_type',
    'scope_prefix',
    'verify_aud',
    'issuer',
    'jwks_uri',
  ),
  extra_scopes_source: plain('auth_oauth2.additional_scopes_key'),
  preferred_username_claims: numbered('auth_oauth2.preferred_username_claims'),
  scope_aliases(value, reader) {
    for (const [name, scopes] of pairsOf(value)) {
      const words = scopes.type === 'list' ? scopes.items.map(scalar) : [scalar(scopes)]
      reader.set(`auth_oauth2.scope_aliases.${name}`, words.join(' '))
    }
  },
  key_config(value, reader) {
    for (const [name, item] of pairsOf(value)) {
      const translate = KEY_CONFIG[name]
      if (translate === undefined) throw new Error(`key_config: ${name} is not known`)
      translate(item, reader)
    }
  },
}

const KEY_CONFIG: Readonly<Record<string, Translate>> = {
  ...same('auth_oauth2', 'default_key', 'jwks_url'),
  ...same('auth_oauth2.https', 'peer_verification', 'cacertfile', 'depth', 'hostname_verification', 'crl_check'),
  algorithms: numbered('auth_oauth2.algorithms'),
  signing_keys(value, reader) {
    for (const [id, key] of pairsOf(value)) {
      const [kind, data] = key.type === 'tuple' ? key.items : []
      if (kind?.type !== 'atom' || data === undefined) throw new Error(`signing key ${id}: expected {pem, <<"...">>}`)
      reader.set(`auth_oauth2.signing_keys.${id}`, data.type === 'map' ? jwkText(data) : scalar(data))
    }
  },
}

/** A key as a map; UAA calls a secret MAC, and has it as text. */
function jwkText(map: ErlangTerm): string {
  const fields = Object.fromEntries(pairsOf(map).map(([name, value]) => [name, scalar(value)]))
  if (fields['kty'] !== 'MAC') return JSON.stringify(fields)
  const { value = '', alg = 'HS256' } = fields
  return JSON.stringify({ kty: 'oct', alg, k: Buffer.from(value).toString('base64url') })
}

const RABBIT: Readonly<Record<string, Translate>> = {
  track_auth_attempt_source: plain('track_auth_attempt_source'),
  credential_validator: below('credential_validator'),
  auth_backends(value, reader) {
    reader.clear(OPTIONS.auth.backends)
    for (const [i, entry] of itemsOf(value).entries()) {
      const key = `auth_backends.${i + 1}`
      if (entry.type !== 'tuple') {
        reader.set(key, scalar(entry))
        continue
      }
      const [authn, authz] = entry.items
      if (authn === undefined || authz === undefined) throw new Error('expected a back end, or two')
      reader.set(`${key}.authn`, scalar(authn))
      reader.set(`${key}.authz`, authz.type === 'list' ? authz.items.map(scalar).join(',') : scalar(authz))
    }
  },
}

const TRACING: Readonly<Record<string, Translate>> = {
  directory: plain('tracing.dir'),
  // traces need no connection of their own here
  username() {},
  password() {},
}

/** Ports, or `{"address", port}`; together they take the place of those in `rabbitmq.conf`. */
const listeners =
  (option: Option<unknown>): Translate =>
  (value, reader) => {
    const items = itemsOf(value)
    reader.clear(option)
    if (items.length === 0) reader.set(option.key, 'none')
    for (const [i, item] of items.entries()) {
      const [host, port] = item.type === 'tuple' ? item.items : []
      if (host === undefined || port === undefined) reader.set(`${option.key}.${i + 1}`, scalar(item))
      else reader.set(`${option.key}.${i + 1}`, `${scalar(host)}:${scalar(port)}`)
    }
  }

const MQTT: Readonly<Record<string, Translate>> = {
  ...same('mqtt', 'default_user', 'default_pass', 'allow_anonymous', 'ssl_cert_login', 'vhost', 'exchange', 'prefetch'),
  ...same('mqtt', 'subscription_ttl', 'max_session_expiry_interval_seconds', 'durable_queue_type', 'login_timeout'),
  ...same('mqtt', 'proxy_protocol', 'sparkplug', 'topic_alias_maximum'),
  ...same('mqtt', 'max_packet_size_unauthenticated', 'max_packet_size_authenticated'),
  ...same('mqtt', 'retained_message_store', 'retained_message_store_dets_sync_interval'),
  tcp_listeners: listeners(OPTIONS.mqttListeners.tcp),
  ssl_listeners: listeners(OPTIONS.mqttListeners.tls),
  tcp_listen_options() {},
  num_tcp_acceptors: plain('mqtt.num_acceptors.tcp'),
  num_ssl_acceptors: plain('mqtt.num_acceptors.ssl'),
}

const STOMP: Readonly<Record<string, Translate>> = {
  ...same('stomp', 'default_vhost', 'default_topic_exchange', 'ssl_cert_login', 'implicit_connect', 'login_timeout'),
  ...same('stomp', 'proxy_protocol', 'hide_server_info', 'default_nack_requeue', 'max_frame_size', 'trailing_lf'),
  tcp_listeners: listeners(OPTIONS.stompListeners.tcp),
  ssl_listeners: listeners(OPTIONS.stompListeners.tls),
  tcp_listen_options() {},
  num_tcp_acceptors: plain('stomp.num_acceptors.tcp'),
  num_ssl_acceptors: plain('stomp.num_acceptors.ssl'),
  default_user(value, reader) {
    const keys: Readonly<Record<string, string>> = { login: 'stomp.default_user', passcode: 'stomp.default_pass' }
    for (const [name, item] of pairsOf(value)) {
      const key = keys[name]
      if (key === undefined) throw new Error(`expected login and passcode in place of ${name}`)
      reader.set(key, scalar(item))
    }
  },
}

/** What the WebSocket plugins of MQTT and STOMP have in common. */
const webOf = (web: string): Readonly<Record<string, Translate>> => ({
  ...same(web, 'ws_path', 'proxy_protocol', 'max_connections'),
  tcp_config: below(`${web}.tcp`),
  ssl_config: below(`${web}.ssl`),
  allow_origins: numbered(`${web}.allow_origins`),
  cowboy_opts: below(`${web}.cowboy_opts`),
  cowboy_ws_opts: below(`${web}.ws_opts`),
  num_tcp_acceptors: plain(`${web}.num_acceptors.tcp`),
  num_ssl_acceptors: plain(`${web}.num_acceptors.ssl`),
})

const WEB_STOMP: Readonly<Record<string, Translate>> = {
  ...webOf('web_stomp'),
  ...same('web_stomp', 'port', 'ws_frame', 'use_http_auth'),
}

const APPLICATIONS: Readonly<Record<string, Readonly<Record<string, Translate>>>> = {
  rabbit: RABBIT,
  rabbitmq_tracing: TRACING,
  rabbitmq_mqtt: MQTT,
  rabbitmq_web_mqtt: webOf('web_mqtt'),
  rabbitmq_stomp: STOMP,
  rabbitmq_web_stomp: WEB_STOMP,
  rabbitmq_auth_backend_ldap: LDAP,
  rabbitmq_auth_backend_http: HTTP,
  rabbitmq_auth_backend_cache: CACHE,
  rabbitmq_auth_backend_oauth2: OAUTH2,
  rabbit_auth_backend_oauth2: OAUTH2,
}

class AdvancedReader {
  readonly #file: string
  readonly #settings: Settings
  readonly #origin: Origin

  constructor(file: string, settings: Settings, origin: Origin) {
    this.#file = file
    this.#settings = settings
    this.#origin = origin
  }

  set(key: string, value: string): void {
    this.#settings.setKey(key, value, this.#origin)
  }

  clear(option: Option<unknown>): void {
    this.#settings.clearKeys(option)
  }

  read(term: ErlangTerm): void {
    for (const [application, values] of pairsOf(term)) {
      const known = APPLICATIONS[application]
      if (known !== undefined) this.#readApplication(application, known, values)
      else if (RUNTIME.has(application)) this.#settings.ignored.add(`${this.#file}: ${application}`)
      else this.#refuse(application)
    }
  }

  #readApplication(application: string, known: Readonly<Record<string, Translate>>, values: ErlangTerm): void {
    for (const [name, value] of pairsOf(values)) {
      const translate = Object.hasOwn(known, name) ? known[name]! : null
      if (translate === null) {
        this.#refuse(`${application}.${name}`)
        continue
      }
      try {
        translate(value, this)
      } catch (error) {
        this.#problem(`${application}.${name}: ${(error as Error).message}`)
      }
    }
  }

  #refuse(what: string): void {
    this.#problem(`${what}: cannot be set here; use the keys of rabbitmq.conf`)
  }

  #problem(text: string): void {
    this.#settings.problem(this.#origin, text)
  }
}

/** What a configuration file would have in its place. */
function scalar(term: ErlangTerm): string {
  switch (term.type) {
    case 'atom':
      return term.name
    case 'number':
      return String(term.value)
    case 'string':
    case 'binary':
      return term.text
    default:
      throw new Error(`expected a word, a number or a text in place of ${printErlangTerm(term)}`)
  }
}

function itemsOf(term: ErlangTerm): readonly ErlangTerm[] {
  if (term.type !== 'list') throw new Error(`expected a list in place of ${printErlangTerm(term)}`)
  return term.items
}

/** `[{key, value}]`, or a map. */
function pairsOf(term: ErlangTerm): [string, ErlangTerm][] {
  if (term.type === 'map') return term.entries.map(([key, value]) => [scalar(key), value])
  return itemsOf(term).map((item) => {
    if (item.type !== 'tuple' || item.items.length !== 2) {
      throw new Error(`expected {key, value} in place of ${printErlangTerm(item)}`)
    }
    return [scalar(item.items[0]!), item.items[1]!]
  })
}
