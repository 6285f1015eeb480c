/** STOMP over WebSocket: what can be configured of it beyond the port. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:net'
import { test, type TestContext } from 'node:test'
import { type ClientOptions, type RawData, WebSocket } from 'ws'
import { startBroker, type WarrenBroker } from '../../src/testkit/start-broker.ts'
import { frameBytes } from '../support/stomp-wire.ts'

const start = async (t: TestContext, config: Record<string, string>): Promise<WarrenBroker> => {
  const broker = await startBroker({ protocols: ['stomp'], config })
  t.after(() => broker.stop())
  return broker
}

function dial(t: TestContext, { urls }: WarrenBroker, options: ClientOptions = {}): WebSocket {
  const socket = new WebSocket(urls.webStomp!, ['v12.stomp'], options)
  t.after(() => socket.terminate())
  return socket
}

/** The first frame that a client is sent. */
async function greet(
  t: TestContext,
  broker: WarrenBroker,
  headers: object,
  options: ClientOptions = {},
): Promise<string> {
  const socket = dial(t, broker, options)
  await once(socket, 'open')
  const answer = once(socket, 'message') as Promise<[RawData]>
  socket.send(frameBytes('CONNECT', { 'accept-version': '1.2', host: '/', ...headers }))
  return String((await answer)[0])
}

const basic = (text: string): ClientOptions => ({
  headers: { authorization: `Basic ${Buffer.from(text).toString('base64')}` },
})

test('who a client is may come from its HTTP request', async (t) => {
  const broker = await start(t, { 'web_stomp.use_http_auth': 'true' })
  const lies = { login: 'nobody', passcode: 'wrong' }
  assert.match(await greet(t, broker, lies, basic('guest:guest')), /^CONNECTED\n/)
  assert.match(await greet(t, broker, lies), /^CONNECTED\n/, 'the default user')
  const truth = { login: 'guest', passcode: 'guest' }
  assert.match(await greet(t, broker, truth, basic('guest:no:word')), /^ERROR\n[^\0]*Access refused for user 'guest'/)
  const bearer = { headers: { authorization: 'Bearer x' } }
  assert.match(await greet(t, broker, truth, bearer), /^ERROR\n[^\0]*Access refused for user ''/)
})

test('and is not looked at unless that is configured', async (t) => {
  const broker = await start(t, {})
  assert.match(await greet(t, broker, { login: 'guest', passcode: 'guest' }, basic('a:b')), /^CONNECTED\n/)
})

test('a WebSocket on which nothing comes is closed after the time that is configured', async (t) => {
  const broker = await start(t, { 'web_stomp.ws_opts.idle_timeout': '50' })
  const socket = dial(t, broker)
  const [code, reason] = (await once(socket, 'close')) as [number, Buffer]
  assert.deepEqual([code, String(reason)], [1000, 'idle'])
})

test('a message that is larger than configured ends its connection', async (t) => {
  const broker = await start(t, { 'web_stomp.ws_opts.max_frame_size': '1000' })
  const socket = dial(t, broker)
  await once(socket, 'open')
  socket.send(Buffer.alloc(1001))
  assert.equal((await once(socket, 'close'))[0], 1009)
})

test('text that is cut in the middle of a character arrives whole', async (t) => {
  const broker = await start(t, {})
  const socket = dial(t, broker)
  await once(socket, 'open')
  const answers: string[] = []
  let seen = (): void => {}
  socket.on('message', (data: RawData) => {
    answers.push(String(data))
    seen()
  })
  const send = frameBytes('SEND', { destination: '/queue/cut' }, 'a€ä')
  const bytes = Buffer.concat([
    frameBytes('CONNECT', { 'accept-version': '1.2', host: '/' }),
    frameBytes('SUBSCRIBE', { id: 0, destination: '/queue/cut' }),
    send,
  ])
  // the euro sign has three bytes: after the first of them
  const cut = bytes.indexOf('€') + 1
  socket.send(bytes.subarray(0, cut), { binary: false, fin: false })
  socket.send(bytes.subarray(cut), { binary: false, fin: true })
  while (!answers.join('').includes('MESSAGE')) await new Promise<void>((resolve) => (seen = resolve))
  assert.match(answers.join(''), /MESSAGE\n[^\0]*\n\na€ä\0/)
})

test('a proxy may say whose the connection is', async (t) => {
  const broker = await start(t, { 'web_stomp.proxy_protocol': 'true' })
  const { port, pathname } = new URL(broker.urls.webStomp!)
  const socket = connect(Number(port), '127.0.0.1')
  t.after(() => socket.destroy())
  socket.write('PROXY TCP4 192.0.2.7 192.0.2.8 4000 80\r\n')
  const upgrade = request({
    path: pathname,
    createConnection: () => socket,
    headers: {
      connection: 'upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': Buffer.alloc(16).toString('base64'),
    },
  }).end()
  await once(upgrade, 'upgrade')
  // a client that seems to be elsewhere may not be guest
  const frame = frameBytes('CONNECT', { 'accept-version': '1.2', host: '/' })
  socket.write(Buffer.concat([Buffer.of(0x82, 0x80 | frame.length, 0, 0, 0, 0), frame]))
  const [answer] = (await once(socket, 'data')) as [Buffer]
  assert.match(String(answer), /Access refused for user 'guest'/)
})
