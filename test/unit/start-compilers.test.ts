import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'

const MODULE = new URL('../../src/telemetry/start-compilers.ts', import.meta.url).href

test('nothing is optimized until it may be', () => {
  const program = `
    import { holdBackCompilers } from ${JSON.stringify(MODULE)}
    const letThemWork = holdBackCompilers()
    const heat = (hot) => {
      let sum = 0
      for (let i = 0; i < 1_000_000; i++) sum += hot(i)
      return sum
    }
    heat(function early(i) { return i % 7 })
    letThemWork()
    heat(function late(i) { return i % 7 })`
  const { stdout, stderr } = spawnSync(process.execPath, ['--trace-opt', '--input-type=module', '-e', program], {
    encoding: 'utf8',
  })
  assert.equal(stderr, '')
  const optimized = (name: string): boolean => new RegExp(`compiling method \\S+ <JSFunction ${name} `).test(stdout)
  assert.deepEqual([optimized('early'), optimized('late')], [false, true], stdout)
})
