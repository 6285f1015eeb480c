import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, type TestContext, test } from 'node:test'
import { SignJWT, UnsecuredJWT } from 'jose'
import { type VirtualClock, virtualClock } from '../../src/util/virtual-clock.ts'
import { Authority, withoutOpenssl } from '../support/certificates.ts'
import { channelOf, connectAs, endOf, errorOf, outcomeOfLogin } from '../support/login-clients.ts'
import { type Claims, newKey, type SigningKey, TokenIssuer } from '../support/token-issuer.ts'
import { eventually, startTestBroker, type TestBroker } from '../support/with-broker.ts'

const REFUSED =
  'ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile.'
const FACTS = { loopback: true, protocol: 'http', address: '127.0.0.1' }
const EVERYTHING = 'rabbitmq.configure:*/* rabbitmq.write:*/*/* rabbitmq.read:*/*/*'

interface Given {
  readonly issuer: TokenIssuer
  readonly broker: TestBroker
  readonly clock: VirtualClock
  /** A token for an hour, with what is said otherwise. */
  token(claims?: Claims, key?: SigningKey): Promise<string>
}

async function start(
  t: TestContext,
  more: readonly string[] | ((issuer: TokenIssuer) => string[]) = [],
): Promise<Given> {
  const issuer = await TokenIssuer.start()
  const clock = virtualClock()
  const keys = typeof more === 'function' ? more(issuer) : [`--auth-oauth2-jwks-uri=${issuer.url}/keys`, ...more]
  const flags = ['--auth-backends', 'oauth2', '--auth-oauth2-resource-server-id', 'rabbitmq', ...keys]
  const broker = await startTestBroker({ flags: ['--heartbeat', '0', ...flags], clock })
  t.after(async () => {
    await broker.server.stop('test')
    await issuer.stop()
  })
  return { issuer, broker, clock, token: (claims, key) => issuer.sign({ ...defaults(clock), ...claims }, key) }
}

const seconds = (clock: VirtualClock): number => Math.floor(clock.now() / 1000)

const defaults = (clock: VirtualClock): Claims => ({
  aud: 'rabbitmq',
  sub: 'ann',
  scope: EVERYTHING,
  exp: seconds(clock) + 3600,
})

const asHolder = (t: TestContext, { broker }: Given, password: string) =>
  connectAs(t, broker.port, { user: 'whoever', password })

/** Why the last login was refused. */
async function reasonFor({ broker }: Given, token: string): Promise<string> {
  const outcome = await broker.server.authenticator.authenticateToken(token, FACTS)
  return outcome.outcome === 'ok'
    ? 'ok'
    : outcome.reason.replace('Authentication using an OAuth 2/JWT token failed: ', '')
}

describe('logins by a token', () => {
  test('are those of the name in it, whatever name the client gives', async (t) => {
    const given = await start(t)
    const token = await given.token({ scope: `${EVERYTHING} rabbitmq.tag:management rabbitmq.tag:ops other.tag:x` })
    const channel = await channelOf(await asHolder(t, given, token))
    await channel.assertQueue('q')
    const [connection] = given.broker.server.broker.connections
    assert.deepEqual(connection!.user, { name: 'ann', tags: ['management', 'ops'] })
    const attempts = given.broker.server.authenticator.attempts.byProtocol()
    assert.deepEqual(attempts, [{ protocol: 'amqp091', succeeded: 1, failed: 0 }])
    assert.equal(await reasonFor(given, token), 'ok')
  })

  test('are allowed what the scopes say', async (t) => {
    const given = await start(t)
    const scope =
      'rabbitmq.configure:%2F/q-* rabbitmq.write:%2F/amq.topic/a.* rabbitmq.write:%2F/q-* rabbitmq.read:%2F/amq.topic/a.#'
    const connection = await asHolder(t, given, await given.token({ scope }))
    const channel = await channelOf(connection)
    await channel.assertQueue('q-1')
    await channel.bindQueue('q-1', 'amq.topic', 'a.#')
    channel.publish('amq.topic', 'a.b', Buffer.from('x'))
    await eventually(async () => (await channel.checkQueue('q-1')).messageCount === 1)
    const topic = errorOf(channel)
    channel.publish('amq.topic', 'b', Buffer.from('x'))
    assert.match(await topic, /write access to topic 'b' in exchange 'amq\.topic' in vhost '\/' refused for user 'ann'/)
    const other = await channelOf(connection)
    const refused = errorOf(other)
    await assert.rejects(() => other.assertQueue('p-1'))
    assert.match(await refused, /configure access to queue 'p-1' in vhost '\/' refused for user 'ann'"$/)
    const elsewhere = await given.token({ scope: 'rabbitmq.read:other/*' })
    const outcome = await outcomeOfLogin(given.broker.port, { user: '', password: elsewhere })
    assert.equal(outcome, "NOT_ALLOWED - access to vhost '/' refused for user 'ann'")
  })

  test('are refused where the token is not good', async (t) => {
    const given = await start(t)
    const { issuer, clock, broker } = given
    const claims = defaults(clock)
    const [key] = issuer.keys
    const unsigned = new UnsecuredJWT({ ...claims }).encode()
    const pem = Buffer.from(key!.publicKey.export({ format: 'pem', type: 'spki' }))
    const confused = await new SignJWT({ ...claims }).setProtectedHeader({ alg: 'HS256', kid: 'key-1' }).sign(pem)
    const bad: [string, string | Promise<string>, string | RegExp][] = [
      ['no token', 'secret', 'provided token is invalid'],
      ['nothing', '', 'provided token is invalid'],
      ['too long', 'x'.repeat(200_000), 'provided token is too long'],
      ['expired', given.token({ exp: seconds(clock) }), /^the token has expired/],
      ['without an end', given.token({ exp: undefined }), 'missing required "exp" claim'],
      ['with a strange end', given.token({ exp: 'soon' }), '"exp" claim must be a number'],
      ['not valid yet', given.token({ nbf: seconds(clock) + 60 }), '"nbf" claim timestamp check failed'],
      ['for another', given.token({ aud: 'other' }), 'the audience matches no resource server'],
      ['for nobody', given.token({ aud: undefined }), 'the token has no audience'],
      ['by another key', given.token({}, { ...newKey('key-1'), kid: 'key-1' }), 'signature_invalid'],
      ['by an unknown key', given.token({}, newKey('key-9')), 'key_not_found'],
      ['unsigned', unsigned, /no key/],
      ['signed with the public key', confused, /./],
    ]
    for (const [what, token, reason] of bad) {
      const text = await token
      const found = await reasonFor(given, text)
      if (typeof reason === 'string') assert.equal(found, reason, what)
      else assert.match(found, reason, what)
      assert.notEqual(found, 'ok', what)
      if (text.length < 1000)
        assert.equal(await outcomeOfLogin(broker.port, { user: 'ann', password: text }), REFUSED, what)
    }
  })

  test('take the algorithms that are named, and no others', async (t) => {
    const given = await start(t, ['--auth-oauth2-algorithms', 'RS256'])
    given.issuer.keys = [newKey('ec'), newKey('rsa', 'RS256')]
    assert.match(await reasonFor(given, await given.token()), /alg/)
    assert.equal(await reasonFor(given, await given.token({}, given.issuer.keys[1])), 'ok')
  })

  test('end with the token', async (t) => {
    const given = await start(t)
    const connection = await asHolder(t, given, await given.token({ exp: seconds(given.clock) + 60 }))
    const end = endOf(connection)
    await given.clock.advance('59s')
    assert.equal(given.broker.server.broker.connections.size, 1)
    await given.clock.advance('1s')
    assert.match(await end, /320 \(CONNECTION-FORCED\) with message "CONNECTION_FORCED - credential expired"/)
    await eventually(() => given.broker.server.broker.connections.size === 0)
  })
})

describe('a new token in place of the old one', () => {
  test('goes on after the end of the old one, until its own', async (t) => {
    const given = await start(t)
    const { clock } = given
    const connection = await asHolder(t, given, await given.token({ exp: seconds(clock) + 60 }))
    const channel = await channelOf(connection)
    await channel.assertQueue('q')
    await clock.advance('50s')
    await connection.updateSecret(Buffer.from(await given.token({ exp: seconds(clock) + 60 })), 'it ends soon')
    await clock.advance('50s')
    await channel.checkQueue('q')
    const end = endOf(connection)
    await clock.advance('10s')
    assert.match(await end, /credential expired/)
  })

  test('says from then on what is allowed, and who the tags are of', async (t) => {
    const given = await start(t)
    const connection = await asHolder(t, given, await given.token({ scope: `${EVERYTHING} rabbitmq.tag:a` }))
    const channel = await channelOf(connection)
    await channel.assertQueue('kept')
    await channel.assertQueue('lost')
    const cancelled: string[] = []
    for (const queue of ['kept', 'lost']) {
      await channel.consume(queue, (message) => {
        if (message === null) cancelled.push(queue)
      })
    }
    const less = await given.token({ scope: 'rabbitmq.read:%2F/kept rabbitmq.tag:b' })
    await connection.updateSecret(Buffer.from(less), 'less')
    await eventually(() => cancelled.length === 1)
    assert.deepEqual(cancelled, ['lost'])
    const core = given.broker.server.broker
    assert.deepEqual([...core.connections][0]!.user, { name: 'ann', tags: ['b'] })
    assert.equal(core.vhosts.get('/')!.queues.get('lost')!.consumerCount, 0)
    const error = errorOf(channel)
    channel.sendToQueue('kept', Buffer.from('x'))
    assert.match(await error, /write access to exchange 'amq\.default' in vhost '\/' refused for user 'ann'/)
    await connection.updateSecret(Buffer.from(await given.token()), 'more')
    await (await channelOf(connection)).assertQueue('kept')
  })

  test('is refused where it is not good, or another’s', async (t) => {
    const given = await start(t)
    for (const claims of [{ exp: seconds(given.clock) - 1 }, { sub: 'bob' }, { aud: 'other' }]) {
      const connection = await asHolder(t, given, await given.token())
      const error = errorOf(connection)
      connection.updateSecret(Buffer.from(await given.token(claims)), 'try').catch(() => {})
      assert.match(
        await error,
        /530 \(NOT-ALLOWED\) with message "NOT_ALLOWED - New secret was refused by one of the backends"/,
      )
    }
  })

  test('is any secret for the broker’s own users', async (t) => {
    const broker = await startTestBroker()
    t.after(() => broker.server.stop('test'))
    const connection = await connectAs(t, broker.port, { user: 'guest', password: 'guest' })
    await connection.updateSecret(Buffer.from('anything'), 'why not')
  })
})

describe('the keys of tokens', () => {
  test('are fetched when one is unknown, but not for each made-up one', async (t) => {
    const given = await start(t)
    const { issuer, clock } = given
    assert.equal(await reasonFor(given, await given.token()), 'ok')
    assert.equal(await reasonFor(given, await given.token()), 'ok')
    assert.deepEqual(issuer.asked, ['/keys'])
    const next = newKey('key-2')
    issuer.keys.push(next)
    assert.equal(await reasonFor(given, await given.token({}, next)), 'key_not_found')
    await clock.advance('10s')
    assert.equal(await reasonFor(given, await given.token({}, next)), 'ok')
    for (let i = 0; i < 10; i++) await reasonFor(given, await given.token({}, newKey(`made-up-${i}`)))
    assert.deepEqual(issuer.asked, ['/keys', '/keys'])
  })

  test('are fetched anew from time to time: one that is withdrawn is good no more', async (t) => {
    const given = await start(t)
    const { issuer, clock } = given
    const [old] = issuer.keys
    assert.equal(await reasonFor(given, await given.token({}, old)), 'ok')
    issuer.keys = [newKey('key-2')]
    await clock.advance('10m')
    assert.equal(await reasonFor(given, await given.token({}, old)), 'ok')
    await eventually(async () => (await reasonFor(given, await given.token({}, old))) === 'key_not_found')
  })

  test('are asked for once by all who wait for them', async (t) => {
    const given = await start(t)
    const token = await given.token()
    const reasons = await Promise.all(Array.from({ length: 5 }, () => reasonFor(given, token)))
    assert.deepEqual(reasons, ['ok', 'ok', 'ok', 'ok', 'ok'])
    assert.deepEqual(given.issuer.asked, ['/keys'])
  })

  test('are found by the issuer', async (t) => {
    const given = await start(t, (issuer) => [`--auth-oauth2-issuer=${issuer.url}/`])
    assert.equal(await reasonFor(given, await given.token()), 'ok')
    assert.deepEqual(given.issuer.asked, ['/.well-known/openid-configuration', '/keys'])
  })

  test('may be in files, and one may be the default', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'warren-keys-'))
    t.after(() => rmSync(folder, { recursive: true, force: true }))
    const [one, two] = [newKey('one'), newKey('two')]
    const lines = [one, two].map(({ kid, publicKey }) => {
      writeFileSync(join(folder, kid), publicKey.export({ format: 'pem', type: 'spki' }))
      return `auth_oauth2.signing_keys.${kid} = ${join(folder, kid)}`
    })
    const file = join(folder, 'warren.conf')
    writeFileSync(file, [...lines, 'auth_oauth2.default_key = two'].join('\n'))
    const given = await start(t, () => ['--config', file])
    assert.equal(await reasonFor(given, await given.token({}, one)), 'ok')
    assert.equal(await reasonFor(given, await given.token({}, two)), 'ok')
    const claims = { ...defaults(given.clock) }
    const nameless = await new SignJWT(claims).setProtectedHeader({ alg: 'ES256' }).sign(two.privateKey)
    assert.equal(await reasonFor(given, nameless), 'ok')
    assert.equal(await reasonFor(given, await given.token({}, newKey('three'))), 'key_not_found')
  })

  test('are kept while the issuer is down', async (t) => {
    const given = await start(t)
    assert.equal(await reasonFor(given, await given.token()), 'ok')
    given.issuer.instead = (response) => response.writeHead(503).end()
    await given.clock.advance('20m')
    for (let i = 0; i < 3; i++) assert.equal(await reasonFor(given, await given.token()), 'ok')
  })

  const nonsense: [string, (issuer: TokenIssuer) => TokenIssuer['instead'], RegExp][] = [
    ['a status', () => (response) => response.writeHead(500).end(), /^signing keys cannot be fetched: status 500$/],
    ['no JSON', () => (response) => response.end('<html>'), /the answer is not JSON/],
    ['null', () => (response) => response.end('null'), /the answer is not JSON/],
    ['no keys', () => (response) => response.end('{}'), /the answer has no keys/],
    [
      'strange keys',
      () => (response) => response.end('{"keys":[1,null,{"kid":"key-1"},{"kid":"key-1","kty":"EC"}]}'),
      /key_not_found/,
    ],
    [
      'a secret',
      () => (response) => response.end('{"keys":[{"kid":"key-1","kty":"oct","k":"c2VjcmV0"}]}'),
      /key_not_found/,
    ],
    [
      'too much',
      () => (response) => response.end(JSON.stringify({ keys: 'x'.repeat(2_000_000) })),
      /the answer is too long/,
    ],
    ['a cut', () => (response) => response.socket!.destroy(), /connection closed/],
  ]
  for (const [what, instead, reason] of nonsense) {
    test(`are none where ${what} comes, and the next time it may be better`, async (t) => {
      const given = await start(t)
      given.issuer.instead = instead(given.issuer)
      assert.match(await reasonFor(given, await given.token()), reason)
      given.issuer.instead = null
      await given.clock.advance('10s')
      assert.equal(await reasonFor(given, await given.token()), 'ok')
    })
  }

  test('are waited for only so long', async (t) => {
    const given = await start(t)
    given.issuer.instead = () => {}
    const reason = reasonFor(given, await given.token())
    await eventually(() => given.issuer.asked.length === 1)
    await given.clock.advance('15s')
    assert.equal(await reason, 'signing keys cannot be fetched: no answer within 15000 ms')
  })
})

describe('tokens of several issuers', { skip: withoutOpenssl }, () => {
  let folder = ''
  let authority: Authority
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'warren-oauth2-'))
    authority = new Authority(folder)
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  test('are read by the settings of the server that they are for', async (t) => {
    const other = await TokenIssuer.start(authority.issue('issuer', '/CN=localhost', 'DNS:localhost'))
    t.after(() => other.stop())
    const file = join(folder, 'warren.conf')
    const lines = [
      'auth_oauth2.resource_servers.b.id = rabbit-b',
      "auth_oauth2.resource_servers.b.scope_prefix = 'api://'",
      'auth_oauth2.resource_servers.b.additional_scopes_key = roles',
      'auth_oauth2.resource_servers.b.preferred_username_claims.1 = email',
      'auth_oauth2.resource_servers.b.oauth_provider_id = other',
      `auth_oauth2.oauth_providers.other.jwks_uri = ${other.url}/keys`,
      `auth_oauth2.oauth_providers.other.https.cacertfile = ${authority.caFile}`,
      'auth_oauth2.scope_aliases.reader = api://read:*/* api://tag:monitoring',
    ]
    writeFileSync(file, lines.join('\n'))
    const given = await start(t, (issuer) => [`--auth-oauth2-jwks-uri=${issuer.url}/keys`, '--config', file])
    const claims = { ...defaults(given.clock), aud: ['rabbit-b'], email: 'ann@b.example', scope: '', roles: ['reader'] }
    const outcome = await given.broker.server.authenticator.authenticateToken(await other.sign(claims), FACTS)
    assert.ok(outcome.outcome === 'ok', JSON.stringify(outcome))
    assert.deepEqual([outcome.identity.name, outcome.identity.tags], ['ann@b.example', ['monitoring']])
    outcome.identity.authorizer.requireVhost('any')
    assert.equal(await reasonFor(given, await given.token()), 'ok')
    // a key of one is none of the other's
    assert.equal(await reasonFor(given, await given.issuer.sign(claims)), 'signature_invalid')
  })

  test('are refused where the issuer’s certificate is nobody’s', async (t) => {
    const other = await TokenIssuer.start(authority.issue('strange', '/CN=localhost', 'DNS:localhost'))
    t.after(() => other.stop())
    const given = await start(t, () => [`--auth-oauth2-jwks-uri=${other.url}/keys`])
    const token = await other.sign(defaults(given.clock))
    assert.match(await reasonFor(given, token), /^signing keys cannot be fetched: /)
    const careless = ['--auth-oauth2-https-peer-verification', 'verify_none']
    const lax = await start(t, () => [`--auth-oauth2-jwks-uri=${other.url}/keys`, ...careless])
    assert.equal(await reasonFor(lax, token), 'ok')
  })
})
