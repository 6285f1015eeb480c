/** Certificates whose files change under a running broker, as certbot and cert-manager have it. */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { connect, type TLSSocket } from 'node:tls'
import { virtualClock } from '../../src/util/virtual-clock.ts'
import { Authority, type Identity, withoutOpenssl } from '../support/certificates.ts'
import { RawAmqp } from '../support/raw-amqp.ts'
import { startWarren, temporaryFolder, type WarrenProcess } from '../support/warren-process.ts'
import { eventually, startTestBroker } from '../support/with-broker.ts'

const DAY_MS = 86_400_000

describe('certificates that are renewed', { skip: withoutOpenssl }, () => {
  for (const threads of process.platform === 'linux' ? [0, 2] : [0]) {
    test(`are shown to who connects after SIGHUP, on all ports, ${threads} TLS threads`, async (t) => {
      const files = new Files(t)
      const [first, second] = [files.issue('first'), files.issue('second', 100)]
      files.put(first)
      const listeners = ['--protocols=amqp,mqtt', '--mqtt-port=none', '--mqtt-tls-port=0', '--web-mqtt-port=none']
      const web = ['--management-tls-port=0', ...files.flags('--management-ssl')]
      const metrics = ['--prometheus-ssl-port=0', ...files.flags('--prometheus-ssl')]
      const flags = [...listeners, ...web, ...metrics, `--tls-threads=${threads}`]
      const warren = await startWarren(t, ['--tls-port=0', ...files.flags('--ssl-options'), ...flags])
      const ports = ['AMQP over TLS', 'MQTT over TLS'].map((label) => warren.port(label))
      const https = [...warren.stdout.matchAll(/https:\/\/localhost:(\d+)/g)].map(([, port]) => Number(port))
      assert.equal(https.length, 2, warren.stdout)
      ports.push(...https)
      for (const port of ports) assert.equal(await shownAt(t, port), first.serial)
      const before = await new RawAmqp(await dial(t, ports[0]!)).login()

      files.put(second)
      warren.kill('SIGHUP')
      for (const port of ports) await eventually(async () => (await shownAt(t, port)) === second.serial)
      await before.openChannel(1)
      const validTo = await expiring(warren, 200)
      assert.equal(validTo.length, 4)
      assert.ok(Math.min(...validTo) > Date.now() + 90 * DAY_MS, String(validTo))
      // one for each set of keys
      await eventually(() => warren.stderr.match(/certificate renewed/g)?.length === 3)
    })
  }

  test('are found within a minute', async (t) => {
    const files = new Files(t)
    const [first, second] = [files.issue('first'), files.issue('second')]
    files.put(first)
    const networkClock = virtualClock(0)
    const flags = ['--tls-port=0', ...files.flags('--ssl-options')]
    const { server } = await startTestBroker({ flags, networkClock })
    t.after(() => server.stop('test'))
    const port = Number(new URL(server.urls.amqps[0]!).port)
    files.put(second)
    await networkClock.advance(59_999)
    assert.equal(await shownAt(t, port), first.serial)
    await networkClock.advance(1)
    await eventually(async () => (await shownAt(t, port)) === second.serial)
    files.put(first)
    await networkClock.advance('1m')
    await eventually(async () => (await shownAt(t, port)) === first.serial)
  })

  test('are found while the node is in maintenance mode', async (t) => {
    const files = new Files(t)
    const [first, second] = [files.issue('first'), files.issue('second')]
    files.put(first)
    const { server } = await startTestBroker({ flags: ['--tls-port=0', ...files.flags('--ssl-options')] })
    t.after(() => server.stop('test'))
    const headers = { authorization: `Basic ${btoa('guest:guest')}` }
    const post = async (what: string): Promise<unknown> =>
      assert.equal((await fetch(`${server.urls.http[0]!}/api/node/${what}`, { method: 'POST', headers })).status, 204)
    await post('drain')
    files.put(second)
    await server.renewCertificates()
    await post('revive')
    assert.equal(await shownAt(t, Number(new URL(server.urls.amqps[0]!).port)), second.serial)
  })

  test('that cannot be used leave the one before, and are told of once', async (t) => {
    const files = new Files(t)
    const [first, second] = [files.issue('first'), files.issue('second')]
    files.put(first)
    const warren = await startWarren(t, ['--tls-port=0', ...files.flags('--ssl-options')])
    const port = warren.port('AMQP over TLS')

    writeFileSync(files.cert, second.cert)
    warren.kill('SIGHUP')
    await eventually(() => warren.stderr.includes('[error] a certificate has changed and cannot be used'))
    assert.match(warren.stderr, /reason="ssl_options.keyfile: .* is not the key of /)
    assert.equal(await shownAt(t, port), first.serial)

    writeFileSync(files.cert, 'no certificate')
    warren.kill('SIGHUP')
    await eventually(() => warren.stderr.includes('reason="ssl_options.certfile: '))
    files.put(second)
    warren.kill('SIGHUP')
    await eventually(async () => (await shownAt(t, port)) === second.serial)
    assert.equal(warren.stderr.match(/\[error\]/g)?.length, 2, warren.stderr)
  })

  test('may be of new authorities of clients', async (t) => {
    const files = new Files(t)
    const old = files.issue('server')
    files.put(old)
    const others = new Authority(temporaryFolder(t), 'others')
    const ann = others.issue('ann', '/CN=ann')
    const trusted = join(files.folder, 'trusted.pem')
    copyFileSync(files.authority.caFile, trusted)
    const flags = ['--ssl-options-verify=verify_peer', '--ssl-options-fail-if-no-peer-cert=true']
    const ca = `--ssl-options-cacertfile=${trusted}`
    const warren = await startWarren(t, ['--tls-port=0', ...files.flags('--ssl-options'), ca, ...flags])
    const port = warren.port('AMQP over TLS')
    const isTaken = async (): Promise<boolean> => {
      const socket = connect({ port, host: '127.0.0.1', ca: files.authority.ca, servername: 'localhost', ...ann })
      t.after(() => socket.destroy())
      // the broker sees the client's certificate after the client has finished
      socket.write('AMQP\x00\x00\x09\x01')
      return Promise.race([
        new Promise<boolean>((resolve) => socket.once('data', () => resolve(true))),
        new Promise<boolean>((resolve) => socket.on('error', () => {}).once('close', () => resolve(false))),
      ])
    }
    assert.equal(await isTaken(), false)
    copyFileSync(others.caFile, trusted)
    warren.kill('SIGHUP')
    await eventually(isTaken)
  })

  async function expiring(warren: WarrenProcess, days: number): Promise<number[]> {
    const url = `${warren.url('HTTP')}/api/health/checks/certificate-expiration/${days}/days`
    const headers = { authorization: `Basic ${btoa('guest:guest')}` }
    const { expired } = (await (await fetch(url, { headers })).json()) as { expired: { certfile_expires_on: string }[] }
    return expired.map(({ certfile_expires_on: time }) => Date.parse(time))
  }

  async function dial(t: TestContext, port: number): Promise<TLSSocket> {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
    t.after(() => socket.destroy())
    await once(socket, 'secureConnect')
    return socket
  }

  async function shownAt(t: TestContext, port: number): Promise<string> {
    const socket = await dial(t, port)
    const { serialNumber } = socket.getPeerCertificate()
    socket.destroy()
    return serialNumber
  }
})

interface Issued extends Identity {
  readonly serial: string
}

/** What the configuration names: a certificate and its key, which change. */
class Files {
  readonly folder: string
  readonly authority: Authority
  readonly cert: string
  readonly key: string

  constructor(t: TestContext) {
    this.folder = temporaryFolder(t)
    this.authority = new Authority(this.folder)
    this.cert = join(this.folder, 'tls.crt')
    this.key = join(this.folder, 'tls.key')
  }

  issue(name: string, days = 2): Issued {
    const identity = this.authority.issue(name, `/CN=${name}`, 'DNS:localhost', days)
    return { ...identity, serial: new X509Certificate(identity.cert).serialNumber }
  }

  put({ cert, key }: Identity): void {
    writeFileSync(this.cert, cert)
    writeFileSync(this.key, key)
  }

  flags(prefix: string): string[] {
    return [`${prefix}-certfile=${this.cert}`, `${prefix}-keyfile=${this.key}`]
  }
}
