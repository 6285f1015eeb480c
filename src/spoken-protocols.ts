import type { Config, ProtocolListener, ProtocolListeners, TlsConfig } from './config/config.ts'
import type { Broker } from './core/broker.ts'
import { BufferPool } from './net/buffer-pool.ts'
import type { Maintenance } from './maintenance.ts'
import { LateHttpServer } from './net/late-http.ts'
import { closedBy, type Listener, ListenError, type listen } from './net/listener.ts'
import { loadTls, type TlsContext } from './net/tls.ts'
import { type OpenedListeners, urlOf } from './opened-listeners.ts'
import type { Logins } from './protocols/logins.ts'
import type { FrontEnd } from './protocols/front-end.ts'
import { qos0QueueType } from './protocols/mqtt/qos0-queue-type.ts'
import type { Log } from './telemetry/log.ts'
import type { Clock } from './util/clock.ts'
import { readVersion } from './version.ts'

/** What a front end is made of. */
export interface FrontEndParts {
  readonly config: Config
  readonly broker: Broker
  readonly logins: Logins
  /** Of heartbeats and time-outs of handshakes. */
  readonly clock: Clock
}

type ProtocolName = keyof Config['protocols']

interface Protocol {
  /** Of those that a WebSocket client offers, the first in this list is taken. */
  readonly subprotocols: readonly string[]
  /** Whether WebSocket clients are sent text. */
  readonly sendsText: (config: Config) => boolean
  /** Imports it only then: a broker that speaks AMQP alone starts faster without. */
  load(parts: FrontEndParts): Promise<FrontEnd>
}

/** The protocols besides AMQP 0-9-1. */
const PROTOCOLS: Partial<Record<ProtocolName, Protocol>> = {
  mqtt: {
    // the second is what clients of MQTT 3.1 offer
    subprotocols: ['mqtt', 'mqttv3.1'],
    sendsText: () => false,
    async load({ config: { mqtt, auth }, broker, logins, clock }) {
      const { MqttFrontEnd } = await import('./protocols/mqtt/index.ts')
      const { takesCertificates, ...options } = mqtt
      return MqttFrontEnd.open({
        ...options,
        broker,
        pool: new BufferPool(),
        clock,
        logins,
        certificateLogin: takesCertificates ? auth.certificateLogin : null,
        authenticationMethods: new Map(),
        version: `WarrenMQ ${readVersion()}`,
      })
    },
  },
  stomp: {
    subprotocols: ['v12.stomp', 'v11.stomp', 'v10.stomp'],
    sendsText: ({ stomp }) => stomp.webFrame === 'text',
    async load({ config: { stomp, auth, node }, broker, logins, clock }) {
      const { StompFrontEnd } = await import('./protocols/stomp/index.ts')
      return new StompFrontEnd({
        ...stomp,
        broker,
        pool: new BufferPool(),
        clock,
        logins,
        certificateLogin: auth.certificateLogin,
        product: node.announced.product,
        version: node.announced.version,
      })
    },
  },
}

/** Adds the queue types that protocols use for themselves: such queues may be there, be the protocol spoken or not. */
export function addQueueTypes({ queueTypes }: Broker): void {
  queueTypes.set(qos0QueueType.name, qos0QueueType)
}

export interface SpokenProtocol {
  readonly name: ProtocolName
  readonly frontEnd: FrontEnd
  readonly at: ProtocolListeners
  readonly subprotocols: readonly string[]
  readonly sendsText: boolean
}

export async function loadProtocols(parts: FrontEndParts): Promise<SpokenProtocol[]> {
  const names = Object.keys(PROTOCOLS) as ProtocolName[]
  const loaded = names.map(async (name) => {
    const at = parts.config.protocols[name]
    const protocol = PROTOCOLS[name]
    if (at === null || protocol === undefined) return null
    const { subprotocols, sendsText } = protocol
    return { name, frontEnd: await protocol.load(parts), at, subprotocols, sendsText: sendsText(parts.config) }
  })
  return (await Promise.all(loaded)).filter((protocol) => protocol !== null)
}

interface OpeningParts {
  readonly config: Config
  readonly log: Log
  readonly opened: OpenedListeners
  readonly open: typeof listen
  readonly maintenance: Maintenance
}

/** @throws ListenError, TlsError */
export async function openProtocol(
  protocol: SpokenProtocol,
  parts: OpeningParts & { readonly tls: TlsContext | null },
): Promise<void> {
  const { name, frontEnd, at } = protocol
  const { config, tls, log, opened, open } = parts
  const { backlog, nodelay, keepalive } = config.listeners
  const onConnection = frontEnd.accept.bind(frontEnd)
  const common = { proxyProtocol: at.proxyProtocol, backlog, nodelay, keepalive, log, onConnection }
  for (const row of at.tcp) {
    const listener = await unlessTaken(name, row, log, () => open({ ...common, ...row }))
    if (listener === null) continue
    opened.urls[name].push(urlOf(name, row, listener))
    opened.add(name, listener, null)
  }
  for (const row of at.tls) {
    const listener = await open({ ...common, ...row, tls })
    opened.urls[`${name}s`].push(urlOf(`${name}s`, row, listener))
    opened.add(`${name}/ssl`, listener, tls)
  }
  for (const row of at.web) await openWebSocket(protocol, row, parts)
}

async function openWebSocket(
  { name, frontEnd, at, subprotocols, sendsText: isText }: SpokenProtocol,
  row: ProtocolListener & { readonly tls: TlsConfig | null },
  { config, log, opened, open, maintenance }: OpeningParts,
): Promise<void> {
  const { webPath: path, webMessageBytesMax: maxPayloadBytes, webIdleMs: idleMs, webProxyProtocol: proxyProtocol } = at
  const limits = { maxPayloadBytes, idleMs, connectionsMax: at.webConnectionsMax, origins: at.webOrigins }
  const form = { isText, compress: at.webCompresses }
  const server = new LateHttpServer(async () => {
    const { attachWebSocket, createHttpServer } = await import('./net/websocket.ts')
    const made = createHttpServer()
    const onConnection = frontEnd.accept.bind(frontEnd)
    const isSuspended = (): boolean => maintenance.isOn
    attachWebSocket(made, { path, subprotocols, ...form, ...limits, isSuspended, log, onConnection })
    return made
  }, log)
  const tls = row.tls === null ? null : loadTls(row.tls, `web_${name}`)
  const { backlog } = config.listeners
  const listener = await unlessTaken(`web-${name}`, row, log, () =>
    server.listen({ ...row, tls, backlog, proxyProtocol, log }, open),
  )
  if (listener === null) return
  const secure = tls === null ? '' : 's'
  opened.add(
    `http${secure}/web-${name}`,
    closedBy(listener, () => server.close()),
    tls,
  )
  const web = name === 'mqtt' ? opened.urls.webMqtt : opened.urls.webStomp
  web.push(urlOf(`ws${secure}`, row, listener) + path)
}

/** A port that nobody asked for may be another program's. */
async function unlessTaken<L extends Listener>(
  protocol: string,
  { isDefault, port }: ProtocolListener,
  log: Log,
  open: () => Promise<L>,
): Promise<L | null> {
  try {
    return await open()
  } catch (error) {
    if (!isDefault || !(error instanceof ListenError) || error.code !== 'EADDRINUSE') throw error
    log.warn('the default port of a protocol is taken: it is not spoken there', { protocol, port })
    return null
  }
}
