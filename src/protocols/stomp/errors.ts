import type { BrokerError, BrokerErrorKind } from '../../core/errors.ts'

/** What a client is told in an ERROR frame. */
export interface Refusal {
  /** The frame's `message` header: a few words. */
  readonly summary: string
  /** The frame's body. */
  readonly detail: string
  /** Whether the connection ends with it. */
  readonly ends: boolean
}

/** Why a request is refused. As in RabbitMQ, most requests that are wrong in themselves leave the connection open. */
export class StompError extends Error implements Refusal {
  readonly summary: string
  readonly detail: string
  readonly ends: boolean

  constructor(summary: string, detail: string, ends = false) {
    super(`${summary}: ${detail.trimEnd()}`)
    this.name = 'StompError'
    this.summary = summary
    this.detail = detail
    this.ends = ends
  }
}

/** What follows cannot be understood: always the end of the connection. */
export class FrameError extends StompError {
  constructor(detail: string) {
    super('Malformed frame', detail, true)
    this.name = 'FrameError'
  }
}

/** RabbitMQ's names of what its broker refuses; each of them ends a STOMP connection. */
const NAMES = {
  notFound: 'not_found',
  accessRefused: 'access_refused',
  preconditionFailed: 'precondition_failed',
  resourceLocked: 'resource_locked',
  notAllowed: 'not_allowed',
  notImplemented: 'not_implemented',
  resourceError: 'resource_error',
  internalError: 'internal_error',
} as const satisfies Record<BrokerErrorKind, string>

export function refusalOf(error: BrokerError | StompError): Refusal {
  if (error instanceof StompError) return error
  const summary = NAMES[error.kind]
  return { summary, detail: `${summary.toUpperCase()} - ${error.message}`, ends: true }
}

export const invalidHeader = (detail: string): StompError => new StompError('Invalid header', detail)
