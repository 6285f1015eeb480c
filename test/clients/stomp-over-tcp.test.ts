/** The npm client `@stomp/stompjs` in Node.js without WebSocket: over a plain socket, as its documentation shows. */
import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { after, before, test } from 'node:test'
import { Client, type IMessage, type IStompSocket, StompSocketState } from '@stomp/stompjs'
import { startBroker, type WarrenBroker } from '../../src/testkit/start-broker.ts'

let broker: WarrenBroker
before(async () => {
  broker = await startBroker({ protocols: ['stomp'] })
})
after(() => broker.stop())

/** A socket that looks like a WebSocket to the client. */
class TcpSocket implements IStompSocket {
  readonly url: string
  readyState: StompSocketState = StompSocketState.CONNECTING
  binaryType?: string
  onopen: IStompSocket['onopen']
  onmessage: IStompSocket['onmessage']
  onclose: IStompSocket['onclose']
  onerror: IStompSocket['onerror']
  readonly #socket: Socket

  constructor(url: string) {
    this.url = url
    const { hostname, port } = new URL(url)
    this.#socket = connect(Number(port), hostname)
    this.#socket.on('connect', () => {
      this.readyState = StompSocketState.OPEN
      this.onopen?.({})
    })
    this.#socket.on('data', (data) => this.onmessage?.({ data: data as unknown as ArrayBuffer }))
    this.#socket.on('error', (error) => this.onerror?.(error))
    this.#socket.on('close', () => {
      this.readyState = StompSocketState.CLOSED
      this.onclose?.({ code: 1000 })
    })
  }

  send(data: string | ArrayBuffer): void {
    this.#socket.write(typeof data === 'string' ? data : new Uint8Array(data))
  }

  close(): void {
    this.#socket.end()
  }

  terminate(): void {
    this.#socket.destroy()
  }
}

test('a client sends, subscribes, and acknowledges over TCP', async (t) => {
  const client = new Client({
    webSocketFactory: () => new TcpSocket(broker.urls.stomp!),
    forceBinaryWSFrames: true,
    connectHeaders: { login: 'guest', passcode: 'guest', host: '/' },
    reconnectDelay: 0,
  })
  t.after(() => client.deactivate({ force: true }))
  await new Promise<void>((resolve) => {
    client.onConnect = () => resolve()
    client.activate()
  })
  assert.equal(client.connectedVersion, '1.2')
  const got: IMessage[] = []
  const both = new Promise<void>((resolve) => {
    const take = (message: IMessage): void => {
      message.ack()
      if (got.push(message) === 2) resolve()
    }
    client.subscribe('/queue/tcp', take, { ack: 'client', 'x-max-length': '10' })
  })
  client.publish({ destination: '/queue/tcp', body: 'häß', headers: { persistent: 'true' } })
  const binaryBody = Uint8Array.from({ length: 300_000 }, (_, i) => i % 256)
  client.publish({ destination: '/queue/tcp', binaryBody })
  await both
  assert.equal(got[0]!.body, 'häß')
  assert.deepEqual(got[1]!.binaryBody, binaryBody)
  const disconnected = new Promise<void>((resolve) => (client.onDisconnect = () => resolve()))
  await client.deactivate()
  await disconnected
  await broker.waitForQueue('tcp', ({ ready, unacked }) => ready + unacked === 0)
})
