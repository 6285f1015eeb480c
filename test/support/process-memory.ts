import { readFileSync } from 'node:fs'

/** Memory that a process holds, in bytes. Linux only. */
export function residentBytes(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))!
  return Number(kilobytes) * 1024
}

/** Why memory cannot be measured here, or false. */
export const withoutProc: string | false = process.platform === 'linux' ? false : 'memory is read from /proc'
