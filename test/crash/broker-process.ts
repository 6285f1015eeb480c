import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Exit, WarrenProcess } from '../support/warren-process.ts'

const READY_WITHIN_MS = 60_000
const STOP_WITHIN_MS = 60_000

/** Brokers that tools start one after the other on a data directory. None of them outlives this process. */
export class BrokerRunner {
  readonly dataDir: string
  process: WarrenProcess | null = null
  readonly #temporary: boolean
  readonly #onExit = (): void => this.destroy()

  private constructor(dataDir: string, temporary: boolean) {
    this.dataDir = dataDir
    this.#temporary = temporary
    process.on('exit', this.#onExit)
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
  }

  static async create(dataDir?: string): Promise<BrokerRunner> {
    return new BrokerRunner(dataDir ?? (await mkdtemp(join(tmpdir(), 'warren-crash-'))), dataDir === undefined)
  }

  /** Begins to start; `ready()` of what is returned waits for it. */
  spawn(flags: readonly string[]): WarrenProcess {
    const ports = ['--port', '0', '--management-port', '0', '--prometheus-port', 'none']
    this.process = new WarrenProcess(['start', ...ports, '--data-dir', this.dataDir, ...flags], {})
    return this.process
  }

  async start(flags: readonly string[]): Promise<WarrenProcess> {
    return within(READY_WITHIN_MS, 'the broker to be ready', this.spawn(flags).ready())
  }

  async stop(signal: NodeJS.Signals): Promise<Exit> {
    const exit = await within(STOP_WITHIN_MS, `the broker to go by ${signal}`, this.process!.stop(signal))
    this.process = null
    return exit
  }

  /** Kills what runs and removes a directory of its own. */
  destroy(keep = false): void {
    process.off('exit', this.#onExit)
    this.process?.kill('SIGKILL')
    this.process = null
    if (this.#temporary && !keep) rmSync(this.dataDir, { recursive: true, force: true, maxRetries: 10 })
  }
}

export async function within<T>(ms: number, what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${ms / 1000} s for ${what}`)), ms)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Options that this version of `warren start` knows, so that what is not there yet is not asked for. */
export async function knownFlags(): Promise<ReadonlySet<string>> {
  const help = new WarrenProcess(['start', '--help'], {})
  await help.exited
  return new Set([...help.stdout.matchAll(/^ {2}(--[\w-]+)/gm)].map(([, flag]) => flag!))
}
