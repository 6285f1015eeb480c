import type { ListenerConfig } from './config/config.ts'
import type { ListenerFacts } from './management/management-host.ts'
import type { Listener } from './net/listener.ts'
import type { TlsContext } from './net/tls.ts'
import { SecuredListener } from './secured-listener.ts'
import type { Log } from './telemetry/log.ts'

/** By what is spoken there. */
export interface ServerUrls {
  readonly amqp: string[]
  readonly amqps: string[]
  /** AMQP over WebSocket. */
  readonly websocket: string[]
  readonly mqtt: string[]
  readonly mqtts: string[]
  readonly webMqtt: string[]
  readonly stomp: string[]
  readonly stomps: string[]
  readonly webStomp: string[]
  readonly http: string[]
  readonly metrics: string[]
  /** Protocols of plugins. */
  readonly plugins: string[]
}

/** What listens, as far as it does. */
export class OpenedListeners {
  readonly all: Pick<Listener, 'close'>[] = []
  readonly shown: ListenerFacts[] = []
  /** Those with TLS. */
  readonly secured: SecuredListener[] = []
  readonly urls: ServerUrls = {
    amqp: [],
    amqps: [],
    websocket: [],
    mqtt: [],
    mqtts: [],
    webMqtt: [],
    stomp: [],
    stomps: [],
    webStomp: [],
    http: [],
    metrics: [],
    plugins: [],
  }

  readonly #log: Log

  /** @param log is told of certificates that are not valid, or will not be for long */
  constructor(log: Log) {
    this.#log = log
  }

  /**
   * @param protocol as RabbitMQ names it in its list of listeners: `amqp`, `amqp/ssl`, `http/web-mqtt` and so on
   * @param tls null where there is none
   */
  add(protocol: string, listener: Listener, tls: TlsContext | null): void {
    this.all.push(listener)
    for (const { address, port } of listener.addresses) this.shown.push({ protocol, address, port, tls: tls !== null })
    if (tls === null) return
    const secured = new SecuredListener(protocol, listener, tls)
    secured.warn(this.#log)
    this.secured.push(secured)
  }

  async close(): Promise<void> {
    await Promise.all(this.all.map((listener) => listener.close()))
  }
}

export function urlOf(scheme: string, { hosts }: ListenerConfig, { port }: Listener): string {
  const host = hosts[0] === undefined || hosts[0] === '::' || hosts[0] === '0.0.0.0' ? 'localhost' : hosts[0]
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`
}
