import { randomBytes } from 'node:crypto'
import type { ClientConnection } from './client-connection.ts'
import { accessRefused, describeResource, preconditionFailed, resourceLocked } from './errors.ts'
import type { Queue } from './queues/queue.ts'

/** RabbitMQ takes line ends out of the names of queues and exchanges. */
export const cleanName = (name: string): string => (/[\r\n]/.test(name) ? name.replaceAll(/[\r\n]/g, '') : name)

/** RabbitMQ reserves these names for itself. @throws BrokerError accessRefused */
export function refuseReservedName(kind: 'queue' | 'exchange', name: string): void {
  if (name.startsWith('amq.')) throw accessRefused(`${kind} name '${name}' contains reserved prefix 'amq.*'`)
}

/**
 * An exclusive queue is its owner's alone. With `exclusive` given (a declaration), it must say the same as the first one did.
 * @throws BrokerError resourceLocked
 */
export function requireOwn(queue: Queue, connection: ClientConnection, vhost: string, exclusive?: boolean): void {
  const { owner } = queue
  if (owner === null ? exclusive !== true : owner === connection && exclusive !== false) return
  throw resourceLocked(
    `cannot obtain exclusive access to locked ${describeResource('queue', queue.name, vhost)}. It could be originally ` +
      'declared on another connection or the exclusive property value does not match that of the original declaration.',
  )
}

/** @throws BrokerError preconditionFailed when a property differs from the one declared first */
export function requireSame(
  kind: 'queue' | 'exchange',
  name: string,
  vhost: string,
  property: string,
  current: unknown,
  received: unknown,
): void {
  if (current === received) return
  throw preconditionFailed(
    `inequivalent arg '${property}' for ${describeResource(kind, name, vhost)}: ` +
      `received '${String(received)}' but current is '${String(current)}'`,
  )
}

/** @throws BrokerError accessRefused */
export function refuseDefaultExchange(name: string): void {
  if (name === '') throw accessRefused('operation not permitted on the default exchange')
}

/** A name of the broker's own: the prefix and 128 random bits. */
export const serverName = (prefix: string): string => prefix + randomBytes(16).toString('base64url')
