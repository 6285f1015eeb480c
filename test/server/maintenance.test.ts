import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { describe, test, type TestContext } from 'node:test'
import WebSocket from 'ws'
import * as m from '../../src/protocols/amqp091/wire/methods.gen.ts'
import { RawAmqp } from '../support/raw-amqp.ts'
import { eventually, startTestBroker, type TestBroker } from '../support/with-broker.ts'

// Maintenance mode over the HTTP API, as `rabbitmq-upgrade drain` and `revive` have it.

const ALL = ['amqp', 'mqtt', 'stomp'] as const
const FLAGS = [
  ...['--protocols', 'amqp,mqtt,stomp', '--web-mqtt-port', '0', '--web-stomp-port', '0'],
  ...['--mqtt-port', '0', '--stomp-port', '0'],
]

async function start(t: TestContext, flags: readonly string[] = FLAGS): Promise<TestBroker> {
  const broker = await startTestBroker({ flags })
  t.after(() => broker.server.stop('test'))
  return broker
}

async function ask(
  { server }: TestBroker,
  method: string,
  path: string,
  { user = 'guest', body }: { user?: string; body?: object } = {},
) {
  const answer = await fetch(`${server.urls.http[0]!}/api/${path}`, {
    method,
    headers: { authorization: `Basic ${btoa(`${user}:${user}`)}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  return { status: answer.status, json: text === '' ? null : (JSON.parse(text) as Record<string, unknown>) }
}

const post = async (broker: TestBroker, what: 'drain' | 'revive'): Promise<number> =>
  (await ask(broker, 'POST', `node/${what}`)).status

const isDrained = async (broker: TestBroker): Promise<unknown> =>
  ((await ask(broker, 'GET', 'nodes')).json as unknown as { being_drained: boolean }[])[0]!.being_drained

/** The error that there is nobody; null where a connection is taken. */
async function refusal(port: number): Promise<string | null> {
  const socket = connect(port, 'localhost')
  try {
    await once(socket, 'connect')
    return null
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error)
  } finally {
    socket.destroy()
  }
}

const portOf = (url: string): number => Number(new URL(url).port)

/** The first answer to what is sent, and what comes after it until the end. */
async function converse(port: number, sent: Buffer): Promise<{ rest: Promise<Buffer> }> {
  const socket = connect(port, 'localhost')
  socket.write(sent)
  await once(socket, 'data')
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  return { rest: once(socket, 'end').then(() => Buffer.concat(chunks)) }
}

const MQTT_5_CONNECT = Buffer.from('101d00044d51545405c2003c00000263310005677565737400056775657374', 'hex')
const STOMP_CONNECT = Buffer.from('CONNECT\naccept-version:1.2\nhost:/\nlogin:guest\npasscode:guest\n\n\0')

describe('maintenance mode', () => {
  test('sends the clients of all protocols away, in their words, and closes their ports until it ends', async (t) => {
    const broker = await start(t)
    const { urls } = broker.server
    const client = await RawAmqp.open(broker.port)
    const mqtt = await converse(portOf(urls.mqtt[0]!), MQTT_5_CONNECT)
    const stomp = await converse(portOf(urls.stomp[0]!), STOMP_CONNECT)
    const halfOpen = await RawAmqp.tcp(broker.port)
    assert.equal(await post(broker, 'drain'), 204)
    const { replyCode, replyText } = await client.expect(m.ConnectionClose)
    assert.deepEqual([replyCode, replyText], [320, 'CONNECTION_FORCED - Node was put into maintenance mode'])
    client.send(0, new m.ConnectionCloseOk())
    assert.deepEqual(await client.rest(), [])
    assert.deepEqual(await halfOpen.rest(), [], 'who has not logged in is sent away as well')
    const [packet, frame] = [await mqtt.rest, await stomp.rest]
    assert.deepEqual([packet[0], packet[2]], [0xe0, 0x8b], 'DISCONNECT, server shutting down')
    assert.match(frame.toString(), /^ERROR\n[^]*Node was put into maintenance mode/)

    const ports = [...ALL, 'webMqtt' as const, 'webStomp' as const].map((protocol) => portOf(urls[protocol][0]!))
    assert.equal(new Set(ports).size, 5)
    for (const port of ports) assert.equal(await refusal(port), 'ECONNREFUSED')
    assert.equal(await isDrained(broker), true)
    assert.equal(await post(broker, 'drain'), 204, 'once more is no mistake')
    assert.equal(await post(broker, 'revive'), 204)
    for (const port of ports) assert.equal(await refusal(port), null)
    assert.equal(await isDrained(broker), false)
    assert.equal(await post(broker, 'revive'), 204)
    const again = await RawAmqp.open(broker.port)
    again.send(0, new m.ConnectionClose(200, '', 0, 0))
    await again.expect(m.ConnectionCloseOk)
  })

  test('is seen by the health checks that load balancers ask', async (t) => {
    const broker = await start(t, [])
    const checks = ['is-in-service', 'ready-to-serve-clients', `port-listener/${broker.port}`, 'protocol-listener/amqp']
    const statuses = (): Promise<number[]> =>
      Promise.all(checks.map(async (path) => (await ask(broker, 'GET', `health/checks/${path}`)).status))
    assert.deepEqual(await statuses(), [200, 200, 200, 200])
    await post(broker, 'drain')
    assert.deepEqual(await statuses(), [503, 503, 503, 503])
    const { json } = await ask(broker, 'GET', 'health/checks/is-in-service')
    assert.equal(json!['reason'], 'this rabbit node is not currently available to serve')
    assert.equal((await ask(broker, 'GET', 'health/checks/protocol-listener/http')).status, 200)
    await post(broker, 'revive')
    assert.deepEqual(await statuses(), [200, 200, 200, 200])
  })

  test('refuses WebSockets on the port of the HTTP API, which goes on', async (t) => {
    const broker = await start(t, [])
    const address = broker.server.urls.websocket[0]!
    const [open] = [new WebSocket(address, 'amqp')]
    await once(open, 'open')
    const closed = once(open, 'close')
    await post(broker, 'drain')
    await closed
    const refused = new WebSocket(address, 'amqp')
    const [error] = (await once(refused, 'error')) as [Error]
    assert.match(error.message, /503/)
    await post(broker, 'revive')
    const again = new WebSocket(address, 'amqp')
    await once(again, 'open')
    again.terminate()
  })

  test('stays where a port is taken meanwhile, says which, and can be ended later', async (t) => {
    const broker = await start(t)
    const { urls } = broker.server
    await post(broker, 'drain')
    const thief = createServer().listen(portOf(urls.stomp[0]!), '::')
    t.after(() => thief.close())
    await once(thief, 'listening')
    const { status, json } = await ask(broker, 'POST', 'node/revive')
    assert.equal(status, 500)
    const { port } = thief.address() as AddressInfo
    assert.match(
      String(json!['reason']),
      new RegExp(`still in maintenance mode: cannot listen on .*:${port}: .* in use`),
    )
    assert.equal(await refusal(broker.port), 'ECONNREFUSED', 'all or nothing')
    assert.equal(await isDrained(broker), true)
    thief.close()
    await once(thief, 'close')
    assert.equal(await post(broker, 'revive'), 204)
    assert.equal(await refusal(portOf(urls.stomp[0]!)), null)
  })

  test('ends with the node, which stops in it like at any other time', async () => {
    const broker = await startTestBroker()
    await post(broker, 'drain')
    await broker.server.stop('test')
    assert.equal(await refusal(broker.port), 'ECONNREFUSED')
  })

  test('leaves shovels within the node at work', async (t) => {
    const broker = await start(t, [])
    const { broker: core, links } = broker.server
    for (const name of ['from', 'to']) await ask(broker, 'PUT', `queues/%2F/${name}`, { body: { durable: true } })
    const value = { 'src-uri': 'amqp://', 'src-queue': 'from', 'dest-uri': 'amqp://', 'dest-queue': 'to' }
    await ask(broker, 'PUT', 'parameters/shovel/%2F/mover', { body: { value } })
    await eventually(() => links.shovels.list().some(({ state }) => state === 'running'))
    await post(broker, 'drain')
    const message = { properties: {}, routing_key: 'from', payload: 'x', payload_encoding: 'string' }
    await ask(broker, 'POST', 'exchanges/%2F/amq.default/publish', { body: message })
    await eventually(() => core.vhosts.get('/')!.queues.get('to')!.readyCount === 1)
  })

  test('tells who listens to events', async (t) => {
    const broker = await start(t, [])
    const names: string[] = []
    broker.server.broker.events.listen(({ name }) => names.push(name))
    await post(broker, 'drain')
    await post(broker, 'revive')
    assert.deepEqual(
      names.filter((name) => name.startsWith('maintenance')),
      ['maintenance.connections.closed', 'maintenance.draining', 'maintenance.revived'],
    )
  })

  test('is for administrators', async (t) => {
    const broker = await start(t, [])
    const { users } = broker.server.broker
    users.put(users.parse({ name: 'watcher', password: 'watcher', tags: ['monitoring'] }))
    for (const what of ['drain', 'revive']) {
      assert.equal((await ask(broker, 'POST', `node/${what}`, { user: 'watcher' })).status, 401)
    }
    assert.equal(await isDrained(broker), false)
  })
})
