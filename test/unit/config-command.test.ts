import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

function warren(args: string[], env: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8', env })
  return { status, stdout, stderr }
}

test('without a command, and with help, the usage is shown', () => {
  for (const args of [[], ['help'], ['--help']]) {
    const { status, stdout } = warren(args)
    assert.equal(status, 0)
    assert.match(stdout, /Usage:\n {2}warren start/)
  }
})

test('the version is that of the package', () => {
  const { status, stdout } = warren(['--version'])
  assert.equal(status, 0)
  assert.match(stdout, /^\d+\.\d+\.\d+/)
})

test('an older Node.js is told which one is needed: the one that the package asks for', () => {
  const { engines } = createRequire(main)('../package.json') as { engines: { node: string } }
  const needed = engines.node.replace('>=', '')
  const [major, minor] = needed.split('.').map(Number) as [number, number]
  const runOn = (node: string) => {
    const pretend = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${node}' } })`
    const args = ['--import', `data:text/javascript,${encodeURIComponent(pretend)}`, main, '--version']
    return spawnSync(process.execPath, args, { encoding: 'utf8', env: {} })
  }
  for (const node of [`${major}.${minor - 1}.9`, `${major - 2}.99.0`]) {
    const { status, stderr } = runOn(node)
    assert.deepEqual([status, stderr], [69, `warren: this needs Node.js ${needed} or later, and runs on ${node}\n`])
  }
  assert.equal(runOn(`${needed}.0`).status, 0)
  assert.equal(runOn(`${major + 1}.0.0`).status, 0)
})

test('what was compiled is kept in the cache of the user, where there is one', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'warren-cache-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const kept = (path: string): number => readdirSync(path, { recursive: true }).length
  for (const name of ['XDG_CACHE_HOME', 'HOME']) {
    const home = join(dir, name)
    assert.equal(warren(['--version'], { [name]: home }).status, 0)
    assert.ok(kept(name === 'HOME' ? join(home, '.cache', 'warrenmq') : join(home, 'warrenmq')) > 10, name)
  }
  const file = join(dir, 'file')
  writeFileSync(file, '')
  const { status, stderr } = warren(['--version'], { XDG_CACHE_HOME: file })
  assert.deepEqual({ status, stderr }, { status: 0, stderr: '' })
})

test('start --help lists the options', () => {
  const { status, stdout } = warren(['start', '--port', '1', '--help'])
  assert.equal(status, 0)
  assert.match(stdout, /--data-dir PATH\n/)
})

test('ping --help lists the options that say where the broker is', () => {
  const { status, stdout } = warren(['ping', '--help'])
  assert.equal(status, 0)
  assert.match(stdout, /^Usage: warren ping /)
  for (const flag of ['config', 'bind', 'port', 'tls-port']) assert.match(stdout, new RegExp(`^ {2}--${flag} `, 'm'))
  assert.doesNotMatch(stdout, /--data-dir/)
})

test('wrong usage and a wrong configuration have exit codes of their own', () => {
  assert.deepEqual(warren(['strat']), {
    status: 64,
    stdout: '',
    stderr: "warren: there is no command 'strat' (did you mean 'start'?); see warren help\n",
  })
  assert.deepEqual(warren(['start', '--prot', '1']), {
    status: 64,
    stdout: '',
    stderr: 'warren: flag --prot: is not known (did you mean --port?)\n',
  })
  const { status, stderr } = warren(['start'], { WARREN_HEARTBEAT: 'soon', RABBITMQ_SSL_CERTFILE: '/c.pem' })
  assert.equal(status, 78)
  assert.match(stderr, /^warren: environment variable RABBITMQ_SSL_CERTFILE: .*\nwarren: .*WARREN_HEARTBEAT: 'soon'/)
})
