import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BrokerError } from '../../../src/core/errors.ts'
import { type Client, CoreBench, tableOf } from '../../support/core-bench.ts'

async function start(): Promise<{ client: Client; other: Client }> {
  const bench = await new CoreBench().start()
  const client = bench.client()
  client.session.selectTransactions()
  return { client, other: bench.client() }
}

const bodiesIn = (client: Client, queue: string): string[] => {
  const bodies: string[] = []
  for (let got = client.get(queue, true); got !== null; got = client.get(queue, true)) bodies.push(got.body)
  return bodies
}

// As RabbitMQ does, with which each of these was compared: the publish decides on names, the commit on who has them.
for (const type of ['classic', 'quorum']) {
  for (const exchange of ['', 'amq.direct']) {
    const declare = (client: Client): void => {
      client.declare('q', { 'x-queue-type': type })
      if (exchange !== '') client.session.topology.bindQueue('q', exchange, 'q', new Map())
    }
    const place = `${type} queue, ${exchange === '' ? 'default exchange' : exchange}`

    test(`what is committed to a queue that is gone by then is returned: ${place}`, async () => {
      const { client, other } = await start()
      declare(client)
      client.publish('q', 'a', { exchange, mandatory: true })
      other.session.topology.deleteQueue('q', false, false)
      client.session.commit()
      assert.deepEqual(
        client.told.map(({ what }) => what),
        ['returned', 'committed'],
      )
    })

    test(`what is committed goes to the queue that has the name by then: ${place}`, async () => {
      const { client, other } = await start()
      declare(client)
      client.publish('q', 'a', { exchange, mandatory: true })
      other.session.topology.deleteQueue('q', false, false)
      other.declare('q', { 'x-queue-type': type })
      client.session.commit()
      assert.deepEqual([client.told.map(({ what }) => what), bodiesIn(other, 'q')], [['committed'], ['a']])
    })
  }
}

test('what is committed to the default exchange goes to a queue that was declared after the publish', async () => {
  const { client, other } = await start()
  client.publish('q', 'a', { mandatory: true })
  other.declare('q')
  client.session.commit()
  assert.deepEqual([client.told.map(({ what }) => what), bodiesIn(other, 'q')], [['committed'], ['a']])
})

test('all is committed though the exchange of a plugin fails when it is asked once more', async () => {
  const bench = await new CoreBench().start()
  let asked = 0
  bench.broker.exchangeTypes.register({
    name: 'x-failing',
    cacheable: false,
    create: () => ({
      bind() {},
      unbind() {},
      route(_message, out) {
        if (++asked === 6) throw new BrokerError('internalError', 'the plugin failed')
        out.add(bench.queue('q'))
      },
    }),
  })
  const client = bench.client()
  const other = bench.client()
  client.declare('q')
  client.exchange('x', 'x-failing', { 'x-message-deduplication': true })
  client.session.selectTransactions()
  for (const body of ['a', 'b']) {
    client.publish('any', body, { exchange: 'x', headers: tableOf({ 'x-deduplication-header': body }) })
  }
  client.session.commit()
  assert.deepEqual([asked, bodiesIn(other, 'q')], [6, ['a', 'b']])
})
