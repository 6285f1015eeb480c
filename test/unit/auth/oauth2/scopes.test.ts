import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  type Claims,
  type ResourceServer,
  resourceServerFor,
  scopesOf,
  usernameOf,
} from '../../../../src/auth/oauth2/claims.ts'
import { Scopes } from '../../../../src/auth/oauth2/scopes.ts'
import { escapeWildcard, Wildcard } from '../../../../src/auth/oauth2/wildcard.ts'

const SERVER: ResourceServer = {
  id: 'rabbitmq',
  type: null,
  scopePrefix: 'rabbitmq.',
  verifyAudience: true,
  usernameClaims: ['sub', 'client_id'],
  additionalScopesKey: null,
  scopeAliases: new Map(),
  provider: '',
}

describe('wildcards', () => {
  const cases: [string, string, boolean][] = [
    ['foo', 'foo', true],
    ['foo', 'foobar', false],
    ['foo', '', false],
    ['', '', true],
    ['', 'x', false],
    ['*', '', true],
    ['*', 'anything', true],
    ['**', 'x', true],
    ['foo*', 'foobar', true],
    ['foo*', 'barfoo', false],
    ['*foo', 'barfoo', true],
    ['*foo', 'foobar', false],
    ['*after', 'after-after', true],
    ['foo*bar', 'foo.bar', true],
    ['foo*bar', 'foobar', true],
    ['foo*obar', 'foobar', false],
    ['start*middle*end', 'start-middle-end', true],
    ['start*middle*end', 'start-end', false],
    ['*a*b*', 'xaxbx', true],
    ['*b*a*', 'xaxbx', false],
    ['%2F', '/', true],
    ['%2f*', '/x', true],
    ['a%2Ab', 'a*b', true],
    ['a%2Ab', 'axb', false],
    ['a+b', 'a b', true],
    ['%', '%', false],
    ['t%C3%A4xt', 'täxt', true],
    ['.*', 'x', false],
  ]
  for (const [pattern, subject, expected] of cases) {
    test(`${pattern} ${expected ? 'matches' : 'does not match'} "${subject}"`, () =>
      assert.equal(new Wildcard(pattern).matches(subject), expected))
  }

  test('match as a regular expression would', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 8 })
    const subject = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 10 })
    fc.assert(
      fc.property(text, subject, (pattern, given) => {
        const expression = new RegExp(`^${pattern.replaceAll('*', '.*')}$`)
        assert.equal(new Wildcard(pattern).matches(given), expression.test(given))
      }),
      { seed: 1, numRuns: 2000 },
    )
  })

  test('match what has been escaped, and nothing else', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (given) => {
        assert.ok(new Wildcard(escapeWildcard(given)).matches(given))
        assert.ok(!new Wildcard(escapeWildcard(given)).matches(`${given}x`))
      }),
      { seed: 1 },
    )
  })
})

describe('scopes', () => {
  const scopes = new Scopes(
    [
      'read:*/*',
      'configure:%2F/q-*',
      'write:a*/x',
      'write:%2F/topic/a.*',
      'tag:monitoring',
      'tag:administrator',
      'tag:monitoring',
      'nonsense',
      'read:',
      'write:1/2/3/4',
      'configure:{vhost}/own-{user}',
    ],
    { user: 'ann*', number: 1 },
  )

  test('allow what they name', () => {
    assert.ok(scopes.allow('read', 'any', 'thing'))
    assert.ok(scopes.allow('configure', '/', 'q-1'))
    assert.ok(!scopes.allow('configure', '/', 'x'))
    assert.ok(!scopes.allow('configure', 'b', 'q-1'))
    assert.ok(scopes.allow('write', 'abc', 'x'))
    assert.ok(!scopes.allow('write', 'b', 'x'))
    assert.ok(scopes.allow('write', '/', 'topic'))
  })

  test('allow routing keys only where they name some', () => {
    assert.ok(scopes.allowTopic('write', '/', 'topic', 'a.b'))
    assert.ok(!scopes.allowTopic('write', '/', 'topic', 'b'))
    assert.ok(!scopes.allowTopic('write', 'a', 'x', 'a'))
    assert.ok(!scopes.allowTopic('read', '/', 'topic', 'a.b'))
    assert.ok(new Scopes(['read:*/*/*'], {}).allowTopic('read', 'v', 'x', 'k'))
  })

  test('open a vhost by anything that is allowed in it', () => {
    const some = new Scopes(['write:a*/x', 'tag:administrator'], {})
    assert.ok(some.allowVhost('abc'))
    assert.ok(!some.allowVhost('b'))
    assert.ok(!new Scopes(['tag:administrator'], {}).allowVhost('/'))
  })

  test('have tags, each once', () => assert.deepEqual(scopes.tags, ['administrator', 'monitoring']))

  test('take the vhost and claims into them, as they are', () => {
    assert.ok(scopes.allow('configure', 'any/v', 'own-ann*'))
    assert.ok(!scopes.allow('configure', 'any/v', 'own-ann-other'))
    const other = new Scopes(['read:v/{number}', 'read:v/{none}', 'read:v/{constructor}'], { number: 1 })
    assert.ok(other.allow('read', 'v', 'number'))
    assert.ok(other.allow('read', 'v', 'none'))
    assert.ok(other.allow('read', 'v', 'constructor'))
    assert.ok(!other.allow('read', 'v', '1'))
  })
})

describe('the claims of a token', () => {
  const scopes = (claims: Claims, server: Partial<ResourceServer> = {}): string[] =>
    scopesOf(claims, { ...SERVER, ...server })!.toSorted()

  test('have scopes as a text or as a list', () => {
    assert.deepEqual(scopes({ scope: 'rabbitmq.read:*/*  other rabbitmq.tag:x rabbitmq.tag:x' }), ['read:*/*', 'tag:x'])
    assert.deepEqual(scopes({ scope: ['rabbitmq.read:*/*', 1, null, 'rabbitmqx'] }), ['read:*/*'])
    for (const scope of [undefined, 1, null, {}]) assert.deepEqual(scopes({ scope }), [])
    assert.deepEqual(scopes({ scope: 'read:*/* tag:x' }, { scopePrefix: '' }), ['read:*/*', 'tag:x'])
    assert.deepEqual(scopes({ scope: 'api://read:*/*' }, { scopePrefix: 'api://' }), ['read:*/*'])
  })

  test('have them elsewhere, too', () => {
    const claims = {
      scope: 'rabbitmq.read:a/b',
      roles: 'rabbitmq.tag:roles',
      realm: { access: [{ roles: ['rabbitmq.tag:one'] }, { roles: 'rabbitmq.tag:two' }, 'x', { other: 1 }] },
      resources: { rabbitmq: ['write:a/b'], other: ['write:c/d'] },
      spaced: { rabbitmq: 'configure:a/b tag:three' },
    }
    const additionalScopesKey = 'roles realm.access.roles resources spaced none realm.none.x'
    assert.deepEqual(scopes(claims, { additionalScopesKey }), [
      'configure:a/b',
      'read:a/b',
      'tag:one',
      'tag:roles',
      'tag:three',
      'tag:two',
      'write:a/b',
    ])
  })

  test('have them as Keycloak’s permissions', () => {
    const permissions = [{ scopes: ['rabbitmq.read:*/*'], rsid: 'x' }, { scopes: 'rabbitmq.tag:y' }, { rsid: 'z' }, 'w']
    assert.deepEqual(scopes({ authorization: { permissions } }), ['read:*/*', 'tag:y'])
    for (const authorization of [null, [], 'x', { permissions: 1 }]) assert.deepEqual(scopes({ authorization }), [])
  })

  test('have them under other names', () => {
    const scopeAliases = new Map([['admin', ['rabbitmq.tag:administrator', 'rabbitmq.read:*/*']]])
    assert.deepEqual(scopes({ scope: 'admin x' }, { scopeAliases }), ['read:*/*', 'tag:administrator'])
    const additionalScopesKey = 'role'
    assert.deepEqual(scopes({ role: 'admin' }, { scopeAliases, additionalScopesKey }), [
      'read:*/*',
      'tag:administrator',
    ])
  })

  test('have them as authorization details', () => {
    const detail = (locations: unknown, actions: unknown, type = 'mq'): Claims => ({
      authorization_details: [{ type, locations, actions }],
    })
    const rich = (claims: Claims): string[] => scopes(claims, { type: 'mq' })
    assert.deepEqual(rich(detail(['cluster:rabbitmq/vhost:v/queue:q'], ['read', 'write'])), [
      'read:v/q/*',
      'write:v/q/*',
    ])
    assert.deepEqual(rich(detail('cluster:rabbit*/exchange:x/routing-key:k', 'configure')), ['configure:*/x/k'])
    assert.deepEqual(rich(detail(['cluster:other/vhost:v'], ['read', 'administrator'])), [])
    assert.deepEqual(rich(detail(['cluster:rabbitmq'], ['administrator', 'nonsense'])), ['tag:administrator'])
    assert.deepEqual(rich(detail(['vhost:v/queue:q'], ['read'])), [])
    assert.deepEqual(rich(detail(['cluster:rabbitmq/queue:a/exchange:b'], ['read'])), [])
    assert.deepEqual(rich(detail(['cluster:rabbitmq'], ['read'], 'other')), [])
    assert.deepEqual(scopes(detail(['cluster:rabbitmq'], ['read'])), [])
    for (const details of [1, null, 'x', [null], [{ type: 'mq' }]])
      assert.deepEqual(rich({ authorization_details: details }), [])
  })

  test('may have too many', () => {
    const scope = Array.from({ length: 2049 }, (_, i) => `rabbitmq.read:v/${i}`)
    assert.equal(scopesOf({ scope }, SERVER), null)
    assert.equal(scopesOf({ scope: scope.slice(1) }, SERVER)!.length, 2048)
  })

  test('have a name', () => {
    assert.equal(usernameOf({ client_id: 'app', sub: 'ann' }, SERVER), 'ann')
    assert.equal(usernameOf({ client_id: 'app', sub: 1 }, SERVER), 'app')
    assert.equal(usernameOf({ name: 'x' }, SERVER), 'unknown')
    assert.equal(usernameOf({}, { ...SERVER, usernameClaims: ['constructor'] }), 'unknown')
  })

  test('say for whom the token is', () => {
    const other = { ...SERVER, id: 'other' }
    const open = { ...SERVER, id: 'open', verifyAudience: false }
    assert.equal(resourceServerFor('rabbitmq x', [SERVER, other]), SERVER)
    assert.equal(resourceServerFor(['x', 'other'], [SERVER, other]), other)
    assert.equal(resourceServerFor(['x'], [SERVER, open]), open)
    assert.equal(resourceServerFor(undefined, [SERVER, open]), open)
    assert.equal(
      resourceServerFor(['rabbitmq', 'other'], [SERVER, other]),
      'the audience matches several resource servers',
    )
    assert.equal(resourceServerFor(['x'], [SERVER]), 'the audience matches no resource server')
    assert.equal(resourceServerFor(undefined, [SERVER]), 'the token has no audience')
    assert.match(
      String(resourceServerFor(1, [open, { ...open, id: 'b' }])),
      /several resource servers that do not look/,
    )
  })
})
