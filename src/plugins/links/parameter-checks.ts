import { AmqpUriError, parseAmqpUri, withoutCredentials } from '../../amqp-client/index.ts'
import type { Broker } from '../../core/broker.ts'
import { INTERNAL_ACTOR } from '../../core/events.ts'
import { binary, type Check, isObject } from '../../core/parameter-validation.ts'
import { erlangTerm } from '../../util/erlang-term.ts'

/** An address or a list of addresses. @param mayUse says what is wrong with an address that is sound, or null */
export const uris =
  (mayUse: (uri: string) => string | null = () => null): Check =>
  (name, value) => {
    if (typeof value === 'string') return checkUri(value, mayUse)
    if (!Array.isArray(value) || value.length === 0) return `${name} should be list, actually was ${erlangTerm(value)}`
    const check = (uri: unknown): string | null => (typeof uri === 'string' ? checkUri(uri, mayUse) : binary(name, uri))
    return value.map(check).find((error) => error !== null) ?? null
  }

function checkUri(uri: string, mayUse: (uri: string) => string | null): string | null {
  try {
    parseAmqpUri(uri)
  } catch (error) {
    if (!(error instanceof AmqpUriError)) throw error
    // as RabbitMQ shows it, unless there may be a password in it
    const shown = /[@?]/.test(uri) ? withoutCredentials(uri) : uri
    return `"${shown}" not a valid URI: ${error.message}`
  }
  return mayUse(uri)
}

/**
 * Whoever sets a link to this broker itself, for which no password is asked, has to have access to the virtual host. Nobody is asked at start
 * and by the program that the broker runs in.
 */
export const localAccess =
  (broker: Broker, defaultVhost: string) =>
  (uri: string): string | null => {
    const { host, vhost } = parseAmqpUri(uri, defaultVhost)
    const { actor } = broker.events
    if (host !== null || actor === INTERNAL_ACTOR) return null
    if (broker.vhosts.has(vhost) && broker.permissions.hasAccess(actor, vhost)) return null
    return `user "${actor}" may not connect to vhost "${vhost}"`
  }

/** Arguments of queues and consumers. */
export const argumentsObject: Check = (name, value) =>
  isObject(value) || (Array.isArray(value) && value.length === 0) ? null : `${name} not a list ${erlangTerm(value)}`
