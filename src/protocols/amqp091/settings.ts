import type { Broker } from '../../core/broker.ts'
import type { BufferPool } from '../../net/buffer-pool.ts'
import type { CertificateLogin } from '../../net/tls.ts'
import type { Clock } from '../../util/clock.ts'
import type { Logins } from '../logins.ts'

/** What AMQP connections of a server have in common. */
export interface AmqpSettings {
  readonly broker: Broker
  readonly pool: BufferPool
  /** Of heartbeats and of the time-outs of handshakes: the network's time, which in a test need not be the broker's. */
  readonly clock: Clock
  readonly logins: Logins
  /** SASL mechanisms offered, in this order. */
  readonly mechanisms: readonly string[]
  /** Whom ANONYMOUS logs in as; null where it is not offered. */
  readonly anonymous: { readonly user: string; readonly password: string } | null
  /** How EXTERNAL reads a user name from a client certificate. */
  readonly certificateLogin: CertificateLogin
  /** Said in connection.start. */
  readonly product: string
  readonly version: string
  readonly platform: string
  readonly information: string
  readonly clusterName: string
  /** Proposed; the client decides. 0 is off. */
  readonly heartbeatSec: number
  readonly frameMax: number
  readonly initialFrameMax: number
  /** Channels per connection; 0 for no limit. */
  readonly channelMax: number
  readonly handshakeTimeoutMs: number
  /** For a connection of the program's own, which came over no network: see `AmqpFrontEnd.openInProcess`. */
  readonly inProcess?: InProcessLogin
}

/** Whom EXTERNAL logs in as; null: the program itself, which may do everything. */
export interface InProcessLogin {
  readonly user: string | null
  /** How the connection is named. */
  readonly name: string
}
