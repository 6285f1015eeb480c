import type { Authenticator } from '../auth/authenticator.ts'
import type { Broker } from '../core/broker.ts'
import type { FrontEnd } from '../protocols/front-end.ts'
import type { Log } from '../telemetry/log.ts'
import type { Clock } from '../util/clock.ts'

/** A protocol besides those that the broker speaks itself. */
export interface PluginProtocol {
  /** As lists of listeners have it: a letter, then letters, digits, `+`, `-` and `.`, so that it can begin an address. */
  readonly name: string
  /** Where it is spoken. Asked when the plugins have been started, and have their settings. @throws Error, and the broker does not start */
  listeners(): readonly PluginListener[]
  /** Makes what takes the connections. @throws Error, and the broker does not start */
  create(parts: ProtocolParts): FrontEnd
}

export interface PluginListener {
  /** 0 is one that is free. */
  readonly port: number
  /** An address of this machine; without it, those of the other listeners. */
  readonly host?: string
  /** With the certificate of the AMQP listeners (`ssl_options`). */
  readonly tls?: boolean
}

/** What a front end has of the server. */
export interface ProtocolParts {
  readonly broker: Broker
  /** Says who clients are, as for all protocols: what it answers opens a connection by `broker.openConnection`. */
  readonly logins: Authenticator
  readonly log: Log
  /** Of heartbeats and of the time-outs of handshakes. */
  readonly clock: Clock
}
