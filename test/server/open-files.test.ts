import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { connect as connectTls } from 'node:tls'
import amqp from 'amqplib'
import { Authority, withoutOpenssl } from '../support/certificates.ts'
import { startWarren, temporaryFolder } from '../support/warren-process.ts'
import { eventually } from '../support/with-broker.ts'

/** As many as `count`, each of which has been accepted or refused. */
function openMany(t: TestContext, count: number, dial: () => Socket): Promise<Socket[]> {
  const open = (): Promise<Socket> =>
    new Promise((resolve) => {
      const socket = dial()
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
  const sockets = await openMany(t, 100, () => connect(warren.port(), '127.0.0.1'))
  const taken = sockets.filter((socket) => !socket.destroyed)
  assert.ok(taken.length > 5 && taken.length < 50, `${taken.length} were taken`)
  const lines = warren.stderr.split('\n').filter((line) => line.includes('too many open files'))
  assert.match(
    lines[0]!,
    /\[warn\] connection refused: too many open files; raise their limit .*LimitNOFILE=.* limit=64/,
  )
  assert.equal(lines.length, 1, 'the log is not filled')

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

const threaded = { skip: withoutOpenssl || (process.platform !== 'linux' && 'no threads for TLS') }

test('clients of TLS threads, which take three files each, leave room as well', threaded, async (t) => {
  const { certFile, keyFile } = new Authority(temporaryFolder(t)).issue('server', '/CN=localhost')
  const flags = [`--ssl-options-certfile=${certFile}`, `--ssl-options-keyfile=${keyFile}`, '--tls-port=0']
  const warren = await startWarren(t, ['--tls-threads=2', ...flags], { openFilesMax: 240 })
  const port = warren.port('AMQP over TLS')
  const dial = (): Socket => connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
  const taken = (await openMany(t, 150, dial)).filter((socket) => !socket.destroyed)
  assert.ok(taken.length > 5, `${taken.length} were taken`)
  await eventually(() => readdirSync(`/proc/${warren.pid}/fd`).length <= 181)
  assert.match(warren.stderr, /\[warn\] connection refused: too many open files; .* limit=240/)
  assert.doesNotMatch(warren.stderr, /\[error\]/)
})
