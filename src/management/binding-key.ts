import { createHash } from 'node:crypto'
import type { Table } from '../core/fields.ts'
import { canonicalTable } from '../core/typed-json.ts'

/*
 * How the HTTP API names a binding among those of the same two ends (`properties_key`), as RabbitMQ does:
 *
 *     ~             neither a routing key nor arguments
 *     key           the routing key, percent-encoded, `+` for a space
 *     key~hash      the same, `~` where it is empty, and a hash of the arguments
 */

const HASH_BYTES = 9

export function bindingKey(key: string, args: Table): string {
  if (args.size === 0) return key === '' ? '~' : quote(key)
  return `${quote(key)}~${hashOf(args)}`
}

/** A hash of which the address has to be right, nothing else: RabbitMQ's own is one of Erlang's memory. */
const hashOf = (args: Table): string =>
  createHash('sha256').update(canonicalTable(args)).digest().subarray(0, HASH_BYTES).toString('base64url')

/** @param given the last part of a binding's address, decoded once, as addresses are */
export function isBindingKey(given: string, key: string, args: Table): boolean {
  const [keyPart, hash, ...rest] = given === '~' ? [''] : given.split('~')
  if (rest.length > 0 || hash !== (args.size === 0 ? undefined : hashOf(args))) return false
  return unquote(keyPart!) === key
}

const quote = (text: string): string =>
  encodeURIComponent(text)
    .replace(/[~!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+')

/** What is not escaped as it should be stands for itself. */
function unquote(text: string): string {
  const spaced = text.replaceAll('+', ' ')
  try {
    return decodeURIComponent(spaced)
  } catch {
    return spaced
  }
}
