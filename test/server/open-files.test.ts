import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import amqp from 'amqplib'
import { startWarren, temporaryFolder } from '../support/warren-process.ts'

/** As many as `count`, each of which has been accepted or refused. */
function openMany(t: TestContext, port: number, count: number): Promise<Socket[]> {
  const open = (): Promise<Socket> =>
    new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1')
      t.after(() => socket.destroy())
      socket.on('error', () => {})
      for (const event of ['data', 'close']) socket.once(event, () => resolve(socket))
      socket.write('AMQP\0\0\u0009\u0001')
    })
  return Promise.all(Array.from({ length: count }, open))
}

/** The broker may not have heard yet that others have gone. */
async function connectOnceThereIsRoom(port: number): Promise<amqp.ChannelModel> {
  for (;;) {
    try {
      return await amqp.connect(`amqp://guest:guest@localhost:${port}`)
    } catch {
      // once more
    }
  }
}

test('clients that use up the open files are refused with a line that says so, and the broker goes on', async (t) => {
  const dataDir = temporaryFolder(t)
  const warren = await startWarren(t, ['--data-dir', dataDir], { openFilesMax: 64 })
  const connection = await amqp.connect(`amqp://guest:guest@localhost:${warren.port()}`)
  const channel = await connection.createConfirmChannel()
  await channel.assertQueue('q', { durable: true })
  const sockets = await openMany(t, warren.port(), 100)
  const taken = sockets.filter((socket) => !socket.destroyed)
  assert.ok(taken.length > 5 && taken.length < 50, `${taken.length} were taken`)
  const lines = warren.stderr.split('\n').filter((line) => line.includes('too many open files'))
  assert.match(
    lines[0]!,
    /\[warn\] connection refused: too many open files; raise their limit .*LimitNOFILE=.* limit=64/,
  )
  assert.ok(lines.length <= 5, 'the log is not filled')

  channel.sendToQueue('q', Buffer.from('still there'), { persistent: true })
  await channel.waitForConfirms()
  for (const socket of taken) socket.destroy()
  const next = await connectOnceThereIsRoom(warren.port())
  const message = await (await next.createChannel()).get('q', { noAck: true })
  assert.ok(message !== false)
  assert.equal(message.content.toString(), 'still there')
  await next.close()
  await connection.close()
  assert.deepEqual(await warren.stop(), { code: 0, signal: null })
})
