import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import amqp, { type ConfirmChannel } from 'amqplib'
import { startWarren, type WarrenProcess } from '../support/warren-process.ts'

// A file system so small that it fills up, with the real process on it.

const BODY_BYTES = 100_000
const QUEUE = 'full'

/** Mounts a small file system where this user may; else the test is skipped. */
function smallDisk(t: TestContext, size: string): { dataDir: string; grow: (size: string) => void } | null {
  const folder = mkdtempSync(join(tmpdir(), 'warren-test-'))
  t.after(() => {
    spawnSync('umount', ['-l', folder])
    rmSync(folder, { recursive: true, force: true })
  })
  const mount = (...options: string[]): boolean =>
    spawnSync('mount', ['-t', 'tmpfs', '-o', options.join(','), 'tmpfs', folder]).status === 0
  if (process.platform !== 'linux' || !mount(`size=${size}`)) {
    t.skip('no file system can be mounted here')
    return null
  }
  return { dataDir: join(folder, 'data'), grow: (larger) => assert.ok(mount('remount', `size=${larger}`)) }
}

async function open(warren: WarrenProcess): Promise<{ connection: amqp.ChannelModel; channel: ConfirmChannel }> {
  const connection = await amqp.connect(`amqp://guest:guest@localhost:${warren.port()}`)
  connection.on('error', () => {})
  const channel = await connection.createConfirmChannel()
  channel.on('error', () => {})
  return { connection, channel }
}

/** Publishes numbered messages until `ended`; returns the numbers of those that were confirmed, filled in as they are. */
function flood(channel: ConfirmChannel, messages: number): number[] {
  const confirmed: number[] = []
  for (let i = 0; i < messages; i++) {
    const body = Buffer.alloc(BODY_BYTES, i)
    body.writeUInt32BE(i)
    channel.sendToQueue(QUEUE, body, { persistent: true }, (error: unknown) => {
      if (error === null || error === undefined) confirmed.push(i)
    })
  }
  return confirmed
}

async function contents(channel: ConfirmChannel): Promise<Set<number>> {
  const found = new Set<number>()
  for (;;) {
    const message = await channel.get(QUEUE, { noAck: true })
    if (message === false) return found
    assert.equal(message.content.length, BODY_BYTES)
    found.add(message.content.readUInt32BE())
  }
}

test('publishers are held before the disk is full, and go on when there is room again', async (t) => {
  const disk = smallDisk(t, '60m')
  if (disk === null) return
  const conf = { WARREN_DISK_FREE_LIMIT_ABSOLUTE: '30MB' }
  const warren = await startWarren(t, ['--data-dir', disk.dataDir, '--journal-segment-size', '4MiB'], { env: conf })
  const { connection, channel } = await open(warren)
  await channel.assertQueue(QUEUE, { durable: true })
  const blocked = once(connection, 'blocked')
  const confirmed = flood(channel, 600)
  const [reason] = (await blocked) as [string]
  assert.equal(reason, 'low on disk')
  assert.ok(confirmed.length < 600)
  const unblocked = once(connection, 'unblocked')
  disk.grow('200m')
  await unblocked
  await channel.waitForConfirms()
  assert.equal(confirmed.length, 600)
  assert.equal((await contents(channel)).size, 600)
  await connection.close()
  assert.deepEqual(await warren.stop(), { code: 0, signal: null })
})

test('a disk that fills up all the same ends the broker, and nothing that was confirmed is lost', async (t) => {
  const disk = smallDisk(t, '20m')
  if (disk === null) return
  const env = { WARREN_DISK_FREE_LIMIT_ABSOLUTE: '0' }
  const flags = ['--data-dir', disk.dataDir, '--journal-segment-size', '4MiB']
  const warren = await startWarren(t, flags, { env })
  const { channel } = await open(warren)
  await channel.assertQueue(QUEUE, { durable: true })
  const confirmed = flood(channel, 400)
  const { code } = await warren.exited
  assert.equal(code, 70)
  assert.match(warren.stderr, /the broker failed, and stops.*ENOSPC/s)
  assert.ok(confirmed.length > 10 && confirmed.length < 400, `${confirmed.length} confirmed`)

  disk.grow('100m')
  const next = await startWarren(t, flags, { env })
  const again = await open(next)
  const found = await contents(again.channel)
  for (const number of confirmed) assert.ok(found.has(number), `message ${number} was confirmed`)
  await again.connection.close()
})
