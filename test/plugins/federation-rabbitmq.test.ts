import assert from 'node:assert/strict'
import { after, before, describe, test, type TestContext } from 'node:test'
import type { Channel, Delivery } from '../../src/amqp-client/index.ts'
import { type Field, longstr } from '../../src/core/fields.ts'
import type { FederationLinkStatus } from '../../src/core/links.ts'
import { type RabbitMq, startRabbitmq, withoutRabbitmq } from '../support/rabbitmq.ts'
import { federate, linked, linksOf, namesOf, type Node, propagated, startNode, wayOf } from './federation-support.ts'
import { clientOf, eventually, messagesIn, numbered, persistent, publishAll, readyIn } from './support.ts'

const body = (text: string): Buffer => Buffer.from(text)

interface Binding {
  readonly source: string
  readonly destination: string
  readonly routing_key: string
  readonly arguments: Record<string, unknown>
}

describe('federation and RabbitMQ', { skip: withoutRabbitmq }, () => {
  let rabbitmq: RabbitMq
  let clusterName = ''
  before(async () => {
    rabbitmq = await startRabbitmq(['rabbitmq_federation', 'rabbitmq_federation_management'])
    clusterName = ((await rabbitmq.api('GET', 'cluster-name')) as { name: string }).name
  })
  after(() => rabbitmq?.stop())

  let tests = 0
  const unique = (): string => `fed.${++tests}`
  const there = (): { name: string; url: string } => ({ name: 'rabbit', url: rabbitmq.url })

  const bindingsOf = async (exchange: string): Promise<Binding[]> =>
    (await rabbitmq.api('GET', `exchanges/%2F/${exchange}/bindings/source`)) as Binding[]

  /** Makes a broker of ours the upstream of the RabbitMQ, for one name, and undoes it when the test is over. */
  async function federateThere(t: TestContext, up: Node, name: string, more: object = {}): Promise<void> {
    const value = { uri: up.url, 'reconnect-delay': 1, ...more }
    await rabbitmq.api('PUT', `parameters/federation-upstream/%2F/${name}`, { value })
    const definition = { 'federation-upstream': name }
    await rabbitmq.api('PUT', `policies/%2F/${name}`, { pattern: `^${name}$`, definition })
    t.after(async () => {
      await rabbitmq.api('DELETE', `policies/%2F/${name}`)
      await rabbitmq.api('DELETE', `parameters/federation-upstream/%2F/${name}`)
    })
    await eventually(async () => (await linkThere(name)).status === 'running', 30_000)
  }

  async function linkThere(name: string): Promise<FederationLinkStatus> {
    const links = (await rabbitmq.api('GET', 'federation-links')) as FederationLinkStatus[]
    return links.find(({ exchange, queue }) => exchange === name || queue === name)!
  }

  async function exchangeWithQueue(channel: Channel, name: string, key: string): Promise<void> {
    await channel.declareExchange(name, 'topic', { durable: true })
    await channel.declareQueue(`q.${name}`, { durable: true })
    await channel.bindQueue(`q.${name}`, name, key)
  }

  for (const ackMode of ['on-confirm', 'on-publish', 'no-ack']) {
    test(`an exchange of ours gets messages from its exchange, ${ackMode}`, async (t) => {
      const [name, down] = [unique(), await startNode(t, 'down')]
      const { channel } = await clientOf(t, rabbitmq.url)
      await exchangeWithQueue(down.channel, name, 'a.#')
      federate(down, there(), { 'ack-mode': ackMode })
      await linked(down)
      const [binding] = await bindingsOf(name)
      assert.deepEqual(binding!.arguments, {
        'x-bound-from': [{ 'cluster-name': 'down', exchange: `/:${name} B`, hops: 1, vhost: '/' }],
      })
      for (const text of numbered(500)) channel.publish(name, 'a.b', persistent(), body(text))
      channel.publish(name, 'b', null, body('not wanted'))
      await eventually(() => readyIn(down.broker, `q.${name}`) === 500)
      await down.channel.bindQueue(`q.${name}`, name, 'late')
      await eventually(async () => (await bindingsOf(name)).length === 2)
      await down.channel.unbindQueue(`q.${name}`, name, 'a.#')
      await eventually(async () => (await bindingsOf(name)).length === 1)
      await down.channel.deleteExchange(name)
      await eventually(async () => {
        const exchanges = (await rabbitmq.api('GET', 'exchanges/%2F')) as { name: string }[]
        const queues = (await rabbitmq.api('GET', 'queues/%2F')) as { name: string }[]
        return namesOf([...exchanges, ...queues].map((each) => each.name)).length === 0
      })
    })
  }

  test('its exchange gets messages from ours', async (t) => {
    const [name, up] = [unique(), await startNode(t, 'up')]
    const { channel } = await clientOf(t, rabbitmq.url)
    await exchangeWithQueue(channel, name, 'a.#')
    await federateThere(t, up, name, { 'max-hops': 2 })
    await eventually(() => propagated(up, name).join() === 'a.#')
    const internal = up.broker.findVhost('/').findExchange(`federation: ${name} -> ${clusterName} B`)
    assert.equal(internal.type, 'x-federation-upstream')
    for (const text of numbered(500)) up.channel.publish(name, 'a.b', null, body(text))
    up.channel.publish(name, 'b', null, body('not wanted'))
    await eventually(async () => (await channel.checkQueue(`q.${name}`)).messageCount === 500)
    await channel.bindQueue(`q.${name}`, name, 'late')
    await eventually(() => propagated(up, name).join() === 'a.#,late')
    await channel.deleteQueue(`q.${name}`)
    await eventually(() => propagated(up, name).length === 0)
  })

  test('each is an upstream of the other, and nothing goes round', async (t) => {
    const [name, node] = [unique(), await startNode(t, 'here')]
    const { channel } = await clientOf(t, rabbitmq.url)
    for (const each of [channel, node.channel]) await exchangeWithQueue(each, name, '#')
    federate(node, there(), { 'max-hops': 5 })
    await linked(node)
    await federateThere(t, node, name, { 'max-hops': 5 })
    // a propagated binding is not propagated back to where it comes from
    await eventually(() => propagated(node, name).join() === '#')
    channel.publish(name, 'from.there', null, body('there'))
    node.channel.publish(name, 'from.here', null, body('here'))
    const got = new Map<Channel, Delivery[]>()
    for (const each of [channel, node.channel]) {
      const deliveries: Delivery[] = []
      got.set(each, deliveries)
      await each.consume(`q.${name}`, (delivery) => void deliveries.push(delivery), { noAck: true })
      await eventually(() => deliveries.length === 2)
    }
    // what is published last has passed all that might come after it
    channel.publish(name, 'marker', null, body('marker'))
    await eventually(() => [...got.values()].every((each) => each.length === 3))
    const here = got.get(node.channel)!.find(({ routingKey }) => routingKey === 'from.there')!
    assert.deepEqual(wayOf(here.properties.headers), [
      {
        uri: rabbitmq.url.replace('guest:guest@', ''),
        exchange: name,
        redelivered: false,
        'cluster-name': clusterName,
        vhost: '/',
      },
    ])
  })

  test('queues get messages from each other, where they are wanted', async (t) => {
    const [name, node] = [unique(), await startNode(t, 'here')]
    const { channel } = await clientOf(t, rabbitmq.url)
    for (const each of [channel, node.channel]) await each.declareQueue(name, { durable: true })
    federate(node, there())
    await linked(node)
    await federateThere(t, node, name)
    await publishAll(rabbitmq.url, name, numbered(300))
    assert.equal(messagesIn(node.broker, name), 0)
    const seen: string[] = []
    const tag = await node.channel.consume(name, ({ body: got }) => void seen.push(got.toString()), { noAck: true })
    await eventually(() => seen.length === 300)
    assert.deepEqual(seen.toSorted(), numbered(300).toSorted())
    await node.channel.cancel(tag)
    await publishAll(node.url, name, numbered(300, 'n'))
    assert.equal(messagesIn(node.broker, name), 300)
    const theirs: string[] = []
    await channel.consume(name, ({ body: got }) => void theirs.push(got.toString()), { noAck: true })
    await eventually(() => theirs.length === 300, 30_000)
    assert.deepEqual(theirs.toSorted(), numbered(300, 'n').toSorted())
    await eventually(() => messagesIn(node.broker, name) === 0)
  })

  test('headers of ours are those of its own', async (t) => {
    const [name, node] = [unique(), await startNode(t, 'here')]
    const { channel } = await clientOf(t, rabbitmq.url)
    for (const each of [channel, node.channel]) await each.declareQueue(name, { durable: true })
    const headersAt = async (to: Channel, from: Channel): Promise<[string, Field][]> => {
      const properties = persistent()
      properties.headers = new Map([['own', longstr('x')]])
      from.publish('', name, properties, body('x'))
      const got = Promise.withResolvers<Delivery>()
      const tag = await to.consume(name, (delivery) => got.resolve(delivery), { noAck: true })
      const delivery = await got.promise
      await to.cancel(tag)
      return [...delivery.properties.headers!].map(([key, field]) => [key, withoutUri(field)])
    }
    federate(node, there())
    await linked(node)
    const ours = await headersAt(node.channel, channel)
    node.broker.deletePolicy('user', '/', 'fed')
    await eventually(() => linksOf(node).length === 0)
    await federateThere(t, node, name)
    assert.deepEqual(ours, await headersAt(channel, node.channel))
  })

  test('the status of a link of ours has all that its own has', async (t) => {
    const [name, node] = [unique(), await startNode(t, 'here')]
    const { channel } = await clientOf(t, rabbitmq.url)
    await exchangeWithQueue(channel, name, '#')
    await exchangeWithQueue(node.channel, name, '#')
    await channel.declareQueue(`${name}q`, { durable: true })
    await node.channel.declareQueue(`${name}q`, { durable: true })
    const shape = (link: FederationLinkStatus): [string, string][] =>
      Object.entries(link)
        // how its own connection here is doing: the HTTP API's to add
        .filter(([key]) => key !== 'local_channel')
        .map(([key, value]): [string, string] => [key, typeof value])
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
    federate(node, there())
    const ours = (await linked(node, 2)).map(shape)
    node.broker.deletePolicy('user', '/', 'fed')
    await federateThere(t, node, name)
    await federateThere(t, node, `${name}q`)
    const theirs = [await linkThere(name), await linkThere(`${name}q`)].map(shape)
    assert.deepEqual(ours, theirs)
  })

  test('nothing is lost when it is killed in the middle', async (t) => {
    const [name, down] = [unique(), await startNode(t, 'down')]
    await exchangeWithQueue(down.channel, name, '#')
    await down.channel.declareQueue(`${name}q`, { durable: true })
    federate(down, there(), { 'prefetch-count': 50 })
    await linked(down, 2)
    const seen = new Set<string>()
    const take = ({ body: got }: Delivery): void => void seen.add(got.toString())
    await publishAll(rabbitmq.url, `federation: ${name} -> down`, numbered(5000, 'x'))
    await publishAll(rabbitmq.url, `${name}q`, numbered(5000, 'q'))
    await down.channel.consume(`${name}q`, take, { noAck: true })
    await eventually(() => seen.size > 500)
    await rabbitmq.kill()
    await eventually(() => linksOf(down).every(({ status }) => status !== 'running'))
    const before = seen.size
    await rabbitmq.restart()
    await down.channel.consume(`q.${name}`, take, { noAck: true })
    await eventually(() => seen.size === 10_000, 60_000)
    assert.ok(before < 10_000, 'it was in the middle')
    await linked(down, 2)
  })
})

/** The headers of links, without the addresses of brokers. */
function withoutUri(field: Field): Field {
  if (field.type === 'array') return { type: 'array', value: field.value.map(withoutUri) }
  if (field.type !== 'table') return field
  return { type: 'table', value: new Map([...field.value].filter(([key]) => key !== 'uri')) }
}
