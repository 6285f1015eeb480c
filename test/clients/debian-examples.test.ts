import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { buildGo, GO_ENVIRONMENT, missing, outputOf, PYTHON } from './debian/programs.ts'
import { openTarget, type Target } from './debian/target.ts'

const examples = join(dirname(dirname(import.meta.dirname)), 'examples')
const EXCHANGE = 'sent: Hello, World!\nreceived: Hello, World!'
let target: Target

before(async () => {
  target = await openTarget()
})
after(() => target.stop())

const noPika = missing('python3-pika', { program: PYTHON, args: ['-c', 'import pika'] })
test('the first message in Python', { skip: noPika }, async () => {
  const command = { program: PYTHON, args: [join(examples, 'python/hello.py')], env: { AMQP_URL: target.url } }
  assert.equal(await outputOf(command), EXCHANGE)
})

const library = { program: 'go', args: ['list', 'github.com/rabbitmq/amqp091-go'], env: GO_ENVIRONMENT }
const noGo = missing('golang-github-rabbitmq-amqp091-go-dev', library)
test('the first message in Go', { skip: noGo }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'warren-go-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const program = join(folder, 'hello')
  buildGo(join(examples, 'go/hello.go'), program)
  assert.equal(await outputOf({ program, args: [], env: { AMQP_URL: target.url } }), EXCHANGE)
})
