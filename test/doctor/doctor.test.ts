import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import amqp from 'amqplib'
import { openLogMetadataStore } from '../../src/store/metadata-log/log-metadata-store.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { MqttWire } from '../support/mqtt-wire.ts'
import { makeOlder } from '../support/older-directory.ts'
import { runWarren, startWarren, temporaryFolder, type WarrenProcess } from '../support/warren-process.ts'

interface JsonReport {
  queues: { queue: string; vhost: string; messages: number; bytes: number; first: number; last: number }[]
  segments: { file: string; live: number }[]
  problems: { file: string; offset: number; bytes: number; queues: string[]; reason: string }[]
}

/** A data directory with ten messages in each of two queues, the same in a third, and one that was consumed. */
async function filledDirectory(t: TestContext): Promise<{ dataDir: string; warren: WarrenProcess }> {
  const dataDir = temporaryFolder(t)
  const warren = await startWarren(t, ['--data-dir', dataDir])
  const connection = await amqp.connect(`amqp://guest:guest@localhost:${warren.port()}`)
  const channel = await connection.createConfirmChannel()
  for (const queue of ['orders', 'invoices', 'copies']) await channel.assertQueue(queue, { durable: true })
  await channel.assertQueue('fleeting', { durable: false })
  await channel.bindQueue('copies', 'amq.fanout', '')
  await channel.bindQueue('orders', 'amq.fanout', '')
  const properties = { persistent: true, headers: { number: 7 }, contentType: 'text/plain', messageId: 'm-1' }
  for (let i = 0; i < 10; i++) {
    channel.publish('amq.fanout', 'key', Buffer.from(`order ${i} ✓`), properties)
    channel.sendToQueue('invoices', Buffer.from([i, 0xff, 0xfe]), { persistent: true })
    channel.sendToQueue('fleeting', Buffer.from('gone'), { persistent: true })
  }
  await channel.waitForConfirms()
  const taken = await channel.get('invoices')
  assert.ok(taken !== false)
  channel.ack(taken)
  channel.sendToQueue('invoices', Buffer.from('after'), { persistent: true })
  await channel.waitForConfirms()
  await connection.close()
  return { dataDir, warren }
}

const segmentsOf = (dataDir: string): string[] =>
  readdirSync(join(dataDir, 'messages'))
    .filter((name) => name.endsWith('.journal'))
    .map((name) => join(dataDir, 'messages', name))

function digestOf(folder: string): string {
  const hash = createHash('sha256')
  for (const entry of readdirSync(folder, { withFileTypes: true }).toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name)
    hash.update(entry.name).update(entry.isDirectory() ? digestOf(path) : readFileSync(path))
  }
  return hash.digest('hex')
}

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  test(`what is in a directory after ${signal} is told, and left as it is`, async (t) => {
    const { dataDir, warren } = await filledDirectory(t)
    await warren.stop(signal)
    const before = digestOf(dataDir)
    const { code, stdout, stderr } = await runWarren(t, ['doctor', dataDir, '--json'])
    assert.deepEqual([code, stderr], [0, ''])
    const report = JSON.parse(stdout) as JsonReport
    const counts = Object.fromEntries(report.queues.map(({ queue, messages }) => [queue, messages]))
    assert.deepEqual(counts, { orders: 10, invoices: 10, copies: 10 })
    const invoices = report.queues.find(({ queue }) => queue === 'invoices')!
    assert.deepEqual([invoices.vhost, invoices.first, invoices.last, invoices.bytes], ['/', 2, 11, 9 * 3 + 5])
    assert.deepEqual(report.problems, [])
    const text = await runWarren(t, ['doctor', dataDir])
    assert.match(text.stdout, /^ {2}orders {4,}\/ +classic +10 /m)
    assert.match(text.stdout, /^No damage found\.$/m)
    assert.equal(digestOf(dataDir), before)
  })
}

test('readable messages are exported, whole or by queue', async (t) => {
  const { dataDir, warren } = await filledDirectory(t)
  await warren.stop('SIGKILL')
  const file = join(temporaryFolder(t), 'messages.jsonl')
  const whole = await runWarren(t, ['doctor', dataDir, '--export', file])
  assert.equal(whole.code, 0)
  const lines = readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  assert.equal(lines.length, 30)
  assert.deepEqual(
    lines.find(({ queue }) => queue === 'orders'),
    {
      vhost: '/',
      queue: 'orders',
      number: 1,
      exchange: 'amq.fanout',
      routing_key: 'key',
      redelivered: false,
      delivery_count: 0,
      properties: { content_type: 'text/plain', headers: { number: 7 }, delivery_mode: 2, message_id: 'm-1' },
      encoding: 'utf-8',
      body: 'order 0 ✓',
    },
  )
  const one = await runWarren(t, ['doctor', dataDir, '--export', '-', '--queue', 'invoices', '--vhost', '/'])
  const bodies = one.stdout
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { body: string }).body)
  const binary = Array.from({ length: 9 }, (_, i) => Buffer.from([i + 1, 0xff, 0xfe]).toString('base64'))
  assert.deepEqual(bodies, [...binary, 'after'])
  const again = await runWarren(t, ['doctor', dataDir, '--export', file])
  assert.equal(again.code, 69, 'a file that is there is not overwritten')
  assert.match(again.stderr, /EEXIST/)
})

test('what is remembered of duplicates is told, and no message', async (t) => {
  const dataDir = temporaryFolder(t)
  const warren = await startWarren(t, ['--data-dir', dataDir])
  const connection = await amqp.connect(`amqp://guest:guest@localhost:${warren.port()}`)
  const channel = await connection.createConfirmChannel()
  const args = { 'x-message-deduplication': true, 'x-cache-size': 10 }
  await channel.assertQueue('q', { durable: true, arguments: args })
  for (const body of ['a', 'b']) {
    const headers = { 'x-deduplication-header': body }
    for (let i = 0; i < 2; i++) channel.sendToQueue('q', Buffer.from(body), { persistent: true, headers })
  }
  await channel.waitForConfirms()
  await connection.close()
  await warren.stop('SIGKILL')
  const { code, stdout } = await runWarren(t, ['doctor', dataDir])
  assert.equal(code, 0)
  assert.match(stdout, /^ {2}messages +2 in 1 queues/m)
  assert.match(stdout, /^ {2}queue q: seen-values +\/ +side log +[12] /m)
  const all = await runWarren(t, ['doctor', dataDir, '--export', '-'])
  assert.deepEqual(
    all.stdout
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { body: string }).body),
    ['a', 'b'],
  )
})

test('what protocols keep beside queues is told where there is anything', async (t) => {
  const dataDir = temporaryFolder(t)
  const ports = ['--mqtt-port', '0', '--web-mqtt-port', 'none']
  const start = () => startWarren(t, ['--data-dir', dataDir, '--protocols', 'amqp,mqtt', ...ports])
  const shown = async (): Promise<string> => {
    const { code, stdout } = await runWarren(t, ['doctor', dataDir])
    assert.equal(code, 0)
    return stdout
  }
  const empty = await start()
  await empty.stop('SIGKILL')
  assert.doesNotMatch(await shown(), /side log/)
  const warren = await start()
  const client = await MqttWire.connect(warren.url('MQTT'), 5)
  await client.publish('kept', 'x', { qos: 1, retain: true })
  await client.expect('puback')
  client.cut()
  await warren.stop('SIGKILL')
  assert.match(await shown(), /^ {2}vhost: mqtt-retained +\/ +side log +1 /m)
})

test('damage is told with file, offset and queue, and the rest is exported', async (t) => {
  const { dataDir, warren } = await filledDirectory(t)
  await warren.stop('SIGKILL')
  const [file] = segmentsOf(dataDir)
  const bytes = readFileSync(file!)
  const at = bytes.indexOf('order 4')
  bytes[at]! ^= 1
  writeFileSync(file!, bytes)
  const before = digestOf(dataDir)
  const { code, stdout } = await runWarren(t, ['doctor', dataDir, '--json'])
  assert.equal(code, 1)
  const { problems } = JSON.parse(stdout) as JsonReport
  assert.equal(problems.length, 1)
  const [problem] = problems
  assert.ok(problem!.offset <= at && at < problem!.offset + problem!.bytes, JSON.stringify(problem))
  assert.ok(file!.endsWith(problem!.file))
  assert.deepEqual(problem!.queues.toSorted(), ['copies in /', 'orders in /'])
  const text = await runWarren(t, ['doctor', dataDir])
  assert.match(
    text.stdout,
    /^Damage: messages\/\d+\.journal, offset \d+, \d+ bytes: no valid record \(.*orders in \/.*\)$/m,
  )
  const exported = await runWarren(t, ['doctor', dataDir, '--export', '-', '--queue', 'orders'])
  assert.equal(exported.code, 1)
  assert.equal(exported.stdout.trimEnd().split('\n').length, 9)
  assert.equal(digestOf(dataDir), before)

  // and a broker starts on it, reports the same, and has what is left
  const next = await startWarren(t, ['--data-dir', dataDir])
  assert.match(next.stderr, /the message store is damaged.*orders/)
  const connection = await amqp.connect(`amqp://guest:guest@localhost:${next.port()}`)
  const channel = await connection.createChannel()
  assert.equal((await channel.checkQueue('orders')).messageCount, 9)
  assert.equal((await channel.checkQueue('invoices')).messageCount, 10)
  await connection.close()
  await next.stop()
  assert.equal(readdirSync(join(dataDir, 'messages', 'quarantine')).length, 1)
})

test('a message that was damaged after an orderly stop is told beforehand, and lost when its turn comes', async (t) => {
  const { dataDir, warren } = await filledDirectory(t)
  await warren.stop()
  const [file] = segmentsOf(dataDir).filter((name) => readFileSync(name).includes('order 4'))
  const bytes = readFileSync(file!)
  bytes[bytes.indexOf('order 4')]! ^= 1
  writeFileSync(file!, bytes)
  const place = /^Damage: messages\/\d+\.journal, offset \d+, \d+ bytes: no valid record \(.*orders in \/.*\)$/m
  const found = await runWarren(t, ['doctor', dataDir])
  assert.equal(found.code, 1)
  assert.match(found.stdout, place)
  assert.doesNotMatch(found.stdout, /cut short/)
  const repaired = await runWarren(t, ['doctor', dataDir, '--repair'])
  assert.equal(repaired.code, 0)
  assert.match(repaired.stdout, /^The metadata is not damaged: nothing was changed\.$/m)
  assert.match(repaired.stdout, place)
  assert.match(repaired.stdout, /^Damaged messages cannot be repaired/m)

  const next = await startWarren(t, ['--data-dir', dataDir])
  assert.doesNotMatch(next.stderr, /damaged/)
  const connection = await amqp.connect(`amqp://guest:guest@localhost:${next.port()}`)
  const channel = await connection.createChannel()
  assert.equal((await channel.checkQueue('orders')).messageCount, 10)
  const bodies: string[] = []
  for (let i = 0; i < 9; i++) {
    const message = await channel.get('orders', { noAck: true })
    if (message !== false) bodies.push(message.content.toString())
  }
  assert.deepEqual(
    bodies,
    [0, 1, 2, 3, 5, 6, 7, 8, 9].map((i) => `order ${i} ✓`),
  )
  assert.equal((await channel.checkQueue('orders')).messageCount, 0)
  assert.match(
    next.stderr,
    /\[error\] the message store is damaged file=messages\/\d+\.journal offset=\d+ bytes=\d+ reason="message 5 is lost: .*orders in \//,
  )
  for (const other of ['invoices', 'copies']) {
    const expected = other === 'copies' ? 9 : 10
    let count = 0
    while ((await channel.get(other, { noAck: true })) !== false) count++
    assert.equal(count, expected, other)
  }
  await connection.close()
  await next.stop()
  assert.equal(readdirSync(join(dataDir, 'messages', 'quarantine')).length, 1)
})

test('a directory of an older format is read, and left as it is', async (t) => {
  const { dataDir, warren } = await filledDirectory(t)
  await warren.stop()
  await makeOlder(dataDir, 3)
  const before = digestOf(dataDir)
  const { code, stdout } = await runWarren(t, ['doctor', dataDir])
  assert.equal(code, 0)
  assert.match(stdout, /^ {2}metadata +format 3$/m)
  assert.match(stdout, /^ {2}orders {4,}\/ +classic +10 /m)
  assert.equal(digestOf(dataDir), before)
})

test('damage of the metadata is told with file and offset', async (t) => {
  const { dataDir, warren } = await filledDirectory(t)
  await warren.stop()
  const file = join(dataDir, 'metadata', '00000001.log')
  const text = readFileSync(file, 'latin1')
  writeFileSync(file, text.replace('queue/%2F/invoices', 'queue/%2F/invoiceS'), 'latin1')
  const { code, stdout } = await runWarren(t, ['doctor', dataDir, '--json'])
  assert.equal(code, 1)
  const [problem] = (JSON.parse(stdout) as JsonReport).problems
  assert.equal(problem!.file, 'metadata/00000001.log')
  assert.match(text.slice(problem!.offset), /^=[0-9a-f]{8} [0-9a-f]{8}\n\+queue\/%2F\/invoices /)
  const refused = await runWarren(t, ['start', '--data-dir', dataDir])
  assert.equal(refused.code, 69)
  assert.match(
    refused.stderr,
    /metadata\/00000001\.log is damaged at byte \d+: what is there is not what was written; 'warren doctor \S+ --repair' saves what can be read\n$/,
  )
})

test('damaged metadata is repaired, and what cannot be read costs no message', async (t) => {
  const { dataDir, warren } = await filledDirectory(t)
  await warren.stop('SIGKILL')
  const file = join(dataDir, 'metadata', '00000001.log')
  const bytes = readFileSync(file)
  // the row of one queue, and of a binding of another that is left
  for (const key of ['queue/%2F/invoices', 'queue/%2F/copies'])
    bytes.fill(0, bytes.indexOf(key), bytes.indexOf(key) + 6)
  writeFileSync(file, bytes)
  assert.equal((await runWarren(t, ['start', '--data-dir', dataDir])).code, 69)
  const { code, stdout } = await runWarren(t, ['doctor', dataDir, '--repair'])
  assert.equal(code, 0)
  assert.match(stdout, /^Damage: metadata\/00000001\.log, offset \d+, \d+ bytes: .*; lost: \+\?{6}%2F\/invoices /m)
  assert.match(stdout, /^Left out: the binding of queue copies to exchange amq\.fanout in \/, of which one is lost\.$/m)
  const recovered = [...stdout.matchAll(/^Queue (recovered\.\d+) in \/ is new/gm)].map(([, name]) => name!)
  assert.equal(recovered.length, 2)
  assert.deepEqual(readdirSync(join(dataDir, 'metadata', 'quarantine')), ['00000001.log'])
  assert.match((await runWarren(t, ['doctor', dataDir])).stdout, /^No damage found\.$/m)
  const again = await runWarren(t, ['doctor', dataDir, '--repair'])
  assert.deepEqual([again.code, again.stdout], [0, 'The metadata is not damaged: nothing was changed.\n'])
  const after = await startWarren(t, ['--data-dir', dataDir])
  const connection = await amqp.connect(`amqp://guest:guest@localhost:${after.port()}`)
  const channel = await connection.createChannel()
  const counts = await Promise.all(['orders', ...recovered].map((queue) => channel.checkQueue(queue)))
  assert.deepEqual(
    counts.map(({ messageCount }) => messageCount),
    [10, 10, 10],
  )
  channel.publish('amq.fanout', '', Buffer.from('goes on'))
  await channel.close()
  await connection.close()
})

test('a lock that is no database any more is put aside', async (t) => {
  const { dataDir, warren } = await filledDirectory(t)
  await warren.stop()
  writeFileSync(join(dataDir, 'metadata.sqlite'), 'something else altogether, and longer than a header. '.repeat(20))
  const refused = await runWarren(t, ['start', '--data-dir', dataDir])
  assert.equal(refused.code, 69)
  assert.match(refused.stderr, /metadata\.sqlite: file is not a database; 'warren doctor \S+ --repair'/)
  const { code, stdout } = await runWarren(t, ['doctor', dataDir, '--repair'])
  assert.equal(code, 0)
  assert.match(stdout, /^Damage: metadata\.sqlite: file is not a database$/m)
  const after = await startWarren(t, ['--data-dir', dataDir])
  const connection = await amqp.connect(`amqp://guest:guest@localhost:${after.port()}`)
  const channel = await connection.createChannel()
  assert.equal((await channel.checkQueue('orders')).messageCount, 10)
  await connection.close()
  await after.stop()
  assert.match((await runWarren(t, ['doctor', dataDir])).stdout, /^ {2}metadata +format 4$/m)
})

test('a row that cannot be used is left out, and its messages are kept', async (t) => {
  const { dataDir, warren } = await filledDirectory(t)
  await warren.stop()
  const store = await openLogMetadataStore(dataDir, silentLog)
  const rows = new Map(await store.load())
  store.put('queue/%2F/invoices', { ...(rows.get('queue/%2F/invoices') as object), type: 'unheard-of' })
  await store.close()
  const refused = await runWarren(t, ['start', '--data-dir', dataDir])
  assert.equal(refused.code, 69)
  assert.match(
    refused.stderr,
    /: queue\/%2F\/invoices: .* queue type 'unheard-of' is not implemented; 'warren doctor \S+ --repair --leave-out KEY' goes on without it$/m,
  )
  const unknown = await runWarren(t, ['doctor', dataDir, '--repair', '--leave-out', 'queue/%2F/nothing'])
  assert.match(unknown.stderr, /has no row queue\/%2F\/nothing$/m)
  const { code, stdout } = await runWarren(t, ['doctor', dataDir, '--repair', '--leave-out', 'queue/%2F/invoices'])
  assert.equal(code, 0)
  assert.match(stdout, /^Left out: queue\/%2F\/invoices\.$/m)
  const [, recovered] = /^Queue (recovered\.\d+) in \/ is new/m.exec(stdout)!
  const after = await startWarren(t, ['--data-dir', dataDir])
  const connection = await amqp.connect(`amqp://guest:guest@localhost:${after.port()}`)
  const channel = await connection.createChannel()
  assert.equal((await channel.checkQueue(recovered!)).messageCount, 10)
  await connection.close()
  assert.equal((await runWarren(t, ['doctor', dataDir, '--leave-out', 'a'])).code, 64)
})

test('a row whose key is none goes', async (t) => {
  const { dataDir, warren } = await filledDirectory(t)
  await warren.stop()
  const store = await openLogMetadataStore(dataDir, silentLog)
  await store.load()
  store.put('queue/%ZZ/broken', {})
  await store.close()
  const report = await runWarren(t, ['doctor', dataDir])
  assert.equal(report.code, 1)
  assert.match(report.stdout, /^Damage: metadata: queue\/%ZZ\/broken is no key$/m)
  const { code, stdout } = await runWarren(t, ['doctor', dataDir, '--repair'])
  assert.equal(code, 0)
  assert.match(stdout, /^Left out: queue\/%ZZ\/broken, which is no key\.$/m)
  await startWarren(t, ['--data-dir', dataDir])
})

test('older metadata, which is in a database, is not repaired', async (t) => {
  const { dataDir, warren } = await filledDirectory(t)
  await warren.stop()
  await makeOlder(dataDir, 3)
  writeFileSync(join(dataDir, 'metadata.sqlite'), 'something else altogether, and longer than a header. '.repeat(20))
  const { code, stderr } = await runWarren(t, ['doctor', dataDir, '--repair'])
  assert.equal(code, 69)
  assert.match(stderr, /is in metadata\.sqlite, as older versions of WarrenMQ had it/)
})

test('a directory with nothing to repair, or in use, is left as it is', async (t) => {
  const { dataDir, warren } = await filledDirectory(t)
  const used = await runWarren(t, ['doctor', dataDir, '--repair'])
  assert.equal(used.code, 69)
  assert.match(used.stderr, /is in use by another process/)
  await warren.stop()
  const before = digestOf(dataDir)
  const { code, stdout } = await runWarren(t, ['doctor', dataDir, '--repair'])
  assert.deepEqual([code, stdout], [0, 'The metadata is not damaged: nothing was changed.\n'])
  assert.equal(digestOf(dataDir), before)
})

test('a torn tail is no damage', async (t) => {
  const { dataDir, warren } = await filledDirectory(t)
  await warren.stop('SIGKILL')
  const file = segmentsOf(dataDir).at(-1)!
  const bytes = readFileSync(file)
  writeFileSync(file, bytes.subarray(0, bytes.lastIndexOf('after') + 2))
  const { code, stdout } = await runWarren(t, ['doctor', dataDir])
  assert.equal(code, 0)
  assert.match(stdout, /^The last write was cut short: \d+ bytes/m)
})

test('a directory that cannot be looked at gives a line that says why', async (t) => {
  const { dataDir, warren } = await filledDirectory(t)
  const used = await runWarren(t, ['doctor', dataDir])
  assert.equal(used.code, 69)
  assert.match(
    used.stderr,
    new RegExp(`^warren: data directory \\S+ is in use by another process \\(pid ${warren.pid}\\): stop it`),
  )
  await warren.stop()
  const missing = await runWarren(t, ['doctor', join(dataDir, 'nowhere')])
  assert.deepEqual([missing.code, missing.stderr], [69, `warren: ${join(dataDir, 'nowhere')} does not exist\n`])
  const other = join(dataDir, 'other')
  mkdirSync(other)
  const empty = await runWarren(t, ['doctor', other])
  assert.equal(empty.code, 69)
  assert.match(empty.stderr, /is not a data directory of WarrenMQ/)
  assert.equal((await runWarren(t, ['doctor'])).code, 64)
  assert.equal((await runWarren(t, ['doctor', dataDir, '--nonsense'])).code, 64)
  const help = await runWarren(t, ['doctor', '--help'])
  assert.equal(help.code, 0)
  assert.match(help.stdout, /^Usage: warren doctor DIR/)
})

test('a directory in which nothing was ever published is healthy', async (t) => {
  const dataDir = temporaryFolder(t)
  const warren = await startWarren(t, ['--data-dir', dataDir])
  await warren.stop()
  const { code, stdout } = await runWarren(t, ['doctor', dataDir])
  assert.equal(code, 0)
  assert.match(stdout, /messages {5}0 in 0 queues/)
})
