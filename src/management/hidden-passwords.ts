import type { FastifyRequest } from 'fastify'
import { hasTag } from './access.ts'
import { badRequest } from './api-error.ts'

/*
 * Parameters of shovels and federation have addresses with passwords in them. Administrators can have them, since they can export all
 * definitions; policymakers are shown `***`.
 */

const HIDDEN = '***'
/** An address with a user and a password, up to the password's end. */
const WITH_PASSWORD = /^([a-z][a-z0-9+.-]*:\/\/[^/?#@:]*:)([^/?#@]*)@/i

/** The value of a parameter as the caller may see it. */
export function shownTo(request: FastifyRequest, value: unknown): unknown {
  return hasTag(request.caller!.user, 'administrator') ? value : hide(value)
}

function hide(value: unknown): unknown {
  if (typeof value === 'string') return value.replace(WITH_PASSWORD, `$1${HIDDEN}@`)
  if (Array.isArray(value)) return value.map(hide)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, hide(item)]))
}

/** Who sets what was shown would lose the password. @throws ApiError 400 */
export function refuseHidden(value: unknown): void {
  if (typeof value === 'string' && WITH_PASSWORD.exec(value)?.[2] === HIDDEN) {
    throw badRequest(`the password of ${value} was hidden: put it in its place`)
  }
  if (typeof value !== 'object' || value === null) return
  for (const item of Object.values(value)) refuseHidden(item)
}
