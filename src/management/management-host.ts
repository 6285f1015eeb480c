import type { FastifyInstance } from 'fastify'
import type { Authenticator } from '../auth/authenticator.ts'
import type { Config, Watermark } from '../config/config.ts'
import type { EffectiveSetting } from '../config/effective.ts'
import type { Broker } from '../core/broker.ts'
import type { FederationControl, ShovelControl } from '../core/links.ts'
import type { RecordedTraces } from '../core/tracing/recorded-traces.ts'
import type { Log, SteerableLog } from '../telemetry/log.ts'
import type { NodeReadings } from '../telemetry/node-gauges.ts'
import type { Statistics } from './statistics/statistics.ts'

/** A port that the node listens on. */
export interface ListenerFacts {
  /** By RabbitMQ's names: `amqp`, `amqp/ssl`, `http`, `https`, `http/prometheus` ... */
  readonly protocol: string
  readonly address: string
  readonly port: number
  readonly tls: boolean
}

/** A certificate that a listener shows. */
export interface CertificateFacts {
  /** By RabbitMQ's names: `amqp/ssl` and so on. */
  readonly protocol: string
  readonly port: number
  /** ms since the epoch. */
  readonly validTo: number
}

/** What the node is made of, and what it uses of its machine. */
export interface NodeFacts {
  /** Publishers are held above this much memory, and below this much free disk; bytes. */
  readonly memoryLimitBytes: number
  readonly diskFreeLimitBytes: number
  readonly logFiles: readonly string[]
  readonly configFiles: readonly string[]
  /** How clients may log in: `PLAIN` and so on. */
  readonly mechanisms: readonly string[]
  readings(): NodeReadings
  certificates(): readonly CertificateFacts[]
}

/** Maintenance mode: the node goes on, and serves no clients. */
export interface MaintenanceControl {
  readonly isOn: boolean
  /** Resolves when nobody can connect any more and all clients have been told to go. */
  drain(): Promise<void>
  /** Rejects with an Error that names the port, and nothing has changed, where one cannot be had again. */
  revive(): Promise<void>
}

/** What may be changed of a node that runs, until it stops. */
export interface NodeControl {
  readonly limits: {
    readonly memory: Watermark
    readonly disk: Watermark
    readonly memoryBytes: number
    readonly diskFreeBytes: number
    /** Whether anybody looks at memory and disk. */
    readonly isWatched: boolean
    /** Resolves when memory and disk have been looked at with the new limits. */
    change(changes: { readonly memory?: Watermark; readonly disk?: Watermark }): Promise<void>
  }
  readonly maintenance: MaintenanceControl
  /** Null: the log is somebody else's, or there is none. */
  readonly log: SteerableLog | null
  /** Stops the broker and its process; null where the process is somebody else's. @param by who wants it */
  readonly requestStop: ((by: string) => void) | null
  /** The variables of the environment that the configuration has read, without secrets. */
  readonly environment: Readonly<Record<string, string>>
}

/** What the HTTP API needs of the node that it shows. */
export interface ManagementHost {
  readonly broker: Broker
  readonly log: Log
  readonly authenticator: Authenticator
  /** Of WarrenMQ itself. */
  readonly version: string
  /** The version of RabbitMQ that clients are told. */
  readonly announced: { readonly product: string; readonly version: string }
  readonly clusterName: string
  /** Null: everything is in memory. */
  readonly dataDir: string | null
  /** ms since the epoch. */
  readonly startedAt: number
  readonly http: Omit<Config['http'], 'listeners'>
  /** The configuration that is in force, without secrets. */
  readonly effective: readonly EffectiveSetting[]
  /** Where the built console is; null where it was not built. */
  readonly consoleDir: string | null
  listeners(): readonly ListenerFacts[]
  /** To other brokers. */
  readonly links: { readonly shovels: ShovelControl; readonly federation: FederationControl }
  /** Null where there is no folder for their files. */
  readonly traces: RecordedTraces | null
  readonly node: NodeFacts
  readonly control: NodeControl
  readonly statistics: Statistics
  /** Names of the plugins that run, as they call themselves. */
  readonly pluginNames: readonly string[]
  /** What plugins add. */
  readonly pluginRoutes: readonly PluginRoutes[]
}

/** Routes that a plugin adds. */
export interface PluginRoutes {
  /** Its name. */
  readonly plugin: string
  /** @throws an Error that says which plugin it is, and the broker does not start */
  readonly add: (app: FastifyInstance) => Promise<void>
}
