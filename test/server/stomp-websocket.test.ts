/** STOMP over WebSocket: what is agreed upon, and what its messages are like. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test, type TestContext } from 'node:test'
import { type RawData, WebSocket } from 'ws'
import { startBroker, type WarrenBroker } from '../../src/testkit/start-broker.ts'
import { frameBytes } from '../support/stomp-wire.ts'

interface Message {
  readonly text: string
  readonly isBinary: boolean
}

/** A WebSocket that speaks as it is told. */
class Web {
  readonly socket: WebSocket
  readonly #messages: Message[] = []
  #wake = (): void => {}

  private constructor(socket: WebSocket) {
    this.socket = socket
    socket.on('message', (data: RawData, isBinary) => {
      this.#messages.push({ text: (data as Buffer).toString('latin1'), isBinary })
      this.#wake()
    })
  }

  static async open(t: TestContext, { urls }: WarrenBroker, subprotocols: string[] = ['v12.stomp']): Promise<Web> {
    const web = new Web(new WebSocket(urls.webStomp!, subprotocols))
    t.after(() => web.socket.terminate())
    await once(web.socket, 'open')
    return web
  }

  send(bytes: Buffer, binary = false): void {
    this.socket.send(bytes, { binary })
  }

  async next(): Promise<Message> {
    while (this.#messages.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve))
    return this.#messages.shift()!
  }

  /** Messages up to one with this in it. */
  async until(text: string): Promise<Message[]> {
    const found: Message[] = []
    do found.push(await this.next())
    while (!found.at(-1)!.text.includes(text))
    return found
  }
}

async function start(t: TestContext, config: Record<string, string> = {}): Promise<WarrenBroker> {
  const broker = await startBroker({ protocols: ['stomp'], config })
  t.after(() => broker.stop())
  return broker
}

const CONNECT = frameBytes('CONNECT', { 'accept-version': '1.2', host: '/' })

test('the newest of the subprotocols that a client offers is taken', async (t) => {
  const broker = await start(t)
  assert.equal((await Web.open(t, broker, ['v10.stomp', 'v11.stomp', 'v12.stomp'])).socket.protocol, 'v12.stomp')
  assert.equal((await Web.open(t, broker, ['v10.stomp', 'other'])).socket.protocol, 'v10.stomp')
  assert.equal((await Web.open(t, broker, [])).socket.protocol, '')
})

test('frames are text, but what is no UTF-8', async (t) => {
  const web = await Web.open(t, await start(t))
  web.send(CONNECT)
  const connected = await web.next()
  assert.match(connected.text, /^CONNECTED\n[^\0]*\n\n\0\n$/)
  assert.equal(connected.isBinary, false)
  web.send(frameBytes('SUBSCRIBE', { id: 0, destination: '/topic/web', receipt: 's' }), true)
  await web.until('receipt-id:s')
  web.send(frameBytes('SEND', { destination: '/topic/web' }, 'ä€'))
  const text = await web.next()
  assert.deepEqual([text.isBinary, Buffer.from(text.text, 'latin1').toString().includes('\n\nä€\0')], [false, true])
  web.send(frameBytes('SEND', { destination: '/topic/web', 'content-length': 2 }, Buffer.of(0xff, 0)), true)
  const binary = await web.next()
  assert.deepEqual([binary.isBinary, binary.text.endsWith('\n\n\xff\0\0\n')], [true, true])
})

test('text that is cut in the middle of a character arrives whole', async (t) => {
  const web = await Web.open(t, await start(t))
  const bytes = Buffer.concat([
    CONNECT,
    frameBytes('SUBSCRIBE', { id: 0, destination: '/queue/cut' }),
    frameBytes('SEND', { destination: '/queue/cut' }, 'a€ä'),
  ])
  // the euro sign has three bytes: after the first of them
  const cut = bytes.indexOf('€') + 1
  web.socket.send(bytes.subarray(0, cut), { binary: false, fin: false })
  web.socket.send(bytes.subarray(cut), { binary: false, fin: true })
  const text = (await web.until('MESSAGE')).map((message) => message.text).join('')
  assert.match(Buffer.from(text, 'latin1').toString(), /MESSAGE\n[^\0]*\n\na€ä\0/)
})

test('all of it is binary where that is configured', async (t) => {
  const web = await Web.open(t, await start(t, { 'web_stomp.ws_frame': 'binary' }))
  web.send(CONNECT, true)
  assert.equal((await web.next()).isBinary, true)
})

test('a message has whole frames, however large and many', async (t) => {
  const web = await Web.open(t, await start(t))
  web.send(CONNECT)
  await web.next()
  web.send(frameBytes('SUBSCRIBE', { id: 0, destination: '/topic/web', receipt: 's' }))
  await web.until('receipt-id:s')
  const sizes = [10, 70_000, 30_000, 200_000, 64_000, 1_000_000]
  const frames = [...sizes, ...sizes].map((size) =>
    frameBytes('SEND', { destination: '/topic/web' }, 'ä'.repeat(size / 2)),
  )
  // pieces of any size come in
  const bytes = Buffer.concat(frames)
  for (let at = 0; at < bytes.length; at += 50_001) web.send(bytes.subarray(at, at + 50_001), true)
  web.send(frameBytes('ABORT', { transaction: 'x'.repeat(60_000), receipt: 'end' }))
  const got = await web.until('receipt-id:end')
  for (const { text, isBinary } of got) {
    assert.match(text.slice(0, 10), /^(MESSAGE\n|ERROR\n)/)
    assert.ok(text.endsWith('\0\n'))
    assert.equal(isBinary, false)
  }
  const lengths = [
    ...got
      .map(({ text }) => text)
      .join('')
      .matchAll(/^MESSAGE\n[^\0]*?content-length:(\d+)/gm),
  ]
  assert.deepEqual(
    lengths.map(([, length]) => Number(length)),
    [...sizes, ...sizes],
  )
})

test('a connection over WebSocket is shown as such, and its end is orderly', async (t) => {
  const broker = await startBroker({ protocols: ['stomp'], managementPort: 0 })
  t.after(() => broker.stop())
  const web = await Web.open(t, broker)
  web.send(CONNECT)
  await web.next()
  const headers = { authorization: `Basic ${btoa('guest:guest')}` }
  const answer = await fetch(new URL('/api/connections', broker.managementUrl), { headers })
  const [{ protocol }] = (await answer.json()) as [{ protocol: string }]
  assert.equal(protocol, 'Web STOMP 1.2')
  web.send(frameBytes('DISCONNECT', { receipt: 'bye' }))
  const closed = once(web.socket, 'close')
  await web.until('receipt-id:bye')
  assert.equal((await closed)[0], 1000)
})
