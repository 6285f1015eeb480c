import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { SnapshotInput } from './snapshot-worker.ts'

/** `makeSnapshot` in a thread of its own. */
export function makeSnapshotInThread(input: SnapshotInput): Promise<number> {
  // The worker is a .ts file beside this one when run from sources, a .js file when compiled.
  const script = new URL(`./snapshot-worker${extname(import.meta.url)}`, import.meta.url)
  return new Promise((resolve, reject) => {
    // Without our own flags: `node --input-type=module -e …` and test runners have some that a worker refuses.
    const worker = new Worker(script, { workerData: input, execArgv: [] })
    let bytes: number | null = null
    worker.on('message', (answer: number) => {
      bytes = answer
    })
    worker.on('error', reject)
    worker.on('exit', (code) => {
      if (bytes === null) reject(new Error(`its thread ended with code ${code}`))
      else resolve(bytes)
    })
  })
}
