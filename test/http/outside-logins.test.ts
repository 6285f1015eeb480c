import assert from 'node:assert/strict'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { describe, type TestContext, test } from 'node:test'
import { virtualClock } from '../../src/util/virtual-clock.ts'
import { LoginService } from '../support/login-service.ts'
import { TokenIssuer } from '../support/token-issuer.ts'
import { startTestBroker, type TestBroker } from '../support/with-broker.ts'

type Options = { method?: string; body?: object; headers?: Record<string, string> }

const api = ({ server }: TestBroker, path: string, { method = 'GET', body, headers = {} }: Options = {}) =>
  fetch(`${server.urls.http[0]}/api/${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })

const as = (user: string, more: Options = {}): Options => ({
  ...more,
  headers: { authorization: `Basic ${Buffer.from(`${user}:secret`).toString('base64')}` },
})

async function reasonOf(answer: Promise<Response>, status: number): Promise<unknown> {
  const response = await answer
  assert.equal(response.status, status)
  return ((await response.json()) as { reason: unknown }).reason
}

const namesIn = async (answer: Promise<Response>): Promise<string[]> =>
  ((await (await answer).json()) as { name: string }[]).map(({ name }) => name)

/** A broker whose users a web service knows: all are of the management, but for admin, who is an administrator. */
async function start(t: TestContext) {
  const service = await LoginService.start()
  service.replies['user'] = ({ username }) => (username === 'admin' ? 'allow administrator' : 'allow management')
  const clock = virtualClock()
  const broker = await startTestBroker({ flags: service.flags('--heartbeat', '0'), clock })
  for (const vhost of ['open', 'closed']) broker.server.broker.putVhost(vhost)
  service.replies['vhost'] = ({ vhost }) => (vhost === 'closed' ? 'deny' : 'allow')
  t.after(async () => {
    await broker.server.stop('test')
    await service.stop()
  })
  return { service, broker, clock }
}

describe('the HTTP API with users that a back end outside knows', () => {
  test('shows them what they may see, and asks once', async (t) => {
    const { broker, service } = await start(t)
    assert.deepEqual(await (await api(broker, 'whoami', as('ann'))).json(), { name: 'ann', tags: ['management'] })
    assert.deepEqual(service.asked('vhost'), ['user'])
    assert.deepEqual(await namesIn(api(broker, 'vhosts', as('ann'))), ['/', 'open'])
    assert.deepEqual(service.asked('vhost').sort(), ['user', 'vhost /', 'vhost closed', 'vhost open'])
    assert.equal((await api(broker, 'exchanges/open', as('ann'))).status, 200)
    assert.deepEqual(service.asked('vhost'), ['user', 'vhost open'])
    const reason = await reasonOf(api(broker, 'exchanges/closed', as('ann')), 401)
    assert.equal(reason, 'User not authorised to access virtual host')
    assert.deepEqual(await namesIn(api(broker, 'vhosts', as('admin'))), ['/', 'closed', 'open'])
    assert.equal((await api(broker, 'exchanges/closed', as('admin'))).status, 200)
  })

  test('does for them what they may do', async (t) => {
    const { broker, service } = await start(t)
    service.replies['resource'] = ({ name, permission }) => (name === `no-${permission}` ? 'deny' : 'allow')
    const put = (queue: string) => api(broker, `queues/open/${queue}`, as('ann', { method: 'PUT', body: {} }))
    assert.equal((await put('q')).status, 201)
    const refused = "configure access to queue 'no-configure' in vhost 'open' refused for user 'ann'"
    assert.equal(await reasonOf(put('no-configure'), 401), refused)
    await put('aliveness-test')
    service.asked()
    const alive = await api(broker, 'aliveness-test/open', as('ann'))
    assert.deepEqual(await alive.json(), { status: 'ok' })
    assert.deepEqual(service.asked('permission'), [
      'user',
      'vhost',
      'resource configure',
      'resource write',
      'resource read',
    ])
    // once, though it was called again for each answer
    const message = { routing_key: 'q', properties: {}, payload: 'x', payload_encoding: 'string' }
    const publish = as('ann', { method: 'POST', body: message })
    assert.deepEqual(await (await api(broker, 'exchanges/open/amq.default/publish', publish)).json(), { routed: true })
    assert.equal(broker.server.broker.vhosts.get('open')!.queues.get('q')!.readyCount, 1)
    assert.equal(broker.server.broker.vhosts.get('open')!.queues.get('aliveness-test')!.readyCount, 0)
  })

  test('refuses who is refused, and says nothing of why', async (t) => {
    const { broker, service } = await start(t)
    for (const reply of ['deny', 500, 'nonsense'] as const) {
      service.replies['user'] = () => reply
      assert.equal(await reasonOf(api(broker, 'whoami', as('ann')), 401), 'Login failed')
    }
    service.replies['user'] = () => 'allow'
    assert.equal(await reasonOf(api(broker, 'whoami', as('ann')), 401), 'Not management user')
  })

  test('counts their logins', async (t) => {
    const { broker, service } = await start(t)
    service.replies['user'] = ({ username }) => (username === 'admin' ? 'allow administrator' : 'deny')
    await api(broker, 'whoami', as('ann'))
    const node = broker.server.broker.options.nodeName
    const url = `auth/attempts/${encodeURIComponent(node)}`
    assert.deepEqual(await (await api(broker, url, as('admin'))).json(), [
      { protocol: 'http', auth_attempts: 2, auth_attempts_failed: 1, auth_attempts_succeeded: 1 },
    ])
    assert.equal((await api(broker, url, as('admin', { method: 'DELETE' }))).status, 204)
    assert.deepEqual(await (await api(broker, url, as('admin'))).json(), [
      { protocol: 'http', auth_attempts: 1, auth_attempts_failed: 0, auth_attempts_succeeded: 1 },
    ])
  })

  test('tells them of events in vhosts that they may see', async (t) => {
    const { broker } = await start(t)
    const response = await api(broker, 'events?kinds=exchange', as('ann'))
    const lines = createInterface(Readable.fromWeb(response.body!))[Symbol.asyncIterator]()
    const next = async (): Promise<string> => {
      const { value } = (await lines.next()) as { value: string }
      return value === '' ? next() : value
    }
    assert.equal(await next(), ': events from now on')
    for (const vhost of ['closed', 'open']) {
      const made = await api(broker, `exchanges/${vhost}/x`, as('admin', { method: 'PUT', body: { type: 'topic' } }))
      assert.equal(made.status, 201)
    }
    assert.equal(await next(), 'event: exchange.created')
    assert.match(await next(), /"vhost":"open"/)
    await response.body!.cancel().catch(() => {})
  })

  test('asks again in the course of a sign-in what they may see', async (t) => {
    const { broker, service, clock } = await start(t)
    const signIn = await api(broker, 'session', { method: 'POST', body: { username: 'ann', password: 'secret' } })
    const headers = { cookie: signIn.headers.getSetCookie()[0]!.split(';', 1)[0]! }
    const vhosts = () => namesIn(api(broker, 'vhosts', { headers }))
    assert.deepEqual(await vhosts(), ['/', 'open'])
    assert.deepEqual(await vhosts(), ['/', 'open'])
    assert.deepEqual(service.asked('vhost').sort(), ['user', 'vhost /', 'vhost closed', 'vhost open'])
    service.replies['vhost'] = ({ vhost }) => (vhost === 'open' ? 'deny' : 'allow')
    await clock.advance('2m')
    assert.deepEqual(await vhosts(), ['/', 'closed'])
  })
})

describe('the HTTP API with a token', () => {
  test('goes by it as long as it is valid', async (t) => {
    const issuer = await TokenIssuer.start()
    const clock = virtualClock()
    const oauth2 = ['--auth-oauth2-resource-server-id', 'rabbitmq', `--auth-oauth2-jwks-uri=${issuer.url}/keys`]
    const broker = await startTestBroker({ flags: ['--auth-backends', 'oauth2', ...oauth2], clock })
    t.after(async () => {
      await broker.server.stop('test')
      await issuer.stop()
    })
    const exp = Math.floor(clock.now() / 1000) + 60
    const scope = 'rabbitmq.tag:management rabbitmq.read:%2F/*'
    const token = await issuer.sign({ aud: 'rabbitmq', sub: 'ann', scope, exp })
    const bearer = { headers: { authorization: `Bearer ${token}` } }
    assert.deepEqual(await (await api(broker, 'whoami', bearer)).json(), { name: 'ann', tags: ['management'] })
    assert.deepEqual(await namesIn(api(broker, 'vhosts', bearer)), ['/'])
    const signIn = await api(broker, 'session', { method: 'POST', body: { username: 'any', password: token } })
    const cookie = signIn.headers.getSetCookie()[0]!.split(';', 1)[0]!
    const whoami = () => api(broker, 'whoami', { headers: { cookie } })
    assert.equal((await whoami()).status, 200)
    const events = await api(broker, 'events', bearer)
    await clock.advance('60s')
    assert.equal((await whoami()).status, 401)
    assert.equal((await api(broker, 'whoami', bearer)).status, 401)
    // the stream ends by itself
    assert.match(await events.text(), /^: events from now on/)
  })
})
