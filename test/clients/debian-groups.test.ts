import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { buildGo, type Command, GO_ENVIRONMENT, missing, PYTHON, runProgram } from './debian/programs.ts'
import { openTarget, type Target } from './debian/target.ts'

// Other languages get the messages of a group one after the other, with nothing but an argument and a header.

const ANSWERS = [
  ['one of each group', ['a1', 'alone', 'b1']],
  ['came back', ['a1', true]],
  ['next', 'a2'],
  ['nothing else', null],
  ['after the connection was lost', ['a2', true]],
  ['rest', ['a3', 'b2']],
]

let target: Target

before(async () => {
  target = await openTarget()
})
after(() => target.stop())

async function assertGroups({ program, args }: Command): Promise<void> {
  const answers = await runProgram({ program, args: [...args, target.url, target.prefix] })
  assert.deepEqual(
    answers.map(({ part, value }) => [part, value]),
    ANSWERS,
  )
}

const foreign = process.env['RABBITMQ_URL'] === undefined ? false : 'RabbitMQ has no groups'
const noPika = missing('python3-pika', { program: PYTHON, args: ['-c', 'import pika'] })
test('pika gets groups in order', { skip: foreign || noPika }, () =>
  assertGroups({ program: PYTHON, args: [join(import.meta.dirname, 'debian/group_client.py')] }),
)

const library = { program: 'go', args: ['list', 'github.com/rabbitmq/amqp091-go'], env: GO_ENVIRONMENT }
const noGo = missing('golang-github-rabbitmq-amqp091-go-dev', library)
test('amqp091-go gets groups in order', { skip: foreign || noGo }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'warren-go-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const program = join(folder, 'group_client')
  buildGo(join(import.meta.dirname, 'debian/group_client.go'), program)
  await assertGroups({ program, args: [] })
})
