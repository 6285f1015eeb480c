import { readdir, readFile, statfs } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { type EventLoopUtilization, monitorEventLoopDelay, performance, PerformanceObserver } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'
import { readResidentMemory } from './memory-reading.ts'
import { parseOpenFilesMax, UNKNOWN_FILES_MAX } from './open-files.ts'

/** What the process uses of its machine. */
export interface NodeReadings {
  /** Resident memory, bytes. */
  readonly memoryBytes: number
  readonly openFiles: number
  /** The operating system's limit. */
  readonly openFilesMax: number
  /** On the file system of the data directory, or of the working directory where there is none; bytes. */
  readonly diskFreeBytes: number
  /** Garbage collections of any sort since the start. */
  readonly collections: number
  /** Bytes that they have given back at least: how far the heap shrank from one reading to the next. */
  readonly collectedBytes: number
  readonly contextSwitches: number
  readonly processors: number
  /** Share of the time since the last reading in which the event loop was busy, 0 to 1. */
  readonly loopUtilization: number
  /** How late the event loop was since the last reading, s. */
  readonly loopDelay: { readonly mean: number; readonly p99: number; readonly max: number }
}

/** Between two looks at how late the event loop is, ms. */
const DELAY_RESOLUTION_MS = 50
const NS = 1e-9

/** Reads them from time to time: what has to be asked of the operating system is as of the reading before. */
export class NodeGauges {
  readings: NodeReadings = {
    memoryBytes: readResidentMemory(0),
    openFiles: 0,
    openFilesMax: UNKNOWN_FILES_MAX,
    diskFreeBytes: 0,
    collections: 0,
    collectedBytes: 0,
    contextSwitches: 0,
    processors: availableParallelism(),
    loopUtilization: 0,
    loopDelay: { mean: 0, p99: 0, max: 0 },
  }
  readonly #directory: string
  readonly #delay = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS })
  readonly #observer: PerformanceObserver
  #collections = 0
  #collectedBytes = 0
  #heapBytes = 0
  #utilization: EventLoopUtilization = performance.eventLoopUtilization()
  #asking: Promise<void> | null = null

  /** @param directory whose file system's room is asked for */
  constructor(directory: string) {
    this.#directory = directory
    this.#observer = new PerformanceObserver((list) => {
      this.#collections += list.getEntries().length
    })
    this.#observer.observe({ entryTypes: ['gc'] })
    this.#delay.enable()
  }

  /** Takes a reading. Resolves when the operating system has answered, for who wants to wait; never rejects. */
  refresh(): Promise<void> {
    const used = getHeapStatistics().used_heap_size
    if (used < this.#heapBytes) this.#collectedBytes += this.#heapBytes - used
    this.#heapBytes = used
    const { voluntaryContextSwitches, involuntaryContextSwitches } = process.resourceUsage()
    const utilization = performance.eventLoopUtilization()
    this.readings = {
      ...this.readings,
      memoryBytes: readResidentMemory(this.readings.memoryBytes),
      collections: this.#collections,
      collectedBytes: this.#collectedBytes,
      contextSwitches: voluntaryContextSwitches + involuntaryContextSwitches,
      loopUtilization: performance.eventLoopUtilization(utilization, this.#utilization).utilization,
      loopDelay: this.#takeDelay(),
    }
    this.#utilization = utilization
    this.#asking ??= this.#ask().finally(() => (this.#asking = null))
    return this.#asking
  }

  #takeDelay(): NodeReadings['loopDelay'] {
    const { mean, max, count } = this.#delay
    // a timer that is on time is as late as its resolution
    const late = (ns: number): number => Math.max(0, ns * NS - DELAY_RESOLUTION_MS / 1000)
    const taken =
      count === 0
        ? { mean: 0, p99: 0, max: 0 }
        : { mean: late(mean), p99: late(this.#delay.percentile(99)), max: late(max) }
    this.#delay.reset()
    return taken
  }

  async #ask(): Promise<void> {
    const [openFiles, openFilesMax, diskFreeBytes] = await Promise.all([
      countOpenFiles().catch(() => this.readings.openFiles),
      askOpenFilesMax().catch(() => this.readings.openFilesMax),
      askDiskFree(this.#directory).catch(() => this.readings.diskFreeBytes),
    ])
    this.readings = { ...this.readings, openFiles, openFilesMax, diskFreeBytes }
  }

  close(): void {
    this.#observer.disconnect()
    this.#delay.disable()
  }
}

// Of Linux; elsewhere the numbers stay as they were.

const countOpenFiles = async (): Promise<number> => (await readdir('/proc/self/fd')).length

const askOpenFilesMax = async (): Promise<number> =>
  parseOpenFilesMax(await readFile('/proc/self/limits', 'utf8')) ?? UNKNOWN_FILES_MAX

async function askDiskFree(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(directory)
  return bavail * bsize
}
