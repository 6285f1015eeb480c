import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { hostname, networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import amqp from 'amqplib'
import { hashPassword } from '../../src/auth/password-hash.ts'
import { stringOf } from '../../src/core/fields.ts'
import * as m from '../../src/protocols/amqp091/wire/methods.gen.ts'
import { declareQueue, RawAmqp } from '../support/raw-amqp.ts'
import { startTestBroker } from '../support/with-broker.ts'
import { runWarren, startWarren, temporaryFolder } from '../support/warren-process.ts'

// Flags, environment and configuration file, as far as a client can tell that they arrived.

const hasIpv6 = Object.values(networkInterfaces()).some((rows) => rows?.some(({ address }) => address === '::1'))

test('port 0 is a free port, which the start-up text names', async (t) => {
  const warren = await startWarren(t)
  assert.match(warren.stdout, /^WarrenMQ \d+\.\d+\.\d+ on Node\.js 24\./)
  assert.match(warren.stdout, /^ {2}node +rabbit@\S+$/m)
  assert.match(warren.stdout, /^ {2}data +in memory, gone when the broker stops$/m)
  assert.match(warren.stdout, /^ {2}AMQP +amqp:\/\/localhost:[1-9]\d+$/m)
  assert.match(warren.stdout, /^ {2}WebSocket +ws:\/\/localhost:[1-9]\d+\/ws\/amqp$/m)
  const client = await RawAmqp.open(warren.port())
  client.destroy()
})

test('both IPv4 and IPv6 are answered', async (t) => {
  const warren = await startWarren(t)
  for (const host of hasIpv6 ? ['127.0.0.1', '::1'] : ['127.0.0.1']) {
    const client = await RawAmqp.tcp(warren.port(), { host })
    await client.login()
    client.destroy()
  }
})

test('a bound address is the only one', { skip: hasIpv6 ? false : 'this machine has no IPv6' }, async (t) => {
  const warren = await startWarren(t, ['--bind', '127.0.0.1'])
  assert.equal(warren.url('AMQP'), `amqp://127.0.0.1:${warren.port()}`)
  await RawAmqp.tcp(warren.port(), { host: '127.0.0.1' }).then((client) => client.destroy())
  await assert.rejects(RawAmqp.tcp(warren.port(), { host: '::1' }), { code: 'ECONNREFUSED' })
})

test('a port that is taken is named', async (t) => {
  const taken = createServer().listen(0)
  t.after(() => taken.close())
  await once(taken, 'listening')
  const { port } = taken.address() as { port: number }
  const { code, stdout, stderr } = await runWarren(t, ['start', '--memory', '--port', String(port)])
  assert.equal(code, 69)
  assert.equal(stdout, '')
  assert.match(stderr, new RegExp(`^warren: cannot listen on \\S+:${port}: the port is in use by another process\n$`))
})

test('all mistakes of a configuration file are told at once, with line and likely key', async (t) => {
  const file = join(temporaryFolder(t), 'rabbitmq.conf')
  writeFileSync(file, 'defualt_user = ann\nheartbeat = often\n\nlisteners.tcp.default = 5672\nqueue.size = 3\n')
  const { code, stdout, stderr } = await runWarren(t, ['start', '--memory', '--config', file])
  assert.equal(code, 78)
  assert.equal(stdout, '')
  assert.deepEqual(stderr.split('\n'), [
    `warren: ${file} line 1: unknown key 'defualt_user' (did you mean 'default_user'?)`,
    `warren: ${file} line 5: unknown key 'queue.size'`,
    `warren: ${file} line 2: heartbeat: 'often' is not a duration (such as 500ms, 30s, 5m or 2h)`,
    '',
  ])
})

test('a configuration file that is not there is told', async (t) => {
  const { code, stderr } = await runWarren(t, ['start', '--memory', '--config', '/nowhere/rabbitmq.conf'])
  assert.deepEqual([code, stderr], [64, 'warren: flag --config: there is no file /nowhere/rabbitmq.conf\n'])
})

test('settings of a configuration file reach the client, and flags and environment go before them', async (t) => {
  const folder = temporaryFolder(t)
  const file = join(folder, 'rabbitmq.conf')
  writeFileSync(
    file,
    `heartbeat = 17
channel_max = 33
frame_max = 16384
cluster_name = file
warren.announced_product = Product
warren.announced_version = 1.2.3
warren.announced_platform = Platform
`,
  )
  const env = { WARREN_CLUSTER_NAME: 'environment', WARREN_CHANNEL_MAX: '44' }
  const warren = await startWarren(t, ['--config', file, '--channel-max', '55'], { env })
  assert.ok(/^  config +(.+)$/m.exec(warren.stdout)?.[1] === file, warren.stdout)
  const client = await RawAmqp.open(warren.port())
  const { heartbeat, frameMax, channelMax } = client.tune!
  assert.deepEqual([heartbeat, frameMax, channelMax], [17, 16_384, 55])
  const said = (key: string): string | null => stringOf(client.start!.serverProperties.get(key))
  assert.deepEqual(['product', 'version', 'platform', 'cluster_name'].map(said), [
    'Product',
    '1.2.3',
    'Platform',
    'environment',
  ])
  client.destroy()
})

test('the broker announces a RabbitMQ of version 4, on WarrenMQ', async (t) => {
  const warren = await startWarren(t)
  const client = await RawAmqp.open(warren.port())
  const said = (key: string): string => stringOf(client.start!.serverProperties.get(key)) ?? ''
  assert.equal(said('product'), 'RabbitMQ')
  assert.match(said('version'), /^4\.\d+\.\d+$/)
  assert.match(said('platform'), /^WarrenMQ on Node\.js 24\./)
  assert.match(said('information'), /^WarrenMQ/)
  assert.equal(said('cluster_name'), `rabbit@${hostname().split('.')[0]}`)
  client.destroy()
})

test("the first start honours the container image's variables, later starts keep what is there", async (t) => {
  const dataDir = join(temporaryFolder(t), 'data')
  const env = {
    RABBITMQ_DEFAULT_USER: 'ann',
    RABBITMQ_DEFAULT_PASS: 'secret',
    RABBITMQ_DEFAULT_VHOST: 'shop',
    RABBITMQ_NODENAME: 'hare',
  }
  const login = { user: 'ann', password: 'secret', vhost: 'shop' }
  const first = await startWarren(t, ['--data-dir', dataDir], { env })
  assert.match(first.stdout, new RegExp(`^ {2}node +hare@${hostname().split('.')[0]}$`, 'm'))
  const client = await RawAmqp.open(first.port(), login)
  await client.openChannel()
  client.destroy()
  const guest = await RawAmqp.tcp(first.port())
  await guest.greet()
  assert.equal((await guest.expect(m.ConnectionClose)).replyCode, 403)
  guest.destroy()
  await first.stop()

  const second = await startWarren(t, ['--data-dir', dataDir])
  await RawAmqp.open(second.port(), login).then((again) => again.destroy())
  const { stderr } = second
  assert.doesNotMatch(stderr, /\[(warn|error)\]/)
  await second.stop()
})

test('the first start describes its virtual host as RabbitMQ does', async () => {
  const { server } = await startTestBroker()
  try {
    assert.equal(server.broker.findVhost('/').metadata.description, 'Default virtual host')
  } finally {
    await server.stop('test')
  }
})

test('definitions are loaded, and replace the well-known user', async (t) => {
  const file = join(temporaryFolder(t), 'definitions.json')
  const definitions = {
    rabbitmq_version: '3.13.1',
    users: [
      {
        name: 'ann',
        password_hash: hashPassword('s3cret'),
        hashing_algorithm: 'rabbit_password_hashing_sha256',
        tags: [],
      },
    ],
    vhosts: [{ name: '/' }],
    permissions: [{ user: 'ann', vhost: '/', configure: '.*', write: '.*', read: '.*' }],
    queues: [{ name: 'q', vhost: '/', durable: true, auto_delete: false, arguments: { 'x-max-length': 5 } }],
    exchanges: [
      { name: 'x', vhost: '/', type: 'topic', durable: true, auto_delete: false, internal: false, arguments: {} },
    ],
    bindings: [
      { source: 'x', vhost: '/', destination: 'q', destination_type: 'queue', routing_key: 'a.#', arguments: {} },
    ],
  }
  writeFileSync(file, JSON.stringify(definitions))
  const warren = await startWarren(t, ['--load-definitions', file])
  const connection = await amqp.connect(`amqp://ann:s3cret@localhost:${warren.port()}`)
  const channel = await connection.createConfirmChannel()
  channel.publish('x', 'a.b', Buffer.from('routed'))
  await channel.waitForConfirms()
  assert.equal((await channel.checkQueue('q')).messageCount, 1)
  await channel.assertQueue('q', { maxLength: 5 })
  await connection.close()
  await assert.rejects(amqp.connect(`amqp://guest:guest@localhost:${warren.port()}`), /ACCESS_REFUSED|403/)
})

test('definitions that cannot be read keep the broker from starting', async (t) => {
  const file = join(temporaryFolder(t), 'definitions.json')
  for (const [content, reason] of [
    ['{', 'Expected property name'],
    ['{"queues":[{"name":"q","vhost":"nowhere"}]}', 'vhost nowhere not found'],
  ]) {
    writeFileSync(file, content!)
    const { code, stderr } = await runWarren(t, ['start', '--memory', '--port', '0', '--load-definitions', file])
    assert.equal(code, 78)
    assert.ok(stderr.startsWith(`warren: load_definitions: ${file}: ${reason}`), stderr)
    assert.equal(stderr.split('\n').length, 2, stderr)
  }
})

test('ping tells whether a broker answers where the configuration says', async (t) => {
  const warren = await startWarren(t, ['--management-port', 'none'])
  const port = String(warren.port())
  assert.deepEqual(await runWarren(t, ['ping'], { env: { WARREN_PORT: port } }), {
    code: 0,
    signal: null,
    stdout: `localhost:${port} answers\n`,
    stderr: '',
  })
  await warren.stop()
  const { code, stderr } = await runWarren(t, ['ping', '--port', port])
  assert.equal(code, 69)
  assert.match(stderr, new RegExp(`^warren: localhost:${port}: .*ECONNREFUSED.*\n$`))
})

test('ping finds the broker behind the PROXY protocol too', async (t) => {
  const warren = await startWarren(t, ['--proxy-protocol'])
  const { code, stdout } = await runWarren(t, ['ping', '--proxy-protocol', '--port', String(warren.port())])
  assert.deepEqual([code, stdout], [0, `localhost:${warren.port()} answers\n`])
})

test('ping takes silence for no answer', async (t) => {
  const silent = createServer((socket) => socket.on('error', () => {}).resume()).listen(0)
  t.after(() => silent.close())
  await once(silent, 'listening')
  const { port } = silent.address() as { port: number }
  const { code, stderr } = await runWarren(t, ['ping', '--port', String(port)])
  assert.deepEqual([code, stderr], [69, `warren: localhost:${port}: no answer within 4 s\n`])
})

test('limits of the configuration hold', async (t) => {
  const flags = ['--max-message-size', '1000', '--channel-max', '2', '--max-connections', '2']
  const warren = await startWarren(t, flags)
  const client = await RawAmqp.open(warren.port())
  await client.openChannel(7)
  await client.openChannel(3)
  client.send(3, declareQueue('q'))
  await client.expect(m.QueueDeclareOk)
  client.publish(3, '', 'q', Buffer.alloc(1000))
  client.send(3, declareQueue('q', { passive: true }))
  assert.equal((await client.expect(m.QueueDeclareOk)).messageCount, 1)
  client.publish(3, '', 'q', Buffer.alloc(1001))
  const tooLarge = await client.expect(m.ChannelClose)
  assert.equal(tooLarge.replyCode, 406)
  assert.equal(tooLarge.replyText, 'PRECONDITION_FAILED - message size 1001 is larger than configured max size 1000')
  client.send(3, new m.ChannelCloseOk())

  await client.openChannel(3)
  client.send(4, new m.ChannelOpen())
  const tooMany = await client.expect(m.ConnectionClose)
  assert.equal(tooMany.replyCode, 530)
  const text = 'number of channels opened (2) has reached the negotiated channel_max (2)'
  assert.equal(tooMany.replyText, `NOT_ALLOWED - ${text}`)
  client.destroy()

  const clients = [await RawAmqp.open(warren.port()), await RawAmqp.open(warren.port())]
  const third = await RawAmqp.tcp(warren.port())
  await third.greet()
  await third.expect(m.ConnectionTune)
  third.send(0, new m.ConnectionTuneOk(2, 131_072, 0))
  third.send(0, new m.ConnectionOpen('/'))
  const refused = await third.expect(m.ConnectionClose)
  assert.equal(refused.replyCode, 530)
  assert.equal(refused.replyText, 'NOT_ALLOWED - connection refused: node connection limit (2) is reached')
  for (const each of [...clients, third]) each.destroy()
})

test('heartbeats of a second are kept from both sides', async (t) => {
  const warren = await startWarren(t, ['--heartbeat', '1'])
  const client = await RawAmqp.open(warren.port(), { heartbeatSec: 1 })
  assert.equal(client.tune!.heartbeat, 1)
  // It says nothing itself: it hears the broker first, then is dropped.
  await client.heartbeat()
  await assert.rejects(client.next(), /has ended/)
  const quiet = await RawAmqp.open(warren.port(), { heartbeatSec: 0 })
  await quiet.openChannel()
  quiet.destroy()
})
