import assert from 'node:assert/strict'
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { readEvents, type ServerEvent } from '../../src/cli/api/event-stream.ts'
import { startBroker, type VirtualClock, virtualClock, type WarrenBroker } from '../../src/index.ts'
import { type ApiBench, startApi } from './support.ts'

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

describe('the stream of events for who does not read', () => {
  /** Some kernels take several megabytes from a socket that nobody reads at the other end. */
  const EVENTS = 400
  const EVENT_BYTES = 50_000
  const UNREAD_MAX = 256 * 1024 + 2 * EVENT_BYTES

  let api: ApiBench
  let port: number
  const served: Socket[] = []

  beforeEach(async () => {
    api = await startApi()
    served.length = 0
    api.app.server.on('connection', (socket: Socket) => served.push(socket))
    await api.app.listen({ port: 0, host: '127.0.0.1' })
    port = (api.app.server.address() as AddressInfo).port
  })
  afterEach(() => api.app.close())

  /** The answer, of which nothing is read yet. */
  async function open(): Promise<IncomingMessage> {
    const request = get({ port, path: '/api/events', auth: 'guest:guest', agent: false })
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    return response.pause()
  }

  const happen = (n: number): void =>
    api.bench.broker.events.emit('queue.created', '/', () => ({ n, name: 'q'.repeat(EVENT_BYTES) }))

  const factsOf = ({ data }: ServerEvent): { n?: number; count?: number } =>
    JSON.parse(data) as { n?: number; count?: number }

  /** All events, each of which a second reader has read before the next one happens. */
  async function happenAll(): Promise<number[]> {
    const other = readEvents(await open())
    const read: number[] = []
    for (let n = 0; n < EVENTS; n++) {
      happen(n)
      const { value } = await other.next()
      read.push(factsOf(value as ServerEvent).n!)
    }
    await other.return(undefined)
    return read
  }

  test('keeps little, tells how many it has missed, and disturbs nobody else', async () => {
    const slow = await open()
    const socket = served[0]!
    const read = await happenAll()
    assert.deepEqual(
      read,
      Array.from({ length: EVENTS }, (_none, n) => n),
      'the other reader has them all',
    )
    assert.ok(socket.writableLength > 0 && socket.writableLength < UNREAD_MAX, `${socket.writableLength} bytes unread`)

    let got = 0
    let missed = 0
    for await (const event of readEvents(slow)) {
      if (event.event === 'events.missed') {
        missed = factsOf(event).count!
        break
      }
      assert.equal(factsOf(event).n, got++, 'what came before, in order')
    }
    assert.ok(missed > 0)
    assert.equal(got + missed, EVENTS)
  })

  test('goes on when it reads again', async () => {
    const slow = await open()
    await happenAll()
    const events = readEvents(slow)
    for (;;) {
      const { value } = await events.next()
      if ((value as ServerEvent).event === 'events.missed') break
    }
    happen(EVENTS)
    const { value } = await events.next()
    assert.equal(factsOf(value as ServerEvent).n, EVENTS)
    slow.destroy()
  })

  test('is cut off when it does not read at all', async () => {
    await open()
    const socket = served[0]!
    await happenAll()
    api.bench.advance(45_000)
    assert.equal(socket.destroyed, false)
    api.bench.advance(30_000)
    assert.equal(socket.destroyed, true)
  })

  test('does not keep the broker from stopping', async () => {
    await open()
    const socket = served[0]!
    await happenAll()
    await api.app.close()
    assert.equal(socket.destroyed, true)
  })
})
