import type { FastifyInstance } from 'fastify'
import type { Authenticator } from '../auth/authenticator.ts'
import type { Config } from '../config/config.ts'
import type { EffectiveSetting } from '../config/effective.ts'
import type { Broker } from '../core/broker.ts'
import type { Log } from '../telemetry/log.ts'

/** A port that the node listens on. */
export interface ListenerFacts {
  /** By RabbitMQ's names: `amqp`, `amqp/ssl`, `http`, `https`, `http/prometheus` ... */
  readonly protocol: string
  readonly address: string
  readonly port: number
  readonly tls: boolean
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
  /** What plugins add. */
  readonly pluginRoutes: readonly ((app: FastifyInstance) => void)[]
}
