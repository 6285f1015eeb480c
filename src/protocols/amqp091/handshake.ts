import type { ClientConnection, ConnectionFacts, ConnectionSink, NetworkFacts } from '../../core/client-connection.ts'
import { BrokerError, notAllowed } from '../../core/errors.ts'
import type { Identity } from '../../core/identity.ts'
import { UndecidedError } from '../../core/undecided.ts'
import { bool, type Field, longstr, stringOf, type Table, table } from '../../core/fields.ts'
import type { Peer } from '../../net/listener.ts'
import type { Timer } from '../../util/clock.ts'
import { connectionName, isLoopback, loginFacts } from '../peer-facts.ts'
import { ProtocolError } from './errors.ts'
import { login, type SaslResult } from './sasl.ts'
import type { AmqpSettings } from './settings.ts'
import * as m from './wire/methods.gen.ts'

/** How long a refused client is kept waiting where it cannot be told why: it slows down guessing. */
const REFUSAL_DELAY_MS = 3_000
const FRAME_MAX_MIN = 4096
const PROTOCOL = 'AMQP 0-9-1'

const CAPABILITIES = [
  'publisher_confirms',
  'exchange_exchange_bindings',
  'basic.nack',
  'consumer_cancel_notify',
  'connection.blocked',
  'consumer_priorities',
  'authentication_failure_close',
  'per_consumer_qos',
  'direct_reply_to',
]

/** What the client said it understands. */
export interface Capabilities {
  readonly authenticationFailureClose: boolean
  readonly consumerCancelNotify: boolean
  readonly connectionBlocked: boolean
}

export interface Tuned {
  readonly channelMax: number
  readonly frameMax: number
  readonly heartbeatSec: number
}

/** What a handshake may do with its connection. */
export interface HandshakeHost extends ConnectionSink {
  send(channel: number, method: m.Method): void
  /** Closes with a reply, as for any error. */
  fail(error: BrokerError | ProtocolError, methodId: number): void
  /** For what comes later: what goes wrong in it costs this connection, and nobody else anything. */
  attempt(action: () => void): void
  /** Nothing more is read. */
  deafen(): void
  /** The socket goes without a word. */
  drop(): void
  onTuned(tuned: Tuned): void
  onOpen(client: ClientConnection, capabilities: Capabilities): void
}

/**
 *     AWAIT_START_OK ── start-ok ──▶ AUTHENTICATING ── ok ──▶ AWAIT_TUNE_OK ── tune-ok ──▶ AWAIT_OPEN ── open ──▶ OPENING ──▶ done
 *                                          │ refused: close 403, or 3 s of silence                        while a back end is asked
 *
 * From connection.start to connection.open-ok; then it is forgotten.
 */
const AWAIT_START_OK = 0
const AUTHENTICATING = 1
const AWAIT_TUNE_OK = 2
const AWAIT_OPEN = 3
const OPENING = 4
const DONE = 5

export class Handshake {
  readonly #host: HandshakeHost
  readonly #settings: AmqpSettings
  readonly #peer: Peer
  readonly #timer: Timer
  #state = AWAIT_START_OK
  #refusal: Timer | null = null
  #clientProperties: Table = new Map()
  #capabilities: Capabilities = NO_CAPABILITIES
  #identity: Identity | null = null
  #mechanism = ''
  #tuned: Tuned = { channelMax: 0, frameMax: 0, heartbeatSec: 0 }

  constructor(host: HandshakeHost, settings: AmqpSettings, peer: Peer) {
    this.#host = host
    this.#settings = settings
    this.#peer = peer
    this.#timer = settings.clock.schedule(settings.handshakeTimeoutMs, { onTimer: () => host.drop() })
  }

  begin(): void {
    const mechanisms = this.#mechanisms().join(' ')
    this.#host.send(0, new m.ConnectionStart(0, 9, this.#serverProperties(), mechanisms, 'en_US'))
  }

  /** What is offered to this client. */
  #mechanisms(): string[] {
    const { mechanisms, anonymous, inProcess } = this.#settings
    if (inProcess !== undefined) return ['EXTERNAL', 'PLAIN', 'AMQPLAIN']
    // with TLS to clients without a certificate, too: clients that miss it in the list do not say that it is the certificate that they lack
    const usable = (name: string): boolean =>
      name === 'EXTERNAL' ? this.#peer.tls !== null : name !== 'ANONYMOUS' || anonymous !== null
    return mechanisms.filter(usable)
  }

  #serverProperties(): Table {
    const { product, version, platform, information, clusterName } = this.#settings
    return new Map<string, Field>([
      ['capabilities', table(new Map(CAPABILITIES.map((name) => [name, bool(true)])))],
      ['cluster_name', longstr(clusterName)],
      ['copyright', longstr('Copyright the WarrenMQ authors')],
      ['information', longstr(information)],
      ['platform', longstr(platform)],
      ['product', longstr(product)],
      ['version', longstr(version)],
    ])
  }

  onMethod(method: m.Method): void {
    if (method.id === m.ConnectionStartOk.id && this.#state === AWAIT_START_OK) this.#onStartOk(method)
    else if (method.id === m.ConnectionTuneOk.id && this.#state === AWAIT_TUNE_OK) this.#onTuneOk(method)
    else if (method.id === m.ConnectionOpen.id && this.#state === AWAIT_OPEN) this.#onOpen(method.virtualHost)
    else {
      const state = ['starting', 'securing', 'tuning', 'opening', 'opening', 'running'][this.#state]!
      this.#host.fail(new ProtocolError('channelError', `unexpected method in connection state ${state}`), method.id)
    }
  }

  #onStartOk(method: m.ConnectionStartOk): void {
    this.#clientProperties = method.clientProperties
    this.#capabilities = readCapabilities(method.clientProperties)
    this.#state = AUTHENTICATING
    if (!this.#mechanisms().includes(method.mechanism)) {
      this.#refuseSilently(`invalid authentication mechanism '${method.mechanism}'`)
      return
    }
    // the response is a view of what was read, and the answer may come later
    const response = Buffer.from(method.response)
    const facts = loginFacts(this.#peer, 'amqp091', PROTOCOL, method.mechanism)
    const result = login(this.#settings, method.mechanism, response, this.#peer, facts)
    if (result instanceof Promise)
      void result.then((later) => this.#host.attempt(() => this.#onLogin(method.mechanism, later)))
    else this.#onLogin(method.mechanism, result)
  }

  #onLogin(mechanism: string, result: SaslResult): void {
    if (this.#state !== AUTHENTICATING) return
    this.#mechanism = mechanism
    if (result.outcome === 'ok') this.#tune(result.identity)
    else if (result.outcome === 'broken') this.#refuseSilently(`${mechanism} login refused: ${result.reason}`)
    else this.#refuse(mechanism, result.reason)
  }

  #refuse(mechanism: string, reason: string): void {
    if (!this.#capabilities.authenticationFailureClose) {
      this.#refuseSilently(`${mechanism} login refused: ${reason}`)
      return
    }
    const { address } = this.#peer
    this.#settings.broker.limitedLog.warn(`login ${address}`, `${mechanism} login refused: ${reason}`, {
      peer: address,
    })
    const text = `Login was refused using authentication mechanism ${mechanism}. For details see the broker logfile.`
    this.#host.fail(new BrokerError('accessRefused', text), 0)
  }

  /** RabbitMQ says nothing here, and clients take the closed socket for a refusal. */
  #refuseSilently(reason: string): void {
    const { clock, broker } = this.#settings
    broker.limitedLog.warn(`login ${this.#peer.address}`, reason, { peer: this.#peer.address })
    this.#host.deafen()
    this.#refusal = clock.schedule(REFUSAL_DELAY_MS, { onTimer: () => this.#host.drop() })
  }

  #tune(identity: Identity): void {
    this.#identity = identity
    this.#state = AWAIT_TUNE_OK
    const { channelMax, frameMax, heartbeatSec } = this.#settings
    this.#host.send(0, new m.ConnectionTune(channelMax, frameMax, heartbeatSec))
  }

  #onTuneOk(method: m.ConnectionTuneOk): void {
    const { channelMax, frameMax } = this.#settings
    const problem =
      tuneProblem('frame_max', method.frameMax, FRAME_MAX_MIN, frameMax) ??
      tuneProblem('channel_max', method.channelMax, 1, channelMax)
    if (problem !== null) {
      this.#host.fail(new BrokerError('notAllowed', problem), method.id)
      return
    }
    this.#state = AWAIT_OPEN
    this.#tuned = { channelMax: method.channelMax, frameMax: method.frameMax, heartbeatSec: method.heartbeat }
    this.#host.onTuned(this.#tuned)
  }

  #onOpen(virtualHost: string): void {
    this.#state = OPENING
    let client: ClientConnection
    try {
      client = this.#openClient(virtualHost)
    } catch (error) {
      if (error instanceof BrokerError) this.#host.fail(error, m.ConnectionOpen.id)
      else if (error instanceof UndecidedError)
        void error.answered.then(() => this.#host.attempt(() => this.#openAgain(virtualHost)))
      else throw error
      return
    }
    this.#state = DONE
    this.#timer.cancel()
    this.#host.onOpen(client, this.#capabilities)
  }

  #openAgain(virtualHost: string): void {
    if (this.#state === OPENING) this.#onOpen(virtualHost)
  }

  /** @throws BrokerError */
  #openClient(vhost: string): ClientConnection {
    const { broker, inProcess } = this.#settings
    const facts = this.#facts()
    if (inProcess?.user === null && this.#mechanism === 'EXTERNAL') {
      if (!broker.vhosts.has(vhost)) throw notAllowed(`vhost ${vhost} not found`)
      return broker.openTrusted(vhost, facts, this.#host)
    }
    return broker.openConnection(this.#identity!, vhost, facts, this.#host)
  }

  #facts(): ConnectionFacts {
    const { address, port } = this.#peer
    const { inProcess } = this.#settings
    return {
      name: inProcess?.name ?? connectionName(this.#peer),
      protocol: inProcess === undefined ? PROTOCOL : 'Direct 0-9-1',
      givenName: givenNameOf(this.#clientProperties),
      peerAddress: address,
      peerPort: port,
      clientProperties: this.#clientProperties,
      loopback: isLoopback(this.#peer),
      network: inProcess === undefined ? this.#networkFacts() : null,
    }
  }

  #networkFacts(): NetworkFacts {
    const { localAddress, localPort, tls } = this.#peer
    const { channelMax, frameMax, heartbeatSec } = this.#tuned
    const mechanism = this.#mechanism
    return { localAddress, localPort, mechanism, channelMax, frameMaxBytes: frameMax, heartbeatSec, tls }
  }

  close(): void {
    this.#state = DONE
    this.#timer.cancel()
    this.#refusal?.cancel()
  }
}

const NO_CAPABILITIES: Capabilities = {
  authenticationFailureClose: false,
  consumerCancelNotify: false,
  connectionBlocked: false,
}

function readCapabilities(clientProperties: Table): Capabilities {
  const field = clientProperties.get('capabilities')
  if (field?.type !== 'table') return NO_CAPABILITIES
  const has = (name: string): boolean => field.value.get(name)?.value === true
  return {
    authenticationFailureClose: has('authentication_failure_close'),
    consumerCancelNotify: has('consumer_cancel_notify'),
    connectionBlocked: has('connection.blocked'),
  }
}

function tuneProblem(name: string, client: number, min: number, server: number): string | null {
  if (client !== 0 && client < min) {
    return `negotiated ${name} = ${client} is lower than the minimum allowed value (${min})`
  }
  if (server !== 0 && (client === 0 || client > server)) {
    const value = client === 0 ? '0 (no limit)' : String(client)
    return `negotiated ${name} = ${value} is higher than the maximum allowed value (${server})`
  }
  return null
}

/** The name that a client gave its connection, for logs and management. */
const givenNameOf = (clientProperties: Table): string | null =>
  stringOf(clientProperties.get('connection_name'))?.slice(0, 255) ?? null
