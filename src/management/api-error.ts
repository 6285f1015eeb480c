import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import type { Log } from '../telemetry/log.ts'
import { BrokerError, type BrokerErrorKind } from '../core/errors.ts'
import { CredentialRefusedError } from '../core/users.ts'

/** An answer other than success, in RabbitMQ's form: `{"error": ..., "reason": ...}`. */
export class ApiError extends Error {
  readonly status: number
  readonly error: string
  /** Mostly text; RabbitMQ answers some mistakes with lists. */
  readonly reason: unknown

  constructor(status: number, error: string, reason: unknown) {
    super(typeof reason === 'string' ? reason : JSON.stringify(reason))
    this.name = 'ApiError'
    this.status = status
    this.error = error
    this.reason = reason
  }
}

export const badRequest = (reason: unknown): ApiError => new ApiError(400, 'bad_request', reason)
export const objectNotFound = (): ApiError => new ApiError(404, 'Object Not Found', 'Not Found')
/** How RabbitMQ answers who writes to a vhost that there is not. */
export const vhostNotFound = (): ApiError => new ApiError(404, 'not_found', 'vhost_not_found')
/** How RabbitMQ answers who publishes to a vhost, or fetches from it, and may not enter it, or there is none. */
export const accessRefusedAnyhow = (): ApiError => notAuthorized('Access refused.')
/** Who it is is known, and may not do this. (RabbitMQ spells the two kinds of 401 differently.) */
export const notAuthorized = (reason: string): ApiError => new ApiError(401, 'not_authorised', reason)
export const LOGIN_REFUSED = 'not_authorized'
/** Who it is is not known. */
export const loginRefused = (reason = 'Login failed'): ApiError => new ApiError(401, LOGIN_REFUSED, reason)

/** What the broker refuses is the client's mistake; RabbitMQ answers nearly all of it with 400. */
const STATUS: Readonly<Record<BrokerErrorKind, readonly [status: number, error: string]>> = {
  notFound: [404, 'not_found'],
  accessRefused: [401, 'not_authorised'],
  preconditionFailed: [400, 'bad_request'],
  resourceLocked: [400, 'bad_request'],
  notAllowed: [400, 'bad_request'],
  notImplemented: [400, 'bad_request'],
  resourceError: [400, 'bad_request'],
  internalError: [500, 'internal_server_error'],
}

const TOO_LARGE: ReadonlySet<string> = new Set(['FST_ERR_CTP_BODY_TOO_LARGE', 'FST_REQ_FILE_TOO_LARGE'])

/** Answers whatever a route throws. Our own mistakes are logged, and tell the client nothing. */
export function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply, log: Log): FastifyReply {
  if (error instanceof ApiError) return send(reply, error.status, error.error, error.reason)
  if (error instanceof CredentialRefusedError) {
    // RabbitMQ's reason does not say what is wrong with the password
    const body = { error: 'bad_request', reason: 'credential_validation_failed', detail: error.message }
    return reply.code(400).type('application/json').send(body)
  }
  if (error instanceof BrokerError) return send(reply, ...STATUS[error.kind], error.message)
  const { statusCode, code, message, validation } = error as FastifyError
  if (TOO_LARGE.has(code)) return send(reply, 413, 'bad_request', 'Exceeded HTTP request body size limit')
  if (statusCode !== undefined && statusCode < 500)
    return send(reply, statusCode, 'bad_request', message + allowedText(validation))
  // not the address itself: there are secrets in some
  const { url: route, config } = request.routeOptions
  const plugin = config.plugin === undefined ? {} : { plugin: config.plugin }
  log.error('the HTTP API failed to answer', { ...plugin, route, err: error })
  return send(reply, 500, 'internal_server_error', 'an internal error, see the log of the broker')
}

/** What may stand where something else stood: the message of the schema does not say. */
function allowedText(validation: FastifyError['validation']): string {
  const allowed = validation?.[0]?.params['allowedValues']
  return Array.isArray(allowed) ? `: ${allowed.map((value) => JSON.stringify(value)).join(', ')}` : ''
}

export function send(reply: FastifyReply, status: number, error: string, reason: unknown): FastifyReply {
  return reply.code(status).type('application/json').send({ error, reason })
}
