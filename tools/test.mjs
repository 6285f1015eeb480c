// `npm test` and its parts. Without arguments: all checks, then all tests. `check` runs the checks alone; names of folders
// in test/ (`unit`, `clients` ...) or paths of test files run those alone; flags go to node's test runner. `gate` looks whether
// the message path has collapsed, which continuous integration does with everything else.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isRecentEnough } from './ensure-installed.mjs'

const TEST_TIMEOUT_MS = 120_000
/** The whole run: only a test that never gives the event loop back gets here. */
const RUN_TIMEOUT_MS = 45 * 60_000

const root = dirname(dirname(fileURLToPath(import.meta.url)))
process.chdir(root)
const programs = join(root, 'node_modules', '.bin')
const node = isRecentEnough(process.versions.node) ? process.execPath : join(programs, 'node')
// So that tests and tools find the project's own programs and the same Node.js, with or without npm's help.
process.env.PATH = [dirname(node), programs, process.env.PATH].join(delimiter)
// Brokers that tests start as a command would meet each other on the standard ports of the other protocols.
process.env.WARREN_PROTOCOLS ??= 'amqp'

const flags = process.argv.slice(2).filter((argument) => argument.startsWith('-'))
const names = process.argv.slice(2).filter((argument) => !argument.startsWith('-'))
const failed = []

if (names.length === 0 || names.includes('check')) runChecks()
// Before the tests, which want all cores for themselves.
if (names.includes('gate') || (names.length === 0 && process.env.CI)) run('speed', node, ['bench/macro/gate.ts'])
const parts = names.filter((name) => name !== 'check' && name !== 'gate')
if (names.length === 0) runTests(['test/**/*.test.ts'])
else if (parts.length > 0) runTests(parts.map(toPattern))

if (failed.length > 0) {
  console.error(`\nFailed: ${failed.join(', ')}`)
  process.exit(1)
}

function runChecks() {
  run('format', 'oxfmt', ['--check', '.'])
  run('lint', 'oxlint', ['.'])
  run('types', 'tsc', ['--noEmit', '-p', '.'])
  run('types of the console', 'tsc', ['--noEmit', '-p', 'ui'])
  run('types of its tests', 'tsc', ['--noEmit', '-p', 'test/ui'])
  for (const name of readdirSync('tools').toSorted()) {
    if (/^generate-.*\.ts$/.test(name)) run(`generated files (${name})`, node, [`tools/${name}`, '--check'])
  }
}

function runTests(patterns) {
  run('tests', node, [
    '--disable-warning=ExperimentalWarning',
    '--import=./tools/test-guard.mjs',
    '--test',
    `--test-timeout=${TEST_TIMEOUT_MS}`,
    `--test-concurrency=${Math.max(2, availableParallelism())}`,
    '--test-reporter=./tools/test-reporter.mjs',
    '--test-reporter-destination=stdout',
    ...flags,
    ...patterns,
  ])
}

function toPattern(name) {
  const folder = join('test', name)
  if (existsSync(folder) && statSync(folder).isDirectory()) return `${folder}/**/*.test.ts`
  if (existsSync(name) && statSync(name).isFile()) return name
  console.error(`${name} is neither a folder of test/ nor a file`)
  process.exit(64)
}

/** Goes on after a failure: one run should tell everything that is wrong. */
function run(step, command, args) {
  const started = Date.now()
  const { status, error, signal } = spawnSync(command, args, {
    stdio: ['ignore', 'inherit', 'inherit'],
    timeout: RUN_TIMEOUT_MS,
  })
  if (status === 0) {
    if (step !== 'tests') console.log(`✔ ${step} (${((Date.now() - started) / 1000).toFixed(1)} s)`)
    return
  }
  if (error || signal) console.error(`${step}: ${error?.message ?? signal}`)
  failed.push(step)
}
