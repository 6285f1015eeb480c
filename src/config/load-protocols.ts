import { borrowFiles } from './borrowed-tls.ts'
import type { Config, ListenerConfig, ProtocolListener, ProtocolListeners, TlsConfig } from './config.ts'
import type { ListenAddress } from './option-types.ts'
import { OPTIONS, type OptionValues } from './options.ts'
import { RANK, type Settings } from './settings.ts'

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
  const webIsDefault = settings.rankOf(OPTIONS[group].webPort) === RANK.default
  const { webPort, webTlsPort } = given
  const web: (ProtocolListener & { tls: TlsConfig | null })[] = []
  if (webPort !== null && !(webIsDefault && webTlsPort !== null)) {
    web.push({ ...at(given.webHost, webPort, webIsDefault), tls: null })
  }
  if (webTlsPort !== null) {
    web.push({ ...at(given.webTlsHost, webTlsPort, false), tls: buildTls(name, given, tls, settings) })
  }
  return {
    tcp: listeners(given.tcp, bind).map((listener) => ({ ...listener, isDefault: tcpIsDefault })),
    tls: listeners(given.tls, bind),
    proxyProtocol: given.proxyProtocol,
    web,
    webPath: given.webPath,
  }
}

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
