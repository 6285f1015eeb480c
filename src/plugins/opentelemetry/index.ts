import type { VHost } from '../../core/vhost.ts'
import { limitLog } from '../../telemetry/log.ts'
import { definePlugin, type Plugin } from '../plugin.ts'
import { Followed, MessageSpans } from './message-spans.ts'
import type { Resource } from './otlp.ts'
import { SpanExporter } from './span-exporter.ts'

export interface OpenTelemetryOptions {
  /** Base URL of an OTLP/HTTP collector: `http://localhost:4318`. */
  readonly endpoint: string
  readonly headers: ReadonlyMap<string, string>
  /** Share of the traces to take part in, 0 to 1. */
  readonly sampleRatio: number
  readonly resource: Resource
}

/** Sends spans of messages that are traced already to an OpenTelemetry collector. */
export function openTelemetry({ endpoint, headers, sampleRatio, resource }: OpenTelemetryOptions): Plugin {
  let stop: () => Promise<void> = async () => {}
  return definePlugin({
    name: 'opentelemetry',
    start({ broker, log, onEvent }) {
      const url = `${endpoint.replace(/\/+$/, '')}/v1/traces`
      const { clock } = broker
      const exporter = new SpanExporter({ url, headers, resource, clock, log: limitLog(log) })
      const parts = { clock, ratio: sampleRatio, sink: exporter, followed: new Followed() }
      const observers = new Map<VHost, MessageSpans>()
      const watch = (vhost: VHost): void => {
        const spans = new MessageSpans(vhost.name, parts)
        observers.set(vhost, spans)
        vhost.observe(spans)
      }
      for (const vhost of broker.vhosts.values()) watch(vhost)
      const forgetDeleted = (): void => {
        for (const vhost of observers.keys()) if (broker.vhosts.get(vhost.name) !== vhost) observers.delete(vhost)
      }
      onEvent(
        ({ name, vhost }) => (name === 'vhost.created' ? watch(broker.findVhost(vhost!)) : forgetDeleted()),
        ['vhost.created', 'vhost.deleted'],
      )
      stop = async () => {
        for (const [vhost, spans] of observers) vhost.stopObserving(spans)
        await exporter.close()
      }
      log.info('spans of messages are sent to a collector', { url })
    },
    stop: () => stop(),
  })
}
