import type { Broker } from '../../core/broker.ts'
import {
  binary,
  boolean,
  type Constraint,
  mandatory,
  number,
  oneOf,
  optional,
  validateObject,
} from '../../core/parameter-validation.ts'
import type { ParameterComponent } from '../../core/parameters.ts'
import { erlangTerm } from '../../util/erlang-term.ts'
import { localAccess, uris } from '../links/parameter-checks.ts'
import { UPSTREAM, UPSTREAM_SET } from './upstream.ts'

const SHARED: Readonly<Record<string, Constraint>> = {
  exchange: optional(binary),
  queue: optional(binary),
  'queue-type': optional(oneOf('classic', 'quorum')),
  'consumer-tag': optional(binary),
  'prefetch-count': optional(number),
  'reconnect-delay': optional(number),
  'max-hops': optional(number),
  expires: optional(number),
  'message-ttl': optional(number),
  'trust-user-id': optional(boolean),
  'ack-mode': optional(oneOf('no-ack', 'on-publish', 'on-confirm')),
  'resource-cleanup-mode': optional(oneOf('default', 'never')),
  'ha-policy': optional(binary),
  'bind-nowait': optional(boolean),
  'channel-use-mode': optional(oneOf('multiple', 'single')),
}

/** Checks upstreams and sets of them as RabbitMQ does, with its texts. */
export function federationComponents(broker: Broker): readonly ParameterComponent[] {
  return [
    {
      name: UPSTREAM,
      validate: (name, value, vhost) =>
        validateObject(name, { uri: mandatory(uris(localAccess(broker, vhost))), ...SHARED }, value),
    },
    {
      name: UPSTREAM_SET,
      validate: (name, value, vhost) => {
        if (!Array.isArray(value)) return [`${name} should be list, actually was ${erlangTerm(value)}`]
        const keys = { upstream: mandatory(binary), uri: optional(uris(localAccess(broker, vhost))), ...SHARED }
        return value.flatMap((upstream) => validateObject(name, keys, upstream))
      },
    },
  ]
}
