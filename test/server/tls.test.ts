import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, type TestContext, test } from 'node:test'
import { connect, type ConnectionOptions } from 'node:tls'
import amqp from 'amqplib'
import { stringOf } from '../../src/core/fields.ts'
import * as m from '../../src/protocols/amqp091/wire/methods.gen.ts'
import { Authority, type Identity, withoutOpenssl } from '../support/certificates.ts'
import { RawAmqp } from '../support/raw-amqp.ts'
import { runWarren, startWarren, temporaryFolder, type WarrenProcess } from '../support/warren-process.ts'
import { eventually } from '../support/with-broker.ts'

const DN = 'CN=ann,OU=rabbits,O=example'
const external = { mechanism: 'EXTERNAL', response: Buffer.alloc(0) }

/** @param threads for TLS; 0 is the broker's own */
function describeTls(threads: number): void {
  let folder = ''
  let authority: Authority
  let server: Identity
  let ann: Identity
  let stranger: Identity
  let flags: string[] = []

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'warren-tls-'))
    authority = new Authority(folder)
    server = authority.issue('server', '/CN=localhost', 'DNS:localhost,IP:127.0.0.1')
    ann = authority.issue('ann', '/O=example/OU=rabbits/CN=ann', 'DNS:ann.example,email:ann@example.org')
    stranger = new Authority(folder, 'elsewhere').issue('stranger', '/CN=ann')
    flags = ['--tls-port', '0', '--ssl-options-certfile', server.certFile, '--ssl-options-keyfile', server.keyFile]
    flags.push('--ssl-options-cacertfile', authority.caFile, '--tls-threads', `${threads}`)
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  const mutual = (...more: string[]): string[] => [
    ...flags,
    '--ssl-options-verify=verify_peer',
    '--ssl-options-fail-if-no-peer-cert',
    ...more,
  ]

  const tlsPort = (warren: WarrenProcess): number => warren.port('AMQP over TLS')

  /** The connection may be refused after the client's side of the handshake is over: TLS 1.3 lets it. */
  async function tlsClient(warren: WarrenProcess, options: ConnectionOptions = {}): Promise<RawAmqp> {
    const socket = connect({ port: tlsPort(warren), host: 'localhost', ca: authority.ca, ...options })
    await once(socket, 'secureConnect')
    return new RawAmqp(socket)
  }

  async function assertRefused(warren: WarrenProcess, options: ConnectionOptions): Promise<void> {
    await assert.rejects(async () => {
      const client = await tlsClient(warren, options)
      await client.login()
    })
  }

  /** A broker with the users that certificates may name. */
  async function startWithUsers(t: TestContext, names: string[], more: string[]): Promise<WarrenProcess> {
    const file = join(temporaryFolder(t), 'definitions.json')
    const permissions = names.map((user) => ({ user, vhost: '/', configure: '', write: '', read: '' }))
    const users = names.map((name) => ({ name, password_hash: '', tags: [] }))
    writeFileSync(file, JSON.stringify({ vhosts: [{ name: '/' }], users, permissions }))
    return startWarren(t, [...mutual('--auth-mechanisms=PLAIN,EXTERNAL', '--load-definitions', file), ...more])
  }

  test('an AMQP client connects over TLS, beside the plain port', async (t) => {
    const warren = await startWarren(t, flags)
    assert.match(warren.url('AMQP over TLS'), /^amqps:\/\/localhost:\d+$/)
    const url = warren.url('AMQP over TLS').replace('//', '//guest:guest@')
    const connection = await amqp.connect(url, { ca: authority.ca })
    const channel = await connection.createConfirmChannel()
    const { queue } = await channel.assertQueue('')
    const body = Buffer.alloc(300_000, 'x')
    channel.sendToQueue(queue, body)
    await channel.waitForConfirms()
    const message = await channel.get(queue, { noAck: true })
    assert.ok(message !== false && message.content.equals(body))
    await connection.close()
    await RawAmqp.open(warren.port()).then((client) => client.destroy())
  })

  test('only the versions that are configured are spoken', async (t) => {
    const warren = await startWarren(t, [...flags, '--ssl-options-versions', 'tlsv1.3'])
    const client = await tlsClient(warren)
    await client.login()
    client.destroy()
    await assertRefused(warren, { maxVersion: 'TLSv1.2' })
    await eventually(() => warren.stderr.includes('TLS handshake failed'))
  })

  test('who speaks plain AMQP to the TLS port is turned away, and others go on', async (t) => {
    const warren = await startWarren(t, flags)
    const confused = await RawAmqp.tcp(tlsPort(warren))
    await assert.rejects(confused.login(), /has ended|ECONN|EPIPE/)
    const client = await tlsClient(warren)
    await client.login()
    client.destroy()
  })

  test('fail_if_no_peer_cert takes only clients with a certificate of the authority', async (t) => {
    const warren = await startWarren(t, mutual())
    const client = await tlsClient(warren, { cert: ann.cert, key: ann.key })
    await client.login()
    client.destroy()
    await assertRefused(warren, {})
    await eventually(() =>
      warren.stderr.includes('TLS handshake failed peer=127.0.0.1 reason="peer did not return a certificate"'),
    )
  })

  test('fail_if_no_peer_cert says what is wrong with a certificate', async (t) => {
    const warren = await startWarren(t, mutual())
    await assertRefused(warren, { cert: stranger.cert, key: stranger.key })
    const reason = "the client's certificate is not valid: UNABLE_TO_VERIFY_LEAF_SIGNATURE"
    await eventually(() => warren.stderr.includes(`TLS handshake failed peer=127.0.0.1 reason="${reason}"`))
  })

  test('verify_peer alone takes clients without a certificate, but none with a wrong one', async (t) => {
    const warren = await startWarren(t, [...flags, '--ssl-options-verify=verify_peer'])
    const client = await tlsClient(warren)
    await client.login()
    client.destroy()
    await assertRefused(warren, { cert: stranger.cert, key: stranger.key })
    await eventually(() => warren.stderr.includes("the client's certificate is not valid"))
  })

  for (const [from, user] of [
    ['distinguished_name', DN],
    ['common_name', 'ann'],
    ['subject_alternative_name', 'ann.example'],
  ] as const) {
    test(`EXTERNAL logs in by the certificate's ${from}`, async (t) => {
      const warren = await startWithUsers(t, [user], ['--ssl-cert-login-from', from])
      const client = await tlsClient(warren, { cert: ann.cert, key: ann.key })
      await client.login(external)
      assert.ok(client.start!.mechanisms.toString().split(' ').includes('EXTERNAL'))
      await client.openChannel()
      client.destroy()
      await eventually(() => warren.stderr.includes('connection opened'))
      assert.ok(warren.stderr.includes(`user=${user.includes('=') ? JSON.stringify(user) : user} `), warren.stderr)
    })
  }

  test('EXTERNAL refuses a certificate whose name is no user', async (t) => {
    const warren = await startWithUsers(t, ['somebody'], [])
    const client = await tlsClient(warren, { cert: ann.cert, key: ann.key })
    await client.greet(external)
    const { replyCode, replyText } = await client.expect(m.ConnectionClose)
    const text = 'Login was refused using authentication mechanism EXTERNAL. For details see the broker logfile.'
    assert.deepEqual([replyCode, replyText], [403, `ACCESS_REFUSED - ${text}`])
    client.destroy()
    await eventually(() => warren.stderr.includes(`EXTERNAL login refused: user '${DN}' not found`))
  })

  test('EXTERNAL refuses a certificate without the name, and a client without a certificate, at once', async (t) => {
    const flag = ['--ssl-options-fail-if-no-peer-cert=false', '--ssl-cert-login-from', 'subject_alternative_name']
    const warren = await startWithUsers(t, ['ann'], [...flag, '--ssl-cert-login-san-type', 'uri'])
    for (const certificate of [{ cert: ann.cert, key: ann.key }, {}]) {
      const client = await tlsClient(warren, certificate)
      await client.greet(external)
      assert.equal(client.start!.mechanisms.toString(), 'PLAIN EXTERNAL')
      const { replyCode, replyText } = await client.expect(m.ConnectionClose)
      const text = 'Login was refused using authentication mechanism EXTERNAL. For details see the broker logfile.'
      assert.deepEqual([replyCode, replyText], [403, `ACCESS_REFUSED - ${text}`])
      client.destroy()
    }
    const reasons = ['no name found', 'connection peer presented no TLS (x.509) certificate']
    await eventually(() => reasons.every((reason) => warren.stderr.includes(`EXTERNAL login refused: ${reason}`)))
  })

  test('EXTERNAL is not offered without TLS, and ends in silence for who tries', async (t) => {
    const warren = await startWithUsers(t, [DN], [])
    const client = await RawAmqp.tcp(warren.port())
    await client.greet(external)
    assert.equal(client.start!.mechanisms.toString(), 'PLAIN')
    assert.deepEqual(await client.rest(), [])
    assert.match(warren.stderr, /invalid authentication mechanism 'EXTERNAL'/)
  })

  test('EXTERNAL is not offered unless it is configured', async (t) => {
    const warren = await startWarren(t, mutual())
    const client = await tlsClient(warren, { cert: ann.cert, key: ann.key })
    await client.greet()
    assert.equal(client.start!.mechanisms.toString(), 'PLAIN AMQPLAIN')
    assert.equal(stringOf(client.start!.serverProperties.get('product')), 'RabbitMQ')
    client.destroy()
  })

  test('the PROXY protocol comes before TLS', async (t) => {
    const warren = await startWarren(t, [...flags, '--proxy-protocol'])
    const plain = await RawAmqp.tcp(tlsPort(warren))
    const { socket } = plain
    socket.removeAllListeners('data')
    socket.write('PROXY TCP4 127.0.0.9 127.0.0.1 4711 5671\r\n')
    const secure = connect({ socket, host: 'localhost', ca: authority.ca })
    await once(secure, 'secureConnect')
    const client = await new RawAmqp(secure).login()
    await eventually(() => warren.stderr.includes('connection="127.0.0.9:4711 -> 127.0.0.1:5671"'))
    client.destroy()
  })

  test('ping takes a broker with a TLS port alone', async (t) => {
    const conf = join(temporaryFolder(t), 'rabbitmq.conf')
    const lines = (port: number): string => `listeners.tcp = none
listeners.ssl.default = ${port}
ssl_options.certfile = ${server.certFile}
ssl_options.keyfile = ${server.keyFile}
`
    writeFileSync(conf, lines(0))
    const warren = await startWarren(t, ['--config', conf, '--port', 'none'])
    assert.ok(!warren.stdout.includes(' amqp://'), warren.stdout)
    writeFileSync(conf, lines(tlsPort(warren)))
    const { code, stdout } = await runWarren(t, ['ping', '--config', conf])
    assert.deepEqual([code, stdout], [0, `localhost:${tlsPort(warren)} answers\n`])
  })

  test('certificates that cannot be used are told by key and file', async (t) => {
    const start = ['start', '--memory', '--port', '0', '--tls-port', '0']
    const missing = await runWarren(t, start)
    assert.equal(missing.code, 78)
    assert.match(
      missing.stderr,
      /TLS listeners: need ssl_options\.certfile\n.*TLS listeners: need ssl_options\.keyfile\n/,
    )
    const certfile = ['--ssl-options-certfile', server.certFile]
    const wrongKey = await runWarren(t, [...start, ...certfile, '--ssl-options-keyfile', ann.keyFile])
    assert.deepEqual(
      [wrongKey.code, wrongKey.stderr],
      [78, `warren: ssl_options.keyfile: ${ann.keyFile} is not the key of ${server.certFile}\n`],
    )
    const noFile = await runWarren(t, [...start, ...certfile, '--ssl-options-keyfile', '/nowhere/key.pem'])
    assert.equal(noFile.code, 78)
    assert.match(noFile.stderr, /^warren: ssl_options\.keyfile: \/nowhere\/key\.pem: ENOENT.*\n$/)
  })
}

for (const threads of [0, 2]) {
  describe(`TLS, ${threads} threads`, { skip: withoutOpenssl }, () => describeTls(threads))
}
