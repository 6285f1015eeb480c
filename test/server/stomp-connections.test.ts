/** STOMP connections from their login to their end: heart-beats, what management shows, alarms, clients that do not read. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { runCtl } from '../../src/cli/ctl/run.ts'
import { startBroker, type WarrenBroker } from '../../src/testkit/start-broker.ts'
import { virtualClock } from '../../src/util/virtual-clock.ts'
import { bufferTerminal } from '../cli/support/buffer-terminal.ts'
import { frameBytes, type FrameHeaders, StompWire } from '../support/stomp-wire.ts'
import { eventually, startTestBroker } from '../support/with-broker.ts'

type Options = NonNullable<Parameters<typeof startBroker>[0]>

async function start(t: TestContext, options: Options = {}): Promise<WarrenBroker> {
  const broker = await startBroker({ protocols: ['stomp'], ...options })
  t.after(() => broker.stop())
  return broker
}

async function connect(t: TestContext, { urls }: WarrenBroker, headers: FrameHeaders = {}): Promise<StompWire> {
  const client = await StompWire.connect(urls.stomp!, headers)
  t.after(() => client.cut())
  return client
}

async function api<T>({ managementUrl }: WarrenBroker, path: string, method = 'GET'): Promise<T> {
  const { origin } = new URL(managementUrl!)
  const headers = { authorization: `Basic ${btoa('guest:guest')}` }
  const answer = await fetch(`${origin}/api/${path}`, { method, headers })
  assert.ok(answer.ok, `${answer.status} of ${path}`)
  return (answer.status === 204 ? null : await answer.json()) as T
}

test('management shows a connection and its subscriptions as RabbitMQ does, and closes it', async (t) => {
  const broker = await start(t, { managementPort: 0 })
  const client = await connect(t, broker, { 'heart-beat': '5000,7000' })
  await client.sendSafely('SUBSCRIBE', { id: 'mine', destination: '/queue/shown', ack: 'client', 'prefetch-count': 7 })
  await client.send('SEND', { destination: '/queue/shown' }, 'x')
  await client.message()
  const [connection] = await api<Record<string, unknown>[]>(broker, 'connections')
  const { name, protocol, user, vhost, channels, channel_max: channelMax, frame_max: frameMax } = connection!
  assert.match(String(name), /^127\.0\.0\.1:\d+ -> 127\.0\.0\.1:\d+$/)
  assert.deepEqual([protocol, user, vhost, channels, channelMax, frameMax], ['STOMP 1.2', 'guest', '/', 1, 1, 0])
  const { product, session } = connection!['client_properties'] as Record<string, string>
  assert.equal(product, 'STOMP client')
  assert.match(session!, /^session-/)
  const [consumer] = await api<Record<string, unknown>[]>(broker, 'consumers')
  assert.deepEqual(
    [consumer!['consumer_tag'], consumer!['ack_required'], consumer!['prefetch_count'], consumer!['queue']],
    ['T_mine', true, 7, { name: 'shown', vhost: '/' }],
  )
  const [channel] = await api<Record<string, unknown>[]>(broker, 'channels')
  assert.deepEqual([channel!['number'], channel!['messages_unacknowledged']], [1, 1])
  await api(broker, `connections/${encodeURIComponent(String(name))}`, 'DELETE')
  const error = await client.expect('ERROR')
  assert.equal(error.headers['message'], 'connection_forced')
  assert.match(error.body.toString(), /^CONNECTION_FORCED - /)
  await client.wire.untilClosed()
})

test('a server that stops says so', async () => {
  const broker = await startBroker({ protocols: ['stomp'] })
  const client = await StompWire.connect(broker.urls.stomp!)
  const silent = await StompWire.open(broker.urls.stomp!)
  await broker.stop()
  assert.match((await client.expect('ERROR')).body.toString(), /^CONNECTION_FORCED - /)
  await Promise.all([client.wire.untilClosed(), silent.wire.untilClosed()])
})

test('heart-beats come while nothing else does, and a client that has none left is gone', async (t) => {
  const clock = virtualClock()
  const broker = await start(t, { clock, heartbeat: 60 })
  const client = await connect(t, broker, { 'heart-beat': '10000,4000' })
  // one comes when nothing was sent for half of what the client wants
  await clock.advance('4s')
  // behind the line end of CONNECTED
  assert.deepEqual(await client.wire.bytes(2), Buffer.from('\n\n'))
  // what the client sends counts, whatever it is
  for (let i = 0; i < 5; i++) {
    await clock.advance('9s')
    await client.wire.send(Buffer.from('\n'))
    await client.sync()
  }
  await clock.advance('35s')
  assert.equal((await client.expect('ERROR')).headers['message'], 'Heart-beat timeout')
  await client.wire.untilClosed()
})

test('who does not log in in time is gone', async (t) => {
  const clock = virtualClock()
  const broker = await start(t, { clock, heartbeat: 60 })
  const [late, slow] = [await StompWire.open(broker.urls.stomp!), await StompWire.open(broker.urls.stomp!)]
  await slow.wire.send(Buffer.from('\nCONNECT\n'))
  // both have been accepted when a third one is served
  await (await connect(t, broker)).sync()
  await clock.advance('11s')
  await Promise.all([late.wire.untilClosed(), slow.wire.untilClosed()])
  const client = await connect(t, broker)
  await clock.advance('11s')
  await client.sync()
})

test('CONNECT may be left out where that is configured', async (t) => {
  const broker = await start(t, { config: { 'stomp.implicit_connect': true } })
  const client = await StompWire.open(broker.urls.stomp!)
  t.after(() => client.cut())
  await client.send('SUBSCRIBE', { id: 0, destination: '/topic/implicit' })
  await client.send('SEND', { destination: '/topic/implicit' }, 'x')
  assert.equal((await client.message()).text, 'x')
  const other = await connect(t, broker)
  await other.sync()
})

test('clients without a login are the default user, in the default virtual host', async (t) => {
  const permissions = { '/v': { configure: '.*', write: '.*', read: '.*' } }
  const broker = await start(t, {
    vhosts: ['/v'],
    users: [{ name: 'some', password: 'secret', permissions }],
    config: {
      'stomp.default_user': 'some',
      'stomp.default_pass': 'secret',
      'stomp.default_vhost': '/v',
      'stomp.hide_server_info': true,
    },
    managementPort: 0,
  })
  const client = await StompWire.open(broker.urls.stomp!)
  t.after(() => client.cut())
  await client.send('STOMP', { 'accept-version': '1.1' })
  const { headers } = await client.expect('CONNECTED')
  assert.equal(headers['server'], undefined)
  const [connection] = await api<Record<string, unknown>[]>(broker, 'connections')
  assert.deepEqual([connection!['user'], connection!['vhost']], ['some', '/v'])
  // another one has to give its own password
  const other = await StompWire.open(broker.urls.stomp!)
  await other.send('CONNECT', { 'accept-version': '1.2', login: 'guest' })
  assert.equal((await other.expect('ERROR')).body.toString(), "Access refused for user 'guest'\n")
  await other.wire.untilClosed()
})

test('the limits of the node hold', async (t) => {
  const broker = await start(t, { config: { max_connections: 1 } })
  const url = broker.urls.stomp!
  await connect(t, broker)
  const second = await StompWire.open(url)
  await second.send('CONNECT', { 'accept-version': '1.2' })
  const error = await second.expect('ERROR')
  assert.equal(error.headers['message'], 'Bad CONNECT')
  assert.match(error.body.toString(), /node connection limit \(1\) is reached/)
  await second.wire.untilClosed()
})

test('an alarm holds who sends, and nobody else', async (t) => {
  const broker = await start(t)
  const [sender, consumer] = [await connect(t, broker), await connect(t, broker)]
  await consumer.sendSafely('SUBSCRIBE', { id: 0, destination: '/topic/alarms' })
  broker.setAlarm('memory', true)
  await sender.send('SEND', { destination: '/topic/alarms' }, '1')
  // what came with the message that was too much is not lost
  assert.equal((await consumer.message()).text, '1')
  await sender.send('SEND', { destination: '/topic/alarms', receipt: 'r' }, '2')
  await consumer.sendSafely('UNSUBSCRIBE', { id: 0 })
  await consumer.sendSafely('SUBSCRIBE', { id: 0, destination: '/topic/alarms' })
  assert.equal(sender.wire.pending.toString().trim(), '')
  broker.setAlarm('memory', false)
  assert.equal((await consumer.message()).text, '2')
  await sender.expect('RECEIPT')
})

test('a client that does not read is sent no more than fits', async (t) => {
  const { server } = await startTestBroker({
    flags: ['--protocols', 'amqp,stomp', '--stomp-port', '0', '--web-stomp-port', 'none'],
  })
  t.after(() => server.stop('test'))
  const url = server.urls.stomp[0]!
  const destination = '/queue/backlog'
  const sender = await StompWire.connect(url)
  const body = Buffer.alloc(10_000, 'x')
  const count = 3_000
  for (let i = 0; i < count; i++) await sender.send('SEND', { destination }, body)
  await sender.sync()
  const [queue] = server.broker.vhosts.get('/')!.queues.values()
  assert.equal(queue!.readyCount, count)
  const lazy = await StompWire.connect(url)
  lazy.wire.pauseReading()
  await lazy.send('SUBSCRIBE', { id: 0, destination })
  const connection = await eventually(() =>
    [...server.broker.connections].find(({ sessions }) => [...sessions].some(({ consumers }) => consumers.size > 0)),
  )
  await eventually(() => connection.full)
  const left = queue!.readyCount
  assert.ok(left > count / 2, `${left} of ${count} messages wait in their queue`)
  assert.ok(connection.traffic().pendingBytes < 1024 * 1024, `${connection.traffic().pendingBytes} bytes wait`)
  // what it asks for is answered from a bounded memory as well: it is not read from any more
  const unknown = Buffer.concat(Array.from({ length: 100 }, () => frameBytes('x'.repeat(1000))))
  for (let i = 0; i < 500 && !connection.choked; i++) await lazy.wire.send(unknown)
  assert.ok(connection.choked)
  assert.ok(connection.traffic().pendingBytes < 8 * 1024 * 1024)
  lazy.wire.resumeReading()
  let got = 0
  while (got < count) if ((await lazy.next())?.command === 'MESSAGE') got++
  assert.equal(queue!.readyCount, 0)
  for (const client of [sender, lazy]) client.cut()
})

async function ctlOf(broker: WarrenBroker, ...args: string[]): Promise<string> {
  const terminal = bufferTerminal()
  const host = { version: '0.0.0', describeNode: () => assert.fail('the address was given'), commands: () => [] }
  assert.equal(await runCtl('ctl', ['--url', broker.managementUrl!, '-s', ...args], host, terminal), 0)
  return terminal.stdout
}

/** Of its 3.10. */
const RABBITMQ_COLUMNS = [
  ...['conn_name', 'connection', 'connection_state', 'session_id', 'channel', 'version', 'implicit_connect'],
  ...['auth_login', 'auth_mechanism', 'peer_addr', 'host', 'port', 'peer_host', 'peer_port', 'protocol', 'channels'],
  ...[
    'channel_max',
    'frame_max',
    'client_properties',
    'ssl',
    'ssl_protocol',
    'ssl_key_exchange',
    'ssl_cipher',
    'ssl_hash',
  ],
]

test('the command line lists them by their sessions', async (t) => {
  const broker = await start(t, { managementPort: 0, protocols: ['amqp', 'stomp'] })
  const client = await StompWire.open(broker.urls.stomp!)
  t.after(() => client.cut())
  await client.send('CONNECT', { 'accept-version': '1.1', host: '/', login: 'guest', passcode: 'guest' })
  const { headers } = await client.expect('CONNECTED')
  const ctl = (...args: string[]): Promise<string> => ctlOf(broker, ...args)
  const [connection] = broker.connections()
  assert.equal(await ctl('list_stomp_connections'), `${headers['session']}\t${connection!.name}\n`)
  const columns = ['version', 'protocol', 'auth_login', 'peer_addr', 'vhost']
  assert.equal(await ctl('list_stomp_connections', ...columns), '1.1\tSTOMP 1.1\tguest\t127.0.0.1\t/\n')
  assert.equal(await ctl('list_mqtt_connections'), '')

  const [connectionPid, channelPid] = (await ctl('list_stomp_connections', 'connection', 'channel')).trim().split('\t')
  assert.equal(await ctl('list_connections', 'pid'), `${connectionPid}\n`)
  assert.equal(await ctl('list_channels', 'pid'), `${channelPid}\n`)
  const all = JSON.parse(await ctl('list_stomp_connections', '--verbose', '--formatter', 'json')) as object[]
  for (const column of RABBITMQ_COLUMNS) assert.ok(column in all[0]!, column)
  await ctl('close_connection', connectionPid!, 'enough')
  assert.equal((await client.next())?.command, 'ERROR')
})

test('the command line tells who has left out CONNECT', async (t) => {
  const broker = await start(t, {
    managementPort: 0,
    protocols: ['amqp', 'stomp'],
    config: { 'stomp.implicit_connect': true },
  })
  const implicit = await StompWire.open(broker.urls.stomp!)
  t.after(() => implicit.cut())
  await implicit.sync()
  const explicit = await StompWire.connect(broker.urls.stomp!)
  t.after(() => explicit.cut())
  const listed = await ctlOf(broker, 'list_stomp_connections', 'version', 'implicit_connect')
  assert.deepEqual(listed.trim().split('\n').toSorted(), ['1.0\ttrue', '1.2\tfalse'])
})

test('frames may end without a line end', async (t) => {
  const broker = await start(t, { config: { 'stomp.trailing_lf': false } })
  const client = await StompWire.open(broker.urls.stomp!)
  t.after(() => client.cut())
  await client.send('CONNECT', { 'accept-version': '1.2', host: '/', login: 'guest', passcode: 'guest' })
  await client.send('SUBSCRIBE', { id: 's', destination: '/topic/t', receipt: 'r' })
  for (const size of [3, 50_000, 100_000]) await client.send('SEND', { destination: '/topic/t' }, 'x'.repeat(size))
  await client.send('ACK')
  const frames: string[] = []
  let frame = ''
  while (frames.at(-1)?.startsWith('ERROR') !== true) {
    const [octet] = await client.wire.bytes(1)
    assert.ok(octet !== undefined, 'the connection stays')
    if (octet > 0) frame += String.fromCharCode(octet)
    else frames.push(frame)
    if (octet === 0) frame = ''
  }
  assert.deepEqual(
    frames.map((frame) => frame.split('\n')[0]),
    ['CONNECTED', 'RECEIPT', 'MESSAGE', 'MESSAGE', 'MESSAGE', 'ERROR'],
  )
  assert.deepEqual(
    frames.slice(2, 5).map((frame) => frame.length - frame.lastIndexOf('\n') - 1),
    [3, 50_000, 100_000],
  )
})
