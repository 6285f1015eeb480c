import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runCtl } from '../../src/cli/ctl/run.ts'
import { virtualClock } from '../../src/util/virtual-clock.ts'
import { eventually, startTestBroker } from '../support/with-broker.ts'
import { bufferTerminal } from './support/buffer-terminal.ts'

// Whether a link runs depends on more than the recorded answers of RabbitMQ's tools can wait for. What is asked for here is what RabbitMQ
// 3.10 prints: maps, which programs parse.

test('federation_status shows links as maps', async (t) => {
  const clock = virtualClock(new Date(2026, 10, 28, 3, 5, 9).getTime())
  const { server } = await startTestBroker({ clock })
  t.after(() => server.stop('test'))
  const { broker } = server
  broker.putVhost('v')
  broker.setParameter('v', 'federation-upstream', 'up', { uri: 'amqp:///nowhere' })
  broker.setPolicy('user', 'v', 'f', { pattern: '^(amq.fanout|q)$', definition: { 'federation-upstream': 'up' } })
  const facts = { name: 'q', durable: true, autoDelete: false, owner: null, arguments: new Map() }
  broker.findVhost('v').createQueue('classic', facts)
  const links = await eventually(() => {
    const all = server.links.federation.list()
    return all.length === 2 && all.every(({ status }) => status === 'error') ? all : undefined
  })
  const terminal = bufferTerminal()
  const host = { version: '0.0.0', describeNode: () => assert.fail('the address was given'), commands: () => [] }
  const args = ['--url', server.urls.http[0]!, '-q', 'federation_status']
  assert.equal(await runCtl('ctl', args, host, terminal), 0, terminal.stderr)
  const idOf = (type: string): string => links.find((link) => link.type === type)!.id
  const error = `error => <<"530 NOT_ALLOWED - vhost nowhere not found">>`
  const changed = 'last_changed => <<"2026-11-28 03:05:09">>'
  const rest = 'upstream => <<"up">>'
  const uri = 'uri => <<"amqp:///nowhere">>,vhost => <<"v">>'
  const exchange =
    `#{${error},exchange => <<"amq.fanout">>,id => <<"${idOf('exchange')}">>,${changed},local_connection => <<>>,queue => <<>>,` +
    `status => error,type => exchange,${rest},upstream_exchange => <<"amq.fanout">>,upstream_queue => <<>>,${uri}}`
  const queue =
    `#{consumer_tag => <<"federation-link-up">>,${error},exchange => <<>>,id => <<"${idOf('queue')}">>,${changed},` +
    `local_connection => <<>>,queue => <<"q">>,status => error,type => queue,${rest},upstream_exchange => <<>>,` +
    `upstream_queue => <<"q">>,${uri}}`
  assert.deepEqual(terminal.stdout.trimEnd().slice(1, -1).split(',\n ').toSorted(), [exchange, queue].toSorted())
})
