/** The npm client `@stomp/stompjs`, as browsers and Node.js developers use it: over WebSocket. */
import assert from 'node:assert/strict'
import { after, before, test, type TestContext } from 'node:test'
import { Client, type IFrame, type IMessage, type StompConfig, Versions } from '@stomp/stompjs'
import { startBroker, type WarrenBroker } from '../../src/testkit/start-broker.ts'

let broker: WarrenBroker
before(async () => {
  broker = await startBroker({ protocols: ['stomp'] })
})
after(() => broker.stop())

async function connect(t: TestContext, config: Partial<StompConfig> = {}): Promise<Client> {
  const client = new Client({
    brokerURL: broker.urls.webStomp!,
    connectHeaders: { login: 'guest', passcode: 'guest', host: '/' },
    reconnectDelay: 0,
    ...config,
  })
  t.after(() => client.deactivate({ force: true }))
  await new Promise<void>((resolve, reject) => {
    client.onConnect = () => resolve()
    client.onStompError = ({ headers }) => reject(new Error(headers['message']))
    client.activate()
  })
  return client
}

/** Messages one after another. */
class Inbox {
  readonly #messages: IMessage[] = []
  #wake = (): void => {}

  readonly take = (message: IMessage): void => {
    this.#messages.push(message)
    this.#wake()
  }

  async next(): Promise<IMessage> {
    while (this.#messages.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve))
    return this.#messages.shift()!
  }
}

const receiptOf = (client: Client, act: (headers: { receipt: string }) => void): Promise<IFrame> =>
  new Promise((resolve) => {
    const receipt = `receipt-${Math.random()}`
    client.watchForReceipt(receipt, resolve)
    act({ receipt })
  })

async function subscribe(client: Client, destination: string, headers: Record<string, string> = {}): Promise<Inbox> {
  const inbox = new Inbox()
  await receiptOf(client, (receipt) => client.subscribe(destination, inbox.take, { ...headers, ...receipt }))
  return inbox
}

for (const version of [Versions.V1_0, Versions.V1_1, Versions.V1_2]) {
  test(`sends and subscribes in version ${version}`, async (t) => {
    const client = await connect(t, { stompVersions: new Versions([version]) })
    assert.equal(client.connectedVersion, version)
    const inbox = await subscribe(client, `/topic/js.${version.replace('.', '_')}.*`)
    // this client escapes nothing before 1.2
    const headers = { 'content-type': 'text/plain', ...(version === Versions.V1_2 ? { note: 'a:b\n\\' } : {}) }
    const destination = `/topic/js.${version.replace('.', '_')}.x`
    client.publish({ destination, body: 'hellö €', headers })
    const message = await inbox.next()
    assert.deepEqual([message.body, message.headers['destination']], ['hellö €', destination])
    for (const [name, value] of Object.entries(headers)) assert.equal(message.headers[name], value)
  })

  test(`acknowledges and refuses in version ${version}`, async (t) => {
    const client = await connect(t, { stompVersions: new Versions([version]) })
    const destination = `/queue/js-acks-${version}`
    const inbox = await subscribe(client, destination, { ack: 'client-individual', id: 'acks' })
    for (const body of ['a', 'b']) client.publish({ destination, body })
    const [a, b] = [await inbox.next(), await inbox.next()]
    a.ack()
    b.nack()
    const again = await inbox.next()
    assert.deepEqual([again.body, again.headers['redelivered']], ['b', 'true'])
    await receiptOf(client, (receipt) => again.ack(receipt))
    client.unsubscribe('acks')
    const second = await subscribe(client, destination)
    client.publish({ destination, body: 'c' })
    assert.equal((await second.next()).body, 'c')
  })
}

test('bodies may be bytes', async (t) => {
  const client = await connect(t)
  const inbox = await subscribe(client, '/topic/js.bytes')
  const binaryBody = Uint8Array.from({ length: 100_000 }, (_, i) => i % 256)
  client.publish({ destination: '/topic/js.bytes', binaryBody })
  assert.deepEqual((await inbox.next()).binaryBody, binaryBody)
})

test('transactions', async (t) => {
  const client = await connect(t)
  const destination = '/topic/js.transactions'
  const inbox = await subscribe(client, destination)
  const [kept, dropped] = [client.begin(), client.begin()]
  client.publish({ destination, body: 'dropped', headers: { transaction: dropped.id } })
  client.publish({ destination, body: 'kept', headers: { transaction: kept.id } })
  dropped.abort()
  kept.commit()
  client.publish({ destination, body: 'after' })
  assert.deepEqual([(await inbox.next()).body, (await inbox.next()).body], ['kept', 'after'])
})

test('requests and their answers', async (t) => {
  const client = await connect(t)
  const requests = await subscribe(client, '/topic/js.requests')
  const answer = new Promise<IMessage>((resolve) => (client.onUnhandledMessage = resolve))
  client.publish({ destination: '/topic/js.requests', headers: { 'reply-to': '/temp-queue/js' }, body: '?' })
  const { headers } = await requests.next()
  client.publish({ destination: headers['reply-to']!, body: '!' })
  const { body, headers: told } = await answer
  assert.deepEqual([body, told['subscription']], ['!', '/temp-queue/js'])
})

test('errors are told', async (t) => {
  const client = await connect(t)
  const error = new Promise<IFrame>((resolve) => (client.onStompError = resolve))
  client.publish({ destination: '/exchange/nope', body: 'x' })
  const { headers, body } = await error
  assert.deepEqual([headers['message'], body], ['not_found', "NOT_FOUND - no exchange 'nope' in vhost '/'"])
  await assert.rejects(connect(t, { connectHeaders: { login: 'guest', passcode: 'x' } }), /Bad CONNECT/)
})

test('heart-beats are agreed upon, and kept', async (t) => {
  const client = await connect(t, { heartbeatIncoming: 1000, heartbeatOutgoing: 1000 })
  const inbox = await subscribe(client, '/topic/js.beats')
  let lost = false
  client.onHeartbeatLost = () => (lost = true)
  const beats = { count: 0, seen: (): void => {} }
  const three = new Promise<void>((resolve) => (beats.seen = () => void (++beats.count === 3 && resolve())))
  client.onHeartbeatReceived = beats.seen
  await three
  client.publish({ destination: '/topic/js.beats', body: 'x' })
  assert.equal((await inbox.next()).body, 'x')
  assert.equal(lost, false)
})

test('a client says goodbye, and is heard', async (t) => {
  const client = await connect(t)
  const disconnected = new Promise<IFrame>((resolve) => (client.onDisconnect = resolve))
  await client.deactivate()
  assert.equal((await disconnected).command, 'RECEIPT')
})
