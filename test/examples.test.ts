import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { eventually, startTestBroker, type TestBroker } from './support/with-broker.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const TIMEOUT_MS = 60_000

/** Runs an example to its end, as a user would: with an address that leaves out what is usual. */
async function run(name: string, url: string): Promise<string[]> {
  const child = spawn(process.execPath, [`examples/${name}.ts`], {
    cwd: root,
    env: { AMQP_URL: url.replace('guest:guest@', '') },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: TIMEOUT_MS,
  })
  const ended = new Promise<number | NodeJS.Signals | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve(code ?? signal))
  })
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended])
  assert.equal(stderr, '')
  assert.equal(code, 0, stdout)
  return stdout.trimEnd().split('\n')
}

const customers = Array.from({ length: 12 }, (_, i) => `customer ${i + 1}: ordered, paid, shipped`)

/** What each example prints, line by line. */
const IN_ORDER: Readonly<Record<string, readonly string[]>> = {
  hello: ['sent: Hello, World!', 'received: Hello, World!'],
  rpc: ['fibonacci(10) = 55', 'fibonacci(20) = 6765', 'fibonacci(30) = 832040'],
  priorities: ['5: a heart attack', '3: a broken arm', '3: a sprained ankle', 'none: a cold', '0: a cough'],
  'consistent-hash': [...customers, 'spread over 3 of 3 queues'],
  'message-groups': ['Ann', 'Bob', 'Cleo'].map((name) => `${name}: ordered, paid, shipped`),
  'idempotent-consumer': [
    'payment-1: balance is 10',
    'payment-1: known, ignored',
    'payment-2: balance is 20',
    'the consumer dies before it acknowledges payment-2',
    'payment-2 (redelivered): known, ignored',
    'payment-3: balance is 30',
    'final balance: 30',
  ],
  transactions: [
    'before: transfers 1, debits 0, credits 0',
    'rolled back: transfers 1, debits 0, credits 0',
    'committed: transfers 0, debits 1, credits 1',
  ],
}

/** What those print in which several consumers, or several timers, take turns. */
const IN_ANY_ORDER: Readonly<Record<string, readonly string[]>> = {
  'publish-subscribe': ['Ann', 'Bob'].flatMap((name) =>
    ['doors open', 'show starts', 'doors close'].map((item) => `${name} hears: ${item}`),
  ),
  routing: [
    'the file gets info: started',
    'the file gets warning: disk at 80 %',
    'the file gets error: disk full',
    'the file gets info: stopped',
    'the pager gets error: disk full',
  ],
  topics: [
    'audit (#) gets eu.order.created',
    'audit (#) gets eu.order.paid',
    'audit (#) gets us.order.paid',
    'audit (#) gets heartbeat',
    'europe (eu.#) gets eu.order.created',
    'europe (eu.#) gets eu.order.paid',
    'billing (*.order.paid) gets eu.order.paid',
    'billing (*.order.paid) gets us.order.paid',
  ],
  'dead-letters': [
    'a bad order: rejected in example.picky',
    'an old offer: expired in example.impatient',
    'the first reading: maxlen in example.small',
  ],
  retry: [
    'good task: done at attempt 1',
    'flaky task: attempt 1 failed, the service is down',
    'flaky task: done at attempt 2',
    'hopeless task: attempt 1 failed, the service is down',
    'hopeless task: attempt 2 failed, the service is down',
    'hopeless task: attempt 3 failed, the service is down',
    'hopeless task: dead after 3 attempts',
  ],
  'back-off': [
    'good task: done at attempt 1',
    'flaky task: attempt 1 failed',
    'flaky task: done at attempt 2',
    'limited task: too many requests, to be tried again in 50 ms',
    'limited task: done at attempt 2',
    'hopeless task: attempt 1 failed',
    'hopeless task: attempt 2 failed',
    'hopeless task: attempt 3 failed',
    'hopeless task: dead after 3 attempts',
  ],
  delay: ['sent, with delays of 400, 100, 200 ms', 'after 100 ms', 'after 200 ms', 'after 400 ms'],
  'alternate-exchange': ['known: start', 'unknown: dance', 'unknown: sing'],
}

const OF_THEIR_OWN = ['work-queues', 'reliable-publisher', 'outbox']

describe('examples', () => {
  let broker: TestBroker

  before(async () => {
    broker = await startTestBroker()
  })

  after(() => broker.server.stop('test'))

  /** Nothing is left but the exchanges that every vhost has. */
  const assertCleanedUp = (): void => {
    const { queues, exchanges } = broker.server.broker.findVhost('/')
    assert.deepEqual([...queues.keys()], [])
    assert.deepEqual(
      [...exchanges.keys()].filter((name) => name !== '' && !name.startsWith('amq.')),
      [],
    )
    assert.equal(broker.server.broker.connections.size, 0)
  }

  test('each is tested', () => {
    const present = readdirSync(`${root}/examples`).filter((name) => name.endsWith('.ts'))
    const tested = [...Object.keys(IN_ORDER), ...Object.keys(IN_ANY_ORDER), ...OF_THEIR_OWN]
    assert.deepEqual(present.toSorted(), tested.map((name) => `${name}.ts`).toSorted())
  })

  for (const [name, expected] of Object.entries(IN_ORDER)) {
    test(name, async () => {
      assert.deepEqual(await run(name, broker.url), expected)
      assertCleanedUp()
    })
  }

  for (const [name, expected] of Object.entries(IN_ANY_ORDER)) {
    test(name, async () => {
      const lines = await run(name, broker.url)
      assert.deepEqual(lines.toSorted(), expected.toSorted())
      assertCleanedUp()
    })
  }

  test('work-queues', async () => {
    const lines = await run('work-queues', broker.url)
    assert.ok(lines.includes('6 tasks are safe with the broker'))
    const done = lines.flatMap((line) => /^worker ([AB]) has done: (.*)$/.exec(line)?.slice(1, 3) ?? [])
    const tasks = ['resize 1', 'resize 2', 'transcode 3', 'resize 4', 'resize 5', 'resize 6']
    assert.deepEqual(done.filter((_, i) => i % 2 === 1).toSorted(), tasks.toSorted())
    assert.ok(done.includes('A') && done.includes('B'), 'both workers have worked')
    assertCleanedUp()
  })

  test('reliable-publisher, with an outage in the middle', async () => {
    const { server } = broker
    const { published } = server.broker.messageCounters()
    let ended = false
    const outage = async (): Promise<void> => {
      await eventually(() => ended || server.broker.messageCounters().published >= published + 5, TIMEOUT_MS)
      for (const connection of [...server.broker.connections]) connection.forceClose('maintenance')
    }
    const running = run('reliable-publisher', broker.url).finally(() => (ended = true))
    const [lines] = await Promise.all([running, outage()])
    assert.match(lines[0]!, /^connection lost: .*CONNECTION_FORCED - maintenance/)
    assert.ok(lines.includes('connected'))
    assert.ok(
      lines.some((line) => /^sending again: [1-5] unconfirmed$/.test(line)),
      lines.join('\n'),
    )
    assert.deepEqual(lines.slice(-3), [
      'returned: no queue takes a stray message (routing key example.no-such-queue)',
      '40 published, 40 confirmed, 1 returned',
      'all of them are in the queue',
    ])
    assertCleanedUp()
  })

  test('outbox, with an outage before a confirm', async () => {
    const { broker: core } = broker.server
    let published = 0
    let duplicates = (): number => 0
    core.interceptors.push((message) => {
      const queue = core.findVhost('/').queues.get('example.outbox')
      if (message.routingKey === 'example.outbox' && ++published === 5) {
        duplicates = () => queue!.counters.deduplicated
        // the message is taken, and nobody is told
        queueMicrotask(() => {
          for (const connection of [...core.connections]) connection.forceClose('maintenance')
        })
      }
      return message
    })
    const lines = await run('outbox', broker.url).finally(() => core.interceptors.pop())
    assert.match(lines[0]!, /^connection lost: .*CONNECTION_FORCED - maintenance/)
    assert.match(lines[1]!, /^sending again: [0-9]+ not confirmed$/)
    assert.deepEqual(lines.slice(2), [
      'connected',
      '40 orders, 40 messages confirmed, 0 in the outbox',
      'each order is in the queue once, in order',
    ])
    assert.ok(duplicates() > 0, 'the broker has left out what it had')
    assertCleanedUp()
  })
})
