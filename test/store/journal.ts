import { JournalStore } from '../../src/store/journal/journal-store.ts'
import type { DamageReport } from '../../src/store/journal/recovery.ts'
import type { Log, LogFacts } from '../../src/telemetry/log.ts'
import { Turn } from '../../src/util/turn.ts'
import type { SimulatedDisk } from '../support/simulated-disk.ts'
import type { OpenStore } from './driver.ts'

export interface JournalSizes {
  readonly segmentBytes?: number
  readonly indexBytesMax?: number
}

/** Small enough for everything to happen within a few hundred messages. */
export const TINY: JournalSizes = { segmentBytes: 8192, indexBytesMax: 2048 }

export interface LogLine {
  readonly level: 'info' | 'warn' | 'error'
  readonly text: string
  readonly facts: LogFacts
}

export class OpenJournal implements OpenStore {
  readonly store: JournalStore
  readonly turn: Turn
  readonly lines: LogLine[]
  readonly damages: DamageReport[] = []
  readonly failures: Error[]

  constructor(store: JournalStore, turn: Turn, lines: LogLine[], failures: Error[]) {
    this.store = store
    this.turn = turn
    this.lines = lines
    this.failures = failures
    store.onDamage((report) => this.damages.push(report))
  }

  abandon(): void {
    this.turn.close()
  }

  async close(): Promise<void> {
    await this.store.close()
    this.turn.close()
  }
}

/** A journal on a simulated disk, which tidies up only when it is told to. */
export async function openJournal(disk: SimulatedDisk, sizes: JournalSizes = {}): Promise<OpenJournal> {
  const turn = new Turn()
  const lines: LogLine[] = []
  const failures: Error[] = []
  const { segmentBytes = 1024 * 1024, indexBytesMax = 1024 * 1024 } = sizes
  const store = await JournalStore.open({
    files: disk,
    turn,
    log: logTo(lines),
    segmentBytes,
    indexBytesMax,
    checkpointBytes: 1024 * 1024,
    housekeepingMs: 0,
    onFailure: (error) => failures.push(error),
    now: () => 1_000_000,
  })
  return new OpenJournal(store, turn, lines, failures)
}

function logTo(lines: LogLine[]): Log {
  const at =
    (level: LogLine['level']) =>
    (text: string, facts: LogFacts = {}): void =>
      void lines.push({ level, text, facts })
  const log: Log = {
    debugOn: false,
    debug: () => {},
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: () => log,
  }
  return log
}
