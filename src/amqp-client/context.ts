import { BufferPool } from '../net/buffer-pool.ts'
import type { Clock } from '../util/clock.ts'
import { Interner } from '../util/interner.ts'
import { systemClock } from '../util/system-clock.ts'
import { Turn } from '../util/turn.ts'

/** What the connections of a program share. */
export interface ClientContext {
  readonly turn: Turn
  readonly pool: BufferPool
  /** Of heartbeats and of the time that connecting may take. */
  readonly clock: Clock
  /** Exchange names, routing keys and consumer tags that keep coming. */
  readonly interner: Interner
}

export const createContext = (clock: Clock): ClientContext => ({
  turn: new Turn(),
  pool: new BufferPool(),
  clock,
  interner: new Interner(),
})

let shared: ClientContext | null = null

/** For programs that have none of their own. */
export const defaultContext = (): ClientContext => (shared ??= createContext(systemClock()))
