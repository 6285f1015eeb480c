import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

// Each as its user runs it, but for the name of the package, which leads to the sources here.

const run = promisify(execFile)
const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const folder = join('examples', 'testing')
const LIFE_MAX_MS = 110_000
/** Without what tells a test runner that it is run by another one. */
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(NODE_TEST|VITEST)/.test(name)))

/** What node prints, or what it printed before it failed. */
async function node(...args: string[]): Promise<string> {
  const { stdout, stderr } = await run(process.execPath, args, { cwd: root, env, timeout: LIFE_MAX_MS }).catch(
    (error: { stdout: string; stderr: string }) => error,
  )
  return stdout + stderr
}

describe('the examples of tests', () => {
  for (const [name, passing] of [
    ['node-test.test.ts', 2],
    ['nestjs.test.ts', 3],
  ] as const) {
    test(`${name} passes`, async () => {
      const output = await node('--conditions=warren-source', '--test', '--test-reporter=tap', join(folder, name))
      assert.match(output, new RegExp(`^# pass ${passing}$`, 'm'), output)
      assert.match(output, /^# fail 0$/m, output)
    })
  }

  test('vitest.test.ts and jest.test.mjs pass', async () => {
    const vitest = join('node_modules', 'vitest', 'vitest.mjs')
    const output = await node(vitest, 'run', '--config', join(folder, 'vitest.config.ts'), '--reporter=tap-flat')
    assert.equal(output.match(/^ok \d+ - /gm)?.length, 3, output)
    assert.doesNotMatch(output, /^not ok/m, output)
  })

  test('are all run', () => {
    assert.deepEqual(readdirSync(join(root, folder)).toSorted(), [
      'jest.test.mjs',
      'nestjs.test.ts',
      'node-test.test.ts',
      'order-service.ts',
      'vitest.config.ts',
      'vitest.test.ts',
    ])
  })
})
