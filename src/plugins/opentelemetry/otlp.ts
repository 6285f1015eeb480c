import type { AttributeValue, Span } from './span.ts'

// OTLP in JSON: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding. Numbers of 64 bits are texts there.

/** Of SpanKind and StatusCode in `trace.proto`. */
const KINDS = { internal: 1, producer: 4, consumer: 5 } as const
const STATUS_ERROR = 2
/** Sampled; it is known whether the parent is another process's, and it is. */
const FLAGS = 0x301

/** What the spans are of. */
export interface Resource {
  readonly serviceName: string
  readonly version: string
  readonly nodeName: string
}

/** The body of a request to `/v1/traces`. */
export const encodeSpans = ({ serviceName, version, nodeName }: Resource, spans: readonly Span[]): string =>
  JSON.stringify({
    resourceSpans: [
      {
        resource: {
          attributes: attributes({
            'service.name': serviceName,
            'service.version': version,
            'service.instance.id': nodeName,
          }),
        },
        scopeSpans: [{ scope: { name: 'warrenmq', version }, spans: spans.map(spanObject) }],
      },
    ],
  })

const spanObject = (span: Span): object => ({
  traceId: span.traceId,
  spanId: span.spanId,
  parentSpanId: span.parentId,
  ...(span.traceState === '' ? {} : { traceState: span.traceState }),
  flags: FLAGS,
  name: span.name,
  kind: KINDS[span.kind],
  startTimeUnixNano: nanoseconds(span.startedAt),
  endTimeUnixNano: nanoseconds(span.endedAt),
  attributes: attributes(span.attributes),
  status: span.error === null ? {} : { code: STATUS_ERROR, message: span.error },
})

const nanoseconds = (ms: number): string => `${Math.floor(ms)}000000`

const attributes = (values: Readonly<Record<string, AttributeValue>>): object[] =>
  Object.entries(values).map(([key, value]) => ({ key, value: anyValue(value) }))

function anyValue(value: AttributeValue): object {
  if (typeof value === 'string') return { stringValue: value }
  if (typeof value === 'boolean') return { boolValue: value }
  if (typeof value === 'number') return { intValue: String(value) }
  return { arrayValue: { values: value.map(anyValue) } }
}
