import { statfs } from 'node:fs/promises'
import { totalmem } from 'node:os'
import { getHeapStatistics } from 'node:v8'
import { Collector, MemoryGauge } from './memory-gauge.ts'

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
  readonly #limits: ResourceLimits
  readonly #listener: ResourceListener
  readonly #timer: NodeJS.Timeout
  readonly #gauge: MemoryGauge
  readonly #collector = new Collector()
  #low = { memory: false, disk: false }
  #ticks = 0
  #asking = false
  #room = Infinity

  constructor(limits: ResourceLimits, listener: ResourceListener) {
    this.#limits = limits
    this.#listener = listener
    this.#gauge = new MemoryGauge(limits.memoryBytes, process.memoryUsage())
    this.#timer = setInterval(() => this.#check(), INTERVAL_MS)
    this.#timer.unref()
    this.#check()
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #check(): void {
    this.#checkMemory()
    const { directory } = this.#limits
    if (directory === null) return
    const isDue = this.#ticks++ % DISK_EVERY === 0 || this.#room < DISK_ROOM_BYTES
    if (isDue) void this.#checkDisk(directory)
  }

  #checkMemory(): void {
    const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics()
    const reading = process.memoryUsage()
    const low = this.#gauge.exceeds(reading) || used > limit * HEAP_SHARE_MAX
    if (low) this.#collector.onLow(performance.now(), reading)
    else this.#collector.onEnough()
    this.#report('memory', low)
  }

  async #checkDisk(directory: string): Promise<void> {
    if (this.#asking) return
    this.#asking = true
    try {
      const { bavail, bsize } = await statfs(directory)
      this.#room = bavail * bsize - this.#limits.diskFreeBytes
      this.#listener.onDiskRoom(this.#room)
      this.#report('disk', this.#room < 0)
    } catch {
      // a file system that cannot be asked says nothing about its room
    } finally {
      this.#asking = false
    }
  }

  #report(resource: 'memory' | 'disk', low: boolean): void {
    if (this.#low[resource] === low) return
    this.#low[resource] = low
    this.#listener.onChange(resource, low)
  }
}
