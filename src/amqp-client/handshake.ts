import { bool, type Field, longstr, type Table, table } from '../core/fields.ts'
import * as m from '../protocols/amqp091/wire/methods.gen.ts'
import { Writer } from '../protocols/amqp091/wire/writer.ts'
import { AmqpNetworkError } from './errors.ts'

export interface HandshakeSettings {
  readonly username: string
  readonly password: string
  readonly vhost: string
  /** In the order of preference; the first one that the broker offers is taken. */
  readonly mechanisms: readonly string[]
  /** Null: what the broker proposes; 0: none. */
  readonly heartbeatSec: number | null
  readonly channelMax: number
  readonly frameMax: number
  /** Sent to the broker besides product, platform and capabilities. */
  readonly clientProperties: Table
}

export interface Tuned {
  readonly channelMax: number
  readonly frameMax: number
  readonly heartbeatSec: number
}

/** What a handshake may do with its connection. */
export interface HandshakeHost {
  send(method: m.Method): void
  onTuned(tuned: Tuned): void
  onOpen(serverProperties: Table): void
}

const CAPABILITIES = [
  'publisher_confirms',
  'exchange_exchange_bindings',
  'basic.nack',
  'consumer_cancel_notify',
  'connection.blocked',
  'authentication_failure_close',
]

/** From connection.start to connection.open-ok, as the client. */
export class Handshake {
  readonly #host: HandshakeHost
  readonly #settings: HandshakeSettings
  #serverProperties: Table = new Map()
  /** The method that is due. */
  #due: number = m.ConnectionStart.id

  constructor(host: HandshakeHost, settings: HandshakeSettings) {
    this.#host = host
    this.#settings = settings
  }

  /** @throws AmqpNetworkError where the broker is none, or no mechanism suits both */
  onMethod(method: m.Method): void {
    if (method.id === m.ConnectionTune.id && this.#due === m.ConnectionTune.id) this.#onTune(method)
    else if (method.id === m.ConnectionStart.id && this.#due === method.id) this.#onStart(method)
    else if (method.id === m.ConnectionOpenOk.id && this.#due === method.id) this.#host.onOpen(this.#serverProperties)
    else throw new AmqpNetworkError(`the broker sent ${m.METHOD_NAMES.get(method.id)} in the handshake`)
  }

  #onStart({ serverProperties, mechanisms }: m.ConnectionStart): void {
    this.#serverProperties = serverProperties
    const offered = mechanisms.split(' ')
    const wanted = this.#settings.mechanisms
    const mechanism = wanted.find((name) => offered.includes(name))
    if (mechanism === undefined) {
      throw new AmqpNetworkError(`the broker offers the mechanisms ${mechanisms}, none of ${wanted.join(' ')}`)
    }
    this.#due = m.ConnectionTune.id
    this.#host.send(
      new m.ConnectionStartOk(this.#clientProperties(), mechanism, responseFor(mechanism, this.#settings), 'en_US'),
    )
  }

  #clientProperties(): Table {
    return new Map<string, Field>([
      ['product', longstr('WarrenMQ')],
      ['platform', longstr(`Node.js ${process.version}`)],
      ['capabilities', table(new Map(CAPABILITIES.map((name) => [name, bool(true)])))],
      ...this.#settings.clientProperties,
    ])
  }

  #onTune(proposed: m.ConnectionTune): void {
    const { heartbeatSec, channelMax, frameMax, vhost } = this.#settings
    const tuned = {
      channelMax: lower(channelMax, proposed.channelMax),
      frameMax: lower(frameMax, proposed.frameMax),
      heartbeatSec:
        heartbeatSec === null || heartbeatSec === 0
          ? (heartbeatSec ?? proposed.heartbeat)
          : lower(heartbeatSec, proposed.heartbeat),
    }
    this.#due = m.ConnectionOpenOk.id
    this.#host.send(new m.ConnectionTuneOk(tuned.channelMax, tuned.frameMax, tuned.heartbeatSec))
    this.#host.onTuned(tuned)
    this.#host.send(new m.ConnectionOpen(vhost))
  }
}

/** The lower of two limits, where 0 is none. */
const lower = (a: number, b: number): number => (a === 0 || b === 0 ? Math.max(a, b) : Math.min(a, b))

function responseFor(mechanism: string, { username, password }: HandshakeSettings): Buffer {
  switch (mechanism) {
    case 'PLAIN':
      return Buffer.from(`\0${username}\0${password}`)
    case 'AMQPLAIN': {
      const writer = new Writer()
      writer.table(
        new Map([
          ['LOGIN', longstr(username)],
          ['PASSWORD', longstr(password)],
        ]),
      )
      return writer.finish().subarray(4) // a table without its length
    }
    case 'ANONYMOUS':
    case 'EXTERNAL':
      return Buffer.alloc(0)
    default:
      throw new AmqpNetworkError(`the mechanism ${mechanism} is not known here`)
  }
}
