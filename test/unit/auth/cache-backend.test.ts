import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  ALLOWED,
  type AuthBackend,
  type BackendOutcome,
  type BackendUser,
  type Credentials,
  REFUSED,
} from '../../../src/auth/backend.ts'
import { CacheBackend } from '../../../src/auth/cache-backend.ts'
import { InternalBackend } from '../../../src/auth/internal-backend.ts'
import { passwords } from '../../../src/auth/password-hash.ts'
import { Permissions } from '../../../src/core/permissions.ts'
import { Users } from '../../../src/core/users.ts'
import { virtualClock } from '../../../src/util/virtual-clock.ts'

const FACTS = { loopback: true, protocol: 'amqp091', address: '127.0.0.1' }

/** Counts what it is asked. */
class Counting implements AuthBackend {
  readonly name = 'counting'
  readonly asked: string[] = []
  readonly renews: boolean
  closed = 0

  constructor(renews = false) {
    this.renews = renews
  }

  async authenticate({ user, password }: Credentials): Promise<BackendOutcome> {
    this.asked.push(`authenticate ${user} ${password}`)
    return this.#outcome(user, password)
  }

  async authorize({ user, password }: Credentials): Promise<BackendOutcome> {
    this.asked.push(`authorize ${user} ${password}`)
    return this.#outcome(user, password)
  }

  #outcome(user: string, password: string | null): BackendOutcome {
    if (password === 'wrong') return { outcome: 'refused', reason: 'wrong' }
    if (password === 'down') return { outcome: 'error', reason: 'down' }
    const answer = (what: string, name: string) => {
      this.asked.push(`${what} ${name}`)
      return Promise.resolve(name === 'no' ? REFUSED : ALLOWED)
    }
    const grants = {
      vhost: (name: string) => answer('vhost', name),
      resource: ({ name, verb }: { name: string; verb: string }) => answer(verb, name),
      topic: ({ routingKey }: { routingKey: string }) => answer('topic', routingKey),
    }
    const renew = this.renews ? () => Promise.resolve({ outcome: 'ok', tags: [], expiresAt: null } as const) : null
    return { outcome: 'ok', user: { name: user, tags: [], grants, expiresAt: null, renew } }
  }

  close(): void {
    this.closed++
  }
}

function bench({ refusals = false, renews = false } = {}) {
  const clock = virtualClock()
  const backend = new Counting(renews)
  const cache = new CacheBackend(backend, backend, { ttlMs: 15_000, refusals }, clock)
  const login = async (user: string, password: string): Promise<BackendOutcome> =>
    cache.authenticate({ user, password, isToken: false }, FACTS)
  const userOf = async (user: string, password: string): Promise<BackendUser> => {
    const outcome = await login(user, password)
    assert.ok(outcome.outcome === 'ok')
    return outcome.user
  }
  return { clock, backend, cache, login, userOf, asked: () => backend.asked.splice(0) }
}

const check = { vhost: '/', kind: 'queue', verb: 'read' } as const

describe('a cache of logins', () => {
  test('has all of a user of the broker, whose tags are as they are now', async () => {
    const users = new Users({ passwords, loopbackUsers: [] })
    users.put(users.parse({ name: 'u', password: 'pw', tags: ['monitoring'] }))
    const backend = new InternalBackend(users, new Permissions())
    const cache = new CacheBackend(backend, backend, { ttlMs: 15_000, refusals: false }, virtualClock())
    const outcome = await cache.authenticate({ user: 'u', password: 'pw', isToken: false }, FACTS)
    assert.ok(outcome.outcome === 'ok')
    const { name, tags, expiresAt, renew } = outcome.user
    assert.deepEqual(
      { name, tags, expiresAt, renew },
      { name: 'u', tags: ['monitoring'], expiresAt: null, renew: null },
    )
  })

  test('keeps what was right, for its time', async () => {
    const { clock, login, asked } = bench()
    await login('ann', 'secret')
    await login('ann', 'secret')
    assert.deepEqual(asked(), ['authenticate ann secret'])
    await login('ann', 'other')
    await login('bob', 'secret')
    assert.deepEqual(asked(), ['authenticate ann other', 'authenticate bob secret'])
    await clock.advance('15s')
    await login('ann', 'secret')
    assert.deepEqual(asked(), ['authenticate ann secret'])
  })

  test('asks once what is asked at the same time', async () => {
    const { login, asked } = bench()
    await Promise.all([login('ann', 'secret'), login('ann', 'secret')])
    assert.deepEqual(asked(), ['authenticate ann secret'])
  })

  test('keeps refusals only where that is wanted, and errors never', async () => {
    for (const refusals of [false, true]) {
      const { login, asked } = bench({ refusals })
      await login('ann', 'wrong')
      assert.equal((await login('ann', 'wrong')).outcome, 'refused')
      assert.equal(asked().length, refusals ? 1 : 2)
      await login('ann', 'down')
      assert.equal((await login('ann', 'down')).outcome, 'error')
      assert.equal(asked().length, 2)
    }
  })

  test('keeps what was decided, for all connections of the user', async () => {
    const { userOf, asked, clock } = bench()
    const one = await userOf('ann', 'secret')
    const other = await userOf('ann', 'secret')
    const bob = await userOf('bob', 'secret')
    asked()
    for (const { grants } of [one, other]) {
      assert.equal((await grants.vhost('/')).outcome, 'allowed')
      assert.equal((await grants.resource({ ...check, name: 'q' })).outcome, 'allowed')
      assert.equal(
        (await grants.topic({ vhost: '/', exchange: 'x', verb: 'write', routingKey: 'k' })).outcome,
        'allowed',
      )
      assert.equal((await grants.resource({ ...check, name: 'no' })).outcome, 'refused')
    }
    assert.deepEqual(asked(), ['vhost /', 'read q', 'topic k', 'read no', 'read no'])
    await bob.grants.vhost('/')
    assert.deepEqual(asked(), ['vhost /'])
    await clock.advance('15s')
    await one.grants.resource({ ...check, name: 'q' })
    assert.deepEqual(asked(), ['read q'])
  })

  test('may ask one who somebody is and another what they may do', async () => {
    const [authn, authz] = [new Counting(), new Counting()]
    const cache = new CacheBackend(authn, authz, { ttlMs: 1000, refusals: false }, virtualClock())
    const who = { user: 'ann', password: 'secret', isToken: false }
    await cache.authenticate(who, FACTS)
    await cache.authorize(who, FACTS)
    await cache.authorize(who, FACTS)
    assert.deepEqual([authn.asked, authz.asked], [['authenticate ann secret'], ['authorize ann secret']])
    await cache.close()
    assert.deepEqual([authn.closed, authz.closed], [1, 1])
  })

  test('gives each connection a token of its own', async () => {
    const { login, asked } = bench({ renews: true })
    const [one, other] = await Promise.all([login('', 'token'), login('', 'token')])
    assert.ok(one.outcome === 'ok' && other.outcome === 'ok')
    assert.notEqual(one.user, other.user)
    await login('', 'token')
    assert.equal(asked().length, 3)
  })
})
