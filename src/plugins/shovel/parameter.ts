import type { Broker } from '../../core/broker.ts'
import { INTERNAL_ACTOR } from '../../core/events.ts'
import {
  anything,
  binary,
  boolean,
  type Check,
  type Constraint,
  isObject,
  mandatory,
  number,
  oneOf,
  optional,
  validateObject,
} from '../../core/parameter-validation.ts'
import type { ParameterComponent } from '../../core/parameters.ts'
import { erlangTerm } from '../../util/erlang-term.ts'
import { argumentsObject, localAccess, uris } from '../links/parameter-checks.ts'

type Ends = 'src' | 'dest'
type Constraints = Readonly<Record<string, Constraint>>

/** RabbitMQ's for addresses that name none: not the shovel's own. */
export const DEFAULT_VHOST = '/'

const deleteAfter: Check = (name, value) => {
  if (value === 'never' || value === 'queue-length') return null
  if (Number.isSafeInteger(value) && (value as number) >= 0) return null
  const expected = 'a number greater than or equal to 0, "never" or "queue-length"'
  return `${name} should be ${expected}, actually was ${erlangTerm(value)}`
}

const PROPERTY_KEYS: Constraints = {
  content_type: optional(binary),
  content_encoding: optional(binary),
  delivery_mode: optional(number),
  priority: optional(number),
  correlation_id: optional(binary),
  reply_to: optional(binary),
  expiration: optional(binary),
  message_id: optional(binary),
  timestamp: optional(number),
  type: optional(binary),
  user_id: optional(binary),
  app_id: optional(binary),
  cluster_id: optional(binary),
}

const publishProperties: Check = (name, value) => {
  if (Array.isArray(value) && value.length === 0) return null
  const errors = [...validateObject(name, PROPERTY_KEYS, value), ...unfitNumbers(value)]
  return errors.length === 0 ? null : errors.join('\n')
}

/** What RabbitMQ lets pass and then fails on for each message. */
function unfitNumbers(value: unknown): string[] {
  if (!isObject(value)) return []
  const most = { delivery_mode: 255, priority: 255, timestamp: Number.MAX_SAFE_INTEGER }
  return Object.entries(most).flatMap(([key, max]) => {
    const given = value[key]
    if (typeof given !== 'number' || (Number.isInteger(given) && given >= 0 && given <= max)) return []
    return [`${key} should be a whole number from 0 to ${max}, actually was ${given}`]
  })
}

const protocol =
  (actor: () => string): Check =>
  (name, value) => {
    const error = oneOf('amqp10', 'amqp091', 'local')(name, value)
    // one that comes from a file at start is kept: the shovel itself says what is wrong with it
    if (error !== null || value !== 'amqp10' || actor() === INTERNAL_ACTOR) return error
    return unsupported(name)
  }

const unsupported = (name: string): string =>
  `${name} amqp10 is not supported: shovels speak amqp091, or local for this broker itself`

const GENERAL = (actor: () => string): Constraints => ({
  // who set them in RabbitMQ's place, as its own tools do; they change nothing
  internal: optional(boolean),
  internal_owner: optional(anything),
  'reconnect-delay': optional(number),
  'ack-mode': optional(oneOf('no-ack', 'on-publish', 'on-confirm')),
  'src-protocol': optional(protocol(actor)),
  'dest-protocol': optional(protocol(actor)),
})

const SOURCE: Constraints = {
  'src-exchange': optional(binary),
  'src-exchange-key': optional(binary),
  'src-queue': optional(binary),
  'src-queue-args': optional(argumentsObject),
  'src-consumer-args': optional(argumentsObject),
  'src-predeclared': optional(boolean),
  'prefetch-count': optional(number),
  'src-prefetch-count': optional(number),
  'delete-after': optional(deleteAfter),
  'src-delete-after': optional(deleteAfter),
}

const AMQP10_SOURCE: Constraints = {
  'src-address': mandatory(binary),
  'src-prefetch-count': optional(number),
  'src-delete-after': optional(deleteAfter),
}

const DESTINATION: Constraints = {
  'dest-exchange': optional(binary),
  'dest-exchange-key': optional(binary),
  'dest-queue': optional(binary),
  'dest-queue-args': optional(argumentsObject),
  'dest-predeclared': optional(boolean),
  'add-forward-headers': optional(boolean),
  'add-timestamp-header': optional(boolean),
  'dest-add-forward-headers': optional(boolean),
  'dest-add-timestamp-header': optional(boolean),
  'publish-properties': optional(publishProperties),
  'dest-publish-properties': optional(publishProperties),
}

const AMQP10_DESTINATION: Constraints = {
  'dest-address': mandatory(binary),
  'dest-add-forward-headers': optional(boolean),
  'dest-add-timestamp-header': optional(boolean),
  'dest-application-properties': optional(argumentsObject),
  'dest-message-annotations': optional(argumentsObject),
  'dest-properties': optional(argumentsObject),
}

/** Checks dynamic shovels as RabbitMQ does, with its texts. */
export function shovelComponent(broker: Broker): ParameterComponent {
  const general = GENERAL(() => broker.events.actor)
  const access = localAccess(broker, DEFAULT_VHOST)
  return {
    name: 'shovel',
    validate: (name, value) => {
      const given = isObject(value) ? value : {}
      const uri = (end: Ends): Constraint =>
        given[`${end}-protocol`] === 'local' ? optional(uris(access)) : mandatory(uris(access))
      const constraints = {
        ...general,
        'src-uri': uri('src'),
        ...(given['src-protocol'] === 'amqp10' ? AMQP10_SOURCE : SOURCE),
        'dest-uri': uri('dest'),
        ...(given['dest-protocol'] === 'amqp10' ? AMQP10_DESTINATION : DESTINATION),
      }
      return [...checkEnds(given), ...validateObject(name, constraints, value)]
    },
  }
}

/** Why a shovel whose parameter was kept cannot run, or null. */
export function shovelProblem(
  component: ParameterComponent,
  vhost: string,
  name: string,
  value: unknown,
): string | null {
  const errors = component.validate(name, value, vhost)
  if (errors.length > 0) return errors.join('; ')
  const protocols = ['src-protocol', 'dest-protocol']
  const foreign = protocols.find((key) => (value as Record<string, unknown>)[key] === 'amqp10')
  return foreign === undefined ? null : unsupported(foreign)
}

/** Exchange and queue are two ways to name the same end: one of them, and at the source not none. */
function checkEnds(value: Record<string, unknown>): string[] {
  const errors: string[] = []
  const has = (key: string): boolean => Object.hasOwn(value, key)
  if (value['src-protocol'] !== 'amqp10') {
    if (has('src-exchange') && has('src-queue')) errors.push("Cannot specify 'src-exchange' and 'src-queue'")
    if (!has('src-exchange') && !has('src-queue')) errors.push("Must specify 'src-exchange' or 'src-queue'")
    if (value['ack-mode'] === 'no-ack' && typeof (value['src-delete-after'] ?? value['delete-after']) === 'number') {
      errors.push("Cannot specify 'no-ack' and numerical 'delete-after'")
    }
  }
  if (value['dest-protocol'] !== 'amqp10' && has('dest-exchange') && has('dest-queue')) {
    errors.push("Cannot specify 'dest-exchange' and 'dest-queue'")
  }
  return errors
}
