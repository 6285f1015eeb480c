import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { buildGo, type Command, GO_ENVIRONMENT, missing, PYTHON, runProgram } from './debian/programs.ts'
import { openTarget, type Target } from './debian/target.ts'

// Other languages ask for a pause with what they have: a publish and a nack.

const ANSWERS = [
  ['delivery', [null, null]],
  ['delivery', [1, 'returned']],
  ['waited', true],
  ['delivery', [2, 'returned']],
  ['waited', true],
  ['dead', ['task', 'delivery_limit', 1, 3, 'returned']],
]

let target: Target

before(async () => {
  target = await openTarget()
})
after(() => target.stop())

async function assertRetries({ program, args }: Command): Promise<void> {
  const answers = await runProgram({ program, args: [...args, target.url, target.prefix] })
  assert.deepEqual(
    answers.map(({ part, value }) => [part, value]),
    ANSWERS,
  )
}

const foreign = process.env['RABBITMQ_URL'] === undefined ? false : 'RabbitMQ has no amq.retry'
const noPika = missing('python3-pika', { program: PYTHON, args: ['-c', 'import pika'] })
test('pika asks for a pause', { skip: foreign || noPika }, () =>
  assertRetries({ program: PYTHON, args: [join(import.meta.dirname, 'debian/retry_client.py')] }),
)

const library = { program: 'go', args: ['list', 'github.com/rabbitmq/amqp091-go'], env: GO_ENVIRONMENT }
const noGo = missing('golang-github-rabbitmq-amqp091-go-dev', library)
test('amqp091-go asks for a pause', { skip: foreign || noGo }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'warren-go-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const program = join(folder, 'retry_client')
  buildGo(join(import.meta.dirname, 'debian/retry_client.go'), program)
  await assertRetries({ program, args: [] })
})
