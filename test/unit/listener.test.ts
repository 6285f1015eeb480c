import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text as textOf } from 'node:stream/consumers'
import { after, test } from 'node:test'
import type { TestContext } from 'node:test'
import { connect as connectTls } from 'node:tls'
import type { ConnectionOptions } from 'node:tls'
import { listen, ListenError } from '../../src/net/listener.ts'
import type { ListenOptions, Peer } from '../../src/net/listener.ts'
import { certificateUser, loadTls, TlsError } from '../../src/net/tls.ts'
import type { TlsSettings } from '../../src/net/tls.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { createLog } from '../../src/telemetry/pino-log.ts'

const folder = mkdtempSync(join(tmpdir(), 'warren-listener-'))
after(() => rmSync(folder, { recursive: true }))
const file = (name: string) => join(folder, name)
const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })

const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

function makeCertificate(name: string, subject: string, issuer: string, extensions: string): void {
  openssl('req', ...EC, '-utf8', '-subj', subject, '-keyout', `${name}.key`, '-out', `${name}.csr`)
  writeFileSync(file(`${name}.ext`), extensions)
  const sign = ['-CA', `${issuer}.pem`, '-CAkey', `${issuer}.key`, '-CAcreateserial', '-days', '30']
  openssl('x509', '-req', '-in', `${name}.csr`, ...sign, '-extfile', `${name}.ext`, '-out', `${name}.pem`)
}

openssl('req', '-x509', ...EC, '-subj', '/CN=root', '-keyout', 'root.key', '-out', 'root.pem', '-days', '30')
openssl('req', '-x509', ...EC, '-subj', '/CN=other', '-keyout', 'other.key', '-out', 'other.pem', '-days', '30')
makeCertificate('server', '/CN=localhost', 'root', 'subjectAltName=DNS:localhost')
makeCertificate(
  'client',
  '/O=Burrow, Inc/CN=ann/emailAddress=ann@example.org',
  'root',
  'subjectAltName=DNS:ann.example,DNS:second.example,IP:10.0.0.1,URI:urn:ann',
)
makeCertificate('stranger', '/CN=stranger', 'other', 'basicConstraints=CA:FALSE')

function tls(more: Partial<TlsSettings> = {}): TlsSettings {
  return {
    caFile: file('root.pem'),
    certFile: file('server.pem'),
    keyFile: file('server.key'),
    password: null,
    verifyPeer: false,
    requireCertificate: false,
    versions: ['tlsv1.3', 'tlsv1.2'],
    ciphers: [],
    honorCipherOrder: true,
    handshakeTimeoutMs: 5000,
    ...more,
  }
}

/** A listener whose connections can be awaited one by one; both ends of everything are closed after the test. */
async function start(t: TestContext, more: Partial<ListenOptions> = {}) {
  const accepted: { socket: Socket; peer: Peer }[] = []
  const waiting: ((connection: { socket: Socket; peer: Peer }) => void)[] = []
  const listener = await listen({
    hosts: ['127.0.0.1'],
    port: 0,
    log: silentLog,
    onConnection(socket, peer) {
      t.after(() => socket.destroy())
      socket.on('error', () => {})
      const connection = { socket, peer }
      const next = waiting.shift()
      if (next) next(connection)
      else accepted.push(connection)
    },
    ...more,
  })
  t.after(() => listener.close())
  const next = () => {
    const connection = accepted.shift()
    return connection
      ? Promise.resolve(connection)
      : new Promise<{ socket: Socket; peer: Peer }>((r) => waiting.push(r))
  }
  const dial = (host = '127.0.0.1') => {
    const socket = connect(listener.port, host)
    socket.on('error', () => {})
    t.after(() => socket.destroy())
    return socket
  }
  return { listener, next, dial }
}

/** Whether in order or by an error. */
const closed = (socket: Socket) => new Promise((resolve) => socket.resume().once('close', resolve))

/** Reads until the text has come. */
async function readText(socket: Socket, expected: string): Promise<void> {
  let text = ''
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
  socket.resume()
  while (text.length < expected.length) await once(socket, 'data')
  assert.equal(text, expected)
}

async function secure(t: TestContext, port: number, more: ConnectionOptions = {}, socket?: Socket) {
  const options = { host: '127.0.0.1', port, servername: 'localhost', ca: readFileSync(file('root.pem')), ...more }
  const client = connectTls(socket ? { ...options, socket } : options)
  client.on('error', () => {})
  t.after(() => client.destroy())
  return client
}

const certificateOf = (name: string) => ({
  cert: readFileSync(file(`${name}.pem`)),
  key: readFileSync(file(`${name}.key`)),
})

test('a connection is handed over paused, with both addresses', async (t) => {
  const { listener, next, dial } = await start(t)
  const client = dial()
  client.write('AMQP')
  const { socket, peer } = await next()
  assert.equal(socket.isPaused(), true)
  assert.deepEqual(peer, {
    address: '127.0.0.1',
    port: client.localPort,
    localAddress: '127.0.0.1',
    localPort: listener.port,
    tls: null,
    websocket: false,
  })
  await readText(socket, 'AMQP')
})

test('the dual-stack address takes IPv4 clients and shows them as such', async (t) => {
  const { next, dial } = await start(t, { hosts: ['::'] })
  dial('127.0.0.1')
  assert.equal((await next()).peer.address, '127.0.0.1')
})

test('port 0 is the same port on all hosts', async (t) => {
  const { listener, next } = await start(t, { hosts: ['127.0.0.1', '127.0.0.2'] })
  assert.deepEqual(listener.addresses, [
    { address: '127.0.0.1', port: listener.port },
    { address: '127.0.0.2', port: listener.port },
  ])
  const client = connect(listener.port, '127.0.0.2')
  t.after(() => client.destroy())
  assert.equal((await next()).peer.localAddress, '127.0.0.2')
})

test('both wildcard addresses can be asked for at once', async (t) => {
  const { listener } = await start(t, { hosts: ['::', '0.0.0.0'] })
  assert.equal(listener.addresses.length, 2)
})

test('a port in use is named', async (t) => {
  const script = `const s = require('net').createServer().listen(0, '127.0.0.1', () => console.log(s.address().port))`
  const other = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => other.kill())
  const port = Number(String((await once(other.stdout, 'data'))[0]))
  const text = `cannot listen on 127.0.0.1:${port}: the port is in use by another process`
  await assert.rejects(start(t, { port }), { name: 'ListenError', code: 'EADDRINUSE', message: text })
})

test('so is one that this process has itself, while it has it', async (t) => {
  const { listener } = await start(t)
  const { port } = listener
  await assert.rejects(start(t, { port }), (error) => {
    assert.ok(error instanceof ListenError)
    assert.equal(error.code, 'EADDRINUSE')
    assert.equal(
      error.message,
      `cannot listen on 127.0.0.1:${port}: this process listens on the port itself: for something else, or for a broker that was not stopped (await broker.stop())`,
    )
    return true
  })
  await listener.close()
  const again = await start(t, { port })
  assert.equal(again.listener.port, port)
})

test('when one host cannot be had, none is kept', async (t) => {
  const { listener } = await start(t)
  const { port } = listener
  await assert.rejects(start(t, { hosts: ['127.0.0.2', '127.0.0.1'], port }), ListenError)
  const probe = createServer().listen(port, '127.0.0.2')
  await once(probe, 'listening')
  assert.equal((probe.address() as AddressInfo).port, port)
  probe.close()
})

test('closing stops accepting, leaves open sockets and closes half-open ones', async (t) => {
  const { listener, next, dial } = await start(t)
  const client = dial()
  const { socket } = await next()
  await listener.close()
  const [error] = (await once(dial(), 'error')) as [NodeJS.ErrnoException]
  assert.equal(error.code, 'ECONNREFUSED')
  socket.write('still here')
  await readText(client, 'still here')

  const proxied = await start(t, { proxyProtocol: true })
  const early = proxied.dial()
  await once(early, 'connect')
  early.write('PROXY ')
  await new Promise<void>((resolve) => {
    // The server has accepted once a second connection got through it.
    const second = proxied.dial()
    second.write('PROXY UNKNOWN\r\n')
    void proxied.next().then(() => resolve())
  })
  await proxied.listener.close()
  await closed(early)
})

test('a connection that cannot be taken over is closed', async (t) => {
  const lines: string[] = []
  const log = createLog([{ level: 'error', format: 'plaintext', writer: { write: (line) => void lines.push(line) } }])
  const { dial } = await start(t, {
    log,
    onConnection() {
      throw new Error('no room')
    },
  })
  await closed(dial())
  assert.match(lines[0]!, /could not be taken over/)
})

test('the PROXY header gives the client, and what follows stays in order', async (t) => {
  const { next, dial } = await start(t, { proxyProtocol: true })
  dial().write('PROXY TCP4 203.0.113.7 192.0.2.9 1111 5672\r\nAMQP')
  const { socket, peer } = await next()
  assert.deepEqual(
    [peer.address, peer.port, peer.localAddress, peer.localPort],
    ['203.0.113.7', 1111, '192.0.2.9', 5672],
  )
  assert.equal(socket.isPaused(), true)
  await readText(socket, 'AMQP')
})

test('a PROXY header in pieces, and a large first chunk after it', async (t) => {
  const { next, dial } = await start(t, { proxyProtocol: true })
  const client = dial()
  client.setNoDelay(true)
  await once(client, 'connect')
  const body = 'x'.repeat(200_000)
  for (const part of ['PRO', 'XY UNKNOWN\r', `\n${body}`]) {
    client.write(part)
    await new Promise((resolve) => setImmediate(resolve))
  }
  const { socket, peer } = await next()
  assert.equal(peer.address, '127.0.0.1')
  await readText(socket, body)
})

test('without a PROXY header the connection is closed with a log line', async (t) => {
  const lines: string[] = []
  const log = createLog([{ level: 'warn', format: 'plaintext', writer: { write: (line) => void lines.push(line) } }])
  const { dial } = await start(t, { proxyProtocol: true, log })
  const client = dial().resume()
  client.write('AMQP\0\0\x09\x01')
  await closed(client)
  assert.match(lines[0]!, /PROXY protocol peer=127\.0\.0\.1 reason="the connection does not begin with/)
})

test('a PROXY header that does not come is not waited for', async (t) => {
  const { dial } = await start(t, { proxyProtocol: true, proxyHeaderTimeoutMs: 10 })
  const client = dial().resume()
  client.write('PROXY TCP4 ')
  await closed(client)
})

test('TLS: protocol and cipher are told, and no certificate is asked for', async (t) => {
  const { listener, next } = await start(t, { tls: loadTls(tls({ caFile: null })) })
  const client = await secure(t, listener.port, certificateOf('client'))
  client.write('AMQP')
  const { socket, peer } = await next()
  assert.equal(socket.isPaused(), true)
  assert.equal(peer.tls?.protocol, 'TLSv1.3')
  assert.match(peer.tls.cipher, /^TLS_/)
  assert.equal(peer.tls.certificate, null)
  await readText(socket, 'AMQP')
})

test('TLS behind a proxy, with the handshake in the same packet as the header', async (t) => {
  const { listener, next, dial } = await start(t, { proxyProtocol: true, tls: loadTls(tls()) })
  const raw = dial()
  await once(raw, 'connect')
  raw.cork()
  raw.write('PROXY TCP6 2001:db8::7 2001:db8::9 1111 5671\r\n')
  const client = await secure(t, listener.port, {}, raw)
  process.nextTick(() => raw.uncork())
  client.write('AMQP')
  const { socket, peer } = await next()
  assert.equal(peer.address, '2001:db8::7')
  assert.equal(peer.tls?.protocol, 'TLSv1.3')
  await readText(socket, 'AMQP')
  socket.write('back')
  await readText(client, 'back')
})

test('TLS: the versions are those of the configuration', async (t) => {
  const { listener, next } = await start(t, { tls: loadTls(tls({ versions: ['tlsv1.2'] })) })
  await secure(t, listener.port)
  assert.equal((await next()).peer.tls?.protocol, 'TLSv1.2')
  const newer = await secure(t, listener.port, { minVersion: 'TLSv1.3' })
  const [error] = (await once(newer, 'error')) as [Error]
  assert.match(error.message, /protocol version|handshake/i)
})

test('TLS: the names of a certificate', async (t) => {
  const { listener, next } = await start(t, { tls: loadTls(tls({ verifyPeer: true, requireCertificate: true })) })
  await secure(t, listener.port, certificateOf('client'))
  const certificate = (await next()).peer.tls?.certificate
  assert.ok(certificate)
  assert.equal(certificate.distinguishedName, 'EMAILADDRESS=ann@example.org,CN=ann,O=Burrow\\, Inc')
  assert.equal(certificate.issuer, 'CN=root')
  assert.ok(certificate.validTo - certificate.validFrom === 30 * 86_400_000)
  const user = (from: 'distinguished_name' | 'common_name' | 'subject_alternative_name', type = 'dns', index = 0) =>
    certificateUser(certificate, { from, sanType: type as 'dns', sanIndex: index })
  assert.equal(user('distinguished_name'), certificate.distinguishedName)
  assert.equal(user('common_name'), 'ann')
  assert.equal(user('subject_alternative_name'), 'ann.example')
  assert.equal(user('subject_alternative_name', 'dns', 1), 'second.example')
  assert.equal(user('subject_alternative_name', 'ip'), '10.0.0.1')
  assert.equal(user('subject_alternative_name', 'uri'), 'urn:ann')
  assert.equal(user('subject_alternative_name', 'email'), null)
})

test('TLS: what is not ASCII in a distinguished name is written as in RabbitMQ', async (t) => {
  makeCertificate('foreign', '/O=Straße~/CN=#Jürgen <兔>; "x"', 'root', 'basicConstraints=CA:FALSE')
  const { listener, next } = await start(t, { tls: loadTls(tls({ verifyPeer: true })) })
  await secure(t, listener.port, certificateOf('foreign'))
  const certificate = (await next()).peer.tls?.certificate
  assert.ok(certificate)
  // as rabbit_ssl:peer_cert_auth_name of 3.10.8 has it
  const name = 'CN=\\#J\\C3\\BCrgen \\<\\E5\\85\\94\\>\\; \\"x\\",O=Stra\\C3\\9Fe\\7E'
  assert.equal(certificate.distinguishedName, name)
  assert.equal(certificate.commonName, '#Jürgen <兔>; "x"')
})

test('TLS: with verify_peer strangers are refused, and nobodies where a certificate is required', async (t) => {
  for (const requireCertificate of [true, false]) {
    const { listener, next } = await start(t, { tls: loadTls(tls({ verifyPeer: true, requireCertificate })) })
    const stranger = await secure(t, listener.port, certificateOf('stranger'))
    await closed(stranger)
    const nobody = await secure(t, listener.port)
    if (requireCertificate) await closed(nobody)
    else assert.equal((await next()).peer.tls?.certificate, null)
  }
})

test('TLS: a client that does not speak it is closed with a log line', async (t) => {
  const lines: string[] = []
  const log = createLog([{ level: 'warn', format: 'plaintext', writer: { write: (line) => void lines.push(line) } }])
  const { dial } = await start(t, { tls: loadTls(tls()), log })
  const client = dial().resume()
  client.write('AMQP\0\0\x09\x01')
  await closed(client)
  assert.match(lines[0]!, /TLS handshake failed peer=127\.0\.0\.1/)
})

test('TLS: a client behind a proxy that is refused is named in the log, and not the proxy', async (t) => {
  const lines: string[] = []
  const log = createLog([{ level: 'warn', format: 'plaintext', writer: { write: (line) => void lines.push(line) } }])
  const problem = `reason="the client's certificate is not valid: UNABLE_TO_VERIFY_LEAF_SIGNATURE"`
  for (const [requireCertificate, text] of [
    [false, 'connection refused: TLS'],
    [true, 'TLS handshake failed'],
  ] as const) {
    lines.length = 0
    const context = loadTls(tls({ verifyPeer: true, requireCertificate }))
    const { listener, dial } = await start(t, { tls: context, proxyProtocol: true, log })
    const plain = dial().resume()
    plain.write('PROXY TCP4 192.0.2.7 192.0.2.9 1111 5671\r\nAMQP\0\0\x09\x01')
    await closed(plain)
    assert.match(lines[0]!, /TLS handshake failed peer=192\.0\.2\.7 reason="wrong version number"/)
    const raw = dial()
    await once(raw, 'connect')
    raw.write('PROXY TCP4 192.0.2.8 192.0.2.9 1111 5671\r\n')
    await closed(await secure(t, listener.port, certificateOf('stranger'), raw))
    assert.ok(lines[1]!.includes(`${text} peer=192.0.2.8 ${problem}`), lines[1])
  }
})

test('TLS: a client that says nothing is closed with a log line', async (t) => {
  const lines: string[] = []
  const log = createLog([{ level: 'warn', format: 'plaintext', writer: { write: (line) => void lines.push(line) } }])
  const { dial } = await start(t, { tls: loadTls(tls({ handshakeTimeoutMs: 10 })), log })
  await closed(dial())
  assert.match(lines[0]!, /TLS handshake failed peer=127\.0\.0\.1 reason="TLS handshake timeout"/)
})

test('TLS: files that cannot be used are named with their key', () => {
  const text = (more: Partial<TlsSettings>) => {
    try {
      loadTls(tls(more))
    } catch (error) {
      assert.ok(error instanceof TlsError)
      return error.message
    }
    return assert.fail('accepted')
  }
  assert.match(text({ certFile: '/none.pem' }), /^ssl_options\.certfile: \/none\.pem: ENOENT/)
  assert.match(text({ certFile: file('server.key') }), /^ssl_options\.certfile: .*server\.key: /)
  assert.match(text({ keyFile: file('client.key') }), /client\.key is not the key of .*server\.pem$/)
  assert.match(text({ keyFile: file('server.pem') }), /^ssl_options\.keyfile: /)
  assert.match(text({ caFile: file('server.key') }), /^ssl_options\.cacertfile: there is no certificate in/)
  assert.match(text({ ciphers: ['NOT-A-CIPHER'] }), /^ssl_options\.ciphers: NOT-A-CIPHER: /)
})

test('TLS: a key with a password', () => {
  openssl('ec', '-in', 'server.key', '-aes128', '-passout', 'pass:carrot', '-out', 'locked.key')
  assert.ok(loadTls(tls({ keyFile: file('locked.key'), password: 'carrot' })))
  assert.throws(() => loadTls(tls({ keyFile: file('locked.key'), password: 'leek' })), TlsError)
  assert.throws(() => loadTls(tls({ keyFile: file('locked.key') })), TlsError)
})

const WITHOUT_PYTHON = spawnSync('python3', ['-c', '']).status === 0 ? false : 'python3 is not installed'

test('what is accepted sends small packets at once, unless told not to', { skip: WITHOUT_PYTHON }, async (t) => {
  const script = 'import socket; print(socket.socket(fileno=0).getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))'
  for (const nodelay of [undefined, true, false]) {
    const { next, dial } = await start(t, nodelay === undefined ? {} : { nodelay })
    dial()
    const { socket } = await next()
    const python = spawn('python3', ['-c', script], { stdio: [socket, 'pipe', 'inherit'] })
    assert.equal(await textOf(python.stdout), nodelay === false ? '0\n' : '1\n', `nodelay: ${nodelay}`)
  }
})
