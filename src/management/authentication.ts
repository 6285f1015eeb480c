import type { CookieSerializeOptions } from '@fastify/cookie'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { isIP } from 'node:net'
import type { Identity } from '../core/identity.ts'
import type { Caller } from './access.ts'
import { hasTag } from './access.ts'
import { ApiError, LOGIN_REFUSED, loginRefused, notAuthorized } from './api-error.ts'
import { LoginAttempts } from './login-attempts.ts'
import type { ManagementHost } from './management-host.ts'
import { isCsrfToken, SignIns } from './sign-ins.ts'

export const SIGN_IN_COOKIE = 'warren_session'
const CSRF_HEADER = 'x-csrf-token'
const CHALLENGE_HEADER = 'www-authenticate'
const CHALLENGE = 'Basic realm="RabbitMQ Management"'

/** Requests that change nothing: a page of another site may cause them, and learns nothing from it. */
const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

/** By these events, all sign-ins of a user end. */
const SIGN_INS_END = ['user.deleted', 'user.password.changed', 'user.password.cleared']

/** Finds out who sends a request: by Basic or Bearer authentication, or by the console's cookie. */
export class Authentication {
  readonly signIns: SignIns
  readonly #host: ManagementHost
  readonly #attempts: LoginAttempts

  constructor(host: ManagementHost) {
    const { clock, events } = host.broker
    this.#host = host
    this.signIns = new SignIns(clock, host.http.signInTimeoutMs)
    this.#attempts = new LoginAttempts(clock)
    events.listen(({ facts }) => this.signIns.endAllOf(facts['name'] as string), SIGN_INS_END)
  }

  /** Checks every request of these routes. */
  guard(app: FastifyInstance): void {
    app.decorateRequest('caller', null)
    app.addHook('onRequest', async (request, reply) => {
      if (request.routeOptions.config.open === true || request.method === 'OPTIONS') return
      const authorization = request.headers.authorization ?? authorizationOf(request)
      if (authorization === undefined && request.cookies[SIGN_IN_COOKIE] === undefined) {
        // RabbitMQ has no body here, and browsers and tools take the header; but a page of the console whose cookie went with a
        // sign-out in another tab has a sign-in of its own, and hangs while the browser asks for a password
        if (request.headers[CSRF_HEADER] === undefined) reply.header(CHALLENGE_HEADER, CHALLENGE)
        return reply.code(401).send()
      }
      request.caller =
        authorization === undefined ? this.#byCookie(request) : await this.#byHeader(request, reply, authorization)
      return undefined
    })
  }

  #byCookie(request: FastifyRequest): Caller {
    const signIn = this.signIns.find(request.cookies[SIGN_IN_COOKIE]!)
    if (signIn === null) throw loginRefused('the sign-in has ended: sign in again')
    if (!SAFE_METHODS.has(request.method) && !isCsrfToken(signIn, request.headers[CSRF_HEADER])) {
      throw new ApiError(403, 'csrf', `the header ${CSRF_HEADER} with the token of the sign-in is missing`)
    }
    return { user: signIn.user, byCookie: true }
  }

  async #byHeader(request: FastifyRequest, reply: FastifyReply, authorization: string): Promise<Caller> {
    try {
      const credentials = parseAuthorization(authorization)
      if (credentials === null) throw loginRefused()
      return { user: await this.login(request, reply, ...credentials), byCookie: false }
    } catch (error) {
      // browsers take this for a reason to ask for a password, which for the console's own sign-in they must not
      if (error instanceof ApiError && error.error === LOGIN_REFUSED) reply.header(CHALLENGE_HEADER, CHALLENGE)
      throw error
    }
  }

  /** @param name null for a token @throws ApiError 401, or 429 after too many failures */
  async login(request: FastifyRequest, reply: FastifyReply, name: string | null, secret: string): Promise<Identity> {
    const address = addressOf(request)
    const waitMs = this.#attempts.waitMs(address, name)
    if (waitMs > 0) {
      const seconds = Math.ceil(waitMs / 1000)
      reply.header('retry-after', seconds)
      throw new ApiError(
        429,
        'too_many_requests',
        `too many failed logins from this address: try again in ${seconds} s`,
      )
    }
    const { broker, authenticator } = this.#host
    const facts = { loopback: isLoopbackAddress(address), protocol: 'http', address }
    const outcome = await (name === null
      ? authenticator.authenticateToken(secret, facts)
      : authenticator.authenticatePassword(name, secret, facts))
    if (outcome.outcome === 'ok') {
      this.#attempts.succeeded(address, name)
      if (!hasTag(outcome.identity, 'management')) throw notAuthorized('Not management user')
      return outcome.identity
    }
    this.#attempts.failed(address, name)
    broker.limitedLog.warn(`login ${address}`, `HTTP login refused: ${outcome.reason}`, { peer: address })
    // nothing that the caller could mend by another password
    if (outcome.misplaced === true) throw notAuthorized('User can only log in via localhost')
    throw loginRefused()
  }
}

/** What `reply.setCookie` is given for a sign-in. */
export const signInCookie = (
  { raw }: FastifyRequest,
  token: string,
): [name: string, value: string, options: CookieSerializeOptions] => [
  SIGN_IN_COOKIE,
  token,
  { path: '/', httpOnly: true, sameSite: 'strict', secure: 'encrypted' in raw.socket },
]

/** Where a link has to bring the credentials along: RabbitMQ's `?auth=` (as after `Basic`) and `?token=`. */
function authorizationOf({ routeOptions, query }: FastifyRequest): string | undefined {
  if (routeOptions.config.authInQuery !== true) return undefined
  const { auth, token } = query as Record<string, unknown>
  if (typeof auth === 'string') return `Basic ${auth}`
  return typeof token === 'string' ? `Bearer ${token}` : undefined
}

/** Basic, or a token (OAuth 2), which comes with no name. */
function parseAuthorization(header: string): [user: string | null, secret: string] | null {
  const [scheme, value] = header.split(' ', 2)
  if (value === undefined) return null
  if (scheme!.toLowerCase() === 'bearer') return [null, value]
  if (scheme!.toLowerCase() !== 'basic') return null
  const text = Buffer.from(value, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon < 0 ? null : [text.slice(0, colon), text.slice(colon + 1)]
}

const addressOf = (request: FastifyRequest): string => request.ip.replace(/^::ffff:/, '')

const isLoopbackAddress = (address: string): boolean =>
  isIP(address) === 4 ? address.startsWith('127.') : address === '::1'
