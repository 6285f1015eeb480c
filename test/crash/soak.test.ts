import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { withoutProc } from '../support/process-memory.ts'

// A short piece of what `npm run soak` does for hours.

const script = fileURLToPath(new URL('../../tools/soak.ts', import.meta.url))
const minutes = process.env['CI'] === undefined ? 1 / 3 : 1
/** For what is still queued at the end to come out, and for files and disk to come back. */
const REST_MS = 200_000

test(
  'everything at once, and nothing left of it',
  { skip: withoutProc, timeout: minutes * 60_000 + REST_MS },
  async (t) => {
    const soak = spawn(process.execPath, [script, '--minutes', String(minutes)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    // by a signal that it can hear, so that its broker goes as well
    t.after(() => soak.kill('SIGTERM'))
    let output = ''
    soak.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    const [code] = (await once(soak, 'close')) as [number | null]
    assert.equal(code, 0, output)
    t.diagnostic(output.split('\n').slice(-3).join(' '))
  },
)
