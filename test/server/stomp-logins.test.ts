/** STOMP where logins and permissions are asked of a service outside, and where certificates log clients in. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { connect as connectTls } from 'node:tls'
import { type TestContext, test } from 'node:test'
import type { RunningServer } from '../../src/server.ts'
import { withoutOpenssl } from '../support/certificates.ts'
import { LoginService, type Question } from '../support/login-service.ts'
import { startForCertificates } from '../support/stomp-certificates.ts'
import { frameBytes, StompWire } from '../support/stomp-wire.ts'
import { eventually, startTestBroker } from '../support/with-broker.ts'

const ANN = { login: 'ann', passcode: 'secret' }

async function start(t: TestContext): Promise<{ service: LoginService; server: RunningServer; url: string }> {
  const service = await LoginService.start()
  const protocols = ['--protocols', 'amqp,stomp', '--stomp-port', '0', '--web-stomp-port', 'none']
  const { server } = await startTestBroker({ flags: [...protocols, ...service.flags()] })
  t.after(async () => {
    await server.stop('test')
    await service.stop()
  })
  return { service, server, url: server.urls.stomp[0]! }
}

test('frames are answered in order while each of them is asked about', async (t) => {
  const { service, url } = await start(t)
  const client = await StompWire.open(url)
  // all at once: what follows has to wait for the answers about what came before
  const frames = [
    frameBytes('CONNECT', { 'accept-version': '1.2', host: '/', ...ANN }),
    frameBytes('SUBSCRIBE', { id: 'a', destination: '/topic/a', receipt: 'subscribed' }),
    frameBytes('SUBSCRIBE', { id: 'q', destination: '/queue/q', 'auto-delete': true }),
    frameBytes('SEND', { destination: '/topic/a', 'reply-to': '/temp-queue/answers', receipt: 'sent' }, '1'),
    frameBytes('BEGIN', { transaction: 't' }),
    frameBytes('SEND', { destination: '/exchange/amq.direct/q', transaction: 't', receipt: 'later' }, 'nowhere'),
    frameBytes('SEND', { destination: '/queue/q', transaction: 't' }, '2'),
    frameBytes('COMMIT', { transaction: 't', receipt: 'committed' }),
    frameBytes('UNSUBSCRIBE', { id: 'a', receipt: 'unsubscribed' }),
    frameBytes('SEND', { destination: '/topic/a' }, '3'),
    frameBytes('DISCONNECT', { receipt: 'bye' }),
  ]
  await client.wire.send(Buffer.concat(frames))
  const messages: string[] = []
  const others: string[] = []
  for (let frame = await client.next(); frame !== null; frame = await client.next()) {
    if (frame.command === 'MESSAGE') messages.push(`${frame.headers['subscription']}=${frame.body.toString()}`)
    else others.push(frame.headers['receipt-id'] ?? frame.command)
  }
  assert.deepEqual(messages, ['a=1', 'q=2'])
  assert.deepEqual(others, ['CONNECTED', 'subscribed', 'sent', 'later', 'committed', 'unsubscribed', 'bye'])
  assert.ok(service.questions.some(({ path }) => path === 'topic'))
  assert.ok(service.questions.some(({ path }) => path === 'resource'))
})

test('a client that goes while it is asked about is forgotten', async (t) => {
  const { service, url, server } = await start(t)
  const { promise: asked, resolve: ask } = Promise.withResolvers<ServerResponse>()
  service.replies['vhost'] = () => ask
  const client = await StompWire.open(url)
  await client.send('CONNECT', { 'accept-version': '1.2', ...ANN })
  const response = await asked
  client.cut()
  await client.wire.untilClosed()
  delete service.replies['vhost']
  const other = await StompWire.connect(url, ANN)
  response.end('allow')
  await other.sync()
  await eventually(() => server.broker.connections.size === 1)
})

test('a queue that nobody has subscribed to yet goes with the client', async (t) => {
  const { service, url, server } = await start(t)
  const { promise: asked, resolve: ask } = Promise.withResolvers<ServerResponse>()
  service.replies['topic'] = () => ask
  const client = await StompWire.connect(url, ANN)
  await client.send('SUBSCRIBE', { id: 0, destination: '/topic/a' })
  const response = await asked
  const { queues } = server.broker.vhosts.get('/')!
  assert.equal(queues.size, 1)
  client.cut()
  await eventually(() => queues.size === 0)
  response.end('allow')
})

test('refusals are told as others are', async (t) => {
  const { service, url } = await start(t)
  service.replies['topic'] = (question: Question) => (question['routing_key'] === 'secret' ? 'deny' : 'allow')
  const client = await StompWire.connect(url, ANN)
  await client.send('SEND', { destination: '/topic/secret', receipt: 'r' })
  const { headers } = await client.expect('ERROR')
  assert.deepEqual([headers['message'], headers['receipt-id']], ['access_refused', 'r'])
  await client.wire.untilClosed()
  const problemOf = async (): Promise<string> => {
    const refused = await StompWire.open(url)
    await refused.send('CONNECT', { 'accept-version': '1.2', host: '/', ...ANN })
    const { body } = await refused.expect('ERROR')
    await refused.wire.untilClosed()
    return body.toString()
  }
  service.replies['vhost'] = () => 'deny'
  assert.equal(await problemOf(), "Virtual host '/' access denied")
  service.replies['user'] = () => 'deny'
  assert.equal(await problemOf(), "Access refused for user 'ann'\n")
})

for (const threads of [0, 1]) {
  test(
    `a certificate logs in who gives no login, with TLS in ${threads} threads of its own`,
    { skip: withoutOpenssl },
    async (t) => {
      const { broker, authority, ann } = await startForCertificates(t, threads)
      const nameOf = async (headers: Readonly<Record<string, string>>): Promise<string> => {
        const { port } = new URL(broker.urls.stomps!)
        const socket = connectTls({
          port: Number(port),
          host: 'localhost',
          ca: authority.ca,
          cert: ann.cert,
          key: ann.key,
        })
        await once(socket, 'secureConnect')
        const greeting = { 'accept-version': '1.2', ...headers }
        const check = { destination: '/topic/x', 'user-id': 'ann', receipt: 'is-ann' }
        socket.write(
          Buffer.concat([frameBytes('CONNECT', greeting), frameBytes('SEND', check), frameBytes('DISCONNECT')]),
        )
        const chunks: Buffer[] = []
        for await (const chunk of socket) chunks.push(chunk as Buffer)
        return Buffer.concat(chunks).toString()
      }
      assert.match(await nameOf({}), /receipt-id:is-ann/)
      assert.match(await nameOf({ login: 'guest', passcode: 'guest' }), /authenticated user was 'guest'/)
    },
  )
}
