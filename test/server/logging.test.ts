import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import * as m from '../../src/protocols/amqp091/wire/methods.gen.ts'
import { declareQueue, RawAmqp } from '../support/raw-amqp.ts'
import { startWarren, temporaryFolder, type WarrenProcess } from '../support/warren-process.ts'
import { eventually } from '../support/with-broker.ts'

// What operators read, and what clients can do to it.

const lines = (text: string): string[] => text.split('\n').slice(0, -1)

/** Warnings that clients caused, once `text` is among them. */
async function warnings(warren: WarrenProcess, text: string): Promise<string[]> {
  await eventually(() => warren.stderr.includes(text))
  return lines(warren.stderr).filter((line) => line.includes('[warn]'))
}

test('a session of a client is two lines, whatever number of messages it brings', async (t) => {
  const warren = await startWarren(t)
  const client = await RawAmqp.open(warren.port(), { connectionName: 'orders' })
  await client.openChannel()
  client.send(1, declareQueue('q'))
  await client.expect(m.QueueDeclareOk)
  client.send(1, new m.BasicConsume('q', '', false, true))
  await client.expect(m.BasicConsumeOk)
  for (let i = 0; i < 1000; i++) client.publish(1, '', 'q', Buffer.from('x'))
  await eventually(() => client.bodyBytes === 1000)
  client.send(0, new m.ConnectionClose(200, 'bye'))
  await eventually(() => warren.stderr.includes('connection closed'))
  client.destroy()
  await warren.stop()
  const time = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z`
  const who = String.raw`connection="\S+ -> \S+:${warren.port()}" user=guest vhost=/ name=orders`
  const expected = [
    String.raw`Server startup complete version=\S+ node=rabbit@\S+ data=memory`,
    `connection opened ${who}`,
    `connection closed ${who}`,
    'stopping signal=SIGTERM',
    'stopped',
  ]
  const said = lines(warren.stderr)
  assert.equal(said.length, expected.length, warren.stderr)
  for (const [i, line] of said.entries()) assert.match(line, new RegExp(`^${time} \\[info\\] ${expected[i]!}$`))
})

const MISTAKES: Readonly<Record<string, { text: string; make: (port: number) => Promise<void> }>> = {
  'wrong passwords': {
    text: 'PLAIN login refused',
    make: async (port) => {
      const client = await RawAmqp.tcp(port)
      await client.greet({ password: 'wrong' })
      await client.expect(m.ConnectionClose)
      client.destroy()
    },
  },
  'greetings of another protocol': {
    text: 'refused a protocol header',
    make: async (port) => {
      const client = await RawAmqp.tcp(port)
      client.socket.write('GET / HTTP/1.1\r\n\r\n')
      await client.rest()
    },
  },
  'connection errors': {
    text: 'connection error',
    make: async (port) => {
      const client = await RawAmqp.open(port)
      client.send(1, new m.BasicQos(0, 1, false))
      await client.expect(m.ConnectionClose)
      client.destroy()
    },
  },
  'channel errors': {
    text: 'channel error',
    make: async (port) => {
      const client = await RawAmqp.open(port)
      for (let i = 0; i < 20; i++) {
        await client.openChannel()
        client.send(1, declareQueue(`missing-${i}`, { passive: true }))
        await client.expect(m.ChannelClose)
        client.send(1, new m.ChannelCloseOk())
      }
      client.destroy()
    },
  },
}

for (const [name, { text, make }] of Object.entries(MISTAKES)) {
  test(`a client cannot fill the log by ${name}`, async (t) => {
    const warren = await startWarren(t)
    for (let i = 0; i < 40; i++) await make(warren.port())
    const said = (await warnings(warren, text)).filter((line) => line.includes(text))
    // Five in ten seconds and address: a slow machine may need a window or two more.
    assert.ok(said.length >= 1 && said.length <= 20, `${said.length} lines:\n${warren.stderr}`)
    assert.match(said[0]!, /peer=(127\.0\.0\.1|::1)/)
    assert.ok(lines(warren.stderr).length <= 100, warren.stderr)
  })
}

test('a client cannot write lines of its own, nor long ones', async (t) => {
  const warren = await startWarren(t)
  const connectionName = `evil\n2026-01-01 00:00:00.000Z [error] forged\u001b[2J${'x'.repeat(5000)}`
  const client = await RawAmqp.open(warren.port(), { connectionName })
  client.send(0, new m.ConnectionClose(200, 'bye'))
  await eventually(() => warren.stderr.includes('connection closed'))
  client.destroy()
  for (const line of lines(warren.stderr)) {
    assert.match(
      line,
      /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z \[info\] (Server startup complete|connection (opened|closed)) /,
    )
    assert.ok(line.length < 600 && !line.includes('\u001b'), line)
  }
})

test('JSON lines and a log file have the same to say', async (t) => {
  const file = join(temporaryFolder(t), 'logs', 'warren.log')
  const warren = await startWarren(t, ['--log-file', file, '--log-console-formatter', 'json'])
  await warren.stop()
  const entries = lines(warren.stderr).map((line) => JSON.parse(line) as { level: string; msg: string })
  const expected = ['Server startup complete', 'stopping', 'stopped']
  assert.deepEqual(
    entries.map(({ level, msg }) => `${level} ${msg}`),
    expected.map((text) => `info ${text}`),
  )
  const written = lines(readFileSync(file, 'utf8'))
  assert.deepEqual(
    written.map((line) => /\[info\] ([a-zA-Z ]*[a-zA-Z])(?= \w+=|$)/.exec(line)?.[1]),
    expected,
  )
})

test('with log.level = none nothing is said beside the start-up text', async (t) => {
  const warren = await startWarren(t, ['--log-level', 'none'])
  const client = await RawAmqp.tcp(warren.port())
  await client.greet({ password: 'wrong' })
  await client.expect(m.ConnectionClose)
  client.destroy()
  await warren.stop()
  assert.equal(warren.stderr, '')
})

test('passwords are not logged', async (t) => {
  const env = { RABBITMQ_DEFAULT_PASS: 'hushhush' }
  const warren = await startWarren(t, ['--log-level', 'debug'], { env })
  const client = await RawAmqp.open(warren.port(), { password: 'hushhush' })
  client.destroy()
  const refused = await RawAmqp.tcp(warren.port())
  await refused.greet({ password: 'sesame' })
  await refused.expect(m.ConnectionClose)
  refused.destroy()
  await warren.stop()
  assert.doesNotMatch(warren.stderr + warren.stdout, /hushhush|sesame/)
})

test('who has the wrong port is told by what it speaks', async (t) => {
  const warren = await startWarren(t)
  const greetings: [greeting: string, reason: string][] = [
    [
      '\x16\x03\x01\x02\x00\x01\x00\x01\xfc',
      ' reason="TLS client detected on non-TLS AMQP port: is it the port that the client means?"',
    ],
    ['GET / HTTP/1.1\r\n\r\n', ' reason="HTTP request detected on AMQP port: is it the port that the client means?"'],
    [
      'OPTIONS * HTTP/1.1\r\n\r\n',
      ' reason="HTTP request detected on AMQP port: is it the port that the client means?"',
    ],
    ['AMQP\x03\x01\x00\x00', ''],
  ]
  for (const [greeting, reason] of greetings) {
    const client = await RawAmqp.tcp(warren.port())
    const bytes = Buffer.from(greeting, 'latin1')
    client.socket.write(bytes)
    await client.rest()
    const header = bytes.subarray(0, 8).toString('hex')
    const line = `refused a protocol header peer=127.0.0.1 header=${header}${reason}\n`
    await eventually(() => warren.stderr.includes(line))
  }
})
