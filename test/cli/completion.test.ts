import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { complete } from '../../src/cli/completion/complete.ts'
import { SHELLS } from '../../src/cli/completion/scripts.ts'
import { CTL_NAMES, TOP_COMMANDS } from '../../src/cli/top-commands.ts'
import { TOOLS } from '../../src/cli/tools/index.ts'
import { createCliHost } from '../../src/command-line.ts'
import { startBroker, type WarrenBroker } from '../../src/index.ts'
import { runWarren } from '../support/warren-process.ts'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const host = createCliHost('0.0.0')

/** The words that are offered where the last one is being typed. */
async function offered(...words: string[]): Promise<readonly string[] | 'files'> {
  const candidates = await complete(words, host)
  return candidates === 'files' ? candidates : candidates.map(({ word }) => word)
}

describe('the completion of a command line', () => {
  test('knows every command', async () => {
    const top = TOP_COMMANDS.map(({ word }) => word)
    assert.deepEqual(await offered(''), top)
    const all = [...CTL_NAMES, ...Object.keys(TOOLS), ...host.commands().map(({ name }) => name)]
    assert.deepEqual(
      all.filter((name) => !top.some((word) => word === name)),
      [],
    )
    assert.deepEqual(await offered('ctl', 'list_vhost'), ['list_vhost_limits', 'list_vhosts'])
    assert.deepEqual(await offered('plugins', ''), [
      'autocomplete',
      'directories',
      'disable',
      'enable',
      'help',
      'is_enabled',
      'list',
      'set',
      'version',
    ])
  })

  test('does not offer what has no meaning here, nor the commands of another tool', async () => {
    assert.deepEqual(await offered('ctl', 'join_'), [])
    assert.deepEqual(await offered('queues', 'add_user'), [])
    assert.deepEqual(await offered('nonsense', ''), [])
    assert.deepEqual(await offered('__proto__', ''), [])
  })

  test('knows the options of each command, and what they take', async () => {
    assert.deepEqual(await offered('ctl', 'delete_queue', '--if'), ['--if-empty', '--if-unused'])
    assert.deepEqual(await offered('ctl', 'delete_queue', '--cac'), ['--cacert'])
    assert.deepEqual(await offered('ctl', '--formatter', 'p'), ['pretty_table'])
    assert.deepEqual(await offered('ctl', '--formatter=c'), ['--formatter=csv'])
    assert.deepEqual(await offered('ctl', 'status', '--unit', ''), ['bytes', 'mb', 'gb'])
    assert.deepEqual(await offered('move', '--to-'), ['--to-exchange', '--to-vhost', '--to-uri'])
    assert.deepEqual(await offered('start', '--log-level', 'd'), ['debug'])
    assert.equal(await offered('start', '--config', ''), 'files')
    assert.equal(await offered('ctl', 'import_definitions', '/tmp/x'), 'files')
    assert.equal(await offered('doctor', ''), 'files')
    assert.deepEqual(await offered('completion', ''), SHELLS)
  })

  test('knows columns and levels, and no word twice', async () => {
    const columns = await offered('ctl', 'list_queues', '-p', '/', 'name', 'messages', 'messages_un')
    assert.deepEqual(columns, ['messages_unacknowledged', 'messages_unacknowledged_ram'])
    assert.deepEqual(await offered('ctl', 'list_queues', 'name', 'nam'), [])
    assert.deepEqual(await offered('ctl', 'set_log_level', 'w'), ['warning'])
    assert.deepEqual(await offered('ctl', 'help', 'set_log'), ['set_log_level'])
    assert.deepEqual(await offered('ctl', 'list_queues', '--', '--for'), [])
  })
})

describe('names of the broker', () => {
  let broker: WarrenBroker
  let url: string
  let at: readonly string[]

  before(async () => {
    broker = await startBroker({
      managementPort: 0,
      vhosts: ['sales', 'sandbox'],
      users: [{ name: 'ann', password: 'secret', tags: ['management'] }],
    })
    url = broker.managementUrl!
    at = ['ctl', '--url', url]
    for (const name of ['orders', 'orders.dlq', 'or(', 'my queue', 'bell\u0007']) await broker.declareQueue(name)
    await broker.declareExchange('orders-topic', 'topic')
    await broker.vhost('sales').declareQueue('sold')
  })
  after(() => broker.stop())

  test('are offered by kind', async () => {
    assert.deepEqual(await offered(...at, 'purge_queue', 'orders'), ['orders', 'orders.dlq'])
    assert.deepEqual(await offered(...at, 'purge_queue', 'or('), ['or('])
    assert.deepEqual(await offered(...at, 'delete_user', ''), ['ann', 'guest'])
    assert.deepEqual(await offered(...at, 'list_queues', '-p', 'sa'), ['sales', 'sandbox'])
    assert.deepEqual(await offered(...at, 'delete_queue', '--vhost', 'sales', ''), ['sold'])
    const exchanges = await offered(...at, 'set_topic_permissions', 'guest', 'order')
    assert.deepEqual(exchanges, ['orders-topic'])
    const tool = ['--url', url]
    assert.deepEqual(await offered('move', ...tool, 'orders', 'my'), ['my queue'])
    assert.deepEqual(await offered('copy', ...tool, '--to-exchange=order'), ['--to-exchange=orders-topic'])
  })

  test('are left out where they would steer the terminal', async () => {
    assert.deepEqual(await offered(...at, 'purge_queue', 'bell'), [])
  })

  test('are none where the node does not answer, or says no', async () => {
    assert.deepEqual(await offered('ctl', '--url', 'http://127.0.0.1:1', 'purge_queue', ''), [])
    assert.deepEqual(await offered('ctl', '--url', 'nonsense://x', 'purge_queue', ''), [])
    assert.deepEqual(await offered(...at, '--password', 'wrong', 'purge_queue', ''), [])
  })

  /** Runs the completion as the shell does, with `warren` a function of it. */
  async function inShell(shell: string, lines: readonly string[]): Promise<string[]> {
    const child = spawn(shell, ['-c', lines.join('\n')], {
      env: { PATH: process.env['PATH'], WARREN_URL: url },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const ended = once(child, 'close')
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), ended])
    assert.equal(child.exitCode, 0, stderr)
    return stdout.split('\n').filter((line) => line !== '')
  }

  const hasShell = (name: string): boolean => spawnSync(name, ['--version']).status === 0
  const own = `"${process.execPath}" "${main}"`

  test('bash offers them, whatever it takes for a word', { skip: !hasShell('bash') }, async () => {
    const at = (words: string, line: string, index: number): Promise<string[]> =>
      inShell('bash', [
        `warren() { ${own} "$@"; }`,
        'source <(warren completion bash)',
        `COMP_WORDS=(${words}) COMP_CWORD=${index} COMP_LINE=${line} COMP_POINT=\${#COMP_LINE}`,
        '_warren warren',
        'printf "%s\\n" "${COMPREPLY[@]}"',
      ])
    assert.deepEqual(await at('warren ctl purge_queue or', "'warren ctl purge_queue or'", 3), [
      'or\\(',
      'orders',
      'orders.dlq',
    ])
    assert.deepEqual(await at('warren ctl purge_queue my\\\\\\ q', "'warren ctl purge_queue my\\ q'", 3), [
      'my\\ queue',
    ])
    assert.deepEqual(await at('warren ctl --formatter = j', "'warren ctl --formatter=j'", 4), ['json'])
    const { port } = new URL(url)
    const words = `warren ctl --url http : //localhost : ${port} delete_user ''`
    assert.deepEqual(await at(words, `'warren ctl --url http://localhost:${port} delete_user '`, 9), ['ann', 'guest'])
  })

  test('fish offers them', { skip: !hasShell('fish') }, async () => {
    const lines = await inShell('fish', [
      `function warren; ${own} $argv; end`,
      'warren completion fish | source',
      'complete --do-complete "warren ctl purge_queue ord"',
    ])
    assert.deepEqual(lines, ['orders', 'orders.dlq'])
  })

  test('zsh takes its script', { skip: !hasShell('zsh') }, async () => {
    const lines = await inShell('zsh', [
      `warren() { ${own} "$@" }`,
      'compdef() { print $2 }',
      'source <(warren completion zsh)',
    ])
    assert.deepEqual(lines, ['warren'])
  })

  test('a shell that there is no completion for is refused', async (t) => {
    const { code, stderr } = await runWarren(t, ['completion', 'tcsh'])
    assert.equal(code, 64)
    assert.match(stderr, /no completion for 'tcsh', but for bash, zsh, fish/)
  })
})

test('a mistyped command is told what it might have been', async (t) => {
  const { code, stderr } = await runWarren(t, ['mvoe'])
  assert.equal(code, 64)
  assert.match(stderr, /there is no command 'mvoe' \(did you mean 'move'\?\)/)
})
