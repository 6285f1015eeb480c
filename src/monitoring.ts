import type { Config } from './config/config.ts'
import type { Broker } from './core/broker.ts'
import type { CertificateFacts, NodeFacts } from './management/management-host.ts'
import { Statistics } from './management/statistics/statistics.ts'
import type { NodeLimits } from './node-limits.ts'
import { NodeGauges } from './telemetry/node-gauges.ts'

/** What is measured of a node: for the HTTP API, and for Prometheus. */
export interface Monitoring {
  readonly node: NodeFacts
  readonly statistics: Statistics
  close(): void
}

export interface MonitoringParts {
  readonly broker: Broker
  /** What listeners show, as they are opened. */
  readonly certificates: readonly CertificateFacts[]
  readonly limits: Pick<NodeLimits, 'memoryBytes' | 'diskFreeBytes'>
}

export async function openMonitoring(config: Config, parts: MonitoringParts): Promise<Monitoring> {
  const { broker, limits } = parts
  const gauges = new NodeGauges(config.dataDir ?? process.cwd())
  await gauges.refresh()
  const statistics = new Statistics(broker, config.statistics, () => {
    void gauges.refresh()
    return gauges.readings
  })
  const node: NodeFacts = {
    get memoryLimitBytes() {
      return limits.memoryBytes
    },
    get diskFreeLimitBytes() {
      return limits.diskFreeBytes
    },
    logFiles: logFiles(config),
    configFiles: config.files,
    mechanisms: config.auth.mechanisms,
    readings: () => gauges.readings,
    certificates: () => parts.certificates,
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
