import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectSocket, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { connect } from 'amqplib'
import { startBroker } from '../../src/index.ts'
import {
  ALLOWED,
  type AuthBackend,
  type Credentials,
  definePlugin,
  type FrontEnd,
  type Plugin,
  REFUSED,
} from '../../src/plugins/index.ts'
import { loadPlugin } from '../../src/plugins/load.ts'

const EXAMPLES = fileURLToPath(new URL('../../examples', import.meta.url))

/** Lets in who knows the word, to queues whose names begin with theirs. */
class WordBackend implements AuthBackend {
  readonly name = 'word'
  readonly told: string[] = []

  authenticate({ user, password }: Credentials) {
    this.told.push(`authenticate ${user}`)
    if (password !== 'sesame') return { outcome: 'refused' as const, reason: 'not the word' }
    return this.authorize({ user })
  }

  authorize({ user }: Pick<Credentials, 'user'>) {
    const grants = {
      vhost: () => ALLOWED,
      resource: ({ name }: { name: string }) => (name.startsWith(user) || name === 'amq.default' ? ALLOWED : REFUSED),
      topic: () => Promise.resolve(REFUSED),
    }
    return { outcome: 'ok' as const, user: { name: user, tags: ['management'], grants, expiresAt: null, renew: null } }
  }

  close(): void {
    this.told.push('close')
  }
}

const registering = (register: NonNullable<Plugin['register']>, name = 'test'): Plugin =>
  definePlugin({ name, register })

describe('a back end of a plugin', () => {
  test('is asked about logins where the configuration names it', async () => {
    const backend = new WordBackend()
    const broker = await startBroker({
      plugins: [registering((registry) => registry.authBackend(backend))],
      config: { 'auth_backends.1': 'internal', 'auth_backends.2': 'plugin.word' },
      managementPort: 0,
    })
    try {
      const connection = await connect(broker.url.replace('guest:guest', 'alice:sesame'))
      const channel = await connection.createChannel()
      await channel.assertQueue('alice-1')
      const refused = once(channel, 'error') as Promise<[Error]>
      await assert.rejects(channel.assertQueue('bob-1'))
      assert.match((await refused)[0].message, /access to queue 'bob-1' in vhost '\/' refused for user 'alice'/)
      await connection.close()
      await assert.rejects(connect(broker.url.replace('guest:guest', 'alice:wrong')), /ACCESS_REFUSED|403/)
      const whoami = await fetch(`${broker.managementUrl}/api/whoami`, {
        headers: { authorization: `Basic ${Buffer.from('alice:sesame').toString('base64')}` },
      })
      assert.deepEqual(await whoami.json(), { name: 'alice', tags: ['management'] })
      assert.ok(!backend.told.includes('authenticate guest'), 'who is known before is not asked about')
    } finally {
      await broker.stop()
    }
    assert.equal(backend.told.at(-1), 'close')
  })

  test('is not asked where it is not named', async () => {
    const backend = new WordBackend()
    const broker = await startBroker({ plugins: [registering((registry) => registry.authBackend(backend))] })
    await assert.rejects(connect(broker.url.replace('guest:guest', 'alice:sesame')), /ACCESS_REFUSED|403/)
    await broker.stop()
    assert.deepEqual(backend.told, [])
  })

  test('that is named has to be there, once', async () => {
    await assert.rejects(startBroker({ config: { 'auth_backends.1': 'plugin.word' } }), {
      message: /auth_backends: no plugin has a back end 'word'/,
    })
    const twice = registering((registry) => {
      registry.authBackend(new WordBackend())
      registry.authBackend(new WordBackend())
    })
    await assert.rejects(startBroker({ plugins: [twice] }), /back end 'word' is registered already/)
  })
})

class LineClient {
  readonly socket: Socket
  readonly #lines: AsyncIterableIterator<string>

  constructor(url: string) {
    const { hostname, port } = new URL(url)
    this.socket = connectSocket(Number(port), hostname)
    this.#lines = createInterface(this.socket)[Symbol.asyncIterator]()
  }

  async next(): Promise<string> {
    const line = await this.#lines.next()
    return line.done === true ? 'end' : line.value
  }

  async ask(line: string): Promise<string> {
    this.socket.write(`${line}\n`)
    return this.next()
  }
}

describe('a protocol of a plugin', () => {
  const startLines = async (config: Record<string, string> = {}) => {
    const plugin = await loadPlugin('./protocol', EXAMPLES)
    const broker = await startBroker({
      plugins: [plugin],
      config: { 'plugin.lines.port': 0, ...config },
      managementPort: 0,
    })
    const [url = assert.fail('there is no address')] = broker.urls.plugins
    return { broker, url }
  }

  test('is spoken as the others are: the example publishes lines', async () => {
    const { broker, url } = await startLines()
    assert.match(url, /^lines:\/\/127\.0\.0\.1:\d+$/)
    await broker.declareQueue('q')
    const client = new LineClient(url)
    assert.equal(await client.ask('LOGIN guest guest'), 'OK')
    assert.equal(await client.ask('PUBLISH  q hello world'), 'OK')
    assert.deepEqual(
      broker.messages('q').map((message) => message.text()),
      ['hello world'],
    )
    assert.deepEqual(
      broker.connections().map(({ user }) => user),
      ['guest'],
    )
    const overview = await fetch(`${broker.managementUrl}/api/overview`, {
      headers: { authorization: `Basic ${Buffer.from('guest:guest').toString('base64')}` },
    })
    const { listeners } = (await overview.json()) as { listeners: { protocol: string; port: number }[] }
    assert.equal(listeners.find(({ protocol }) => protocol === 'lines')!.port, Number(new URL(url).port))
    await broker.stop()
    assert.match(await client.next(), /^ERROR broker forced connection closure/)
    assert.equal(await client.next(), 'end')
  })

  test('has the checks of the broker', async () => {
    const { broker, url } = await startLines()
    assert.match(await new LineClient(url).ask('LOGIN guest wrong'), /^ERROR login refused/)
    assert.match(await new LineClient(url).ask('PUBLISH  q x'), /^ERROR LOGIN first/)
    const client = new LineClient(url)
    await client.ask('LOGIN guest guest')
    assert.match(await client.ask('PUBLISH nowhere q x'), /^ERROR no exchange 'nowhere' in vhost '\/'/)
    assert.equal(await client.next(), 'end')
    await broker.stop()
  })

  test('is held by alarms', async () => {
    const { broker, url } = await startLines()
    await broker.declareQueue('q')
    const client = new LineClient(url)
    await client.ask('LOGIN guest guest')
    broker.setAlarm('memory', true)
    assert.equal(await client.ask('PUBLISH  q first'), 'OK', 'what holds it is its publish')
    client.socket.write('PUBLISH  q second\n')
    // another client is served meanwhile, after those bytes have come
    assert.equal(await new LineClient(url).ask('LOGIN guest guest'), 'OK')
    assert.equal(broker.messages('q').length, 1)
    broker.setAlarm('memory', false)
    assert.equal(await client.next(), 'OK')
    assert.equal(broker.messages('q').length, 2)
    await broker.stop()
  })

  test('that cannot be opened keeps the broker from starting', async () => {
    const frontEnd: FrontEnd = { accept: (socket) => void socket.destroy(), close: async () => {} }
    const protocol = { name: 'p', listeners: () => [{ port: 0, tls: true }], create: () => frontEnd }
    const start = (register: NonNullable<Plugin['register']>) => startBroker({ plugins: [registering(register)] })
    await assert.rejects(
      start((registry) => registry.protocol(protocol)),
      /protocol 'p' needs a certificate: ssl_options.certfile/,
    )
    const failing = { ...protocol, create: () => assert.fail('no luck') }
    await assert.rejects(
      start((registry) => registry.protocol(failing)),
      /protocol 'p' cannot be started: no luck/,
    )
    await assert.rejects(
      start((registry) => [protocol, protocol].forEach((each) => registry.protocol(each))),
      /protocol 'p' is registered already/,
    )
    await assert.rejects(
      start((registry) => registry.protocol({ ...protocol, name: '1 p' })),
      /'1 p' cannot be the name of a protocol/,
    )
  })
})
