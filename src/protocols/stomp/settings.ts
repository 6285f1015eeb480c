import type { Broker } from '../../core/broker.ts'
import type { BufferPool } from '../../net/buffer-pool.ts'
import type { CertificateLogin } from '../../net/tls.ts'
import type { Clock } from '../../util/clock.ts'
import type { Logins } from '../logins.ts'

/** What STOMP connections of a server have in common. */
export interface StompSettings {
  readonly broker: Broker
  readonly pool: BufferPool
  /** Of heart-beats and of the time that logging in may take. */
  readonly clock: Clock
  readonly logins: Logins
  /** How a user name is read from a client certificate. */
  readonly certificateLogin: CertificateLogin
  /** Said in CONNECTED. */
  readonly product: string
  readonly version: string
  readonly hideServer: boolean
  /** Of clients that give no login. */
  readonly defaultUser: string
  readonly defaultPassword: string
  readonly defaultVhost: string
  /** The exchange of `/topic` destinations. */
  readonly topicExchange: string
  /** Whether a client that does not begin with CONNECT is logged in as the default user. */
  readonly implicitConnect: boolean
  /** Whether a verified client certificate logs in who gives no login. */
  readonly certificateLogins: boolean
  /** What NACK does where it does not say. */
  readonly nackRequeues: boolean
  /** Whether a line end follows the NUL of each frame that is sent. */
  readonly trailingLineFeed: boolean
  /** Whether a WebSocket client is who its HTTP request says, or the default user. */
  readonly takesHttpLogins: boolean
  readonly loginTimeoutMs: number
  /** Of a frame's body; null: 4 MiB, or with content-length as much as a message may have. */
  readonly bodyBytesMax: number | null
}
