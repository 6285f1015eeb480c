import assert from 'node:assert/strict'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { COMMANDS } from '../../src/cli/ctl/registry.ts'
import { runCtl } from '../../src/cli/ctl/run.ts'
import { createCliHost } from '../../src/command-line.ts'
import { runWarren, startWarren, temporaryFolder, type WarrenProcess } from '../support/warren-process.ts'
import { bufferTerminal } from './support/buffer-terminal.ts'

// What operators do to a node that runs, with both of them processes of their own.

interface Answer {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

const ctl = (t: TestContext, warren: WarrenProcess, ...args: readonly string[]): Promise<Answer> =>
  runWarren(t, ['ctl', ...args], { env: { WARREN_URL: warren.url('HTTP') } })

/** @returns what it prints */
async function done(t: TestContext, warren: WarrenProcess, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await ctl(t, warren, ...args)
  assert.equal(code, 0, `${args.join(' ')}: ${stderr}`)
  assert.equal(stderr, '')
  return stdout
}

describe('warren ctl and a node', () => {
  test('sets limits, which hold at once', async (t) => {
    const warren = await startWarren(t)
    await done(t, warren, 'set_vm_memory_high_watermark', 'absolute', '0')
    const { code, stderr } = await ctl(t, warren, 'check_local_alarms')
    assert.equal(code, 69)
    assert.match(stderr, /memory/i)
    await done(t, warren, 'set_vm_memory_high_watermark', '0.9')
    await done(t, warren, 'check_local_alarms')
    await done(t, warren, 'set_disk_free_limit', '123MB')
    assert.match(await done(t, warren, 'status', '--unit', 'mb'), /^Low free disk space watermark: 123.0 mb$/m)
    const wrong = await ctl(t, warren, 'set_disk_free_limit', '1 parsec')
    assert.equal(wrong.code, 65)
  })

  test('holds publishers where the disk is low, and lets them go on', async (t) => {
    const warren = await startWarren(t, ['--data-dir', join(temporaryFolder(t), 'data')])
    await done(t, warren, 'set_disk_free_limit', '1PB')
    assert.equal((await ctl(t, warren, 'check_local_alarms')).code, 69)
    await done(t, warren, 'set_disk_free_limit', '1MB')
    await done(t, warren, 'check_local_alarms')
  })

  test('sets the level of the log, and opens its file anew', async (t) => {
    const file = join(temporaryFolder(t), 'warren.log')
    const warren = await startWarren(t, ['--log-file', file, '--log-level', 'info'])
    await done(t, warren, 'set_log_level', 'error')
    const quiet = readFileSync(file, 'utf8')
    await done(t, warren, 'set_vm_memory_high_watermark', '0.5')
    assert.equal(readFileSync(file, 'utf8'), quiet)
    await done(t, warren, 'set_log_level', 'debug')
    assert.match(readFileSync(file, 'utf8').slice(quiet.length), /settings changed .*log_level=debug/)
    renameSync(file, `${file}.1`)
    await done(t, warren, 'rotate_logs')
    await done(t, warren, 'set_log_level', 'info')
    assert.match(await done(t, warren, 'log_tail', '-N', '1'), /\[info\] settings changed .*log_level=info\n$/)
    assert.ok(existsSync(file), 'there is a new file')
    assert.match(readFileSync(file, 'utf8'), /log_level=info/)
  })

  test('shows configuration and environment, and no secret', async (t) => {
    const folder = temporaryFolder(t)
    const config = join(folder, 'warren.conf')
    writeFileSync(config, 'default_pass = sesame\nheartbeat = 17\n')
    const env = { RABBITMQ_DEFAULT_PASS: 'open-sesame', WARREN_CHANNEL_MAX: '99', WARREN_PROTOCOLS: undefined }
    const warren = await startWarren(t, ['--config', config, '--protocols', 'amqp'], { env })
    const ask = (...args: readonly string[]): Promise<Answer> =>
      runWarren(t, [...args, '--password', 'open-sesame'], { env: { WARREN_URL: warren.url('HTTP') } })
    const text = await ask('ctl', 'environment')
    assert.match(text.stdout, /^heartbeat = 17$/m)
    assert.match(text.stdout, /^channel_max = 99$/m)
    assert.match(text.stdout, /^default_pass = \(hidden\)$/m)
    const json = await ask('ctl', 'environment', '--formatter', 'json')
    assert.equal((JSON.parse(json.stdout) as Record<string, unknown>)['default_pass'], null)
    const variables = await ask('diagnostics', '-q', 'os_env')
    assert.deepEqual(variables.stdout.trimEnd().split('\n').toSorted(), [
      'RABBITMQ_DEFAULT_PASS=(hidden)',
      'WARREN_CHANNEL_MAX=99',
    ])
    for (const { stdout, stderr } of [text, json, variables]) assert.doesNotMatch(stdout + stderr, /sesame/)
  })

  test('stops it, and waits until it is gone', async (t) => {
    for (const command of ['stop', 'shutdown']) {
      const warren = await startWarren(t)
      await done(t, warren, command)
      assert.deepEqual(await warren.exited, { code: 0, signal: null })
      assert.match(warren.stderr, /stopping by="a request of guest"/)
      const again = await ctl(t, warren, command)
      assert.equal(again.code, 69)
      assert.match(again.stderr, /unable to perform an operation on the node/)
      const waited = await ctl(t, warren, 'await_startup', '--timeout', '1')
      assert.equal(waited.code, 69)
      assert.match(waited.stderr, /the node has not started/)
    }
  })

  test('puts it into maintenance mode, which ends with a word or with the process', async (t) => {
    const warren = await startWarren(t)
    const upgrade = (...args: readonly string[]): Promise<Answer> =>
      runWarren(t, ['upgrade', ...args], { env: { WARREN_URL: warren.url('HTTP') } })
    const drained = await upgrade('drain')
    assert.match(drained.stdout, /^Will put node \S+ into maintenance mode\. The node will no longer serve any client/)
    assert.equal(drained.code, 0)
    assert.match(await done(t, warren, 'status'), /^Is under maintenance\?: true$/m)
    assert.match(await done(t, warren, 'cluster_status'), /^Node: \S+, status: marked for maintenance$/m)
    await done(t, warren, '-q', 'check_running')
    assert.equal((await ctl(t, warren, 'check_port_connectivity')).code, 69, 'as of RabbitMQ')
    await done(t, warren, 'consume_event_stream', '--timeout', '1')
    const { stdout } = await upgrade('revive', '--formatter', 'json')
    assert.match(stdout, /^\{"node":"[^"]+","result":"ok"\}\n$/)
    await done(t, warren, 'check_port_connectivity')
    assert.match(await done(t, warren, 'status'), /^Is under maintenance\?: false$/m)
  })

  test('does nothing for who is no administrator', async (t) => {
    const warren = await startWarren(t)
    await done(t, warren, 'add_user', 'watcher', 'watcher')
    await done(t, warren, 'set_user_tags', 'watcher', 'monitoring')
    const as = ['--user', 'watcher', '--password', 'watcher']
    for (const args of [
      ['stop'],
      ['drain'],
      ['revive'],
      ['environment'],
      ['rotate_logs'],
      ['set_log_level', 'debug'],
    ]) {
      assert.equal((await ctl(t, warren, ...args, ...as)).code, 77, args.join(' '))
    }
    assert.match(await done(t, warren, 'ping'), /succeeded/)
  })
})

/** Commands that do nothing without a thing to do it to, or that end with the node or never. */
const NEEDS_MORE = new Set(['stop', 'shutdown', 'enable', 'disable', 'wait', 'log_tail_stream', 'consume_event_stream'])

test('the node knows everything that a command without arguments asks for', async (t) => {
  const warren = await startWarren(t)
  const commands = COMMANDS.filter(
    ({ name, isRefused, arguments: all = [] }) =>
      isRefused !== true && !NEEDS_MORE.has(name) && all.every(({ optional }) => optional === true),
  )
  assert.ok(commands.length > 50, `${commands.length} commands`)
  const input: Readonly<Record<string, string>> = { import_definitions: '{}', hash_password: 'secret' }
  const failed: string[] = []
  for (const { name } of commands) {
    const terminal = bufferTerminal(input[name])
    const code = await runCtl('ctl', ['--url', warren.url('HTTP'), name], createCliHost('0.0.0'), terminal)
    if (code !== 0) failed.push(`${name}: ${code} ${terminal.stderr}`)
  }
  assert.deepEqual(failed, [])
})
