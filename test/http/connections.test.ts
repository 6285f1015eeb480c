import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ClientConnection, ConnectionFacts } from '../../src/core/client-connection.ts'
import { CoreBench } from '../support/core-bench.ts'
import { type ApiBench, startApi } from './support.ts'

type Row = Readonly<Record<string, unknown>>

async function ask<T = readonly Row[]>(api: ApiBench, path: string, as = 'guest'): Promise<T> {
  const answer = await api.request('GET', path, { as })
  assert.equal(answer.statusCode, 200, answer.body)
  return answer.json<T>()
}

/** Connections of several users, with what they were told at their ends. */
async function someConnections() {
  const api = await startApi()
  const { broker } = api.bench
  const ends: string[] = []
  const connect = (user: string, changed: Partial<ConnectionFacts> = {}): ClientConnection => {
    broker.setPermission({ user, vhost: '/', configure: '.*', write: '.*', read: '.*' })
    const facts: ConnectionFacts = {
      name: `${user} -> here`,
      protocol: 'AMQP 0-9-1',
      givenName: `app of ${user}`,
      peerAddress: '10.0.0.1',
      peerPort: 1234,
      clientProperties: new Map([['product', { type: 'longstr', value: 'p' }]]),
      loopback: false,
      network: {
        localAddress: '10.0.0.2',
        localPort: 5672,
        mechanism: 'PLAIN',
        channelMax: 2047,
        frameMaxBytes: 131_072,
        heartbeatSec: 60,
        tls: null,
      },
      ...changed,
    }
    const traffic = { receivedBytes: 100, receivedPackets: 3, sentBytes: 200, sentPackets: 4, pendingBytes: 5 }
    const sink = {
      close(text: string): void {
        ends.push(`${user}: ${text}`)
        connection.close()
      },
      drop() {},
      block() {},
      unblock() {},
      hold() {},
      release() {},
      traffic: () => traffic,
    }
    const connection = broker.openConnection(broker.identityOf(broker.users.get(user)!), '/', facts, sink)
    return connection
  }
  return { api, bench: api.bench, connect, ends }
}

const at = (name: string): string => `connections/${encodeURIComponent(name)}`

describe('connections', () => {
  test('say who is connected, and how', async () => {
    const { api, bench, connect } = await someConnections()
    const connection = connect('guest')
    bench.client(connection)
    const shown = await ask<Row>(api, at('guest -> here'))
    const expected = {
      name: 'guest -> here',
      user_provided_name: 'app of guest',
      type: 'network',
      protocol: 'AMQP 0-9-1',
      user: 'guest',
      vhost: '/',
      state: 'running',
      channels: 1,
      channel_max: 2047,
      frame_max: 131_072,
      timeout: 60,
      auth_mechanism: 'PLAIN',
      host: '10.0.0.2',
      port: 5672,
      peer_host: '10.0.0.1',
      peer_port: 1234,
      ssl: false,
      recv_oct: 100,
      recv_cnt: 3,
      send_oct: 200,
      send_cnt: 4,
      send_pend: 5,
      connected_at: bench.clock.now(),
      client_properties: { product: 'p' },
    }
    for (const [key, value] of Object.entries(expected)) assert.deepEqual(shown[key], value, key)
  })

  test('show their certificates', async () => {
    const { api, connect } = await someConnections()
    const network = connect('guest').facts.network!
    const certificate = { distinguishedName: 'CN=c', issuer: 'CN=i', validFrom: 0, validTo: 86_400_000 }
    const tls = { protocol: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384', certificate }
    connect('monitoring', { name: 'secured', network: { ...network, tls } })
    const shown = await ask<Row>(api, at('secured'))
    assert.deepEqual(
      ['ssl', 'ssl_protocol', 'ssl_cipher', 'peer_cert_subject', 'peer_cert_issuer', 'peer_cert_validity'].map(
        (key) => shown[key],
      ),
      [true, 'tlsv1.3', 'aes_256_gcm', 'CN=c', 'CN=i', '1970-01-01T00:00:00Z - 1970-01-02T00:00:00Z'],
    )
  })

  test('tell of TLS what RabbitMQ does', async () => {
    const { api, connect } = await someConnections()
    const network = connect('guest').facts.network!
    const suites: readonly [protocol: string, suite: string, shown: readonly (string | null)[]][] = [
      ['TLSv1.3', 'TLS_AES_256_GCM_SHA384', ['tlsv1.3', 'any', 'aes_256_gcm', 'aead']],
      ['TLSv1.2', 'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384', ['tlsv1.2', 'ecdhe_rsa', 'aes_256_gcm', 'aead']],
      [
        'TLSv1.2',
        'TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256',
        ['tlsv1.2', 'ecdhe_ecdsa', 'chacha20_poly1305', 'aead'],
      ],
      ['TLSv1.2', 'TLS_DHE_RSA_WITH_AES_128_CCM_8', ['tlsv1.2', 'dhe_rsa', 'aes_128_ccm_8', 'aead']],
      ['TLSv1.2', 'TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256', ['tlsv1.2', 'ecdhe_rsa', 'aes_128_cbc', 'sha256']],
      ['TLSv1.2', 'TLS_RSA_WITH_AES_256_CBC_SHA', ['tlsv1.2', 'rsa', 'aes_256_cbc', 'sha']],
    ]
    for (const [protocol, cipher, expected] of suites) {
      connect('guest', { name: cipher, network: { ...network, tls: { protocol, cipher, certificate: null } } })
      const shown = await ask<Row>(api, at(cipher))
      const keys = ['ssl_protocol', 'ssl_key_exchange', 'ssl_cipher', 'ssl_hash']
      assert.deepEqual(
        keys.map((key) => shown[key]),
        expected,
      )
    }
  })

  test('are held by alarms, and by the store', async () => {
    const { api, bench, connect } = await someConnections()
    const publisher = connect('guest')
    const client = bench.client(publisher)
    connect('monitoring')
    client.declare('q')
    bench.broker.alarms.set('memory', true)
    client.publish('q', 'x')
    const states = async (): Promise<unknown[]> => (await ask(api, 'connections')).map(({ state }) => state)
    assert.deepEqual(await states(), ['blocked', 'blocking'])
    bench.broker.alarms.set('memory', false)
    publisher.hold()
    assert.deepEqual(await states(), ['flow', 'running'])
  })

  test("are their own users' to see, and those of who may monitor", async () => {
    const { api, connect } = await someConnections()
    connect('guest')
    connect('management')
    const seen = async (as: string, path = 'connections'): Promise<unknown[]> =>
      (await ask(api, path, as)).map(({ name }) => name)
    assert.deepEqual(await seen('management'), ['management -> here'])
    assert.deepEqual(await seen('monitoring'), ['guest -> here', 'management -> here'])
    assert.deepEqual(await seen('management', 'vhosts/%2F/connections'), ['management -> here'])
    assert.deepEqual(await seen('management', 'connections/username/guest'), [])
    assert.deepEqual(await seen('guest', 'connections/username/management'), ['management -> here'])
    for (const path of [at('guest -> here'), `${at('guest -> here')}/channels`]) {
      const refused = await api.request('GET', path, { as: 'management' })
      assert.equal(refused.statusCode, 401)
      assert.equal(refused.json<Row>()['reason'], 'User not authorised to access object')
    }
    assert.equal((await api.request('GET', at('none'))).statusCode, 404)
  })

  test('are closed by administrators and their own users, who may say why', async () => {
    const { api, connect, ends } = await someConnections()
    connect('guest')
    connect('management')
    const close = (name: string, as: string, headers = {}) => api.request('DELETE', at(name), { as, headers })
    assert.equal((await close('guest -> here', 'monitoring')).statusCode, 401)
    assert.equal((await close('management -> here', 'management')).statusCode, 204)
    const reason = Buffer.from('维护 now').toString('latin1')
    assert.equal((await close('guest -> here', 'guest', { 'x-reason': reason })).statusCode, 204)
    assert.deepEqual(ends, ['management: Closed via management plugin', 'guest: 维护 now'])
    assert.equal((await close('guest -> here', 'guest')).statusCode, 404)
  })

  test('of a user are closed together', async () => {
    const { api, connect, ends } = await someConnections()
    connect('management', { name: 'first' })
    connect('management', { name: 'second' })
    connect('guest')
    const answer = await api.request('DELETE', 'connections/username/management')
    assert.equal(answer.statusCode, 204)
    assert.deepEqual(ends, ['management: Closed via management plugin', 'management: Closed via management plugin'])
    assert.equal((await ask(api, 'connections')).length, 1)
  })
})

describe('channels', () => {
  test('say what they do', async () => {
    const { api, bench, connect } = await someConnections()
    const client = bench.client(connect('guest'))
    client.session.publishing.selectConfirms()
    client.declare('q')
    client.publish('q', 'x')
    client.publish('nowhere', 'x', { mandatory: true })
    client.session.setPrefetch(7, false)
    client.consume('q', { tag: 'c' })
    bench.settle()
    const name = encodeURIComponent('guest -> here (0)')
    const channel = await ask<Row & Flows>(api, `channels/${name}`)
    const expected = {
      number: 0,
      user: 'guest',
      confirm: true,
      transactional: false,
      consumer_count: 1,
      prefetch_count: 7,
      messages_unacknowledged: 1,
      messages_unconfirmed: 0,
      connection_details: { name: 'guest -> here', peer_host: '10.0.0.1', peer_port: 1234 },
    }
    for (const [key, value] of Object.entries(expected)) assert.deepEqual(channel[key], value, key)
    const stats = channel['message_stats'] as Row
    assert.deepEqual([stats['publish'], stats['confirm'], stats['return_unroutable'], stats['deliver']], [2, 2, 1, 1])
    assert.deepEqual(
      channel.publishes.map(({ exchange, stats: published }) => [
        exchange?.name,
        published['publish'],
        published['return_unroutable'],
      ]),
      [['', 2, 1]],
    )
    assert.deepEqual(
      channel.deliveries.map(({ queue, stats: delivered }) => [queue?.name, delivered['deliver']]),
      [['q', 1]],
    )
    assert.deepEqual(
      channel.consumer_details.map((consumer) => consumer['consumer_tag']),
      ['c'],
    )
  })

  test('tell of open transactions', async () => {
    const { api, bench, connect } = await someConnections()
    const client = bench.client(connect('guest'))
    client.declare('q')
    client.publish('q', 'x')
    client.session.selectTransactions()
    client.publish('q', 'y')
    client.publish('q', 'z')
    client.ack(client.get('q')!.tag)
    const [channel] = await ask(api, 'vhosts/%2F/channels')
    assert.deepEqual(
      [channel!['transactional'], channel!['messages_uncommitted'], channel!['acks_uncommitted']],
      [true, 2, 1],
    )
  })

  test("and consumers are their own users' to see", async () => {
    const { api, bench, connect } = await someConnections()
    for (const user of ['guest', 'management']) {
      const client = bench.client(connect(user))
      client.declare(`q-${user}`)
      client.consume(`q-${user}`)
    }
    for (const path of ['channels', 'consumers', 'consumers/%2F']) {
      assert.equal((await ask(api, path, 'management')).length, 1, path)
      assert.equal((await ask(api, path, 'monitoring')).length, 2, path)
    }
    assert.equal((await ask(api, 'vhosts/%2F/channels', 'management')).length, 1)
    assert.equal((await api.request('GET', 'consumers/nowhere')).statusCode, 404)
    const [own] = await ask<readonly { queue: Row }[]>(api, 'consumers', 'management')
    assert.deepEqual(own!.queue, { name: 'q-management', vhost: '/' })
  })

  test("of the broker's own program are not shown", async () => {
    const { api, bench } = await someConnections()
    await api.request('DELETE', 'queues/%2F/none/contents')
    bench.settle()
    assert.deepEqual([await ask(api, 'channels'), await ask(api, 'connections')], [[], []])
  })
})

interface Flow {
  readonly stats: Row
  readonly exchange?: { readonly name: string }
  readonly queue?: { readonly name: string }
}
interface Flows {
  readonly publishes: readonly Flow[]
  readonly deliveries: readonly Flow[]
  readonly consumer_details: readonly Row[]
}

test('what clients sort by need not be there', async () => {
  const api = await startApi(new CoreBench())
  api.bench.client()
  for (const path of ['connections', 'channels', 'consumers', 'queues', 'nodes']) {
    for (const sort of ['nonsense', '__proto__', 'constructor.name', 'a.b.c', '.']) {
      await ask(api, `${path}?sort=${sort}&columns=${sort}`)
    }
  }
})
