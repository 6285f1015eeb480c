import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { missing, PYTHON, runProgram } from './debian/programs.ts'
import { openTarget, type Target } from './debian/target.ts'

const EXPECTED: Readonly<Record<string, unknown>> = {
  ping: [{ 'first@test': { ok: 'pong' } }],
  inspect: { prefetch: 1, queues: ['default'], registered: true },
  results: { result: 5, group: [0, 2, 4, 6, 8, 10, 12, 14, 16, 18], chain: 6, failure: 'broken', retries: 2 },
  countdown: true,
  revoked: 'expired',
  ranked: ['9', '5', '1', '0'],
  events: ['task-received', 'task-started', 'task-succeeded'],
  survives: [1, 2, 3, 4, 5],
  chords: { sum: 20, exit: 0 },
}

const noCelery = missing('python3-celery', { program: PYTHON, args: ['-c', 'import celery'] })

describe('a worker of python3-celery', { skip: noCelery }, () => {
  const answers = new Map<string, unknown>()
  const failures: Error[] = []
  let target: Target

  before(async () => {
    target = await openTarget()
    const { url, prefix } = target
    const command = {
      program: PYTHON,
      args: [join(import.meta.dirname, 'debian/celery_client.py'), url, prefix],
      env: { PYTHONDONTWRITEBYTECODE: '1' },
    }
    await runProgram(command, {
      onAnswer({ part, value }) {
        const plain: unknown = JSON.parse(JSON.stringify(value).replaceAll(prefix, ''))
        if (part !== 'please close') answers.set(part, plain)
        else target.closeConnection(String(value), 'closed for the test').catch((error: Error) => failures.push(error))
      },
    }).catch((error: Error) => failures.push(error))
  })
  after(() => target.stop())

  test('the programs run to their end', () => {
    for (const failure of failures) throw failure
  })

  for (const [part, expected] of Object.entries(EXPECTED)) {
    test(part, () => assert.deepEqual(answers.get(part), expected))
  }
})
