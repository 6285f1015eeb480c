import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { HandshakeQueue } from '../../src/net/handshake-queue.ts'

/** Both ends of connections, closed after the test. */
async function connections(t: TestContext, count: number): Promise<{ clients: Socket[]; accepted: Socket[] }> {
  const accepted: Socket[] = []
  const server = createServer((socket) => accepted.push(socket)).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const clients: Socket[] = []
  for (let i = 0; i < count; i++) {
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
    clients.push(client)
    await Promise.all([once(client, 'connect'), once(server, 'connection')])
  }
  for (const socket of [...clients, ...accepted]) t.after(() => socket.destroy())
  return { clients, accepted }
}

const onTimeout = (): void => assert.fail('timed out')

test('what takes long begins once per turn, in order, and has all bytes', async (t) => {
  const { clients, accepted } = await connections(t, 3)
  let turn = 0
  let isOver = false
  const count = (): void => {
    turn++
    if (!isOver) setImmediate(count)
  }
  count()
  t.after(() => (isOver = true))
  const turns: number[] = []
  const texts: string[] = []
  const { promise: done, resolve } = Promise.withResolvers<void>()
  const queue = new HandshakeQueue({
    timeoutMs: 10_000,
    begin(socket) {
      process.nextTick(() => {
        texts.push(String(socket.read()))
        turns.push(turn)
        for (const end = performance.now() + 2; performance.now() < end;);
        if (turns.length === 3) resolve()
      })
    },
    onTimeout,
  })
  for (const [i, client] of clients.entries()) {
    client.write(`hello ${i}`)
    await once(accepted[i]!, 'readable')
  }
  for (const socket of accepted) queue.add(socket)
  await done
  assert.equal(new Set(turns).size, 3)
  assert.deepEqual(texts, ['hello 0', 'hello 1', 'hello 2'])
})

test('who has gone meanwhile is left out', async (t) => {
  const { clients, accepted } = await connections(t, 3)
  const begun: Socket[] = []
  const { promise: done, resolve } = Promise.withResolvers<void>()
  const queue = new HandshakeQueue({
    timeoutMs: 10_000,
    begin(socket) {
      begun.push(socket)
      resolve()
    },
    onTimeout,
  })
  const [silent, gone, present] = accepted as [Socket, Socket, Socket]
  queue.add(silent)
  clients[0]!.end()
  await once(silent, 'close')
  for (const [i, socket] of [gone, present].entries()) {
    clients[i + 1]!.write('hello')
    await once(socket, 'readable')
  }
  queue.add(gone)
  queue.add(present)
  gone.once('readable', () => gone.destroy())
  await done
  assert.deepEqual(begun, [present])
})

test('who says nothing is told of', async (t) => {
  const { accepted } = await connections(t, 1)
  const { promise, resolve } = Promise.withResolvers<Socket>()
  const queue = new HandshakeQueue({ timeoutMs: 10, begin: () => assert.fail('begun'), onTimeout: resolve })
  queue.add(accepted[0]!)
  assert.equal(await promise, accepted[0])
})
