import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { availableParallelism, hostname } from 'node:os'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { ConfigError } from '../../src/config/errors.ts'
import { configurationPage, optionsHelp } from '../../src/config/help.ts'
import { loadConfig } from '../../src/config/load.ts'
import { environmentName } from '../../src/config/option.ts'
import { allOptions } from '../../src/config/options.ts'
import { problemsOf } from '../support/config-problems.ts'

interface Given {
  argv?: string[]
  env?: Record<string, string>
  /** By path. `/etc/w/warren.conf` is read when it is there. */
  files?: Record<string, string>
}

function load({ argv = [], env = {}, files = {} }: Given = {}) {
  const main = '/etc/w/warren.conf'
  return loadConfig({
    argv: main in files && !('RABBITMQ_CONFIG_FILE' in env) ? ['--config', main, ...argv] : argv,
    env,
    readFile: (path) => files[path] ?? null,
    readDir: (path) => {
      const names = Object.keys(files).filter((name) => name.startsWith(`${path}/`))
      return names.length === 0 ? null : names.map((name) => name.slice(path.length + 1))
    },
  })
}

const conf = (...lines: string[]) => load({ files: { '/etc/w/warren.conf': lines.join('\n') } })

test('TLS has threads where there are cores for them, or as many as are asked for', () => {
  const cores = availableParallelism()
  const sensible = process.platform === 'linux' && cores >= 4 ? Math.min(4, Math.floor(cores / 4)) : 0
  assert.equal(load().listeners.tlsThreads, sensible)
  assert.equal(conf('warren.tls_threads = auto').listeners.tlsThreads, sensible)
  assert.equal(conf('warren.tls_threads = 3').listeners.tlsThreads, 3)
  assert.equal(load({ argv: ['--tls-threads', '0'] }).listeners.tlsThreads, 0)
  assert.throws(() => conf('warren.tls_threads = some'), /warren\.tls_threads/)
})

test('without any source the defaults are those of RabbitMQ', () => {
  const config = load()
  assert.deepEqual(config.listeners.tcp, [{ name: 'default', hosts: ['::'], port: 5672 }])
  assert.deepEqual(config.listeners.tls, [])
  assert.equal(config.tls, null)
  assert.equal(config.dataDir, resolve('warren-data'))
  assert.deepEqual(config.auth.mechanisms, ['PLAIN', 'AMQPLAIN'])
  assert.deepEqual(config.auth.loopbackUsers, ['guest'])
  assert.equal(config.auth.anonymous, null)
  assert.deepEqual(config.connection, {
    handshakeTimeoutMs: 10_000,
    heartbeatSec: 60,
    frameMaxBytes: 131_072,
    initialFrameMaxBytes: 8192,
    channelMax: 2047,
  })
  assert.equal(config.limits.messageBytesMax, 16 * 1024 * 1024)
  assert.deepEqual(config.memory, { bytes: null, relativeToMemory: 0.6 })
  assert.deepEqual(config.disk, { bytes: 50_000_000, relativeToMemory: null })
  assert.equal(config.node.name, `rabbit@${hostname().split('.')[0]}`)
  assert.equal(config.node.clusterName, config.node.name)
  assert.equal(config.node.announced.product, 'RabbitMQ')
  assert.deepEqual(config.websocket, { path: '/ws/amqp', compress: false })
  assert.deepEqual(config.http.listeners, [{ name: 'management', hosts: ['::'], port: 15_672, tls: null }])
  assert.deepEqual(config.log, { console: { level: 'info', format: 'plaintext' }, file: null, exchange: null })
})

test('flags win over the environment, which wins over the file', () => {
  const files = { '/etc/w/warren.conf': 'heartbeat = 1\nchannel_max = 1\nframe_max = 64KiB' }
  const env = { WARREN_HEARTBEAT: '2', WARREN_CHANNEL_MAX: '2' }
  const { connection } = load({ files, env, argv: ['--heartbeat', '3'] })
  assert.deepEqual([connection.heartbeatSec, connection.channelMax, connection.frameMaxBytes], [3, 2, 65_536])
})

test('a file has comments, quotes and values from the environment', () => {
  const content = [
    '\ufeff## top',
    '',
    "  default_pass='a # b'   # quoted",
    'default_user = "bob"',
    'default_vhost = $(TENANT) # not quoted',
    'cluster_name = left#right',
  ].join('\r\n')
  const { defaults, node } = load({ files: { '/etc/w/warren.conf': content }, env: { TENANT: 'acme' } })
  assert.deepEqual([defaults.password, defaults.user, defaults.vhost], ['a # b', 'bob', 'acme'])
  assert.equal(node.clusterName, 'left')
})

test('units of sizes and durations', () => {
  const bytesOf = (text: string) => conf(`vm_memory_high_watermark.absolute = ${text}`).memory.bytes
  assert.equal(bytesOf('2GB'), 2_000_000_000)
  assert.equal(bytesOf('2G'), 2 * 1024 ** 3)
  assert.equal(bytesOf('512KiB'), 524_288)
  assert.equal(bytesOf('1.5 MB'), 1_500_000)
  assert.equal(bytesOf('10kB'), 10_000)
  assert.equal(bytesOf('77'), 77)
  assert.equal(conf('consumer_timeout = 2h').queues.consumerTimeoutMs, 7_200_000)
  assert.equal(conf('consumer_timeout = 900').queues.consumerTimeoutMs, 900)
  assert.equal(conf('heartbeat = 2m').connection.heartbeatSec, 120)
})

test('none is a level of each place that is logged to, as well as of all', () => {
  const places = (...lines: string[]) => {
    const { console, file, exchange } = conf('log.file = /l', 'log.exchange = true', ...lines).log
    return [console?.level, file?.level, exchange?.level]
  }
  assert.deepEqual(places('log.level = error'), ['error', 'error', 'error'])
  assert.deepEqual(places('log.console.level = none'), ['silent', 'info', 'info'])
  assert.deepEqual(places('log.file.level = none', 'log.exchange.level = none'), ['info', 'silent', 'silent'])
})

test('a level from above counts for each place', () => {
  const files = { '/etc/w/warren.conf': 'log.exchange = true\nlog.exchange.level = error\nlog.console.level = none' }
  const { console, exchange } = load({ files, argv: ['--log-level', 'debug'] }).log
  assert.deepEqual([console?.level, exchange?.level], ['debug', 'debug'])
})

test('there are no parts of a byte', () => {
  for (const key of ['vm_memory_high_watermark.absolute', 'disk_free_limit.absolute', 'warren.message_memory']) {
    assert.throws(() => conf(`${key} = 0.5`), /'0\.5' is not a size in bytes/)
  }
  assert.equal(conf('disk_free_limit.absolute = 1.5GB').disk.bytes, 1_500_000_000)
})

test('infinity and none lift a limit', () => {
  const config = conf('max_connections = infinity', 'consumer_timeout = none', 'management.tcp.port = none')
  assert.equal(config.limits.connectionsMax, null)
  assert.equal(config.queues.consumerTimeoutMs, null)
  assert.deepEqual(config.http.listeners, [])
})

test('conf.d is read after the file, in order of name', () => {
  const { connection, files } = load({
    files: {
      '/etc/w/conf.d/20-b.conf': 'heartbeat = 20',
      '/etc/w/conf.d/10-a.conf': 'heartbeat = 10\nchannel_max = 10',
      '/etc/w/conf.d/notes.txt': 'not a configuration',
      '/etc/w/warren.conf': 'heartbeat = 5\nchannel_max = 5\nframe_max = 9000',
    },
  })
  assert.deepEqual([connection.heartbeatSec, connection.channelMax, connection.frameMaxBytes], [20, 10, 9000])
  assert.deepEqual(files, ['/etc/w/warren.conf', '/etc/w/conf.d/10-a.conf', '/etc/w/conf.d/20-b.conf'])
})

test('RABBITMQ_CONFIG_FILE goes without its ending, and conf.d alone is enough', () => {
  const env = { RABBITMQ_CONFIG_FILE: '/etc/w/warren' }
  assert.equal(load({ env, files: { '/etc/w/warren.conf': 'heartbeat = 7' } }).connection.heartbeatSec, 7)
  const alone = { '/etc/w/conf.d/10.conf': 'heartbeat = 8' }
  assert.equal(load({ env, files: alone }).connection.heartbeatSec, 8)
  assert.deepEqual(
    problemsOf(() => load({ env })),
    ['environment variable RABBITMQ_CONFIG_FILE: there is no file /etc/w/warren'],
  )
  assert.deepEqual(
    problemsOf(() => load({ argv: ['--config', '/etc/w/waren.conf'], files: alone })),
    ['flag --config: there is no file /etc/w/waren.conf'],
  )
})

test('RABBITMQ_CONFIG_FILES names a folder of its own', () => {
  const files = { '/a/1.conf': 'heartbeat = 1', '/a/2.conf': 'channel_max = 2' }
  for (const folder of ['/a', '/a/*.conf']) {
    const { connection } = load({ files, env: { RABBITMQ_CONFIG_FILES: folder } })
    assert.deepEqual([connection.heartbeatSec, connection.channelMax], [1, 2])
  }
})

test('lists keep the order of their numbers; a list from above replaces the one below', () => {
  const lines = 'auth_mechanisms.2 = PLAIN\nauth_mechanisms.1 = AMQPLAIN\nauth_mechanisms.10 = EXTERNAL'
  const files = { '/etc/w/warren.conf': lines }
  assert.deepEqual(load({ files }).auth.mechanisms, ['AMQPLAIN', 'PLAIN', 'EXTERNAL'])
  assert.deepEqual(load({ files, argv: ['--auth-mechanisms', 'PLAIN'] }).auth.mechanisms, ['PLAIN'])
})

test('loopback users: guest stays until it is lifted', () => {
  const users = (...lines: string[]) => conf(...lines).auth.loopbackUsers
  assert.deepEqual(users('loopback_users.bob = true'), ['guest', 'bob'])
  assert.deepEqual(users('loopback_users.guest = false'), [])
  assert.deepEqual(users('loopback_users = none'), [])
  assert.deepEqual(users('loopback_users.a\\.b = true'), ['guest', 'a.b'])
  assert.deepEqual(load({ env: { WARREN_LOOPBACK_USERS: 'none' } }).auth.loopbackUsers, [])
  assert.deepEqual(load({ argv: ['--loopback-users=ann,bob'] }).auth.loopbackUsers, ['ann', 'bob'])
})

test('tags of the default user replace the default', () => {
  assert.deepEqual(load().defaults.tags, ['administrator'])
  assert.deepEqual(conf('default_user_tags.monitoring = true').defaults.tags, ['monitoring'])
})

test('listeners: named ones, addresses, none, and a port from above', () => {
  assert.deepEqual(conf('listeners.tcp.a = 127.0.0.1:5673', 'listeners.tcp.b = ::1:5674').listeners.tcp, [
    { name: 'a', hosts: ['127.0.0.1'], port: 5673 },
    { name: 'b', hosts: ['::1'], port: 5674 },
  ])
  assert.deepEqual(conf('listeners.tcp.c = [::1]:5675').listeners.tcp[0]?.hosts, ['::1'])
  assert.deepEqual(conf('listeners.tcp.default = 5672', 'listeners.tcp = none').listeners.tcp, [])
  const files = { '/etc/w/warren.conf': 'listeners.tcp = none' }
  const above = load({ files, argv: ['--port', '0', '--bind', '127.0.0.1,::1'] })
  assert.deepEqual(above.listeners.tcp, [{ name: 'default', hosts: ['127.0.0.1', '::1'], port: 0 }])
  assert.deepEqual(load({ argv: ['--port', 'none'] }).listeners.tcp, [])
  const env = { RABBITMQ_NODE_PORT: '5690', RABBITMQ_NODE_IP_ADDRESS: '10.0.0.1' }
  assert.deepEqual(load({ env }).listeners.tcp, [{ name: 'default', hosts: ['10.0.0.1'], port: 5690 }])
})

test('TLS listeners need a certificate and a key', () => {
  assert.deepEqual(
    problemsOf(() =>
      conf('listeners.ssl.default = 5671', 'ssl_options.certfile = c.pem', 'ssl_options.verify = verify_peer'),
    ),
    ['TLS listeners: need ssl_options.keyfile', 'ssl_options.verify: verify_peer needs ssl_options.cacertfile'],
  )
  const { tls, listeners } = conf(
    'listeners.ssl.default = 5671',
    'ssl_options.certfile = /c.pem',
    'ssl_options.keyfile = /k.pem',
    'ssl_options.versions.1 = tlsv1.3',
  )
  assert.equal(listeners.tls[0]?.port, 5671)
  assert.deepEqual([tls?.certFile, tls?.keyFile, tls?.versions], ['/c.pem', '/k.pem', ['tlsv1.3']])
})

test('ANONYMOUS is offered once it has a user', () => {
  const { auth } = conf('anonymous_login_user = guest')
  assert.deepEqual(auth.anonymous, { user: 'guest', password: 'guest' })
  assert.deepEqual(auth.mechanisms, ['PLAIN', 'AMQPLAIN', 'ANONYMOUS'])
  assert.equal(conf('anonymous_login_user = none').auth.anonymous, null)
})

test('the memory watermark is a share of the memory, and no more than all of it', () => {
  assert.equal(conf('vm_memory_high_watermark.relative = 1').memory.relativeToMemory, 1)
  assert.deepEqual(
    problemsOf(() => conf('vm_memory_high_watermark.relative = 3')),
    ["/etc/w/warren.conf line 1: vm_memory_high_watermark.relative: '3' is above the maximum of 1.0"],
  )
})

test('watermarks: a relative disk limit wins over the default, an absolute one over it', () => {
  assert.deepEqual(conf('disk_free_limit.relative = 1.5').disk, { bytes: null, relativeToMemory: 1.5 })
  const both = conf('disk_free_limit.relative = 1.5', 'disk_free_limit.absolute = 1GB')
  assert.deepEqual(both.disk, { bytes: 1_000_000_000, relativeToMemory: null })
})

test('limits of virtual hosts and operator policies are read into lists', () => {
  const { defaults } = conf(
    'default_limits.vhosts.1.pattern = ^dev-',
    'default_limits.vhosts.1.max_connections = 10',
    'default_limits.vhosts.2.max_queues = 7',
    'default_policies.operator.dev.vhost_pattern = ^dev$',
    'default_policies.operator.dev.max_length_bytes = 10MB',
    'default_policies.operator.dev.message_ttl = 1h',
    'default_policies.operator.dev.classic_queues.ha_mode = all',
  )
  assert.deepEqual(defaults.vhostLimits, [
    { name: '1', pattern: '^dev-', connectionsMax: 10, queuesMax: null },
    { name: '2', pattern: '.*', connectionsMax: null, queuesMax: 7 },
  ])
  const definition = { 'max-length-bytes': 10_000_000, 'message-ttl': 3_600_000 }
  assert.deepEqual(defaults.operatorPolicies, [{ name: 'dev', vhostPattern: '^dev$', queuePattern: '.*', definition }])
  assert.deepEqual(
    problemsOf(() => conf('default_policies.operator.x.max_lenght = 1', 'default_limits.vhosts.1.pattern = (')),
    [
      `default_limits.vhosts.1.pattern: '(' is not a regular expression: {"missing )",1}`,
      'default_policies.operator.x.max_lenght: is not a known key',
    ],
  )
})

test('keys of RabbitMQ without a meaning here are accepted and told', () => {
  const { ignored } = conf(
    'cluster_formation.classic_config.nodes.1 = rabbit@a',
    'channel_tick_interval = 60000',
    'management.load_definitions = /d.json',
    'stream.max_segment_size_bytes = 1',
    'tcp_listen_options.linger.on = true',
    'log.connection.level = debug',
  )
  assert.deepEqual(ignored, [
    'cluster_formation.classic_config.nodes.1',
    'channel_tick_interval',
    'stream.max_segment_size_bytes',
    'tcp_listen_options.linger.on',
    'log.connection.level',
  ])
})

test('all that is wrong in a file is in one error, with line, key and the nearest name', () => {
  const lines = ['listener.tcp.default = 1', 'heartbeat = soon', 'chanel_max = 5', 'nonsense', 'zzzzzzzz = 1', "a = 'b"]
  assert.deepEqual(
    problemsOf(() => conf(...lines)),
    [
      "/etc/w/warren.conf line 4: expected 'key = value'",
      '/etc/w/warren.conf line 6: a: the quote is not closed',
      "/etc/w/warren.conf line 1: unknown key 'listener.tcp.default' (did you mean 'listeners.tcp.default'?)",
      "/etc/w/warren.conf line 3: unknown key 'chanel_max' (did you mean 'channel_max'?)",
      "/etc/w/warren.conf line 5: unknown key 'zzzzzzzz'",
      "/etc/w/warren.conf line 2: heartbeat: 'soon' is not a duration (such as 500ms, 30s, 5m or 2h)",
    ],
  )
})

test('what would weaken security when neglected is refused', () => {
  const problems = problemsOf(() =>
    conf('auth_backends.1 = amqp', 'ssl_options.crl_check = true', 'default_pass = encrypted:abc'),
  )
  assert.equal(problems.length, 3)
  assert.match(problems.join('\n'), /default_pass: encrypted values cannot be read here/)
  assert.match(
    problems.join('\n'),
    /auth_backends\.1: 'amqp' is not one of internal, ldap, http, oauth2, cache, plugin\.NAME$/m,
  )
  assert.match(problems.join('\n'), /crl_check: 'true' cannot be used/)
  assert.match(problemsOf(() => conf('auth_http.ssl_options.crl_check = true'))[0]!, /'true' cannot be used/)
})

test('a secret is not repeated in an error', () => {
  assert.doesNotMatch(problemsOf(() => conf('default_pass = encrypted:hunter2')).join(), /hunter2/)
})

test('values out of range name their bounds', () => {
  const problem = (line: string) => problemsOf(() => conf(line))[0]!
  assert.match(problem('max_message_size = 1GiB'), /'1GiB' is above the maximum of 512MiB$/)
  assert.match(problem('frame_max = 100'), /'100' is below the minimum of 8KiB$/)
  assert.match(problem('listeners.tcp.default = 70000'), /is not a port/)
  assert.match(problem('ssl_options.verify = maybe'), /'maybe' is not one of verify_peer, verify_none$/)
  assert.match(problem('auth_mechanisms = PLAIN'), /is set as auth_mechanisms\.1$/)
})

test('the variables of the container image that were removed are refused', () => {
  const problems = problemsOf(() => load({ env: { RABBITMQ_DEFAULT_PASS_FILE: '/s', RABBITMQ_SSL_CERTFILE: '/c' } }))
  assert.equal(problems.length, 2)
  assert.match(problems[0]!, /^environment variable RABBITMQ_DEFAULT_PASS_FILE: is no longer supported/)
})

test("RabbitMQ's variables", () => {
  const env = {
    RABBITMQ_DEFAULT_USER: 'u',
    RABBITMQ_DEFAULT_PASS: 'p',
    RABBITMQ_DEFAULT_VHOST: 'v',
    RABBITMQ_NODENAME: 'hare@burrow',
    RABBITMQ_LOGS: '-',
    RABBITMQ_LOG: 'debug,+json,connection=info',
    RABBITMQ_ERLANG_COOKIE: 'x',
  }
  const { defaults, node, log } = load({ env })
  assert.deepEqual([defaults.user, defaults.password, defaults.vhost, node.name], ['u', 'p', 'v', 'hare@burrow'])
  assert.deepEqual(log, { console: { level: 'debug', format: 'json' }, file: null, exchange: null })
  assert.equal(load({ env: { RABBITMQ_NODENAME: 'hare' } }).node.name, `hare@${hostname().split('.')[0]}`)
  assert.equal(load({ env: { RABBITMQ_LOGS: '/l/w.log' } }).log.file?.path, '/l/w.log')
})

test('unknown WARREN_ variables are refused, those of a service link are not', () => {
  const near = problemsOf(() => load({ env: { WARREN_HARTBEAT: '1' } }))
  assert.deepEqual(near, ['environment variable WARREN_HARTBEAT: is not known (did you mean WARREN_HEARTBEAT?)'])
  const link = { WARREN_PORT: 'tcp://10.0.0.9:5672', WARREN_SERVICE_HOST: '10.0.0.9', WARREN_PORT_5672_TCP: 'tcp://x' }
  assert.equal(load({ env: link }).listeners.tcp[0]?.port, 5672)
})

test('a level from above holds for the console too', () => {
  const files = { '/etc/w/warren.conf': 'log.console.level = error\nlog.file = w.log\nlog.dir = /l' }
  assert.equal(load({ files }).log.console?.level, 'error')
  assert.deepEqual(load({ files }).log.file, { path: '/l/w.log', level: 'info', format: 'plaintext' })
  assert.equal(load({ files, argv: ['--log-level', 'debug'] }).log.console?.level, 'debug')
})

test('flags: forms, switches and mistakes', () => {
  assert.equal(load({ argv: ['--memory'] }).dataDir, null)
  assert.equal(load({ argv: ['--memory', 'false'] }).dataDir, resolve('warren-data'))
  assert.equal(load({ argv: ['--no-log-console'] }).log.console, null)
  assert.equal(load({ argv: ['--data-dir=/d', '--memory=no'] }).dataDir, '/d')
  assert.throws(
    () => load({ argv: ['--prot', '1', 'extra', '--no-port', '--config'] }),
    (error) => {
      assert.ok(error instanceof ConfigError)
      assert.equal(error.usage, true)
      assert.deepEqual(error.problems, [
        'flag --prot: is not known (did you mean --port?)',
        "'extra': is not an option",
        'flag --no-port: is not known',
        'flag --config: needs a value',
      ])
      return true
    },
  )
})

test('rotation of the log is checked, and warned of where there would be any', () => {
  const rotation = ['log.file.rotation.date = $W0D23', 'log.file.rotation.size = 10MB', 'log.file.rotation.count = 5']
  assert.deepEqual(conf(...rotation).warnings, [])
  const [warning, ...more] = conf('log.file = w.log', ...rotation).warnings
  assert.match(warning!, /^log\.file\.rotation has no effect: .*logrotate.*SIGHUP/)
  assert.deepEqual(more, [])
  assert.deepEqual(conf('log.file = w.log', 'log.file.rotation.compress = false').warnings, [])
  for (const line of ['date = tomorrow', 'size = large', 'count = -1', 'compress = maybe']) {
    assert.throws(() => conf(`log.file.rotation.${line}`), ConfigError, line)
  }
})

test('an Erlang-term file is refused with a word about the format', () => {
  assert.match(problemsOf(() => load({ argv: ['--config', '/a/advanced.config'] }))[0]!, /Erlang-term format/)
  assert.match(problemsOf(() => conf('[{rabbit, []}].'))[0]!, /Erlang-term format/)
})

test('every option has a flag and a variable of its own, and a default that it can read', () => {
  const names = allOptions.flatMap((option) => [environmentName(option), ...option.env])
  assert.equal(new Set(names).size, names.length)
  assert.equal(new Set(allOptions.map((option) => option.flag)).size, allOptions.length)
  for (const option of allOptions.filter(({ shape }) => shape === 'one')) {
    if (option.default === null) continue
    assert.deepEqual(option.type.parse(option.type.format(option.default)), option.default, option.key)
  }
})

test('help and the documentation page come from the table', () => {
  assert.match(optionsHelp(), /--port \[ADDRESS:\]PORT\n {6}AMQP listeners without TLS\..* \(5672\)/)
  const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8')
  assert.equal(page, configurationPage(), 'run node tools/generate-config-docs.ts')
})
