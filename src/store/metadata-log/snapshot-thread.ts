import { Worker } from 'node:worker_threads'
import type { SnapshotInput } from './snapshot-worker.ts'
import { workerScript } from '../../util/worker-script.ts'

/** `makeSnapshot` in a thread of its own. */
export function makeSnapshotInThread(input: SnapshotInput): Promise<number> {
  const script = workerScript('snapshot-worker', import.meta.url)
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
