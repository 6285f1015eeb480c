import { readFileSync } from 'node:fs'

/** Of a system that does not tell its limit. */
export const UNKNOWN_FILES_MAX = 1024
/** Files that stay for the store, which reads from 128 at most, for the log and for outgoing connections. */
const RESERVE_MAX = 200
/** The same where the limit is low: one of so many. */
const RESERVE_SHARE = 4

/**
 * From so many open files on no connection is taken: a broker that cannot open a file of its store has to end, and one that
 * has no room for another client does not.
 */
export const connectionFilesMax = (openFilesMax: number): number =>
  openFilesMax - Math.min(RESERVE_MAX, Math.ceil(openFilesMax / RESERVE_SHARE))

/** The limit in what Linux tells of a process in `/proc/self/limits`; null where there is none. */
export function parseOpenFilesMax(limits: string): number | null {
  const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1]
  return soft === undefined ? null : Number(soft)
}

/** How many files the process may have open; null where the system does not tell, or has no limit. */
export function readOpenFilesMax(): number | null {
  try {
    return parseOpenFilesMax(readFileSync('/proc/self/limits', 'utf8'))
  } catch {
    return null
  }
}
