import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, mock, test } from 'node:test'
import amqp from 'amqplib'
import { startBroker, virtualClock, type WarrenBroker } from '../../src/index.ts'

// Whoever tests code with timers puts fakes in their place, in the process that the broker runs in too.

const require = createRequire(import.meta.url)
const FUNCTIONS = [
  'setTimeout',
  'clearTimeout',
  'setInterval',
  'clearInterval',
  'setImmediate',
  'clearImmediate',
] as const

/** As sinon, Vitest and Jest do it: functions, Date, and `performance`, also in the modules of Node.js; nothing ever fires. */
function installFakes(): () => void {
  const undo: (() => void)[] = []
  const replace = (object: object, name: string, value: unknown): void => {
    const descriptor = Object.getOwnPropertyDescriptor(object, name)
    Object.defineProperty(object, name, { value, configurable: true, writable: true, enumerable: true })
    undo.push(() => {
      if (descriptor === undefined) Reflect.deleteProperty(object, name)
      else Object.defineProperty(object, name, descriptor)
    })
  }
  const never = (): unknown => ({ ref() {}, unref() {}, hasRef: () => false, refresh() {} })
  for (const name of FUNCTIONS) replace(globalThis, name, never)
  for (const name of FUNCTIONS) replace(require('node:timers') as object, name, never)
  const promises = require('node:timers/promises') as object
  for (const name of ['setTimeout', 'setImmediate']) replace(promises, name, () => new Promise(() => {}))
  const RealDate = Date
  const FakeDate = class extends RealDate {
    static override now = (): number => 0
  }
  replace(globalThis, 'Date', FakeDate)
  replace(performance, 'now', () => 0)
  return () => undo.toReversed().forEach((restore) => restore())
}

function installMocks(): () => void {
  mock.timers.enable()
  return () => mock.timers.reset()
}

/** What a test does with a broker. */
async function useBroker(broker: WarrenBroker): Promise<void> {
  await broker.declareQueue('dead')
  const toDead = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' }
  await broker.declareQueue('q', { arguments: toDead })
  await broker.sendToQueue('q', 'mine')
  const connection = await amqp.connect(broker.url, { noDelay: true })
  const channel = await connection.createConfirmChannel()
  channel.sendToQueue('q', Buffer.from('a client'))
  await channel.waitForConfirms()
  const texts = (await broker.waitForMessages('q', 2)).map((message) => message.text())
  assert.deepEqual(texts, ['mine', 'a client'])
  const received = new Promise<string>((resolve, reject) => {
    channel.consume('q', (message) => resolve(String(message?.content)), { noAck: true }).catch(reject)
  })
  assert.equal(await received, 'mine')
  await broker.assertEmpty('q')
  await broker.sendToQueue('dead', 'short-lived', { expiration: 20 })
  await broker.assertEmpty('dead')
  await assert.rejects(broker.waitForMessages('q', 1, { timeoutMs: 30 }), { name: 'AssertionError' })
  await connection.close()
}

describe('a broker among fake timers', () => {
  let restore = (): void => {}

  afterEach(() => restore())

  for (const [tool, install] of [
    ["node:test's", installMocks],
    ['all others', installFakes],
  ] as const) {
    test(`${tool}: one that runs already goes on`, async () => {
      await using broker = await startBroker()
      restore = install()
      await useBroker(broker)
    })

    test(`${tool}: one starts and stops, with a data folder and an HTTP port`, async () => {
      const dataDir = await mkdtemp(join(tmpdir(), 'warren-testkit-'))
      try {
        restore = install()
        for (let i = 0; i < 2; i++) {
          const broker = await startBroker({ dataDir, managementPort: 0, watchResources: true, protocols: ['mqtt'] })
          await useBroker(broker)
          const request = await fetch(`${broker.managementUrl}/api/overview`, {
            headers: { authorization: `Basic ${btoa('guest:guest')}` },
          })
          assert.equal(request.status, 200)
          await request.text()
          await broker.reset()
          await broker.stop()
        }
      } finally {
        restore()
        await rm(dataDir, { recursive: true, force: true })
      }
    })

    test(`${tool}: a virtual clock moves`, async () => {
      const clock = virtualClock()
      await using broker = await startBroker({ clock })
      restore = install()
      await broker.declareQueue('offers', { arguments: { 'x-message-ttl': 60_000 } })
      await broker.sendToQueue('offers', 'half price')
      await clock.advance('59s')
      assert.equal(broker.queue('offers').ready, 1)
      await clock.advance('1s')
      assert.equal(broker.queue('offers').ready, 0)
    })
  }
})
