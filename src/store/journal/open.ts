import type { Log } from '../../telemetry/log.ts'
import type { Turn } from '../../util/turn.ts'
import { MessageStoreError } from '../message-store.ts'
import { nodeFiles } from '../files.ts'
import { JournalStore } from './journal-store.ts'

export interface OpenOptions {
  readonly turn: Turn
  readonly log: Log
  readonly segmentBytes: number
  readonly indexBytesMax: number
  readonly onFailure: (error: Error) => void
}

const HOUSEKEEPING_MS = 500
/** A start reads no more journal than this, and what was written while the last checkpoint was. */
const CHECKPOINT_BYTES = 64 * 1024 * 1024

/**
 * Opens, or makes, the messages of a data directory. The directory is the caller's alone: the lock is that of the metadata.
 * @throws MessageStoreError
 */
export async function openJournalStore(directory: string, options: OpenOptions): Promise<JournalStore> {
  try {
    return await JournalStore.open({
      ...options,
      files: nodeFiles(directory),
      checkpointBytes: CHECKPOINT_BYTES,
      housekeepingMs: HOUSEKEEPING_MS,
    })
  } catch (error) {
    throw new MessageStoreError(`data directory ${directory}: ${(error as Error).message}`, { cause: error })
  }
}
