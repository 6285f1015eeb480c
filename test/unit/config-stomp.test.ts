import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Config } from '../../src/config/config.ts'
import { loadConfig } from '../../src/config/load.ts'
import { problemsOf } from '../support/config-problems.ts'

const conf = (...lines: string[]): Config =>
  loadConfig({
    argv: ['--config', '/etc/w/warren.conf'],
    env: {},
    readFile: (path) => (path === '/etc/w/warren.conf' ? lines.join('\n') : null),
    readDir: () => null,
  })

test('STOMP has the defaults of RabbitMQ', () => {
  const { stomp, protocols } = conf()
  assert.deepEqual(stomp, {
    defaultVhost: '/',
    defaultUser: 'guest',
    defaultPassword: 'guest',
    topicExchange: 'amq.topic',
    certificateLogins: false,
    implicitConnect: false,
    nackRequeues: true,
    hideServer: false,
    bodyBytesMax: null,
    httpLogins: false,
    webFrame: 'text',
    loginTimeoutMs: 10_000,
  })
  assert.deepEqual(protocols.stomp, {
    tcp: [{ name: 'default', hosts: ['::'], port: 61_613, isDefault: true }],
    tls: [],
    proxyProtocol: false,
    web: [{ name: 'web_stomp', hosts: ['::'], port: 15_674, isDefault: true, tls: null }],
    webSocket: { path: '/ws', proxyProtocol: false, idleTimeoutMs: null, messageBytesMax: 17 * 1024 * 1024 },
  })
})

test("a configuration file of RabbitMQ's with all that its STOMP plugins know is obeyed", () => {
  const { stomp, protocols, ignored } = conf(
    'stomp.listeners.tcp.1 = 127.0.0.1:61623',
    'stomp.tcp_listen_options.backlog = 2048',
    'stomp.tcp_listen_options.linger.timeout = 0',
    'stomp.num_acceptors.tcp = 20',
    'stomp.default_vhost = shop',
    'stomp.default_user = web',
    'stomp.default_pass = secret',
    'stomp.default_topic_exchange = events',
    'stomp.ssl_cert_login = true',
    'stomp.implicit_connect = true',
    'stomp.login_timeout = 5000',
    'stomp.proxy_protocol = true',
    'stomp.hide_server_info = true',
    'stomp.default_nack_requeue = false',
    'web_stomp.tcp.port = 12345',
    'web_stomp.tcp.ip = 10.0.0.1',
    'web_stomp.tcp.backlog = 1024',
    'web_stomp.ws_path = /stomp',
    'web_stomp.ws_frame = binary',
    'web_stomp.use_http_auth = true',
    'web_stomp.proxy_protocol = true',
    'web_stomp.max_connections = infinity',
    'web_stomp.cowboy_opts.max_headers = 100',
    'web_stomp.ws_opts.compress = true',
    'web_stomp.ws_opts.max_frame_size = 50000',
    'web_stomp.ws_opts.idle_timeout = 60000',
  )
  assert.deepEqual(stomp, {
    defaultVhost: 'shop',
    defaultUser: 'web',
    defaultPassword: 'secret',
    topicExchange: 'events',
    certificateLogins: true,
    implicitConnect: true,
    nackRequeues: false,
    hideServer: true,
    bodyBytesMax: null,
    httpLogins: true,
    webFrame: 'binary',
    loginTimeoutMs: 5000,
  })
  assert.deepEqual(protocols.stomp, {
    tcp: [{ name: '1', hosts: ['127.0.0.1'], port: 61_623, isDefault: false }],
    tls: [],
    proxyProtocol: true,
    web: [{ name: 'web_stomp', hosts: ['10.0.0.1'], port: 12_345, isDefault: false, tls: null }],
    webSocket: { path: '/stomp', proxyProtocol: true, idleTimeoutMs: 60_000, messageBytesMax: 50_000 },
  })
  assert.deepEqual(ignored.toSorted(), [
    'stomp.num_acceptors.tcp',
    'stomp.tcp_listen_options.backlog',
    'stomp.tcp_listen_options.linger.timeout',
    'web_stomp.cowboy_opts.max_headers',
    'web_stomp.max_connections',
    'web_stomp.tcp.backlog',
    'web_stomp.ws_opts.compress',
  ])
})

const webPorts = (...lines: string[]): unknown =>
  conf(...lines).protocols.stomp!.web.map(({ hosts, port, isDefault }) => [hosts[0], port, isDefault])

test('where STOMP over WebSocket listens has RabbitMQ’s several names', () => {
  assert.deepEqual(webPorts('web_stomp.port = 1'), [['::', 1, false]])
  assert.deepEqual(webPorts('web_stomp.tcp.listener = 127.0.0.1:2'), [['127.0.0.1', 2, false]])
  assert.deepEqual(webPorts('web_stomp.tcp.port = 3', 'web_stomp.tcp.listener = none'), [])
  assert.deepEqual(webPorts('web_stomp.tcp.port = none'), [])
  const files = ['certfile', 'keyfile'].map((name) => `web_stomp.ssl.${name} = /${name}.pem`)
  assert.deepEqual(webPorts('web_stomp.ssl.listener = 127.0.0.1:15673', ...files), [['127.0.0.1', 15_673, false]])
  assert.deepEqual(webPorts('web_stomp.ssl.port = 15673', 'web_stomp.ssl.ip = ::1', 'web_stomp.port = 9', ...files), [
    ['::', 9, false],
    ['::1', 15_673, false],
  ])
  const { tls } = conf('web_stomp.ssl.port = 15673', ...files).protocols.stomp!.web[0]!
  assert.deepEqual([tls?.certFile, tls?.keyFile], ['/certfile.pem', '/keyfile.pem'])
})

test('what STOMP options cannot be is reported with its line', () => {
  const problems = problemsOf(() =>
    conf(
      'stomp.login_timeout = soon',
      'web_stomp.ws_frame = json',
      'web_stomp.ssl.port = 15673',
      'stomp.max_frame_size = 0',
    ),
  )
  assert.match(problems.join('\n'), /warren\.conf line 1: stomp\.login_timeout: .*duration/)
  assert.match(problems.join('\n'), /warren\.conf line 2: web_stomp\.ws_frame: .*text, binary/)
  assert.match(problems.join('\n'), /web_stomp\.ssl\.certfile/)
  assert.match(problems.join('\n'), /warren\.conf line 4: stomp\.max_frame_size: .*minimum/)
})

test('STOMP is not spoken where it is not among the protocols', () => {
  assert.equal(conf('warren.protocols.1 = amqp').protocols.stomp, null)
})
