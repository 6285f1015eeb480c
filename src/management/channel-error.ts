import { BrokerError, type BrokerErrorKind } from '../core/errors.ts'
import { badRequest } from './api-error.ts'

/** How RabbitMQ answers where it speaks AMQP to itself: with the code and the name that an AMQP client would get. */
const REPLIES: Partial<Readonly<Record<BrokerErrorKind, string>>> = {
  preconditionFailed: '406 PRECONDITION_FAILED',
  resourceLocked: '405 RESOURCE_LOCKED',
  notAllowed: '530 NOT_ALLOWED',
  notImplemented: '540 NOT_IMPLEMENTED',
  resourceError: '506 RESOURCE_ERROR',
}

/** Does something that publishes or fetches. @throws ApiError, BrokerError */
export async function asChannel<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    const reply = error instanceof BrokerError ? REPLIES[error.kind] : undefined
    if (reply === undefined) throw error
    throw badRequest(`${reply} - ${(error as BrokerError).message}`)
  }
}
