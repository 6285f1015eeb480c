import { BrokerError, type BrokerErrorKind } from '../../core/errors.ts'
import { REPLY_CODES } from '../../core/reply-codes.ts'
import { truncateShortstr } from './wire/writer.ts'

export interface Reply {
  readonly code: number
  readonly name: string
  /** What ends. A channel error on channel 0 ends the connection. */
  readonly closes: 'channel' | 'connection'
}

/** The one place that knows what a kind of refusal costs the client. */
const REPLIES = {
  notFound: { ...REPLY_CODES.notFound, closes: 'channel' },
  accessRefused: { ...REPLY_CODES.accessRefused, closes: 'channel' },
  preconditionFailed: { ...REPLY_CODES.preconditionFailed, closes: 'channel' },
  resourceLocked: { ...REPLY_CODES.resourceLocked, closes: 'channel' },
  notAllowed: { ...REPLY_CODES.notAllowed, closes: 'connection' },
  notImplemented: { ...REPLY_CODES.notImplemented, closes: 'connection' },
  resourceError: { ...REPLY_CODES.resourceError, closes: 'connection' },
  internalError: { ...REPLY_CODES.internalError, closes: 'connection' },
} as const satisfies Record<BrokerErrorKind, Reply>

/** Errors of the protocol itself: all of them end the connection. */
const PROTOCOL_REPLIES = {
  frameError: { code: 501, name: 'FRAME_ERROR', closes: 'connection' },
  syntaxError: { code: 502, name: 'SYNTAX_ERROR', closes: 'connection' },
  commandInvalid: { code: 503, name: 'COMMAND_INVALID', closes: 'connection' },
  channelError: { code: 504, name: 'CHANNEL_ERROR', closes: 'connection' },
  unexpectedFrame: { code: 505, name: 'UNEXPECTED_FRAME', closes: 'connection' },
  connectionForced: { code: 320, name: 'CONNECTION_FORCED', closes: 'connection' },
} as const satisfies Record<string, Reply>

export type ProtocolErrorKind = keyof typeof PROTOCOL_REPLIES

/** The client broke the protocol. */
export class ProtocolError extends Error {
  readonly kind: ProtocolErrorKind
  /** The method that is to blame: 0 for none, null for the one at hand. */
  readonly methodId: number | null

  constructor(kind: ProtocolErrorKind, text: string, methodId: number | null = null) {
    super(text)
    this.name = 'ProtocolError'
    this.kind = kind
    this.methodId = methodId
  }
}

export const replyOf = (error: BrokerError | ProtocolError): Reply =>
  error instanceof BrokerError ? REPLIES[error.kind] : PROTOCOL_REPLIES[error.kind]

export const replyText = (reply: Reply, text: string): string => truncateShortstr(`${reply.name} - ${text}`)
