import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type ConfirmChannel, connect } from 'amqplib'
import { classic } from '../../src/core/queues/classic.ts'
import { startBroker } from '../../src/index.ts'
import { definePlugin, type Plugin, type QueueType } from '../../src/plugins/index.ts'
import { loadPlugin } from '../../src/plugins/load.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const EXAMPLE = ['--plugins', './examples/plugin']

/** The command, as a user runs it */
class Command {
  readonly child: ChildProcess
  readonly #lines: AsyncIterableIterator<string>

  constructor(args: readonly string[]) {
    const argv = ['src/main.ts', 'start', '--port', '0', '--management-port', '0', '--prometheus-port', 'none', ...args]
    this.child = spawn(process.execPath, argv, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#lines = createInterface(this.child.stdout!)[Symbol.asyncIterator]()
  }

  async url(name: string): Promise<string> {
    for (;;) {
      const line = await this.#lines.next()
      if (line.done === true) throw new Error(`no ${name} in the output`)
      const [key, url] = line.value.trim().split(/\s{2,}/)
      if (key === name) return url!
    }
  }

  async stop(): Promise<void> {
    this.child.kill()
    if (this.child.exitCode === null) await once(this.child, 'exit')
  }
}

describe('plugins', () => {
  let folder = ''

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'warren-plugins-'))
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  test('the example shares messages out by weight, stamps them, and tells it over HTTP', async () => {
    const config = join(folder, 'rabbitmq.conf')
    await writeFile(config, 'warren.plugins.1 = ./examples/plugin\nplugin.weighted.stamp = shop\n')
    const command = new Command(['--memory', '--config', config])
    try {
      const connection = await connect(await command.url('AMQP'))
      const http = await command.url('HTTP')
      const channel = await connection.createConfirmChannel()
      await channel.assertExchange('x', 'x-weighted')
      for (const [queue, weight] of [['three', '3'] as const, ['one', '1'] as const]) {
        await channel.assertQueue(queue)
        await channel.bindQueue(queue, 'x', weight)
      }
      for (let i = 0; i < 8; i++) channel.publish('x', '', Buffer.from(String(i)))
      await channel.waitForConfirms()
      assert.equal((await channel.checkQueue('three')).messageCount, 6)
      const first = await channel.get('one', { noAck: true })
      assert.deepEqual({ ...(first as { properties: { headers: object } }).properties.headers }, { 'x-shop': 'shop' })
      const headers = { authorization: `Basic ${Buffer.from('guest:guest').toString('base64')}` }
      const answer = await fetch(`${http}/api/weighted/%2F/x`, { headers })
      assert.deepEqual(await answer.json(), [
        { queue: 'three', weight: 3, messages: 6 },
        { queue: 'one', weight: 1, messages: 2 },
      ])
      assert.equal((await fetch(`${http}/api/weighted/%2F/x`)).status, 401)
      channel.on('error', () => {}) // the broker closes it
      await assert.rejects(channel.bindQueue('one', 'x', 'heavy'), /a binding's key is a weight/)
      await connection.close()
    } finally {
      await command.stop()
    }
  })

  test('an exchange of a type whose plugin is gone keeps its bindings for the day it is back', async () => {
    const start = (args: string[]) => new Command(['--data-dir', join(folder, 'data'), ...args])
    const use = async (args: string[], body: string, expected: string | false): Promise<void> => {
      const command = start(args)
      try {
        const connection = await connect(await command.url('AMQP'))
        const channel = await connection.createConfirmChannel()
        if (args.length > 0) {
          await channel.assertExchange('x', 'x-weighted')
          await channel.assertQueue('q')
          await channel.bindQueue('q', 'x', '1')
        }
        channel.publish('x', '', Buffer.from(body))
        await channel.waitForConfirms()
        const got = await channel.get('q', { noAck: true })
        assert.equal(got === false ? got : got.content.toString(), expected)
        await connection.close()
      } finally {
        await command.stop()
      }
    }
    await use(EXAMPLE, 'with it', 'with it')
    await use([], 'without it', false)
    await use(EXAMPLE, 'with it again', 'with it again')
  })

  test('one that cannot be loaded keeps the broker from starting, and says why', async () => {
    await writeFile(join(folder, 'empty.mjs'), 'export default {}\n')
    await writeFile(join(folder, 'broken.mjs'), 'throw new Error("broken on purpose")\n')
    await writeFile(join(folder, 'name.mjs'), 'export default { name: "a b", start() {} }\n')
    await writeFile(join(folder, 'start.mjs'), 'export default { name: "a", start: 5 }\n')
    await writeFile(join(folder, 'misspelt.mjs'), 'export default { name: "a", regsiter() {} }\n')
    const cases: [args: string[], expected: RegExp][] = [
      [['--plugins', 'no-such-package'], /plugin 'no-such-package' cannot be loaded: Cannot find module/],
      [
        ['--plugins', join(folder, 'empty.mjs')],
        /is no plugin: its default export has to be what definePlugin returns/,
      ],
      [['--plugins', join(folder, 'broken.mjs')], /cannot be loaded: broken on purpose/],
      [
        ['--plugins', join(folder, 'name.mjs')],
        /is no plugin: its name, 'a b', may have letters, digits, - and _ only/,
      ],
      [['--plugins', join(folder, 'start.mjs')], /is no plugin: start has to be a function/],
      [['--plugins', join(folder, 'misspelt.mjs')], /is no plugin: it has no function register, start or stop/],
      [['--plugins', 'examples/plugin'], /\(a path begins with \.\/, as in \.\/examples\/plugin\)/],
      [['--plugins', './examples/plugin,./examples/plugin'], /two plugins have the same name/],
    ]
    for (const [args, expected] of cases) {
      const { child } = new Command(['--memory', ...args])
      const [stderr] = await Promise.all([text(child.stderr!), once(child, 'exit')])
      assert.match(stderr, expected)
      assert.equal(child.exitCode, 78)
    }
  })

  test('may be compiled for CommonJS from a default export', async () => {
    const code = `Object.defineProperty(exports, '__esModule', { value: true })
exports.default = require('warrenmq/plugin').definePlugin({ name: 'compiled', register() {} })
`
    await writeFile(join(folder, 'compiled.cjs'), code)
    assert.equal((await loadPlugin('./compiled.cjs', folder)).name, 'compiled')
  })

  test('are packages that may be required or only imported', async () => {
    const exported = [{ main: 'index.js' }, { exports: './index.js' }, { exports: { import: './index.js' } }]
    for (const [i, where] of exported.entries()) {
      const name = `warrenmq-plugin-${i}`
      const home = join(folder, 'node_modules', name)
      await mkdir(home, { recursive: true })
      await writeFile(join(home, 'package.json'), JSON.stringify({ name, type: 'module', ...where }))
      const code = `import { definePlugin } from 'warrenmq/plugin'\nexport default definePlugin({ name: 'p${i}', start() {} })\n`
      await writeFile(join(home, 'index.js'), code)
      assert.equal((await loadPlugin(name, folder)).name, `p${i}`)
    }
  })

  test('add queue types that clients may ask for, with the arguments of classic queues', async () => {
    const urgent: QueueType = {
      ...classic,
      name: 'urgent',
      levels: () => 2,
      // what begins with ! goes first
      levelOf: (message) => (message.body()[0] === 0x21 ? 1 : 0),
    }
    const plugin = definePlugin({ name: 'urgent', register: ({ queueType }) => queueType(urgent) })
    const dataDir = join(folder, 'data')
    const lives: ((channel: ConfirmChannel) => Promise<void>)[] = [
      async (channel) => {
        const settings = { arguments: { 'x-queue-type': 'urgent', 'x-max-length': 3 } }
        await channel.assertQueue('q', settings)
        await channel.assertQueue('q', settings)
        for (const body of ['a', 'b', '!c']) channel.sendToQueue('q', Buffer.from(body), { persistent: true })
        await channel.waitForConfirms()
        channel.on('error', () => {}) // the broker closes it
        await assert.rejects(channel.assertQueue('q', { arguments: { 'x-queue-type': 'urgent' } }), /inequivalent arg/)
      },
      async (channel) => {
        for (const expected of ['!c', 'a', 'b']) {
          const message = await channel.get('q', { noAck: true })
          assert.equal(message === false ? message : message.content.toString(), expected)
        }
        channel.on('error', () => {})
        const wrong = { arguments: { 'x-queue-type': 'urgent', 'x-max-length': 'many' } }
        await assert.rejects(channel.assertQueue('p', wrong), /invalid arg 'x-max-length'/)
      },
    ]
    for (const live of lives) {
      const broker = await startBroker({ plugins: [plugin], dataDir })
      try {
        const connection = await connect(broker.url)
        await live(await connection.createConfirmChannel())
        await connection.close()
      } finally {
        await broker.stop()
      }
    }
  })

  test('cannot take the place of what is there', async () => {
    const cases: [register: NonNullable<Plugin['register']>, reason: RegExp][] = [
      [({ parameterComponent }) => parameterComponent({ name: 'shovel', validate: () => [] }), /component 'shovel' is/],
      [
        ({ exchangeType }) => exchangeType({ name: 'topic', cacheable: true, create: () => assert.fail() }),
        /type 'topic' is/,
      ],
      [({ queueType }) => queueType({ name: 'mine' } as never), /queue type 'mine' has no function levels\(\)/],
      [({ queueType }) => queueType(undefined as never), /a queue type has no name/],
    ]
    for (const [register, reason] of cases) {
      const starting = startBroker({ plugins: [definePlugin({ name: 'a', register })] })
      await assert.rejects(starting, ({ message }: Error) => {
        assert.match(message, reason)
        assert.match(message, /^plugin 'a' cannot be registered: /)
        return true
      })
    }
  })

  test('start in their order, hear what happens, and stop in the opposite order', async () => {
    const told: string[] = []
    const plugin = (name: string, more: Partial<Plugin> = {}): Plugin =>
      definePlugin({
        name,
        register: () => void told.push(`${name} registers`),
        start: ({ onEvent }) => {
          told.push(`${name} starts`)
          onEvent((event) => told.push(`${name} hears ${event.name}`), ['queue.created'])
        },
        stop: () => void told.push(`${name} stops`),
        ...more,
      })
    const broker = await startBroker({ plugins: [plugin('a'), plugin('b')] })
    await broker.declareQueue('q')
    await broker.stop()
    const expected = ['registers', 'starts', 'hears queue.created'].flatMap((what) => [`a ${what}`, `b ${what}`])
    assert.deepEqual(told.splice(0), [...expected, 'b stops', 'a stops'])
    const failing = plugin('b', { start: () => Promise.reject(new Error('no luck')) })
    await assert.rejects(startBroker({ plugins: [plugin('a'), failing] }), /plugin 'b' cannot be started: no luck/)
    assert.deepEqual(told, ['a registers', 'b registers', 'a starts', 'a stops'])
  })
})
