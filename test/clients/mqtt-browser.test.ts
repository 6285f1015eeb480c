/** The browser build of npm's `mqtt` in Chromium: through its WebSocket to the broker's port for it. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type * as mqttLibrary from 'mqtt'
import type { Browser, Page } from 'playwright-core'
import { startBroker, type WarrenBroker } from '../../src/testkit/start-broker.ts'
import { launchBrowser, withoutBrowser } from '../ui/support/browser.ts'
import { MqttWire } from '../support/mqtt-wire.ts'

const require = createRequire(import.meta.url)
const script = readFileSync(join(dirname(require.resolve('mqtt/package.json')), 'dist', 'mqtt.min.js'))

declare global {
  /** What the script of the page gives. */
  var mqtt: typeof mqttLibrary
}

describe('in a browser', { skip: withoutBrowser }, () => {
  let broker: WarrenBroker
  let pages: Server
  let browser: Browser
  let page: Page

  before(async () => {
    broker = await startBroker({ protocols: ['mqtt'] })
    pages = createServer((request, response) => {
      const isScript = request.url === '/mqtt.js'
      response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html')
      response.end(isScript ? script : '<!doctype html><script src="/mqtt.js"></script>')
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => pages.once('listening', resolve))
    browser = await launchBrowser()
    page = await browser.newPage()
    await page.goto(`http://127.0.0.1:${(pages.address() as AddressInfo).port}/`)
  })
  after(async () => {
    await browser?.close()
    pages?.close()
    await broker?.stop()
  })

  for (const protocolVersion of [4, 5] as const) {
    test(`messages of each QoS come back to who has subscribed, in version ${protocolVersion}`, async () => {
      const url = broker.urls.webMqtt!
      const got = await page.evaluate(
        async ({ url: address, version }) => {
          const client = await globalThis.mqtt.connectAsync(address, { protocolVersion: version, clientId: 'browser' })
          const messages: string[] = []
          const all = new Promise<void>((resolve) =>
            client.on('message', (topic, payload, { qos }) => {
              messages.push(`${topic} ${payload.toString()} ${qos}`)
              if (messages.length === 3) resolve()
            }),
          )
          await client.subscribeAsync('page/#', { qos: 2 })
          for (const qos of [0, 1, 2] as const) await client.publishAsync(`page/${qos}`, 'hello', { qos })
          await all
          await client.endAsync()
          return messages.toSorted()
        },
        { url, version: protocolVersion },
      )
      assert.deepEqual(got, ['page/0 hello 0', 'page/1 hello 1', 'page/2 hello 2'])
    })
  }

  test('a large message comes from elsewhere, whole', async () => {
    const size = 300_000
    const received = page.evaluate(
      (address) =>
        globalThis.mqtt.connectAsync(address, { protocolVersion: 5, clientId: 'large' }).then(async (client) => {
          const message = new Promise<number>((resolve) =>
            client.on('message', (_topic, payload) => resolve(payload.length)),
          )
          await client.subscribeAsync('large', { qos: 1 })
          await client.publishAsync('large/ready', 'now', { retain: true })
          const length = await message
          await client.endAsync()
          return length
        }),
      broker.urls.webMqtt!,
    )
    const publisher = await MqttWire.connect(broker.urls.mqtt!, 5, { clientId: 'elsewhere' })
    await publisher.subscribe('large/ready', 0)
    const ready = publisher.expect('publish')
    await Promise.race([ready, received])
    await publisher.publish('large', 'x'.repeat(size), { qos: 1 })
    assert.equal(await received, size)
    await publisher.disconnect()
  })
})
