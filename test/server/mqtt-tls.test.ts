/** MQTT with TLS: logins by password and by certificate, and the virtual hosts of certificates. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import mqtt, { type IClientOptions } from 'mqtt'
import { startBroker, type WarrenBroker } from '../../src/testkit/start-broker.ts'
import { Authority, type Identity, withoutOpenssl } from '../support/certificates.ts'

describe('over TLS', { skip: withoutOpenssl }, () => {
  let folder: string
  let broker: WarrenBroker
  let ca: Buffer
  let client: Identity
  let stranger: Identity

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'warren-mqtt-tls-'))
    const authority = new Authority(folder)
    const { certFile, keyFile } = authority.issue('server', '/CN=localhost', 'IP:127.0.0.1')
    client = authority.issue('client', '/O=example/CN=device')
    stranger = authority.issue('stranger', '/O=example/CN=stranger')
    ca = authority.ca
    const everything = { configure: '.*', write: '.*', read: '.*' }
    broker = await startBroker({
      protocols: ['mqtt'],
      managementPort: 0,
      tls: { certFile, keyFile, caFile: authority.caFile },
      config: { 'mqtt.ssl_cert_login': true, ssl_cert_login_from: 'common_name' },
      vhosts: ['devices'],
      users: [{ name: 'device', password: 'unused', permissions: { '/': everything, devices: everything } }],
      definitions: { global_parameters: [{ name: 'mqtt_default_vhosts', value: { device: 'devices' } }] },
    })
  })
  after(async () => {
    await broker?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  const connect = (options: IClientOptions): ReturnType<typeof mqtt.connectAsync> =>
    mqtt.connectAsync(broker.urls.mqtts!, { ca, reconnectPeriod: 0, ...options })

  /** Where the only connection is, and whose. */
  const who = (): [string, string][] => broker.connections().map(({ user, vhost }) => [user, vhost])

  test('a client logs in by password', async () => {
    const connection = await connect({ username: 'guest', password: 'guest', clientId: 'password' })
    assert.deepEqual(who(), [['guest', '/']])
    await connection.endAsync()
  })

  test('a client that names nobody is the one of its certificate, in the virtual host of that', async () => {
    const { cert, key } = client
    const connection = await connect({ cert, key, clientId: 'certificate', protocolVersion: 5 })
    assert.deepEqual(who(), [['device', 'devices']])
    const [granted] = await connection.subscribeAsync('a', { qos: 1 })
    assert.equal(granted!.qos, 1)
    await connection.endAsync()
  })

  test('a user name goes before the certificate', async () => {
    const { cert, key } = client
    const connection = await connect({ cert, key, username: 'guest', password: 'guest', clientId: 'both' })
    assert.deepEqual(who(), [['guest', '/']])
    await connection.endAsync()
  })

  test('a certificate of nobody known is refused', async () => {
    const { cert, key } = stranger
    await assert.rejects(connect({ cert, key, clientId: 'stranger', protocolVersion: 5 }), { code: 0x86 })
  })

  test('WebSocket has TLS as well', async () => {
    const headers = { authorization: `Basic ${Buffer.from('guest:guest').toString('base64')}` }
    const answer = await fetch(`${broker.managementUrl}/api/overview`, { headers })
    const { listeners } = (await answer.json()) as { listeners: { protocol: string; port: number }[] }
    const { port } = listeners.find(({ protocol }) => protocol === 'https/web-mqtt')!
    const connection = await mqtt.connectAsync(`wss://127.0.0.1:${port}/ws`, {
      wsOptions: { ca },
      reconnectPeriod: 0,
      username: 'guest',
      password: 'guest',
    })
    await connection.publishAsync('a', 'b', { qos: 1 })
    await connection.endAsync()
  })
})
