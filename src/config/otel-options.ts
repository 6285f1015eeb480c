import { named, one } from './option.ts'
import { optional, type OptionType, text } from './option-types.ts'

// Spans for OpenTelemetry.

const NO_HEADERS: ReadonlyMap<string, string> = new Map()

const collectorUrl: OptionType<string> = {
  hint: 'URL',
  parse(value) {
    if (!/^https?:\/\//i.test(value) || !URL.canParse(value)) throw new Error('is not an http or https URL')
    return value
  },
  format: (value) => value,
}

const share: OptionType<number> = {
  hint: 'RATIO',
  parse(value) {
    if (!/^(\d+(\.\d*)?|\.\d+)$/.test(value) || Number(value) > 1) throw new Error('is not a number from 0 to 1')
    return Number(value)
  },
  format: String,
}

const headerText: OptionType<string> = {
  ...text,
  parse(value) {
    if (!/^[\t\x20-\x7e]*$/.test(value)) throw new Error('is not the value of a header')
    return value
  },
}

export const opentelemetry = {
  endpoint: one(
    'otel.endpoint',
    optional(collectorUrl),
    null,
    'Base URL of an OpenTelemetry collector (OTLP over HTTP) that spans are sent to, such as `http://localhost:4318`; `none` is off.',
  ),
  sampleRatio: one(
    'otel.sample_ratio',
    share,
    1,
    'Share of the traces that the broker takes part in, 0 to 1, of those that publishers have sampled. It takes part in no others.',
  ),
  headers: named('otel.headers', headerText, NO_HEADERS, 'Headers of requests to the collector, by name.', {
    secret: true,
  }),
  serviceName: one('otel.service_name', text, 'warrenmq', 'Name of the service that spans are of.'),
}
