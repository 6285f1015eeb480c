import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { AmqpUriError, parseAmqpUri, withoutCredentials } from '../../src/amqp-client/index.ts'

describe('addresses of brokers', () => {
  test('everything is left out', () => {
    const uri = parseAmqpUri('amqp://', 'mine')
    assert.deepEqual(
      { tls: uri.tls, host: uri.host, port: uri.port, username: uri.username, vhost: uri.vhost },
      { tls: false, host: null, port: 5672, username: null, vhost: 'mine' },
    )
    assert.equal(uri.heartbeatSec, null)
    assert.deepEqual(uri.mechanisms, [])
    assert.equal(uri.tlsOptions.verify, true)
  })

  test('the broker itself, with a user and a virtual host', () => {
    const uri = parseAmqpUri('amqp://ann@/team%2Fa')
    assert.deepEqual([uri.host, uri.username, uri.password, uri.vhost], [null, 'ann', null, 'team/a'])
    assert.equal(parseAmqpUri('amqp:///other').vhost, 'other')
  })

  test('all parts, percent-encoded', () => {
    const uri = parseAmqpUri('amqps://a%40b:p%3Aw%2F@[::1]:5999/%2F?heartbeat=7&channel_max=9&frame_max=8192')
    assert.deepEqual(
      [uri.tls, uri.username, uri.password, uri.host, uri.port, uri.vhost],
      [true, 'a@b', 'p:w/', '::1', 5999, '/'],
    )
    assert.deepEqual([uri.heartbeatSec, uri.channelMax, uri.frameMax], [7, 9, 8192])
    assert.equal(parseAmqpUri('amqps://h').port, 5671)
    assert.equal(parseAmqpUri('AMQP://H').host, 'H')
    assert.equal(parseAmqpUri('amqp://h/').vhost, '/')
  })

  test('the parameters of TLS, login and time', () => {
    const uri = parseAmqpUri(
      'amqps://h?cacertfile=/ca%20s.pem&certfile=/c.pem&keyfile=/k.pem&verify=verify_none&password=s&connection_timeout=250' +
        '&auth_mechanism=external&auth_mechanism=plain&server_name_indication=other.example&fail_if_no_peer_cert=true',
    )
    assert.deepEqual(uri.tlsOptions, {
      caFile: '/ca s.pem',
      certFile: '/c.pem',
      keyFile: '/k.pem',
      password: 's',
      verify: false,
      serverName: 'other.example',
    })
    assert.equal(uri.connectionTimeoutMs, 250)
    assert.deepEqual(uri.mechanisms, ['EXTERNAL', 'PLAIN'])
    assert.equal(parseAmqpUri('amqps://h?server_name_indication=disable').tlsOptions.serverName, '')
  })

  const broken: readonly (readonly [string, RegExp])[] = [
    ['localhost', /not a URI/],
    ['http://localhost', /scheme is http/],
    ['amqp://h:0', /port is not a number/],
    ['amqp://h:70000', /port is not a number/],
    ['amqp://u:s3cret/x@h', /port is not a number/],
    ['amqp://u:s3@cret@h', /percent-encoded/],
    ['amqp://:5672', /port needs a host/],
    ['amqps://', /amqps needs a host/],
    ['amqp://h/a/b', /%2F/],
    ['amqp://u:%zz@h', /password: broken/],
    ['amqp://h?heartbeat=soon', /heartbeat=soon/],
    ['amqp://h?channel_max=-1', /channel_max=-1/],
    ['amqp://h?verify=perhaps', /verify=perhaps/],
  ]
  for (const [uri, reason] of broken) {
    test(`refuses ${uri}`, () => {
      assert.throws(
        () => parseAmqpUri(uri),
        (error: unknown) => {
          assert.ok(error instanceof AmqpUriError)
          assert.match(error.message, reason)
          assert.doesNotMatch(error.message, /s3/)
          return true
        },
      )
    })
  }

  test('shows no password, wherever it stands', () => {
    const shown: readonly (readonly [string, string])[] = [
      ['amqp://u:s3cret@h:5672/v?password=s3cret', 'amqp://h:5672/v'],
      ['amqp://u:s3cret@/v', 'amqp:///v'],
      ['amqp://', 'amqp://'],
      ['amqp://u:s3cret/x@h', '(not a valid URI)'],
      ['amqp://u:5/s3cret@h', 'amqp://u:5'],
      ['u:s3cret', '(not a valid URI)'],
    ]
    for (const [uri, expected] of shown) assert.equal(withoutCredentials(uri), expected, uri)
  })
})
