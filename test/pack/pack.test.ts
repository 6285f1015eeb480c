import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

// What a user gets: the package is built, packed, installed elsewhere, and used from there as a command and as a library.

const run = promisify(execFile)
const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
/** npm's own settings of the run that this test is part of would otherwise reach the npm that it starts. */
const env = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('npm_package_'))),
  PATH: [dirname(process.execPath), process.env['PATH']].join(delimiter),
}
const UNREACHABLE = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ENOTCACHED/

describe('the package', () => {
  let folder = ''
  let unreachable = false

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'warrenmq-pack-'))
    const packed = await run('npm', ['pack', '--pack-destination', folder, '--loglevel=error'], { cwd: root, env })
    const tarball = packed.stdout.trim().split('\n').at(-1)!
    await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'user', private: true, type: 'module' }))
    try {
      const args = ['install', `./${tarball}`, '--prefer-offline', '--fetch-retries=1', '--loglevel=error']
      await run('npm', args, { cwd: folder, env })
    } catch (error) {
      if (!UNREACHABLE.test((error as { stderr?: string }).stderr ?? '')) throw error
      unreachable = true
    }
  })

  after(() => rm(folder, { recursive: true, force: true }))

  /** Skips, by name, where the package's dependencies cannot be fetched. */
  const installed = (name: string, body: () => Promise<void>): void => {
    test(name, async (t) => {
      if (unreachable) t.skip('the package registry cannot be reached')
      else await body()
    })
  }

  /** What the compiler says. */
  const compile = async (file: string, module: string): Promise<string> => {
    const compilerOptions = {
      target: 'es2024',
      module,
      strict: true,
      noEmit: true,
      // An application has these installed; here they are borrowed.
      typeRoots: [join(root, 'node_modules', '@types')],
      types: ['node'],
    }
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: [file] }))
    const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
    const { stdout } = await run(process.execPath, [compiler, '-p', '.'], { cwd: folder, env }).catch(
      (error: { stdout: string }) => error,
    )
    return stdout
  }

  installed('starts by its command and greets an AMQP client', async () => {
    const args = ['warren', 'start', '--memory', '--port', '0', '--management-port', '0', '--prometheus-port', 'none']
    // A group of its own: npx, its shell and the broker end together whatever happens.
    const child = spawn('npx', ['--no-install', ...args], { cwd: folder, env, detached: true, stdio: 'pipe' })
    try {
      const port = await announcedPort(child)
      const greeting = await greet(port)
      assert.equal(greeting.readUInt8(0), 1, 'a method frame')
      assert.equal(greeting.readUInt16BE(1), 0, 'on channel 0')
      assert.deepEqual([greeting.readUInt16BE(7), greeting.readUInt16BE(9)], [10, 10], 'connection.start')
    } finally {
      const closed = once(child, 'close')
      if (child.exitCode === null && child.signalCode === null) {
        process.kill(-child.pid!, 'SIGTERM')
        await closed
      }
    }
  })

  installed('is found by its own name, as npx looks for it', async () => {
    const { stdout } = await run('npx', ['--no-install', 'warrenmq', '--version'], { cwd: folder, env })
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string }
    assert.ok(stdout.includes(version), stdout)
  })

  installed('is imported by a script', async () => {
    await writeFile(
      join(folder, 'script.mjs'),
      `import { startBroker } from 'warrenmq'\nconsole.log(typeof startBroker)\n`,
    )
    const { stdout } = await run(process.execPath, ['script.mjs'], { cwd: folder, env })
    assert.equal(stdout, 'function\n')
  })

  installed('is required by a CommonJS script', async () => {
    await writeFile(
      join(folder, 'script.cjs'),
      `const { startBroker, virtualClock, BrokerError } = require('warrenmq')
console.log(typeof startBroker, typeof virtualClock, typeof BrokerError)
`,
    )
    const { stdout } = await run(process.execPath, ['script.cjs'], { cwd: folder, env })
    assert.equal(stdout, 'function function function\n')
  })

  installed('brings its types for CommonJS, all of them', async () => {
    await writeFile(
      join(folder, 'typed.cts'),
      `import warrenmq = require('warrenmq')
import { BrokerError, startBroker, virtualClock, type WarrenBroker } from 'warrenmq'
type All = Omit<typeof import('warrenmq', { with: { 'resolution-mode': 'import' } }), never>
export const all: All = warrenmq
export const kindOf = (error: unknown): string | null => (error instanceof BrokerError ? error.kind : null)
type Clock = ReturnType<typeof virtualClock>
export const start = (): Promise<WarrenBroker<Clock>> => startBroker({ clock: virtualClock() })
// @ts-expect-error
export const missing = (broker: WarrenBroker): unknown => broker.noSuchThing
`,
    )
    assert.equal(await compile('typed.cts', 'node16'), '')
  })

  installed('brings the types for plugins in CommonJS, all of them', async () => {
    await writeFile(
      join(folder, 'plugin.cts'),
      `import entry = require('warrenmq/plugin')
import { BrokerError, definePlugin, longstr, QuietSink, type Plugin, type Table } from 'warrenmq/plugin'
type All = Omit<typeof import('warrenmq/plugin', { with: { 'resolution-mode': 'import' } }), never>
export const all: All = entry
export const kindOf = (error: unknown): string | null => (error instanceof BrokerError ? error.kind : null)
export const table: Table = new Map([['a', longstr('b')]])
export class Sink extends QuietSink {}
export const plugin: Plugin = definePlugin({ name: 'x', register() {} })
// @ts-expect-error
export const missing: Plugin = definePlugin({ name: 'x', regsiter() {} })
`,
    )
    assert.equal(await compile('plugin.cts', 'node16'), '')
  })

  installed('brings its types', async () => {
    await writeFile(
      join(folder, 'typed.ts'),
      `import { startBroker } from 'warrenmq'
type Broker = Awaited<ReturnType<typeof startBroker>>
// Not any: a name that is not there is an error.
// @ts-expect-error
export const missing = (broker: Broker): unknown => broker.noSuchThing
`,
    )
    assert.equal(await compile('typed.ts', 'nodenext'), '')
  })

  installed('contains what is built and nothing else', async () => {
    const { stdout } = await run('npm', ['pack', '--dry-run', '--ignore-scripts', '--json', '--loglevel=error'], {
      cwd: root,
      env,
    })
    const [listing] = Object.values(JSON.parse(stdout) as Record<string, { files: { path: string }[] }>)
    const strangers = listing!.files
      .map(({ path }) => path)
      .filter((path) => !/^(dist\/.+|LICENSE|README(\.zh-CN)?\.md|package\.json)$/.test(path))
    assert.deepEqual(strangers, [])
  })
})

/** Waits for the command to say that it is ready; it prints the addresses before that. */
async function announcedPort(child: ChildProcess): Promise<number> {
  let output = ''
  child.stderr!.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const ended = once(child, 'close').then(() => Promise.reject(new Error(`it ended before it was ready:\n${output}`)))
  const ready = new Promise<void>((resolve) => {
    child.stdout!.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      if (/is ready/.test(output)) resolve()
    })
  })
  ended.catch(() => {}) // it also ends, and rejects, once the test is over
  await Promise.race([ready, ended])
  const port = /amqp:\/\/[^\s/]*:(\d+)/.exec(output)?.[1]
  assert.ok(port, `no address in:\n${output}`)
  return Number(port)
}

/** The first frame that the broker sends to a client that speaks AMQP 0-9-1, without its rest. */
async function greet(port: number): Promise<Buffer> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    socket.write('AMQP\0\0\x09\x01', 'latin1')
    let received = Buffer.alloc(0)
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      received = Buffer.concat([received, chunk])
      if (received.length >= 11) break
    }
    return received
  } finally {
    socket.destroy()
  }
}
