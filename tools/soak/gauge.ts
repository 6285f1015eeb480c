/** What a broker's process takes of the machine, and whether that is in order. Linux only. */
import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { residentBytes } from '../../test/support/process-memory.ts'

const MIB = 1024 * 1024
const REST_WITHIN_MS = 30_000
const DISK_AT_REST_BYTES = 16 * MIB
/** Files that the store may keep open besides those of the start. */
const FILES_SLACK = 8
/** The median of the last third may be above that of the first third by the larger of the two. */
const MEMORY_SLACK_BYTES = 48 * MIB
const MEMORY_SLACK_SHARE = 0.15
/** The first part of the time is for pools, caches and compiled code to get their size. */
const WARM_UP_SHARE = 0.2
/** Shorter than this the garbage collector has not even begun. */
const JUDGED_FROM_SECONDS = 600

export interface Sample {
  readonly seconds: number
  readonly rssBytes: number
  readonly files: number
  readonly diskBytes: number
  readonly delivered: number
}

export function takeSample(pid: number, dataDir: string, seconds: number, delivered: number): Sample {
  const files = readdirSync(`/proc/${pid}/fd`).length
  return { seconds, rssBytes: residentBytes(pid), files, diskBytes: diskBytes(dataDir), delivered }
}

/** Of everything in a folder. What disappears meanwhile counts for nothing. */
export function diskBytes(folder: string): number {
  let bytes = 0
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue
    try {
      bytes += lstatSync(join(entry.parentPath, entry.name)).blocks * 512
    } catch {
      continue
    }
  }
  return bytes
}

/** Waits until files and disk are back, as long as is allowed. @returns the last sample, and what is not back */
export async function waitForRest(
  pid: number,
  dataDir: string,
  start: Sample,
  delivered: number,
  seconds: number,
): Promise<{ end: Sample; late: string[] }> {
  const began = performance.now()
  for (;;) {
    const waited = performance.now() - began
    const end = takeSample(pid, dataDir, seconds + waited / 1000, delivered)
    const late: string[] = []
    if (end.files > start.files + FILES_SLACK) late.push(`${end.files} open files, ${start.files} at the start`)
    if (end.diskBytes > DISK_AT_REST_BYTES) late.push(`${mib(end.diskBytes)} MiB on disk`)
    if (late.length === 0 || waited > REST_WITHIN_MS) return { end, late }
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
}

/** Whether memory stays where it is. */
export function judge(samples: readonly Sample[]): string[] {
  const seconds = samples.at(-1)?.seconds ?? 0
  if (seconds < JUDGED_FROM_SECONDS) {
    console.log(`memory is not judged in less than ${JUDGED_FROM_SECONDS / 60} minutes`)
    return []
  }
  const warm = samples.filter((sample) => sample.seconds >= seconds * WARM_UP_SHARE)
  const third = Math.floor(warm.length / 3)
  const early = median(warm.slice(0, third))
  const late = median(warm.slice(-third))
  const allowed = early + Math.max(MEMORY_SLACK_BYTES, early * MEMORY_SLACK_SHARE)
  console.log(`memory: ${mib(early)} MiB early, ${mib(late)} MiB late, ${mib(allowed)} MiB allowed (medians)`)
  return late > allowed ? [`memory grew from ${mib(early)} to ${mib(late)} MiB`] : []
}

function median(samples: readonly Sample[]): number {
  const sorted = samples.map(({ rssBytes }) => rssBytes).toSorted((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? 0
}

export function printTable(samples: readonly Sample[]): void {
  console.log('    seconds   RSS MiB   files  disk MiB   delivered')
  for (const { seconds, rssBytes, files, diskBytes: disk, delivered } of samples) {
    const columns = [seconds.toFixed(0), mib(rssBytes), String(files), mib(disk), String(delivered)]
    console.log(columns.map((text, i) => text.padStart([11, 10, 8, 10, 12][i]!)).join(''))
  }
}

const mib = (bytes: number): string => (bytes / MIB).toFixed(1)
