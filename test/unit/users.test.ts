import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { hashPassword, passwords, verifyPassword } from '../../src/auth/password-hash.ts'
import { type User, type UserChange, Users, userToJson } from '../../src/core/users.ts'

const LOCAL = { loopback: true }
const REMOTE = { loopback: false }

const userNamed = (name: string, changes: Partial<User> = {}): User => ({
  name,
  passwordHash: hashPassword('secret'),
  hashingAlgorithm: 'rabbit_password_hashing_sha256',
  tags: [],
  limits: {},
  ...changes,
})

describe('users', () => {
  it('are put, found, listed and deleted', () => {
    const users = new Users({ passwords })
    const [a, b] = [userNamed('a'), userNamed('b')]
    users.put(a)
    users.put(b)
    assert.equal(users.get('a'), a)
    assert.equal(users.get('c'), undefined)
    assert.deepEqual(users.list(), [a, b])
    assert.equal(users.delete('a'), true)
    assert.equal(users.delete('a'), false)
    assert.deepEqual(users.list(), [b])
  })

  it('tell of every change', () => {
    const users = new Users({ passwords })
    const changes: UserChange[] = []
    users.onChange((change) => changes.push(change))
    const first = userNamed('a')
    const second = userNamed('a', { tags: ['monitoring'] })
    users.put(first)
    users.put(second)
    users.delete('a')
    users.delete('a')
    assert.deepEqual(changes, [
      { name: 'a', user: first, previous: null },
      { name: 'a', user: second, previous: first },
      { name: 'a', user: null, previous: second },
    ])
  })
})

describe('logging in', () => {
  it('wants the right password', () => {
    const users = new Users({ passwords })
    users.put(userNamed('a'))
    users.put(userNamed('nobody', { passwordHash: '' }))
    assert.equal(users.authenticate('a', 'secret', REMOTE), 'ok')
    assert.equal(users.authenticate('a', 'wrong', REMOTE), 'refused')
    assert.equal(users.authenticate('b', 'secret', REMOTE), 'refused')
    assert.equal(users.authenticate('nobody', 'secret', REMOTE), 'refused')
    assert.equal(users.passwordRefusal('a', 'secret'), null)
    assert.equal(users.passwordRefusal('a', 'wrong'), "user 'a' - invalid credentials")
    assert.equal(users.passwordRefusal('b', 'secret'), "user 'b' - invalid credentials")
  })

  it('is refused with an empty password, even where that was set', () => {
    const users = new Users({ passwords })
    users.put(userNamed('a', { passwordHash: hashPassword('') }))
    assert.equal(users.authenticate('a', '', LOCAL), 'refused')
    assert.match(users.passwordRefusal('a', '')!, /^user 'a' attempted to log in with a blank password/)
  })

  it('is for guest from this machine only, unless told otherwise', () => {
    const byDefault = new Users({ passwords })
    byDefault.put(userNamed('guest'))
    assert.equal(byDefault.authenticate('guest', 'secret', LOCAL), 'ok')
    assert.equal(byDefault.authenticate('guest', 'secret', REMOTE), 'refused')
    assert.equal(byDefault.loopbackRefusal('guest', REMOTE), "user 'guest' can only connect via localhost")
    assert.equal(byDefault.loopbackRefusal('guest', LOCAL), null)
    const open = new Users({ passwords, loopbackUsers: ['admin'] })
    open.put(userNamed('guest'))
    open.put(userNamed('admin'))
    assert.equal(open.authenticate('guest', 'secret', REMOTE), 'ok')
    assert.equal(open.authenticate('admin', 'secret', REMOTE), 'refused')
  })
})

describe('user limits', () => {
  const users = new Users({ passwords })
  users.put(userNamed('few', { limits: { maxConnections: 2, maxChannels: 3 } }))
  users.put(userNamed('none', { limits: { maxConnections: 0, maxChannels: 0 } }))
  users.put(userNamed('all', { limits: { maxConnections: -1, maxChannels: -1 } }))
  users.put(userNamed('unlimited'))

  it('hold for connections', () => {
    assert.equal(
      users.connectionRefusal('few', () => 1),
      null,
    )
    assert.equal(
      users.connectionRefusal('few', () => 2),
      "connection refused for user 'few': user connection limit (2) is reached",
    )
    assert.notEqual(
      users.connectionRefusal('none', () => 0),
      null,
    )
    for (const name of ['all', 'unlimited', 'unknown'])
      assert.equal(
        users.connectionRefusal(name, () => 1e6),
        null,
      )
  })

  it('hold for channels', () => {
    assert.equal(
      users.channelRefusal('few', () => 2),
      null,
    )
    assert.equal(
      users.channelRefusal('few', () => 3),
      "number of channels opened for user 'few' has reached the maximum allowed user limit of 3",
    )
    assert.notEqual(
      users.channelRefusal('none', () => 0),
      null,
    )
    for (const name of ['all', 'unlimited', 'unknown'])
      assert.equal(
        users.channelRefusal(name, () => 1e6),
        null,
      )
  })
})

describe('users in definitions', () => {
  const users = new Users({ passwords })
  const hash = hashPassword('secret')

  it('are written as RabbitMQ writes them', () => {
    assert.deepEqual(userToJson(userNamed('a', { passwordHash: hash, tags: ['administrator', 'x'] })), {
      name: 'a',
      password_hash: hash,
      hashing_algorithm: 'rabbit_password_hashing_sha256',
      tags: ['administrator', 'x'],
      limits: {},
    })
    assert.deepEqual(userToJson(userNamed('a', { limits: { maxConnections: 1, maxChannels: -1 } })).limits, {
      'max-connections': 1,
      'max-channels': -1,
    })
  })

  it('are read as they were written', () => {
    for (const user of [
      userNamed('a'),
      userNamed('b', { passwordHash: '', tags: ['a', 'b'], limits: { maxChannels: 0 } }),
      userNamed('c', { hashingAlgorithm: 'rabbit_password_hashing_sha512', limits: { maxConnections: -1 } }),
    ]) {
      assert.deepEqual(users.parse(JSON.parse(JSON.stringify(userToJson(user)))), user)
    }
  })

  it('may have tags in a string', () => {
    assert.deepEqual(users.parse({ name: 'a', tags: 'administrator, x,,x' }).tags, ['administrator', 'x'])
    assert.deepEqual(users.parse({ name: 'a', tags: '' }).tags, [])
    assert.deepEqual(users.parse({ name: 'a' }).tags, [])
  })

  it('have MD5 hashes where the file is so old that it does not say', () => {
    const json = { name: 'a', password_hash: hash, tags: '' }
    const algorithmFor = (version?: string): string => users.parse(json, version).hashingAlgorithm
    assert.equal(algorithmFor('3.5.7'), 'rabbit_password_hashing_md5')
    assert.equal(algorithmFor('3.0.0'), 'rabbit_password_hashing_md5')
    for (const version of ['3.6.0', '3.13.2', '4.2.0', undefined]) {
      assert.equal(algorithmFor(version), 'rabbit_password_hashing_sha256')
    }
    const explicit = { ...json, hashing_algorithm: 'rabbit_password_hashing_sha512' }
    assert.equal(users.parse(explicit, '3.5.7').hashingAlgorithm, 'rabbit_password_hashing_sha512')
  })

  it('may have a password instead of a hash, or neither', () => {
    const user = users.parse({ name: 'a', password: 'secret', hashing_algorithm: 'rabbit_password_hashing_md5' })
    assert.ok(verifyPassword('secret', user.passwordHash, 'rabbit_password_hashing_md5'))
    assert.equal(users.parse({ name: 'a' }).passwordHash, '')
  })

  it('may have no limits as an empty list', () => {
    assert.deepEqual(users.parse({ name: 'a', limits: [] }).limits, {})
  })

  const invalid: readonly (readonly [json: unknown, text: string])[] = [
    [null, 'user: not an object'],
    [[], 'user: not an object'],
    [{}, 'user has no name'],
    [{ name: '' }, 'user has no name'],
    [{ name: 'a', password: 'x', password_hash: '' }, "user 'a' has both a password and a password hash"],
    [{ name: 'a', password: 1 }, "user 'a' has a password that is not a string"],
    [{ name: 'a', password_hash: 'x' }, "user 'a' has a password hash that is not base64"],
    [{ name: 'a', password_hash: 1 }, "user 'a' has a password hash that is not base64"],
    [{ name: 'a', hashing_algorithm: 'rot13' }, 'user \'a\' has an unknown hashing algorithm: "rot13"'],
    [{ name: 'a', tags: 1 }, "user 'a' has tags that are neither a list nor a string"],
    [{ name: 'a', tags: [1] }, "user 'a' has tags that are neither a list nor a string"],
    [{ name: 'a', limits: 1 }, "limits of user 'a': not an object"],
    [{ name: 'a', limits: { 'max-channels': '1' } }, "limit max-channels of user 'a' is not an integer"],
    [{ name: 'a', limits: { 'max-things': 1 } }, "user 'a' has an unknown limit: max-things"],
  ]
  for (const [json, message] of invalid) {
    it(`are refused: ${JSON.stringify(json)}`, () => {
      assert.throws(() => users.parse(json), { name: 'BrokerError', kind: 'preconditionFailed', message })
    })
  }
})
