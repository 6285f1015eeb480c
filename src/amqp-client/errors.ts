import { METHOD_NAMES } from '../protocols/amqp091/wire/methods.gen.ts'

/** Why a connection or channel of ours ended, or an operation on it failed, unless it was we who ended it. */
export class AmqpClientError extends Error {
  override readonly name: string = 'AmqpClientError'
}

/** The address cannot be used; the text says why, and holds no password. */
export class AmqpUriError extends AmqpClientError {
  override readonly name = 'AmqpUriError'
}

/** The network: no connection could be made, it broke, or the peer fell silent or said what nobody understands. */
export class AmqpNetworkError extends AmqpClientError {
  override readonly name = 'AmqpNetworkError'
  /** Of the operating system or of TLS where it has one: `ECONNREFUSED` and so on; else null. */
  readonly code: string | null

  constructor(text: string, cause?: Error) {
    super(text, cause === undefined ? undefined : { cause })
    const { code } = (cause ?? {}) as { code?: unknown }
    this.code = typeof code === 'string' ? code : null
  }
}

/** The broker refused: what connection.close and channel.close say. */
export class AmqpReplyError extends AmqpClientError {
  override readonly name = 'AmqpReplyError'
  /** 404 and so on: section 1.8 of the specification. */
  readonly replyCode: number
  /** As the broker wrote it: `NOT_FOUND - no queue 'q' in vhost '/'`. */
  readonly replyText: string
  /** What ended with it. */
  readonly scope: 'connection' | 'channel'
  /** The method that caused it (`queue.declare`), where the broker says. */
  readonly method: string | null

  constructor(scope: 'connection' | 'channel', code: number, text: string, classId: number, methodId: number) {
    super(`${code} ${text}`)
    this.scope = scope
    this.replyCode = code
    this.replyText = text
    this.method = METHOD_NAMES.get((classId << 16) | methodId) ?? null
  }
}

/** A message whose properties cannot be read: its publisher's mistake, which the broker has let pass. */
export class AmqpMessageError extends AmqpClientError {
  override readonly name = 'AmqpMessageError'
}

/** The connection or channel had been closed by this side before. */
export class AmqpClosedError extends AmqpClientError {
  override readonly name = 'AmqpClosedError'
}
