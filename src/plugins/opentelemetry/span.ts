export type AttributeValue = string | number | boolean | readonly string[]

/** One operation in a trace, as OpenTelemetry has it. What is known at its start stays; `end` and what follows is set when it is over. */
export interface Span {
  /** 32 hexadecimal digits. */
  readonly traceId: string
  /** 16 hexadecimal digits, as are those of the parent. */
  readonly spanId: string
  readonly parentId: string
  /** As the `tracestate` of the message has it; '' for none. */
  readonly traceState: string
  readonly name: string
  readonly kind: 'internal' | 'producer' | 'consumer'
  /** Ms since the epoch. */
  readonly startedAt: number
  endedAt: number
  readonly attributes: Record<string, AttributeValue>
  /** What went wrong, in one word; null for nothing. */
  error: string | null
}
