import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { startWarren, temporaryFolder } from '../support/warren-process.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

test('a link with the name of one of RabbitMQ’s tools is that tool', async (t) => {
  const warren = await startWarren(t)
  const folder = temporaryFolder(t)
  const call = async (name: string, ...args: string[]): Promise<string> => {
    const link = join(folder, name)
    symlinkSync(MAIN, link)
    const env = { ...process.env, WARREN_URL: warren.url('HTTP') }
    return (await promisify(execFile)(process.execPath, [link, ...args], { env })).stdout
  }
  assert.equal(await call('rabbitmqctl', '-q', 'list_vhosts'), 'name\n/\n')
  assert.match(await call('rabbitmq-diagnostics', 'ping'), /^Ping succeeded$/m)
  assert.match(await call('rabbitmq-plugins', 'list', '-E', '-m', '-q'), /^rabbitmq_shovel$/m)
  // Each has its own commands, not all of them.
  await assert.rejects(call('rabbitmq-queues', 'list_vhosts'), { code: 64 })
  assert.match(await call('warren', 'help'), /^WarrenMQ is a message broker/)
  assert.match(await call('rabbitmq-perf', 'help'), /^WarrenMQ is a message broker/)
})
