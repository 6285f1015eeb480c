import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { connect } from 'amqplib'
import { runCtl } from '../../src/cli/ctl/run.ts'
import { startWarren, type WarrenProcess } from '../support/warren-process.ts'
import { bufferTerminal } from './support/buffer-terminal.ts'

// Has no counterpart among RabbitMQ's tools, so that there is nothing recorded to compare it with.

interface Answer {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

async function changeQueue(warren: WarrenProcess, ...args: readonly string[]): Promise<Answer> {
  const terminal = bufferTerminal()
  const host = {
    version: '0.0.0',
    describeNode: () => assert.fail('the address was given'),
    commands: () => [],
  }
  const code = await runCtl('ctl', ['--url', warren.url('HTTP'), 'change_queue', ...args], host, terminal)
  return { code, stdout: terminal.stdout, stderr: terminal.stderr }
}

/** A node with the queue `orders`, which has priorities and three messages. */
async function startWithOrders(t: TestContext): Promise<WarrenProcess> {
  const warren = await startWarren(t)
  const connection = await connect(warren.url('AMQP'))
  const channel = await connection.createConfirmChannel()
  await channel.assertQueue('orders', { maxPriority: 3 })
  for (let i = 0; i < 3; i++) channel.sendToQueue('orders', Buffer.from(String(i)), { persistent: true })
  await channel.waitForConfirms()
  await connection.close()
  return warren
}

describe('warren ctl change_queue', () => {
  test('shows a change first, makes it, and says when there is nothing to do', async (t) => {
    const warren = await startWithOrders(t)
    const wanted = ['--type', 'quorum', '--arguments', '{"x-max-priority": null, "x-max-length": 2}']
    const report = [
      'type: classic -> quorum',
      'x-max-priority: 3 -> none',
      'x-max-length: none -> 2',
      'messages: 3, consumers that stay: 0',
      'LOST: the oldest messages beyond the new length limit are dropped (1)',
    ]
    const preview = await changeQueue(warren, 'orders', ...wanted, '--preview')
    assert.deepEqual([preview.code, preview.stderr], [0, ''])
    const [heading, ...shown] = preview.stdout.trimEnd().split('\n')
    assert.equal(heading, "Looking at a change of queue 'orders' in vhost '/' ...")
    assert.deepEqual(shown.filter((line) => !line.startsWith('x-queue-type')).toSorted(), report.toSorted())

    const done = await changeQueue(warren, '-q', 'orders', ...wanted)
    assert.deepEqual([done.code, done.stderr], [0, ''])
    const lines = done.stdout.trimEnd().split('\n')
    assert.equal(lines.pop(), 'Queue was changed')
    assert.deepEqual(lines, shown, 'the preview told the truth')

    const again = await changeQueue(warren, '-q', 'orders', ...wanted)
    assert.equal(again.code, 0)
    assert.deepEqual(again.stdout.trimEnd().split('\n'), [
      'messages: 2, consumers that stay: 0',
      'Queue is like that already',
    ])
  })

  test('says what is lost when a queue becomes transient', async (t) => {
    const warren = await startWithOrders(t)
    const { code, stdout } = await changeQueue(warren, '-q', 'orders', '--durable', 'false', '--preview')
    assert.equal(code, 0)
    assert.match(stdout, /^durable: true -> false$/m)
    assert.match(stdout, /^LOST: the queue, its bindings and its messages are gone after a restart \(3\)$/m)
  })

  test('refuses what it does not understand before it asks anybody', async (t) => {
    const warren = await startWithOrders(t)
    const usage: readonly (readonly [args: readonly string[], reason: RegExp])[] = [
      [[], /Say what to change/],
      [['--durable', 'maybe'], /--durable is true or false/],
      [['--arguments', '{'], /--arguments is a JSON object/],
      [['--arguments', '[]'], /--arguments is a JSON object/],
    ]
    for (const [args, reason] of usage) {
      const { code, stdout, stderr } = await changeQueue(warren, 'orders', ...args)
      assert.deepEqual([code, stdout], [64, ''], args.join(' '))
      assert.match(stderr, reason)
    }
  })

  test("hands on the node's refusals", async (t) => {
    const warren = await startWithOrders(t)
    const missing = await changeQueue(warren, 'nope', '--type', 'quorum')
    assert.notEqual(missing.code, 0)
    assert.match(missing.stderr, /There is no such queue/)
    const impossible = await changeQueue(warren, 'orders', '--type', 'quorum')
    assert.notEqual(impossible.code, 0)
    assert.match(impossible.stderr, /x-max-priority/)
    const { stdout } = await changeQueue(warren, '-q', 'orders', '--arguments', '{"x-max-priority": 3}')
    assert.match(stdout, /Queue is like that already/, 'a refusal changes nothing')
  })
})
