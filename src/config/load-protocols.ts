import { borrowFiles } from './borrowed-tls.ts'
import type { Config, ListenerConfig, ProtocolListener, ProtocolListeners, TlsConfig } from './config.ts'
import type { Option } from './option.ts'
import type { ListenAddress } from './option-types.ts'
import { OPTIONS, type OptionValues } from './options.ts'
import { RANK, type Settings } from './settings.ts'

/** Of a WebSocket message that has one of the broker in it: headers, properties, the protocol's own. */
const ENVELOPE_BYTES = 1024 * 1024

export function listeners(addresses: ReadonlyMap<string, ListenAddress>, bind: readonly string[]): ListenerConfig[] {
  return [...addresses].map(([name, { host, port }]) => ({ name, hosts: host === null ? bind : [host], port }))
}

/** @param tls that of the AMQP listeners: its certificate serves the others too where no other is given */
export function buildProtocols(values: OptionValues, tls: TlsConfig | null, settings: Settings): Config['protocols'] {
  const of = (name: 'mqtt' | 'stomp'): ProtocolListeners | null =>
    values.protocols.spoken.includes(name) ? buildListeners(name, values, tls, settings) : null
  return { mqtt: of('mqtt'), stomp: of('stomp') }
}

function buildListeners(
  name: 'mqtt' | 'stomp',
  values: OptionValues,
  tls: TlsConfig | null,
  settings: Settings,
): ProtocolListeners {
  const group = `${name}Listeners` as const
  const given = values[group]
  const { bind } = values.network
  const at = (host: string | null, port: number, isDefault: boolean): ProtocolListener => ({
    name: `web_${name}`,
    hosts: host === null ? bind : [host],
    port,
    isDefault,
  })
  const tcpIsDefault = settings.rankOf(OPTIONS[group].tcp) === RANK.default
  const { webPort: portOption, webAt: atOption, webTlsAt: tlsAtOption } = OPTIONS[group]
  const isGiven = (option: Option<unknown>): boolean => settings.rankOf(option) !== RANK.default
  const webIsDefault = !isGiven(portOption) && !isGiven(atOption)
  const plain = isGiven(atOption) ? given.webAt : addressOf(given.webHost, given.webPort)
  const secure = isGiven(tlsAtOption) ? given.webTlsAt : addressOf(given.webTlsHost, given.webTlsPort)
  const web: (ProtocolListener & { tls: TlsConfig | null })[] = []
  if (plain !== null && !(webIsDefault && secure !== null)) {
    web.push({ ...at(plain.host, plain.port, webIsDefault), tls: null })
  }
  if (secure !== null) {
    web.push({ ...at(secure.host, secure.port, false), tls: buildTls(name, given, tls, settings) })
  }
  return {
    tcp: listeners(given.tcp, bind).map((listener) => ({ ...listener, isDefault: tcpIsDefault })),
    tls: listeners(given.tls, bind),
    proxyProtocol: given.proxyProtocol,
    web,
    webSocket: {
      path: given.webPath,
      proxyProtocol: given.webProxyProtocol,
      idleTimeoutMs: given.webIdleTimeoutMs,
      messageBytesMax: given.webMessageBytesMax ?? values.limits.messageBytesMax + ENVELOPE_BYTES,
    },
  }
}

const addressOf = (host: string | null, port: number | null): ListenAddress | null =>
  port === null ? null : { host, port }

function buildTls(
  name: string,
  given: OptionValues['mqttListeners'],
  amqp: TlsConfig | null,
  settings: Settings,
): TlsConfig {
  const where = `web_${name}.ssl.port`
  const own = {
    caFile: given.webCaFile,
    certFile: given.webCertFile,
    keyFile: given.webKeyFile,
    password: given.webPassword,
  }
  const files = borrowFiles(own, amqp, (key) =>
    settings.problem({ rank: RANK.file, where }, `needs web_${name}.ssl.${key}`),
  )
  const { tls } = OPTIONS
  return {
    ...files,
    verifyPeer: amqp?.verifyPeer ?? false,
    requireCertificate: amqp?.requireCertificate ?? false,
    versions: amqp?.versions ?? tls.versions.default,
    ciphers: amqp?.ciphers ?? [],
    honorCipherOrder: amqp?.honorCipherOrder ?? tls.honorCipherOrder.default,
    handshakeTimeoutMs: amqp?.handshakeTimeoutMs ?? tls.handshakeTimeoutMs.default,
  }
}
