import type { Config } from './config/config.ts'
import type { Log } from './telemetry/log.ts'

/** A broker that has been started from a configuration. */
export interface RunningServer {
  readonly urls: { readonly amqp: string[]; readonly amqps: string[]; readonly websocket: string[] }
  /** Null: everything is in memory. */
  readonly dataDir: string | null
  /** Closes connections, writes what is pending and closes the store, in this order. `reason` is told to clients. */
  stop(reason: string): Promise<void>
  /** Resolves when the broker cannot go on, for instance because a sync failed. */
  readonly failed: Promise<Error>
}

export declare function startServer(config: Config, log: Log): Promise<RunningServer>
