import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as m from '../../src/protocols/amqp091/wire/methods.gen.ts'
import { MqttWire } from '../support/mqtt-wire.ts'
import { RawAmqp } from '../support/raw-amqp.ts'
import { startWarren } from '../support/warren-process.ts'
import { StompWire } from '../support/stomp-wire.ts'
import { eventually } from '../support/with-broker.ts'

// Behind a proxy the client's own address counts: in names, in the log, and for users that may come from this machine only.

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
const PROXY = 1
const LOCAL = 0
const TCP4 = 0x11
const TCP6 = 0x21

/** A header of version 2; addresses as bytes, with an option that is to be skipped. */
function version2(command: number, family: number, from: readonly number[], to: readonly number[]): Buffer {
  const ports = Buffer.alloc(4)
  ports.writeUInt16BE(4711, 0)
  ports.writeUInt16BE(5672, 2)
  const option = Buffer.from([0x04, 0, 3, 1, 2, 3]) // PP2_TYPE_NOOP
  const addresses = Buffer.concat([Buffer.from([...from, ...to]), ports, option])
  const head = Buffer.alloc(4)
  head.writeUInt8(0x20 | command, 0)
  head.writeUInt8(family, 1)
  head.writeUInt16BE(addresses.length, 2)
  return Buffer.concat([SIGNATURE, head, addresses])
}

const ipv6 = (last: number): number[] => [0x20, 0x01, 0x0d, 0xb8, ...new Array<number>(11).fill(0), last]

const HEADERS: readonly [string, string | Buffer, string][] = [
  ['version 1 over IPv4', 'PROXY TCP4 127.0.0.7 127.0.0.8 4711 5672\r\n', '127.0.0.7:4711 -> 127.0.0.8:5672'],
  ['version 1 over IPv6', 'PROXY TCP6 ::1 ::1 4711 5672\r\n', '[::1]:4711 -> [::1]:5672'],
  ['version 2 over IPv4', version2(PROXY, TCP4, [127, 0, 0, 7], [127, 0, 0, 8]), '127.0.0.7:4711 -> 127.0.0.8:5672'],
]

for (const [name, header, connection] of HEADERS) {
  test(`the address of ${name} names the connection`, async (t) => {
    const warren = await startWarren(t, ['--proxy-protocol'])
    const client = await RawAmqp.tcp(warren.port())
    client.socket.write(header)
    await client.login({ connectionName: 'orders' })
    await eventually(() => warren.stderr.includes(`connection="${connection}" user=guest vhost=/ name=orders\n`))
    client.destroy()
  })
}

test("a header may come in pieces, and together with the client's first bytes", async (t) => {
  const warren = await startWarren(t, ['--proxy-protocol', '--loopback-users', 'none'])
  const client = await RawAmqp.tcp(warren.port())
  const header = version2(PROXY, TCP6, ipv6(1), ipv6(2))
  client.socket.write(header.subarray(0, 5))
  await new Promise((resolve) => setImmediate(resolve))
  client.socket.write(header.subarray(5))
  await client.login()
  await eventually(() => warren.stderr.includes('connection="[2001:db8::1]:4711 -> [2001:db8::2]:5672"'))
  client.destroy()
})

test("a proxy's own connection has its own address", async (t) => {
  const warren = await startWarren(t, ['--proxy-protocol'])
  const client = await RawAmqp.tcp(warren.port(), { host: '127.0.0.1' })
  client.socket.write(version2(LOCAL, 0, [], []))
  await client.login()
  await eventually(() => warren.stderr.includes(`-> 127.0.0.1:${warren.port()}" user=guest`))
  client.destroy()
})

test('without a header there is no connection', async (t) => {
  const warren = await startWarren(t, ['--proxy-protocol'])
  const client = await RawAmqp.tcp(warren.port())
  await assert.rejects(client.login(), /has ended/)
  await eventually(() => /connection refused: PROXY protocol peer=\S+ reason=/.test(warren.stderr))
})

test('without the option a header is no greeting', async (t) => {
  const warren = await startWarren(t)
  const client = await RawAmqp.tcp(warren.port())
  client.socket.write('PROXY TCP4 127.0.0.7 127.0.0.8 4711 5672\r\n')
  assert.deepEqual(await client.rest(), [])
  await eventually(() => warren.stderr.includes('refused a protocol header'))
})

/** What the broker says to a login from an address that is not this machine's. */
async function loginFromElsewhere(port: number): Promise<m.Method> {
  const client = await RawAmqp.tcp(port)
  client.socket.write('PROXY TCP4 192.0.2.1 192.0.2.2 4711 5672\r\n')
  await client.greet()
  const answer = await client.next()
  client.destroy()
  return answer
}

test('guest comes from this machine only', async (t) => {
  const warren = await startWarren(t, ['--proxy-protocol'])
  const answer = (await loginFromElsewhere(warren.port())) as m.ConnectionClose
  assert.equal(answer.replyCode, 403)
  const text = 'Login was refused using authentication mechanism PLAIN. For details see the broker logfile.'
  assert.equal(answer.replyText, `ACCESS_REFUSED - ${text}`)
  await eventually(() => /PLAIN login refused: .*localhost.* peer=192\.0\.2\.1\n/.test(warren.stderr))
})

test('loopback_users = none lets guest come from anywhere', async (t) => {
  const warren = await startWarren(t, ['--proxy-protocol', '--loopback-users', 'none'])
  assert.equal((await loginFromElsewhere(warren.port())).id, m.ConnectionTune.id)
})

test('guest from elsewhere is told so by MQTT and STOMP, where the password is right', async (t) => {
  const flags = ['--protocols', 'amqp,mqtt,stomp', '--mqtt-port', '0', '--stomp-port', '0']
  const web = ['--web-mqtt-port', 'none', '--web-stomp-port', 'none']
  const warren = await startWarren(t, [...flags, ...web, '--mqtt-proxy-protocol', '--stomp-proxy-protocol'])
  const header = Buffer.from('PROXY TCP4 192.0.2.1 192.0.2.2 4711 1883\r\n')
  for (const [password, returnCode] of [
    ['guest', 5],
    ['wrong', 4],
  ] as const) {
    const mqtt = await MqttWire.open(warren.url('MQTT'), 4)
    await mqtt.wire.send(header)
    await mqtt.sendConnect({ password: Buffer.from(password) })
    assert.equal((await mqtt.connack()).returnCode, returnCode, password)
  }
  for (const [passcode, text] of [
    ['guest', 'non-loopback access denied'],
    ['wrong', "Access refused for user 'guest'\n"],
  ] as const) {
    const stomp = await StompWire.open(warren.url('STOMP'))
    await stomp.wire.send(header)
    await stomp.send('CONNECT', { 'accept-version': '1.2', host: '/', login: 'guest', passcode })
    const { headers, body } = await stomp.expect('ERROR')
    assert.deepEqual([headers['message'], body.toString()], ['Bad CONNECT', text])
  }
})
