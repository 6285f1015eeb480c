import assert from 'node:assert/strict'
import { ConfigError } from '../../src/config/errors.ts'

/** What is wrong with a configuration that has to be refused. */
export function problemsOf(load: () => unknown): readonly string[] {
  try {
    load()
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error))
    return error.problems
  }
  return assert.fail('the configuration was accepted')
}
