/** One resolution in which the past is remembered: for how long, and how far apart its samples are. */
export interface RetentionStep {
  readonly seconds: number
  readonly everySec: number
}

/** For how long samples are kept (RabbitMQ: `management.sample_retention_policies`), by what they are of. */
export interface RetentionPolicies {
  /** The node and its virtual hosts. */
  readonly global: readonly RetentionStep[]
  /** Queues, exchanges, connections and channels. */
  readonly basic: readonly RetentionStep[]
  /** What goes from where to where: an exchange's messages to a queue, a queue's to a channel. */
  readonly detailed: readonly RetentionStep[]
}

/** RabbitMQ's. */
export const DEFAULT_RETENTION: RetentionPolicies = {
  global: [
    { seconds: 600, everySec: 5 },
    { seconds: 3600, everySec: 60 },
    { seconds: 28_800, everySec: 600 },
    { seconds: 86_400, everySec: 1800 },
  ],
  basic: [
    { seconds: 600, everySec: 5 },
    { seconds: 3600, everySec: 60 },
  ],
  detailed: [{ seconds: 600, everySec: 5 }],
}
