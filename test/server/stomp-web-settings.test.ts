/** What can be configured of STOMP over WebSocket, where it is not RabbitMQ's default. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { WebSocket } from 'ws'
import { startBroker, type WarrenBroker } from '../../src/testkit/start-broker.ts'
import { frameBytes } from '../support/stomp-wire.ts'
import { eventually } from '../support/with-broker.ts'

async function start(t: TestContext, config: Record<string, string>): Promise<WarrenBroker> {
  const users = [{ name: 'ann', password: 'a:b' }]
  const broker = await startBroker({ protocols: ['stomp'], config, users })
  t.after(() => broker.stop())
  return broker
}

interface Dial {
  readonly authorization?: string
  /** Of the page that the client is part of. */
  readonly origin?: string
  /** The connection that the WebSocket is made on. */
  readonly over?: Socket
}

async function dial(t: TestContext, url: string, { authorization, origin, over }: Dial = {}): Promise<WebSocket> {
  const web = new WebSocket(url, ['v12.stomp'], {
    headers: authorization === undefined ? {} : { authorization },
    ...(origin === undefined ? {} : { origin }),
    ...(over === undefined ? {} : { createConnection: () => over }),
  })
  t.after(() => web.terminate())
  await once(web, 'open')
  return web
}

const IDLE_MS = 1500
const CONNECT = { 'accept-version': '1.2', host: '/' }

/** Sends CONNECT. @returns the first line of the answer, and what it says */
async function logIn(web: WebSocket, headers: Record<string, string> = {}): Promise<string> {
  const answer = once(web, 'message')
  web.send(frameBytes('CONNECT', { ...CONNECT, ...headers }))
  return String((await answer)[0])
}

const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`

test('a client may be the user of its HTTP request, and nobody else', async (t) => {
  const broker = await start(t, { 'web_stomp.use_http_auth': 'true' })
  const url = broker.urls.webStomp!
  const pretends = { login: 'guest', passcode: 'guest' }
  assert.match(await logIn(await dial(t, url, { authorization: basic('ann', 'a:b') }), pretends), /^CONNECTED\n/)
  assert.deepEqual(
    broker.connections().map(({ user }) => user),
    ['ann'],
  )
  const wrong = await logIn(await dial(t, url, { authorization: basic('ann', 'x') }), pretends)
  assert.match(wrong, /^ERROR\nmessage:Bad CONNECT\n[^\0]*Access refused for user 'ann'/)
  assert.doesNotMatch(wrong, /a:b/)
  for (const authorization of ['Bearer abc', 'Basic ?', `Basic ${Buffer.from('ann').toString('base64')}`]) {
    assert.match(await logIn(await dial(t, url, { authorization }), pretends), /^ERROR\nmessage:Bad CONNECT\n/)
  }
  // without a login in the request
  const other = { login: 'ann', passcode: 'a:b' }
  assert.match(await logIn(await dial(t, url), other), /^CONNECTED\n/)
  assert.deepEqual(
    broker
      .connections()
      .map(({ user }) => user)
      .sort(),
    ['ann', 'guest'],
  )
})

test('the HTTP request says nothing unless configured', async (t) => {
  const broker = await start(t, {})
  const web = await dial(t, broker.urls.webStomp!, { authorization: basic('nobody', 'x') })
  assert.match(await logIn(web, { login: 'ann', passcode: 'a:b' }), /^CONNECTED\n/)
  assert.equal(broker.connections()[0]!.user, 'ann')
})

test('a WebSocket of which nothing comes is closed, where a time is given', async (t) => {
  const broker = await start(t, { 'web_stomp.ws_opts.idle_timeout': String(IDLE_MS) })
  const web = await dial(t, broker.urls.webStomp!)
  assert.match(await logIn(web), /^CONNECTED\n/)
  const closed = once(web, 'close').then(([code]) => code as number)
  // signs of life keep it, whatever they are
  const later = performance.now() + 1.3 * IDLE_MS
  while (performance.now() < later) {
    web.ping()
    const heard = await Promise.race([once(web, 'pong'), closed])
    assert.ok(Array.isArray(heard), 'it was closed though it was not silent')
  }
  assert.equal(await closed, 1000)
})

test('a WebSocket message may be only so large', async (t) => {
  const broker = await start(t, { 'web_stomp.ws_opts.max_frame_size': '1000' })
  const web = await dial(t, broker.urls.webStomp!)
  assert.match(await logIn(web), /^CONNECTED\n/)
  const closed = once(web, 'close')
  web.send(frameBytes('SEND', { destination: '/topic/x' }, 'x'.repeat(1000)))
  assert.equal((await closed)[0], 1009)
})

test('a proxy tells whose the WebSocket is', async (t) => {
  const broker = await start(t, { 'web_stomp.proxy_protocol': 'true' })
  const url = broker.urls.webStomp!
  const { port } = new URL(url)
  const over = connect(Number(port), '127.0.0.1')
  await once(over, 'connect')
  over.write(`PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\n`)
  const web = await dial(t, url, { over })
  await logIn(web, { login: 'ann', passcode: 'a:b' })
  assert.match(broker.connections()[0]!.name, /^192\.0\.2\.7:4711 /)
})

test('a port serves as many WebSockets as it may, and tells others by 503', async (t) => {
  const broker = await start(t, { 'web_stomp.max_connections': '1' })
  const url = broker.urls.webStomp!
  const first = await dial(t, url)
  await assert.rejects(dial(t, url), /503/)
  first.close()
  const second = await eventually(() => dial(t, url))
  assert.match(await logIn(second), /^CONNECTED\n/)
})

test('pages of other origins than those named are told 403', async (t) => {
  const [shop, office] = ['https://shop.example', 'https://office.example']
  const broker = await start(t, { 'web_stomp.allow_origins.1': shop, 'web_stomp.allow_origins.2': office })
  const url = broker.urls.webStomp!
  for (const origin of ['https://evil.example', 'http://shop.example', 'null']) {
    await assert.rejects(dial(t, url, { origin }), /403/, origin)
  }
  for (const client of [{ origin: shop }, { origin: office }, {}]) {
    assert.match(await logIn(await dial(t, url, client)), /^CONNECTED\n/)
  }
})

test('pages of any origin may connect where none is named, or *', async (t) => {
  for (const config of [{}, { 'web_stomp.allow_origins.1': '*' }]) {
    const broker = await start(t, config)
    const web = await dial(t, broker.urls.webStomp!, { origin: 'https://any.example' })
    assert.match(await logIn(web), /^CONNECTED\n/)
  }
})
