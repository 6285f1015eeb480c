import type { Broker } from './broker.ts'
import type { Table } from './fields.ts'
import type { Timer } from '../util/clock.ts'
import type { Identity, Renewal } from './identity.ts'
import type { TopicVariables } from './permissions.ts'
import type { Queue } from './queues/queue.ts'
import { Session, type SessionSink } from './session.ts'
import { whenDecided } from './undecided.ts'
import type { VHost } from './vhost.ts'

/** What the broker tells a connection, apart from its sessions. */
export interface ConnectionSink {
  /** The broker ends the connection (RabbitMQ: 320 CONNECTION_FORCED); the text is for the client. */
  close(text: string): void
  /** The network connection goes without a word. */
  drop(): void
  /** A resource alarm holds this publisher: stop reading from it, and tell it why if it wants to know. */
  block(reason: string): void
  unblock(): void
  /** The store or the memory does not keep up with this publisher: stop reading from it for a while, without a word. */
  hold(): void
  release(): void
  /** What has gone over the network so far. */
  traffic(): Traffic
}

export interface Traffic {
  readonly receivedBytes: number
  /** Reads and writes of the socket. */
  readonly receivedPackets: number
  readonly sentBytes: number
  readonly sentPackets: number
  /** Bytes that the peer has not taken yet. */
  readonly pendingBytes: number
}

export const NO_TRAFFIC: Traffic = {
  receivedBytes: 0,
  receivedPackets: 0,
  sentBytes: 0,
  sentPackets: 0,
  pendingBytes: 0,
}

/** What only a connection that came over the network has. */
export interface NetworkFacts {
  readonly localAddress: string
  readonly localPort: number
  /** How it logged in: `PLAIN` and so on. */
  readonly mechanism: string
  /** As negotiated; 0 for no limit. */
  readonly channelMax: number
  readonly frameMaxBytes: number
  /** 0 for none. */
  readonly heartbeatSec: number
  readonly tls: TlsFacts | null
}

export interface TlsFacts {
  /** `TLSv1.3` and so on. */
  readonly protocol: string
  /** The suite by the name that IANA gives it: `TLS_AES_256_GCM_SHA384`. */
  readonly cipher: string
  /** Of the client's certificate; null where it gave none. */
  readonly certificate: {
    /** As RabbitMQ prints names: `CN=client,O=example`. */
    readonly distinguishedName: string
    readonly issuer: string
    /** ms since the epoch. */
    readonly validFrom: number
    readonly validTo: number
  } | null
}

export interface ConnectionFacts {
  /** Unique in the node, as RabbitMQ names connections: `127.0.0.1:50000 -> 127.0.0.1:5672`. */
  readonly name: string
  readonly protocol: string
  /** What the client calls it, if it does. */
  readonly givenName: string | null
  readonly peerAddress: string
  readonly peerPort: number
  readonly clientProperties: Table
  readonly loopback: boolean
  /** What topic permissions may name besides the user and the virtual host, such as `client_id`. */
  readonly topicVariables?: TopicVariables
  /** Whether the protocol has channels: without, its sessions are nothing that anybody else knows of. True unless given. */
  readonly hasChannels?: boolean
  /** The protocol as metrics name it, where its messages are counted apart. */
  readonly countedAs?: string
  /** Null for one that did not come over the network. */
  readonly network: NetworkFacts | null
}

/** Who a client is, for those who do not ask what it may do. */
export interface ConnectedUser {
  readonly name: string
  readonly tags: readonly string[]
}

const NO_CHANNELS: ReadonlySet<Session> = new Set()

/** One authenticated client: who it is, where it is, and what ends with it. */
export class ClientConnection {
  readonly id: number
  readonly broker: Broker
  readonly vhost: VHost
  /** Another one of the same user after a new login. */
  identity: Identity
  /** Of the identity; the tags may change with a new secret. */
  user: ConnectedUser
  readonly facts: ConnectionFacts
  readonly connectedAt: number
  readonly sessions = new Set<Session>()
  readonly exclusiveQueues = new Set<Queue>()
  /** The client does not read fast enough: no deliveries until it does. */
  full = false
  /** It hardly reads at all: not even what cannot wait in a queue is kept for it. */
  choked = false
  /** Held by a resource alarm. */
  blocked = false
  /** Held because the store does not keep up. */
  held = false
  closed = false
  /** Free for whoever keeps statistics of it. */
  history: unknown = null
  readonly #sink: ConnectionSink
  /** How often the transport has had room again. */
  #reliefs = 0
  #expiry: Timer | null = null

  constructor(id: number, vhost: VHost, identity: Identity, facts: ConnectionFacts, sink: ConnectionSink) {
    const { broker } = vhost
    this.id = id
    this.broker = broker
    this.vhost = vhost
    this.identity = identity
    this.user = { name: identity.name, tags: identity.tags }
    this.facts = facts
    this.#sink = sink
    this.connectedAt = broker.clock.now()
    this.#expireAt(identity.expiresAt)
  }

  /** The sessions that are channels of the protocol. */
  get channels(): ReadonlySet<Session> {
    return this.facts.hasChannels === false ? NO_CHANNELS : this.sessions
  }

  /** @param number what tells the connection's sessions apart, where the protocol numbers them */
  openSession(sink: SessionSink, number = 0): Session {
    const session = new Session(this, sink, number)
    this.sessions.add(session)
    this.broker.sessionOpened(session)
    return session
  }

  /**
   * The transport has room again: whoever waited for it may be served. Another consumer comes first each time, since the first may fill it
   * at once, and a queue with a backlog would keep all others waiting.
   */
  writable(): void {
    this.full = false
    this.choked = false
    const consumers = [...this.sessions].flatMap((session) => [...session.consumers.values()])
    const first = consumers.length === 0 ? 0 : this.#reliefs++ % consumers.length
    for (let i = first; i < consumers.length; i++) consumers[i]!.wake()
    for (let i = 0; i < first; i++) consumers[i]!.wake()
  }

  /** Called when it publishes during an alarm: only publishers are held. */
  blockForAlarm(reason: string): void {
    if (this.blocked) return
    this.blocked = true
    this.#sink.block(reason)
  }

  unblock(): void {
    if (!this.blocked) return
    this.blocked = false
    this.#sink.unblock()
  }

  /** Called when it publishes while publishers are held (`Broker.holdsPublishers`). */
  hold(): void {
    if (this.held || this.closed) return
    this.held = true
    this.broker.heldConnections.add(this)
    this.#sink.hold()
  }

  release(): void {
    if (!this.held) return
    this.held = false
    this.broker.heldConnections.delete(this)
    this.#sink.release()
  }

  /** A new secret in place of the login's. With it go other tags, another end, and consumers of what may be read no more. */
  async renew(secret: string): Promise<Renewal> {
    const renewal = await this.identity.renew(secret)
    if (renewal.outcome === 'ok') await this.#renewed(renewal)
    return renewal
  }

  /**
   * The client has logged in once more, as the user that it was. What it may do goes by the new login from now on.
   * Rejects with a BrokerError notAllowed where that may not enter the virtual host; nothing is changed then.
   */
  async loggedInAgain(identity: Identity): Promise<void> {
    await whenDecided(() => identity.authorizer.requireVhost(this.vhost.name))
    if (this.closed) return
    this.identity = identity
    for (const session of this.sessions) session.renewAccess()
    await this.#renewed(identity)
  }

  async #renewed({ tags, expiresAt }: Pick<Identity, 'tags' | 'expiresAt'>): Promise<void> {
    if (this.closed) return
    this.user = { name: this.identity.name, tags }
    this.#expireAt(expiresAt)
    await Promise.all([...this.sessions].map((session) => session.recheckConsumers()))
  }

  #expireAt(time: number | null): void {
    const { clock } = this.broker
    this.#expiry?.cancel()
    this.#expiry = null
    if (time === null) return
    this.#expiry = clock.schedule(time - clock.now(), { onTimer: () => this.forceClose('credential expired') })
  }

  forceClose(text: string): void {
    this.#sink.close(text)
  }

  drop(): void {
    this.#sink.drop()
  }

  traffic(): Traffic {
    return this.#sink.traffic()
  }

  /** The client is gone, or about to be: sessions end (unsettled deliveries go back), then exclusive queues. */
  close(): void {
    if (this.closed) return
    this.closed = true
    this.#expiry?.cancel()
    this.broker.events.as(this.user.name, () => {
      for (const session of [...this.sessions]) session.close()
      for (const queue of this.exclusiveQueues) this.vhost.removeQueue(queue)
      this.exclusiveQueues.clear()
      this.broker.heldConnections.delete(this)
      this.broker.forgetConnection(this)
    })
  }
}
