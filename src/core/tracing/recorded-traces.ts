/** A trace that is written down as it goes (RabbitMQ's tracing plugin). */
export interface RecordedTrace {
  readonly vhost: string
  readonly name: string
  readonly format: 'text' | 'json'
  /** As a binding key of `amq.rabbitmq.trace`: `publish.EXCHANGE` and `deliver.QUEUE`, with `*` and `#`. */
  readonly pattern: string
  /** Of payloads, what is kept at most; null for all, within reason. */
  readonly payloadBytesMax: number | null
  /** As whom it was asked to look; said, and otherwise without meaning here. */
  readonly user: string | null
}

/** What traces have written, by the name of the trace and `.log`. */
export interface TraceRecord {
  readonly name: string
  /** Bytes. */
  readonly size: number
}

/** Starts and ends traces, and has what they have written; as whoever steers them sees it: the HTTP API. */
export interface RecordedTraces {
  list(): readonly RecordedTrace[]
  /** @throws BrokerError notFound, and preconditionFailed for a name that is taken or cannot be one */
  start(trace: RecordedTrace): void
  /** Resolves when all has been written. @returns whether there was such a trace */
  stop(vhost: string, name: string): Promise<boolean>
  records(): Promise<readonly TraceRecord[]>
  /** Null where there is none of that name. */
  read(record: string): Promise<AsyncIterable<Uint8Array> | null>
  /** @returns whether there was one of that name */
  delete(record: string): Promise<boolean>
}
