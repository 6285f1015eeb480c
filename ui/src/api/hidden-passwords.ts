/*
 * Addresses of other brokers have passwords in them, which administrators get from the API. What the console keeps and shows has `***`
 * in their place; the broker takes that for "as it was" where the rest of the address is as it was.
 */

export const HIDDEN = '***'

/** An address with a user and a password: what comes before the password, the password, what comes after it. */
export const WITH_PASSWORD = /^([a-z][a-z0-9+.-]*:\/\/[^/?#@:]*):([^/?#@]*)(@.*)$/is
/** In an address's query: of the key file for TLS. */
const KEY_PASSWORD = /(?<=^[a-z][a-z0-9+.-]*:\/\/.*[?&]password=)[^&#]*/gi

/** The same value with `***` for every password of an address in it. */
export function hidePasswords(value: unknown): unknown {
  if (typeof value === 'string') return value.replace(WITH_PASSWORD, `$1:${HIDDEN}$3`).replace(KEY_PASSWORD, HIDDEN)
  if (Array.isArray(value)) return value.map(hidePasswords)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, hidePasswords(item)]))
}
