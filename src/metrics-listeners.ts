import type { Config, ListenerConfig } from './config/config.ts'
import type { LazyHttp } from './lazy-http.ts'
import type { ManagementHost } from './management/management-host.ts'
import { LateHttpServer } from './net/late-http.ts'
import { closedBy, type Listener, ListenError } from './net/listener.ts'
import { loadTls, type TlsContext } from './net/tls.ts'
import type { Log } from './telemetry/log.ts'

export interface MetricsListener {
  readonly listener: Listener
  readonly config: ListenerConfig
  /** As RabbitMQ names it. */
  readonly protocol: string
  readonly tls: TlsContext | null
}

/**
 * The ports of metrics for Prometheus.
 * @throws ListenError for a port that was asked for; TlsError
 */
export async function openMetrics(
  { prometheus, listeners: { backlog } }: Config,
  host: ManagementHost,
  log: Log,
): Promise<MetricsListener[]> {
  const { plain, isPlainGiven, tls } = prometheus
  const open: MetricsListener[] = []
  if (plain === null && tls === null) return open
  const listen = async (row: ListenerConfig, context: TlsContext | null): Promise<void> => {
    const { hosts, port } = row
    let app: LazyHttp | null = null
    const server = new LateHttpServer(async () => {
      const { LazyHttp } = await import('./lazy-http.ts')
      app = new LazyHttp(async (createServer) => {
        const { createMetricsApp } = await import('./management/prometheus/app.ts')
        return createMetricsApp(host, prometheus, createServer)
      }, log)
      return app.server
    }, log)
    const listener = await server.listen({ hosts, port, backlog, tls: context, log })
    const close = async (): Promise<void> => {
      await server.close()
      await app?.close()
    }
    const protocol = context === null ? 'http/prometheus' : 'https/prometheus'
    open.push({ listener: closedBy(listener, close), config: row, protocol, tls: context })
  }
  try {
    if (tls !== null) await listen(tls.listener, loadTls(tls.settings, 'prometheus.ssl'))
    if (plain !== null) await listen(plain, null)
  } catch (error) {
    // a port that nobody asked for is no reason not to start
    if (isPlainGiven || tls !== null || !(error instanceof ListenError)) {
      await Promise.all(open.map(({ listener }) => listener.close()))
      throw error
    }
    log.warn('no port for metrics', { reason: error.message })
  }
  return open
}
