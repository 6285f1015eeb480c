import type { ListenerConfig } from './config/config.ts'
import type { ListenerFacts } from './management/management-host.ts'
import type { Listener } from './net/listener.ts'

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

  /** @param protocol as RabbitMQ names it in its list of listeners: `amqp`, `amqp/ssl`, `http/web-mqtt` and so on */
  add(protocol: string, listener: Listener, isTls: boolean): void {
    this.all.push(listener)
    for (const { address, port } of listener.addresses) this.shown.push({ protocol, address, port, tls: isTls })
  }

  async close(): Promise<void> {
    await Promise.all(this.all.map((listener) => listener.close()))
  }
}

export function urlOf(scheme: string, { hosts }: ListenerConfig, { port }: Listener): string {
  const host = hosts[0] === undefined || hosts[0] === '::' || hosts[0] === '0.0.0.0' ? 'localhost' : hosts[0]
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`
}
