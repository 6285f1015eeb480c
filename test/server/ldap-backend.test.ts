import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, type TestContext, test } from 'node:test'
import type { BackendOutcome, Decision, Grants } from '../../src/auth/backend.ts'
import { LdapBackend, type LdapSettings } from '../../src/auth/ldap/ldap-backend.ts'
import { limitLog, type Log, silentLog } from '../../src/telemetry/log.ts'
import type { Clock } from '../../src/util/clock.ts'
import { parseErlangTerm } from '../../src/util/erlang-syntax.ts'
import { systemClock } from '../../src/util/system-clock.ts'
import { virtualClock } from '../../src/util/virtual-clock.ts'
import { Authority, type Identity, withoutOpenssl } from '../support/certificates.ts'
import { Directory, type Door, PASSWORD, withoutSlapd } from '../support/directory.ts'
import { eventually } from '../support/with-broker.ts'

const FACTS = { loopback: true, protocol: 'amqp091', address: '127.0.0.1' }
const PEOPLE = 'ou=people,dc=example,dc=com'
const GROUPS = 'ou=groups,dc=example,dc=com'
const READER = { dn: `cn=reader,${PEOPLE}`, password: PASSWORD }

const yes = parseErlangTerm('{constant, true}')

const SETTINGS: LdapSettings = {
  servers: ['127.0.0.1'],
  port: 0,
  security: 'none',
  poolSize: 4,
  timeoutMs: 15_000,
  idleTimeoutMs: 300_000,
  log: 'false',
  userDnPattern: `cn=\${username},${PEOPLE}`,
  userBindPattern: null,
  dnLookupAttribute: null,
  dnLookupBase: null,
  dnLookupBind: 'as_user',
  otherBind: 'as_user',
  groupLookupBase: GROUPS,
  tagQueries: parseErlangTerm('[]'),
  vhostQuery: yes,
  resourceQuery: yes,
  topicQuery: yes,
}

interface Made {
  readonly settings?: Partial<LdapSettings>
  readonly clock?: Clock
  readonly log?: Log
  readonly tls?: { readonly ca?: Buffer; readonly rejectUnauthorized?: boolean }
}

const reasonOf = (outcome: BackendOutcome): string => (outcome.outcome === 'ok' ? 'ok' : outcome.reason)
const whyOf = (decision: Decision): string => (decision.outcome === 'allowed' ? 'allowed' : decision.why)

describe('logins by LDAP', { skip: withoutSlapd }, () => {
  let directory: Directory
  let door: Door
  before(async () => {
    directory = await Directory.start()
    door = await directory.open()
  })
  after(async () => {
    await door.close()
    await directory.stop()
  })

  function backend(t: TestContext, { settings = {}, clock, log = silentLog, tls = {} }: Made = {}): LdapBackend {
    const own = clock ?? systemClock()
    const parts = { tls, clock: own, log, limitedLog: limitLog(log) }
    const made = new LdapBackend({ ...SETTINGS, port: door.port, ...settings }, parts)
    t.after(() => {
      made.close()
      own.close()
    })
    return made
  }

  const login = (made: LdapBackend, user: string, password: string | null = PASSWORD): Promise<BackendOutcome> =>
    made.authenticate({ user, password, isToken: false }, FACTS)

  async function userOf(made: LdapBackend, user: string) {
    const outcome = await login(made, user)
    assert.ok(outcome.outcome === 'ok', JSON.stringify(outcome))
    return outcome.user
  }

  describe('by the pattern of a DN', () => {
    test('are a bind', async (t) => {
      const made = backend(t)
      const { name, tags, expiresAt, renew } = await userOf(made, 'ann')
      assert.deepEqual({ name, tags, expiresAt, renew }, { name: 'ann', tags: [], expiresAt: null, renew: null })
      assert.equal(reasonOf(await login(made, 'ann', 'wrong')), "user 'ann' - invalid credentials")
      assert.equal(reasonOf(await login(made, 'nobody')), "user 'nobody' - invalid credentials")
    })

    test('are refused without a password, which would bind as nobody', async (t) => {
      assert.equal(reasonOf(await login(backend(t), 'ann', '')), "user 'ann' - unauthenticated bind not allowed")
    })

    test('take names as they are: none adds parts to the DN', async (t) => {
      const made = backend(t, { settings: { userDnPattern: `cn=\${username},dc=example,dc=com` } })
      assert.equal(reasonOf(await login(made, 'ann,ou=people')), "user 'ann,ou=people' - invalid credentials")
      assert.equal(reasonOf(await login(made, 'x,cn=ann,ou=people')), "user 'x,cn=ann,ou=people' - invalid credentials")
    })

    test('may bind by another name than the DN', async (t) => {
      const settings = {
        userDnPattern: 'cn=${ad_user}',
        userBindPattern: `cn=\${ad_user},ou=\${ad_domain},dc=example,dc=com`,
      }
      assert.equal(reasonOf(await login(backend(t, { settings }), 'people\\ann')), 'ok')
      assert.equal(
        reasonOf(await login(backend(t, { settings }), 'groups\\ann')),
        "user 'groups\\ann' - invalid credentials",
      )
    })

    test('do without a password where a certificate has said who it is', async (t) => {
      assert.equal(
        reasonOf(await login(backend(t), 'ann', null)),
        "'other_bind' set to 'as_user' but no password supplied",
      )
      assert.equal(reasonOf(await login(backend(t, { settings: { otherBind: READER } }), 'ann', null)), 'ok')
    })

    test('take no tokens', async (t) => {
      const outcome = await backend(t).authenticate({ user: '', password: 'x.y.z', isToken: true }, FACTS)
      assert.equal(reasonOf(outcome), 'the directory takes no tokens')
    })
  })

  describe('by a lookup', () => {
    const lookup = { dnLookupAttribute: 'uid', dnLookupBase: 'dc=example,dc=com', userDnPattern: '${username}' }

    for (const [how, dnLookupBind] of [
      ['a DN of its own', READER],
      ['nobody', 'anonymous'],
    ] as const) {
      test(`as ${how} find the DN first`, async (t) => {
        const made = backend(t, { settings: { ...lookup, dnLookupBind, otherBind: READER, ...ADMINS } })
        assert.deepEqual((await userOf(made, 'ann')).tags, ['administrator'])
        assert.equal(reasonOf(await login(made, 'ann', 'wrong')), "user 'ann' - invalid credentials")
        assert.equal(reasonOf(await login(made, 'nobody')), "user 'nobody' - invalid credentials")
        // there are two of them
        assert.equal(reasonOf(await login(made, 'carol')), "user 'carol' - invalid credentials")
        assert.equal(reasonOf(await login(made, '*')), "user '*' - invalid credentials")
        assert.equal(reasonOf(await login(made, 'ann', null)), 'ok')
        assert.equal(reasonOf(await login(made, 'nobody', null)), "user 'nobody' - not found")
      })
    }

    test('as the user find the DN after the bind', async (t) => {
      const settings = { ...lookup, userBindPattern: `cn=\${username},${PEOPLE}`, ...ADMINS }
      const made = backend(t, { settings })
      assert.deepEqual((await userOf(made, 'ann')).tags, ['administrator'])
      assert.deepEqual((await userOf(made, 'bob')).tags, [])
      assert.equal(reasonOf(await login(made, 'ann', 'wrong')), "user 'ann' - invalid credentials")
    })

    test('fail where the broker’s own password is wrong', async (t) => {
      const dnLookupBind = { ...READER, password: 'wrong' }
      const outcome = await login(backend(t, { settings: { ...lookup, dnLookupBind } }), 'ann')
      assert.deepEqual(outcome, { outcome: 'error', reason: 'ldap_bind_error' })
    })
  })

  const ADMINS = { tagQueries: parseErlangTerm(`[{administrator, {in_group, "cn=admins,${GROUPS}"}}]`) }

  describe('queries', () => {
    const resource = { vhost: '/', kind: 'queue', name: 'a-queue', verb: 'read' } as const
    const annDn = `cn=ann,${PEOPLE}`
    const cases: [string, boolean | string][] = [
      ['{constant, true}', true],
      ['{constant, false}', false],
      [`{in_group, "cn=admins,${GROUPS}"}`, true],
      [`{in_group, "cn=admins,${GROUPS}", "member"}`, true],
      [`{in_group, "cn=staff,${GROUPS}"}`, false],
      [`{in_group, "cn=none,${GROUPS}"}`, false],
      [`{in_group, "ou=shop-users,ou=vhosts,dc=example,dc=com", "uniqueMember"}`, true],
      [`{in_group_nested, "cn=admins,${GROUPS}"}`, true],
      [`{in_group_nested, "CN=Staff, ${GROUPS}"}`, true],
      [`{in_group_nested, "cn=staff,${GROUPS}", "member", one_level}`, true],
      [`{in_group_nested, "cn=staff,${GROUPS}", "uniqueMember"}`, false],
      [`{in_group_nested, "cn=circle-a,${GROUPS}"}`, false],
      [`{exists, "cn=admins,${GROUPS}"}`, true],
      [`{exists, "cn=\${name},${GROUPS}"}`, false],
      ['{exists, "no dn"}', 'ldap_evaluate_error'],
      [`{'not', {in_group, "cn=staff,${GROUPS}"}}`, true],
      ['{\'not\', {exists, "no dn"}}', 'ldap_evaluate_error'],
      ["{'and', [{constant, true}, {constant, true}]}", true],
      ['{\'and\', [{constant, true}, {constant, false}, {exists, "no dn"}]}', false],
      ["{'and', []}", true],
      ["{'or', [{constant, false}, {constant, true}]}", true],
      ['{\'or\', [{exists, "no dn"}, {constant, true}]}', true],
      ['{\'or\', [{exists, "no dn"}, {constant, false}]}', 'ldap_evaluate_error'],
      ["{'or', []}", false],
      ['{for, [{permission, configure, {constant, false}}, {permission, read, {constant, true}}]}', true],
      ['{for, [{resource, queue, {for, [{vhost, "/", {constant, true}}]}}]}', true],
      ['{for, [{permission, write, {constant, true}}]}', 'ldap_evaluate_error'],
      ['{for, [{nonsense, write, {constant, true}}]}', 'ldap_evaluate_error'],
      ['{equals, "${name}", "a-queue"}', true],
      ['{equals, {string, "${username}-queue"}, "a-queue"}', false],
      ['{equals, "${user_dn}", "cn=ann,ou=people,dc=example,dc=com"}', true],
      ['{equals, {attribute, "${user_dn}", "sn"}, "${username}"}', true],
      ['{equals, "^b-", {attribute, "${user_dn}", "description"}}', true],
      ['{equals, {attribute, "${user_dn}", "none"}, "x"}', false],
      ['{equals, {attribute, "cn=nobody,dc=example,dc=com", "sn"}, "x"}', false],
      ['{match, "${name}", "^a"}', true],
      ['{match, "${name}", "^b"}', false],
      ['{match, "${name}", {attribute, "${user_dn}", "description"}}', true],
      ['{match, {attribute, "${user_dn}", "description"}, "b"}', true],
      ['{match, {attribute, "${user_dn}", "description"}, {attribute, "${user_dn}", "description"}}', false],
      ['{match, {attribute, "${user_dn}", "SN"}, "^ann$"}', true],
      ['{match, "${name}", "("}', 'ldap_evaluate_error'],
      ['{match, {attribute, "${user_dn}", "employeeType"}, "ann-queue"}', false],
    ]
    for (const [query, expected] of cases) {
      test(`${query} is ${expected}`, async (t) => {
        const made = backend(t, { settings: { resourceQuery: parseErlangTerm(query) } })
        const { grants } = await userOf(made, 'ann')
        const decision = await grants.resource(resource)
        const error = `, backend rabbit_auth_backend_ldap returned an error: ${expected}`
        const wanted = typeof expected === 'string' ? { outcome: 'error', why: error } : null
        assert.deepEqual(decision, wanted ?? (expected ? { outcome: 'allowed' } : { outcome: 'refused', why: '' }))
        assert.equal(annDn, `cn=ann,${PEOPLE}`)
      })
    }

    test('go through circles of groups once', async (t) => {
      const resourceQuery = parseErlangTerm(`{in_group_nested, "cn=\${name},${GROUPS}"}`)
      const { grants } = await userOf(backend(t, { settings: { resourceQuery } }), 'bob')
      assert.equal(whyOf(await grants.resource({ ...resource, name: 'circle-a' })), 'allowed')
      assert.equal(whyOf(await grants.resource({ ...resource, name: 'admins' })), '')
    })

    test('are asked as the user, as another, or as nobody', async (t) => {
      const resourceQuery = parseErlangTerm('{equals, {attribute, "${user_dn}", "employeeType"}, "ann-queue"}')
      const allowed = async (otherBind: LdapSettings['otherBind']): Promise<string> => {
        const { grants } = await userOf(backend(t, { settings: { resourceQuery, otherBind } }), 'ann')
        return whyOf(await grants.resource(resource))
      }
      assert.equal(await allowed('as_user'), '')
      assert.equal(await allowed(READER), 'allowed')
      assert.equal(await allowed('anonymous'), '')
      // what anonymous sees: no groups
      const groups = { resourceQuery: parseErlangTerm(`{in_group, "cn=admins,${GROUPS}"}`) }
      const seen = async (otherBind: LdapSettings['otherBind']): Promise<string> => {
        const { grants } = await userOf(backend(t, { settings: { ...groups, otherBind } }), 'ann')
        return whyOf(await grants.resource(resource))
      }
      assert.deepEqual([await seen('as_user'), await seen('anonymous')], ['allowed', ''])
      const wrong = await login(
        backend(t, { settings: { ...ADMINS, otherBind: { ...READER, password: 'no' } } }),
        'ann',
      )
      assert.deepEqual(wrong, { outcome: 'error', reason: 'ldap_bind_error' })
    })

    test('know the vhost, and the routing key of a topic', async (t) => {
      const settings = {
        vhostQuery: parseErlangTerm('{in_group, "ou=${vhost}-users,ou=vhosts,dc=example,dc=com", "uniqueMember"}'),
        topicQuery: parseErlangTerm(
          '{for, [{permission, write, {match, "${routing_key}", "^${username}\\\\."}}, {permission, read, {constant, true}}]}',
        ),
      }
      const { grants } = await userOf(backend(t, { settings }), 'ann')
      assert.equal(whyOf(await grants.vhost('shop')), 'allowed')
      assert.equal(whyOf(await grants.vhost('/')), '')
      assert.equal(whyOf(await grants.vhost('shop,ou=x')), '')
      const topic = { vhost: '/', exchange: 'x', verb: 'write' } as const
      assert.equal(whyOf(await grants.topic({ ...topic, routingKey: 'ann.a' })), 'allowed')
      assert.equal(whyOf(await grants.topic({ ...topic, routingKey: 'annxa' })), '')
      assert.equal(whyOf(await grants.topic({ ...topic, verb: 'read', routingKey: 'x' })), 'allowed')
    })

    test('that need no directory do without', async (t) => {
      const { grants } = await userOf(backend(t), 'ann')
      const { opened } = door
      assert.equal(whyOf(await grants.resource(resource)), 'allowed')
      assert.equal(door.opened, opened)
    })

    test('that are none are refused at the start', (t) => {
      for (const term of ['{in_group}', '{nonsense, "x"}', '"x"', "{'and', {constant, true}}", '{constant, maybe}']) {
        const settings = { vhostQuery: parseErlangTerm(term) }
        assert.throws(
          () => backend(t, { settings }),
          /^AuthSettingsError: auth_ldap\.queries\.vhost_access: .* is not a query$/,
        )
      }
      const settings = { tagQueries: parseErlangTerm('[{administrator}]') }
      assert.throws(() => backend(t, { settings }), /auth_ldap\.queries\.tags: expected \{tag, query\}/)
    })
  })

  describe('connections', () => {
    const asking = { resourceQuery: parseErlangTerm(`{in_group, "cn=admins,${GROUPS}"}`) }
    const check = (grants: Grants): Promise<string> =>
      Promise.resolve(grants.resource({ vhost: '/', kind: 'queue', name: 'q', verb: 'read' })).then(whyOf)

    async function ownDoor(t: TestContext): Promise<Door> {
      const own = await directory.open()
      t.after(() => own.close().catch(() => {}))
      return own
    }

    test('are kept for the next who asks, until they are idle too long', async (t) => {
      const own = await ownDoor(t)
      const clock = virtualClock()
      const made = backend(t, { settings: { ...asking, port: own.port, idleTimeoutMs: 60_000 }, clock })
      for (const name of ['ann', 'bob', 'ann']) await check((await userOf(made, name)).grants)
      assert.equal(own.opened, 1)
      await clock.advance('60s')
      await eventually(() => own.connections === 0)
      assert.equal(await check((await userOf(made, 'ann')).grants), 'allowed')
      assert.equal(own.opened, 2)
    })

    test('are not kept where that is wanted', async (t) => {
      const own = await ownDoor(t)
      const made = backend(t, { settings: { port: own.port, idleTimeoutMs: 0 } })
      await userOf(made, 'ann')
      await userOf(made, 'ann')
      assert.equal(own.opened, 2)
      await eventually(() => own.connections === 0)
    })

    test('are as many as allowed, and the others wait', async (t) => {
      const own = await ownDoor(t)
      const made = backend(t, { settings: { ...asking, port: own.port, poolSize: 2 } })
      const outcomes = await Promise.all(Array.from({ length: 20 }, () => login(made, 'ann')))
      assert.ok(outcomes.every(({ outcome }) => outcome === 'ok'))
      assert.equal(own.opened, 2)
    })

    test('that the directory has closed are opened anew', async (t) => {
      const own = await ownDoor(t)
      const made = backend(t, { settings: { ...asking, port: own.port } })
      const { grants } = await userOf(made, 'ann')
      own.cut()
      await eventually(() => own.connections === 0)
      assert.equal(await check(grants), 'allowed')
      assert.equal(await check(grants), 'allowed')
    })

    test('to the first server that can be reached', async (t) => {
      const own = await ownDoor(t)
      const logged: string[] = []
      const log: Log = { ...silentLog, warn: (text, facts) => logged.push(`${text} ${String(facts?.['server'])}`) }
      const servers = ['::1', '127.0.0.1']
      assert.equal(reasonOf(await login(backend(t, { settings: { servers, port: own.port }, log }), 'ann')), 'ok')
      assert.match(logged[0]!, /^the directory server cannot be reached: .* ::1$/)
    })

    test('that cannot be had make an error of the login and of what is asked later', async (t) => {
      const own = await ownDoor(t)
      const made = backend(t, { settings: { ...asking, port: own.port } })
      const { grants } = await userOf(made, 'ann')
      const { port } = own
      await own.close()
      assert.deepEqual(await login(made, 'ann'), { outcome: 'error', reason: 'ldap_connect_error' })
      assert.equal(await check(grants), ', backend rabbit_auth_backend_ldap returned an error: ldap_connect_error')
      await own.listen(port)
      assert.equal(await check(grants), 'allowed')
    })

    test('on which nothing comes are given up in time', async (t) => {
      const own = await ownDoor(t)
      const clock = virtualClock()
      const logged: string[] = []
      const log: Log = { ...silentLog, warn: (text) => logged.push(text) }
      const made = backend(t, { settings: { port: own.port }, clock, log })
      own.silent = true
      const outcome = login(made, 'ann')
      await eventually(() => own.connections === 1)
      await clock.advance('15s')
      assert.deepEqual(await outcome, { outcome: 'error', reason: 'ldap_connect_error' })
      assert.deepEqual(logged, ['the directory gave no answer: no answer to a bind within 15000 ms'])
      await eventually(() => own.connections === 0)
      own.silent = false
      assert.equal(reasonOf(await login(made, 'ann')), 'ok')
    })

    const nonsense: [string, (socket: Socket) => void][] = [
      ['text', (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')],
      ['an endless answer', (socket) => flood(socket, Buffer.alloc(64 * 1024, 0x30))],
      ['a message that is too long', (socket) => flood(socket, Buffer.concat([LONG_HEAD, Buffer.alloc(64 * 1024)]))],
      ['thousands of empty messages', (socket) => flood(socket, Buffer.alloc(7 * 20_000, SMALL_MESSAGE))],
      ['answers to other questions', (socket) => socket.end(Buffer.from('300c02010761070a010004000400', 'hex'))],
      ['half an answer', (socket) => socket.end(Buffer.from('300c0201', 'hex'))],
      ['a number for a sequence', (socket) => socket.end(Buffer.from('300602020260010203', 'hex'))],
      ['an answer of another kind', (socket) => socket.end(Buffer.from('300c02010165070a010004000400', 'hex'))],
      ['a broken length', (socket) => socket.end(Buffer.from('3089ffffffffffffffff', 'hex'))],
    ]
    for (const [what, instead] of nonsense) {
      test(`on which ${what} comes make an error, and nothing else`, async (t) => {
        const own = await ownDoor(t)
        const clock = virtualClock()
        const made = backend(t, { settings: { port: own.port }, clock })
        own.instead = (socket) => socket.once('data', () => instead(socket))
        const outcome = login(made, 'ann')
        const late = eventually(() => own.opened >= 1).then(() => clock.advance('15s'))
        const { outcome: kind } = await outcome
        await late
        assert.equal(kind, 'error')
      })
    }
  })

  describe('over TLS', { skip: withoutOpenssl }, () => {
    let folder = ''
    let authority: Authority
    let identity: Identity
    let secured: Directory
    before(async () => {
      folder = mkdtempSync(join(tmpdir(), 'warren-ldap-tls-'))
      authority = new Authority(folder)
      identity = authority.issue('ldap', '/CN=localhost', 'DNS:localhost')
      secured = await Directory.start({ ...identity, caFile: authority.caFile })
    })
    after(async () => {
      await secured.stop()
      rmSync(folder, { recursive: true, force: true })
    })

    for (const security of ['tls', 'starttls'] as const) {
      test(`by ${security} check the certificate`, async (t) => {
        const own = await secured.open(security === 'tls' ? identity : null)
        t.after(() => own.close())
        const settings = { servers: ['localhost'], port: own.port, security, ...ADMINS }
        const trusting = backend(t, { settings, tls: { ca: authority.ca } })
        assert.deepEqual((await userOf(trusting, 'ann')).tags, ['administrator'])
        assert.equal(reasonOf(await login(trusting, 'ann', 'wrong')), "user 'ann' - invalid credentials")
        const strict = backend(t, { settings })
        assert.deepEqual(await login(strict, 'ann'), { outcome: 'error', reason: 'ldap_connect_error' })
        const elsewhere = backend(t, { settings: { ...settings, servers: ['127.0.0.1'] }, tls: { ca: authority.ca } })
        assert.deepEqual(await login(elsewhere, 'ann'), { outcome: 'error', reason: 'ldap_connect_error' })
        const careless = backend(t, { settings, tls: { rejectUnauthorized: false } })
        assert.equal(reasonOf(await login(careless, 'ann')), 'ok')
        // and go on after the directory has closed it
        own.cut()
        await eventually(() => own.connections === 0)
        assert.deepEqual((await userOf(trusting, 'ann')).tags, ['administrator'])
      })
    }

    test('are refused by a directory that has none', async (t) => {
      const outcome = await login(backend(t, { settings: { security: 'starttls' } }), 'ann')
      assert.deepEqual(outcome, { outcome: 'error', reason: 'ldap_connect_error' })
    })
  })

  test('tell what they do where that is wanted, and no password', async (t) => {
    const logged: string[] = []
    const log: Log = { ...silentLog, info: (text) => logged.push(text) }
    const made = backend(t, { settings: { log: 'network', ...ADMINS }, log })
    const { grants } = await userOf(made, 'ann')
    await grants.vhost('/')
    assert.deepEqual(logged.slice(0, 2), [
      'LDAP CHECK: login for ann',
      `LDAP     network traffic: search {"base":"cn=admins,${GROUPS}","scope":"base","filter":{"attribute":"member","value":"cn=ann,${PEOPLE}"},"attributes":["objectClass"]}`,
    ])
    assert.ok(logged.includes('LDAP DECISION: vhost "/" for "ann": allowed'))
    assert.doesNotMatch(logged.join('\n'), new RegExp(PASSWORD))
  })
})

/** Of a message of almost 4 GiB. */
const LONG_HEAD = Buffer.from('3084fffffff0', 'hex')
/** An answer without content. */
const SMALL_MESSAGE = Buffer.from('30050201076100', 'hex')

function flood(socket: Socket, chunk: Buffer): void {
  socket.on('error', () => {})
  const more = (): void => {
    if (!socket.destroyed) socket.write(chunk, more)
  }
  more()
}
