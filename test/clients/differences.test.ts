import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { DIFFERENCES } from './differences.ts'

test('every difference that is listed is one that a scenario meets', () => {
  const files = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.test.ts'))
  const scenarios = files.map((name) => readFileSync(join(import.meta.dirname, name), 'utf8')).join('\n')
  const unused = Object.keys(DIFFERENCES).filter((name) => !scenarios.includes(`'${name}'`))
  assert.deepEqual(unused, [])
})
