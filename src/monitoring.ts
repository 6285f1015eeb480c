import type { Config } from './config/config.ts'
import type { Broker } from './core/broker.ts'
import type { CertificateFacts, ListenerFacts, LoginCounts, NodeFacts } from './management/management-host.ts'
import { Statistics } from './management/statistics/statistics.ts'
import type { TlsContext } from './net/tls.ts'
import { NodeGauges } from './telemetry/node-gauges.ts'

/** What is measured of a node: for the HTTP API, and for Prometheus. */
export interface Monitoring {
  readonly node: NodeFacts
  readonly statistics: Statistics
  close(): void
}

export interface MonitoringParts {
  readonly broker: Broker
  readonly tls: TlsContext | null
  readonly memoryLimitBytes: number
  readonly diskFreeLimitBytes: number
  listeners(): readonly ListenerFacts[]
  loginCounts(): readonly LoginCounts[]
}

export async function openMonitoring(config: Config, parts: MonitoringParts): Promise<Monitoring> {
  const { broker, tls, memoryLimitBytes, diskFreeLimitBytes } = parts
  const gauges = new NodeGauges(config.dataDir ?? process.cwd())
  await gauges.refresh()
  const statistics = new Statistics(broker, config.statistics, () => {
    void gauges.refresh()
    return gauges.readings
  })
  const certificates = (): CertificateFacts[] => {
    if (tls === null) return []
    const secured = parts.listeners().filter((listener) => listener.protocol === 'amqp/ssl')
    return secured.map(({ protocol, port }) => ({ protocol, port, validTo: tls.validTo }))
  }
  const node: NodeFacts = {
    memoryLimitBytes,
    diskFreeLimitBytes,
    logFiles: logFiles(config),
    configFiles: config.files,
    mechanisms: config.auth.mechanisms,
    readings: () => gauges.readings,
    loginCounts: () => parts.loginCounts(),
    certificates,
  }
  const close = (): void => {
    statistics.close()
    gauges.close()
  }
  return { node, statistics, close }
}

function logFiles({ log }: Config): string[] {
  const files = log.file === null ? [] : [log.file.path]
  return log.console === null ? files : [...files, '<stderr>']
}
