import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { eventually } from '../support/with-broker.ts'
import { startBroker, type WarrenBroker } from '../../src/index.ts'

// The tools as a user runs them, each a process of its own.

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

describe('the tools of the command line', () => {
  let broker: WarrenBroker

  beforeEach(async () => {
    broker = await startBroker({ managementPort: 0 })
  })
  afterEach(() => broker.stop())

  const begin = (args: readonly string[]): ChildProcess =>
    spawn(process.execPath, [main, ...args], {
      env: { WARREN_URL: broker.managementUrl, WARREN_AMQP_URL: broker.url },
      stdio: ['pipe', 'pipe', 'pipe'],
    })

  async function run(args: readonly string[], input = ''): Promise<string> {
    const child = begin(args)
    child.stdin!.end(input)
    const [stdout, stderr] = await Promise.all([text(child.stdout!), text(child.stderr!), once(child, 'exit')])
    assert.equal(child.exitCode, 0, `${args.join(' ')}: ${stderr}`)
    return stdout
  }

  async function isTopicBound(): Promise<boolean> {
    const headers = { authorization: `Basic ${Buffer.from('guest:guest').toString('base64')}` }
    const answer = await fetch(`${broker.managementUrl}/api/exchanges/%2F/amq.topic/bindings/source`, { headers })
    return ((await answer.json()) as unknown[]).length > 0
  }

  const bodies = (queue: string): string[] => broker.messages(queue).map((message) => message.text())

  test('copy and move messages, all or some', async () => {
    for (const name of ['from', 'to']) await broker.declareQueue(name)
    for (const body of ['red one', 'blue one', 'red two']) await broker.sendToQueue('from', body)
    await run(['copy', 'from', 'to', '--body', 'blue'])
    assert.deepEqual(bodies('to'), ['blue one'])
    assert.equal(bodies('from').length, 3)
    const moved = JSON.parse(await run(['move', 'from', 'to', '--body', 'red', '--json'])) as { done: number }
    assert.equal(moved.done, 2)
    assert.deepEqual(bodies('from'), ['blue one'])
    assert.deepEqual(bodies('to'), ['blue one', 'red one', 'red two'])
  })

  test('export messages without taking them, and import them', async () => {
    await broker.declareQueue('q')
    await broker.sendToQueue('q', 'first', { headers: { colour: 'red' }, messageId: 'm1' })
    await broker.sendToQueue('q', Buffer.from([0, 255, 1]))
    const lines = await run(['export', 'q'])
    assert.equal(lines.trimEnd().split('\n').length, 2)
    assert.equal(broker.queue('q').ready, 2)
    await broker.declareQueue('copy')
    await run(['import', '--queue', 'copy'], lines)
    const [first, second] = broker.messages('copy')
    assert.deepEqual([first!.text(), first!.properties.messageId], ['first', 'm1'])
    assert.deepEqual(first!.headers, { colour: 'red' })
    assert.deepEqual([...second!.body], [0, 255, 1])
  })

  test('say what to do where a message cannot be read, or goes nowhere', async () => {
    await broker.declareQueue('q')
    await broker.sendToQueue('q', 'first')
    const complaintOf = async (args: readonly string[], input = ''): Promise<string> => {
      const child = begin(args)
      child.stdin!.end(input)
      const [stderr] = await Promise.all([text(child.stderr!), text(child.stdout!), once(child, 'exit')])
      assert.notEqual(child.exitCode, 0)
      return stderr
    }
    assert.match(await complaintOf(['import', '--queue', 'q'], '{oops\n'), /line 1: not JSON/)
    const elsewhere = ['move', 'q', 'none', '--to-uri', broker.url]
    assert.match(await complaintOf(elsewhere), /queue 'none' came back: NO_ROUTE; .* declare it first/)
    assert.equal(broker.queue('q').ready, 1, 'what goes nowhere stays')
    const unbound = ['move', 'q', '--to-exchange', 'amq.topic', '--to-uri', broker.url]
    assert.match(await complaintOf(unbound), /exchange 'amq.topic' .* came back: NO_ROUTE; .* bind one first/)
  })

  test('show messages as they pass through an exchange', async () => {
    const child = begin(['tail', 'amq.topic', '--key', 'a.*', '--json', '--limit', '2'])
    const ended = once(child, 'exit')
    const lines = createInterface(child.stdout!)[Symbol.asyncIterator]()
    await eventually(isTopicBound)
    await broker.publish('amq.topic', 'b.c', 'not this')
    await broker.publish('amq.topic', 'a.b', 'this')
    await broker.publish('amq.topic', 'a.c', 'and this')
    const shown = [await lines.next(), await lines.next()].map(({ value }) => JSON.parse(value as string) as object)
    assert.match(JSON.stringify(shown[0]), /"this"/)
    assert.match(JSON.stringify(shown[1]), /"and this"/)
    assert.deepEqual(await ended, [0, null])
  })

  test('put a load on a broker and tell how it bore it', async () => {
    const args = ['perf', '-C', '2000', '-D', '2000', '-u', 'load', '-c', '100', '-q', '100', '-s', '64', '--json']
    const result = JSON.parse(await run(args)) as Record<string, unknown>
    const count = (kind: string): unknown => (result[kind] as { count: number }).count
    assert.deepEqual([count('sent'), count('confirmed'), count('received')], [2000, 2000, 2000])
    const latency = result['consumer_latency_us'] as Record<string, number>
    assert.ok(latency['min']! > 0 && latency['min']! <= latency['median']! && latency['median']! <= latency['p99']!)
  })
})
