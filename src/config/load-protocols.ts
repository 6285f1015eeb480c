import { borrowFiles } from './borrowed-tls.ts'
import type { Config, ListenerConfig, ProtocolListeners, TlsConfig } from './config.ts'
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
  return {
    tcp: listeners(given.tcp, bind).map((listener) => ({
      ...listener,
      isDefault: isDefault(OPTIONS[group].tcp, settings),
    })),
    tls: listeners(given.tls, bind),
    proxyProtocol: given.proxyProtocol,
    web: buildWeb(name, values, tls, settings),
    webPath: given.webPath,
    webProxyProtocol: given.webProxyProtocol,
    webMessageBytesMax: given.webMessageBytesMax ?? values.limits.messageBytesMax + ENVELOPE_BYTES,
    webIdleMs: given.webIdleMs,
    webCompresses: given.webCompresses,
    webConnectionsMax: given.webConnectionsMax,
    webOrigins: given.webOrigins,
  }
}

const isDefault = (option: Option<unknown>, settings: Settings): boolean => settings.rankOf(option) === RANK.default

function buildWeb(
  name: 'mqtt' | 'stomp',
  values: OptionValues,
  tls: TlsConfig | null,
  settings: Settings,
): ProtocolListeners['web'] {
  const group = `${name}Listeners` as const
  const given = values[group]
  const { webPort, webListener, webTlsListener } = OPTIONS[group]
  const isNamed = !isDefault(webListener, settings)
  const plain = isNamed ? given.webListener : addressOf(given.webPort, given.webHost)
  const plainIsDefault = !isNamed && isDefault(webPort, settings)
  const secured = isDefault(webTlsListener, settings)
    ? addressOf(given.webTlsPort, given.webTlsHost)
    : given.webTlsListener
  const at = ({ host, port }: ListenAddress): ListenerConfig => ({
    name: `web_${name}`,
    hosts: host === null ? values.network.bind : [host],
    port,
  })
  const web: ProtocolListeners['web'][number][] = []
  if (plain !== null && !(plainIsDefault && secured !== null)) {
    web.push({ ...at(plain), isDefault: plainIsDefault, tls: null })
  }
  if (secured !== null) web.push({ ...at(secured), isDefault: false, tls: buildTls(name, given, tls, settings) })
  return web
}

const addressOf = (port: number | null, host: string | null): ListenAddress | null =>
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
  const { webVersions, webCiphers, webHonorCipherOrder } = given
  return {
    ...files,
    verifyPeer: amqp?.verifyPeer ?? false,
    requireCertificate: amqp?.requireCertificate ?? false,
    versions: webVersions.length > 0 ? webVersions : (amqp?.versions ?? tls.versions.default),
    ciphers: webCiphers.length > 0 ? webCiphers : (amqp?.ciphers ?? []),
    honorCipherOrder: webHonorCipherOrder ?? amqp?.honorCipherOrder ?? tls.honorCipherOrder.default,
    handshakeTimeoutMs: amqp?.handshakeTimeoutMs ?? tls.handshakeTimeoutMs.default,
  }
}
