import type { BrokerErrorKind } from './errors.ts'

/** AMQP 0-9-1's reply codes and names (section 1.2 of its reference), by which RabbitMQ's HTTP API and logs name refusals, too. */
export const REPLY_CODES = {
  notFound: { code: 404, name: 'NOT_FOUND' },
  accessRefused: { code: 403, name: 'ACCESS_REFUSED' },
  preconditionFailed: { code: 406, name: 'PRECONDITION_FAILED' },
  resourceLocked: { code: 405, name: 'RESOURCE_LOCKED' },
  notAllowed: { code: 530, name: 'NOT_ALLOWED' },
  notImplemented: { code: 540, name: 'NOT_IMPLEMENTED' },
  resourceError: { code: 506, name: 'RESOURCE_ERROR' },
  internalError: { code: 541, name: 'INTERNAL_ERROR' },
} as const satisfies Record<BrokerErrorKind, { readonly code: number; readonly name: string }>
