import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { BrokerError } from '../../src/core/errors.ts'
import type { RunningServer } from '../../src/server.ts'
import { startTestBroker } from '../support/with-broker.ts'

describe('parameters of federation', () => {
  let server: RunningServer
  before(async () => {
    server = (await startTestBroker()).server
    server.broker.putVhost('guarded')
  })
  after(() => server.stop('test'))

  const set = (component: string, value: unknown): void =>
    server.broker.events.as('guest', () => server.broker.setParameter('/', component, 'n', value))

  const invalid =
    (...errors: readonly string[]) =>
    (error: unknown): boolean => {
      assert.ok(error instanceof BrokerError)
      assert.equal(error.message, `Validation failed\n\n${errors.join('\n')}\n`)
      return true
    }

  test('upstreams take every key of RabbitMQ', () => {
    set('federation-upstream', {
      uri: ['amqp://a', 'amqps://b/v?verify=verify_none'],
      exchange: 'x',
      queue: 'q',
      'queue-type': 'quorum',
      'consumer-tag': 'tag',
      'prefetch-count': 5,
      'reconnect-delay': 1,
      'max-hops': 3,
      expires: 60_000,
      'message-ttl': 60_000,
      'trust-user-id': true,
      'ack-mode': 'on-publish',
      'resource-cleanup-mode': 'never',
      'ha-policy': 'all',
      'bind-nowait': true,
      'channel-use-mode': 'single',
    })
    server.broker.deleteParameter('/', 'federation-upstream', 'n')
  })

  test('upstreams are checked, with its texts', () => {
    const upstream = (value: unknown) => () => set('federation-upstream', value)
    assert.throws(upstream({}), invalid('Key "uri" not found in n'))
    assert.throws(upstream('x'), invalid('n not a list <<"x">>'))
    assert.throws(upstream({ uri: [] }), invalid('uri should be list, actually was []'))
    assert.throws(upstream({ uri: ['amqp://a', 5] }), invalid('uri should be binary, actually was 5'))
    assert.throws(
      upstream({ uri: 'http://x' }),
      invalid('"http://x" not a valid URI: the scheme is http, where amqp or amqps is expected'),
    )
    assert.throws(
      upstream({ uri: 'amqp://', zip: 1, expires: 'x', 'ack-mode': 'never', 'resource-cleanup-mode': 'later' }),
      invalid(
        'Unrecognised terms [{<<"zip">>,1}] in n',
        'resource-cleanup-mode should be one of [<<"default">>,<<"never">>], actually was <<"later">>',
        'ack-mode should be one of [<<"no-ack">>,<<"on-publish">>,<<"on-confirm">>], actually was <<"never">>',
        'expires should be a number, actually was <<"x">>',
      ),
    )
  })

  test('an upstream that is this broker itself asks for access to its vhost', () => {
    set('federation-upstream', { uri: 'amqp://' })
    server.broker.deleteParameter('/', 'federation-upstream', 'n')
    const refused = invalid('user "guest" may not connect to vhost "guarded"')
    assert.throws(() => set('federation-upstream', { uri: 'amqp:///guarded' }), refused)
    assert.throws(() => set('federation-upstream-set', [{ upstream: 'a', uri: 'amqp:///guarded' }]), refused)
  })

  test('sets are lists of upstreams', () => {
    const upstreams = (value: unknown) => () => set('federation-upstream-set', value)
    upstreams([{ upstream: 'a' }, { upstream: 'b', exchange: 'x', 'trust-user-id': true }])()
    server.broker.deleteParameter('/', 'federation-upstream-set', 'n')
    assert.throws(upstreams([{ upstream: 'a' }, {}]), invalid('Key "upstream" not found in n'))
    assert.throws(
      upstreams([{ upstream: 'a', 'trust-user-id': 1 }]),
      invalid('trust-user-id should be boolean, actually was 1'),
    )
    assert.throws(upstreams({ upstream: 'a' }), invalid('n should be list, actually was #{<<"upstream">> => <<"a">>}'))
  })
})
