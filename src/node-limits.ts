import type { Config, Watermark } from './config/config.ts'
import type { Broker } from './core/broker.ts'
import { availableMemory, ResourceMonitor } from './telemetry/resource-monitor.ts'

/** What a watermark comes to on this machine, in bytes. */
export const watermarkBytes = ({ bytes, relativeToMemory }: Watermark): number =>
  bytes ?? Math.floor(availableMemory() * (relativeToMemory ?? 1))

/** How much memory may be used, and how much disk has to be free: at first what the configuration says. */
export class NodeLimits {
  readonly #directory: string | null
  #memory: Watermark
  #disk: Watermark
  #monitor: ResourceMonitor | null = null

  constructor({ memory, disk, dataDir }: Pick<Config, 'memory' | 'disk' | 'dataDir'>) {
    this.#memory = memory
    this.#disk = disk
    this.#directory = dataDir
  }

  get memory(): Watermark {
    return this.#memory
  }

  get disk(): Watermark {
    return this.#disk
  }

  get memoryBytes(): number {
    return watermarkBytes(this.#memory)
  }

  get diskFreeBytes(): number {
    return watermarkBytes(this.#disk)
  }

  /** Whether anybody looks at memory and disk. */
  get isWatched(): boolean {
    return this.#monitor !== null
  }

  /** From now on publishers are held while the limits are not kept. */
  watch(broker: Broker): void {
    const { memoryBytes, diskFreeBytes } = this
    const limits = { memoryBytes, diskFreeBytes, directory: this.#directory }
    this.#monitor = new ResourceMonitor(limits, {
      onChange: (resource, low) => broker.alarms.set(resource, low),
      onDiskRoom: (bytes) => broker.store.setRoom(bytes),
    })
  }

  /** Until the node stops. Resolves when memory and disk have been looked at with the new limits. */
  async change(changes: { readonly memory?: Watermark; readonly disk?: Watermark }): Promise<void> {
    this.#memory = changes.memory ?? this.#memory
    this.#disk = changes.disk ?? this.#disk
    await this.#monitor?.setLimits(this.memoryBytes, this.diskFreeBytes)
  }

  close(): void {
    this.#monitor?.close()
  }
}
