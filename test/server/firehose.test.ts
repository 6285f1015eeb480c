import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connect, type ConsumeMessage } from 'amqplib'
import { eventually, withBroker } from '../support/with-broker.ts'

test('the firehose copies publishes and deliveries of its vhost to amq.rabbitmq.trace (12.3)', async () => {
  await withBroker({}, async ({ server, url }) => {
    server.broker.findVhost('/').trace(true)
    const connection = await connect(url)
    const channel = await connection.createConfirmChannel()
    const traced: ConsumeMessage[] = []
    const { queue: traces } = await channel.assertQueue('', { exclusive: true })
    await channel.bindQueue(traces, 'amq.rabbitmq.trace', '#')
    await channel.consume(traces, (message) => traced.push(message!), { noAck: true })
    await channel.assertQueue('work')
    await channel.consume('work', (message) => channel.ack(message!))
    channel.sendToQueue('work', Buffer.from('one'), { messageId: 'm-1', headers: { shade: 'blue' } })
    await channel.waitForConfirms()
    await eventually(() => traced.length === 2)

    const [published, delivered] = traced
    assert.equal(published!.fields.routingKey, 'publish.')
    assert.equal(published!.content.toString(), 'one')
    const { properties, connection: name, ...facts } = published!.properties.headers as Record<string, unknown>
    assert.match(String(name), /^127\.0\.0\.1:\d+ -> 127\.0\.0\.1:\d+$|^::1:\d+ -> ::1:\d+$/)
    assert.deepEqual(facts, {
      exchange_name: '',
      routing_keys: ['work'],
      node: server.broker.options.nodeName,
      vhost: '/',
      channel: 1,
      user: 'guest',
      routed_queues: ['work'],
    })
    assert.deepEqual(properties, { headers: { shade: 'blue' }, message_id: 'm-1' })
    assert.equal(delivered!.fields.routingKey, 'deliver.work')
    assert.equal(delivered!.properties.headers!['redelivered'], 0)

    server.broker.findVhost('/').trace(false)
    channel.sendToQueue('work', Buffer.from('two'))
    await channel.waitForConfirms()
    await eventually(() => server.broker.findVhost('/').findQueue('work').counters.acknowledged === 2)
    assert.equal(traced.length, 2)
    await connection.close()
  })
})
