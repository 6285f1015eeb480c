import type { Duplex } from 'node:stream'
import type { ConnectionSink, Traffic } from '../../core/client-connection.ts'
import { BrokerError } from '../../core/errors.ts'
import type { Identity } from '../../core/identity.ts'
import { UndecidedError } from '../../core/undecided.ts'
import type { Peer } from '../../net/listener.ts'
import {
  PAUSED_BY_ALARM,
  PAUSED_BY_ANSWER,
  PAUSED_BY_STORE,
  Transport,
  type TransportHandler,
} from '../../net/transport.ts'
import type { LogFacts } from '../../telemetry/log.ts'
import { AssertionError } from '../../util/assert.ts'
import type { Timer } from '../../util/clock.ts'
import { trafficOf } from '../traffic.ts'
import type { Client } from './client.ts'
import type { Takeable } from './clients.ts'
import { type ConnectHost, Connecting, type LoggedIn } from './connect.ts'
import type { MqttContext } from './context.ts'
import { MqttError, protocolError, reasonOf } from './errors.ts'
import { type Heard, KeepAlive } from './keep-alive.ts'
import { acceptClient, type Accepted } from './accept.ts'
import type { IncomingPublishes } from './publishes.ts'
import {
  ADMINISTRATIVE_ACTION,
  BAD_CREDENTIALS,
  IMPLEMENTATION_ERROR,
  KEEP_ALIVE_TIMEOUT,
  MALFORMED_PACKET,
  NOT_AUTHORIZED,
  PACKET_TOO_LARGE,
  returnCodeOf,
  SERVER_SHUTTING_DOWN,
  SESSION_TAKEN_OVER,
  SUCCESS,
  UNSUPPORTED_VERSION,
  USE_ANOTHER_SERVER,
} from './reason-codes.ts'
import { elsewhereOr } from './redirection.ts'
import type { Will } from './wills.ts'
import * as decode from './wire/decode.ts'
import { encodeConnack, encodeReason, PINGRESP_BYTES, withReasonString } from './wire/encode.ts'
import { PacketParser } from './wire/packet-parser.ts'
import { PacketReader } from './wire/packet-reader.ts'
import * as p from './wire/packets.ts'

/** How long a client may take to close its half once the broker has closed its own. */
const CLOSE_TIMEOUT_MS = 5_000
/** Flags that a kind of packet has to have. */
const ACK_FLAGS: Readonly<Record<number, number>> = { [p.PUBREL]: 2, [p.SUBSCRIBE]: 2, [p.UNSUBSCRIBE]: 2 }

/** One for all: a packet has been read when it is dealt with. */
const reader = new PacketReader()

const AWAIT_CONNECT = 0
/** CONNECT has come, CONNACK has not been sent. */
const CONNECTING = 1
const RUNNING = 2
const CLOSED = 3

/**
 *     AWAIT_CONNECT ── CONNECT ──▶ CONNECTING ── CONNACK ──▶ RUNNING ──▶ CLOSED
 *
 * One MQTT connection: bytes to packets, packets to its client, errors to what the version has for them.
 */
export class Connection extends PacketParser implements TransportHandler, ConnectionSink, ConnectHost, Takeable, Heard {
  // what each packet looks at comes first: see `Transport`
  heardAt = 0
  /** The first byte has come. */
  #isGreeted = false
  readonly #context: MqttContext
  #state = AWAIT_CONNECT
  #version: p.Version = 4
  /** Of the PUBLISH before. */
  #lastTopic = ''
  #publishes: IncomingPublishes | null = null
  #client: Client | null = null
  readonly transport: Transport
  readonly #peer: Peer
  readonly #connecting: Connecting
  readonly #onEnd: () => void
  /** Of a whole packet that the client takes. */
  #packetBytesMax = Infinity
  #accepted: Accepted | null = null
  #keepAlive: KeepAlive | null = null
  #will: Will | null = null
  #loginTimer: Timer | null
  #closeTimer: Timer | null = null
  #ended: (() => void) | null = null

  constructor(socket: Duplex, peer: Peer, context: MqttContext, onEnd: () => void) {
    const { settings } = context
    super(settings.packetBytesMaxUnauthenticated)
    this.#context = context
    this.#peer = peer
    this.#onEnd = onEnd
    this.#connecting = new Connecting(this, settings, peer)
    this.transport = new Transport(socket, settings.broker.turn, settings.pool, this)
    this.#loginTimer = settings.clock.schedule(settings.loginTimeoutMs, { onTimer: () => this.drop() })
    this.transport.start()
  }

  // ---- bytes in ----

  onData(chunk: Buffer): void {
    const { broker } = this.#context.settings
    this.heardAt = broker.turnTime.now
    try {
      // what is no MQTT need not be waited for until it looks like a packet
      if (!this.#isGreeted && chunk[0]! >>> 4 !== p.CONNECT) throw protocolError('a packet before CONNECT')
      this.#isGreeted = true
      this.parse(chunk)
    } catch (error) {
      this.#onError(error)
    }
    broker.turn.dispatch()
  }

  protected override onPacket(first: number, buffer: Buffer, start: number, end: number): void {
    if (this.#state === CLOSED) return
    this.#context.counters.packetsReceived++
    const type = first >>> 4
    reader.reset(buffer, start, end)
    if (type !== p.PUBLISH && (first & 0xf) !== (ACK_FLAGS[type] ?? 0)) {
      throw new MqttError(MALFORMED_PACKET, 'the flags of a packet are wrong')
    }
    if (this.#state !== RUNNING) this.#onEarlyPacket(type)
    else if (type === p.PUBLISH) {
      const packet = decode.decodePublish(reader, first, this.#version, this.#context.topics, this.#lastTopic)
      this.#lastTopic = packet.topic
      this.#publish(packet)
    } else this.#onOtherPacket(type)
  }

  #onEarlyPacket(type: number): void {
    if (this.#state === AWAIT_CONNECT && type === p.CONNECT) {
      const packet = decode.decodeConnect(reader)
      this.#version = packet.version
      this.#packetBytesMax = packet.properties?.maximumPacketSize ?? Infinity
      this.#state = CONNECTING
      this.#suspend()
      this.#connecting.begin(packet)
    } else if (this.#state === CONNECTING && type === p.AUTH && this.#version === 5) {
      const packet = decode.decodeReason(reader, type, this.#version)
      this.#suspend()
      this.#connecting.onAuth(packet)
    } else {
      throw protocolError('a packet before CONNECT')
    }
  }

  #onOtherPacket(type: number): void {
    const version = this.#version
    const client = this.#client!
    switch (type) {
      case p.PUBACK:
      case p.PUBREC:
      case p.PUBREL:
      case p.PUBCOMP: {
        const packet = decode.decodeAck(reader, type, version)
        this.#handle(() => client.onAck(type, packet))
        return
      }
      case p.SUBSCRIBE: {
        const packet = decode.decodeSubscribe(reader, version)
        this.#handle(() => client.subscribe(packet))
        return
      }
      case p.UNSUBSCRIBE: {
        const packet = decode.decodeUnsubscribe(reader, version)
        this.#handle(() => client.unsubscribe(packet))
        return
      }
      case p.PINGREQ:
        reader.expectEnd()
        this.write(PINGRESP_BYTES)
        return
      case p.AUTH:
        if (version < 5) throw protocolError('a packet of MQTT 5')
        this.#connecting.onAuth(decode.decodeReason(reader, type, version))
        return
      case p.DISCONNECT:
        this.#onDisconnect(decode.decodeReason(reader, type, version))
        return
      default:
        throw protocolError('a packet that a client does not send now')
    }
  }

  /** As `#handle`, without a closure where nobody has to be asked. */
  #publish(packet: p.PublishPacket): void {
    try {
      this.#publishes!.publish(packet)
    } catch (error) {
      this.#publishLater(packet, error)
    }
  }

  #publishLater(packet: p.PublishPacket, error: unknown): void {
    this.#whenDecided(error, () => this.#publishes!.publish(packet))
  }

  /** Does what a packet asks for: again, when a back end has been asked, where that is needed first. */
  #handle(action: () => void): void {
    try {
      action()
    } catch (error) {
      this.#whenDecided(error, action)
    }
  }

  /** @throws any other error than an UndecidedError */
  #whenDecided(error: unknown, action: () => void): void {
    if (!(error instanceof UndecidedError)) throw error
    this.#suspend()
    void error.answered.then(() =>
      this.#attempt(() => {
        if (this.#state !== RUNNING) return
        this.#handleAgain(action)
      }),
    )
  }

  #handleAgain(action: () => void): void {
    this.parsingSuspended = false
    this.#handle(action)
    if (!this.parsingSuspended) this.#goOn()
  }

  /** Nothing more is looked at until an answer is there. */
  #suspend(): void {
    this.parsingSuspended = true
    this.transport.pause(PAUSED_BY_ANSWER)
  }

  #goOn(): void {
    this.transport.resume(PAUSED_BY_ANSWER)
    this.parseKept()
  }

  #onDisconnect({ reason, properties }: p.ReasonPacket): void {
    const expirySec = properties?.sessionExpiryInterval
    const { state } = this.#client!
    if (expirySec !== undefined) {
      if (state.expirySec === 0 && expirySec > 0) {
        throw protocolError('a session that was to end with its connection is to go on')
      }
      state.expireIn(this.#accepted!.limitExpiry(expirySec))
    }
    // any other reason is one to tell of (MQTT 5.0, 3.1.2.5)
    if (reason === SUCCESS) this.#will = null
    this.#finish()
  }

  // ---- login ----

  sendAuth(reason: number, properties: p.PacketProperties): void {
    const bytes = encodeReason(p.AUTH, reason, properties)
    if (bytes.length > this.#packetBytesMax) {
      this.fail(new MqttError(PACKET_TOO_LARGE, 'AUTH is larger than the client takes'))
      return
    }
    this.write(bytes)
    // a client that is in may say other things meanwhile
    if (this.#state === CONNECTING) this.#attempt(() => this.#goOn())
  }

  loggedInAgain(identity: Identity, properties: p.PacketProperties): void {
    const { connection } = this.#client!
    if (identity.name !== connection.user.name) {
      this.fail(new MqttError(NOT_AUTHORIZED, 'a client that says once more who it is stays who it was'))
      return
    }
    void connection.loggedInAgain(identity).then(
      () => {
        if (this.#state !== RUNNING) return
        if (this.#will !== null) this.#will = { ...this.#will, identity }
        this.sendAuth(SUCCESS, properties)
      },
      (error: unknown) => {
        this.#onError(error instanceof BrokerError ? new MqttError(NOT_AUTHORIZED, error.message) : error)
      },
    )
  }

  loggedIn(result: LoggedIn): void {
    this.#attempt(() => this.#accept(result))
  }

  #accept(result: LoggedIn): void {
    let accepted: Accepted
    try {
      accepted = acceptClient(this.#context, this.#peer, result, this)
    } catch (error) {
      if (!(error instanceof UndecidedError)) throw error
      void error.answered.then(() => {
        if (this.#state === CONNECTING) this.loggedIn(result)
      })
      return
    }
    const { client, keepAliveSec } = accepted
    this.#accepted = accepted
    this.#client = client
    this.#publishes = client.publishes
    this.#will = accepted.will
    this.#state = RUNNING
    this.#loginTimer?.cancel()
    const { settings } = this.#context
    this.bytesMax = settings.packetBytesMax
    if (keepAliveSec > 0) this.#keepAlive = new KeepAlive(settings.clock, this, keepAliveSec)
    this.#logLife('opened', client)
    const { sessionPresent, properties } = accepted
    this.commitThenWrite(encodeConnack(this.#version, sessionPresent, 0, properties))
    this.#handleAgain(() => client.begin())
  }

  get isDeaf(): boolean {
    return this.transport.paused
  }

  onSilence(keepAliveSec: number): void {
    this.#warn('keep alive', 'nothing came from a client within its keep alive', { keepAliveSec })
    this.fail(new MqttError(KEEP_ALIVE_TIMEOUT, 'nothing came within the keep alive'))
  }

  #logLife(what: 'opened' | 'closed', { connection: { facts, user, vhost } }: Client): void {
    const who = { connection: facts.name, user: user.name, vhost: vhost.name, clientId: facts.givenName }
    this.#context.settings.broker.limitedLog.info(`${what} ${facts.peerAddress}`, `connection ${what}`, who)
  }

  // ---- packets out ----

  commitThenWrite(bytes: Buffer): void {
    const committed = this.#context.settings.broker.commitMetadata()
    if (committed !== null) this.transport.hold(committed)
    this.write(bytes)
  }

  /** Of one packet. */
  write(bytes: Buffer): void {
    this.#context.counters.packetsSent++
    this.transport.write(bytes)
  }

  // ---- errors ----

  #attempt(action: () => void): void {
    try {
      action()
    } catch (error) {
      this.#onError(error)
    }
  }

  #onError(error: unknown): void {
    if (error instanceof MqttError || error instanceof BrokerError) this.fail(error)
    else if (error instanceof AssertionError) throw error
    else {
      // a mistake of ours that a client has found costs that client its connection, and nobody else anything
      this.#context.settings.broker.log.error('internal error', { peer: this.#peer.address, err: error })
      this.fail(new MqttError(IMPLEMENTATION_ERROR, 'internal error'))
    }
  }

  /** One client's mistakes must not fill the log. */
  #warn(kind: string, text: string, facts: LogFacts = {}): void {
    const peer = this.#peer.address
    this.#context.settings.broker.limitedLog.warn(`${kind} ${peer}`, text, { peer, ...facts })
  }

  fail(error: MqttError | BrokerError): void {
    if (this.#state === CLOSED) return
    this.#warn('connection', `connection error: ${error.message}`)
    this.#closeWith(reasonOf(error), error.message)
  }

  /** Says why, as far as the version and the state have words for it. */
  #closeWith(reason: number, text: string): void {
    const version = this.#version
    if (this.#state === RUNNING) {
      this.#endClient()
      if (version === 5) {
        this.commitThenWrite(this.#explain(reason, text, (why) => encodeReason(p.DISCONNECT, reason, why)))
      }
    } else if (this.#state === CONNECTING || reason === UNSUPPORTED_VERSION) {
      const code = version === 5 ? reason : returnCodeOf(reason)
      // who failed to log in is told no more than that
      const told = reason === BAD_CREDENTIALS || reason === NOT_AUTHORIZED ? '' : text
      if (code !== null) {
        const bytes = this.#explain(reason, told, (why) => encodeConnack(version, false, code, why))
        // else the client is told by the end of the connection alone
        if (bytes.length <= this.#packetBytesMax) this.write(bytes)
      }
    }
    this.#finish()
  }

  #explain(reason: number, text: string, encode: (properties: p.PacketProperties | null) => Buffer): Buffer {
    const reference = reason === USE_ANOTHER_SERVER ? this.#context.settings.serverReference : null
    return withReasonString(text, this.#packetBytesMax, encode, reference)
  }

  // ---- what the broker says of the connection ----

  close(text: string): void {
    this.#closeWith(ADMINISTRATIVE_ACTION, text)
  }

  /** The server stops. */
  goodbye(text: string): void {
    const { settings } = this.#context
    if (this.#state === RUNNING) this.#closeWith(elsewhereOr(SERVER_SHUTTING_DOWN, this.#version, settings), text)
    else this.drop()
  }

  takenOver(): void {
    this.#closeWith(SESSION_TAKEN_OVER, 'another connection has the client id')
  }

  block(): void {
    this.transport.pause(PAUSED_BY_ALARM)
  }

  unblock(): void {
    this.transport.resume(PAUSED_BY_ALARM)
  }

  hold(): void {
    this.transport.pause(PAUSED_BY_STORE)
  }

  release(): void {
    this.transport.resume(PAUSED_BY_STORE)
  }

  traffic(): Traffic {
    return trafficOf(this.transport)
  }

  onPressure(choked: boolean): void {
    if (this.#client === null) return
    this.#client.connection.full = true
    this.#client.connection.choked = choked
  }

  onRelief(): void {
    this.#client?.writable()
  }

  // ---- end ----

  /** The session's connection ends before the client hears of it; a will that is left is published. */
  #endClient(): void {
    const client = this.#client
    if (client === null || client.connection.closed) return
    this.#keepAlive?.close()
    this.#logLife('closed', client)
    client.close()
    const { clients, wills } = this.#context
    const { state, connection } = client
    clients.remove(connection.vhost.name, state.clientId, this)
    const will = this.#will
    this.#will = null
    if (will === null) return
    wills.left(will, Math.min(will.packet.properties?.willDelayInterval ?? 0, state.expirySec))
  }

  #finish(): void {
    this.#endClient()
    this.#state = CLOSED
    this.stopParsing()
    this.#loginTimer?.cancel()
    this.#connecting.close()
    for (const reason of [PAUSED_BY_ALARM, PAUSED_BY_STORE, PAUSED_BY_ANSWER]) this.transport.resume(reason)
    const committed = this.#context.settings.broker.commitMetadata()
    committed?.catch(() => {})
    this.transport.end()
    this.#closeTimer ??= this.#context.settings.clock.schedule(CLOSE_TIMEOUT_MS, { onTimer: () => this.drop() })
  }

  drop(): void {
    this.stopParsing()
    this.transport.destroy()
  }

  onClosed(): void {
    this.#finish()
    this.#closeTimer?.cancel()
    const { counters } = this.#context
    counters.bytesReceived += this.transport.bytesIn
    counters.bytesSent += this.transport.bytesOut
    this.#onEnd()
    this.#ended?.()
  }

  /** Resolves when the socket is gone. */
  ended(): Promise<void> {
    if (this.transport.closed) return Promise.resolve()
    return new Promise((resolve) => (this.#ended = resolve))
  }
}
