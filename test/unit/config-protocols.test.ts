import assert from 'node:assert/strict'
import { resolve } from 'node:path'
import { describe, test } from 'node:test'
import type { ProtocolListeners } from '../../src/config/config.ts'
import { loadConfig } from '../../src/config/load.ts'
import { problemsOf } from '../support/config-problems.ts'

/** There is nothing beside it. */
const onlyFile =
  (text: string) =>
  (path: string): string | null =>
    path.endsWith('w.conf') ? text : null

const load = (...lines: string[]) =>
  loadConfig({ argv: ['--config', 'w.conf'], env: {}, readFile: onlyFile(lines.join('\n')), readDir: () => null })

const CERTIFICATE = ['ssl_options.certfile = /c.pem', 'ssl_options.keyfile = /k.pem']

for (const { name, tcp, web } of [
  { name: 'mqtt', tcp: 1883, web: 15_675 },
  { name: 'stomp', tcp: 61_613, web: 15_674 },
] as const) {
  const listenersOf = (...lines: string[]): ProtocolListeners => load(...lines).protocols[name]!
  const places = (rows: readonly { port: number; hosts: readonly string[] }[]) =>
    rows.map(({ port, hosts }) => [port, hosts[0]])
  const webPlaces = (...lines: string[]) => places(listenersOf(...lines).web)

  describe(`listeners of ${name}`, () => {
    test('are at the usual ports, which may be taken', () => {
      const { tcp: plain, tls, web: webs, webPath, proxyProtocol, webProxyProtocol } = listenersOf()
      assert.deepEqual(places(plain), [[tcp, '::']])
      assert.deepEqual(places(webs), [[web, '::']])
      assert.deepEqual([plain[0]!.isDefault, webs[0]!.isDefault, webs[0]!.tls], [true, true, null])
      assert.deepEqual([tls, webPath, proxyProtocol, webProxyProtocol], [[], '/ws', false, false])
    })

    test('are those that are named', () => {
      const { tcp: plain, tls } = listenersOf(
        `${name}.listeners.tcp.1 = 127.0.0.1:1`,
        `${name}.listeners.ssl.1 = 2`,
        ...CERTIFICATE,
      )
      assert.deepEqual([places(plain), plain[0]!.isDefault], [[[1, '127.0.0.1']], false])
      assert.deepEqual(places(tls), [[2, '::']])
      assert.deepEqual(listenersOf(`${name}.listeners.tcp = none`).tcp, [])
      assert.deepEqual(problemsOf(() => load(`${name}.listeners.ssl.1 = 2`)).length, 2)
    })

    test('speak WebSocket where they are told to', () => {
      const key = `web_${name}`
      assert.deepEqual(webPlaces(`${key}.tcp.port = 3`, `${key}.tcp.ip = ::1`), [[3, '::1']])
      assert.deepEqual(webPlaces(`${key}.tcp.listener = 127.0.0.1:4`, `${key}.tcp.port = 3`), [[4, '127.0.0.1']])
      assert.deepEqual(webPlaces(`${key}.tcp.listener = none`), [])
      assert.deepEqual(webPlaces(`${key}.tcp.port = none`), [])
      // the default port would not be safe
      assert.deepEqual(webPlaces(`${key}.ssl.port = 5`, ...CERTIFICATE), [[5, '::']])
      assert.deepEqual(webPlaces(`${key}.ssl.port = 5`, `${key}.tcp.port = 6`, ...CERTIFICATE), [
        [6, '::'],
        [5, '::'],
      ])
      assert.deepEqual(webPlaces(`${key}.ssl.listener = 10.0.0.1:7`, ...CERTIFICATE), [[7, '10.0.0.1']])
    })

    test('may have a certificate and TLS versions of their own for WebSocket', () => {
      const own = [`web_${name}.ssl.port = 1`, `web_${name}.ssl.certfile = /own.pem`]
      const [{ tls: borrowed }] = listenersOf(own[0]!, ...CERTIFICATE).web as [ProtocolListeners['web'][number]]
      assert.deepEqual(
        [borrowed!.certFile, borrowed!.versions, borrowed!.honorCipherOrder],
        [resolve('/c.pem'), ['tlsv1.3', 'tlsv1.2'], true],
      )
      const [{ tls }] = listenersOf(
        ...own,
        `web_${name}.ssl.keyfile = /own-key.pem`,
        `web_${name}.ssl.password = hush`,
        `web_${name}.ssl.versions.1 = tlsv1.3`,
        `web_${name}.ssl.ciphers.1 = TLS_AES_256_GCM_SHA384`,
        `web_${name}.ssl.honor_cipher_order = false`,
        ...CERTIFICATE,
      ).web as [ProtocolListeners['web'][number]]
      assert.deepEqual([tls!.certFile, tls!.keyFile], [resolve('/own.pem'), resolve('/own-key.pem')])
      assert.deepEqual(
        [tls!.password, tls!.versions, tls!.ciphers, tls!.honorCipherOrder],
        ['hush', ['tlsv1.3'], ['TLS_AES_256_GCM_SHA384'], false],
      )
      const problems = problemsOf(() => load(own[0]!))
      assert.match(problems.join('\n'), new RegExp(`needs web_${name}.ssl.certfile.*web_${name}.ssl.keyfile`, 's'))
    })

    test('have limits for WebSocket, and PROXY headers', () => {
      const given = listenersOf(
        `web_${name}.ws_opts.idle_timeout = 60000`,
        `web_${name}.ws_opts.max_frame_size = 65536`,
        `web_${name}.ws_opts.compress = true`,
        `web_${name}.ws_path = /elsewhere`,
        `web_${name}.proxy_protocol = true`,
      )
      const { webIdleMs, webMessageBytesMax, webPath, webProxyProtocol, proxyProtocol } = given
      assert.deepEqual([webIdleMs, webMessageBytesMax, webPath], [60_000, 65_536, '/elsewhere'])
      assert.deepEqual([webProxyProtocol, proxyProtocol, given.webCompresses], [true, false, true])
      assert.equal(listenersOf('').webCompresses, false)
      assert.equal(listenersOf(`web_${name}.ws_opts.idle_timeout = infinity`).webIdleMs, null)
      assert.deepEqual(listenersOf(`web_${name}.allow_origins.1 = https://a.example`).webOrigins, ['https://a.example'])
      assert.equal(listenersOf('max_message_size = 64MiB').webMessageBytesMax, 65 * 1024 * 1024)
    })

    test('are not there where the protocol is not spoken', () => {
      assert.equal(load('warren.protocols.1 = amqp').protocols[name], null)
    })

    test('take a file of RabbitMQ as it is', () => {
      const accepted = [
        'num_acceptors.tcp = 10',
        'num_acceptors.ssl = 10',
        'tcp_listen_options.backlog = 4096',
        'tcp_listen_options.linger.on = true',
      ].map((line) => `${name}.${line}`)
      const webAccepted = [
        'num_acceptors.tcp = 10',
        'tcp.backlog = 1024',
        'ssl.depth = 2',
        'cowboy_opts.idle_timeout = 60000',
        'cowboy_opts.max_keepalive = 10',
      ].map((line) => `web_${name}.${line}`)
      const { ignored } = load(...accepted, ...webAccepted)
      assert.deepEqual(ignored.length, accepted.length + webAccepted.length)
    })
  })
}

describe('STOMP', () => {
  test('is as RabbitMQ has it unless configured', () => {
    assert.deepEqual(load().stomp, {
      defaultVhost: '/',
      defaultUser: 'guest',
      defaultPassword: 'guest',
      topicExchange: 'amq.topic',
      certificateLogins: false,
      implicitConnect: false,
      nackRequeues: true,
      hideServer: false,
      trailingLineFeed: true,
      bodyBytesMax: null,
      webFrame: 'text',
      takesHttpLogins: false,
      loginTimeoutMs: 10_000,
    })
  })

  test("is configured by RabbitMQ's keys", () => {
    const { stomp } = load(
      'stomp.default_vhost = v',
      'stomp.default_user = ann',
      'stomp.default_pass = hush',
      'stomp.default_topic_exchange = topics',
      'stomp.ssl_cert_login = true',
      'stomp.implicit_connect = true',
      'stomp.default_nack_requeue = false',
      'stomp.hide_server_info = true',
      'stomp.trailing_lf = false',
      'stomp.max_frame_size = 1MiB',
      'stomp.login_timeout = 5000',
      'web_stomp.ws_frame = binary',
      'web_stomp.use_http_auth = true',
    )
    assert.deepEqual(stomp, {
      defaultVhost: 'v',
      defaultUser: 'ann',
      defaultPassword: 'hush',
      topicExchange: 'topics',
      certificateLogins: true,
      implicitConnect: true,
      nackRequeues: false,
      hideServer: true,
      trailingLineFeed: false,
      bodyBytesMax: 1024 * 1024,
      webFrame: 'binary',
      takesHttpLogins: true,
      loginTimeoutMs: 5000,
    })
    const [{ port }] = load('web_stomp.port = 8000').protocols.stomp!.web as [ProtocolListeners['web'][number]]
    assert.equal(port, 8000)
    assert.equal(load().protocols.stomp!.webConnectionsMax, null)
    for (const [given, expected] of [
      ['100', 100],
      ['infinity', null],
    ] as const) {
      assert.equal(load(`web_stomp.max_connections = ${given}`).protocols.stomp!.webConnectionsMax, expected)
    }
  })

  test('refuses what it does not understand', () => {
    const problems = problemsOf(() =>
      load(
        'web_stomp.ws_frame = hex',
        'stomp.implicit_connect = maybe',
        'stomp.login_timeout = soon',
        'web_stomp.tcp.listener = here',
        'stomp.max_frame_size = 0',
        'web_stomp.max_connections = 0',
      ),
    )
    assert.equal(problems.length, 6, problems.join('\n'))
  })

  test('keeps its password to itself', () => {
    const shown = JSON.stringify(load('stomp.default_pass = hush-hush', 'web_stomp.ssl.password = key-word').effective)
    assert.doesNotMatch(shown, /hush-hush|key-word/)
  })
})

describe('MQTT', () => {
  test('sessions last as long as newer and older files say', () => {
    const newer = (value: string): string => `mqtt.max_session_expiry_interval_seconds = ${value}`
    const older = (value: string): string => `mqtt.subscription_ttl = ${value}`
    const cases: readonly (readonly [lines: readonly string[], seconds: number])[] = [
      [[], 86_400],
      [[newer('60')], 60],
      [[newer('infinity')], Infinity],
      [[older('1800000')], 1800],
      [[older('1500')], 2],
      [[older('undefined')], Infinity],
      [[older('1800000'), newer('60')], 60],
    ]
    for (const [lines, seconds] of cases) assert.equal(load(...lines).mqtt.maxSessionExpirySec, seconds, lines.join())
  })

  test('clients are sent to other servers where these are named as the specification has it', () => {
    const given = (value: string): string | null => load(`warren.mqtt.server_reference = ${value}`).mqtt.serverReference
    assert.equal(load().mqtt.serverReference, null)
    for (const fine of ['myserver.xyz.org', '10.10.151.22:8883 [fe80::9610:3eff:fe1c]:1883', '[::1]', 'a:1 b']) {
      assert.equal(given(fine), fine)
    }
    assert.equal(given('a:1   b'), 'a:1 b')
    for (const wrong of [
      'a:0',
      'a:65536',
      'a:',
      'fe80::1',
      '[::1',
      'a,b:c',
      'mqtt://a:1',
      'a \tb',
      'x'.repeat(65_536),
    ]) {
      assert.match(problemsOf(() => given(wrong)).join(), /is not a list of servers|is longer than/, wrong)
    }
  })
})
