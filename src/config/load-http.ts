import { borrowFiles } from './borrowed-tls.ts'
import type { Config, ListenerConfig, TlsConfig } from './config.ts'
import { OPTIONS, type OptionValues } from './options.ts'
import { RANK, type Settings } from './settings.ts'

/** @param tls that of the AMQP listeners: its certificate serves HTTPS as well where no other is given */
export function buildHttp(values: OptionValues, tls: TlsConfig | null, settings: Settings): Config['http'] {
  const { http } = values
  return {
    listeners: buildListeners(values, tls, settings),
    pathPrefix: http.pathPrefix,
    corsOrigins: http.corsOrigins,
    corsMaxAgeSec: http.corsMaxAgeSec,
    contentSecurityPolicy: http.contentSecurityPolicy,
    strictTransportSecurity: http.strictTransportSecurity,
    bodyBytesMax: http.bodyBytesMax,
    operatorPoliciesReadOnly: http.operatorPoliciesReadOnly,
    signInTimeoutMs: http.signInTimeout * 60_000,
  }
}

/** RabbitMQ's rule: the default port is there only if no other is named. */
function buildListeners(
  { http, network }: OptionValues,
  tls: TlsConfig | null,
  settings: Settings,
): Config['http']['listeners'] {
  const { port, host, tlsPort, tlsHost, listenerPort, listenerHost, listenerTls } = http
  const at = (name: string, number: number, address: string | null): ListenerConfig => ({
    name,
    hosts: address === null ? network.bind : [address],
    port: number,
  })
  const isNamed = settings.rankOf(OPTIONS.http.port) > RANK.default
  const found: (ListenerConfig & { tls: TlsConfig | null })[] = []
  const secure = (listener: ListenerConfig): void => {
    found.push({ ...listener, tls: buildTls(http, tls, settings) })
  }
  if (port !== null && (isNamed || (tlsPort === null && listenerPort === null))) {
    found.push({ ...at('management', port, host), tls: null })
  }
  if (listenerPort !== null) {
    const listener = at('management.listener', listenerPort, listenerHost)
    if (listenerTls) secure(listener)
    else found.push({ ...listener, tls: null })
  }
  if (tlsPort !== null) secure(at('management.ssl', tlsPort, tlsHost))
  return found
}

function buildTls(http: OptionValues['http'], amqp: TlsConfig | null, settings: Settings): TlsConfig | null {
  const files = borrowFiles(http, amqp, (key) =>
    settings.problem({ rank: RANK.file, where: 'HTTPS listener' }, `needs management.ssl.${key}`),
  )
  const verifyPeer = http.verify === 'verify_peer'
  if (verifyPeer && files.caFile === null) {
    const where = 'management.ssl.verify'
    settings.problem({ rank: RANK.file, where }, 'verify_peer needs management.ssl.cacertfile')
  }
  return {
    ...files,
    verifyPeer,
    requireCertificate: http.requireCertificate,
    versions: http.versions,
    ciphers: http.ciphers,
    honorCipherOrder: http.honorCipherOrder,
    handshakeTimeoutMs: amqp?.handshakeTimeoutMs ?? OPTIONS.tls.handshakeTimeoutMs.default,
  }
}
