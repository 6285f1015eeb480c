import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { loadConfig } from '../../src/config/load.ts'
import { problemsOf } from '../support/config-problems.ts'

const load = (lines: readonly string[], advanced: string | null = null) =>
  loadConfig({
    argv: ['--config', '/etc/w/warren.conf'],
    env: {},
    readFile: (path) =>
      path.endsWith('warren.conf') ? lines.join('\n') : path.endsWith('advanced.config') ? advanced : null,
    readDir: () => null,
  }).auth.credentialValidator

const BACKEND = 'credential_validator.validation_backend'

describe('credential_validator', () => {
  test('takes everything unless it is set', () => {
    assert.deepEqual(load([]), { kind: 'rabbit_credential_validator_accept_everything', bytesMin: 5, pattern: null })
  })

  test("has RabbitMQ's keys", () => {
    assert.deepEqual(
      load([`${BACKEND} = rabbit_credential_validator_min_password_length`, 'credential_validator.min_length = 30']),
      { kind: 'rabbit_credential_validator_min_password_length', bytesMin: 30, pattern: null },
    )
    assert.deepEqual(
      load([`${BACKEND} = rabbit_credential_validator_password_regexp`, 'credential_validator.regexp = ^[a-z]+\\d$']),
      { kind: 'rabbit_credential_validator_password_regexp', bytesMin: 5, pattern: '^[a-z]+\\d$' },
    )
  })

  test('can be in advanced.config', () => {
    const text = `[{rabbit, [{credential_validator, [
      {validation_backend, rabbit_credential_validator_password_regexp},
      {regexp, "^\\\\d+$"}]}]}].`
    assert.deepEqual(load([], text), {
      kind: 'rabbit_credential_validator_password_regexp',
      bytesMin: 5,
      pattern: '^\\d+$',
    })
  })

  test('is refused where it makes no sense', () => {
    assert.deepEqual(
      problemsOf(() => load([`${BACKEND} = rabbit_credential_validator_password_regexp`])),
      ['credential_validator: needs credential_validator.regexp'],
    )
    assert.deepEqual(
      problemsOf(() => load([`${BACKEND} = mine`, 'credential_validator.regexp = [a'])),
      [
        "/etc/w/warren.conf line 1: credential_validator.validation_backend: 'mine' is not one of " +
          'rabbit_credential_validator_accept_everything, rabbit_credential_validator_min_password_length, ' +
          'rabbit_credential_validator_password_regexp',
        "/etc/w/warren.conf line 2: credential_validator.regexp: '[a' is not a regular expression: " +
          '{"missing terminating ] for character class",2}',
      ],
    )
  })
})
