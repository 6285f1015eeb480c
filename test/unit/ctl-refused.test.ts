import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runCtl } from '../../src/cli/ctl/run.ts'
import { bufferTerminal } from '../cli/support/buffer-terminal.ts'

const HOST = { version: '0.0.0', describeNode: () => assert.fail('no node is asked'), commands: () => [] }

test('commands that have no meaning here all end with the same code, and say why', async () => {
  for (const args of [
    ['eval', '1.'],
    ['exec', '1.'],
    ['join_cluster', 'other'],
    ['encode', 'x'],
  ]) {
    const terminal = bufferTerminal()
    assert.equal(await runCtl('ctl', ['--url', 'http://localhost:1', ...args], HOST, terminal), 69, args.join(' '))
    assert.match(terminal.stderr, /code is not run|needs a cluster|not encrypted/)
  }
})
