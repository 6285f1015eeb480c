let last: NodeJS.MemoryUsage | null = null

/** `process.memoryUsage()`. It has to open a file, and where it may not, it is as it was last time. */
export function readMemory(): NodeJS.MemoryUsage {
  try {
    last = process.memoryUsage()
  } catch (error) {
    if (last === null) throw error
  }
  return last
}

/** Resident memory in bytes, in the same way. */
export function readResidentMemory(before: number): number {
  try {
    return process.memoryUsage.rss()
  } catch {
    return before
  }
}
