import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect as connectSocket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { type ConfirmChannel, connect } from 'amqplib'
import { classic } from '../../src/core/queues/classic.ts'
import { startBroker, type StartBrokerOptions, virtualClock, type WarrenBroker } from '../../src/index.ts'
import {
  ALLOWED,
  type AuthBackend,
  type Broker,
  definePlugin,
  type ExchangeRouter,
  type ExchangeType,
  type FrontEnd,
  type Interceptor,
  type Plugin,
  type PluginRegistry,
  preconditionFailed,
  type QueueType,
  withProperties,
} from '../../src/plugins/index.ts'
import { GuardedBackend } from '../../src/plugins/guards/guarded-backend.ts'
import { PluginGuard } from '../../src/plugins/guards/plugin-guard.ts'
import { Plugins } from '../../src/plugins/plugins.ts'
import { MqttWire } from '../support/mqtt-wire.ts'
import { limitLog, type Log, type LogFacts, silentLog } from '../../src/telemetry/log.ts'

// Whatever a plugin does wrong, who has nothing to do with it goes on, and the log names the plugin.

/** A log that knows what the plugin `bad` was blamed for. */
class BlameLog implements Log {
  readonly debugOn = false
  /** What has failed, and why. */
  readonly blamed: string[] = []

  debug(): void {}
  info(): void {}
  warn(): void {}
  error(text: string, { plugin, in: what, err, route }: LogFacts = {}): void {
    if (plugin === 'bad') this.blamed.push(`${String(what ?? route ?? text)}: ${(err as Error).message}`)
  }
  child(): Log {
    return this
  }
}

/** The last broker that started with a plugin. */
let core: Broker

const bad = (register: (registry: PluginRegistry) => void, more: Partial<Plugin> = {}): Plugin =>
  definePlugin({ start: ({ broker }) => void (core = broker), ...more, name: 'bad', register })

const bindingsOfX = (): number => core.findVhost('/').findExchange('x').bindings.size

/** A broker with a plugin, and a client beside it that is to notice nothing. */
async function withPlugin(
  plugin: Plugin,
  use: (broker: WarrenBroker, blamed: string[]) => Promise<void>,
  options: StartBrokerOptions = {},
): Promise<void> {
  const log = new BlameLog()
  const broker = await startBroker({ ...options, log, plugins: [plugin] })
  try {
    const connection = await connect(broker.url)
    const channel = await connection.createConfirmChannel()
    const { queue } = await channel.assertQueue('', { exclusive: true })
    await use(broker, log.blamed)
    channel.sendToQueue(queue, Buffer.from('still there'))
    await channel.waitForConfirms()
    assert.equal((await channel.checkQueue(queue)).messageCount, 1, 'others go on')
    await connection.close()
  } finally {
    await broker.stop()
  }
}

/** What a client is told that does something. */
async function told(broker: WarrenBroker, act: (channel: ConfirmChannel) => Promise<unknown>): Promise<string> {
  const connection = await connect(broker.url)
  const errors: string[] = []
  connection.on('error', (error: Error) => errors.push(error.message))
  const channel = await connection.createConfirmChannel()
  channel.on('error', (error: Error) => errors.push(error.message))
  const closed = new Promise((resolve) => [connection, channel].forEach((each) => each.on('close', resolve)))
  const done = await act(channel).then(
    () => true,
    () => false,
  )
  if (!done) await closed
  await connection.close().catch(() => {})
  return done ? 'all is well' : errors[0]!
}

const publish = (exchange: string, key: string) => async (channel: ConfirmChannel) => {
  channel.publish(exchange, key, Buffer.from('x'))
  await channel.waitForConfirms()
}

const fail = (text: string): never => {
  throw new Error(text)
}

const idle: ExchangeRouter = { bind() {}, unbind() {}, route() {} }

const typeOf = (router: Partial<ExchangeRouter>, more: Partial<ExchangeType> = {}): ExchangeType => ({
  name: 'x-bad',
  cacheable: false,
  create: () => ({ ...idle, ...router }),
  ...more,
})

const OF_X = "exchange 'x' in vhost '/' of type 'x-bad'"

describe('an exchange type of a plugin that fails', () => {
  const cases: [what: string, type: ExchangeType, reason: RegExp][] = [
    ['validate', typeOf({}, { validate: () => fail('broken') }), /^broken$/],
    ['create', typeOf({}, { create: () => fail('broken') }), /^broken$/],
    ['create', typeOf({}, { create: () => undefined as never }), /^what it returns has to be an object$/],
    ['create', typeOf({}, { create: () => ({}) as never }), /^what it returns has no function bind\(\)$/],
    ['validateBinding', typeOf({}, { validateBinding: () => fail('broken') }), /^broken$/],
    ['bind', typeOf({ bind: () => fail('broken') }), /^broken$/],
    ['route', typeOf({ route: () => fail('broken') }), /^broken$/],
    ['route', typeOf({ route: (_, out) => out.add('q' as never) }), /^add\(\) takes the destination of a binding$/],
    ['route', typeOf({ route: (_, out) => out.add({ kind: 'queue', name: 'q', type: 'classic' }) }), /^add\(\) takes/],
  ]
  for (const [call, type, reason] of cases) {
    test(`in ${call}() (${reason.source}) costs only the client that came by it its connection`, async () => {
      await withPlugin(
        bad((registry) => registry.exchangeType(type)),
        async (broker, blamed) => {
          const answer = await told(broker, async (channel) => {
            await channel.assertExchange('x', 'x-bad')
            await channel.assertQueue('q')
            await channel.bindQueue('q', 'x', 'k')
            await publish('x', 'k')(channel)
          })
          assert.match(answer, new RegExp(`plugin 'bad' failed in ${call}\\(\\) of ${OF_X}`))
          assert.equal(blamed.length, 1)
          assert.equal(blamed[0]!.replace(/: .*/, ''), `${call}() of ${OF_X}`)
          assert.match(blamed[0]!.replace(/^.*?: /, ''), reason)
        },
      )
    })
  }

  test('in bind() has not made the binding', async () => {
    const type = typeOf({ bind: () => fail('broken') })
    await withPlugin(
      bad((registry) => registry.exchangeType(type)),
      async (broker) => {
        await broker.declareExchange('x', 'x-bad')
        await broker.declareQueue('q')
        await told(broker, (channel) => channel.bindQueue('q', 'x', 'k'))
        assert.equal(bindingsOfX(), 0)
      },
    )
  })

  test('in unbind() and close() is unbound and deleted nevertheless', async () => {
    const type = typeOf({ unbind: () => fail('sticks'), close: () => fail('stays') })
    await withPlugin(
      bad((registry) => registry.exchangeType(type)),
      async (broker, blamed) => {
        const answer = await told(broker, async (channel) => {
          await channel.assertExchange('x', 'x-bad')
          await channel.assertQueue('q')
          await channel.bindQueue('q', 'x', 'k')
          await channel.unbindQueue('q', 'x', 'k')
          await channel.deleteExchange('x')
        })
        assert.equal(answer, 'all is well')
        assert.deepEqual(blamed, [`unbind() of ${OF_X}: sticks`, `close() of ${OF_X}: stays`])
        assert.match(await told(broker, (channel) => channel.checkExchange('x')), /NOT_FOUND/)
      },
    )
  })

  test('leaves nothing for the next message to be routed by', async () => {
    const type = typeOf({ route: () => fail('broken') })
    await withPlugin(
      bad((registry) => registry.exchangeType(type)),
      async (broker) => {
        const answer = await told(broker, async (channel) => {
          await channel.assertExchange('first', 'fanout')
          await channel.assertExchange('x', 'x-bad')
          await channel.assertExchange('last', 'fanout')
          await channel.bindExchange('x', 'first', '')
          await channel.bindExchange('last', 'first', '')
          for (const queue of ['q', 'other']) await channel.assertQueue(queue)
          await channel.bindQueue('q', 'last', '')
          await publish('first', '')(channel)
        })
        assert.match(answer, /plugin 'bad' failed in route/)
        await broker.publish('', 'other', 'to other alone')
        assert.deepEqual([broker.queue('q').ready, broker.queue('other').ready], [0, 1])
      },
    )
  })

  test('loses dead letters that are sent once, and keeps those that are sent at least once', async () => {
    const clock = virtualClock()
    let broken = true
    const reached = new Set<object>()
    const type = typeOf({
      bind: (binding) => void reached.add(binding.destination),
      route: (_, out) => {
        if (broken) fail('broken')
        for (const destination of reached) out.add(destination as never)
      },
    })
    await withPlugin(
      bad((registry) => registry.exchangeType(type)),
      async (broker, blamed) => {
        await broker.declareExchange('x', 'x-bad')
        await broker.declareQueue('dead')
        await broker.bind('dead', 'x')
        const settings = { messageTtl: 1000, deadLetterExchange: 'x' }
        await told(broker, async (channel) => {
          await channel.assertQueue('once', settings)
          await channel.assertQueue('at least once', {
            ...settings,
            arguments: {
              'x-queue-type': 'quorum',
              'x-dead-letter-strategy': 'at-least-once',
              'x-overflow': 'reject-publish',
            },
          })
          await publish('', 'once')(channel)
          await publish('', 'at least once')(channel)
        })
        await clock.advance(1000)
        assert.ok(blamed.length >= 2)
        assert.equal(broker.queue('dead').ready, 0)
        broken = false
        await clock.advance(6000)
        assert.equal(broker.queue('dead').ready, 1)
        assert.deepEqual(
          ['once', 'at least once'].map((name) => broker.queue(name)).map(({ ready, delayed }) => ready + delayed),
          [0, 0],
        )
      },
      { clock },
    )
  })

  test('is offered messages that were delayed until it takes them', async () => {
    const clock = virtualClock()
    let broken = true
    const taken: string[] = []
    const type = typeOf({ route: ({ routingKey }) => void (broken ? fail('broken') : taken.push(routingKey)) })
    await withPlugin(
      bad((registry) => registry.exchangeType(type)),
      async (broker, blamed) => {
        await told(broker, async (channel) => {
          await channel.assertExchange('x', 'x-bad', { arguments: { 'x-delayed-message': true } })
          channel.publish('x', 'k', Buffer.from(''), { headers: { 'x-delay': 1000 } })
          await channel.waitForConfirms()
        })
        await clock.advance(1000)
        assert.deepEqual(blamed, [`route() of ${OF_X}: broken`])
        broken = false
        await clock.advance(1000)
        assert.deepEqual(taken, ['k'])
      },
      { clock },
    )
  })

  test('does not keep the broker from starting with what it has taken before', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'warren-plugins-'))
    try {
      const declare = async (channel: ConfirmChannel): Promise<void> => {
        await channel.assertExchange('x', 'x-bad')
        await channel.assertQueue('q')
        await channel.bindQueue('q', 'x', 'k')
      }
      const run = (type: ExchangeType, use: (broker: WarrenBroker, blamed: string[]) => Promise<void>) =>
        withPlugin(
          bad((registry) => registry.exchangeType(type)),
          use,
          { dataDir },
        )
      await run(typeOf({}), async (broker) => assert.equal(await told(broker, declare), 'all is well'))
      const refuse = (): never => {
        throw preconditionFailed('not any more')
      }
      await run(
        typeOf({ bind: () => fail('bind') }, { validate: refuse, validateBinding: refuse }),
        async (broker, blamed) => {
          const expected = [
            'validate() of X: not any more',
            'validateBinding() of X: not any more',
            'bind() of X: bind',
          ]
          assert.deepEqual(
            blamed.splice(0),
            expected.map((line) => line.replace('X', OF_X)),
          )
          assert.match(await told(broker, (channel) => channel.assertExchange('y', 'x-bad')), /not any more/)
        },
      )
      await run(typeOf({}, { create: () => fail('broken') }), async (broker, blamed) => {
        assert.deepEqual(blamed, [`create() of ${OF_X}: broken`])
        assert.equal(await told(broker, publish('x', 'k')), 'all is well')
        assert.equal(broker.queue('q').ready, 0)
      })
      await run(typeOf({}), async (_broker, blamed) => {
        assert.equal(bindingsOfX(), 1, 'nothing has been lost')
        assert.deepEqual(blamed, [])
      })
    } finally {
      await rm(dataDir, { recursive: true, force: true })
    }
  })

  test('is found out when it is registered, where it is none', async () => {
    const starts = (type: unknown) =>
      startBroker({ plugins: [bad((registry) => registry.exchangeType(type as never))] })
    await assert.rejects(starts(undefined), /plugin 'bad' cannot be registered: an exchange type has no name/)
    await assert.rejects(
      starts({ name: 'x-bad' }),
      /'bad' cannot be registered: exchange type 'x-bad' has no function create/,
    )
  })
})

describe('a queue type that fails', () => {
  const cases: [wrong: Partial<QueueType>, blamed: string][] = [
    [{ levels: () => fail('broken') }, "levels() of queue type 'q-bad': broken"],
    [{ levels: () => 0 }, "levels() of queue type 'q-bad': it has to return an integer from 1 to 256, not 0"],
    [{ levelOf: () => fail('broken') }, "levelOf() of queue type 'q-bad': broken"],
    [{ levelOf: () => 7 }, "levelOf() of queue type 'q-bad': it has to return an integer from 0 to 0, not 7"],
    [{ counts: () => fail('broken') }, "counts() of queue type 'q-bad': broken"],
  ]
  for (const [wrong, expected] of cases) {
    test(`(${expected}) keeps its messages`, async () => {
      await withPlugin(
        bad((registry) => registry.queueType({ ...classic, name: 'q-bad', ...wrong })),
        async (broker, blamed) => {
          const answer = await told(broker, async (channel) => {
            await channel.assertQueue('q', { arguments: { 'x-queue-type': 'q-bad' } })
            await publish('', 'q')(channel)
            const message = await channel.get('q')
            assert.ok(message !== false)
            channel.nack(message)
            await channel.checkQueue('q')
          })
          assert.equal(answer, 'all is well')
          assert.equal(broker.queue('q').ready, 1)
          assert.ok(blamed.length > 0)
          assert.deepEqual([...new Set(blamed)], [expected])
        },
      )
    })
  }
})

describe('an interceptor that fails', () => {
  const cases: [what: string, interceptor: Interceptor, reason: RegExp][] = [
    ['throws', () => fail('broken'), /broken/],
    ['returns nothing', () => undefined as never, /it has to return a message/],
    ['returns a promise', ((message: unknown) => Promise.resolve(message)) as never, /and not a promise of one/],
    ['returns something like a message', () => ({ routingKey: 'q' }) as never, /it has to return a message/],
    [
      'gives a property a wrong type',
      (message) => withProperties(message, (properties) => void (properties.appId = 5 as never)),
      /shortstr of undefined/,
    ],
  ]
  for (const [what, interceptor, reason] of cases) {
    test(`and ${what} costs only who publishes the connection`, async () => {
      const only: Interceptor = (message, now) => (message.routingKey === 'bad' ? interceptor(message, now) : message)
      await withPlugin(
        bad((registry) => registry.interceptor(only)),
        async (broker, blamed) => {
          assert.match(await told(broker, publish('', 'bad')), /plugin 'bad' failed in an interceptor/)
          assert.equal(blamed.length, 1)
          assert.match(blamed[0]!, reason)
        },
      )
    })
  }

  test('leaves no MQTT client in the belief that its message is safe', async () => {
    const plugin = bad((registry) => registry.interceptor(() => fail('broken')))
    const log = new BlameLog()
    const broker = await startBroker({ log, plugins: [plugin], protocols: ['mqtt'] })
    for (const version of [3, 4, 5] as const) {
      const client = await MqttWire.connect(broker.urls.mqtt!, version, { clientId: `v${version}` })
      await client.publish('a', 'x', { qos: 1 })
      if (version < 5) assert.equal(await client.next(), null, 'it is disconnected')
      else assert.equal((await client.expect('puback')).reasonCode, 0x80)
    }
    assert.deepEqual(log.blamed, Array(3).fill('an interceptor: broken'))
    await broker.stop()
  })

  test('may refuse a message', async () => {
    const refuse: Interceptor = (message) => {
      if (message.routingKey === 'bad') throw preconditionFailed('not here')
      return message
    }
    await withPlugin(
      bad((registry) => registry.interceptor(refuse)),
      async (broker, blamed) => {
        assert.match(await told(broker, publish('', 'bad')), /PRECONDITION_FAILED - not here/)
        assert.deepEqual(blamed, [])
      },
    )
  })
})

describe('a listener to events that fails', () => {
  test('disturbs nobody', async () => {
    let promised = false
    const plugin = bad(() => {}, {
      start: ({ onEvent }) => {
        onEvent(({ name }) => void (name === 'queue.created' && fail('broken')))
        onEvent(async ({ name }: { name: string }) => {
          if (name !== 'queue.created') return
          promised = true
          fail('broken later')
        })
      },
    })
    await withPlugin(plugin, async (_broker, blamed) => {
      assert.ok(promised)
      const what = 'its listener to events, at queue.created'
      assert.deepEqual(blamed, [`${what}: broken`, `${what}: broken later`])
    })
  })

  test('disturbs nobody either when it cannot say what it wants', async () => {
    let heard = 0
    const plugin = bad(() => {}, {
      start: ({ onEvent }) =>
        onEvent(
          () => heard++,
          (name) => name === 'queue.created' && fail('broken'),
        ),
    })
    await withPlugin(plugin, async (_broker, blamed) => {
      assert.equal(heard, 0)
      assert.deepEqual(blamed, ['what says whether it wants the event queue.created: broken'])
    })
  })

  test('is refused when what it wants are neither names nor a function', async () => {
    const plugin = bad(() => {}, { start: ({ onEvent }) => onEvent(() => {}, 'queue.created' as never) })
    await assert.rejects(
      startBroker({ plugins: [plugin] }),
      /cannot be started: what onEvent is given second has to be a list of names of events, or a function/,
    )
  })
})

describe('a back end of logins that fails', () => {
  const user = {
    name: 'alice',
    tags: [],
    grants: { vhost: () => ALLOWED, resource: () => ALLOWED, topic: () => ALLOWED },
  }
  const known = { outcome: 'ok', user: { ...user, expiresAt: null, renew: null } }
  const granting = (grants: object): unknown => ({
    ...known,
    user: { ...known.user, grants: { ...user.grants, ...grants } },
  })

  const answers: [what: string, authenticate: () => unknown, reason: string | null, told: RegExp][] = [
    ['throws', () => fail('broken'), 'authenticate() of B: broken', /403/],
    ['rejects', () => Promise.reject(new Error('broken')), 'authenticate() of B: broken', /403/],
    [
      'answers nothing',
      () => undefined,
      "authenticate() of B: its answer has no outcome 'ok', 'refused' or 'error'",
      /403/,
    ],
    ['answers true', () => true, "authenticate() of B: its answer has no outcome 'ok', 'refused' or 'error'", /403/],
    ['knows no user', () => ({ outcome: 'ok' }), 'authenticate() of B: the user of its answer has no name', /403/],
    [
      'forgets the grants',
      () => ({ outcome: 'ok', user: { name: 'alice', tags: [] } }),
      'authenticate() of B: the grants of its user has to be an object',
      /403/,
    ],
    [
      'throws in grants',
      () => granting({ vhost: () => fail('broken') }),
      'grants.vhost() of B: broken',
      /NOT_ALLOWED|ConnectionClose/,
    ],
    [
      'grants by true',
      () => granting({ vhost: () => true }),
      'grants.vhost() of B: its answer has to be ALLOWED, REFUSED or another decision',
      /NOT_ALLOWED|ConnectionClose/,
    ],
    ['knows her', () => Promise.resolve(known), null, /^$/],
  ]
  for (const [what, authenticate, reason, expected] of answers) {
    test(`and ${what}`, async () => {
      const backend = { name: 'word', authenticate, authorize: authenticate, close: () => fail('does not close') }
      const log = new BlameLog()
      const plugin = bad((registry) => registry.authBackend(backend as AuthBackend))
      const config = { 'auth_backends.1': 'internal', 'auth_backends.2': 'plugin.word' }
      const broker = await startBroker({ log, plugins: [plugin], config })
      const answer = await connect(broker.url.replace('guest:guest', 'alice:x')).then(
        async (connection) => {
          await (await connection.createChannel()).assertQueue('q')
          await connection.close()
          return ''
        },
        (error: Error) => error.message,
      )
      assert.match(answer, expected)
      const of = "back end 'word'"
      assert.deepEqual(log.blamed.splice(0), reason === null ? [] : [reason.replace('B', of)])
      await (await connect(broker.url)).close()
      await broker.stop()
      assert.deepEqual(log.blamed, [`close() of ${of}: does not close`])
    })
  }
})

describe('a protocol that fails', () => {
  test('costs the client its connection', async () => {
    const frontEnd: FrontEnd = {
      accept: () => fail('broken'),
      close: () => Promise.reject(new Error('does not close')),
    }
    const protocol = { name: 'p', listeners: () => [{ port: 0 }], create: () => frontEnd }
    const blames: string[][] = []
    await withPlugin(
      bad((registry) => registry.protocol(protocol)),
      async (broker, blamed) => {
        const { port, hostname } = new URL(broker.urls.plugins[0]!)
        const socket = connectSocket(Number(port), hostname)
        socket.on('error', () => {})
        await once(socket, 'close')
        assert.deepEqual(blamed, ["accept() of protocol 'p': broken"])
        blames.push(blamed)
      },
    )
    assert.deepEqual(blames[0]!.slice(1), ["close() of protocol 'p': does not close"])
  })
})

describe('routes that fail', () => {
  const headers = { authorization: `Basic ${Buffer.from('guest:guest').toString('base64')}` }

  test('answer 500, and what is hooked to them is for them alone', async () => {
    const plugin = bad((registry) =>
      registry.routes((app) => {
        app.addHook('onRequest', async (request) => void (request.url.endsWith('/hooked') && fail('hooked')))
        app.addHook('onSend', async (_request, reply) => void reply.header('x-bad', 'here'))
        app.get('/bad/hooked', () => 'never')
        app.get('/bad/throws', () => fail('broken'))
      }),
    )
    await withPlugin(
      plugin,
      async (broker, blamed) => {
        const ask = (path: string) => fetch(`${broker.managementUrl}/api/${path}`, { headers })
        for (const path of ['bad/hooked', 'bad/throws']) assert.equal((await ask(path)).status, 500)
        assert.deepEqual(blamed, ['/api/bad/hooked: hooked', '/api/bad/throws: broken'])
        const overview = await ask('overview')
        assert.equal(overview.status, 200)
        assert.equal(overview.headers.get('x-bad'), null)
      },
      { managementPort: 0 },
    )
  })

  test('that cannot be added keep the broker from starting', async () => {
    const twice = bad((registry) => registry.routes((app) => void app.get('/overview', () => 'mine')))
    await assert.rejects(
      startBroker({ plugins: [twice], managementPort: 0 }),
      /plugin 'bad' cannot add its routes: .*overview/,
    )
    const failing = bad((registry) => registry.routes(() => fail('broken')))
    await assert.rejects(
      startBroker({ plugins: [failing], managementPort: 0 }),
      /plugin 'bad' cannot add its routes: broken/,
    )
  })
})

describe('a kind of parameters that fails', () => {
  const headers = { authorization: `Basic ${Buffer.from('guest:guest').toString('base64')}` }
  const cases: [validate: () => unknown, reason: RegExp][] = [
    [() => fail('broken'), /broken/],
    [() => true, /it has to return a list of what is wrong/],
  ]
  for (const [validate, reason] of cases) {
    test(`(${reason.source}) names itself to who sets one`, async () => {
      await withPlugin(
        bad((registry) => registry.parameterComponent({ name: 'bad', validate } as never)),
        async (broker, blamed) => {
          const url = `${broker.managementUrl}/api/parameters/bad/%2F/p`
          const answer = await fetch(url, { method: 'PUT', headers, body: '{"value": 1}' })
          assert.equal(answer.status, 500)
          assert.match(await answer.text(), /plugin 'bad' failed in validate\(\) of component 'bad'/)
          assert.match(blamed.join(), reason)
        },
        { managementPort: 0 },
      )
    })
  }
})

describe('a plugin that does not stop', () => {
  test('is waited for five seconds, and named', async () => {
    const log = new BlameLog()
    const never = new Promise<void>(() => {})
    const plugins = new Plugins([bad(() => {}, { stop: () => never })], new Map())
    const core = { limitedLog: log, events: { listen: () => () => {} } } as never
    plugins.register(core)
    await plugins.start(core, silentLog)
    const backend = new GuardedBackend(
      { name: 'b', authenticate: fail, authorize: fail, close: () => never } as never,
      new PluginGuard('bad', limitLog(log)),
    )
    await Promise.all([plugins.stop(log), backend.close()])
    const late = 'not stopped after 5 s'
    assert.deepEqual(log.blamed, [`a plugin failed to stop: ${late}`, `close() of back end 'b': ${late}`])
  })
})
