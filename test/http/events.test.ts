import assert from 'node:assert/strict'
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { startBroker, type VirtualClock, virtualClock, type WarrenBroker } from '../../src/index.ts'

describe('the stream of events', () => {
  let broker: WarrenBroker<VirtualClock>

  beforeEach(async () => {
    const users = [
      { name: 'viewer', password: 'viewer', tags: ['management'], permissions: { shop: { read: '.*' } } },
      { name: 'plain', password: 'plain' },
    ]
    broker = await startBroker({ clock: virtualClock(), managementPort: 0, vhosts: ['shop', 'other'], users })
  })
  afterEach(() => broker.stop())

  async function open(query = '', as = 'guest'): Promise<[IncomingMessage, () => Promise<string>]> {
    const request = get(`${broker.managementUrl}/api/events${query}`, { auth: `${as}:${as}` })
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    const lines = createInterface(response)[Symbol.asyncIterator]()
    const next = async (): Promise<string> => {
      for (;;) {
        const line = await lines.next()
        if (line.done === true) return 'end'
        if (line.value !== '') return line.value
      }
    }
    return [response, next]
  }

  test('says what happens, with who did it', async () => {
    const [response, next] = await open()
    assert.equal(response.headers['content-type'], 'text/event-stream')
    assert.equal(await next(), ': events from now on')
    await broker.declareQueue('q')
    assert.equal(await next(), 'event: queue.created')
    const facts = JSON.parse((await next()).replace('data: ', '')) as Record<string, unknown>
    assert.deepEqual([facts['name'], facts['vhost']], ['q', '/'])
    response.destroy()
  })

  test('has the kinds that are asked for, and shows that it is there', async () => {
    const [response, next] = await open('?kinds=alarm,vhost')
    await next()
    await broker.declareQueue('q')
    broker.setAlarm('memory', true)
    assert.equal(await next(), 'event: alarm.set')
    await next()
    await broker.clock.advance(15_000)
    assert.equal(await next(), ': still here')
    response.destroy()
  })

  test('tells a user what the user may see', async () => {
    const [response, next] = await open('', 'viewer')
    await next()
    broker.setAlarm('memory', true)
    await broker.vhost('other').declareQueue('hidden')
    await broker.vhost('shop').declareQueue('seen')
    assert.equal(await next(), 'event: queue.created')
    assert.match(await next(), /"name":"seen"/)
    response.destroy()
    const [refused] = await open('', 'plain')
    assert.equal(refused.statusCode, 401)
    refused.destroy()
  })

  test('ends with the broker', async () => {
    const [, next] = await open()
    await next()
    await broker.stop()
    assert.equal(await next(), 'end')
  })
})
