import type { StoreFiles } from '../files.ts'
import { encodeFrame, encodeLine, END_FRAME, FOLDER, HEADER, nameOf, UNFINISHED } from './format.ts'
import { replay } from './replay.ts'

/** A snapshot is written in frames of about this size. */
const FRAME_BYTES = 64 * 1024

/**
 * Writes what is in the last snapshot, and in the logs since, as another snapshot.
 * @param number of the log that goes on from it @returns its bytes
 */
export async function makeSnapshot(files: StoreFiles, number: number): Promise<number> {
  const { rows, damage, last } = await replay(files, number)
  if (damage.length > 0 || last?.end.state !== 'clean') throw new Error('what was written cannot be read back')
  return writeSnapshot(files, number, rows)
}

/** Puts a snapshot there as a whole: nobody sees part of it. @returns its bytes */
export async function writeSnapshot(
  files: StoreFiles,
  number: number,
  rows: Iterable<readonly [key: string, json: string]>,
): Promise<number> {
  const name = nameOf(number, 'snapshot')
  const file = await files.open(name + UNFINISHED, 'create', false)
  let at = 0
  const write = async (bytes: Buffer): Promise<void> => {
    await file.write([bytes], at)
    at += bytes.length
  }
  try {
    await write(HEADER)
    let lines = ''
    for (const row of rows) {
      lines += encodeLine(row)
      if (lines.length < FRAME_BYTES) continue
      await write(encodeFrame(lines))
      lines = ''
    }
    if (lines !== '') await write(encodeFrame(lines))
    await write(END_FRAME)
    await file.sync()
  } finally {
    await file.close()
  }
  await files.rename(name + UNFINISHED, name)
  await files.syncFolder(FOLDER)
  return at
}
