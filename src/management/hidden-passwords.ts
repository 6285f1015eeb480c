import type { FastifyRequest } from 'fastify'
import { hasTag } from './access.ts'
import { badRequest } from './api-error.ts'

/*
 * Parameters of shovels and federation have addresses with passwords in them. Administrators can have them, since they can export all
 * definitions; policymakers are shown `***`. Who sends that back for an address that is otherwise as it was keeps the password. For another
 * address it has to be given anew: else whoever may set parameters could send the password wherever they like.
 */

const HIDDEN = '***'
/** An address with a user and a password, up to the password's end. */
const WITH_PASSWORD = /^([a-z][a-z0-9+.-]*:\/\/[^/?#@:]*:)([^/?#@]*)@/i
/** In an address's query: of the key file for TLS. */
const KEY_PASSWORD = /(?<=^[a-z][a-z0-9+.-]*:\/\/.*[?&]password=)[^&#]*/gi

/** The value of a parameter as the caller may see it. */
export function shownTo(request: FastifyRequest, value: unknown): unknown {
  return hasTag(request.caller!.user, 'administrator') ? value : mapTexts(value, hide)
}

const hide = (text: string): string => text.replace(WITH_PASSWORD, `$1${HIDDEN}@`).replace(KEY_PASSWORD, HIDDEN)

const isHidden = (text: string): boolean =>
  WITH_PASSWORD.exec(text)?.[2] === HIDDEN || text.match(KEY_PASSWORD)?.includes(HIDDEN) === true

/**
 * What was sent, with the passwords that were hidden in it.
 * @param current the value as it is; undefined where there is none
 * @throws ApiError 400 for a hidden password of which it is not known what it was
 */
export function withHidden(sent: unknown, current: unknown): unknown {
  const known = new Map<string, string | null>()
  mapTexts(current, (text) => {
    const key = hide(text)
    // two passwords for the same address: there is no telling which one is meant
    known.set(key, known.has(key) && known.get(key) !== text ? null : text)
    return text
  })
  return mapTexts(sent, (text) => {
    if (!isHidden(text)) return text
    const found = known.get(text) ?? null
    if (found === null) throw badRequest(`the password of ${hide(text)} was hidden: put it in its place`)
    return found
  })
}

function mapTexts(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value)
  if (Array.isArray(value)) return value.map((item) => mapTexts(item, change))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapTexts(item, change)]))
}
