import { BrokerError, type BrokerErrorKind } from '../core/errors.ts'
import { ApiError, badRequest } from './api-error.ts'

/** What an AMQP client would get: RabbitMQ answers with it where it speaks AMQP to itself. */
const REPLIES: Readonly<Record<BrokerErrorKind, readonly [code: number, name: string]>> = {
  notFound: [404, 'NOT_FOUND'],
  accessRefused: [403, 'ACCESS_REFUSED'],
  preconditionFailed: [406, 'PRECONDITION_FAILED'],
  resourceLocked: [405, 'RESOURCE_LOCKED'],
  notAllowed: [530, 'NOT_ALLOWED'],
  notImplemented: [540, 'NOT_IMPLEMENTED'],
  resourceError: [506, 'RESOURCE_ERROR'],
  internalError: [541, 'INTERNAL_ERROR'],
}

/** Publishes: RabbitMQ answers any refusal with 400. @throws ApiError 400 */
export async function asPublisher<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    throw error instanceof BrokerError ? badRequest(codeAndText(error)) : error
  }
}

/** Fetches. @throws ApiError */
export async function asConsumer<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    throw error instanceof BrokerError ? whileFetching(error) : error
  }
}

function whileFetching(error: BrokerError): ApiError {
  const { kind, message } = error
  if (kind === 'notFound') return new ApiError(404, 'not_found', `NOT_FOUND - ${message}`)
  if (kind === 'accessRefused') return new ApiError(401, 'not_authorised', `ACCESS_REFUSED - ${message}`)
  return badRequest(codeAndText(error))
}

const codeAndText = ({ kind, message }: BrokerError): string => `${REPLIES[kind].join(' ')} - ${message}`
