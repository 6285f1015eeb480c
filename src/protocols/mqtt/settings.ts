import type { Broker } from '../../core/broker.ts'
import type { BufferPool } from '../../net/buffer-pool.ts'
import type { CertificateLogin } from '../../net/tls.ts'
import type { Clock } from '../../util/clock.ts'
import type { Logins } from '../logins.ts'
import type { AuthenticationMethod } from './authentication-method.ts'
import type { RetainedLimits } from './retained/retained-messages.ts'

/** What the configuration says of MQTT. */
export interface MqttOptions {
  /** Where clients are that name no virtual host. */
  readonly vhost: string
  /** Topics are its routing keys. */
  readonly exchange: string
  /** Messages of QoS 1 and 2 that a client has not acknowledged; a lower receive maximum of its own goes before. */
  readonly prefetch: number
  /** How long a session may outlast its connection, in seconds: 0 for not at all, Infinity for ever. */
  readonly maxSessionExpirySec: number
  readonly durableQueueType: 'classic' | 'quorum'
  /** Of a whole packet, before and after the login. */
  readonly packetBytesMaxUnauthenticated: number
  readonly packetBytesMax: number
  /** Aliases that a client may give its topics. */
  readonly topicAliasMaximum: number
  /** Publishes of QoS 1 and 2 that a client may have under way. */
  readonly receiveMaximum: number
  /** The longest keep alive in seconds, which MQTT 5 clients are told; 0 for no limit. */
  readonly maxKeepAliveSec: number
  /** Whether who publishes or subscribes without permission is disconnected; else it is told, where the version can. */
  readonly disconnectOnUnauthorized: boolean
  /** Whether topics of Sparkplug keep the dot of their version. */
  readonly sparkplug: boolean
  /** Where clients go that this broker does not serve, or no longer; null where they are not told. */
  readonly serverReference: string | null
  readonly loginTimeoutMs: number
  /** How often `$SYS` topics are told; 0 for never. */
  readonly sysIntervalMs: number
  readonly retained: RetainedLimits
}

/** What MQTT connections of a server have in common. */
export interface MqttSettings extends MqttOptions {
  readonly broker: Broker
  readonly pool: BufferPool
  /** Of keep alives and the time-outs of logins: the network's time, which in a test need not be the broker's. */
  readonly clock: Clock
  readonly logins: Logins
  /** Who a client is that names nobody; null where it is refused. */
  readonly anonymous: { readonly user: string; readonly password: string } | null
  /** How a user name is read from a client certificate; null where certificates log nobody in. */
  readonly certificateLogin: CertificateLogin | null
  /** For enhanced authentication, by their names. */
  readonly authenticationMethods: ReadonlyMap<string, AuthenticationMethod>
  /** Of the broker, for `$SYS`. */
  readonly version: string
}
