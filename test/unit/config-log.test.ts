import assert from 'node:assert/strict'
import { readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { limitLog, silentLog } from '../../src/telemetry/log.ts'
import { createLog, openLog } from '../../src/telemetry/pino-log.ts'
import { temporaryFolder } from '../support/warren-process.ts'
import type { LogFormat, LogLevel } from '../../src/telemetry/log.ts'

function capture(level: LogLevel, format: LogFormat) {
  const lines: string[] = []
  return { lines, sink: { level, format, writer: { write: (line: string) => void lines.push(line) } } }
}

test('a plaintext line has time, level, text and facts', () => {
  const { lines, sink } = capture('info', 'plaintext')
  const log = createLog([sink]).child({ peer: '127.0.0.1:5' })
  log.info('accepted', { user: 'a b', n: 3 })
  assert.match(
    lines[0]!,
    /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z \[info\] accepted peer=127\.0\.0\.1:5 user="a b" n=3\n$/,
  )
})

test('an error in the facts is printed with its stack', () => {
  const { lines, sink } = capture('info', 'plaintext')
  createLog([sink]).error('failed', { err: new Error('disk gone') })
  assert.match(lines[0]!, /\[error\] failed\n {2}Error: disk gone\n {6}at /)
})

test('what a client chose cannot start a line of its own', () => {
  const { lines, sink } = capture('info', 'plaintext')
  createLog([sink]).warn('bad user\n2026-01-01 [info] all is well\u001b[2J', {
    name: 'x\ny z\u009b',
    err: new Error('\u001b[1m'),
  })
  assert.doesNotMatch(lines[0]!, /^2026-01-01/m)
  assert.doesNotMatch(lines[0]!, /[\u001b\u009b]/)
})

test('each sink has its level and format, and the lowest decides whether debug is on', () => {
  const console = capture('warn', 'plaintext')
  const file = capture('debug', 'json')
  const log = createLog([console.sink, file.sink])
  assert.equal(log.debugOn, true)
  log.debug('one')
  log.warn('two', { vhost: '/' })
  assert.equal(console.lines.length, 1)
  assert.equal(file.lines.length, 2)
  const { level, msg, vhost } = JSON.parse(file.lines[1]!) as Record<string, unknown>
  assert.deepEqual({ level, msg, vhost }, { level: 'warn', msg: 'two', vhost: '/' })
  assert.equal(createLog([console.sink]).debugOn, false)
})

test('a log that is silent can be made to speak, and be silenced again, with all its children', () => {
  const { lines, sink } = capture('silent', 'plaintext')
  const log = createLog([sink])
  const child = log.child({ peer: 'p' })
  child.error('unheard')
  assert.deepEqual([log.level, child.debugOn, lines.length], ['silent', false, 0])
  log.setLevel('debug')
  child.debug('heard')
  assert.deepEqual([log.level, child.debugOn], ['debug', true])
  assert.match(lines[0]!, /\[debug\] heard peer=p\n$/)
  log.setLevel('error')
  child.warn('unheard')
  assert.equal(lines.length, 1)
})

test('a log without a place to write to stays silent', () => {
  const log = createLog([])
  log.setLevel('debug')
  assert.deepEqual([log.level, log.debugOn], ['silent', false])
  assert.equal(silentLog.child({}), silentLog)
})

test('a log file is opened anew after it was moved', (t) => {
  const path = join(temporaryFolder(t), 'warren.log')
  const log = openLog({ console: null, file: { path, level: 'info', format: 'json' } })
  log.info('before')
  renameSync(path, `${path}.1`)
  log.info('still there')
  log.reopen()
  log.info('after')
  const messages = (file: string): unknown[] =>
    readFileSync(file, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { msg: string }).msg)
  assert.deepEqual(messages(`${path}.1`), ['before', 'still there'])
  assert.deepEqual(messages(path), ['after'])
})

test('a limiter holds back what repeats and tells how much it held back', () => {
  const { lines, sink } = capture('info', 'plaintext')
  let time = 0
  const limited = limitLog(createLog([sink]), { burst: 2, windowMs: 1000, now: () => time })
  for (let i = 0; i < 5; i++) limited.warn('login', 'login refused')
  limited.warn('other', 'something else')
  assert.equal(lines.length, 3)
  time = 1000
  limited.warn('login', 'login refused', { user: 'u' })
  assert.match(lines[3]!, /login refused user=u suppressed=3\n$/)
  limited.info('login', 'login refused')
  assert.doesNotMatch(lines[4]!, /suppressed/)
})
