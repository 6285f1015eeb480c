import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { type VirtualClock, virtualClock } from '../../src/util/virtual-clock.ts'
import { channelOf, confirmChannelOf, connectAs, errorOf, outcomeOfLogin } from '../support/login-clients.ts'
import { LoginService, type Question } from '../support/login-service.ts'
import { eventually, startTestBroker, type TestBroker } from '../support/with-broker.ts'

const ANN = { user: 'ann b', password: 's&cret' }

interface Given {
  readonly broker: TestBroker
  readonly service: LoginService
}

async function start(t: TestContext, flags: readonly string[] = [], clock?: VirtualClock): Promise<Given> {
  const service = await LoginService.start()
  const options = { flags: ['--heartbeat', '0', ...service.flags(...flags)] }
  const broker = await startTestBroker(clock === undefined ? options : { ...options, clock })
  t.after(async () => {
    await broker.server.stop('test')
    await service.stop()
  })
  return { broker, service }
}

const asAnn = (t: TestContext, { broker }: Given) => connectAs(t, broker.port, ANN)

/** Refuses what has this name. */
const refusing =
  (name: string, answer = 'deny') =>
  (question: Question): string =>
    question['name'] === name ? answer : 'allow'

describe('logins by an HTTP service', () => {
  for (const method of ['get', 'post']) {
    test(`ask it in the words of RabbitMQ, by ${method}`, async (t) => {
      const given = await start(t, ['--auth-http-http-method', method])
      given.service.replies['user'] = () => 'allow management ops'
      const channel = await channelOf(await asAnn(t, given))
      await channel.assertQueue('q', { deadLetterExchange: 'dlx' })
      await channel.bindQueue('q', 'amq.topic', 'a.b')
      const who = { method: method.toUpperCase(), username: 'ann b' }
      const resource = { ...who, path: 'resource', vhost: '/', tags: 'management ops' }
      const topic = { routing_key: 'a.b', 'variable_map.username': 'ann b', 'variable_map.vhost': '/' }
      assert.deepEqual(given.service.questions, [
        { ...who, path: 'user', password: 's&cret' },
        { ...who, path: 'vhost', vhost: '/', ip: '127.0.0.1', tags: 'management ops' },
        { ...resource, resource: 'queue', name: 'q', permission: 'configure' },
        { ...resource, resource: 'queue', name: 'q', permission: 'read' },
        { ...resource, resource: 'exchange', name: 'dlx', permission: 'write' },
        { ...resource, resource: 'queue', name: 'q', permission: 'write' },
        { ...resource, resource: 'exchange', name: 'amq.topic', permission: 'read' },
        { ...resource, ...topic, path: 'topic', resource: 'topic', name: 'amq.topic', permission: 'read' },
      ])
    })
  }

  test('give the tags of the answer', async (t) => {
    const given = await start(t)
    given.service.replies['user'] = () => 'Allow Impersonator'
    await asAnn(t, given)
    const [connection] = given.broker.server.broker.connections
    assert.deepEqual(connection!.user, { name: 'ann b', tags: ['impersonator'] })
  })

  const denials: [string | number, RegExp][] = [
    ['deny', /^ACCESS_REFUSED - Login was refused/],
    ['refuse', /^ACCESS_REFUSED - Login was refused/],
    ['deny since it is late', /^ACCESS_REFUSED - Login was refused/],
    ['allowed', /^ACCESS_REFUSED - Login was refused/],
    ['', /^ACCESS_REFUSED - Login was refused/],
    [500, /^ACCESS_REFUSED - Login was refused/],
    [302, /^ACCESS_REFUSED - Login was refused/],
  ]
  for (const [reply, text] of denials) {
    test(`are refused by the answer ${JSON.stringify(reply)}`, async (t) => {
      const { broker, service } = await start(t)
      service.replies['user'] = () => reply
      assert.match(await outcomeOfLogin(broker.port, ANN), text)
      assert.deepEqual(broker.server.authenticator.attempts.byProtocol(), [
        { protocol: 'amqp091', succeeded: 0, failed: 1 },
      ])
    })
  }

  test('are refused while the service is down, and not when it is back', async (t) => {
    const { broker, service } = await start(t)
    const { port } = service
    await service.stop()
    assert.match(await outcomeOfLogin(broker.port, ANN), /^ACCESS_REFUSED/)
    const again = await LoginService.start(port)
    t.after(() => again.stop())
    assert.equal(await outcomeOfLogin(broker.port, ANN), 'open')
  })

  test('outlive a kept connection that the service has closed', async (t) => {
    const { broker, service } = await start(t)
    assert.equal(await outcomeOfLogin(broker.port, ANN), 'open')
    service.closeIdle()
    assert.equal(await outcomeOfLogin(broker.port, ANN), 'open')
  })

  test('ask again where a kept connection breaks off without a word', async (t) => {
    const given = await start(t)
    const channel = await channelOf(await asAnn(t, given))
    given.service.replies['resource'] = () => (response) => {
      delete given.service.replies['resource']
      response.socket!.destroy()
    }
    await channel.assertQueue('q')
    assert.deepEqual(given.service.asked().slice(2), ['resource q', 'resource q'])
  })

  test('say why a vhost is refused', async (t) => {
    const { broker, service } = await start(t)
    const refused = "NOT_ALLOWED - access to vhost '/' refused for user 'ann b'"
    service.replies['vhost'] = () => 'deny'
    assert.equal(await outcomeOfLogin(broker.port, ANN), refused)
    service.replies['vhost'] = () => 'deny in the night'
    assert.equal(await outcomeOfLogin(broker.port, ANN), refused)
    service.replies['vhost'] = () => 503
    const error = ', backend rabbit_auth_backend_http returned an error: status 503'
    assert.equal(await outcomeOfLogin(broker.port, ANN), refused + error)
    service.replies['vhost'] = () => 'allow'
    const none = { ...ANN, vhost: 'none' }
    assert.equal(await outcomeOfLogin(broker.port, none), 'NOT_ALLOWED - vhost none not found')
  })

  test('say why a queue is refused, and the reason where that may be told', async (t) => {
    const text = async (flags: string[], reply: string | number): Promise<string> => {
      const given = await start(t, flags)
      given.service.replies['resource'] = () => reply
      const channel = await channelOf(await asAnn(t, given))
      const error = errorOf(channel)
      await assert.rejects(() => channel.assertQueue('q'))
      return (await error).replace(/^.*ACCESS_REFUSED - /, '')
    }
    const refused = "configure access to queue 'q' in vhost '/' refused for user 'ann b'"
    const disclosing = ['--auth-http-authorization-failure-disclosure']
    assert.equal(await text([], 'deny'), `${refused}"`)
    assert.equal(await text([], 'deny in the night'), `${refused}"`)
    assert.equal(
      await text(disclosing, 'deny in the night'),
      `${refused} by backend rabbit_auth_backend_http: in the night"`,
    )
    const error = ', backend rabbit_auth_backend_http returned an error: '
    assert.equal(await text([], 500), `${refused}${error}status 500"`)
    assert.equal(await text([], 'maybe'), `${refused}${error}answer not understood"`)
    assert.equal(await text([], 'x'.repeat(100_000)), `${refused}${error}the answer is too long"`)
  })
})

describe('what the service has allowed', () => {
  test('is remembered by the channel: publishing asks once', async (t) => {
    const given = await start(t)
    const channel = await confirmChannelOf(await asAnn(t, given))
    await channel.assertQueue('q')
    given.service.asked()
    for (let i = 0; i < 500; i++) channel.sendToQueue('q', Buffer.from(String(i)))
    await channel.waitForConfirms()
    assert.deepEqual(given.service.asked(), ['resource amq.default'])
    // what came while it was asked is in its place
    for (let i = 0; i < 500; i++) {
      const message = await channel.get('q', { noAck: true })
      assert.equal(message && message.content.toString(), String(i))
    }
    assert.deepEqual(given.service.asked(), ['resource q'])
  })

  test('goes for large messages too, which pause the client meanwhile', async (t) => {
    const given = await start(t)
    const channel = await confirmChannelOf(await asAnn(t, given))
    await channel.assertQueue('q')
    const body = Buffer.alloc(300_000, 'x')
    for (let i = 0; i < 5; i++) channel.sendToQueue('q', body, { headers: { i } })
    await channel.waitForConfirms()
    const got = await channel.get('q', { noAck: true })
    assert.ok(got && got.content.equals(body))
    assert.equal((await channel.checkQueue('q')).messageCount, 4)
  })

  test('goes for each routing key of a topic exchange', async (t) => {
    const given = await start(t)
    given.service.replies['topic'] = (question) => (question['routing_key'] === 'b' ? 'deny' : 'allow')
    const channel = await confirmChannelOf(await asAnn(t, given))
    for (const key of ['a', 'a', 'c', 'a']) channel.publish('amq.topic', key, Buffer.from('x'), { CC: ['d'] })
    await channel.waitForConfirms()
    assert.deepEqual(given.service.asked('routing_key').slice(2), ['resource', 'topic a', 'topic d', 'topic c'])
    const error = errorOf(channel)
    channel.publish('amq.topic', 'b', Buffer.from('x'))
    const text = "write access to topic 'b' in exchange 'amq.topic' in vhost '/' refused for user 'ann b'"
    assert.ok((await error).includes(text))
  })

  test('is enough for a passive declaration, whatever of it is allowed', async (t) => {
    const given = await start(t)
    const connection = await asAnn(t, given)
    const channel = await channelOf(connection)
    await channel.assertQueue('q')
    await channel.close()
    given.service.replies['resource'] = (question) => (question['permission'] === 'write' ? 'allow' : 'deny')
    given.service.asked()
    const reader = await channelOf(connection)
    await reader.checkQueue('q')
    assert.deepEqual(given.service.asked('permission'), ['resource configure', 'resource read', 'resource write'])
    // refusals are not remembered
    const error = errorOf(reader)
    await assert.rejects(() => reader.assertQueue('q'))
    assert.match(await error, /configure access to queue 'q' in vhost '\/' refused/)
    assert.deepEqual(given.service.asked('permission'), ['resource configure'])
    given.service.replies['resource'] = () => 'deny'
    const blind = await channelOf(connection)
    const all = errorOf(blind)
    await assert.rejects(() => blind.checkQueue('q'))
    assert.match(await all, /configure access to queue 'q' in vhost '\/' refused/)
  })

  test('is for the name that the broker has made up', async (t) => {
    const given = await start(t)
    const channel = await channelOf(await asAnn(t, given))
    const { queue } = await channel.assertQueue('', { exclusive: true })
    assert.deepEqual(given.service.asked().slice(2), [`resource ${queue}`])
    const { queue: other } = await channel.assertQueue('', { exclusive: true })
    assert.notEqual(other, queue)
  })

  test('is asked again beside the work, and a revocation ends it', async (t) => {
    const clock = virtualClock()
    const given = await start(t, [], clock)
    const channel = await confirmChannelOf(await asAnn(t, given))
    await channel.assertQueue('q')
    const publish = async (): Promise<void> => {
      channel.publish('', 'q', Buffer.from('x'))
      await channel.waitForConfirms()
    }
    await publish()
    given.service.asked()
    given.service.replies['resource'] = refusing('amq.default')
    await publish()
    assert.deepEqual(given.service.asked(), [])
    await clock.advance('60s')
    // by the last word; the next is asked for
    await publish()
    await eventually(() => given.service.questions.length === 1)
    assert.deepEqual(given.service.asked(), ['resource amq.default'])
    const error = errorOf(channel)
    await eventually(async () => {
      await assert.rejects(publish)
      return true
    })
    assert.match(await error, /write access to exchange 'amq\.default' in vhost '\/' refused for user 'ann b'/)
  })

  test('stays what it was while the service is down', async (t) => {
    const clock = virtualClock()
    const given = await start(t, [], clock)
    const channel = await confirmChannelOf(await asAnn(t, given))
    await channel.assertQueue('q')
    given.service.asked()
    given.service.replies['resource'] = (question) => (question['name'] === 'amq.default' ? 'allow' : 503)
    channel.publish('', 'q', Buffer.from('x'))
    await channel.waitForConfirms()
    given.service.replies['resource'] = () => 503
    for (let minute = 0; minute < 3; minute++) {
      await clock.advance('60s')
      channel.publish('', 'q', Buffer.from('x'))
      await channel.waitForConfirms()
    }
    await eventually(() => given.service.questions.length >= 3)
  })

  test('is forgotten by a channel that does not use it', async (t) => {
    const clock = virtualClock()
    const given = await start(t, [], clock)
    const channel = await confirmChannelOf(await asAnn(t, given))
    await channel.assertQueue('q')
    await clock.advance('2m')
    given.service.asked()
    await channel.assertQueue('q')
    assert.deepEqual(given.service.asked(), ['resource q'])
  })
})

describe('a service that does not answer', () => {
  const silent = (): (() => void) => () => {}

  test('holds up one channel, until the time for an answer is over', async (t) => {
    const clock = virtualClock()
    const given = await start(t, [], clock)
    given.service.replies['resource'] = (question) => (question['name'] === 'slow' ? silent() : 'allow')
    const connection = await asAnn(t, given)
    const slow = await channelOf(connection)
    const fast = await channelOf(connection)
    const error = errorOf(slow)
    const declared = assert.rejects(() => slow.assertQueue('slow'))
    await eventually(() => given.service.questions.some(({ name }) => name === 'slow'))
    await fast.assertQueue('fast')
    await clock.advance('15s')
    await declared
    assert.match(
      await error,
      /refused for user 'ann b', backend rabbit_auth_backend_http returned an error: no answer within 15000 ms/,
    )
    await fast.checkQueue('fast')
  })

  test('ends a login without a word after the time for handshakes', async (t) => {
    const clock = virtualClock()
    const { broker, service } = await start(t, [], clock)
    service.replies['user'] = silent
    const outcome = outcomeOfLogin(broker.port, ANN)
    await eventually(() => service.questions.length === 1)
    await clock.advance('10s')
    assert.equal(await outcome, 'dropped')
  })

  test('is given up by a client that leaves', async (t) => {
    const given = await start(t)
    let answer: () => void = () => {}
    given.service.replies['resource'] = () => (response) => (answer = () => response.end('allow'))
    const connection = await asAnn(t, given)
    const channel = await channelOf(connection)
    channel.assertQueue('q').catch(() => {})
    channel.assertQueue('q2').catch(() => {})
    await eventually(() => given.service.questions.length === 3)
    await connection.close()
    await eventually(() => given.broker.server.broker.connections.size === 0)
    answer()
    assert.equal(await outcomeOfLogin(given.broker.port, ANN), 'open')
    assert.deepEqual([...given.broker.server.broker.vhosts.get('/')!.queues.keys()], [])
  })

  test('can be told apart from one that breaks off', async (t) => {
    const given = await start(t)
    given.service.replies['resource'] = () => (response) => {
      response.write('al')
      response.socket!.destroy()
    }
    const channel = await channelOf(await asAnn(t, given))
    const error = errorOf(channel)
    await assert.rejects(() => channel.assertQueue('q'))
    assert.match(await error, /returned an error: connection closed/)
  })
})
