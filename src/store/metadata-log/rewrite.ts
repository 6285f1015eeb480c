import { posix } from 'node:path'
import type { StoreFiles } from '../files.ts'
import { FOLDER } from './format.ts'
import { create } from './metadata-log.ts'
import { staleFiles } from './replay.ts'
import { writeSnapshot } from './snapshot.ts'

/** Where files are kept that others have taken the place of. */
export const METADATA_QUARANTINE = `${FOLDER}/quarantine`

/**
 * Puts these rows in the place of all that the files of the metadata say, and those files aside. Whenever it is cut short, there is either all
 * that was before, or what is to be.
 * @param highest number of a file that there is
 */
export async function rewrite(
  files: StoreFiles,
  rows: Iterable<readonly [key: string, json: string]>,
  highest: number,
): Promise<void> {
  const number = highest + 1
  await (await create(files, number)).close()
  await writeSnapshot(files, number, rows)
  await files.makeFolder(METADATA_QUARANTINE)
  for (const name of await staleFiles(files, number)) {
    await files.rename(name, posix.join(METADATA_QUARANTINE, posix.basename(name)))
  }
  await files.syncFolder(METADATA_QUARANTINE)
  await files.syncFolder(FOLDER)
}
