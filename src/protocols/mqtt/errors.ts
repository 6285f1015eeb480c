import { BrokerError, type BrokerErrorKind } from '../../core/errors.ts'
import {
  IMPLEMENTATION_ERROR,
  MALFORMED_PACKET,
  NOT_AUTHORIZED,
  PROTOCOL_ERROR,
  QUOTA_EXCEEDED,
  UNSPECIFIED_ERROR,
} from './reason-codes.ts'

/** The client broke the protocol, or asked for what ends its connection. */
export class MqttError extends Error {
  /** A reason code of MQTT 5, which is told where the version has it. */
  readonly reason: number

  constructor(reason: number, text: string) {
    super(text)
    this.name = 'MqttError'
    this.reason = reason
  }
}

/** What came is no packet. */
export const malformed = (text: string): MqttError => new MqttError(MALFORMED_PACKET, text)
/** It is one, at the wrong time or in the wrong place. */
export const protocolError = (text: string): MqttError => new MqttError(PROTOCOL_ERROR, text)

/** The one place that knows what a kind of refusal is in MQTT. */
const REASONS = {
  notFound: UNSPECIFIED_ERROR,
  accessRefused: NOT_AUTHORIZED,
  preconditionFailed: QUOTA_EXCEEDED,
  resourceLocked: NOT_AUTHORIZED,
  notAllowed: QUOTA_EXCEEDED,
  notImplemented: IMPLEMENTATION_ERROR,
  resourceError: QUOTA_EXCEEDED,
  internalError: UNSPECIFIED_ERROR,
} as const satisfies Record<BrokerErrorKind, number>

export const reasonOf = (error: BrokerError | MqttError): number =>
  error instanceof BrokerError ? REASONS[error.kind] : error.reason
