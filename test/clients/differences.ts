/** Where WarrenMQ answers otherwise than an older RabbitMQ, or than any. */
export interface Difference {
  /** The RabbitMQ from which on both agree; null: WarrenMQ goes further, or does not do it yet. */
  readonly since: string | null
  readonly text: string
}

/**
 * Every difference that the scenarios of this folder met. WarrenMQ follows RabbitMQ 4.x, so against an older one the rows with a
 * version are expected; `docs/compatibility.md` quotes the rows without.
 */
export const DIFFERENCES = {
  exchangeTypeUnknown: {
    since: '4.0',
    text: 'An unknown exchange type closes the channel with 406, not the connection with 503.',
  },
  localRandom: { since: '4.0', text: 'The exchange type x-local-random is built in.' },
  jmsTopic: { since: null, text: 'The exchange type x-jms-topic is built in; RabbitMQ has it as a plugin.' },
  topicWildcards: { since: '4.3', text: 'A topic binding key may have at most two `#` words.' },
  messageSizeMax: { since: '4.0', text: 'The largest message is 16 MiB unless configured, not 128 MiB.' },
  deliveryModes: { since: '4.0', text: 'A delivery mode other than 1 and 2 counts as transient; it is not refused.' },
  atomicCommit: { since: null, text: '`tx.commit` takes effect in all of its queues or in none.' },
  consumerArguments: { since: '4.0', text: 'Consumer arguments that only streams know are refused by other queues.' },
  activePriority: {
    since: '4.0',
    text: 'Quorum queues with a single active consumer prefer the consumer with the highest priority.',
  },
  requeueOrder: {
    since: '4.3',
    text: 'Quorum queues deliver requeued messages before others, in the order in which they came back.',
  },
  cancelOk: { since: null, text: 'A client may answer a cancellation by the broker with basic.cancel-ok.' },
  expiryAnywhere: { since: null, text: 'Messages expire wherever in the queue they stand, not only at its head.' },
  quorumPriorities: { since: '4.3', text: 'Quorum queues have 32 priorities; a message without one has 4.' },
  classicDeliveryLimit: {
    since: null,
    text: 'Classic queues count deliveries (`x-delivery-count`) and keep `x-delivery-limit`.',
  },
  nackIsNoFailure: {
    since: '4.3',
    text: 'For the delivery limit basic.nack with requeue is no failure; basic.reject is.',
  },
  defaultDeliveryLimit: {
    since: '4.0',
    text: 'The delivery limit of quorum queues is 20 unless set; negative for none.',
  },
  lastDeath: { since: '3.13', text: 'Dead letters carry `x-last-death-exchange`, `-queue` and `-reason`.' },
  foreignDeaths: { since: '4.0', text: 'An `x-death` header that a publisher writes does not count as deaths.' },
  delayedMessages: {
    since: null,
    text: 'Exchanges and queues keep messages until they are due; the exchange type x-delayed-message is built in.',
  },
  messageGroups: {
    since: null,
    text: 'Queues keep groups of messages (`x-message-groups`): in order, one at a time, over all consumers.',
  },
  streams: { since: null, text: 'Streams are not implemented yet: declaring one is answered with 540.' },
  leaderLocator: { since: '3.11', text: 'Classic queues accept `x-queue-leader-locator`.' },
  replyBinding: { since: '4.3', text: 'Binding a direct reply-to address is refused with 403.' },
} as const satisfies Record<string, Difference>

export type DifferenceName = keyof typeof DIFFERENCES
