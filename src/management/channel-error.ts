import { BrokerError } from '../core/errors.ts'
import { REPLY_CODES } from '../core/reply-codes.ts'
import { ApiError, badRequest } from './api-error.ts'

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

/** What an AMQP client would get: RabbitMQ answers with it where it speaks AMQP to itself. */
function codeAndText({ kind, message }: BrokerError): string {
  const { code, name } = REPLY_CODES[kind]
  return `${code} ${name} - ${message}`
}
