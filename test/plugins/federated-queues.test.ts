import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Channel, Properties } from '../../src/amqp-client/index.ts'
import { array, longstr, signedint } from '../../src/core/fields.ts'
import { startCutProxy } from '../clients/cut-proxy.ts'
import { federate, linked, linksOf, type Node, startNode, text, wayOf } from './federation-support.ts'
import { eventually, messagesIn, numbered, publishAll, readyIn, takeAll, textsOf } from './support.ts'

const body = (content: string): Buffer => Buffer.from(content)

/** Consumes and acknowledges everything. */
async function consumeAll(channel: Channel, queue: string): Promise<{ seen: string[]; tag: string }> {
  const seen: string[] = []
  const tag = await channel.consume(queue, (delivery) => {
    seen.push(delivery.body.toString())
    channel.ack(delivery.deliveryTag)
  })
  return { seen, tag }
}

const consumersOf = ({ broker }: Node, queue: string): number => broker.findVhost('/').findQueue(queue).consumerCount

describe('federated queues', () => {
  for (const ackMode of ['on-confirm', 'on-publish', 'no-ack']) {
    test(`get messages while they are wanted here, ${ackMode}`, async (t) => {
      const [up, down] = [await startNode(t, 'up'), await startNode(t, 'down')]
      await down.channel.declareQueue('fed.q', { durable: true })
      federate(down, up, { 'ack-mode': ackMode })
      const [link] = await linked(down)
      assert.deepEqual(
        [link!.queue, link!.upstream_queue, link!.consumer_tag, link!.type],
        ['fed.q', 'fed.q', 'federation-link-up', 'queue'],
      )
      await publishAll(up.url, 'fed.q', numbered(100))
      assert.deepEqual([consumersOf(up, 'fed.q'), readyIn(up.broker, 'fed.q')], [0, 100])
      const { seen, tag } = await consumeAll(down.channel, 'fed.q')
      await eventually(() => seen.length === 100)
      assert.deepEqual(seen, numbered(100))
      assert.equal(consumersOf(up, 'fed.q'), 1)
      await down.channel.cancel(tag)
      await eventually(() => consumersOf(up, 'fed.q') === 0)
      await publishAll(up.url, 'fed.q', ['left'])
      assert.equal(messagesIn(up.broker, 'fed.q'), 1)
      await eventually(() => messagesIn(down.broker, 'fed.q') === 0)
    })
  }

  test('the queue upstream is made like the one here, where there is none', async (t) => {
    const [up, down] = [await startNode(t, 'up'), await startNode(t, 'down')]
    await down.channel.declareQueue('fed.q', {
      durable: true,
      arguments: new Map([
        ['x-max-length', signedint(1000)],
        ['x-queue-type', longstr('quorum')],
      ]),
    })
    federate(down, up, { queue: 'other', 'consumer-tag': 'mine' })
    const [link] = await linked(down)
    assert.deepEqual([link!.upstream_queue, link!.consumer_tag], ['other', 'mine'])
    const queue = up.broker.findVhost('/').findQueue('other')
    assert.deepEqual([queue.type, queue.durable, queue.arguments.get('x-max-length')?.value], ['quorum', true, 1000])
    await consumeAll(down.channel, 'fed.q')
    const [consumer] = await eventually(() =>
      queue.dispatcher.consumers.length > 0 ? queue.dispatcher.consumers : undefined,
    )
    assert.deepEqual([consumer!.tag, consumer!.priority, consumer!.prefetch], ['mine', -1, 1000])
  })

  test('consumers upstream come first', async (t) => {
    const [up, down] = [await startNode(t, 'up'), await startNode(t, 'down')]
    await down.channel.declareQueue('fed.q')
    federate(down, up)
    await linked(down)
    const here = await consumeAll(down.channel, 'fed.q')
    await eventually(() => consumersOf(up, 'fed.q') === 1)
    const there = await consumeAll(up.channel, 'fed.q')
    for (const each of numbered(50)) {
      up.channel.publish('', 'fed.q', null, body(each))
      await eventually(() => there.seen.at(-1) === each)
    }
    assert.equal(here.seen.length, 0)
  })

  test('a consumer that is busy asks for nothing, nor does one while the queue has messages', async (t) => {
    const [up, down] = [await startNode(t, 'up'), await startNode(t, 'down')]
    await down.channel.declareQueue('fed.q')
    federate(down, up, { 'prefetch-count': 10 })
    await linked(down)
    await down.channel.prefetch(1)
    const held: number[] = []
    await down.channel.consume('fed.q', ({ deliveryTag }) => void held.push(deliveryTag))
    await eventually(() => consumersOf(up, 'fed.q') === 1)
    down.channel.publish('', 'fed.q', null, body('own'))
    await eventually(() => held.length === 1 && consumersOf(up, 'fed.q') === 0)
    await publishAll(up.url, 'fed.q', numbered(100))
    assert.equal(messagesIn(up.broker, 'fed.q'), 100)
    down.channel.ack(held[0]!)
    await eventually(() => held.length === 2)
    // what was under way when the consumer had enough has come, and no more
    await eventually(() => consumersOf(up, 'fed.q') === 0)
    await eventually(() => messagesIn(up.broker, 'fed.q') + messagesIn(down.broker, 'fed.q') === 100)
    assert.ok(messagesIn(down.broker, 'fed.q') <= 10)
  })

  test('what a message was is in its headers', async (t) => {
    const [up, down] = [await startNode(t, 'up'), await startNode(t, 'down')]
    await down.channel.declareQueue('fed.q')
    await up.channel.declareQueue('copy')
    federate(down, up)
    await linked(down)
    await up.channel.bindQueue('fed.q', 'amq.topic', 'k')
    const headers = new Map([['CC', array([longstr('fed.q')])]])
    const properties = Object.assign(new Properties(), { headers, userId: 'guest', messageId: 'm' })
    up.channel.publish('amq.topic', 'k', properties, body('x'))
    await down.channel.prefetch(1)
    const got = Promise.withResolvers<Properties>()
    await down.channel.consume('fed.q', (delivery) => got.resolve(delivery.properties))
    const { headers: changed, userId, messageId } = await got.promise
    assert.deepEqual([userId, messageId], [null, 'm'])
    assert.deepEqual(
      [text(changed, 'x-original-exchange'), text(changed, 'x-original-routing-key')],
      ['amq.topic', 'k'],
    )
    assert.deepEqual([changed!.has('CC'), changed!.get('x-original-cc')], [false, array([longstr('fed.q')])])
    assert.deepEqual(wayOf(changed), [
      { uri: up.url.replace('guest:guest@', ''), queue: 'fed.q', redelivered: false, 'visit-count': 1 },
    ])
  })

  test('messages go where they are wanted, to and fro and through a third broker', async (t) => {
    const [a, b, c] = [await startNode(t, 'a'), await startNode(t, 'b'), await startNode(t, 'c')]
    for (const node of [a, b, c]) await node.channel.declareQueue('fed.q', { durable: true })
    const definition = { 'federation-upstream-set': 'all' }
    for (const [node, others] of [
      [a, [b]],
      [b, [a, c]],
      [c, [b]],
    ] as const) {
      for (const other of others) federate(node, other, {}, definition)
    }
    await Promise.all([linked(a), linked(b, 2), linked(c)])
    await publishAll(a.url, 'fed.q', numbered(100))
    // c asks b, which nobody else asks: consumers of links do not count, so b does not ask a
    const atC = await consumeAll(c.channel, 'fed.q')
    const atB = await consumeAll(b.channel, 'fed.q')
    await eventually(() => atB.seen.length + atC.seen.length === 100)
    await b.channel.cancel(atB.tag)
    await c.channel.cancel(atC.tag)
    const atA = await consumeAll(a.channel, 'fed.q')
    await publishAll(b.url, 'fed.q', ['back'])
    await eventually(() => atA.seen.length === 1)
    assert.deepEqual(atA.seen, ['back'])
  })

  test('a message that comes by again is counted', async (t) => {
    const [a, b] = [await startNode(t, 'a'), await startNode(t, 'b')]
    for (const node of [a, b]) await node.channel.declareQueue('fed.q')
    federate(a, b)
    federate(b, a)
    await Promise.all([linked(a), linked(b)])
    await publishAll(a.url, 'fed.q', ['x'])
    let way: unknown
    const moveTo = async (node: Node): Promise<void> => {
      await node.channel.prefetch(1)
      const moved = Promise.withResolvers<void>()
      const tag = await node.channel.consume('fed.q', (delivery) => {
        way = wayOf(delivery.properties.headers)
        moved.resolve()
        node.channel.nack(delivery.deliveryTag)
      })
      await moved.promise
      await node.channel.cancel(tag)
      await eventually(() => readyIn(node.broker, 'fed.q') === 1)
    }
    await moveTo(b)
    await moveTo(a)
    await moveTo(b)
    const hop = (from: Node, visits: number, redelivered: boolean): object => ({
      uri: from.url.replace('guest:guest@', ''),
      queue: 'fed.q',
      redelivered,
      'visit-count': visits,
    })
    assert.deepEqual(way, [hop(a, 2, true), hop(b, 1, true)])
  })
})

describe('federated queues through trouble', () => {
  test('nothing is lost when the network is cut again and again', async (t) => {
    const [up, down] = [await startNode(t, 'up'), await startNode(t, 'down')]
    const proxy = await startCutProxy(up.url)
    t.after(() => proxy.close())
    await down.channel.declareQueue('fed.q', { durable: true })
    federate(down, { name: 'up', url: proxy.url }, { 'prefetch-count': 50 })
    await linked(down)
    const { seen } = await consumeAll(down.channel, 'fed.q')
    for (let round = 0; round < 5; round++) {
      await publishAll(up.url, 'fed.q', numbered(300, `${round}.`))
      await eventually(() => seen.some((each) => each.startsWith(`${round}.`)))
      proxy.cut()
      await linked(down)
    }
    await eventually(() => new Set(seen).size === 1500)
    await eventually(() => messagesIn(up.broker, 'fed.q') === 0)
  })

  test('a queue that is deleted upstream is made again; one that is deleted here ends the link', async (t) => {
    const [up, down] = [await startNode(t, 'up'), await startNode(t, 'down')]
    await down.channel.declareQueue('fed.q')
    federate(down, up)
    await linked(down)
    await consumeAll(down.channel, 'fed.q')
    await eventually(() => consumersOf(up, 'fed.q') === 1)
    await up.channel.deleteQueue('fed.q')
    await eventually(() => up.broker.findVhost('/').queues.has('fed.q') && consumersOf(up, 'fed.q') === 1)
    await linked(down)
    await down.channel.deleteQueue('fed.q')
    await eventually(() => linksOf(down).length === 0)
    await eventually(() => consumersOf(up, 'fed.q') === 0)
    await down.channel.declareQueue('fed.q')
    await linked(down)
  })

  test('a name that does not fit is told, and harms nothing', async (t) => {
    const [up, down] = [await startNode(t, 'up'), await startNode(t, 'down')]
    await down.channel.declareQueue('fed.q')
    federate(down, up, { 'consumer-tag': 'x'.repeat(300) })
    await linked(down)
    const { seen } = await consumeAll(down.channel, 'fed.q')
    const failed = await eventually(() => linksOf(down).find(({ status }) => status === 'error'))
    assert.match(failed.error!, /shortstr/)
    federate(down, up)
    await publishAll(up.url, 'fed.q', ['fine'])
    await eventually(() => seen.length === 1)
  })

  test('queues of links, and exclusive ones, are let be', async (t) => {
    const [up, down] = [await startNode(t, 'up'), await startNode(t, 'down')]
    await down.channel.declareQueue('fed.internal', { arguments: new Map([['x-internal-purpose', longstr('any')]]) })
    await down.channel.declareQueue('fed.exclusive', { exclusive: true })
    await down.channel.declareQueue('fed.q')
    federate(down, up)
    const links = await linked(down)
    assert.equal(links[0]!.queue, 'fed.q')
    assert.deepEqual(textsOf(await takeAll(down.channel, 'fed.q')), [])
  })
})
