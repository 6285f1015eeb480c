/** A page that speaks STOMP by the browser's own WebSocket, with the client that pages use. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type * as Stompjs from '@stomp/stompjs'
import type { Browser } from 'playwright-core'
import { startBroker, type WarrenBroker } from '../../src/testkit/start-broker.ts'
import { launchBrowser, withoutBrowser } from './support/browser.ts'

const script = fileURLToPath(new URL('../bundles/stomp.umd.js', import.meta.resolve('@stomp/stompjs')))

/** Runs in the page: it sends two messages, one of text and one of bytes. @returns what comes of it */
function inPage(brokerURL: string): Promise<{ subprotocol: string; text: string; bytes: number[]; kinds: string[] }> {
  const { Client } = (globalThis as unknown as { StompJs: typeof Stompjs }).StompJs
  const kinds = new Set<string>()
  return new Promise((resolve, reject) => {
    let text = ''
    let socket: WebSocket
    const client = new Client({
      connectHeaders: { login: 'guest', passcode: 'guest', host: '/' },
      reconnectDelay: 0,
      webSocketFactory() {
        socket = new WebSocket(brokerURL, ['v12.stomp', 'v11.stomp', 'v10.stomp'])
        socket.addEventListener('message', ({ data }) => kinds.add(typeof data))
        return socket as ReturnType<NonNullable<ConstructorParameters<typeof Client>[0]>['webSocketFactory'] & object>
      },
      onStompError: ({ headers, body }) => reject(new Error(`${headers['message']}: ${body}`)),
      onWebSocketError: () => reject(new Error('there is no connection')),
      onConnect() {
        client.subscribe('/topic/page', (message) => {
          if (message.headers['kind'] === 'text') {
            text = message.body
            return
          }
          const bytes = [...message.binaryBody]
          void client.deactivate()
          resolve({ subprotocol: socket.protocol, text, bytes, kinds: [...kinds].sort() })
        })
        client.publish({ destination: '/topic/page', body: 'grüße €\u{1F407}', headers: { kind: 'text' } })
        const binaryBody = Uint8Array.of(0, 255, 10, 0, 128)
        client.publish({ destination: '/topic/page', binaryBody, headers: { kind: 'bytes' } })
      },
    })
    client.activate()
  })
}

describe('a page in a browser', { skip: withoutBrowser }, () => {
  let broker: WarrenBroker
  let browser: Browser
  before(async () => {
    broker = await startBroker({ protocols: ['stomp'] })
    browser = await launchBrowser()
  })
  after(async () => {
    await browser.close()
    await broker.stop()
  })

  test('sends and gets text and bytes', async () => {
    const page = await browser.newPage()
    // a page from elsewhere would have to ask the user before it speaks to this machine
    await page.goto(new URL('/', broker.urls.webStomp!.replace('ws:', 'http:')).href)
    await page.addScriptTag({ path: script })
    const got = await page.evaluate(inPage, broker.urls.webStomp!)
    // what is no UTF-8 does not come as text, of which a page could not tell the bytes
    assert.deepEqual(got, {
      subprotocol: 'v12.stomp',
      text: 'grüße €\u{1F407}',
      bytes: [0, 255, 10, 0, 128],
      kinds: ['object', 'string'],
    })
    await page.close()
  })
})
