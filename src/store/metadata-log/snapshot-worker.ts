/** A thread that makes one snapshot and ends: what it takes for many thousands of queues is nothing that the broker's thread is to wait for, or to keep. */
import { parentPort, workerData } from 'node:worker_threads'
import { nodeFiles } from '../files.ts'
import { makeSnapshot } from './snapshot.ts'

export interface SnapshotInput {
  /** The data directory. */
  readonly directory: string
  readonly number: number
}

const { directory, number } = workerData as SnapshotInput
parentPort!.postMessage(await makeSnapshot(nodeFiles(directory), number))
