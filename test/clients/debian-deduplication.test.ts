import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { buildGo, type Command, GO_ENVIRONMENT, missing, PYTHON, runProgram } from './debian/programs.ts'
import { openTarget, type Target } from './debian/target.ts'

// Other languages have duplicates left out with nothing but arguments and headers.

const ANSWERS = [
  ['exchange', ['one', '2', '2.5', 'True', '1099511627776', 'kept for a moment']],
  ['queue', ['after the first was acknowledged']],
  ['numbers', ['1', '2', '3', '8589934592']],
  ['transactions', ['second']],
]

let target: Target

before(async () => {
  target = await openTarget()
})
after(() => target.stop())

async function assertDeduplicates({ program, args }: Command): Promise<void> {
  const answers = await runProgram({ program, args: [...args, target.url, target.prefix] })
  assert.deepEqual(
    answers.map(({ part, value }) => [part, value]),
    ANSWERS,
  )
}

const foreign = process.env['RABBITMQ_URL'] === undefined ? false : 'RabbitMQ keeps no duplicates out'
const noPika = missing('python3-pika', { program: PYTHON, args: ['-c', 'import pika'] })
test('pika sends duplicates', { skip: foreign || noPika }, () =>
  assertDeduplicates({ program: PYTHON, args: [join(import.meta.dirname, 'debian/deduplication_client.py')] }),
)

const library = { program: 'go', args: ['list', 'github.com/rabbitmq/amqp091-go'], env: GO_ENVIRONMENT }
const noGo = missing('golang-github-rabbitmq-amqp091-go-dev', library)
test('amqp091-go sends duplicates', { skip: foreign || noGo }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'warren-go-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const program = join(folder, 'deduplication_client')
  buildGo(join(import.meta.dirname, 'debian/deduplication_client.go'), program)
  await assertDeduplicates({ program, args: [] })
})
