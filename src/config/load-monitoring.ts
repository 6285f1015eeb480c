import { resolve } from 'node:path'
import type { Config, ListenerConfig, TlsConfig } from './config.ts'
import { OPTIONS } from './options.ts'
import type { OptionValues } from './options.ts'
import { DEFAULT_RETENTION, type RetentionPolicies, type RetentionStep } from './retention.ts'
import { RANK, type Settings } from './settings.ts'

export const buildStatistics = ({ statistics }: OptionValues, settings: Settings): Config['statistics'] => ({
  intervalMs: statistics.interval,
  ratesMode: statistics.ratesMode,
  retention: buildRetention(statistics.retention, settings),
  disableStats: statistics.disable,
  enableQueueTotals: statistics.queueTotals,
})

const LENGTHS: Readonly<Record<string, number>> = { minute: 60, hour: 3600, day: 86_400 }
/** Samples of one history: what is kept for each active queue must stay small. */
const SAMPLES_MAX = 10_000

function buildRetention(lines: ReadonlyMap<string, number>, settings: Settings): RetentionPolicies {
  const given: Record<string, RetentionStep[]> = { global: [], basic: [], detailed: [] }
  for (const [name, everySec] of lines) {
    const at = { rank: RANK.file, where: `management.sample_retention_policies.${name}` }
    const [policy = '', length = ''] = name.split('.')
    const seconds = LENGTHS[length] ?? Number(length)
    if (given[policy] === undefined) settings.problem(at, 'the policies are global, basic and detailed')
    else if (!Number.isInteger(seconds) || seconds <= 0) settings.problem(at, `'${length}' is not a length of time`)
    else if (seconds / everySec > SAMPLES_MAX) settings.problem(at, `more than ${SAMPLES_MAX} samples`)
    else given[policy].push({ seconds, everySec })
  }
  const of = (policy: keyof RetentionPolicies): readonly RetentionStep[] =>
    given[policy]!.length > 0 ? given[policy]! : DEFAULT_RETENTION[policy]
  return { global: of('global'), basic: of('basic'), detailed: of('detailed') }
}

export function buildPrometheus(values: OptionValues, settings: Settings): Config['prometheus'] {
  const { prometheus, network } = values
  const isPlainGiven = settings.rankOf(OPTIONS.prometheus.port) !== RANK.default
  const listener = (port: number | null, host: string | null): ListenerConfig | null =>
    port === null ? null : { name: 'prometheus', hosts: host === null ? network.bind : [host], port }
  const tlsListener = listener(prometheus.tlsPort, prometheus.tlsHost)
  return {
    plain: tlsListener !== null && !isPlainGiven ? null : listener(prometheus.port, prometheus.host),
    isPlainGiven,
    tls: tlsListener === null ? null : { listener: tlsListener, settings: buildTls(values, settings) },
    path: prometheus.path,
    perObject: prometheus.perObject,
    authentication: prometheus.authentication,
  }
}

function buildTls({ prometheus, tls }: OptionValues, settings: Settings): TlsConfig {
  const { caFile, certFile, keyFile, password, verify, requireCertificate, versions } = prometheus
  for (const [key, value] of [
    ['prometheus.ssl.certfile', certFile],
    ['prometheus.ssl.keyfile', keyFile],
  ]) {
    if (value === null) settings.problem({ rank: RANK.file, where: 'prometheus.ssl.port' }, `needs ${key}`)
  }
  if (verify === 'verify_peer' && caFile === null) {
    settings.problem({ rank: RANK.file, where: 'prometheus.ssl.verify' }, 'verify_peer needs prometheus.ssl.cacertfile')
  }
  return {
    caFile: caFile === null ? null : resolve(caFile),
    certFile: resolve(certFile ?? ''),
    keyFile: resolve(keyFile ?? ''),
    password,
    verifyPeer: verify === 'verify_peer',
    requireCertificate,
    versions,
    ciphers: tls.ciphers,
    honorCipherOrder: tls.honorCipherOrder,
    handshakeTimeoutMs: tls.handshakeTimeoutMs,
  }
}

/** The name of a header (RFC 9110), and none that the request has a value of its own for. */
const HEADER_NAME = /^(?!(?:host|connection|content-type|content-length|transfer-encoding)$)[\w!#$%&'*+.^`|~-]+$/i

export function buildOpenTelemetry({ opentelemetry }: OptionValues, settings: Settings): Config['opentelemetry'] {
  const { endpoint, sampleRatio, headers, serviceName } = opentelemetry
  for (const name of headers.keys()) {
    if (HEADER_NAME.test(name)) continue
    settings.problem({ rank: RANK.file, where: `otel.headers.${name}` }, 'is no header that can be set')
  }
  if (endpoint === null) return null
  const { username, password, search, hash } = new URL(endpoint)
  const at = settings.originOf(OPTIONS.opentelemetry.endpoint)!
  // what is wrong with it is a secret perhaps: it is not repeated
  if (username !== '' || password !== '') settings.problem(at, 'the URL must have no password: otel.headers may')
  if (search !== '' || hash !== '') settings.problem(at, 'the URL must have no query: /v1/traces is appended to it')
  return { endpoint, sampleRatio, headers, serviceName }
}
