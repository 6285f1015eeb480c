// Loaded into every test file's process. The runner waits for a process that does not end, for ever if need be; here a
// socket, timer or child left open fails the file, by name, with what holds it.
import { after } from 'node:test'
import { isMainThread } from 'node:worker_threads'

const GRACE_MS = 15_000

// The runner's own process and whatever the tests start may load this too: those have no business with it.
const isTestFile = process.env.NODE_TEST_CONTEXT !== undefined && process.argv[1]?.endsWith('.test.ts')

if (isMainThread && isTestFile) {
  after(() => {
    const guard = setTimeout(() => {
      const held = process.getActiveResourcesInfo().filter((name) => name !== 'PipeWrap')
      process.stderr.write(`still running ${GRACE_MS / 1000} s after its last test: ${held.join(', ')}\n`)
      process.exit(1)
    }, GRACE_MS)
    guard.unref()
  })
}
