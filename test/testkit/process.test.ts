import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
/** A process that does not end by itself is killed then, and the test fails. */
const LIFE_MAX_MS = 60_000

const node = (script: string): Promise<{ stdout: string }> =>
  run(process.execPath, ['--conditions=warren-source', '--input-type=module', '--eval', script], {
    cwd: root,
    timeout: LIFE_MAX_MS,
  })

const CLIENT = `
  const connection = await amqp.connect(broker.url)
  const channel = await connection.createChannel()
  await channel.assertQueue('q', { arguments: { 'x-message-ttl': 3600000, 'x-expires': 3600000 } })
  channel.sendToQueue('q', Buffer.from('x'))
  await channel.consume('q', () => {})
`

describe('a process', () => {
  for (const [name, options] of [
    ['in memory', '{}'],
    ['with a data folder', '{ dataDir }'],
    ['with an HTTP port', '{ managementPort: 0 }'],
    ['with a virtual clock', '{ clock: virtualClock() }'],
    ['that watches its resources', '{ watchResources: true }'],
  ] as const) {
    test(`${name} ends by itself after stop(), with clients still connected`, async () => {
      const folder = await mkdtemp(join(tmpdir(), 'warren-testkit-'))
      try {
        const { stdout } = await node(`
          import amqp from 'amqplib'
          import { startBroker, virtualClock } from 'warrenmq'
          const dataDir = ${JSON.stringify(folder)}
          const broker = await startBroker(${options})
          ${CLIENT}
          await broker.sendToQueue('q', 'y')
          await broker.stop()
          console.log(process.getActiveResourcesInfo().filter((name) => /Timeout|Server|Worker|Port/.test(name)).join())
        `)
        assert.equal(stdout, '\n')
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    })
  }

  test('hears of an error in a stand-in, whose message is rejected', async () => {
    const { stdout } = await node(`
      import { startBroker } from 'warrenmq'
      const heard = new Promise((resolve) => process.once('unhandledRejection', resolve))
      const broker = await startBroker()
      await broker.declareQueue('dead')
      const toDead = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' }
      await broker.declareQueue('q', { arguments: toDead })
      await broker.consume('q', () => {
        throw new Error('handler failed')
      })
      await broker.sendToQueue('q', 'x')
      console.log((await heard).message, (await broker.waitForMessages('dead')).length)
      await broker.stop()
    `)
    assert.equal(stdout, 'handler failed 1\n')
  })

  test('hears of a result of a stand-in that means nothing', async () => {
    const { stdout } = await node(`
      import { startBroker } from 'warrenmq'
      const heard = new Promise((resolve) => process.once('unhandledRejection', resolve))
      const broker = await startBroker()
      await broker.declareQueue('q')
      await broker.consume('q', () => 'nack')
      await broker.sendToQueue('q', 'x')
      console.log(String(await heard))
      await broker.assertEmpty('q')
      await broker.stop()
    `)
    assert.equal(
      stdout,
      "TypeError: consume: 'result of the handler' is 'nack': give 'ack', 'reject', 'requeue' or nothing\n",
    )
  })

  test('does not load what a broker in memory has no use for', async () => {
    const { stdout } = await node(`
      import { registerHooks } from 'node:module'
      const loaded = []
      registerHooks({
        load(url, context, next) {
          loaded.push(url)
          return next(url, context)
        },
      })
      const { startBroker } = await import('warrenmq')
      const broker = await startBroker()
      await broker.stop()
      console.log(loaded.filter((url) => /pino|\\bws\\b|sqlite|node:https?$|node:worker_threads/.test(url)).join())
    `)
    assert.equal(stdout, '\n')
  })
})

test('the types say what there is', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'warren-testkit-'))
  try {
    const config = {
      extends: join(root, 'tsconfig.json'),
      compilerOptions: { typeRoots: [join(root, 'node_modules', '@types')] },
      files: [join(root, 'test', 'testkit', 'types-sample.ts')],
      include: [],
    }
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config))
    const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
    const { stdout } = await run(process.execPath, [compiler, '-p', folder], { timeout: LIFE_MAX_MS }).catch(
      (error: { stdout: string }) => error,
    )
    assert.equal(stdout, '')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
