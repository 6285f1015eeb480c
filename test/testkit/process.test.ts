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
      console.log(loaded.filter((url) => /pino|ws|sqlite|node:https?$|node:worker_threads/.test(url)).join())
    `)
    assert.equal(stdout, '\n')
  })
})

test('the types say what there is', async () => {
  const folder = await mkdtemp(join(root, 'test', 'testkit', 'types-'))
  try {
    await writeFile(
      join(folder, 'sample.ts'),
      `import { startBroker, virtualClock, type WarrenBroker } from 'warrenmq'

const broker = await startBroker({ port: 0, config: { heartbeat: 5 }, users: [{ name: 'u', password: 'p' }] })
broker.url satisfies string
broker.port satisfies number
broker.managementUrl satisfies string | undefined
broker.clock.now() satisfies number
// @ts-expect-error only a virtual clock moves
await broker.clock.advance('30m')

const timed = await startBroker({ clock: virtualClock() })
await timed.clock.advance('30m')
const general: WarrenBroker = timed
general.queue('q').ready satisfies number

const message = await broker.get('q')
// @ts-expect-error there may be none
message.body
message?.json<{ id: number }>().id satisfies number | undefined
const { routed } = await broker.publish('', 'q', { id: 1 }, { headers: { a: 1 }, expiration: 1000 })
routed satisfies boolean
// @ts-expect-error a number is no body
await broker.publish('', 'q', 1)
// @ts-expect-error there are only these two
broker.setAlarm('cpu', true)
// @ts-expect-error there is no such option
await startBroker({ prot: 1 })
`,
    )
    await writeFile(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ extends: '../../../tsconfig.json', include: ['*.ts'] }),
    )
    const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
    const { stdout } = await run(process.execPath, [compiler, '-p', folder], { timeout: LIFE_MAX_MS }).catch(
      (error: { stdout: string }) => error,
    )
    assert.equal(stdout, '')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
