import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CoreBench } from '../support/core-bench.ts'
import { startApi } from './support.ts'

const CHALLENGE = 'Basic realm="RabbitMQ Management"'

describe('login to the HTTP API', () => {
  test('by Basic authentication', async () => {
    const { request } = await startApi()
    const answer = await request('GET', 'whoami')
    assert.equal(answer.statusCode, 200)
    assert.deepEqual(answer.json(), { name: 'guest', tags: ['administrator'] })
  })

  test('is asked for, and refused as RabbitMQ does', async () => {
    const { request } = await startApi()
    const without = await request('GET', 'whoami', { as: null })
    assert.deepEqual([without.statusCode, without.body, without.headers['www-authenticate']], [401, '', CHALLENGE])
    const fromConsole = await request('GET', 'whoami', {
      as: null,
      headers: { 'x-csrf-token': 'of a sign-in that is over' },
    })
    assert.equal(fromConsole.statusCode, 401)
    assert.equal(fromConsole.headers['www-authenticate'], undefined, 'the browser does not ask, as the console does')
    const wrong = await request('GET', 'whoami', { as: 'stranger' })
    assert.equal(wrong.statusCode, 401)
    assert.deepEqual(wrong.json(), { error: 'not_authorized', reason: 'Login failed' })
    const tagless = await request('GET', 'whoami', { as: 'nobody' })
    assert.equal(tagless.statusCode, 401)
    for (const header of ['Basic', 'Basic !!', 'Digest x', 'Bearer ']) {
      const odd = await request('GET', 'whoami', { as: null, headers: { authorization: header } })
      assert.equal(odd.statusCode, 401, header)
    }
  })

  test('from another machine is refused to guest, who is told so', async () => {
    const { request } = await startApi(new CoreBench({ loopbackUsers: ['guest'] }))
    const refused = await request('GET', 'whoami', { from: '192.0.2.1' })
    assert.equal(refused.statusCode, 401)
    assert.deepEqual(refused.json(), { error: 'not_authorised', reason: 'User can only log in via localhost' })
    assert.equal(refused.headers['www-authenticate'], undefined, 'another password would not help')
    const header = `Basic ${Buffer.from('guest:wrong').toString('base64')}`
    const wrong = await request('GET', 'whoami', { from: '192.0.2.1', as: null, headers: { authorization: header } })
    assert.deepEqual(wrong.json(), { error: 'not_authorized', reason: 'Login failed' }, 'but not without the password')
    assert.equal((await request('GET', 'whoami', { from: '192.0.2.1', as: 'monitoring' })).statusCode, 200)
  })

  test('is slowed down after failures, for that name at that address, and for a while', async () => {
    const { request, bench } = await startApi()
    const status = async (as: string): Promise<number> => (await request('GET', 'whoami', { as })).statusCode
    for (let i = 0; i < 10; i++) assert.equal(await status('stranger'), 401)
    const refused = await request('GET', 'whoami', { as: 'stranger' })
    assert.equal(refused.statusCode, 429)
    assert.equal(refused.headers['retry-after'], '60')
    assert.match(refused.json<{ reason: string }>().reason, /try again in 60 s$/)
    assert.equal(await status('guest'), 200, 'behind the same proxy somebody else goes on working')
    bench.advance(60_000)
    assert.equal(await status('stranger'), 401, 'and is heard again')
  })

  test('is slowed down for an address that tries many names, whatever it knows of one', async () => {
    const { request, bench } = await startApi()
    const status = async (as: string): Promise<number> => (await request('GET', 'whoami', { as })).statusCode
    for (let i = 0; i < 100; i++) {
      assert.equal(await status(`stranger ${i}`), 401)
      if (i % 25 === 0) assert.equal(await status('guest'), 200)
    }
    assert.equal(await status('guest'), 429)
    bench.advance(60_000)
    assert.equal(await status('guest'), 200)
  })
})

describe('sign-in of the console', () => {
  const signIn = async (api: Awaited<ReturnType<typeof startApi>>) => {
    const answer = await api.request('POST', 'session', { as: null, body: { username: 'guest', password: 'guest' } })
    assert.equal(answer.statusCode, 200)
    const [cookie] = answer.cookies
    assert.deepEqual([cookie!.httpOnly, cookie!.sameSite], [true, 'Strict'])
    const { csrf_token: token } = answer.json<{ csrf_token: string }>()
    return { cookie: `${cookie!.name}=${cookie!.value}`, token }
  }

  test('lasts until it ends, or is not used for too long', async () => {
    const api = await startApi()
    const { cookie, token } = await signIn(api)
    const ask = () => api.request('GET', 'whoami', { as: null, headers: { cookie } })
    assert.equal((await ask()).statusCode, 200)
    api.bench.advance(59_000)
    assert.equal((await ask()).statusCode, 200)
    api.bench.advance(60_000)
    assert.equal((await ask()).statusCode, 401)
    const second = await signIn(api)
    const end = await api.request('DELETE', 'session', {
      as: null,
      headers: { cookie: second.cookie, 'x-csrf-token': second.token },
    })
    assert.equal(end.statusCode, 204)
    assert.equal((await api.request('GET', 'whoami', { as: null, headers: { cookie: second.cookie } })).statusCode, 401)
    assert.notEqual(token, second.token)
  })

  test('does not let another site change anything', async () => {
    const api = await startApi()
    const { cookie, token } = await signIn(api)
    const end = (headers: Record<string, string>) =>
      api.request('DELETE', 'session', { as: null, headers: { cookie, ...headers } })
    assert.equal((await end({})).statusCode, 403)
    assert.equal((await end({ 'x-csrf-token': 'guess' })).statusCode, 403)
    assert.equal((await end({ 'x-csrf-token': token })).statusCode, 204)
  })

  test('has the tags that the user has now', async () => {
    const api = await startApi()
    const { users } = api.bench.broker
    const { cookie } = await signIn(api)
    users.put({ ...users.get('guest')!, tags: ['monitoring'] })
    const answer = await api.request('GET', 'whoami', { as: null, headers: { cookie } })
    assert.deepEqual(answer.json(), { name: 'guest', tags: ['monitoring'] })
  })

  test('ends with the user, and with a new password', async () => {
    const api = await startApi()
    const { users } = api.bench.broker
    const { cookie } = await signIn(api)
    users.put(users.parse({ name: 'guest', password: 'other', tags: ['administrator'] }))
    assert.equal((await api.request('GET', 'whoami', { as: null, headers: { cookie } })).statusCode, 401)
  })
})

describe('the HTTP API', () => {
  test('answers what it does not know, and what it does not understand', async () => {
    const { request } = await startApi()
    const unknown = await request('GET', 'nothing')
    assert.equal(unknown.statusCode, 404)
    assert.deepEqual(unknown.json(), { error: 'Object Not Found', reason: 'Not Found' })
    const garbled = await request('POST', 'session', { as: null, headers: { 'content-type': 'application/json' } })
    assert.equal(garbled.statusCode, 400)
  })
})
