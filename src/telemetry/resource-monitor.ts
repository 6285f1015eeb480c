import { statfs } from 'node:fs/promises'
import { totalmem } from 'node:os'
import { getHeapStatistics } from 'node:v8'
import { Collector, MemoryGauge } from './memory-gauge.ts'
import { clearInterval, monotonicClock, setInterval } from '../util/real-time.ts'
import { readMemory } from './memory-reading.ts'

const INTERVAL_MS = 250
/** Share of V8's own limit from which on memory counts as used up, whatever the machine still has: beyond the limit the process dies. */
const HEAP_SHARE_MAX = 0.7
/** The disk is asked less often, unless there is less room above its limit than this. */
const DISK_EVERY = 8
const DISK_ROOM_BYTES = 4 * 1024 ** 3

export interface ResourceLimits {
  /** Bytes of memory that the process may use. */
  readonly memoryBytes: number
  /** Bytes that must stay free on the data directory's file system. */
  readonly diskFreeBytes: number
  /** Null: nothing is written, and the disk not looked at. */
  readonly directory: string | null
}

/** Memory that the process may use at most: the machine's, or what its control group allows. */
export function availableMemory(): number {
  const constrained = process.constrainedMemory()
  return constrained > 0 && constrained < totalmem() ? constrained : totalmem()
}

export interface ResourceListener {
  onChange(resource: 'memory' | 'disk', low: boolean): void
  /** Bytes that may be written before the disk is low, as of now. */
  onDiskRoom(bytes: number): void
}

/** Watches memory and disk, and says when they run low and when they no longer do. */
export class ResourceMonitor {
  readonly #directory: string | null
  readonly #listener: ResourceListener
  readonly #timer: NodeJS.Timeout
  readonly #gauge: MemoryGauge
  readonly #collector = new Collector()
  #low = { memory: false, disk: false }
  #diskFreeBytes: number
  #ticks = 0
  /** While the disk is being asked. */
  #asking: Promise<void> | null = null
  #room = Infinity

  constructor(limits: ResourceLimits, listener: ResourceListener) {
    this.#directory = limits.directory
    this.#diskFreeBytes = limits.diskFreeBytes
    this.#listener = listener
    this.#gauge = new MemoryGauge(limits.memoryBytes, readMemory())
    this.#timer = setInterval(() => this.#check(), INTERVAL_MS)
    this.#timer.unref()
    this.#check()
  }

  /** Other limits from now on, in bytes. Resolves when memory and disk have been looked at with them. */
  async setLimits(memoryBytes: number, diskFreeBytes: number): Promise<void> {
    this.#gauge.setLimit(memoryBytes)
    this.#diskFreeBytes = diskFreeBytes
    this.#checkMemory()
    if (this.#directory !== null) await this.#checkDisk(this.#directory)
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #check(): void {
    this.#checkMemory()
    if (this.#directory === null) return
    const isDue = this.#ticks++ % DISK_EVERY === 0 || this.#room < DISK_ROOM_BYTES
    if (isDue) void this.#checkDisk(this.#directory)
  }

  #checkMemory(): void {
    const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics()
    const reading = readMemory()
    const low = this.#gauge.exceeds(reading) || used > limit * HEAP_SHARE_MAX
    if (low) this.#collector.onLow(monotonicClock(), reading)
    else this.#collector.onEnough()
    this.#report('memory', low)
  }

  /** One question at a time; the limit that counts is the one at the time of the answer. */
  #checkDisk(directory: string): Promise<void> {
    this.#asking ??= this.#askDisk(directory).finally(() => (this.#asking = null))
    return this.#asking
  }

  async #askDisk(directory: string): Promise<void> {
    try {
      const { bavail, bsize } = await statfs(directory)
      this.#room = bavail * bsize - this.#diskFreeBytes
      this.#listener.onDiskRoom(this.#room)
      this.#report('disk', this.#room < 0)
    } catch {
      // a file system that cannot be asked says nothing about its room
    }
  }

  #report(resource: 'memory' | 'disk', low: boolean): void {
    if (this.#low[resource] === low) return
    this.#low[resource] = low
    this.#listener.onChange(resource, low)
  }
}
