import { BrokerError, type BrokerErrorKind } from '../../core/errors.ts'
import { truncateShortstr } from './wire/writer.ts'

export interface Reply {
  readonly code: number
  readonly name: string
  /** What ends. A channel error on channel 0 ends the connection. */
  readonly closes: 'channel' | 'connection'
}

/** The one place that knows what a kind of refusal costs the client. */
const REPLIES = {
  notFound: { code: 404, name: 'NOT_FOUND', closes: 'channel' },
  accessRefused: { code: 403, name: 'ACCESS_REFUSED', closes: 'channel' },
  preconditionFailed: { code: 406, name: 'PRECONDITION_FAILED', closes: 'channel' },
  resourceLocked: { code: 405, name: 'RESOURCE_LOCKED', closes: 'channel' },
  notAllowed: { code: 530, name: 'NOT_ALLOWED', closes: 'connection' },
  notImplemented: { code: 540, name: 'NOT_IMPLEMENTED', closes: 'connection' },
  resourceError: { code: 506, name: 'RESOURCE_ERROR', closes: 'connection' },
  internalError: { code: 541, name: 'INTERNAL_ERROR', closes: 'connection' },
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
