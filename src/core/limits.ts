import { erlangBinary } from '../util/erlang-term.ts'
import type { Pattern } from '../util/pcre.ts'
import { integer, optional, refuseInvalid, validateObject } from './parameter-validation.ts'
import type { ParameterComponent } from './parameters.ts'

/** A limit of 0 allows nothing at all; -1 is no limit (any negative number is, where it comes in). */
export interface VhostLimits {
  readonly maxConnections: number
  readonly maxQueues: number
}

/** Limits that the configuration gives to virtual hosts by name when they are created. */
export interface DefaultVhostLimits extends VhostLimits {
  readonly pattern: Pattern
}

export const NO_VHOST_LIMITS: VhostLimits = { maxConnections: -1, maxQueues: -1 }

const VHOST_KEYS = { 'max-connections': optional(integer), 'max-queues': optional(integer) }
const USER_KEYS = { 'max-connections': optional(integer), 'max-channels': optional(integer) }

/**
 * @param value JSON such as `{ "max-queues": 10 }`
 * @throws BrokerError preconditionFailed
 */
export function parseVhostLimits(value: unknown): VhostLimits {
  refuseInvalid(validateObject('limits', VHOST_KEYS, value))
  const given = value as Record<string, number>
  return { maxConnections: limitOf(given['max-connections']), maxQueues: limitOf(given['max-queues']) }
}

/** What is wrong with limits of a user that came as JSON, in RabbitMQ's words; nothing when they are fine. */
export const validateUserLimits = (value: unknown): readonly string[] => validateObject('user-limits', USER_KEYS, value)

const limitOf = (value: number | undefined): number => (value === undefined || value < 0 ? -1 : value)

/** Whether `count` leaves no room for one more. */
export const isReached = (limit: number, count: number): boolean => limit >= 0 && count >= limit

/** What the first rule that matches gives to a new virtual host. */
export const defaultVhostLimits = (rules: readonly DefaultVhostLimits[], vhost: string): VhostLimits =>
  rules.find((rule) => rule.pattern.test(vhost)) ?? NO_VHOST_LIMITS

/** The limits of virtual hosts are runtime parameters, all of a host's in one that is named `limits`. */
export const vhostLimitsComponent: ParameterComponent = {
  name: 'vhost-limits',
  validate: (name, value) =>
    name === 'limits' ? validateObject(name, VHOST_KEYS, value) : [`name not recognised: ${erlangBinary(name)}`],
}
