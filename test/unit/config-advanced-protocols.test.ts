import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Config } from '../../src/config/config.ts'
import { loadConfig } from '../../src/config/load.ts'
import { problemsOf } from '../support/config-problems.ts'

function load(advanced: string, ...lines: string[]): Config {
  const files: Readonly<Record<string, string>> = {
    '/w/warren.conf': lines.join('\n'),
    '/w/advanced.config': advanced,
  }
  return loadConfig({
    argv: ['--config', '/w/warren.conf'],
    env: {},
    readFile: (path) => files[path] ?? null,
    readDir: () => null,
  })
}

describe('STOMP in advanced.config', () => {
  test('is configured in the words of its plugins, which win', () => {
    const { stomp, protocols, ignored } = load(
      `[{rabbitmq_stomp, [
          {default_user, [{login, "web"}, {passcode, "hush"}]},
          {default_vhost, <<"shop">>},
          {default_topic_exchange, <<"events">>},
          {implicit_connect, true},
          {ssl_cert_login, true},
          {hide_server_info, true},
          {default_nack_requeue, false},
          {trailing_lf, false},
          {login_timeout, 5000},
          {tcp_listeners, [61613, {"127.0.0.1", 61623}, {"::1", 61624}]},
          {tcp_listen_options, [{backlog, 128}, {nodelay, true}]},
          {num_tcp_acceptors, 10}]},
        {rabbitmq_web_stomp, [
          {tcp_config, [{port, 1}, {ip, "10.0.0.1"}, {backlog, 128}]},
          {ws_frame, binary},
          {max_connections, 50},
          {use_http_auth, true},
          {allow_origins, ["https://a.example", "https://b.example"]},
          {cowboy_ws_opts, [{idle_timeout, 60000}, {compress, true}]}]}].`,
      'stomp.default_user = other',
      'stomp.listeners.tcp.1 = 9',
      'stomp.listeners.tcp.7 = 7',
    )
    const { tcp, web, webIdleMs, webConnectionsMax, webCompresses, webOrigins } = protocols.stomp!
    assert.deepEqual(
      [stomp.defaultUser, stomp.defaultPassword, stomp.defaultVhost, stomp.topicExchange, stomp.loginTimeoutMs],
      ['web', 'hush', 'shop', 'events', 5000],
    )
    assert.deepEqual(
      [stomp.implicitConnect, stomp.certificateLogins, stomp.hideServer, stomp.nackRequeues, stomp.trailingLineFeed],
      [true, true, true, false, false],
    )
    assert.deepEqual(
      tcp.map(({ hosts, port }) => [hosts[0], port]),
      [
        ['::', 61_613],
        ['127.0.0.1', 61_623],
        ['::1', 61_624],
      ],
    )
    assert.deepEqual([web[0]!.hosts[0], web[0]!.port], ['10.0.0.1', 1])
    assert.deepEqual([webIdleMs, webConnectionsMax, webCompresses], [60_000, 50, true])
    assert.deepEqual(webOrigins, ['https://a.example', 'https://b.example'])
    assert.deepEqual([stomp.webFrame, stomp.takesHttpLogins], ['binary', true])
    assert.deepEqual(ignored.toSorted(), ['stomp.num_acceptors.tcp', 'web_stomp.tcp.backlog'])
  })

  test('may have no port without TLS', () => {
    const { tcp } = load('[{rabbitmq_stomp, [{tcp_listeners, []}]}].').protocols.stomp!
    assert.deepEqual(tcp, [])
  })

  test('is refused where it says what is not understood', () => {
    const problems = problemsOf(() =>
      load('[{rabbitmq_stomp, [{default_user, [{name, "web"}]}, {trailing_cr, true}, {login_timeout, soon}]}].'),
    ).join('\n')
    assert.match(problems, /rabbitmq_stomp\.default_user: expected login and passcode in place of name/)
    assert.match(problems, /rabbitmq_stomp\.trailing_cr: cannot be set here/)
    assert.match(problems, /stomp\.login_timeout: 'soon' is not a duration/)
  })
})

describe('MQTT in advanced.config', () => {
  test('is configured in the words of its plugins', () => {
    const { mqtt, protocols, ignored } = load(
      `[{rabbitmq_mqtt, [
          {default_user, <<"device">>},
          {default_pass, <<"hush">>},
          {allow_anonymous, true},
          {vhost, <<"things">>},
          {exchange, <<"events">>},
          {subscription_ttl, 1800000},
          {prefetch, 20},
          {ssl_listeners, []},
          {tcp_listeners, [1883, {"127.0.0.1", 1893}]},
          {tcp_listen_options, [{backlog, 128}]},
          {retained_message_store, rabbit_mqtt_retained_msg_store_dets}]},
        {rabbitmq_web_mqtt, [
          {tcp_config, [{port, 15675}]},
          {max_connections, 50},
          {cowboy_ws_opts, [{idle_timeout, 60000}, {compress, true}]}]}].`,
    )
    assert.deepEqual(mqtt.anonymous, { user: 'device', password: 'hush' })
    assert.deepEqual(
      [mqtt.vhost, mqtt.exchange, mqtt.maxSessionExpirySec, mqtt.prefetch],
      ['things', 'events', 1800, 20],
    )
    const { tcp, web, webIdleMs, webConnectionsMax, webCompresses } = protocols.mqtt!
    assert.deepEqual(
      tcp.map(({ port }) => port),
      [1883, 1893],
    )
    assert.deepEqual([web[0]!.port, webIdleMs, webConnectionsMax, webCompresses], [15_675, 60_000, 50, true])
    assert.deepEqual(ignored, ['mqtt.retained_message_store'])
  })
})
