import { randomBytes } from 'node:crypto'
import type { BrokerError } from '../../core/errors.ts'
import type { Identity, LoginFacts, LoginOutcome } from '../../core/identity.ts'
import type { Peer } from '../../net/listener.ts'
import { certificateUser } from '../../net/tls.ts'
import { loginFacts } from '../peer-facts.ts'
import { protocolName } from './connection-facts.ts'
import type { AuthenticationExchange, AuthenticationStep } from './authentication-method.ts'
import { MqttError, protocolError } from './errors.ts'
import {
  BAD_AUTHENTICATION_METHOD,
  BAD_CREDENTIALS,
  CLIENT_ID_NOT_VALID,
  CONTINUE_AUTHENTICATION,
  NOT_AUTHORIZED,
  RE_AUTHENTICATE,
  TOPIC_NAME_INVALID,
} from './reason-codes.ts'
import { clientIdProblem } from './session-queues.ts'
import type { MqttSettings } from './settings.ts'
import { isSysTopic } from './sys-topics.ts'
import { topicProblem } from './topics.ts'
import { requireClientId } from './wire/decode.ts'
import type { ConnectPacket, PacketProperties, ReasonPacket } from './wire/packets.ts'

/** Who has logged in, and where. */
export interface LoggedIn {
  readonly packet: ConnectPacket
  readonly clientId: string
  /** The client left its id to the broker. */
  readonly isAssigned: boolean
  readonly identity: Identity
  readonly vhost: string
  /** How it logged in, as RabbitMQ names it. */
  readonly mechanism: string
  /** For the end of an enhanced authentication. */
  readonly authenticationData: Buffer | null
}

export interface ConnectHost {
  /** AUTH. */
  sendAuth(reason: number, properties: PacketProperties): void
  loggedIn(result: LoggedIn): void
  /** Who is in has said once more who it is. @param properties of the AUTH that ends it */
  loggedInAgain(identity: Identity, properties: PacketProperties): void
  /** Refuses the client. */
  fail(error: MqttError | BrokerError): void
}

interface Login {
  readonly mechanism: string
  readonly vhost: string
  readonly outcome: LoginOutcome | Promise<LoginOutcome>
}

const willTopicProblem = (topic: string): string | null =>
  topicProblem(topic) ?? (isSysTopic(topic) ? 'is the broker’s own' : null)

/** From CONNECT to who it is from; later from AUTH to AUTH, where the client says it once more (MQTT 5.0, 4.12.1). */
export class Connecting {
  readonly #host: ConnectHost
  readonly #settings: MqttSettings
  readonly #peer: Peer
  #packet: ConnectPacket | null = null
  #clientId = ''
  /** Of an authentication that goes on. */
  #exchange: AuthenticationExchange | null = null
  /** The method is asked. */
  #isAsking = false
  #isLoggedIn = false
  #vhost = ''
  #closed = false

  constructor(host: ConnectHost, settings: MqttSettings, peer: Peer) {
    this.#host = host
    this.#settings = settings
    this.#peer = peer
  }

  /** @throws MqttError */
  begin(packet: ConnectPacket): void {
    this.#packet = packet
    requireClientId(packet)
    this.#clientId = packet.clientId === '' ? `auto-${randomBytes(16).toString('base64url')}` : packet.clientId
    const problem = clientIdProblem(this.#clientId)
    if (problem !== null) throw new MqttError(CLIENT_ID_NOT_VALID, `the client id ${problem}`)
    const willProblem = packet.will === null ? null : willTopicProblem(packet.will.topic)
    if (willProblem !== null) throw new MqttError(TOPIC_NAME_INVALID, `the topic of the will ${willProblem}`)
    const method = packet.properties?.authenticationMethod
    if (method !== undefined) {
      this.#beginExchange(method, packet)
      this.#next(packet.properties!)
      return
    }
    const { outcome, vhost, mechanism } = this.#login(packet)
    if (outcome instanceof Promise) void outcome.then((later) => this.#onLogin(later, vhost, mechanism, null))
    else this.#onLogin(outcome, vhost, mechanism, null)
  }

  #facts(mechanism: string): LoginFacts {
    return loginFacts(this.#peer, 'mqtt', protocolName(this.#peer, this.#packet!.version), mechanism)
  }

  #login({ username, password }: ConnectPacket): Login {
    const { logins, anonymous, certificateLogin } = this.#settings
    const certificate = this.#peer.tls?.certificate ?? null
    if (username !== null) {
      const { vhost, user } = this.#split(username)
      const text = password === null ? '' : password.toString('utf8')
      return { vhost, mechanism: 'PLAIN', outcome: logins.authenticatePassword(user, text, this.#facts('PLAIN')) }
    }
    if (certificate !== null && certificateLogin !== null) {
      const user = certificateUser(certificate, certificateLogin)
      const vhost = this.#defaultVhost(user)
      if (user === null) return this.#broken('EXTERNAL', 'the certificate names nobody')
      return { vhost, mechanism: 'EXTERNAL', outcome: logins.authenticateName(user, this.#facts('EXTERNAL')) }
    }
    if (anonymous === null) return this.#broken('ANONYMOUS', 'anonymous login is off')
    const outcome = logins.authenticatePassword(anonymous.user, anonymous.password, this.#facts('ANONYMOUS'))
    return { vhost: this.#defaultVhost(null), mechanism: 'ANONYMOUS', outcome }
  }

  #broken(mechanism: string, reason: string): Login {
    this.#settings.logins.countBroken(this.#facts(mechanism), reason)
    return { vhost: '', mechanism, outcome: { outcome: 'refused', reason } }
  }

  /** `vhost:user`, of which the user has no colon. */
  #split(username: string): { vhost: string; user: string } {
    const colon = username.lastIndexOf(':')
    if (colon < 0) return { vhost: this.#defaultVhost(null), user: username }
    return { vhost: username.slice(0, colon), user: username.slice(colon + 1) }
  }

  /** Of the certificate, else of the port, else that of the configuration: the first two are global parameters, as in RabbitMQ. */
  #defaultVhost(certificateName: string | null): string {
    const { broker, vhost } = this.#settings
    const lookUp = (parameter: string, key: string): string | null => {
      const value = broker.parameters.getGlobal(parameter)?.value
      const found = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : null
      return typeof found === 'string' ? found : null
    }
    const ofCertificate = certificateName === null ? null : lookUp('mqtt_default_vhosts', certificateName)
    return ofCertificate ?? lookUp('mqtt_port_to_vhost_mapping', String(this.#peer.localPort)) ?? vhost
  }

  #onLogin(outcome: LoginOutcome, vhost: string, mechanism: string, authenticationData: Buffer | null): void {
    if (this.#closed) return
    if (outcome.outcome === 'refused') {
      this.#refuse(`${mechanism} login refused: ${outcome.reason}`, outcome.misplaced)
      return
    }
    if (!this.#settings.broker.vhosts.has(vhost)) {
      this.#refuse(`vhost ${vhost} not found`)
      return
    }
    const packet = this.#packet!
    const isAssigned = packet.clientId === ''
    const { identity } = outcome
    this.#isLoggedIn = true
    this.#exchange = null
    this.#host.loggedIn({
      packet,
      clientId: this.#clientId,
      isAssigned,
      identity,
      vhost,
      mechanism,
      authenticationData,
    })
  }

  /** @param isKnown whether it is clear who it is */
  #refuse(reason: string, isKnown = false): void {
    const code = isKnown || this.#exchange !== null ? NOT_AUTHORIZED : BAD_CREDENTIALS
    this.#host.fail(new MqttError(code, reason))
  }

  // ---- enhanced authentication ----

  #beginExchange(name: string, { username }: ConnectPacket): void {
    const method = this.#settings.authenticationMethods.get(name)
    if (method === undefined) {
      throw new MqttError(BAD_AUTHENTICATION_METHOD, `the authentication method '${name}' is not known`)
    }
    const named = username === null ? null : this.#split(username)
    this.#vhost = named?.vhost ?? this.#defaultVhost(null)
    this.#exchange = method.begin(this.#facts(name), named?.user ?? null)
  }

  /** @throws MqttError */
  onAuth({ reason, properties }: ReasonPacket): void {
    const packet = this.#packet!
    const method = packet.properties?.authenticationMethod
    if (method === undefined || properties?.authenticationMethod !== method) {
      throw protocolError('an AUTH with another method than that of CONNECT')
    }
    const begins = this.#isLoggedIn && this.#exchange === null
    if (reason !== (begins ? RE_AUTHENTICATE : CONTINUE_AUTHENTICATION) || this.#isAsking) {
      throw protocolError(begins ? 'an AUTH that goes on with nothing' : 'an AUTH that nobody waits for')
    }
    if (begins) this.#beginExchange(method, packet)
    this.#next(properties)
  }

  #next(properties: PacketProperties): void {
    const step = this.#exchange!.next(properties.authenticationData ?? null)
    if (!(step instanceof Promise)) {
      this.#onStep(step)
      return
    }
    this.#isAsking = true
    void step.then((later) => {
      this.#isAsking = false
      this.#onStep(later)
    })
  }

  #onStep(step: AuthenticationStep): void {
    if (this.#closed) return
    const method = this.#packet!.properties!.authenticationMethod!
    if (step.outcome === 'continue') {
      const properties = { authenticationMethod: method, authenticationData: step.data }
      this.#host.sendAuth(CONTINUE_AUTHENTICATION, properties)
      return
    }
    const data = step.outcome === 'ok' ? step.data : null
    if (this.#isLoggedIn) this.#onLoginAgain(step, method, data)
    else this.#onLogin(step, this.#vhost, method, data)
  }

  #onLoginAgain(outcome: LoginOutcome, method: string, data: Buffer | null): void {
    if (outcome.outcome === 'refused') {
      this.#refuse(`${method} login refused: ${outcome.reason}`)
      return
    }
    this.#exchange = null
    const properties: PacketProperties = { authenticationMethod: method }
    if (data !== null) properties.authenticationData = data
    this.#host.loggedInAgain(outcome.identity, properties)
  }

  close(): void {
    this.#closed = true
  }
}
