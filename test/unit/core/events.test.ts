import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type BrokerEvent, BrokerEvents } from '../../../src/core/events.ts'
import { CoreBench } from '../../support/core-bench.ts'

async function listening(): Promise<{ bench: CoreBench; events: BrokerEvent[]; names: () => string[] }> {
  const bench = await new CoreBench().start()
  const events: BrokerEvent[] = []
  bench.broker.events.listen((event) => events.push(event))
  return { bench, events, names: () => events.splice(0).map(({ name, actor }) => `${name} ${actor}`) }
}

describe('events', () => {
  test('tell what clients make and unmake, in order, and who does it', async () => {
    const { bench, names } = await listening()
    const client = bench.client()
    assert.deepEqual(names(), ['connection.created rmq-internal', 'channel.created rmq-internal'])
    client.declare('q')
    client.session.topology.declareExchange({
      name: 'x',
      type: 'topic',
      durable: true,
      autoDelete: true,
      internal: false,
      passive: false,
      arguments: new Map(),
    })
    client.session.topology.bindQueue('q', 'x', 'k', new Map())
    client.session.topology.bindQueue('q', 'x', 'k', new Map())
    assert.deepEqual(names(), ['queue.created guest', 'exchange.created guest', 'binding.created guest'])
    client.consume('q')
    client.session.topology.deleteQueue('q', false, false)
    assert.deepEqual(names(), [
      'consumer.created guest',
      'binding.deleted guest',
      'exchange.deleted guest',
      'consumer.deleted guest',
      'queue.deleted guest',
    ])
    client.connection.close()
    assert.deepEqual(names(), ['channel.closed guest', 'connection.closed guest'])
  })

  test('tell what becomes of users without their secrets', async () => {
    const { bench, events, names } = await listening()
    const { users } = bench.broker
    users.put(users.parse({ name: 'u', password: 'first secret', tags: [] }))
    users.put(users.parse({ name: 'u', password: 'second secret', tags: ['monitoring'] }))
    assert.doesNotMatch(JSON.stringify(events), /secret|hash/)
    users.delete('u')
    assert.deepEqual(names(), [
      'user.created rmq-internal',
      'user.password.changed rmq-internal',
      'user.tags.set rmq-internal',
      'user.deleted rmq-internal',
    ])
  })
})

describe('listeners', () => {
  test('hear of what they want, and what nobody wants is not composed', () => {
    const events = new BrokerEvents(() => 1)
    const heard: string[] = []
    let wanted = ['c']
    const ends = [
      events.listen(({ name }) => heard.push(`named ${name}`), ['a', 'b']),
      events.listen(
        ({ name }) => heard.push(`asked ${name}`),
        (name) => wanted.includes(name),
      ),
    ]
    let composed = 0
    const emit = (...names: string[]): string[] => {
      for (const name of names) events.emit(name, null, () => ({ number: ++composed }))
      return heard.splice(0)
    }
    assert.deepEqual(emit('a', 'b', 'c', 'd'), ['named a', 'named b', 'asked c'])
    assert.equal(composed, 3)
    wanted = ['a']
    assert.deepEqual(emit('a', 'c'), ['named a', 'asked a'])
    assert.equal(composed, 4)
    for (const end of ends) end()
    assert.deepEqual(emit('a', 'b', 'c'), [])
    assert.equal(composed, 4)
  })
})

describe('counts of messages', () => {
  test('outlive the sessions that counted', async () => {
    const { bench } = await listening()
    const client = bench.client()
    client.declare('q')
    client.publish('q', 'a')
    client.publish('nowhere', 'b')
    client.get('q')
    client.get('q')
    const before = bench.broker.messageCounters()
    assert.deepEqual([before.published, before.unroutable, before.got, before.getEmpty], [2, 1, 1, 1])
    client.connection.close()
    assert.deepEqual(bench.broker.messageCounters(), before)
  })

  test('say where the messages of a queue came from, and where those of a channel went', async () => {
    const { bench } = await listening()
    const client = bench.client()
    client.declare('q')
    client.session.topology.bindQueue('q', 'amq.fanout', '', new Map())
    client.publish('q', 'a')
    client.publish('', 'b', { exchange: 'amq.fanout' })
    client.publish('', 'c', { exchange: 'amq.fanout' })
    const queue = bench.vhost.findQueue('q')
    const sources = [...queue.incoming.bySource].map(([name, { published }]) => [name, published])
    assert.deepEqual(sources, [
      ['', 1],
      ['amq.fanout', 2],
    ])
    const exchanges = [...client.session.publishing.byExchange].map(([name, { published }]) => [name, published])
    assert.deepEqual(exchanges, sources)
  })
})
