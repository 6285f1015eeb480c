import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Client, CoreBench } from '../../support/core-bench.ts'

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
