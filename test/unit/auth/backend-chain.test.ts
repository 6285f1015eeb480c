import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  ALLOWED,
  type AuthBackend,
  type BackendOutcome,
  type Decision,
  type Grants,
} from '../../../src/auth/backend.ts'
import { BackendChain, type ChainLink } from '../../../src/auth/backend-chain.ts'
import { InternalBackend } from '../../../src/auth/internal-backend.ts'
import { LoginAttempts } from '../../../src/auth/login-attempts.ts'
import { passwords } from '../../../src/auth/password-hash.ts'
import { BrokerEvents } from '../../../src/core/events.ts'
import type { Identity, LoginOutcome, Renewal } from '../../../src/core/identity.ts'
import { Permissions } from '../../../src/core/permissions.ts'
import { whenDecided } from '../../../src/core/undecided.ts'
import { Users } from '../../../src/core/users.ts'
import { type Log, silentLog } from '../../../src/telemetry/log.ts'
import { virtualClock } from '../../../src/util/virtual-clock.ts'

const LOCAL = { loopback: true, protocol: 'amqp091', address: '127.0.0.1' }
const REMOTE = { loopback: false, protocol: 'http', address: '10.0.0.1' }

const EVERYTHING: Grants = { vhost: () => ALLOWED, resource: () => ALLOWED, topic: () => ALLOWED }

interface Play {
  readonly name?: string
  readonly tags?: readonly string[]
  readonly grants?: Grants
  readonly expiresAt?: number
  readonly renew?: (secret: string) => Promise<Renewal>
  readonly refuses?: string
  readonly fails?: string
}

/** A back end that says what a test wants, later. */
class Played implements AuthBackend {
  readonly name: string
  readonly asked: string[] = []
  readonly #play: Play

  constructor(name: string, play: Play = {}) {
    this.name = name
    this.#play = play
  }

  async authenticate({ user, password }: { user: string; password: string | null }): Promise<BackendOutcome> {
    this.asked.push(`authenticate ${user} ${password}`)
    return this.#outcome(user)
  }

  async authorize({ user }: { user: string }): Promise<BackendOutcome> {
    this.asked.push(`authorize ${user}`)
    return this.#outcome(user)
  }

  #outcome(user: string): BackendOutcome {
    const { refuses, fails, name = user, tags = [], grants = EVERYTHING, expiresAt = null, renew = null } = this.#play
    if (refuses !== undefined) return { outcome: 'refused', reason: refuses }
    if (fails === 'rejects') throw new Error('a mistake')
    if (fails !== undefined) return { outcome: 'error', reason: fails }
    return { outcome: 'ok', user: { name, tags, grants, expiresAt, renew } }
  }

  close(): void {
    this.asked.push('close')
  }
}

interface Bench {
  readonly users: Users
  readonly permissions: Permissions
  readonly internal: InternalBackend
  readonly logged: string[]
  readonly chain: (...links: (AuthBackend | ChainLink)[]) => BackendChain
}

function bench(): Bench {
  const users = new Users({ passwords, loopbackUsers: ['guest', 'carol'] })
  const permissions = new Permissions()
  users.put(users.parse({ name: 'guest', password: 'guest', tags: ['administrator'] }))
  users.put(users.parse({ name: 'ann', password: 'secret', tags: ['monitoring'] }))
  permissions.set({ user: 'ann', vhost: '/', configure: '^a', write: '', read: '' })
  const logged: string[] = []
  const log: Log = { ...silentLog, error: (text) => logged.push(text) }
  return {
    users,
    permissions,
    logged,
    internal: new InternalBackend(users, permissions),
    chain: (...links) =>
      new BackendChain(
        links.map((link) => ('authn' in link ? link : { authn: link, authz: null })),
        {
          users,
          permissions,
          clock: virtualClock(),
          log,
          events: new BrokerEvents(() => 0),
          attempts: new LoginAttempts(true),
        },
      ),
  }
}

function identityOf(outcome: LoginOutcome): Identity {
  assert.ok(outcome.outcome === 'ok', JSON.stringify(outcome))
  return outcome.identity
}

const reasonOf = (outcome: LoginOutcome): string => (outcome.outcome === 'ok' ? 'ok' : outcome.reason)

describe('a chain of back ends', () => {
  test('answers at once where the internal one is asked alone', () => {
    const { chain, internal } = bench()
    const outcome = chain(internal).authenticatePassword('ann', 'secret', REMOTE)
    assert.ok(!(outcome instanceof Promise))
    const { name, tags, expiresAt, authorizer } = identityOf(outcome)
    assert.deepEqual({ name, tags, expiresAt }, { name: 'ann', tags: ['monitoring'], expiresAt: null })
    authorizer.requireVhost('/')
    assert.throws(() => authorizer.requireVhost('b'), /access to vhost 'b' refused for user 'ann'/)
    const access = authorizer.openAccess('/')
    access.require('configure', 'queue', 'a')
    assert.throws(() => access.require('configure', 'queue', 'b'), /configure access to queue 'b'/)
  })

  test('goes on to the next until one knows the user, and tells why none did', async () => {
    const { chain, internal } = bench()
    const deaf = new Played('rabbit_auth_backend_ldap', { fails: 'ldap_connect_error' })
    const knowing = new Played('rabbit_auth_backend_http', { tags: ['ops'] })
    const asked = chain(internal, deaf, knowing)
    assert.deepEqual(identityOf(await asked.authenticatePassword('bob', 'x', LOCAL)).tags, ['ops'])
    assert.deepEqual(identityOf(await asked.authenticatePassword('ann', 'secret', LOCAL)).tags, ['monitoring'])
    assert.deepEqual(knowing.asked, ['authenticate bob x'])
    const none = chain(internal, deaf, new Played('x', { refuses: 'no such user' }))
    assert.equal(
      reasonOf(await none.authenticatePassword('bob', 'x', LOCAL)),
      "user 'bob' - invalid credentials; rabbit_auth_backend_ldap failed authenticating bob: ldap_connect_error; no such user",
    )
  })

  test('takes who somebody is from one and what they may do from another', async () => {
    const { chain, internal } = bench()
    const authn = new Played('a', { name: 'ann', tags: ['ops', 'monitoring'] })
    const { name, tags, authorizer } = identityOf(
      await chain({ authn, authz: [internal] }).authenticatePassword('ANN', 'x', LOCAL),
    )
    assert.equal(name, 'ann')
    assert.deepEqual(tags, ['ops', 'monitoring'])
    const access = authorizer.openAccess('/')
    access.require('configure', 'queue', 'a')
    assert.throws(() => access.require('write', 'queue', 'a'), /write access to queue 'a'/)
    const unknown = chain({ authn: new Played('a'), authz: [internal] })
    assert.equal(reasonOf(await unknown.authenticatePassword('bob', 'x', LOCAL)), "user 'bob' not found")
    const failing = chain({ authn: new Played('a'), authz: [new Played('z', { fails: 'down' })] })
    assert.equal(reasonOf(await failing.authenticatePassword('bob', 'x', LOCAL)), 'z failed authorizing bob: down')
  })

  test('wants all of several to allow what is to be allowed', async () => {
    const { chain, internal } = bench()
    const no: Decision = { outcome: 'refused', why: ' by backend z: never' }
    const grants: Grants = { ...EVERYTHING, resource: ({ name }) => Promise.resolve(name === 'a1' ? ALLOWED : no) }
    const link = { authn: new Played('n'), authz: [internal, new Played('z', { grants, tags: ['z'] })] }
    const { tags, authorizer } = identityOf(await chain(link).authenticatePassword('ann', 'x', LOCAL))
    assert.deepEqual(tags, ['monitoring', 'z'])
    const access = authorizer.openAccess('/')
    await whenDecided(() => access.require('configure', 'queue', 'a1'))
    await assert.rejects(
      whenDecided(() => access.require('configure', 'queue', 'a2')),
      /configure access to queue 'a2' in vhost '\/' refused for user 'ann' by backend z: never$/,
    )
    await assert.rejects(
      whenDecided(() => access.require('configure', 'queue', 'b')),
      /refused for user 'ann'$/,
    )
  })

  test('keeps loopback users to this machine, whoever knows them, and asks nobody else then', async () => {
    const { chain, internal } = bench()
    const next = new Played('next')
    const asked = chain(internal, next)
    assert.equal(
      reasonOf(await asked.authenticatePassword('guest', 'guest', REMOTE)),
      "user 'guest' can only connect via localhost",
    )
    assert.deepEqual(next.asked, [])
    assert.equal(
      reasonOf(await asked.authenticatePassword('carol', 'x', REMOTE)),
      "user 'carol' can only connect via localhost",
    )
    assert.equal(identityOf(await asked.authenticatePassword('carol', 'x', LOCAL)).name, 'carol')
  })

  test('lets in by name and by token', async () => {
    const { chain, internal } = bench()
    assert.equal(identityOf(await chain(internal).authenticateName('ann', LOCAL)).name, 'ann')
    assert.equal(reasonOf(await chain(internal).authenticateName('bob', LOCAL)), "user 'bob' not found")
    const tokens = new Played('t', { name: 'subject' })
    assert.equal(identityOf(await chain(internal, tokens).authenticateToken('abc', LOCAL)).name, 'subject')
    assert.deepEqual(tokens.asked, ['authenticate  abc'])
  })

  test('refuses where a back end makes a mistake, and logs it', async () => {
    const { chain, logged } = bench()
    const outcome = await chain(new Played('x', { fails: 'rejects' })).authenticatePassword('ann', 'secret', LOCAL)
    assert.equal(reasonOf(outcome), "user 'ann' - internal error")
    assert.deepEqual(logged, ['internal error of a login back end'])
  })

  test('renews what expires, and the rest takes any secret', async () => {
    const { chain, internal } = bench()
    const fixed = identityOf(await chain(internal).authenticatePassword('ann', 'secret', LOCAL))
    assert.deepEqual(await fixed.renew('anything'), { outcome: 'ok', tags: ['monitoring'], expiresAt: null })
    const renew = (secret: string): Promise<Renewal> =>
      Promise.resolve(
        secret === 'new'
          ? { outcome: 'ok', tags: ['b'], expiresAt: 2000 }
          : { outcome: 'refused', reason: 'not this one' },
      )
    const played = new Played('t', { tags: ['a'], expiresAt: 1000, renew })
    const identity = identityOf(await chain(played).authenticatePassword('ann', 'old', LOCAL))
    assert.deepEqual([identity.tags, identity.expiresAt], [['a'], 1000])
    assert.deepEqual(await identity.renew('new'), { outcome: 'ok', tags: ['b'], expiresAt: 2000 })
    assert.deepEqual(await identity.renew('other'), { outcome: 'refused', reason: 'not this one' })
    const mixed = chain({ authn: new Played('n', { tags: ['n'] }), authz: [internal, played] })
    const both = identityOf(await mixed.authenticatePassword('ann', 'x', LOCAL))
    assert.deepEqual(await both.renew('new'), { outcome: 'ok', tags: ['n', 'monitoring', 'b'], expiresAt: 2000 })
  })

  test('counts logins by protocol, and by source where that is wanted', async () => {
    const { chain, internal } = bench()
    const asked = chain(internal)
    await asked.authenticatePassword('ann', 'secret', LOCAL)
    await asked.authenticatePassword('ann', 'wrong', LOCAL)
    await asked.authenticatePassword('guest', 'guest', REMOTE)
    asked.countBroken(REMOTE, 'response invalid')
    assert.deepEqual(asked.attempts.byProtocol(), [
      { protocol: 'amqp091', succeeded: 1, failed: 1 },
      { protocol: 'http', succeeded: 0, failed: 2 },
    ])
    assert.deepEqual(asked.attempts.bySource(), [
      { address: '127.0.0.1', user: 'ann', protocol: 'amqp091', succeeded: 1, failed: 1 },
      { address: '10.0.0.1', user: 'guest', protocol: 'http', succeeded: 0, failed: 1 },
      { address: '10.0.0.1', user: '', protocol: 'http', succeeded: 0, failed: 1 },
    ])
    asked.attempts.reset()
    assert.deepEqual(asked.attempts.byProtocol(), [])
    asked.attempts.resetSources()
    assert.deepEqual(asked.attempts.bySource(), [])
  })

  test('closes each of its back ends once', async () => {
    const { chain } = bench()
    const [a, b] = [new Played('a'), new Played('b')]
    await chain(a, { authn: a, authz: [b] }).close()
    assert.deepEqual([a.asked, b.asked], [['close'], ['close']])
  })
})

describe('counts of logins', () => {
  test('are not kept by source unless asked for, and not without bound', () => {
    const attempt = { protocol: 'amqp091', address: 'a', user: 'u' }
    const plain = new LoginAttempts(false)
    plain.count(attempt, true)
    assert.deepEqual(plain.bySource(), [])
    const sources = new LoginAttempts(true)
    for (let i = 0; i < 10_001; i++) sources.count({ ...attempt, user: `u${i}` }, false)
    sources.count({ ...attempt, user: 'x'.repeat(1000) }, false)
    const kept = sources.bySource()
    assert.equal(kept.length, 10_000)
    assert.equal(kept[0]!.user, 'u2')
    assert.equal(kept.at(-1)!.user.length, 255)
  })
})
