import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { runCtl } from '../../src/cli/ctl/run.ts'
import { bufferTerminal } from '../cli/support/buffer-terminal.ts'
import { type TestBroker, withBroker } from '../support/with-broker.ts'

const MIN_LENGTH = [
  '--credential-validator-validation-backend',
  'rabbit_credential_validator_min_password_length',
  '--credential-validator-min-length',
  '6',
  '--default-pass',
  'guest12',
]
const REGEXP = [
  '--credential-validator-validation-backend',
  'rabbit_credential_validator_password_regexp',
  '--credential-validator-regexp',
  '^[a-z]{4,}\\d+$',
  '--default-pass',
  'guest12',
]

/** In place of what is said of a password: RabbitMQ's clients know the reason, people want the detail. */
const refusal = (detail: string): unknown => ({
  error: 'bad_request',
  reason: 'credential_validation_failed',
  detail,
})
const TOO_SHORT = 'minimum required password length is 6'
const NO_MATCH = 'provided password does not match the validator regular expression'

async function api({ server }: TestBroker, method: string, path: string, body: unknown): Promise<[number, unknown]> {
  const response = await fetch(`${server.urls.http[0]}/api/${path}`, {
    method,
    headers: { authorization: `Basic ${Buffer.from('guest:guest12').toString('base64')}` },
    body: JSON.stringify(body),
  })
  const text = await response.text()
  return [response.status, text === '' ? null : JSON.parse(text)]
}

async function ctl({ server }: TestBroker, ...args: string[]): Promise<[number, string]> {
  const terminal = bufferTerminal()
  const host = { version: '0.0.0', describeNode: () => assert.fail('the address was given'), commands: () => [] }
  const url = server.urls.http[0]!.replace('//', '//guest:guest12@')
  const code = await runCtl('ctl', ['--url', url, ...args], host, terminal)
  return [code, terminal.stderr]
}

describe('rabbit_credential_validator_min_password_length', () => {
  test('is for passwords of the HTTP API', () =>
    withBroker({ flags: MIN_LENGTH }, async (broker) => {
      const put = (body: object) => api(broker, 'PUT', 'users/u', { tags: '', ...body })
      for (const body of [{ password: 'abcde' }, { password: '' }, { password: 'éé' }, {}]) {
        assert.deepEqual(await put(body), [400, refusal(TOO_SHORT)], JSON.stringify(body))
      }
      assert.equal(broker.server.broker.users.get('u'), undefined)
      assert.deepEqual(await put({ password: 'abcdef' }), [201, null])
      assert.deepEqual(await put({ password: 'ééé' }), [204, null], 'bytes count')
      assert.deepEqual(await put({ password_hash: '' }), [204, null], 'a hash tells nothing')
    }))

  test('is for definitions', () =>
    withBroker({ flags: MIN_LENGTH }, async (broker) => {
      const post = (user: object) => api(broker, 'POST', 'definitions', { users: [{ name: 'u', tags: '', ...user }] })
      assert.deepEqual(await post({ password: 'abc' }), [400, refusal(`${TOO_SHORT} (u)`)])
      assert.deepEqual(await post({}), [400, refusal(`${TOO_SHORT} (u)`)])
      assert.deepEqual(await post({ password: 'abcdef' }), [204, null])
      assert.deepEqual(await post({ password_hash: 'abcd' }), [204, null])
    }))

  test('is for the command line, which is told why', () =>
    withBroker({ flags: MIN_LENGTH }, async (broker) => {
      const refused: [number, string] = [69, `Error:\n${TOO_SHORT}\n`]
      assert.deepEqual(await ctl(broker, 'add_user', 'u', 'abc'), refused)
      assert.deepEqual(await ctl(broker, 'add_user', 'u', ''), refused)
      assert.deepEqual(await ctl(broker, 'add_user', 'u', 'abcdef'), [0, ''])
      assert.deepEqual(await ctl(broker, 'change_password', 'u', 'abc'), refused)
      assert.deepEqual(await ctl(broker, 'change_password', 'u', 'fedcba'), [0, ''])
      assert.deepEqual(await ctl(broker, 'clear_password', 'u'), [0, ''])
    }))

  test('is for the default user, without whom the broker does not start', async () => {
    const flags = MIN_LENGTH.slice(0, -2)
    await assert.rejects(
      withBroker({ flags }, async () => {}),
      { name: 'ConfigError', message: /default_pass: minimum required password length is 6/ },
    )
  })
})

describe('rabbit_credential_validator_password_regexp', () => {
  test('takes what matches', () =>
    withBroker({ flags: REGEXP }, async (broker) => {
      const put = (password: string) => api(broker, 'PUT', 'users/u', { tags: '', password })
      assert.deepEqual(await put('abcd'), [400, refusal(NO_MATCH)])
      assert.deepEqual(await put('abcd1'), [201, null])
      assert.deepEqual(await ctl(broker, 'change_password', 'u', 'ABC'), [69, `Error:\n${NO_MATCH}\n`])
    }))
})

describe('without a validator', () => {
  test('every password is good, and none at all', () =>
    withBroker({ flags: ['--default-pass', 'guest12'] }, async (broker) => {
      assert.deepEqual(await ctl(broker, 'add_user', 'u', ''), [0, ''])
      assert.equal(broker.server.broker.users.get('u')!.passwordHash, '')
      assert.deepEqual(await ctl(broker, 'change_password', 'u', 'x'), [0, ''])
      assert.deepEqual(await api(broker, 'PUT', 'users/v', { tags: '' }), [201, null])
    }))
})
