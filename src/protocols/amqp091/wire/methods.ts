/**
 * Every method of AMQP 0-9-1 with RabbitMQ's extensions, in the order of the specification and with its names.
 * `tools/generate-methods.ts` makes `methods.gen.ts` from this: run it after a change.
 *
 * A field named `reserved-…` is written as zero, skipped on reading, and appears in no class. Consecutive bits share an
 * octet, the first in the lowest bit.
 */

/** The specification's types; `text` is a longstr that holds text and not just any bytes. */
export type MethodFieldType =
  | 'bit'
  | 'octet'
  | 'short'
  | 'long'
  | 'longlong'
  | 'shortstr'
  | 'longstr'
  | 'text'
  | 'table'

export interface MethodSpec {
  readonly name: string
  readonly id: number
  readonly doc: string
  readonly fields: readonly (readonly [name: string, type: MethodFieldType])[]
}

export interface ClassSpec {
  readonly name: string
  readonly id: number
  readonly methods: readonly MethodSpec[]
}

const method = (id: number, name: string, doc: string, fields: Record<string, MethodFieldType> = {}): MethodSpec => ({
  name,
  id,
  doc,
  fields: Object.entries(fields),
})

const connection: ClassSpec = {
  name: 'connection',
  id: 10,
  methods: [
    method(10, 'start', 'The server opens the handshake: its version, properties, mechanisms and locales.', {
      'version-major': 'octet',
      'version-minor': 'octet',
      'server-properties': 'table',
      mechanisms: 'text',
      locales: 'text',
    }),
    method(11, 'start-ok', 'The client picks mechanism and locale and sends its first SASL response.', {
      'client-properties': 'table',
      mechanism: 'shortstr',
      response: 'longstr',
      locale: 'shortstr',
    }),
    method(20, 'secure', 'The server asks for another round of SASL.', { challenge: 'longstr' }),
    method(21, 'secure-ok', 'The client answers the challenge.', { response: 'longstr' }),
    method(30, 'tune', 'The server proposes limits; heartbeat is in seconds, 0 is no limit.', {
      'channel-max': 'short',
      'frame-max': 'long',
      heartbeat: 'short',
    }),
    method(31, 'tune-ok', 'The limits that the client settled on.', {
      'channel-max': 'short',
      'frame-max': 'long',
      heartbeat: 'short',
    }),
    method(40, 'open', 'Opens a virtual host.', {
      'virtual-host': 'shortstr',
      'reserved-1': 'shortstr',
      'reserved-2': 'bit',
    }),
    method(41, 'open-ok', 'The connection is ready for use.', { 'reserved-1': 'shortstr' }),
    method(50, 'close', 'Either side ends the connection; the ids name the method that caused it, or are 0.', {
      'reply-code': 'short',
      'reply-text': 'shortstr',
      'class-id': 'short',
      'method-id': 'short',
    }),
    method(51, 'close-ok', 'Confirms the end of the connection.'),
    method(60, 'blocked', 'The server stops taking publishes (RabbitMQ).', { reason: 'shortstr' }),
    method(61, 'unblocked', 'The server takes publishes again (RabbitMQ).'),
    method(70, 'update-secret', 'The client renews an expiring credential (RabbitMQ).', {
      'new-secret': 'longstr',
      reason: 'shortstr',
    }),
    method(71, 'update-secret-ok', 'The new credential is accepted (RabbitMQ).'),
  ],
}

const channel: ClassSpec = {
  name: 'channel',
  id: 20,
  methods: [
    method(10, 'open', 'Opens a channel.', { 'reserved-1': 'shortstr' }),
    method(11, 'open-ok', 'The channel is ready for use.', { 'reserved-1': 'longstr' }),
    method(20, 'flow', 'Pauses or resumes content from the other side.', { active: 'bit' }),
    method(21, 'flow-ok', 'Confirms a flow request.', { active: 'bit' }),
    method(40, 'close', 'Either side ends the channel; the ids name the method that caused it, or are 0.', {
      'reply-code': 'short',
      'reply-text': 'shortstr',
      'class-id': 'short',
      'method-id': 'short',
    }),
    method(41, 'close-ok', 'Confirms the end of the channel.'),
  ],
}

const access: ClassSpec = {
  name: 'access',
  id: 30,
  methods: [
    method(10, 'request', 'Asks for a ticket: gone from 0-9-1, still sent by old clients.', {
      realm: 'shortstr',
      exclusive: 'bit',
      passive: 'bit',
      active: 'bit',
      write: 'bit',
      read: 'bit',
    }),
    method(11, 'request-ok', 'Grants a ticket, which nobody looks at.', { ticket: 'short' }),
  ],
}

const exchange: ClassSpec = {
  name: 'exchange',
  id: 40,
  methods: [
    method(10, 'declare', 'Creates an exchange, or checks that it exists.', {
      'reserved-1': 'short',
      exchange: 'shortstr',
      type: 'shortstr',
      passive: 'bit',
      durable: 'bit',
      'auto-delete': 'bit',
      internal: 'bit',
      'no-wait': 'bit',
      arguments: 'table',
    }),
    method(11, 'declare-ok', 'The exchange exists.'),
    method(20, 'delete', 'Deletes an exchange.', {
      'reserved-1': 'short',
      exchange: 'shortstr',
      'if-unused': 'bit',
      'no-wait': 'bit',
    }),
    method(21, 'delete-ok', 'The exchange is gone.'),
    method(30, 'bind', 'Binds an exchange to another as its source (RabbitMQ).', {
      'reserved-1': 'short',
      destination: 'shortstr',
      source: 'shortstr',
      'routing-key': 'shortstr',
      'no-wait': 'bit',
      arguments: 'table',
    }),
    method(31, 'bind-ok', 'The binding exists (RabbitMQ).'),
    method(40, 'unbind', 'Removes a binding between exchanges (RabbitMQ).', {
      'reserved-1': 'short',
      destination: 'shortstr',
      source: 'shortstr',
      'routing-key': 'shortstr',
      'no-wait': 'bit',
      arguments: 'table',
    }),
    method(51, 'unbind-ok', 'The binding is gone (RabbitMQ; the id is not the one that the pattern suggests).'),
  ],
}

const queue: ClassSpec = {
  name: 'queue',
  id: 50,
  methods: [
    method(10, 'declare', 'Creates a queue, or checks that it exists; an empty name asks the server for one.', {
      'reserved-1': 'short',
      queue: 'shortstr',
      passive: 'bit',
      durable: 'bit',
      exclusive: 'bit',
      'auto-delete': 'bit',
      'no-wait': 'bit',
      arguments: 'table',
    }),
    method(11, 'declare-ok', 'The queue exists; message-count counts the ready ones.', {
      queue: 'shortstr',
      'message-count': 'long',
      'consumer-count': 'long',
    }),
    method(20, 'bind', 'Binds a queue to an exchange.', {
      'reserved-1': 'short',
      queue: 'shortstr',
      exchange: 'shortstr',
      'routing-key': 'shortstr',
      'no-wait': 'bit',
      arguments: 'table',
    }),
    method(21, 'bind-ok', 'The binding exists.'),
    method(30, 'purge', 'Drops all ready messages of a queue.', {
      'reserved-1': 'short',
      queue: 'shortstr',
      'no-wait': 'bit',
    }),
    method(31, 'purge-ok', 'How many messages were dropped.', { 'message-count': 'long' }),
    method(40, 'delete', 'Deletes a queue with its messages.', {
      'reserved-1': 'short',
      queue: 'shortstr',
      'if-unused': 'bit',
      'if-empty': 'bit',
      'no-wait': 'bit',
    }),
    method(41, 'delete-ok', 'How many messages went with the queue.', { 'message-count': 'long' }),
    method(50, 'unbind', 'Removes a binding; there is no no-wait here.', {
      'reserved-1': 'short',
      queue: 'shortstr',
      exchange: 'shortstr',
      'routing-key': 'shortstr',
      arguments: 'table',
    }),
    method(51, 'unbind-ok', 'The binding is gone.'),
  ],
}

const basic: ClassSpec = {
  name: 'basic',
  id: 60,
  methods: [
    method(10, 'qos', 'Limits what may be unacknowledged; prefetch-size is in bytes.', {
      'prefetch-size': 'long',
      'prefetch-count': 'short',
      global: 'bit',
    }),
    method(11, 'qos-ok', 'The limits hold.'),
    method(20, 'consume', 'Starts a consumer; an empty tag asks the server for one.', {
      'reserved-1': 'short',
      queue: 'shortstr',
      'consumer-tag': 'shortstr',
      'no-local': 'bit',
      'no-ack': 'bit',
      exclusive: 'bit',
      'no-wait': 'bit',
      arguments: 'table',
    }),
    method(21, 'consume-ok', 'The consumer is started.', { 'consumer-tag': 'shortstr' }),
    method(30, 'cancel', 'The client ends a consumer, or the server says that it has ended.', {
      'consumer-tag': 'shortstr',
      'no-wait': 'bit',
    }),
    method(31, 'cancel-ok', 'The consumer has ended.', { 'consumer-tag': 'shortstr' }),
    method(40, 'publish', 'Publishes the content that follows.', {
      'reserved-1': 'short',
      exchange: 'shortstr',
      'routing-key': 'shortstr',
      mandatory: 'bit',
      immediate: 'bit',
    }),
    method(50, 'return', 'Hands back a mandatory message that reached no queue; content follows.', {
      'reply-code': 'short',
      'reply-text': 'shortstr',
      exchange: 'shortstr',
      'routing-key': 'shortstr',
    }),
    method(60, 'deliver', 'A message for a consumer; content follows.', {
      'consumer-tag': 'shortstr',
      'delivery-tag': 'longlong',
      redelivered: 'bit',
      exchange: 'shortstr',
      'routing-key': 'shortstr',
    }),
    method(70, 'get', 'Asks for one message.', { 'reserved-1': 'short', queue: 'shortstr', 'no-ack': 'bit' }),
    method(71, 'get-ok', 'The message asked for, and how many are left; content follows.', {
      'delivery-tag': 'longlong',
      redelivered: 'bit',
      exchange: 'shortstr',
      'routing-key': 'shortstr',
      'message-count': 'long',
    }),
    method(72, 'get-empty', 'The queue has no ready message.', { 'reserved-1': 'shortstr' }),
    method(80, 'ack', 'The client accepts deliveries, or the server confirms publishes.', {
      'delivery-tag': 'longlong',
      multiple: 'bit',
    }),
    method(90, 'reject', 'The client refuses a delivery.', { 'delivery-tag': 'longlong', requeue: 'bit' }),
    method(100, 'recover-async', 'Deprecated form of recover, without an answer.', { requeue: 'bit' }),
    method(110, 'recover', 'Asks for all unacknowledged messages again.', { requeue: 'bit' }),
    method(111, 'recover-ok', 'The messages are on their way.'),
    method(120, 'nack', 'The client refuses deliveries, or the server refuses publishes (RabbitMQ).', {
      'delivery-tag': 'longlong',
      multiple: 'bit',
      requeue: 'bit',
    }),
  ],
}

const confirm: ClassSpec = {
  name: 'confirm',
  id: 85,
  methods: [
    method(10, 'select', 'Asks for publisher confirms on this channel (RabbitMQ).', { 'no-wait': 'bit' }),
    method(11, 'select-ok', 'Publishes are numbered and confirmed from now on (RabbitMQ).'),
  ],
}

const tx: ClassSpec = {
  name: 'tx',
  id: 90,
  methods: [
    method(10, 'select', 'Makes the channel transactional.'),
    method(11, 'select-ok', 'The channel is transactional.'),
    method(20, 'commit', 'Makes the publishes and acknowledgements of the transaction happen.'),
    method(21, 'commit-ok', 'The transaction has happened.'),
    method(30, 'rollback', 'Forgets the publishes and acknowledgements of the transaction.'),
    method(31, 'rollback-ok', 'The transaction is forgotten.'),
  ],
}

export const CLASSES: readonly ClassSpec[] = [connection, channel, access, exchange, queue, basic, confirm, tx]
