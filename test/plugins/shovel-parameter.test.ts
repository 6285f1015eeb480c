import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { BrokerError } from '../../src/core/errors.ts'
import type { RunningServer } from '../../src/server.ts'
import { startTestBroker } from '../support/with-broker.ts'

// The texts are RabbitMQ's, but for those about addresses and protocols.
describe('parameters of shovels', () => {
  let server: RunningServer
  before(async () => {
    server = (await startTestBroker()).server
    server.broker.putVhost('guarded')
  })
  after(() => server.stop('test'))

  const uris = { 'src-uri': 'amqp://127.0.0.1:1', 'dest-uri': ['amqp://127.0.0.1:1', 'amqps://127.0.0.1:1/v'] }
  const good = { ...uris, 'src-queue': 'a', 'reconnect-delay': 0 }
  const set = (value: unknown): void =>
    server.broker.events.as('guest', () => server.broker.setParameter('/', 'shovel', 's', value))

  const accepted: readonly (readonly [string, object])[] = [
    ['the least', good],
    ['source exchange', { ...uris, 'src-exchange': 'x', 'src-exchange-key': 'k' }],
    [
      'every key',
      {
        ...good,
        'src-protocol': 'amqp091',
        'src-queue-args': { 'x-max-length': 5 },
        'src-prefetch-count': 10,
        'src-delete-after': 'queue-length',
        'src-consumer-args': {},
        'src-predeclared': true,
        'dest-protocol': 'amqp091',
        'dest-queue': 'b',
        'dest-queue-args': [],
        'dest-predeclared': true,
        'dest-add-forward-headers': true,
        'dest-add-timestamp-header': false,
        'dest-publish-properties': { delivery_mode: 2, content_type: 'x', timestamp: 5 },
        'ack-mode': 'on-publish',
      },
    ],
    [
      'names of old',
      {
        ...good,
        'prefetch-count': 5,
        'delete-after': 3,
        'add-forward-headers': true,
        'add-timestamp-header': true,
        'publish-properties': [],
      },
    ],
    ['the broker itself', { 'src-protocol': 'local', 'src-queue': 'a', 'dest-protocol': 'local', 'dest-queue': 'b' }],
  ]
  for (const [title, value] of accepted) {
    test(`${title} is accepted`, () => {
      set(value)
      server.broker.deleteParameter('/', 'shovel', 's')
    })
  }

  const refused: readonly (readonly [string, unknown, ...string[]])[] = [
    ['no object', 5, "Must specify 'src-exchange' or 'src-queue'", 's not a list 5'],
    [
      'nothing',
      {},
      "Must specify 'src-exchange' or 'src-queue'",
      'Key "dest-uri" not found in s',
      'Key "src-uri" not found in s',
    ],
    [
      'two ways to name an end',
      { ...good, 'src-exchange': 'x', 'dest-queue': 5, 'dest-exchange': 'y' },
      "Cannot specify 'src-exchange' and 'src-queue'",
      "Cannot specify 'dest-exchange' and 'dest-queue'",
      'dest-queue should be binary, actually was 5',
    ],
    [
      'a number of messages without acknowledgements',
      { ...good, 'src-delete-after': 3, 'ack-mode': 'no-ack' },
      "Cannot specify 'no-ack' and numerical 'delete-after'",
    ],
    [
      'wrong values',
      {
        ...good,
        foo: 1,
        'ack-mode': 'no',
        'src-delete-after': -1,
        'publish-properties': { delivery_mode: 'x', nope: 1 },
      },
      'Unrecognised terms [{<<"foo">>,1}] in s',
      'Unrecognised terms [{<<"nope">>,1}] in publish-properties',
      'delivery_mode should be a number, actually was <<"x">>',
      'src-delete-after should be a number greater than or equal to 0, "never" or "queue-length", actually was -1',
      'ack-mode should be one of [<<"no-ack">>,<<"on-publish">>,<<"on-confirm">>], actually was <<"no">>',
    ],
    [
      'numbers that do not fit properties',
      { ...good, 'dest-publish-properties': { priority: 300, delivery_mode: 1.5 } },
      'delivery_mode should be a whole number from 0 to 255, actually was 1.5',
      'priority should be a whole number from 0 to 255, actually was 300',
    ],
    ['addresses that are none', { ...good, 'dest-uri': 5 }, 'dest-uri should be list, actually was 5'],
    ['no address', { ...good, 'dest-uri': [] }, 'dest-uri should be list, actually was []'],
    ['an address among others', { ...good, 'dest-uri': ['amqp://h', 5] }, 'dest-uri should be binary, actually was 5'],
    [
      'another scheme',
      { ...good, 'src-uri': 'http://x' },
      '"http://x" not a valid URI: the scheme is http, where amqp or amqps is expected',
    ],
    [
      'arguments that are none',
      { ...good, 'src-queue-args': 'x', 'src-consumer-args': [1] },
      'src-consumer-args not a list [1]',
      'src-queue-args not a list <<"x">>',
    ],
    [
      'AMQP 1.0',
      { ...uris, 'src-protocol': 'amqp10', 'src-address': 'a', 'dest-queue': 'b' },
      'src-protocol amqp10 is not supported: shovels speak amqp091, or local for this broker itself',
    ],
    [
      'a vhost of this broker that the user may not enter',
      { ...good, 'src-uri': 'amqp:///guarded', 'dest-uri': 'amqp:///nowhere' },
      'user "guest" may not connect to vhost "nowhere"',
      'user "guest" may not connect to vhost "guarded"',
    ],
  ]
  for (const [title, value, ...errors] of refused) {
    test(`${title} is refused`, () => {
      assert.throws(
        () => set(value),
        (error: unknown) => {
          assert.ok(error instanceof BrokerError)
          assert.equal(error.message, `Validation failed\n\n${errors.join('\n')}\n`)
          return true
        },
      )
      assert.equal(server.broker.parameters.get('/', 'shovel', 's'), null)
    })
  }

  test('no password is said back', () => {
    for (const uri of ['http://u:s3cret@h', 'amqp://u:s3cret@h:x', 'amqp://h?password=s3cret&verify=x']) {
      assert.throws(
        () => set({ ...good, 'src-uri': uri }),
        (error: Error) => !error.message.includes('s3cret') && error.message.includes('not a valid URI'),
      )
    }
  })

  test('what comes from a file at start is kept, and the shovel says what is wrong with it', () => {
    const { broker, links } = server
    broker.setParameter('/', 'shovel', 'ten', {
      ...uris,
      'src-protocol': 'amqp10',
      'src-address': '/queues/a',
      'dest-queue': 'b',
    })
    const [status] = links.shovels.list()
    assert.equal(status!.state, 'terminated')
    assert.match(status!.reason!, /^src-protocol amqp10 is not supported/)
    assert.equal(links.shovels.restart('/', 'ten'), true)
    broker.deleteParameter('/', 'shovel', 'ten')
    assert.deepEqual(links.shovels.list(), [])
  })
})
